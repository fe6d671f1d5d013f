/* store.h -- the store: the truth. One interface, several implementations (sqlite.c, mongo.c,
 * memory.c), one contract suite (tests/contract/).
 *
 * Promises of every implementation:
 *  - A call that returns JP_OK has made its change durable (SQLite: synchronous=FULL in WAL mode;
 *    MongoDB: w:majority, j:true). A call that fails may have been applied in part or in whole:
 *    every change is idempotent, the caller says it again.
 *  - A record is inserted once under its id; a second insert of the same id changes nothing and is
 *    reported. Records other than barriers and roots are never changed.
 *  - One handle belongs to one thread at a time; jpx_store_clone gives another handle to the
 *    same data for another thread. All calls block.
 *  - A store that cannot be reached fails with JP_E_UNAVAILABLE within about 5 s, and works again
 *    without being reopened when it is back. A full disk is JP_E_FULL and loses nothing.
 *
 * Records are BSON documents whose first element is `_id`, binary (subtype 0), equal to `id`. */
#ifndef JPX_STORE_H
#define JPX_STORE_H

#include "core/table.h"

enum { JPX_DOC_MAX = 15 * 1024 * 1024 }; /* one record; an insert of a larger one is JP_E_TOO_LARGE */

/* ---- barriers: the counters ----
 * Document: {_id, of: binary 24, left: int64, aborted: bool, w: {"0": int64, "1": int64, ...}}, all fields
 * always there, `w` with ceil(bits / 63) words of 63 bits each. Bit b of the barrier part stands in
 * word b / 63, bit b % 63. */

typedef struct jpx_count {
    jpx_bytes id;
    const uint64_t *mask; /* words of bits to set */
    uint32_t first_word;  /* mask[0] is this word */
    uint32_t words;
    /* answers */
    bool found;
    bool aborted;  /* it was aborted before: nothing was changed                       */
    bool fresh;    /* at least one bit was set by this call                            */
    bool repeated; /* at least one of the bits was set before                          */
    int64_t left;  /* after the call                                                   */
} jpx_count;

/* ---- roots ----
 * Document: {_id, v: int32, pipe: string, key?: string (unique), ..., status: "running"|"done"|"aborted",
 * decided?: "done", abort?: {reason: string, by: string, at: datetime, pipeline?: binary 24}, ended?: datetime} */
typedef enum jpx_root_op {
    JPX_ROOT_ABORT,  /* status running, no decided, no abort  -> abort = {reason, by, at, pipeline} */
    JPX_ROOT_DECIDE, /* status running, no abort, no decided  -> decided = "done"                   */
    JPX_ROOT_DONE,   /* status running, no abort              -> status = "done", ended = at        */
    JPX_ROOT_ABORTED /* status running, abort there           -> status = "aborted", ended = at     */
} jpx_root_op;

typedef struct jpx_root_change {
    jpx_bytes id;
    jpx_root_op op;
    int64_t at_ms;
    const char *reason, *by; /* ABORT only */
    jpx_bytes pipeline;      /* ABORT only; may be empty */
    /* answers */
    bool found;
    bool changed;
} jpx_root_change;

typedef struct jpx_root_filter {
    const char *pipe;   /* NULL = any */
    const char *status; /* NULL = any */
    jpx_bytes before;   /* only ids below this one (paging); empty = from the newest */
    int64_t older_ms;   /* only roots that ended before this time; 0 = any */
    size_t limit;       /* > 0 */
} jpx_root_filter;

typedef struct jpx_store jpx_store;

/* `uri`: "mongodb://HOST[:PORT][/DB][?options]" (DB defaults to `prefix`), "sqlite:PATH", "memory:". `prefix`
 * is the prefix of the subjects; a store that belongs to another prefix is refused (JP_E_REFUSED).
 * Creates what is missing. *out is the caller's: jpx_store_close. */
jp_status jpx_store_open(jpx_store **out, const char *uri, const char *prefix, const jpx_env *env, jp_error *err);
jp_status jpx_store_clone(jpx_store **out, jpx_store *, jp_error *err);
void jpx_store_close(jpx_store *); /* NULL is fine; the data of "memory:" goes with its last handle */

/* Inserts all that are not there yet, in no order. dup[i] (may be NULL) says whether record i was
 * there before (or stands twice in the call). ROOT: also true where another root holds the key. */
jp_status jpx_store_insert(jpx_store *, jpx_table, const jpx_record *, size_t count, bool *dup, jp_error *err);

/* out[i] is the record of ids[i]; memory in `arena`. */
jp_status jpx_store_get(jpx_store *, jpx_table, const jpx_bytes *ids, size_t count, jpx_arena *arena, jpx_record *out,
                        jp_error *err);

/* Records with lo <= id <= hi in the order of ids (backwards: reversed), at most `limit`. */
jp_status jpx_store_scan(jpx_store *, jpx_table, jpx_bytes lo, jpx_bytes hi, size_t limit, bool backwards,
                         jpx_arena *arena, jpx_records *out, jp_error *err);

jp_status jpx_store_remove(jpx_store *, jpx_table, const jpx_bytes *ids, size_t count, jp_error *err);
/* Removes at most `limit` records of the range; *removed tells how many (0 = the range is empty). */
jp_status jpx_store_remove_range(jpx_store *, jpx_table, jpx_bytes lo, jpx_bytes hi, size_t limit, size_t *removed,
                                 jp_error *err);

/* Sets bits and counts down, each bit exactly once for ever, also when callers race (PROTOCOL 2: bits of one call
 * of which some are set already are still all set at the end). Items may name the same id twice. */
jp_status jpx_store_count(jpx_store *, jpx_count *, size_t count, jp_error *err);
/* aborted = true where left > 0. */
jp_status jpx_store_abort_barriers(jpx_store *, const jpx_bytes *ids, size_t count, jp_error *err);

jp_status jpx_store_change_roots(jpx_store *, jpx_root_change *, size_t count, jp_error *err);
/* out->doc.data is NULL when no root has the key. */
jp_status jpx_store_root_by_key(jpx_store *, const char *key, jpx_arena *arena, jpx_record *out, jp_error *err);
jp_status jpx_store_list_roots(jpx_store *, const jpx_root_filter *, jpx_arena *arena, jpx_records *out, jp_error *err);

/* ---- for implementations ---- */
typedef struct jpx_store_ops {
    jp_status (*clone)(jpx_store **, jpx_store *, jp_error *);
    void (*close)(jpx_store *);
    jp_status (*insert)(jpx_store *, jpx_table, const jpx_record *, size_t, bool *, jp_error *);
    jp_status (*get)(jpx_store *, jpx_table, const jpx_bytes *, size_t, jpx_arena *, jpx_record *, jp_error *);
    jp_status (*scan)(jpx_store *, jpx_table, jpx_bytes, jpx_bytes, size_t, bool, jpx_arena *, jpx_records *,
                      jp_error *);
    jp_status (*remove)(jpx_store *, jpx_table, const jpx_bytes *, size_t, jp_error *);
    jp_status (*remove_range)(jpx_store *, jpx_table, jpx_bytes, jpx_bytes, size_t, size_t *, jp_error *);
    jp_status (*count)(jpx_store *, jpx_count *, size_t, jp_error *);
    jp_status (*abort_barriers)(jpx_store *, const jpx_bytes *, size_t, jp_error *);
    jp_status (*change_roots)(jpx_store *, jpx_root_change *, size_t, jp_error *);
    jp_status (*root_by_key)(jpx_store *, const char *, jpx_arena *, jpx_record *, jp_error *);
    jp_status (*list_roots)(jpx_store *, const jpx_root_filter *, jpx_arena *, jpx_records *, jp_error *);
} jpx_store_ops;

struct jpx_store {
    const jpx_store_ops *ops;
    const jpx_env *env;
};

jp_status jpx_store_open_memory(jpx_store **, const char *prefix, const jpx_env *, jp_error *);
jp_status jpx_store_open_sqlite(jpx_store **, const char *path, const char *prefix, const jpx_env *, jp_error *);
jp_status jpx_store_open_mongo(jpx_store **, const char *uri, const char *prefix, const jpx_env *, jp_error *);

#endif
