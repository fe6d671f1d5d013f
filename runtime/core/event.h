/* event.h -- the payloads of events: flat, small JSON. docs/events.md has the fields. An event carries nothing that
 * cannot be derived from the store.
 *
 * To change an event
 *  - A field that may be missing: add it. Processes that do not know a field ignore it, so the event must still mean
 *    the same without it. Write it into docs/events.md and the golden files of this version.
 *  - Anything else changes what older processes would do, so it is a new version. Raise JPX_EVENT_VERSION in the reader
 *    first, read both versions, and keep writing the old one. Freeze the golden files: copy tests/golden/vN to vN+1,
 *    then edit the copy. A release later, when every process reads the new version, write it.
 *  - A process that meets a version above its own gives the event back, so that a newer process takes it
 *    (JPX_NEWER). It never acks such an event and never makes a dead letter of it. */
#ifndef JPX_EVENT_H
#define JPX_EVENT_H

#include "core/record.h"

enum { JPX_EVENT_VERSION = 1 };

typedef enum jpx_decoded {
    JPX_MALFORMED, /* no event of this kind: a dead letter */
    JPX_DECODED,
    JPX_NEWER /* of a version that this program does not know: give it back */
} jpx_decoded;

/* May this have been published before? If so, whoever receives it reads the entries before it publishes anything
 * (docs/protocol.md, trap 14). `since_ms`: at the earliest at this time, in ms since 1970; 0 = unknown. The wire
 * carries only whether, as "again":true. */
typedef struct jpx_repeat {
    bool maybe;
    int64_t since_ms;
} jpx_repeat;
#define JPX_FIRST  ((jpx_repeat){0})
#define JPX_REPEAT ((jpx_repeat){.maybe = true})

/* ---- run event: execute one step of a pipeline ---- */
typedef struct jpx_run_event {
    jpx_key key;
    uint32_t step;
    bool finish; /* the finishing hooks, not the body */
    bool due;    /* sent by the timer role: the due time has come, whatever this clock says (PROTOCOL 8) */
    bool repeat; /* may have been published before, so a body may have started for it; `again` on the wire */
} jpx_run_event;

jpx_bytes jpx_run_event_encode(const jpx_run_event *, const char *pipe, int64_t now_ms, jpx_arena *);
jpx_decoded jpx_run_event_decode(jpx_bytes json, jpx_run_event *);

/* ---- slot event: what happened to pipelines of one root ---- */
typedef enum jpx_fact_kind {
    JPX_FACT_FILLED,  /* a slot has its value */
    JPX_FACT_ENDED,   /* outputs filled, subtree done; the hook (if any) is still to run */
    JPX_FACT_FINISHED /* done: counts in the parent and for those who wait until it is finished */
} jpx_fact_kind;

typedef struct jpx_fact {
    jpx_fact_kind kind;
    jpx_key key;
    uint32_t count;   /* siblings from this one on */
    const char *slot; /* FILLED */
    uint32_t step;    /* FILLED: the entry that filled it, or JPX_STEP_FILL */
    jpx_repeat repeat;
} jpx_fact;

/* The step of a fact about a slot that was forwarded: its record `fill` names the filler. "@fill" on the wire, and in
 * events of older processes @2147483647. */
#define JPX_STEP_FILL ((uint32_t)INT32_MAX)

enum { JPX_FACTS_MAX = 1000 }; /* in one event, each sibling of a range counted */

/* Facts of one root, in one event; neighbours are put together. `count` <= JPX_FACTS_MAX. */
jpx_bytes jpx_slot_event_encode(const jpx_fact *, size_t count, int64_t now_ms, jpx_arena *);
jpx_decoded jpx_slot_event_decode(jpx_bytes json, jpx_arena *, jpx_fact **facts, size_t *count);

/* ---- history: a change of status ---- */
typedef struct jpx_change {
    const char *what; /* "queued" "running" "waiting" "retry" "done" "aborted" "filled" ..., as in the subject */
    jpx_key key;
    const char *pipe;
    int attempt;        /* 0 = not told */
    const char *reason; /* NULL = none */
    int64_t due_ms;     /* 0 = none */
    bool root;          /* the change of the root as a whole */
} jpx_change;
jpx_bytes jpx_change_encode(const jpx_change *, int64_t now_ms, jpx_arena *);

#endif
