/* outcome.h -- how an attempt ended and what it planned: what bodies give to the engine. It may come out of a process
 * whose heap a body has corrupted, so the engine believes nothing in it before jpx_plan_check(). */
#ifndef JPX_OUTCOME_H
#define JPX_OUTCOME_H

#include "core/key.h"

/* ---- the outcome: how it ended and what it planned ---- */
typedef enum jpx_end {
    JPX_END_RETURN, /* outputs filled or handed to children; with children it is a generation */
    JPX_END_WAIT,
    JPX_END_RETRY, /* said by the body, or a failed attempt: crash, timeout, missing outputs */
    JPX_END_ABORT, /* said by the body */
    JPX_END_WRONG  /* a programming error: permanent (SEMANTICS 2.7) */
} jpx_end;

typedef struct jpx_ref {   /* a hole in a child's arguments, filled by slots of earlier or later siblings */
    uint32_t arg;          /* parameter */
    uint32_t at;           /* place in the final list; JPX_WHOLE = the slot's value is the argument */
    uint32_t child, count; /* `count` siblings in a row, in order */
    const char *slot;      /* "default" or a named output */
} jpx_ref;
#define JPX_WHOLE UINT32_MAX

typedef struct jpx_wait {
    uint32_t child, count;
} jpx_wait; /* wait until these siblings are finished */

typedef struct jpx_child {
    const char *pipe, *queue;
    const char *at; /* "file:line" of the yield */
    jpx_bytes
        args; /* array document, one element for each parameter; holes are null, lists hold only their literal items */
    jpx_ref *refs;
    size_t refs_count;
    jpx_wait *waits;
    size_t waits_count;
    bool has_options;      /* jp_yield_with: */
    jp_retry_policy retry; /* full policy when has_options */
    int64_t timeout_ms;
} jpx_child;

typedef struct jpx_output {
    const char *slot; /* "default" or named */
    bool forwarded;   /* the child's slot is this output */
    uint32_t child;
    const char *child_slot;
    const char *type; /* handed, and the child may give other values, too: "int64", "string?"; NULL = it may not */
    jpx_bytes value;  /* value document, when not handed */
} jpx_output;

typedef struct jpx_outcome {
    uint64_t number_in_worker;
    jpx_end end;
    jpx_output *outputs; /* RETURN: all of them, "default" included; WAIT: those filled already */
    size_t outputs_count;
    jpx_child *children;
    size_t children_count;
    int64_t retry_in_ms; /* RETRY: -1 = by the policy; RETURN: > 0 = the outputs come after so many ms */
    const char *class_;  /* RETRY, ABORT, WRONG: "retry" "abort" "program" "crash" "timeout" "outputs" "value" ... */
    const char *reason;  /* text, at most JPX_REASON_MAX; for a crash: signal, function, file:line */
    const char *trace;   /* crash or time-out: backtrace, one frame a line; NULL = none */
    int64_t body_us;     /* time in the body */
} jpx_outcome;

#endif
