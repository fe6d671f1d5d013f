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
#include "core/outcome.h"
#include <bson/bson.h>

/* ---- signatures: "int64 n, string who, double... rest" ---- */
enum { JPX_PARAMS_MAX = 32 };

typedef enum jpx_kind {
    JPX_ANY,
    JPX_BOOL,
    JPX_INT64,
    JPX_DOUBLE,
    JPX_STRING,
    JPX_DATETIME,
    JPX_BINARY,
    JPX_DOC,
    JPX_LIST
} jpx_kind;

typedef struct jpx_param {
    char name[JPX_NAME_MAX + 1];
    jpx_kind kind;
    bool rest;     /* "type... name": a list argument that takes all that is left; only the last one */
    bool optional; /* "type? name": null is fine, and so is leaving it out at the end */
} jpx_param;

typedef struct jpx_pipe { /* a registered pipe; immutable after registration */
    jp_def def; /* a copy, with defaults filled in (attempts, first_ms, factor, limit_ms, jitter, queue "default") */
    char name[JPX_NAME_MAX + 1]; /* def.as or def.name */
    char queue[JPX_NAME_MAX + 1];
    jpx_param takes[JPX_PARAMS_MAX];
    size_t takes_count;
    jpx_kind gives; /* JPX_ANY when .gives is not set */
    bool gives_optional;
    bool promise;                    /* the library's own pipe behind jp_promise */
    jpx_param fills[JPX_PARAMS_MAX]; /* named outputs, without "default" */
    size_t fills_count;
} jpx_pipe;

typedef struct jpx_registry jpx_registry;
/* `defs` ends with NULL and is copied. Everything wrong with a definition is told here (JP_E_INVALID): name, place,
 * mend. */
jp_status jpx_registry_new(jpx_registry **out, const jp_def *const *defs, jp_error *err);
void jpx_registry_free(jpx_registry *);
const jpx_pipe *jpx_registry_find(const jpx_registry *, const char *name); /* NULL = not registered */
size_t jpx_registry_count(const jpx_registry *);
const jpx_pipe *jpx_registry_at(const jpx_registry *, size_t i); /* by name, ascending */

const char *jpx_kind_text(jpx_kind); /* "int64" */
bool jpx_kind_accepts(jpx_kind, bson_type_t);
/* "int64 n, string... who" of a pipe, for messages and the CLI. */
const char *jpx_signature_text(const jpx_pipe *, jpx_arena *);

/* Arguments from outside: JSON text, an array (by position) or an object (by name; also for a pipe with parameters), or
 * a bare value for a pipe with one parameter; empty text = no arguments. *out is an array document with one element for
 * each parameter (the rest as one array), checked: missing, extra, wrong type, too large are JP_E_INVALID /
 * JP_E_TOO_LARGE with a message that shows the signature. Integers become int64. */
jp_status jpx_args_from_json(const jpx_pipe *, jpx_bytes json, jpx_arena *, jpx_bytes *out, jp_error *err);
/* Before a body runs: is this array document (resolved) what the pipe takes? */
jp_status jpx_args_check(const jpx_pipe *, jpx_bytes args, jp_error *err);
/* JSON text <-> value document; relaxed Extended JSON, integers int64. */
jp_status jpx_value_from_json(jpx_bytes json, jpx_arena *, jpx_bytes *out, jp_error *err);
const char *jpx_value_to_json(jpx_bytes value_doc, jpx_arena *); /* the value alone, as text */

/* Arguments and values given in C outside of a body (clients, trials): futures and lists are JP_E_INVALID. */
jp_status jpx_args_from_values(const jpx_pipe *, size_t count, const jp_value *, jpx_arena *, jpx_bytes *out,
                               jp_error *err);
jp_status jpx_value_from_value(jp_value, jpx_arena *, jpx_bytes *out /* value document */, jp_error *err);

/* ---- the attempt: what a body is given ---- */
typedef enum jpx_call { JPX_CALL_RUN, JPX_CALL_REPLY, JPX_CALL_FINISHED, JPX_CALL_CANCEL } jpx_call;

enum { JPX_SECRET_SIZE = 16, JPX_TOKEN_SIZE = 16, JPX_TOKEN_HASH_SIZE = 32 };

typedef struct jpx_attempt {
    uint64_t number_in_worker; /* tells attempts in flight apart; echoed in the outcome */
    jpx_call call;
    const char *pipe; /* registered name */
    jpx_key key;
    uint32_t step;                   /* the entry this attempt would write */
    int attempt;                     /* 1, 2, ... */
    jpx_bytes args;                  /* array document, resolved: one element for each parameter */
    uint8_t secret[JPX_SECRET_SIZE]; /* of this execution: see secret.c */
    jpx_bytes reply;                 /* REPLY: value document */
    jpx_bytes
        outputs;  /* FINISHED: document of the outputs by name; may be empty. REPLY: those filled before the wait */
    bool aborted; /* FINISHED */
    int64_t timeout_ms; /* of this attempt's body; 0 = none */
} jpx_attempt;

/* Is the value of the type "int64" or "int64?"? `given`: what it is, in words. A text that names no type holds all. */
bool jpx_type_holds(const char *type, jpx_bytes value_doc, const char **given);
/* A reply for a wait of this pipe with these arguments: without on_reply it must be what .gives says, or the promise.
 * JP_E_INVALID, JP_E_TOO_LARGE; JP_E_DAMAGED: the arguments are not a promise's. */
jp_status jpx_reply_check(const jpx_pipe *, jpx_bytes args, jpx_bytes value_doc, jp_error *err);

/* Runs the body on this thread and stack. The outcome lives in `arena`. Never fails: what goes wrong is an outcome. */
void jpx_body_run(const jpx_registry *, const jpx_attempt *, jpx_arena *, jpx_outcome *out);

/* As bytes, between processes (BSON). decode fails with JP_E_DAMAGED on anything else. */
jpx_bytes jpx_attempt_encode(const jpx_attempt *, jpx_arena *);
jp_status jpx_attempt_decode(jpx_bytes, jpx_arena *, jpx_attempt *, jp_error *);
jpx_bytes jpx_outcome_encode(const jpx_outcome *, jpx_arena *);
jp_status jpx_outcome_decode(jpx_bytes, jpx_arena *, jpx_outcome *, jp_error *);

/* Out of an attempt's secret: the id of the generation it may plan; the token of the promise that is child number
 * `child` of it, or of its own ticket (JPX_OWN_TICKET). Records have a token's hash only: reading the store does not
 * give tickets. */
#define JPX_OWN_TICKET UINT32_MAX
void jpx_secret_generation(const uint8_t secret[JPX_SECRET_SIZE], uint8_t gen[JPX_GEN_SIZE]);
void jpx_secret_token(const uint8_t secret[JPX_SECRET_SIZE], uint32_t child, uint8_t token[JPX_TOKEN_SIZE]);
void jpx_token_hash(const uint8_t token[JPX_TOKEN_SIZE], uint8_t out[JPX_TOKEN_HASH_SIZE]);

/* What a promise with these arguments may be answered with; false: the arguments are not a promise's. */
bool jpx_promise_kind(jpx_bytes args, jpx_kind *, bool *optional);

/* Tickets: base64url without padding of pipeline key (24), step (4), token (16). */
enum { JPX_TICKET_TEXT = 60 };
void jpx_ticket_text(char out[JPX_TICKET_TEXT], const jpx_key *, uint32_t step, const uint8_t token[JPX_TOKEN_SIZE]);
bool jpx_ticket_parse(const char *text, jpx_key *, uint32_t *step, uint8_t token[JPX_TOKEN_SIZE]);

#endif
