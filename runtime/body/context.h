/* context.h -- one attempt at work: struct jp_ctx, shared by the files of this folder and by nobody else.
 *
 * Invariants: everything it points to is in its arena or borrowed from the attempt and the registry, which outlive it;
 * one thread; `nonce` is never 0 and differs between attempts, so that a future or an ending of another body is known;
 * children are only ever appended; the first mistake stays. */
#ifndef JPX_CONTEXT_H
#define JPX_CONTEXT_H

#include "body/body.h"
#include "body/list.h"

enum {
    JPX_SCOPES_MAX = 64,     /* open at the same time                                   */
    JPX_ENDINGS_MAX = 1000,  /* calls of jp_return and its sisters in one body          */
    JPX_LIST_MAX = 16000000, /* items of one list                                       */
    JPX_ENVELOPE = 64,       /* what a document of one value adds to the value's bytes  */
    JPX_CHUNK = 1024         /* children are kept in chunks, so that none is ever moved */
};

/* Ten years: sums of delays and times stay far from the end of int64. */
#define JPX_DELAY_MAX_MS (INT64_C(10) * 366 * 24 * 3600 * 1000)

/* A child in the plan, smaller than the jpx_child that it becomes. */
typedef struct jpx_planned {
    const jpx_pipe *pipe;
    const char *at;
    const uint8_t *args;
    const jpx_ref *refs;
    const jpx_wait *waits; /* often shared with its siblings */
    const jp_options *options;
    uint32_t args_size, refs_count, waits_count;
} jpx_planned;

typedef struct jpx_open_scope {
    bool in_order;
    uint32_t last;         /* in_order: the child before, or NO_CHILD */
    const jpx_wait *waits; /* of this scope and all around it, sorted, merged */
    uint32_t waits_count;
} jpx_open_scope;
#define JPX_NO_CHILD UINT32_MAX

typedef struct jpx_ending {
    jpx_end end;
    jpx_output output; /* RETURN: the default one */
    int64_t retry_in_ms;
    const char *reason;
    const char *at;
} jpx_ending;

typedef struct jpx_arg { /* an argument as it stands in the attempt */
    bool there;
    jp_value value;
    uint32_t *offsets; /* of the items of a list, made when first asked for */
    size_t count;
} jpx_arg;

struct jp_ctx {
    const jpx_registry *registry;
    const jpx_attempt *attempt;
    const jpx_pipe *pipe;
    jpx_arena *arena;
    uint32_t nonce;

    jpx_arg args[JPX_PARAMS_MAX];
    jpx_writer scratch; /* where the arguments of a child are put together */

    jpx_planned **chunks;
    size_t chunks_count, chunks_cap;
    uint32_t children;
    const jp_def *last_def; /* the definition that was yielded last, and what it is registered as */
    const char *last_name;
    const jpx_pipe *last_pipe;

    jpx_open_scope *scopes;
    size_t scopes_count, scopes_cap;

    jpx_output *fills; /* by the order of pipe->fills; slot is NULL where not filled */
    jpx_ending *endings;
    size_t endings_count, endings_cap;

    const char *wrong;  /* the first programming error                  */
    const char *failed; /* the first value that cannot be stored        */
    const char *hook;   /* jp_hook_failed                               */
};

/* Marks the attempt: a programming error; a value that cannot be stored (a failed attempt). The first one stays. The
 * message is "Pipe, file.c:12: " and the rest, which is the cause, a colon and the mend, in lower case without a full
 * stop: "AddTwo, math.c:12: AddOne wants int64 n, is given string: pass an int64, or change .takes of AddOne". */
void jpx_wrong(jp_ctx *, const char *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void jpx_unstorable(jp_ctx *, const char *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* "dir/file.c:12" -> "file.c:12" */
const char *jpx_place(const char *at);
const char *jpx_pipe_name(const jp_def *); /* .as or .name */

/* A future of this very attempt? Otherwise false, and the attempt is marked. A future that came out of a call that
 * failed is passed over in silence: its mistake has been told. */
bool jpx_future_check(jp_ctx *, jp_future, const char *at);
const jpx_planned *jpx_child_at(const jp_ctx *, uint32_t child);
const char *jpx_future_slot(const jp_ctx *, jp_future);
/* What a slot of a child holds; *optional: it may be null. */
jpx_kind jpx_slot_kind(const jp_ctx *, uint32_t child, const char *slot, bool *optional);

/* A list with futures as the future of a child that gathers it, for places that take one value or one future; every
 * other value as it is. */
jp_value jpx_gathered(jp_ctx *, jp_value, const char *at);

/* Only in bodies and on_reply: otherwise false, and the attempt is marked. */
bool jpx_may_plan(jp_ctx *, const char *what, const char *at);
/* Waits of a child that is yielded now; moves the in_order scope on. */
const jpx_wait *jpx_scope_waits(jp_ctx *, uint32_t child, uint32_t *count);
/* The children as the engine wants them. */
jpx_child *jpx_children(const jp_ctx *, size_t *count);

/* ---- values ---- */
bool jpx_value_read(const bson_iter_t *, jp_value *out); /* false: a type that values cannot have */
bson_type_t jpx_value_type(jp_value);                    /* not of a future */
const char *jpx_type_text(jp_type);                      /* "int64" */
const char *jpx_type_phrase(jp_type);                    /* "an int64" */
const char *jpx_kind_phrase(jpx_kind);
/* What reads an argument of this type, by its text: "jp_int64", "jp_document" of doc and list. */
const char *jpx_getter(const char *type, jpx_arena *);
/* What to pass where a value of another type was: "pass an int64". */
const char *jpx_pass_phrase(jpx_kind wanted, jp_type given, jpx_arena *);
/* What is wrong with a policy and a timeout, and the mend, as one clause; NULL = nothing. */
const char *jpx_policy_bad(const jp_retry_policy *, int64_t timeout_ms, jpx_arena *);
bool jpx_kind_takes(jpx_kind, jp_type); /* like jpx_kind_accepts; not of a future */

/* For the getters: is this value what was asked for? A doc asked for may be a list, too. */
bool jpx_value_suits(jp_value, jpx_kind wanted);
double jpx_as_double(jp_value);
jp_doc jpx_empty_doc(void);
/* A list without futures as an array value; every other value as it is. */
jp_value jpx_readable(jp_ctx *, jp_value);

/* The getters that exist for each type: name, C type, kind, the member of the value `v`, what a failed one returns. */
#define JPX_GETTER_MAP(X)                                                                                              \
    X(int64, int64_t, JPX_INT64, v.as.i64, 0)                                                                          \
    X(double, double, JPX_DOUBLE, jpx_as_double(v), 0)                                                                 \
    X(bool, bool, JPX_BOOL, v.as.b, false)                                                                             \
    X(string, const char *, JPX_STRING, v.as.str, "")                                                                  \
    X(datetime, int64_t, JPX_DATETIME, v.as.i64, 0)                                                                    \
    X(binary, jp_bytes, JPX_BINARY, v.as.bytes, ((jp_bytes){(const uint8_t *)"", 0}))                                  \
    X(document, jp_doc, JPX_DOC, v.as.doc, jpx_empty_doc())

/* For messages: texts from bodies and from outside may hold anything. At most `most` bytes of `text`, which has more or
 * ends with NUL, as valid UTF-8. */
const char *jpx_clean_text(jpx_arena *, const char *text, size_t most);

/* Where in the attempt a document stands, "args.options", "reply", "outputs.rows"; "" when it is the body's own. */
const char *jpx_origin(jp_ctx *, jp_value doc);

/* ---- arguments of a call: values and futures as what a pipe takes ---- */
typedef struct jpx_bound {
    jpx_bytes args;
    jpx_ref *refs;
    size_t refs_count;
    const char *wrong;      /* a programming error: "AddOne wants int64 n, is given string" */
    const char *mend;       /* what a body does about it: "pass an int64, or change .takes of AddOne" */
    const char *unstorable; /* "argument n of AddOne holds text that is not UTF-8" */
} jpx_bound;
/* The arguments are `values`, or the items of `list` when it is not NULL; among the items of a list argument there is
 * no list with futures (jpx_gathered). p NULL: outside a body, where futures are wrong. */
jpx_bound jpx_bind(jp_ctx *p, const jpx_pipe *, size_t count, const jp_value *values, const jp_list *list,
                   const char *at, jpx_arena *);

/* A value as the value document of an output or argument of `kind`; an int64 becomes a double where one is asked for.
 */
jpx_bytes jpx_value_doc(jp_value, jpx_kind, jpx_arena *, const char **bad);

/* The library's own pipes, known to every registry, shown by none: the one that gathers a list with futures into one
 * value, and the one behind jp_promise. */
extern const jp_def jpx_gather, jpx_promise;

#endif
