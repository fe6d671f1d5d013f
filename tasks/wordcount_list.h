/* wordcount_list.h -- the files below some folders, gathered into shards. */
#ifndef JP_WORDCOUNT_LIST_H
#define JP_WORDCOUNT_LIST_H

#include <jetpipe.h>

enum {
    FOLDERS_MAX = 4096, /* of one WordCount */
    FILES_MAX = 4 * 1000 * 1000,
    SHARD_FILES_MAX = 1000 /* so that a shard of empty files with long names is still a small argument */
};

/* Called for each shard, in order. */
typedef void take_shard(jp_ctx *, void *to, const jp_list *files);

/* Lists the regular files below `folders` (a string, or a list of strings), sorted by name, so that a repeated attempt
 * makes the same shards. Symbolic links below a folder are not followed; a folder that lies below another one, or is
 * named twice, is listed once. A shard is closed before it exceeds shard_bytes, so a large file is a shard by itself.
 * NULL, or one sentence: what is wrong, where, and how to fix it. */
const char *list_shards(jp_ctx *, jp_value folders, int64_t shard_bytes, take_shard *, void *to);

#endif
