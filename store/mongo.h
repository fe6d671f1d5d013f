/* mongo.h -- what the files of the MongoDB store share: the handle, its errors, its bulk writes.
 *
 * A handle owns one client of a pool that all clones share, and a scratch arena that lives for one
 * call. One thread at a time; every function here may block on the network.
 *
 * All writes are w:majority and j:true, all reads go to the primary with read concern "majority":
 * what a caller is told, also "it was there before", can not be rolled back by a failover. */
#ifndef JPX_MONGO_H
#define JPX_MONGO_H

#include "store/store.h"
#include <mongoc/mongoc.h>
#include <stdatomic.h>

enum {
    JPX_MONGO_PATIENCE_MS = 5000, /* an operation is said again for this long                       */
    JPX_MONGO_CONNECT_MS = 2000,
    JPX_MONGO_CLIENTS_MAX = 1024,           /* clones of one opened store                                     */
    JPX_MONGO_ROWS_MAX = 4096,              /* records in one command: its answer comes well within 5 s       */
    JPX_MONGO_BYTES_MAX = 16 * 1000 * 1000, /* in one command, unless one record alone is larger   */
    JPX_MONGO_VERSION = 1                   /* of the layout, in `meta`                                       */
};

typedef struct jpx_mongo_shared {
    atomic_uint handles;
    mongoc_client_pool_t *pool;
    char *hosts; /* "a:27017, b:27017": for error texts; user and password are not in it */
    char *database;
} jpx_mongo_shared;

typedef struct jpx_mongo {
    jpx_store store; /* first: a jpx_store * is a jpx_mongo * */
    jpx_mongo_shared *shared;
    mongoc_client_t *client;
    mongoc_collection_t *tables[JPX_TABLES];
    jpx_arena *scratch; /* of the call at work */
    bool transient;     /* the last failure may pass within the patience */
    int64_t give_up_us; /* monotonic; of the call at work */
    int64_t pause_us;   /* before the next try */
} jpx_mongo;

/* ---- mongo_error.c: statuses, and what is tried again ---- */

/* Begins a call: its patience starts now, what was in scratch goes. */
jpx_mongo *jpx_mongo_begin(jpx_store *);
void jpx_mongo_patience(jpx_mongo *); /* starts it anew, for the next command of a long call */
/* `what` completes "MongoDB at HOST failed to ...". */
jp_status jpx_mongo_fail(jpx_mongo *, const char *what, const bson_error_t *, jp_error *);
/* After a failure: true (after a pause) when it is worth saying the same again. */
bool jpx_mongo_again(jpx_mongo *);

/* ---- mongo_bulk.c: many single writes in one command ---- */

typedef struct jpx_mongo_bulk {
    mongoc_bulk_operation_t *ops;
    size_t count; /* at most JPX_MONGO_ROWS_MAX */
} jpx_mongo_bulk;

jpx_mongo_bulk jpx_mongo_bulk_new(jpx_mongo *, jpx_table);
jp_status jpx_mongo_bulk_insert(jpx_mongo *, jpx_mongo_bulk *, jpx_bytes doc, jp_error *);
jp_status jpx_mongo_bulk_update(jpx_mongo *, jpx_mongo_bulk *, const bson_t *filter, const bson_t *update, jp_error *);
/* Sends it once and frees it. dup (NULL: a duplicate is a failure) has an item for each insert; matched may be NULL. */
jp_status jpx_mongo_bulk_run(jpx_mongo *, jpx_mongo_bulk *, const char *what, bool *dup, size_t *matched, jp_error *);

/* ---- mongo_read.c ---- */

void jpx_mongo_append_id(bson_t *, const char *field, jpx_bytes id);
/* field: {$in: ids} */
void jpx_mongo_append_ids(bson_t *, const char *field, const jpx_bytes *ids, size_t count);
void jpx_mongo_append_range(bson_t *, const char *field, jpx_bytes lo, jpx_bytes hi);
/* Like the store's get, but within a call that has begun already, and with the field `call`. */
jp_status jpx_mongo_fetch(jpx_mongo *, jpx_table, const jpx_bytes *ids, size_t count, jpx_arena *, jpx_record *out,
                          jp_error *);
int jpx_mongo_compare(jpx_bytes, jpx_bytes); /* order of bytes, then of lengths */

/* ---- the operations (store.h says what they do) ---- */
jp_status jpx_mongo_insert(jpx_store *, jpx_table, const jpx_record *, size_t, bool *, jp_error *);
jp_status jpx_mongo_remove(jpx_store *, jpx_table, const jpx_bytes *, size_t, jp_error *);
jp_status jpx_mongo_remove_range(jpx_store *, jpx_table, jpx_bytes, jpx_bytes, size_t, size_t *, jp_error *);
jp_status jpx_mongo_get(jpx_store *, jpx_table, const jpx_bytes *, size_t, jpx_arena *, jpx_record *, jp_error *);
jp_status jpx_mongo_scan(jpx_store *, jpx_table, jpx_bytes, jpx_bytes, size_t, bool, jpx_arena *, jpx_records *,
                         jp_error *);
jp_status jpx_mongo_root_by_key(jpx_store *, const char *, jpx_arena *, jpx_record *, jp_error *);
jp_status jpx_mongo_list_roots(jpx_store *, const jpx_root_filter *, jpx_arena *, jpx_records *, jp_error *);
jp_status jpx_mongo_count(jpx_store *, jpx_count *, size_t, jp_error *);
jp_status jpx_mongo_abort_barriers(jpx_store *, const jpx_bytes *, size_t, jp_error *);
jp_status jpx_mongo_change_roots(jpx_store *, jpx_root_change *, size_t, jp_error *);

#endif
