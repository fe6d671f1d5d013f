/* event.h -- the payloads of events: small, flat JSON. docs/events.md has the fields. Everything in an event can be
 * derived from the store.
 *
 * To change an event
 *  - A field that may be missing: add it, and write it into docs/events.md and the golden files of the next
 *    release. Older processes ignore it, so the event must mean the same without it.
 *  - Anything else is a new version and takes two releases. The first one reads both versions: raise
 *    JPX_EVENT_VERSION. The second one writes the new version, when no process of an older release is left: raise
 *    JPX_EVENT_WRITTEN. Each release adds its golden files (tests/golden/README.md).
 *  - A process gives an event of a newer version back, so that a newer process takes it (JPX_NEWER). It never acks such
 *    an event and never makes a dead letter of it. */
#ifndef JPX_EVENT_H
#define JPX_EVENT_H

#include "core/record.h"

enum {
    JPX_EVENT_VERSION = 1, /* the newest that this program reads */
    JPX_EVENT_WRITTEN = 1  /* the one that it writes */
};

typedef enum jpx_decoded {
    JPX_MALFORMED, /* not an event of this kind: make it a dead letter */
    JPX_DECODED,
    JPX_NEWER /* of a version above JPX_EVENT_VERSION: give it back */
} jpx_decoded;

/* May this event have been published before? The receiver of a repeat reads the entries before it publishes anything
 * (docs/protocol.md, trap 14). On the wire only `maybe`, as "again":true. */
typedef struct jpx_repeat {
    bool maybe;
    int64_t since_ms; /* the earliest time at which it may have been, ms since 1970; 0 = unknown */
} jpx_repeat;
#define JPX_FIRST  ((jpx_repeat){0})
#define JPX_REPEAT ((jpx_repeat){.maybe = true})

/* ---- run event: execute one step of a pipeline ---- */
typedef struct jpx_run_event {
    jpx_key key;
    uint32_t step;
    bool finish; /* the finishing hooks, not the body */
    bool due;    /* from a timer: the due time has passed, whatever this clock says (docs/protocol.md, trap 8) */
    bool repeat; /* may have been published before, so its body may have started; "again" on the wire */
} jpx_run_event;

jpx_bytes jpx_run_event_encode(const jpx_run_event *, const char *pipe, int64_t now_ms, jpx_arena *);
jpx_decoded jpx_run_event_decode(jpx_bytes json, jpx_run_event *);

/* ---- slot event: what happened to pipelines of one root ---- */
typedef enum jpx_fact_kind {
    JPX_FACT_FILLED,  /* a slot has its value */
    JPX_FACT_ENDED,   /* outputs filled, subtree done; the hook, if there is one, has not run */
    JPX_FACT_FINISHED /* final: counts in the parent's finish counter and for those that wait until it is finished */
} jpx_fact_kind;

typedef struct jpx_fact {
    jpx_fact_kind kind;
    jpx_key key;
    uint32_t count;   /* siblings in a row, `key` is the first */
    const char *slot; /* FILLED */
    uint32_t step;    /* FILLED: the entry that filled it, or JPX_STEP_FILL */
    jpx_repeat repeat;
} jpx_fact;

/* The step of a fact about a forwarded slot: the slot's `fill` record names the filler. "@fill" on the wire; processes
 * of release 0.1 wrote "@2147483647". */
#define JPX_STEP_FILL ((uint32_t)INT32_MAX)

enum { JPX_FACTS_MAX = 1000 }; /* in one event, each sibling of a range counted */

/* Facts of one root make one event, in which neighbours are joined. `count`: 1 to JPX_FACTS_MAX. All facts of an event
 * are repeats if the first one is. */
jpx_bytes jpx_slot_event_encode(const jpx_fact *, size_t count, int64_t now_ms, jpx_arena *);
jpx_decoded jpx_slot_event_decode(jpx_bytes json, jpx_arena *, jpx_fact **facts, size_t *count);

/* ---- history: a change of status ---- */
typedef struct jpx_change {
    const char *what; /* the last token of its subject: "queued", "root-done", ... (docs/events.md) */
    jpx_key key;
    const char *pipe;
    int attempt;        /* 0 = none */
    const char *reason; /* NULL = none */
    int64_t due_ms;     /* 0 = none */
    bool root;          /* a change of the run, not only of the root pipeline */
} jpx_change;
jpx_bytes jpx_change_encode(const jpx_change *, int64_t now_ms, jpx_arena *);

#endif
