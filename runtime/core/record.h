/* record.h -- the records of the store, as structs and as BSON, the same in all stores. docs/records.md has the fields.
 * Only barriers and roots are updated, each update guarded by a condition; all other records are written once.
 *
 * To change a record
 *  - A field that may be missing: add it, and write it into docs/records.md and the golden files of the next release.
 *    Older processes ignore it. Newer ones must read records without it, because runs may last for long.
 *  - Anything else is a new version and takes two releases. The first one reads both versions: raise
 *    JPX_RECORD_VERSION. The second one writes the new version, when no process of an older release is left: raise
 *    JPX_RECORD_WRITTEN. Each release adds its golden files (tests/golden/README.md).
 *  - A process leaves a record of a newer version alone and gives its event back (jpx_newer_record).
 *  - Only root, pipeline and entry have a version, `v`. A barrier is only counters, and the `v` of a value is its
 *    content. Timers, fills and marks differ by their keys and by `kind`. To all of these, add fields and kinds; no
 *    field may change its meaning. */
#ifndef JPX_RECORD_H
#define JPX_RECORD_H

#include "core/doc.h"
#include "core/outcome.h"
#include "core/table.h"

enum {
    JPX_RECORD_VERSION = 1, /* the newest that this program reads */
    JPX_RECORD_WRITTEN = 1  /* the one that it writes */
};
bool jpx_record_is_newer(jpx_bytes doc);              /* of a root, pipeline or entry */
bool jpx_record_version_is_read(const bson_iter_t *); /* the field `v` */

/* ---- pipeline: what it is ---- */
typedef struct jpx_dep { /* what it waits for; each sibling is one bit, numbered through all deps in order */
    const char *slot;    /* NULL: until finished */
    uint32_t child, count;
} jpx_dep;

typedef struct jpx_waiter { /* siblings that wait for one of its slots: `count` in a row from `consumer` on */
    const char *slot;       /* NULL: until finished */
    uint32_t consumer, count;
    uint32_t bit, bits; /* its bit in the start barrier of each, which has `bits` bits; 1: there is no barrier */
} jpx_waiter;

typedef struct jpx_link { /* one of its slots fills a slot of an ancestor that somebody waits for */
    const char *slot;
    jpx_key owner;
    const char *owner_slot;
    const char *type; /* if the slot declares less: what its value must be, "int64", "string?"; else NULL */
} jpx_link;

typedef struct jpx_large { /* a value that has a record of its own */
    uint32_t arg;
    uint8_t id[JPX_VALUE_SIZE];
} jpx_large;

typedef struct jpx_pipeline {
    jpx_key key;
    const char *pipe, *queue;
    const char *at; /* "file:line" of its yield; NULL for a root */
    int64_t planned_ms;
    jpx_key parent;    /* not of a root */
    uint32_t siblings; /* of its generation, itself included */
    jpx_bytes args;    /* array document; holes are null */
    jpx_ref *refs;
    size_t refs_count;
    jpx_large *large;
    size_t large_count;
    jpx_dep *deps;
    size_t deps_count;
    jpx_waiter *waiters;
    size_t waiters_count;
    jpx_link *links;
    size_t links_count;
    bool hook, cancel;      /* has on_finished, on_cancel */
    bool promised;          /* made by jp_promise: it has no body, its first entry waits for a reply */
    uint8_t token_hash[32]; /* promised: SHA-256 of the token of its ticket */
    bool has_options;
    jp_retry_policy retry;
    int64_t timeout_ms;
} jpx_pipeline;

uint32_t jpx_pipeline_bits(const jpx_pipeline *); /* number of dependencies */
jpx_record jpx_pipeline_encode(const jpx_pipeline *, jpx_arena *);
bool jpx_pipeline_decode(jpx_bytes doc, jpx_arena *, jpx_pipeline *);

/* ---- entry: what happened to it ---- */
#define JPX_ENTRY_MAP(X)                                                                                               \
    X(RETURNED, "returned") /* outputs */                                                                              \
    X(PLANNED, "planned")   /* adopts a generation */                                                                  \
    X(WAITING, "waiting")   /* for a reply */                                                                          \
    X(REPLIED, "replied")   /* the reply is the output, or on_reply runs next */                                       \
    X(RETRY, "retry")       /* a failed attempt, and when the next is due */                                           \
    X(FAILED, "failed")     /* for good: the tree aborts */                                                            \
    X(ABORTED, "aborted")   /* by an abort of the tree */                                                              \
    X(FINISHED, "finished") /* its hook has run */

typedef enum jpx_entry_kind {
#define JPX_ENTRY_ENUM_(name, text) JPX_ENTRY_##name,
    JPX_ENTRY_MAP(JPX_ENTRY_ENUM_)
#undef JPX_ENTRY_ENUM_
        JPX_ENTRY_KINDS
} jpx_entry_kind;
const char *jpx_entry_text(jpx_entry_kind);

typedef struct jpx_out { /* a slot filled or forwarded by this entry */
    const char *slot;
    bool forwarded;
    uint32_t child;
    const char *child_slot;
    bool large;
    uint8_t large_id[JPX_VALUE_SIZE];
    jpx_bytes value; /* value document; not if forwarded or large */
} jpx_out;

typedef struct jpx_entry {
    jpx_key key;
    uint32_t step;
    jpx_entry_kind kind;
    int64_t at_ms;
    int attempt;
    int64_t body_us;
    jpx_out *outs; /* RETURNED PLANNED WAITING REPLIED */
    size_t outs_count;
    uint8_t gen[JPX_GEN_SIZE]; /* PLANNED */
    uint32_t children;
    uint8_t token_hash[32]; /* WAITING */
    int64_t due_ms;         /* RETRY; WAITING: 0 = no deadline */
    bool completes;         /* WAITING: at the due time the outputs are filled; if not, the attempt fails then */
    bool hooked;            /* REPLIED: on_reply runs next */
    jpx_out reply;          /* REPLIED: the reply itself (slot "reply") */
    bool begun;             /* ABORTED: its body had begun */
    bool aborted;           /* FINISHED: after an abort */
    const char *failure_class, *failure_text, *failure_trace; /* RETRY FAILED ABORTED; may be NULL */
} jpx_entry;

jpx_record jpx_entry_encode(const jpx_entry *, jpx_arena *);
bool jpx_entry_decode(jpx_bytes doc, jpx_arena *, jpx_entry *);
const jpx_out *jpx_entry_out(const jpx_entry *, const char *slot); /* NULL = not by this entry */

/* ---- barrier: the counter ---- */
enum { JPX_PART_WORDS = 64, JPX_PART_BITS = JPX_PART_WORDS * JPX_WORD_BITS };

typedef struct jpx_barrier {
    jpx_key of; /* start: the pipeline that waits; finish: the generator */
    int64_t left;
    bool aborted;
} jpx_barrier;

/* Appends the records of a barrier with `bits` bits: one, or parts and a top, each part being one bit of the top. `at`:
 * the start or finish key. */
void jpx_barrier_records(const jpx_key *at, const jpx_key *of, uint32_t bits, jpx_arena *, jpx_records *);
bool jpx_barrier_decode(jpx_bytes doc, jpx_barrier *);
jpx_key jpx_finish_key(jpx_root_id, const uint8_t gen[JPX_GEN_SIZE]);
/* The part that has bit `bit` of a barrier with `bits` bits, and the bit within it. */
uint32_t jpx_barrier_part(uint32_t bits, uint32_t bit, uint32_t *bit_in_part);
uint32_t jpx_barrier_top_bits(uint32_t bits); /* bits of the top document */

/* ---- root ---- */
typedef struct jpx_root {
    jpx_root_id id;
    const char *pipe, *key; /* key NULL = none */
    int64_t started_ms, ended_ms;
    const char *status; /* "running" "done" "aborted" */
    bool decided;
    bool aborting;
    const char *reason, *by;
    int64_t abort_ms;
} jpx_root;
jpx_record jpx_root_encode(const jpx_root *, jpx_arena *);
bool jpx_root_decode(jpx_bytes doc, jpx_arena *, jpx_root *);
bool jpx_root_final(const jpx_root *);

/* ---- timer: at the due time, a run event for the step after `step` is published ---- */

/* Instead of a step: at the due time, remove what is left of a root after its cleanup, or of an upload. */
#define JPX_STEP_SWEEP UINT32_MAX

typedef struct jpx_timer {
    int64_t due_ms;
    jpx_key key;
    uint32_t step;
    const char *pipe, *queue;
} jpx_timer;
jpx_record jpx_timer_encode(const jpx_timer *, jpx_arena *);
bool jpx_timer_decode(jpx_record, jpx_arena *, jpx_timer *);

typedef struct jpx_fill { /* which slot filled a forwarded slot */
    jpx_key owner, filler;
    const char *slot, *filler_slot;
    uint32_t step; /* the filler's entry */
} jpx_fill;
jpx_record jpx_fill_encode(const jpx_fill *, jpx_arena *);
bool jpx_fill_decode(jpx_bytes doc, jpx_arena *, jpx_fill *);

jpx_record jpx_value_encode(const uint8_t id[JPX_VALUE_SIZE], jpx_bytes value_doc, jpx_arena *);

/* ---- mark: what has no entry yet or no live root; four kinds, each with keys of its own form ---- */

/* "execution": a body has started, or may have. Key: pipeline, step, 8 random bytes. */
typedef struct jpx_execution {
    jpx_key key;
    uint32_t step;
    int64_t since_ms;
    int64_t seen_ms;        /* the last heartbeat of its worker; 0 = none yet */
    const char *worker;     /* "host/pid" */
    bool begins;            /* written immediately before the body: counts against the crash limit */
    bool ticketed;          /* the body may have handed out its own ticket */
    uint8_t token_hash[32]; /* ticketed: SHA-256 of the ticket's token */
} jpx_execution;
jpx_record jpx_execution_encode(const jpx_execution *, const uint8_t tail[8], jpx_arena *);
bool jpx_execution_decode(jpx_record, jpx_arena *, jpx_execution *);

/* "handout": a running body may plan this generation, and may have handed out tickets of its promises. Key: the
 * generation's finish key, 0, 8 random bytes. */
typedef struct jpx_handout {
    jpx_key generation;
    int64_t since_ms;
    const char *worker;
    jpx_key by;       /* the pipeline that may plan it */
    uint32_t by_step; /* with the entry of this step */
} jpx_handout;
jpx_record jpx_handout_encode(const jpx_handout *, const uint8_t tail[8], jpx_arena *);
bool jpx_handout_decode(jpx_record, jpx_arena *, jpx_handout *);

/* "tombstone": a root was cleaned up, and a redelivery of its trigger must not start it again. Kept for five minutes.
 * Key: the complement of the root's id, then zeros: outside the root's own range. */
void jpx_tombstone_id(uint8_t out[JPX_MARK_SIZE], const jpx_root_id *);
jpx_record jpx_tombstone_encode(const jpx_root_id *, int64_t since_ms, jpx_arena *);
bool jpx_tombstone_decode(jpx_record, jpx_arena *, int64_t *since_ms);

/* "stream": all live roots were repaired after the streams older than this one were lost. Key: zeros, then the creation
 * time of the newest work stream (8 bytes, ns since 1970). */
jpx_record jpx_stream_mark_encode(int64_t created_ns, int64_t since_ms, jpx_arena *);

#endif
