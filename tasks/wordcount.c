/* wordcount.c -- how often does each word occur in the text files below some folders?
 *
 * WordCount lists the files, yields a CountWords for each shard of files and a tree of MergeCounts over them, and
 * TopWords at its top. The words are those of `LC_ALL=C tr -cs 'A-Za-z' '\n' | tr A-Z a-z`. */
#include "tasks.h"
#include "words.h"
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SHARD_BYTES = 192 * 1024, /* so that an ordinary folder gives hundreds of shards */
    FAN_IN = 8,               /* of one merge */
    BINARY_BYTES = 8192,      /* a NUL among the first so many bytes: not text */
    FILE_BYTES_MAX = 1 << 30,
    FILES_MAX = 2000000,
    TOP = 20
};

/* ---- one shard ---- */

static char *read_file(jp_ctx *p, const char *path, size_t *size, const char **why)
{
    FILE *file = fopen(path, "rb");
    char *data = NULL;
    long length = -1;

    if (file && fseek(file, 0, SEEK_END) == 0)
        length = ftell(file);
    if (length > FILE_BYTES_MAX) {
        errno = EFBIG;
        length = -1;
    }
    if (length >= 0) {
        data = jp_alloc(p, (size_t)length + 1);
        rewind(file);
        *size = fread(data, 1, (size_t)length, file);
        if (ferror(file))
            data = NULL;
    }
    if (!data)
        *why = jp_format(p, "%s", strerror(errno));
    if (file)
        fclose(file);
    return data;
}

/* Files that cannot be read - one may vanish between listing and reading - are named under `skipped`, with the reason.
 */
JP_PIPE(CountWords, p, .takes = "list files", .gives = "doc")
{
    words all = words_new(p);
    jp_list *skipped = jp_list_new(p);
    int64_t files = 0;

    jp_each (p, file, jp_arg(p, "files")) {
        const char *why = "a binary file";
        size_t size = 0;
        char *text = read_file(p, file.as.str, &size, &why);
        if (text && !memchr(text, '\0', size < BINARY_BYTES ? size : BINARY_BYTES)) {
            words_add_text(&all, text, size);
            files++;
        } else {
            jp_push(skipped, jp_object(p, "file", file, "why", why));
        }
    }
    return jp_return(p, jp_object(p, "files", files, "skipped", skipped, "counts", words_document(&all)));
}

/* ---- merging ---- */

JP_PIPE(MergeCounts, p, .takes = "doc... parts", .gives = "doc")
{
    words all = words_new(p);
    jp_list *skipped = jp_list_new(p);
    int64_t files = 0;

    for (size_t i = 0; i < jp_count(p, "parts"); i++) {
        jp_value part = jp_arg_at(p, "parts", i);
        files += jp_get_int64(p, part, "files");
        jp_each (p, one, jp_get(p, part, "skipped"))
            jp_push(skipped, one);
        words_add_counts(&all, jp_get(p, part, "counts"));
    }
    return jp_return(p, jp_object(p, "files", files, "skipped", skipped, "counts", words_document(&all)));
}

/* All counts as lines "word<TAB>count", by word. Written beside and renamed, so that a repeated attempt does no harm.
 */
static const char *write_counts(jp_ctx *p, words *all, const char *path)
{
    const char *draft = jp_format(p, "%s.%ld", path, (long)getpid());
    FILE *file = fopen(draft, "w");
    word *sorted = words_sorted(all);
    bool good = file != NULL;

    for (size_t i = 0; i < all->count && good; i++)
        good = fprintf(file, "%s\t%lld\n", sorted[i].text, (long long)sorted[i].count) > 0;
    if (file && fclose(file) != 0)
        good = false;
    if (good && rename(draft, path) == 0)
        return NULL;
    const char *why = strerror(errno);
    unlink(draft);
    return jp_format(p, "the counts cannot be written to %s: %s; give a path in a folder that the worker may write to",
                     path, why);
}

/* The totals and the most frequent words; all counts go to the file `output` where one is named. */
JP_PIPE(TopWords, p, .takes = "doc merged, string? output", .gives = "doc")
{
    jp_value merged = jp_arg(p, "merged");
    words all = words_new(p);
    jp_list *top = jp_list_new(p);

    words_add_counts(&all, jp_get(p, merged, "counts"));
    word *frequent = words_by_count(&all);
    for (size_t i = 0; i < all.count && i < TOP; i++)
        jp_push(top, jp_object(p, "word", frequent[i].text, "count", frequent[i].count));
    if (jp_given(p, "output")) {
        const char *trouble = write_counts(p, &all, jp_string(p, "output"));
        if (trouble)
            return jp_abort(p, "%s", trouble);
    }
    return jp_return(p, jp_object(p, "files", jp_get(p, merged, "files"), "words", all.total, "distinct",
                                  (int64_t)all.count, "top", top, "skipped", jp_get(p, merged, "skipped")));
}

/* ---- the generator ---- */

typedef struct shards {
    jp_list *files; /* of the shard that is being gathered */
    int64_t bytes, count, limit, listed;
    jp_future *counted; /* of all shards */
    size_t counted_count, room;
} shards;

static void close_shard(jp_ctx *p, shards *s)
{
    if (s->count) {
        if (s->counted_count == s->room) {
            jp_future *more = jp_alloc(p, (2 * s->room + 64) * sizeof *more);
            if (s->room)
                memcpy(more, s->counted, s->room * sizeof *more);
            s->counted = more;
            s->room = 2 * s->room + 64;
        }
        s->counted[s->counted_count++] = jp_yield(p, CountWords, s->files);
    }
    s->files = jp_list_new(p);
    s->bytes = s->count = 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Regular files, by name, symbolic links not followed. NULL, or what is wrong. */
static const char *list_folder(jp_ctx *p, const char *folder, shards *s)
{
    char *const paths[] = {(char *)folder, NULL};
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    const char *wrong = NULL;
    FTSENT *entry;

    while (tree && !wrong && (entry = fts_read(tree)) != NULL) {
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR ||
            (entry->fts_info == FTS_NS && entry->fts_level == 0)) {
            wrong = jp_format(p, "%s cannot be read: %s; name a folder that exists and that the worker may read",
                              entry->fts_path, strerror(entry->fts_errno));
        } else if (entry->fts_info == FTS_F) {
            if (s->count && s->bytes + entry->fts_statp->st_size > s->limit)
                close_shard(p, s);
            jp_push(s->files, (const char *)jp_format(p, "%s", entry->fts_path));
            s->bytes += entry->fts_statp->st_size;
            s->count++;
            if (++s->listed > FILES_MAX)
                wrong = jp_format(p, "%s and the folders before it hold more than %d files; count them in parts",
                                  folder, FILES_MAX);
        }
    }
    if (tree)
        fts_close(tree);
    else
        wrong = jp_format(p, "%s cannot be read: %s", folder, strerror(errno));
    return wrong;
}

JP_PIPE(WordCount, p, .takes = "list folders, string? output, int64? shard_bytes", .gives = "doc")
{
    shards s = {.limit = jp_given(p, "shard_bytes") ? jp_int64(p, "shard_bytes") : SHARD_BYTES};
    size_t count;

    s.files = jp_list_new(p);
    jp_each (p, folder, jp_arg(p, "folders")) {
        const char *wrong = folder.type == JP_STRING ? list_folder(p, folder.as.str, &s)
                                                     : "folders is a list of strings: [[\"/usr/share/doc\"]]";
        if (wrong)
            return jp_abort(p, "%s", wrong);
    }
    close_shard(p, &s);

    /* A tree of merges over the shards, level by level; of nothing, one empty merge. */
    if (s.counted_count == 0)
        return jp_return(p, jp_yield(p, TopWords, jp_yield(p, MergeCounts), jp_arg(p, "output")));
    for (count = s.counted_count; count > 1;) {
        size_t next = 0;
        for (size_t i = 0; i < count; i += FAN_IN) {
            jp_list *parts = jp_list_new(p);
            for (size_t k = i; k < count && k < i + FAN_IN; k++)
                jp_push(parts, s.counted[k]);
            s.counted[next++] = jp_yield_list(p, MergeCounts, parts);
        }
        count = next;
    }
    return jp_return(p, jp_yield(p, TopWords, s.counted[0], jp_arg(p, "output")));
}
