/* outcome.h -- how an attempt ended and what it planned: what a body hands to the engine. It may come from a process
 * whose heap the body has corrupted, so nothing in it can be trusted before jpx_plan_check(). */
#ifndef JPX_OUTCOME_H
#define JPX_OUTCOME_H

#include "core/key.h"

typedef enum jpx_end {
    JPX_END_RETURN, /* outputs filled or forwarded to children; with children, a generation is planned */
    JPX_END_WAIT,
    JPX_END_RETRY, /* the body asked for it, or the attempt failed: crash, timeout, missing outputs */
    JPX_END_ABORT, /* the body asked for it */
    JPX_END_WRONG  /* a programming error: permanent (SEMANTICS 2.7) */
} jpx_end;

typedef struct jpx_ref {   /* a hole in a child's arguments, to be filled from slots of earlier siblings */
    uint32_t arg;          /* index of the parameter */
    uint32_t at;           /* index in the final list; JPX_WHOLE: the slot's value is the argument */
    uint32_t child, count; /* `count` siblings in a row, in order */
    const char *slot;      /* "default" or a named output */
} jpx_ref;
#define JPX_WHOLE UINT32_MAX

typedef struct jpx_wait {
    uint32_t child, count;
} jpx_wait; /* start after `count` siblings in a row are finished */

typedef struct jpx_child {
    const char *pipe, *queue;
    const char *at; /* "file:line" of the yield */
    /* Array document, one element for each parameter. A hole is null; in a list, holes are left out. */
    jpx_bytes args;
    jpx_ref *refs;
    size_t refs_count;
    jpx_wait *waits;
    size_t waits_count;
    bool has_options;      /* jp_yield_with: `retry` replaces the pipe's policy */
    jp_retry_policy retry; /* complete */
    int64_t timeout_ms;    /* 0 = the pipe's */
} jpx_child;

typedef struct jpx_output {
    const char *slot; /* "default" or named */
    bool forwarded;   /* a child's slot is this output */
    uint32_t child;
    const char *child_slot;
    const char *type; /* if the child declares less: what its value must be, "int64", "string?"; else NULL */
    jpx_bytes value;  /* value document; not if forwarded */
} jpx_output;

typedef struct jpx_outcome {
    uint64_t number_in_worker;
    jpx_end end;
    jpx_output *outputs; /* RETURN: all outputs, "default" included; WAIT: those filled so far */
    size_t outputs_count;
    jpx_child *children;
    size_t children_count;
    int64_t retry_in_ms; /* RETRY: -1: the policy decides; RETURN: > 0: the outputs are filled after this delay */
    const char *class_;  /* RETRY, ABORT, WRONG: "retry" "abort" "program" "crash" "timeout" "outputs" "value" ... */
    const char *reason;  /* at most JPX_REASON_MAX bytes; of a crash: signal, function, file:line */
    const char *trace;   /* of a crash or timeout: backtrace, one frame a line; NULL = none */
    int64_t body_us;     /* how long the body ran */
} jpx_outcome;

#endif
