/* memory_ids.c -- a hash table with chains, threaded by age. */
#include "bus/memory_ids.h"
#include <stdlib.h>
#include <string.h>

struct jpx_mem_id {
    struct jpx_mem_id *chain, *newer;
    uint64_t hash;
    int64_t until_ms;
    char text[];
};

enum { FIRST_BUCKETS = 1024 };

static void forget_oldest(jpx_mem_ids *ids)
{
    struct jpx_mem_id *id = ids->oldest, **at = &ids->buckets[id->hash & (ids->bucket_count - 1)];

    while (*at != id)
        at = &(*at)->chain;
    *at = id->chain;
    ids->oldest = id->newer;
    if (!ids->oldest)
        ids->newest = NULL;
    ids->count--;
    free(id);
}

static void grow(jpx_mem_ids *ids)
{
    size_t count = ids->bucket_count ? ids->bucket_count * 2 : FIRST_BUCKETS;
    struct jpx_mem_id **buckets = calloc(count, sizeof(struct jpx_mem_id *));

    JPX_ASSERT(buckets != NULL);
    for (struct jpx_mem_id *id = ids->oldest; id; id = id->newer) {
        id->chain = buckets[id->hash & (count - 1)];
        buckets[id->hash & (count - 1)] = id;
    }
    free(ids->buckets);
    ids->buckets = buckets;
    ids->bucket_count = count;
}

bool jpx_mem_ids_add(jpx_mem_ids *ids, const char *text, int64_t now_ms, int64_t until_ms)
{
    size_t size = strlen(text);
    uint64_t hash = jpx_hash(text, size);

    while (ids->oldest && (ids->oldest->until_ms <= now_ms || ids->count >= JPX_MEMORY_IDS_MAX))
        forget_oldest(ids);
    if (ids->count >= ids->bucket_count)
        grow(ids);
    for (struct jpx_mem_id *id = ids->buckets[hash & (ids->bucket_count - 1)]; id; id = id->chain)
        if (id->hash == hash && strcmp(id->text, text) == 0)
            return false;
    struct jpx_mem_id *id = calloc(1, sizeof *id + size + 1);
    JPX_ASSERT(id != NULL);
    memcpy(id->text, text, size);
    id->hash = hash;
    id->until_ms = until_ms;
    id->chain = ids->buckets[hash & (ids->bucket_count - 1)];
    ids->buckets[hash & (ids->bucket_count - 1)] = id;
    *(ids->newest ? &ids->newest->newer : &ids->oldest) = id;
    ids->newest = id;
    ids->count++;
    return true;
}

void jpx_mem_ids_clear(jpx_mem_ids *ids)
{
    while (ids->oldest)
        forget_oldest(ids);
    free(ids->buckets);
    *ids = (jpx_mem_ids){0};
}
