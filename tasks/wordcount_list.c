/* wordcount_list.c -- see wordcount_list.h. */
#include "wordcount_list.h"
#include "files.h"
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct listing {
    jp_ctx *p;
    jp_list *files; /* of the shard that is being gathered */
    size_t files_count, listed;
    int64_t bytes, shard_bytes;
    take_shard *take;
    void *to;
};

static void close_shard(struct listing *l)
{
    if (l->files_count)
        l->take(l->p, l->to, l->files);
    l->files = jp_list_new(l->p);
    l->files_count = 0;
    l->bytes = 0;
}

static void add_file(struct listing *l, const char *path, int64_t bytes)
{
    if (l->files_count == SHARD_FILES_MAX || (l->files_count && l->bytes > l->shard_bytes - bytes))
        close_shard(l);
    jp_push(l->files, path_value(path));
    l->files_count++;
    l->bytes += bytes;
}

static const char *unreadable(jp_ctx *p, const char *path, int error)
{
    return jp_format(p, "%s cannot be read: %s; name a folder that exists and that the worker may read",
                     path_shown(p, path), strerror(error));
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static const char *list_entry(struct listing *l, const FTSENT *entry)
{
    switch (entry->fts_info) {
    case FTS_F:
        if (++l->listed > FILES_MAX)
            return jp_format(l->p, "there are more than %d files below the folders; count them in parts", FILES_MAX);
        add_file(l, entry->fts_path, entry->fts_statp->st_size);
        return NULL;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        /* ignore what vanished while its folder was being read */
        if (entry->fts_errno == ENOENT && entry->fts_level > 0)
            return NULL;
        return unreadable(l->p, entry->fts_path, entry->fts_errno);
    default:
        return NULL;
    }
}

static const char *list_folder(struct listing *l, const char *folder)
{
    char *name = jp_alloc(l->p, strlen(folder) + 1);
    char *const paths[] = {memcpy(name, folder, strlen(folder)), NULL};
    const char *wrong = NULL;
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, by_name);

    if (!tree)
        return unreadable(l->p, folder, errno);
    while (!wrong) {
        const FTSENT *entry = fts_read(tree);
        if (!entry) {
            wrong = errno ? unreadable(l->p, folder, errno) : NULL;
            break;
        }
        wrong = list_entry(l, entry);
    }
    fts_close(tree);
    return wrong;
}

/* ---- the folders ---- */

struct folders {
    const char **paths; /* as realpath gives them */
    size_t count;
};

static const char *add_folder(jp_ctx *p, struct folders *all, jp_value value)
{
    const char *given = path_of(p, value);

    if (!given)
        return jp_format(p, "WordCount takes a folder or a list of folders, each a string, not %s", jp_json(p, value));
    if (all->count == FOLDERS_MAX)
        return jp_format(p, "WordCount takes at most %d folders; name folders that hold them", FOLDERS_MAX);
    char *path = realpath(given, NULL);
    if (!path)
        return unreadable(p, given, errno);
    char *copy = jp_alloc(p, strlen(path) + 1);
    memcpy(copy, path, strlen(path));
    free(path);
    all->paths[all->count++] = copy;
    return NULL;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool lies_below(const char *path, const char *folder)
{
    const size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && (size == 1 || path[size] == '/' || path[size] == '\0');
}

const char *list_shards(jp_ctx *p, jp_value folders, int64_t shard_bytes, take_shard *take, void *to)
{
    struct listing l = {.p = p, .files = jp_list_new(p), .shard_bytes = shard_bytes, .take = take, .to = to};
    struct folders all = {.paths = jp_alloc(p, FOLDERS_MAX * sizeof(char *))};
    const char *wrong = NULL;
    size_t kept = 0;

    if (folders.type == JP_ARRAY) {
        jp_each (p, folder, folders) {
            wrong = add_folder(p, &all, folder);
            if (wrong)
                return wrong;
        }
    } else if ((wrong = add_folder(p, &all, folders)) != NULL) {
        return wrong;
    }
    qsort(all.paths, all.count, sizeof *all.paths, by_path);
    for (size_t i = 0; i < all.count && !wrong; i++) {
        bool again = false;
        for (size_t k = 0; k < kept && !again; k++)
            again = lies_below(all.paths[i], all.paths[k]);
        if (again)
            continue;
        all.paths[kept++] = all.paths[i];
        wrong = list_folder(&l, all.paths[i]);
    }
    if (!wrong)
        close_shard(&l);
    return wrong;
}
