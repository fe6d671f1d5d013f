/* wordcount.c -- how often does each word occur in the text files below some folders?
 *
 *     WordCount -> CountWords for each shard of files -> MergeCounts by eights, as a tree -> TopWords
 *
 * The counts of a shard and of all that was merged are one document: {"files", "skipped_files", "skipped", "counts"}.
 */
#include "files.h"
#include "tasks.h"
#include "wordcount_list.h"
#include "words.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    SHARD_BYTES = 192 * 1024,  /* the default: hundreds of shards on an ordinary machine */
    FAN_IN = 8,                /* of a merge */
    BINARY_BYTES = 8192,       /* a file with a NUL byte among its first bytes is not text */
    CHUNK_BYTES = 1024 * 1024, /* read at once; a file with a longer word is skipped */
    SKIPPED_MAX = 256,         /* skipped files that are named; all are counted */
    SKIPPED_BINARY_MAX = 128,  /* of them binary, so that these do not hide unreadable ones */
    TOP = 20
};

static const char *const binary_file = "it is a binary file";

/* ---- what was skipped ---- */

typedef struct skips {
    jp_list *named;
    int64_t count, named_count;
} skips;

static void skip_name(jp_ctx *p, skips *s, const char *file, const char *why)
{
    if (s->named_count >= (strcmp(why, binary_file) == 0 ? SKIPPED_BINARY_MAX : SKIPPED_MAX))
        return;
    jp_push(s->named, jp_object(p, "file", file, "why", why));
    s->named_count++;
}

static jp_value counts_value(jp_ctx *p, const words *all, int64_t files, const skips *s)
{
    return jp_object(p, "files", files, "skipped_files", s->count, "skipped", s->named, "counts", words_document(all));
}

/* One value holds all counts. NULL: they fit. */
static const char *too_many(jp_ctx *p, const words *all)
{
    if (all->bytes <= WORDS_BYTES_MAX)
        return NULL;
    return jp_format(
        p,
        "the counts of %zu different words take %zu bytes, and one value holds at most %d bytes of them; count fewer "
        "folders at once",
        all->count, all->bytes, WORDS_BYTES_MAX);
}

/* ---- one shard ---- */

/* NULL, or why the file cannot be counted. *touched: some of its words have been counted. */
static const char *count_file(jp_ctx *p, words *all, char *chunk, const char *path, bool *touched)
{
    const char *why = NULL;
    const int fd = file_open(p, path, false, &why);
    size_t kept = 0; /* bytes of a word that began in the chunk before */
    bool last = false;

    *touched = false;
    while (!why && !last) {
        const int64_t got = file_read(fd, chunk + kept, CHUNK_BYTES - kept);
        if (got < 0) {
            why = jp_format(p, "%s", strerror(errno));
            break;
        }
        const size_t size = kept + (size_t)got;
        last = size < CHUNK_BYTES;
        if (!*touched && memchr(chunk, '\0', size < BINARY_BYTES ? size : BINARY_BYTES)) {
            why = binary_file;
            break;
        }
        *touched = true;
        const size_t done = words_add_text(all, chunk, size, last);
        kept = size - done;
        memmove(chunk, chunk + done, kept);
        if (kept == CHUNK_BYTES)
            why = jp_format(p, "it holds a word of more than %d letters", CHUNK_BYTES);
    }
    if (fd >= 0)
        close(fd);
    return why;
}

/* Files that cannot be read, or vanished after they were listed, are named with the reason, and none of their words
 * counts. */
JP_PIPE(CountWords, p, .takes = "list files", .gives = "doc")
{
    const size_t count = jp_count(p, "files");
    const char **whys = jp_alloc(p, (count + 1) * sizeof *whys);
    char *chunk = jp_alloc(p, CHUNK_BYTES);
    skips s = {.named = jp_list_new(p)};
    words all = words_new(p);
    bool spoilt;

    /* If a file turns out to be unreadable in its middle, all are counted again without it. */
    do {
        size_t i = 0;
        spoilt = false;
        words_clear(&all);
        jp_each (p, file, jp_arg(p, "files")) {
            const char *path = path_of(p, file);
            if (!path)
                return jp_abort(p, "CountWords takes a list of files, each a string, not %s", jp_json(p, file));
            if (!whys[i]) {
                whys[i] = count_file(p, &all, chunk, path, &spoilt);
                spoilt = spoilt && whys[i];
            }
            i++;
            if (spoilt)
                break;
        }
    } while (spoilt);

    for (size_t i = 0; i < count; i++)
        if (whys[i]) {
            s.count++;
            skip_name(p, &s, path_shown(p, path_of(p, jp_arg_at(p, "files", i))), whys[i]);
        }
    const char *trouble = too_many(p, &all);
    if (trouble)
        return jp_abort(p, "%s", trouble);
    return jp_return(p, counts_value(p, &all, (int64_t)count - s.count, &s));
}

/* ---- merging ---- */

JP_PIPE(MergeCounts, p, .takes = "doc... parts", .gives = "doc")
{
    skips s = {.named = jp_list_new(p)};
    words all = words_new(p);
    int64_t files = 0;

    for (size_t i = 0; i < jp_count(p, "parts"); i++) {
        const jp_value part = jp_arg_at(p, "parts", i);
        files += jp_get_int64(p, part, "files");
        s.count += jp_get_int64(p, part, "skipped_files");
        jp_each (p, one, jp_get(p, part, "skipped"))
            skip_name(p, &s, jp_get_string(p, one, "file"), jp_get_string(p, one, "why"));
        words_add_counts(&all, jp_get(p, part, "counts"));
    }
    const char *trouble = too_many(p, &all);
    if (trouble)
        return jp_abort(p, "%s", trouble);
    return jp_return(p, counts_value(p, &all, files, &s));
}

/* ---- the end ---- */

/* Writes all counts as lines "word<TAB>count", by word; first to a draft that is then renamed, so that a reader never
 * sees half of them and an attempt may be repeated. NULL, or what is wrong. */
static const char *write_counts(jp_ctx *p, const words *all, const char *path)
{
    const char *draft = jp_format(p, "%s.%s", path, jp_key(p));
    const word *sorted = words_by_name(all);
    FILE *file = fopen(draft, "we");
    bool good = file != NULL;
    int error;

    for (size_t i = 0; i < all->count && good; i++)
        good = fprintf(file, "%s\t%lld\n", sorted[i].text, (long long)sorted[i].count) > 0;
    error = good ? 0 : errno;
    if (file && fclose(file) != 0 && good)
        good = false, error = errno;
    if (good && rename(draft, path) == 0)
        return NULL;
    error = error ? error : errno;
    if (file)
        unlink(draft);
    return jp_format(p, "the counts cannot be written to %s: %s; name a file in a folder that the worker may write to",
                     path_shown(p, path), strerror(error));
}

/* Gives the totals and the most frequent words. If `output` is given, all counts are written to that file on the
 * worker's machine. */
JP_PIPE(TopWords, p, .takes = "doc merged, string? output", .gives = "doc")
{
    const jp_value merged = jp_arg(p, "merged");
    jp_list *top = jp_list_new(p);
    words all = words_new(p);

    words_add_counts(&all, jp_get(p, merged, "counts"));
    const word *frequent = words_by_count(&all);
    for (size_t i = 0; i < all.count && i < TOP; i++)
        jp_push(top, jp_object(p, "word", frequent[i].text, "count", frequent[i].count));
    if (jp_given(p, "output")) {
        const char *trouble = write_counts(p, &all, jp_string(p, "output"));
        if (trouble)
            return jp_abort(p, "%s", trouble);
    }
    return jp_return(p, jp_object(p, "files", jp_get(p, merged, "files"), "words", all.total, "distinct",
                                  (int64_t)all.count, "top", top, "skipped_files", jp_get(p, merged, "skipped_files"),
                                  "skipped", jp_get(p, merged, "skipped")));
}

/* ---- the generator ---- */

struct counted {
    jp_future *shards;
    size_t count, room;
};

static void count_shard(jp_ctx *p, void *to, const jp_list *files)
{
    struct counted *c = to;

    if (c->count == c->room) {
        const size_t room = c->room ? 2 * c->room : 64;
        jp_future *more = jp_alloc(p, room * sizeof *more);
        if (c->count)
            memcpy(more, c->shards, c->count * sizeof *more);
        c->shards = more;
        c->room = room;
    }
    c->shards[c->count++] = jp_yield(p, CountWords, files);
}

/* `folders` is one folder or a list of them. The words are those of `LC_ALL=C tr -cs A-Za-z '\n' | tr A-Z a-z`. */
JP_PIPE(WordCount, p, .takes = "any folders, string? output, int64? shard_bytes", .gives = "doc")
{
    const int64_t shard_bytes = jp_given(p, "shard_bytes") ? jp_int64(p, "shard_bytes") : SHARD_BYTES;
    struct counted c = {0};

    if (shard_bytes < 1)
        return jp_abort(p, "shard_bytes is %lld; a shard has at least 1 byte", (long long)shard_bytes);
    const char *wrong = list_shards(p, jp_arg(p, "folders"), shard_bytes, count_shard, &c);
    if (wrong)
        return jp_abort(p, "%s", wrong);

    size_t left = c.count;
    while (left > 1) {
        size_t merges = 0;
        for (size_t i = 0; i < left; i += FAN_IN) {
            jp_list *parts = jp_list_new(p);
            for (size_t k = i; k < left && k < i + FAN_IN; k++)
                jp_push(parts, c.shards[k]);
            c.shards[merges++] = jp_yield_list(p, MergeCounts, parts);
        }
        left = merges;
    }
    jp_future merged = left ? c.shards[0] : jp_yield(p, MergeCounts); /* of no files: zero words */
    return jp_return(p, jp_yield(p, TopWords, merged, jp_arg(p, "output")));
}
