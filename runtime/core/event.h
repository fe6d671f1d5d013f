/* event.h -- the payloads of events: flat JSON, small. docs/events.md tells the fields; an event carries nothing
 * that cannot be derived from the store. */
#ifndef JPX_EVENT_H
#define JPX_EVENT_H

#include "core/record.h"

/* ---- run event: execute one step of a pipeline ---- */
typedef struct jpx_run_event {
    jpx_key key;
    uint32_t step;
    bool finish; /* the finishing hooks, not the body */
    bool due;    /* sent by the timer role: the due time has come, whatever this clock says (PROTOCOL 8) */
    bool again;  /* perhaps told before: a body may have begun for it already */
} jpx_run_event;

jpx_bytes jpx_run_event_encode(const jpx_run_event *, const char *pipe, int64_t now_ms, jpx_arena *);
bool jpx_run_event_decode(jpx_bytes json, jpx_arena *, jpx_run_event *);

/* ---- slot event: what happened to pipelines of one root ---- */
typedef enum jpx_fact_kind {
    JPX_FACT_FILLED,  /* a slot has its value */
    JPX_FACT_ENDED,   /* outputs filled, subtree done; the hook (if any) is still to run */
    JPX_FACT_FINISHED /* done: counts in the parent and for those who wait until it is finished */
} jpx_fact_kind;

/* How something is told: 0 for the first time. Otherwise perhaps told before, so that who hears it looks before he
 * publishes (PROTOCOL 14), and since when that may be: not before this time, in ms since 1970. */
typedef int64_t jpx_again;
#define JPX_AGAIN ((jpx_again)1) /* since when is not known */

typedef struct jpx_fact {
    jpx_fact_kind kind;
    jpx_key key;
    uint32_t count;   /* siblings from this one on */
    const char *slot; /* FILLED */
    uint32_t step;    /* FILLED: the entry that filled it */
    jpx_again again;  /* events carry only whether */
} jpx_fact;

enum { JPX_FACTS_MAX = 1000 }; /* in one event, each sibling of a range counted */

/* Facts of one root, in one event; neighbours are put together. `count` <= JPX_FACTS_MAX. */
jpx_bytes jpx_slot_event_encode(const jpx_fact *, size_t count, int64_t now_ms, jpx_arena *);
bool jpx_slot_event_decode(jpx_bytes json, jpx_arena *, jpx_fact **facts, size_t *count);

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

/* Text as a JSON string with quotes. */
const char *jpx_json_text(jpx_arena *, const char *text);

#endif
