/* body.h -- between the engine and a body: the attempt that goes in, the outcome that comes out,
 * the registry of pipes and their signatures. No I/O, no clock, no global state; a body's context
 * lives on one thread.
 *
 * Values are BSON. "Array document" means a BSON document with the keys "0", "1", ...; a "value
 * document" is {"v": value}. */
#ifndef JPX_BODY_H
#define JPX_BODY_H

#include "base/base.h"
#include "core/key.h"
#include <bson/bson.h>

/* ---- signatures: "int64 n, string who, double... rest" ---- */
enum { JPX_PARAMS_MAX = 32 };

typedef enum jpx_kind {
    JPX_ANY, JPX_BOOL, JPX_INT64, JPX_DOUBLE, JPX_STRING, JPX_DATETIME, JPX_BINARY, JPX_DOC, JPX_LIST
} jpx_kind;

typedef struct jpx_param {
    char name[JPX_NAME_MAX + 1];
    jpx_kind kind;
    bool rest;     /* "type... name": a list argument that takes all that is left; only the last one */
    bool optional; /* "type? name": null is fine, and so is leaving it out at the end */
} jpx_param;

typedef struct jpx_pipe { /* a registered pipe; immutable after registration */
    jp_def def;               /* a copy, with defaults filled in (attempts, first_ms, factor, limit_ms, jitter, queue "default") */
    char name[JPX_NAME_MAX + 1];  /* def.as or def.name */
    char queue[JPX_NAME_MAX + 1];
    jpx_param takes[JPX_PARAMS_MAX];
    size_t takes_count;
    jpx_kind gives;           /* JPX_ANY when .gives is not set */
    bool gives_optional;
    jpx_param fills[JPX_PARAMS_MAX]; /* named outputs, without "default" */
    size_t fills_count;
} jpx_pipe;

typedef struct jpx_registry jpx_registry;
/* `defs` ends with NULL and is copied. Everything wrong with a definition is told here (JP_E_INVALID): name, place, mend. */
jp_status jpx_registry_new(jpx_registry **out, const jp_def *const *defs, jp_error *err);
void jpx_registry_free(jpx_registry *);
const jpx_pipe *jpx_registry_find(const jpx_registry *, const char *name); /* NULL = not registered */
size_t jpx_registry_count(const jpx_registry *);
const jpx_pipe *jpx_registry_at(const jpx_registry *, size_t i); /* by name, ascending */

const char *jpx_kind_text(jpx_kind); /* "int64" */
bool jpx_kind_accepts(jpx_kind, bson_type_t);
/* "int64 n, string... who" of a pipe, for messages and the CLI. */
const char *jpx_signature_text(const jpx_pipe *, jpx_arena *);

/* Arguments from outside: JSON text, an array (by position) or an object (by name; also for a pipe with parameters), or a bare
 * value for a pipe with one parameter; empty text = no arguments. *out is an array document with one element for each
 * parameter (the rest as one array), checked: missing, extra, wrong type, too large are JP_E_INVALID / JP_E_TOO_LARGE with a
 * message that shows the signature. Integers become int64. */
jp_status jpx_args_from_json(const jpx_pipe *, jpx_bytes json, jpx_arena *, jpx_bytes *out, jp_error *err);
/* Before a body runs: is this array document (resolved) what the pipe takes? */
jp_status jpx_args_check(const jpx_pipe *, jpx_bytes args, jp_error *err);
/* JSON text <-> value document; relaxed Extended JSON, integers int64. */
jp_status jpx_value_from_json(jpx_bytes json, jpx_arena *, jpx_bytes *out, jp_error *err);
const char *jpx_value_to_json(jpx_bytes value_doc, jpx_arena *); /* the value alone, as text */

/* ---- the attempt: what a body is given ---- */
typedef enum jpx_call { JPX_CALL_RUN, JPX_CALL_REPLY, JPX_CALL_FINISHED, JPX_CALL_CANCEL } jpx_call;

enum { JPX_TOKEN_SIZE = 16 };

typedef struct jpx_attempt {
    uint64_t number_in_worker; /* tells attempts in flight apart; echoed in the outcome */
    jpx_call call;
    const char *pipe;          /* registered name */
    jpx_key key;
    uint32_t step;             /* the entry this attempt would write */
    int attempt;               /* 1, 2, ... */
    jpx_bytes args;            /* array document, resolved: one element for each parameter */
    uint8_t token[JPX_TOKEN_SIZE]; /* of the ticket */
    jpx_bytes reply;           /* REPLY: value document */
    jpx_bytes outputs;         /* FINISHED: document of the outputs by name; may be empty */
    bool aborted;              /* FINISHED */
    int64_t timeout_ms;        /* of this attempt's body; 0 = none */
} jpx_attempt;

/* ---- the outcome: how it ended and what it planned ---- */
typedef enum jpx_end {
    JPX_END_RETURN, /* outputs filled or handed to children; with children it is a generation */
    JPX_END_WAIT,
    JPX_END_RETRY,  /* said by the body, or a failed attempt: crash, timeout, missing outputs */
    JPX_END_ABORT,  /* said by the body */
    JPX_END_WRONG   /* a programming error: permanent (SEMANTICS 2.7) */
} jpx_end;

typedef struct jpx_ref { /* a hole in a child's arguments, filled by slots of earlier or later siblings */
    uint32_t arg;        /* parameter */
    uint32_t at;         /* place in the final list; JPX_WHOLE = the slot's value is the argument */
    uint32_t child, count; /* `count` siblings in a row, in order */
    const char *slot;    /* "default" or a named output */
} jpx_ref;
#define JPX_WHOLE UINT32_MAX

typedef struct jpx_wait { uint32_t child, count; } jpx_wait; /* wait until these siblings are finished */

typedef struct jpx_child {
    const char *pipe, *queue;
    const char *at;            /* "file:line" of the yield */
    jpx_bytes args;            /* array document, one element for each parameter; holes are null, lists hold only their literal items */
    jpx_ref *refs;
    size_t refs_count;
    jpx_wait *waits;
    size_t waits_count;
    bool has_options;          /* jp_yield_with: */
    jp_retry_policy retry;     /* full policy when has_options */
    int64_t timeout_ms;
} jpx_child;

typedef struct jpx_output {
    const char *slot;     /* "default" or named */
    bool handed;          /* the child's slot is this output */
    uint32_t child;
    const char *child_slot;
    jpx_bytes value;      /* value document, when not handed */
} jpx_output;

typedef struct jpx_outcome {
    uint64_t number_in_worker;
    jpx_end end;
    jpx_output *outputs;  /* RETURN: all of them, "default" included; WAIT: those filled already */
    size_t outputs_count;
    jpx_child *children;
    size_t children_count;
    int64_t retry_in_ms;  /* RETRY: -1 = by the policy */
    const char *class_;   /* RETRY, ABORT, WRONG: "retry" "abort" "program" "crash" "timeout" "outputs" "value" ... */
    const char *reason;   /* text, at most JPX_REASON_MAX; for a crash: signal, function, file:line */
    const char *trace;    /* crash or time-out: backtrace, one frame a line; NULL = none */
    int64_t body_us;      /* time in the body */
} jpx_outcome;

/* Runs the body on this thread and stack. The outcome lives in `arena`. Never fails: what goes wrong is an outcome. */
void jpx_body_run(const jpx_registry *, const jpx_attempt *, jpx_arena *, jpx_outcome *out);

/* As bytes, between processes (BSON). decode fails with JP_E_DAMAGED on anything else. */
jpx_bytes jpx_attempt_encode(const jpx_attempt *, jpx_arena *);
jp_status jpx_attempt_decode(jpx_bytes, jpx_arena *, jpx_attempt *, jp_error *);
jpx_bytes jpx_outcome_encode(const jpx_outcome *, jpx_arena *);
jp_status jpx_outcome_decode(jpx_bytes, jpx_arena *, jpx_outcome *, jp_error *);

/* Tickets: base64url without padding of pipeline key (24), step (4), token (16). */
enum { JPX_TICKET_TEXT = 60 };
void jpx_ticket_text(char out[JPX_TICKET_TEXT], const jpx_key *, uint32_t step, const uint8_t token[JPX_TOKEN_SIZE]);
bool jpx_ticket_parse(const char *text, jpx_key *, uint32_t *step, uint8_t token[JPX_TOKEN_SIZE]);

#endif
