/* memory_ids.h -- the ids a stream of the in-memory bus has seen within its window (Nats-Msg-Id). Bounded: the oldest
 * is forgotten, which bus.h allows at any time. Wants the bus's lock held. */
#ifndef JPX_MEMORY_IDS_H
#define JPX_MEMORY_IDS_H

#include "base/base.h"

enum { JPX_MEMORY_IDS_MAX = 256 * 1024 }; /* of one stream */

typedef struct jpx_mem_ids {
    struct jpx_mem_id **buckets;
    size_t bucket_count; /* a power of two; 0 = nothing yet */
    struct jpx_mem_id *oldest, *newest;
    size_t count;
} jpx_mem_ids;

/* False: seen within the window. True: new, and remembered until `until_ms`. Windows of one set have one length. */
bool jpx_mem_ids_add(jpx_mem_ids *, const char *id, int64_t now_ms, int64_t until_ms);
void jpx_mem_ids_clear(jpx_mem_ids *);

#endif
