/* jetpipe.h -- all that the author of a pipe needs, and nothing else.
 *
 * A pipe is a named function. Its body runs once per attempt, from top to bottom, and never waits:
 * jp_yield() only writes a child into this attempt's plan and hands back a future for its output.
 * When the body returns, the plan and the result are committed together, or not at all.
 *
 * Memory: whatever a body gets from here (strings, values, lists) lives until the body returns, or until
 * the hook returns in a hook. Nothing is freed by hand. What is passed in is copied by the call that takes it.
 * A jp_ctx belongs to the thread that runs its body. Nothing that takes a jp_ctx blocks.
 *
 * Mistakes: a program that uses this interface wrongly (a wrong name or type, a future of another body) gets zeros
 * and empty strings, and its attempt is marked: whatever the body then ends with, the whole run aborts with
 * the first such message, which names the pipe, the source line, the cause and the mend. There is nothing to check
 * after a call.
 *
 * Compiles as C11, C23 and C++20 with gcc or clang. In C11 `true` is an int: write (bool)true to pass a bool.
 * In C++ the members of jp_def are given in their order below. */
#ifndef JETPIPE_H
#define JETPIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a program compiled with an older header cannot run with a newer library. Checked at registration. */
#define JP_ABI 1

#define JP_API                     __attribute__((visibility("default")))
#define JP_PRINTF_(format_, args_) __attribute__((format(printf, format_, args_)))
#define JP_USE_                    __attribute__((warn_unused_result))
/* A member that may be left out. C++ warns of one that is, unless it has a value of its own; in C it is zero anyway. */
#ifdef __cplusplus
#define JP_OPT_ = {}
#else
#define JP_OPT_
#endif

/* ---- values ------------------------------------------------------------------------------- */

typedef struct jp_ctx jp_ctx;   /* one attempt at one pipe; borrowed by the body          */
typedef struct jp_list jp_list; /* values and futures gathered in a body; lives in its context */

/* A whole BSON document as bytes, borrowed. */
typedef struct jp_doc {
    const uint8_t *data;
    uint32_t size;
} jp_doc;

/* Bytes, borrowed; as a value they are a BSON binary. */
typedef struct jp_bytes {
    const uint8_t *data;
    size_t size;
} jp_bytes;

/* Stands for an output of a child that was yielded; never for a value. {0} is no future. The members of the
 * next two are for the library. They are structs, not integers, so that the compiler tells a future from a count
 * and a body cannot end with `return 0`. */
typedef struct jp_future {
    uint32_t child_, slot_, body_;
} jp_future;

/* How a body ended; comes from jp_return and its four sisters only. */
typedef struct jp_end {
    uint32_t verb_, body_;
} jp_end;

typedef enum jp_type {
    JP_NULL,
    JP_BOOL,
    JP_INT64,
    JP_DOUBLE,
    JP_STRING,   /* UTF-8 without NUL bytes                                        */
    JP_DATETIME, /* as.i64: milliseconds since 1970, UTC                           */
    JP_BINARY,   /* as.bytes                                                       */
    JP_DOC,      /* as.doc                                                         */
    JP_ARRAY,    /* as.doc: a BSON document with the keys "0", "1", ...            */
    JP_LIST,     /* as.list: on its way to a child or an output, never read back   */
    JP_FUTURE    /* as.future: likewise                                            */
} jp_type;

/* One value. Strings, bytes and documents are borrowed: of the attempt for what the library hands out. */
typedef struct jp_value {
    jp_type type;
    union {
        bool b;
        int64_t i64;
        double f64;
        const char *str;
        jp_bytes bytes;
        jp_doc doc;
        const jp_list *list;
        jp_future future;
    } as;
} jp_value;

/* jp_v(x), below, makes a value of anything that has one: bool, int, long, double, const char *, jp_doc, jp_bytes,
 * jp_list *, jp_future, jp_value. size_t, uint64_t and char are refused by the compiler: BSON has no unsigned
 * 64-bit number, and a char is as likely a number as a letter. Every macro here converts its arguments with it.
 * The functions do not copy; a NULL string or list becomes null. */
JP_API jp_value jp_v_null(void);
JP_API jp_value jp_v_bool(bool);
JP_API jp_value jp_v_int64(int64_t);
JP_API jp_value jp_v_double(double);
JP_API jp_value jp_v_string(const char *);
JP_API jp_value jp_v_datetime(int64_t ms_since_1970);
JP_API jp_value jp_v_binary(const void *data, size_t size);
JP_API jp_value jp_v_bytes(jp_bytes);
JP_API jp_value jp_v_doc(jp_doc);
JP_API jp_value jp_v_list(const jp_list *);
JP_API jp_value jp_v_future(jp_future);
JP_API jp_value jp_v_value(jp_value);

/* ---- statuses and errors ------------------------------------------------------------------ */

/* Every operating error there is. Class: caller (mend the call), retry (may pass by itself), stop
 * (will not pass by itself), bug (ours: please report). Exit codes of the command are the number. */
#define JP_STATUS_MAP(X)                                                                                               \
    X(OK, 0, "ok", none)                                                                                               \
    X(E_INVALID, 2, "invalid input", caller)                                                                           \
    X(E_NOT_FOUND, 3, "not found", caller)                                                                             \
    X(E_EXISTS, 4, "exists already", caller)                                                                           \
    X(E_REFUSED, 5, "refused", caller)                                                                                 \
    X(E_TOO_LARGE, 6, "too large", caller)                                                                             \
    X(E_UNAVAILABLE, 7, "not available", retry)                                                                        \
    X(E_TIMEOUT, 8, "timed out", retry)                                                                                \
    X(E_DENIED, 9, "denied", stop)                                                                                     \
    X(E_FULL, 10, "no space left", retry)                                                                              \
    X(E_DAMAGED, 11, "damaged record", stop)                                                                           \
    X(E_INTERNAL, 12, "internal error", bug)

typedef enum jp_status {
#define JP_STATUS_ENUM_(name, number, text, class_) JP_##name = (number),
    JP_STATUS_MAP(JP_STATUS_ENUM_)
#undef JP_STATUS_ENUM_
} jp_status;

/* What went wrong: filled in by every function that takes one and does not return JP_OK.
 * `text` is one sentence: what, where and the mend. */
typedef struct jp_error {
    jp_status status;
    char text[512];
} jp_error;

JP_API const char *jp_status_text(jp_status); /* "not found"; static */
JP_API const char *jp_version(void);          /* "0.1.0"; static */

/* ---- what a pipe is ----------------------------------------------------------------------- */

#define JP_SECONDS(n) (1000 * (int64_t)(n))
#define JP_MINUTES(n) (60 * 1000 * (int64_t)(n))
#define JP_HOURS(n)   (3600 * 1000 * (int64_t)(n))

/* Delay before execution k + 1 is first_ms * factor^(k - 1), at most limit_ms, then jittered. A member that is 0 is
 * the library's default, named here; a negative one is refused at registration (but jitter takes JP_NO_JITTER). */
#define JP_NO_JITTER (-1.0)
typedef struct jp_retry_policy {
    int attempts JP_OPT_;     /* executions in all, the first included: 3                  */
    int64_t first_ms JP_OPT_; /* 1000                                                      */
    double factor JP_OPT_;    /* 2.0                                                       */
    int64_t limit_ms JP_OPT_; /* 600,000: ten minutes                                      */
    double jitter JP_OPT_;    /* 0.1 = plus or minus 10 %; below 1                         */
} jp_retry_policy;

/* A definition is a plain struct: copy it, change it, register the copy. Strings must outlive registration, which
 * copies them. A signature (takes, fills) is a list "type name, type name"; the types are any, bool, int64, double,
 * string, datetime, binary, doc and list. "type? name" may be null or left out at the end; the last one of takes
 * may be "type... name": a list of all that is left. */
typedef struct jp_def {
    int abi;                       /* JP_ABI, by JP_PIPE                                            */
    const char *name;              /* the C identifier                                              */
    jp_end (*run)(jp_ctx *);       /* the body                                                      */
    const char *at;                /* "file:line" of the definition, for messages                   */
    const char *as JP_OPT_;        /* durable name if it must differ from the identifier            */
    const char *takes JP_OPT_;     /* arguments; checked at start, at each yield, before each run   */
    const char *gives JP_OPT_;     /* type of the output, "int64" or "int64?"; NULL = any           */
    const char *fills JP_OPT_;     /* named outputs beside the default one: "int64 rows, doc log"   */
    const char *queue JP_OPT_;     /* which workers run it; NULL = "default"                        */
    int64_t timeout_ms JP_OPT_;    /* of one attempt, body or wait for the reply; 0 = none          */
    jp_retry_policy retry JP_OPT_; /* what follows a failed attempt                                 */
    bool async JP_OPT_;            /* may end with jp_wait()                                        */
    jp_end (*on_reply)(jp_ctx *, jp_value reply) JP_OPT_; /* takes the reply; none: it is the output   */
    void (*on_finished)(jp_ctx *, bool aborted) JP_OPT_;  /* after its whole subtree, at least once; see jp_output */
    void (*on_cancel)(jp_ctx *) JP_OPT_; /* its wait for a reply was ended by an abort                    */
    size_t size JP_OPT_;                 /* sizeof(jp_def), by JP_PIPE                                    */
} jp_def;

/* JP_PIPE(Name, p, .option = ...) { body }   defines `const jp_def Name` and the body `Name_run(jp_ctx *p)`.
 * JP_DECLARE(Name);   for headers: Name is defined in another file. */
#define JP_PIPE(...) JP_DEFINE_(__VA_ARGS__, .size = sizeof(jp_def))
#define JP_DEFINE_(Name, ctx, ...)                                                                                     \
    static jp_end Name##_run(jp_ctx *ctx);                                                                             \
    extern const jp_def Name;                                                                                          \
    const jp_def Name = {.abi = JP_ABI, .name = #Name, .run = Name##_run, .at = JP_AT, __VA_ARGS__};                   \
    static jp_end Name##_run(jp_ctx *ctx)
#define JP_DECLARE(Name) extern const jp_def Name

/* The program: registers the pipes (a list that ends with NULL) and does what the command line says: serve, run, start,
 * tree, reply, abort, ... Returns the exit code. Blocks until the command is done; `serve` until SIGTERM. */
JP_API int jp_main(int argc, char **argv, const jp_def *const *pipes);

/* ---- reading arguments: by the names in .takes -------------------------------------------- */

/* jp_int64(p, "n"): the argument of that name and type. Another name or type than .takes says, or an optional argument
 * that was not given, is a mistake (see the top). An argument of type `any` may be read as what it holds.
 * jp_double also reads an int64 argument of type any; jp_document gives the bytes of a doc or of a list. */
#define jp_int64(p, name)    jp_read_int64((p), (name), JP_AT)
#define jp_double(p, name)   jp_read_double((p), (name), JP_AT)
#define jp_bool(p, name)     jp_read_bool((p), (name), JP_AT)
#define jp_string(p, name)   jp_read_string((p), (name), JP_AT)   /* NUL-terminated */
#define jp_datetime(p, name) jp_read_datetime((p), (name), JP_AT) /* ms since 1970, UTC */
#define jp_binary(p, name)   jp_read_binary((p), (name), JP_AT)   /* jp_bytes */
#define jp_document(p, name) jp_read_document((p), (name), JP_AT) /* jp_doc */
#define jp_arg(p, name)      jp_read_arg((p), (name), JP_AT)      /* jp_value of any type, null included */
#define jp_given(p, name)    jp_read_given((p), (name), JP_AT)    /* bool: it is not null */

/* Items of a `type... name` or `list name` argument: how many, and number i from 0. */
#define jp_count(p, name)          jp_read_count((p), (name), JP_AT) /* size_t; 0 for null */
#define jp_int64_at(p, name, i)    jp_item_int64((p), (name), (i), JP_AT)
#define jp_double_at(p, name, i)   jp_item_double((p), (name), (i), JP_AT)
#define jp_bool_at(p, name, i)     jp_item_bool((p), (name), (i), JP_AT)
#define jp_string_at(p, name, i)   jp_item_string((p), (name), (i), JP_AT)
#define jp_datetime_at(p, name, i) jp_item_datetime((p), (name), (i), JP_AT)
#define jp_binary_at(p, name, i)   jp_item_binary((p), (name), (i), JP_AT)
#define jp_document_at(p, name, i) jp_item_document((p), (name), (i), JP_AT)
#define jp_arg_at(p, name, i)      jp_item_arg((p), (name), (i), JP_AT)

JP_API int64_t jp_read_int64(jp_ctx *, const char *name, const char *at);
JP_API double jp_read_double(jp_ctx *, const char *name, const char *at);
JP_API bool jp_read_bool(jp_ctx *, const char *name, const char *at);
JP_API const char *jp_read_string(jp_ctx *, const char *name, const char *at);
JP_API int64_t jp_read_datetime(jp_ctx *, const char *name, const char *at);
JP_API jp_bytes jp_read_binary(jp_ctx *, const char *name, const char *at);
JP_API jp_doc jp_read_document(jp_ctx *, const char *name, const char *at);
JP_API jp_value jp_read_arg(jp_ctx *, const char *name, const char *at);
JP_API bool jp_read_given(jp_ctx *, const char *name, const char *at);
JP_API size_t jp_read_count(jp_ctx *, const char *name, const char *at);
JP_API int64_t jp_item_int64(jp_ctx *, const char *name, size_t i, const char *at);
JP_API double jp_item_double(jp_ctx *, const char *name, size_t i, const char *at);
JP_API bool jp_item_bool(jp_ctx *, const char *name, size_t i, const char *at);
JP_API const char *jp_item_string(jp_ctx *, const char *name, size_t i, const char *at);
JP_API int64_t jp_item_datetime(jp_ctx *, const char *name, size_t i, const char *at);
JP_API jp_bytes jp_item_binary(jp_ctx *, const char *name, size_t i, const char *at);
JP_API jp_doc jp_item_document(jp_ctx *, const char *name, size_t i, const char *at);
JP_API jp_value jp_item_arg(jp_ctx *, const char *name, size_t i, const char *at);

/* ---- the attempt itself ------------------------------------------------------------------- */

JP_API int jp_attempt(const jp_ctx *); /* 1, 2, ... */
/* The same text on every attempt of this pipeline and on no other: an idempotency key for the outside. */
JP_API const char *jp_key(jp_ctx *);
/* Names this attempt's wait to the outside; unguessable. Only in pipes that are .async; each attempt has its own. */
#define jp_ticket(p) jp_ticket_of((p), JP_AT)
JP_API const char *jp_ticket_of(jp_ctx *, const char *at);
/* Zeroed memory, aligned for any type, that lives until the body returns. Never NULL: out of memory ends the attempt.
 */
JP_API void *jp_alloc(jp_ctx *, size_t size);
/* printf into such memory. */
JP_API const char *jp_format(jp_ctx *, const char *fmt, ...) JP_PRINTF_(2, 3);

/* ---- documents and lists ------------------------------------------------------------------ */

/* A value in a document (or array, or reply), by dotted path: jp_get_int64(p, order, "lines.0.cents"). What is not
 * there, or of another type, is a mistake (see the top): ask jp_has first where that may happen. jp_get_double takes an
 * int64, too. */
#define jp_get(p, doc, path)          jp_path_value((p), jp_v(doc), (path), JP_AT) /* jp_value of any type */
#define jp_get_int64(p, doc, path)    jp_path_int64((p), jp_v(doc), (path), JP_AT)
#define jp_get_double(p, doc, path)   jp_path_double((p), jp_v(doc), (path), JP_AT)
#define jp_get_bool(p, doc, path)     jp_path_bool((p), jp_v(doc), (path), JP_AT)
#define jp_get_string(p, doc, path)   jp_path_string((p), jp_v(doc), (path), JP_AT)
#define jp_get_datetime(p, doc, path) jp_path_datetime((p), jp_v(doc), (path), JP_AT)
#define jp_get_binary(p, doc, path)   jp_path_binary((p), jp_v(doc), (path), JP_AT)
#define jp_get_document(p, doc, path) jp_path_document((p), jp_v(doc), (path), JP_AT)
#define jp_has(p, doc, path)          jp_path_has((p), jp_v(doc), (path)) /* it is there and not null; never a mistake */
#define jp_size(p, doc)               jp_size_of((p), jp_v(doc), JP_AT)   /* members of a document, items of a list */

JP_API jp_value jp_path_value(jp_ctx *, jp_value doc, const char *path, const char *at);
JP_API int64_t jp_path_int64(jp_ctx *, jp_value doc, const char *path, const char *at);
JP_API double jp_path_double(jp_ctx *, jp_value doc, const char *path, const char *at);
JP_API bool jp_path_bool(jp_ctx *, jp_value doc, const char *path, const char *at);
JP_API const char *jp_path_string(jp_ctx *, jp_value doc, const char *path, const char *at);
JP_API int64_t jp_path_datetime(jp_ctx *, jp_value doc, const char *path, const char *at);
JP_API jp_bytes jp_path_binary(jp_ctx *, jp_value doc, const char *path, const char *at);
JP_API jp_doc jp_path_document(jp_ctx *, jp_value doc, const char *path, const char *at);
JP_API bool jp_path_has(jp_ctx *, jp_value doc, const char *path);
JP_API size_t jp_size_of(jp_ctx *, jp_value doc, const char *at);

/* jp_each(p, item, lines) { ... }             item is a jp_value: each item of a list, each value of a document
 * jp_each_member(p, key, item, order) { ... } and key its name (a const char *; "0", "1", ... in a list)
 * In order; `break` and `continue` as in any loop. Null has no items. */
#define jp_each(p, item, doc)             JP_EACH_(JP_CAT_(jp_iter_, __COUNTER__), p, item, doc)
#define jp_each_member(p, key, item, doc) JP_MEMBER_(JP_CAT_(jp_iter_, __COUNTER__), p, key, item, doc)
#define JP_EACH_(it, p, item, doc)                                                                                     \
    for (jp_iter it = jp_each_begin((p), jp_v(doc), JP_AT); jp_each_next(&it);)                                        \
        for (jp_value item = it.value_; it.busy_; it.busy_ = false)
#define JP_MEMBER_(it, p, key, item, doc)                                                                              \
    for (jp_iter it = jp_each_begin((p), jp_v(doc), JP_AT); jp_each_next(&it);)                                        \
        for (const char *key = it.key_; it.outer_; it.outer_ = false)                                                  \
            for (jp_value item = it.value_; it.busy_; it.outer_ = it.busy_ = false)

typedef struct jp_iter { /* for jp_each */
    jp_ctx *p_;
    jp_doc doc_;
    uint32_t offset_;
    const char *key_;
    jp_value value_;
    bool busy_, outer_; /* still true when `break` left the loop */
} jp_iter;
JP_API jp_iter jp_each_begin(jp_ctx *, jp_value doc, const char *at);
JP_API bool jp_each_next(jp_iter *);

/* jp_object(p, "id", 17, "paid", (bool)true, "lines", lines): a document of at most 15 keys and values in turn, each
 * key once. No futures: pass those as arguments of their own, or in a list. */
#define jp_object(...) jp_object_v(JP_VALUES_(__VA_ARGS__), JP_AT)
JP_API jp_value jp_object_v(jp_ctx *, size_t count, const jp_value *keys_and_values, const char *at);

/* Lists keep their order and may mix values and futures; an argument, an output or a part of one. jp_array(p, 5,
 * future, 7) is a list of at most 30 items; jp_push adds one more. A list that was given to a child may still grow. */
JP_API jp_list *jp_list_new(jp_ctx *);
#define jp_array(...)    jp_array_v(JP_VALUES_(__VA_ARGS__), JP_AT)
#define jp_push(list, x) jp_push_v((list), jp_v(x), JP_AT)
JP_API jp_list *jp_array_v(jp_ctx *, size_t count, const jp_value *, const char *at);
JP_API void jp_push_v(jp_list *, jp_value, const char *at);

/* As relaxed Extended JSON, and back. jp_parse: text that is not JSON is a mistake; jp_try_parse returns false instead
 * and fills in `err` (NULL: not wanted): for text from outside. */
#define jp_json(p, x)     jp_json_v((p), jp_v(x), JP_AT)
#define jp_parse(p, text) jp_parse_v((p), (text), JP_AT)
JP_API const char *jp_json_v(jp_ctx *, jp_value, const char *at);
JP_API jp_value jp_parse_v(jp_ctx *, const char *text, const char *at);
JP_API bool jp_try_parse(jp_ctx *, const char *text, jp_value *out, jp_error *err);

/* ---- children ----------------------------------------------------------------------------- */

/* jp_yield(p, Name, arguments...): plans a child; its future stands for its default output. Arguments (at most 30) are
 * values, futures or lists of both, checked against the child's .takes here and now. */
#define jp_yield_list(p, Name, list) jp_yield_l((p), &(Name), (list), JP_AT) /* each item is one argument */
JP_API jp_future jp_yield_v(jp_ctx *, const jp_def *, size_t count, const jp_value *, const char *at);
JP_API jp_future jp_yield_l(jp_ctx *, const jp_def *, const jp_list *, const char *at);

/* jp_yield_with(p, JP_OPTIONS(.retry = {.attempts = 1}, .timeout_ms = 500), Name, arguments...): for this child only. A
 * member that is 0 is as the pipe defines it. Instead of JP_OPTIONS any jp_options will do; a compound literal with a
 * comma in it needs parentheses around it. */
typedef struct jp_options {
    jp_retry_policy retry JP_OPT_;
    int64_t timeout_ms JP_OPT_;
} jp_options;
JP_API jp_future jp_yield_with_v(jp_ctx *, jp_options, const jp_def *, size_t count, const jp_value *, const char *at);

/* Another output of the same child, by its name in the child's .fills; "default" is the one it returns. */
#define jp_slot(p, future, name) jp_slot_of((p), (future), (name), JP_AT)
JP_API jp_future jp_slot_of(jp_ctx *, jp_future, const char *name, const char *at);

/* jp_promise(p, "string")             a value that the outside will bring: a future like any other. Its child is
 *                                     shown as Promise and waits for a reply once the body's plan is committed. The
 *                                     type is one as in .gives. It takes no part in jp_after and jp_in_order.
 * jp_promise_within(p, ms, "string")  the same; without a reply within `ms` (at most ten years; 0 = no limit) the
 *                                     run aborts.
 * jp_promise_ticket(p, future)        names that wait to the outside, at once; unguessable; of this attempt only.
 *
 * Only a plan that was committed keeps its promises: the tickets of an attempt that fails are refused. So hand a ticket
 * to a child as a string, which runs after that, or hand it out last: a reply that comes before the body has ended is
 * kept for some seconds only, then refused. */
#define jp_promise(p, gives)            jp_promise_v((p), (gives), 0, JP_AT)
#define jp_promise_within(p, ms, gives) jp_promise_v((p), (gives), (ms), JP_AT)
#define jp_promise_ticket(p, future)    jp_promise_ticket_of((p), (future), JP_AT)
JP_API jp_future jp_promise_v(jp_ctx *, const char *gives, int64_t within_ms, const char *at);
JP_API const char *jp_promise_ticket_of(jp_ctx *, jp_future, const char *at);

/* jp_after(p, a, b) { ... }  children yielded inside start when the pipelines of these futures (or lists of futures)
 *                            are finished, their children included; of none: at once.
 * jp_in_order(p) { ... }     children yielded inside run one after the other, each when the one before is finished.
 *
 * These are blocks: they nest (in_order not in in_order), may share a line, and close when left by any way: the end,
 * break and continue (both leave the scope, as in a loop), goto, return. */
typedef struct jp_scope {
    jp_ctx *p_;
    uint32_t depth_;
    bool once_;
} jp_scope;
JP_API jp_scope jp_in_order_begin(jp_ctx *, const char *at);
JP_API jp_scope jp_after_begin(jp_ctx *, size_t count, const jp_value *, const char *at);
JP_API void jp_scope_end(jp_scope *);

/* ---- outputs and the five ways a body may end --------------------------------------------- */

/* jp_fill(p, "rows", n): a named output, declared in .fills; a value or a future (then the child fills it). The last
 * fill of a name wins. An attempt that ends without filling all it declares has failed. */
#define jp_fill(p, name, x) jp_fill_v((p), (name), jp_v(x), JP_AT)
JP_API void jp_fill_v(jp_ctx *, const char *name, jp_value, const char *at);

/* Each is the whole of `return ...;`. Of a body that calls several the one that it returns counts.
 *
 * jp_return(p, x)          a value, or a child's output
 * jp_return_in(p, ms, x)   a value, which comes `ms` (>= 0, at most ten years) from now; nothing is held meanwhile. Not
 *                          after yields
 * jp_done(p)               the value null
 * jp_wait(p)               in pipes that are .async: a reply ends it
 * jp_retry(p, fmt, ...)    failed: again by .retry; the text is the reason
 * jp_retry_in(p, ms, ...)  failed: again `ms` (>= 0, at most ten years) from now
 * jp_abort(p, fmt, ...)    ends the whole run, up to the root */
#define jp_return(p, x)         jp_return_v((p), jp_v(x), JP_AT)
#define jp_return_in(p, ms, x)  jp_return_in_v((p), (ms), jp_v(x), JP_AT)
#define jp_done(p)              jp_done_at((p), JP_AT)
#define jp_wait(p)              jp_wait_at((p), JP_AT)
#define jp_retry_in(p, ms, ...) jp_retry_in_at((p), (ms), JP_AT, __VA_ARGS__)
JP_API jp_end jp_return_v(jp_ctx *, jp_value, const char *at) JP_USE_;
JP_API jp_end jp_return_in_v(jp_ctx *, int64_t ms, jp_value, const char *at) JP_USE_;
JP_API jp_end jp_done_at(jp_ctx *, const char *at) JP_USE_;
JP_API jp_end jp_wait_at(jp_ctx *, const char *at) JP_USE_;
JP_API jp_end jp_retry(jp_ctx *, const char *fmt, ...) JP_PRINTF_(2, 3) JP_USE_;
JP_API jp_end jp_retry_in_at(jp_ctx *, int64_t ms, const char *at, const char *fmt, ...) JP_PRINTF_(4, 5) JP_USE_;
JP_API jp_end jp_abort(jp_ctx *, const char *fmt, ...) JP_PRINTF_(2, 3) JP_USE_;

/* In on_finished: an output that was filled, "default" or a named one; null when it never was (aborted). */
#define jp_output(p, name) jp_output_of((p), (name), JP_AT)
JP_API jp_value jp_output_of(jp_ctx *, const char *name, const char *at);
/* jp_hook_failed(p, fmt, ...): in on_finished and on_cancel, which end without a word otherwise: this call of the hook
 * failed; it is run again later. */
#define jp_hook_failed(p, ...) jp_hook_failed_at((p), JP_AT, __VA_ARGS__)
JP_API void jp_hook_failed_at(jp_ctx *, const char *at, const char *fmt, ...) JP_PRINTF_(3, 4);

/* ---- outside a body: the client ------------------------------------------------------------ */

/* A connection; one thread at a time. Everything below blocks, for at most `timeout_ms` of the options where nothing
 * else is said, and fails with JP_E_UNAVAILABLE when the servers cannot be reached. `err` may be NULL. */
typedef struct jp_client jp_client;

typedef struct jp_client_options { /* a member that is 0 or NULL: the environment's, or the default */
    const char *nats JP_OPT_;      /* JETPIPE_NATS, nats://127.0.0.1:4222     */
    const char *prefix JP_OPT_;    /* JETPIPE_PREFIX, jetpipe                 */
    const char *name JP_OPT_;      /* of the connection, for operators        */
    int64_t timeout_ms JP_OPT_;    /* of one request: 5000                    */
} jp_client_options;

typedef struct jp_root {
    char id[25];  /* 24 hex digits */
    bool existed; /* the idempotency key was in use: this is that root */
} jp_root;

/* *out is the caller's: jp_client_close (NULL is fine). `options` NULL: the environment's. */
JP_API jp_status jp_client_open(jp_client **out, const jp_client_options *options, jp_error *err);
JP_API void jp_client_close(jp_client *);

/* jp_start(client, &root, &err, Name, arguments...): starts a root and returns when it is durable. JP_E_INVALID: the
 * arguments are not what the pipe takes. Futures are refused. */
JP_API jp_status jp_start_v(jp_client *, jp_root *, jp_error *, const jp_def *, size_t count, const jp_value *);
/* The same by name; `json` is an array (by position) or an object (by name), NULL = no arguments. `key` is the
 * idempotency key, at most 512 bytes: the same key starts one root, whatever its state; NULL = none. */
JP_API jp_status jp_start_json(jp_client *, jp_root *, jp_error *, const char *pipe, const char *json, const char *key);

/* JP_OK: done. JP_E_REFUSED: aborted, err has the reason. JP_E_TIMEOUT: neither within timeout_ms. JP_E_NOT_FOUND. */
JP_API jp_status jp_wait_for(jp_client *, jp_root, int64_t timeout_ms, jp_error *err);
/* As JSON text, the caller's (jp_free). result: JP_E_NOT_FOUND while there is none; one that is larger than a message
 * of the server comes in several requests. */
JP_API jp_status jp_result(jp_client *, jp_root, char **json_out, jp_error *err);
/* status_of: one object with pipe, status, times. tree: nested, the first 200 pipelines, without values above
 * 2 KiB. why: what it waits for. docs/requests.md tells the fields. */
JP_API jp_status jp_status_of(jp_client *, jp_root, char **json_out, jp_error *err);
JP_API jp_status jp_tree(jp_client *, jp_root, char **json_out, jp_error *err);
JP_API jp_status jp_why(jp_client *, jp_root, char **json_out, jp_error *err);
/* Any request of docs/requests.md: jp_ask(client, "list", "{\"status\":\"running\"}", &json, &err). `request` is a JSON
 * object, or the id or key of a root; NULL = {}. The answer is as above. */
JP_API jp_status jp_ask(jp_client *, const char *verb, const char *request, char **json_out, jp_error *err);
JP_API void jp_free(void *); /* NULL is fine */

/* JP_OK: asked for now or before. JP_E_REFUSED: it is final already. JP_E_NOT_FOUND. */
JP_API jp_status jp_abort_root(jp_client *, jp_root, const char *reason, jp_error *err);

/* jp_reply(client, ticket, value, &err) answers a wait. JP_E_REFUSED: a wrong, old or used ticket. No futures, no
 * lists. */
#define jp_reply(client, ticket, x, err) jp_reply_v((client), (ticket), jp_v(x), (err))
JP_API jp_status jp_reply_v(jp_client *, const char *ticket, jp_value, jp_error *err);
/* `json`: NULL = null. */
JP_API jp_status jp_reply_json(jp_client *, const char *ticket, const char *json, jp_error *err);

/* clang-format off */
/* ---- how the macros are made ---------------------------------------------------------------- */

#define JP_STR1_(x)    #x
#define JP_STR_(x)     JP_STR1_(x)
#define JP_AT          __FILE__ ":" JP_STR_(__LINE__)
#define JP_CAT1_(a, b) a##b
#define JP_CAT_(a, b)  JP_CAT1_(a, b)
#define JP_SCOPE_(begin) JP_SCOPE1_(JP_CAT_(jp_scope_, __COUNTER__), begin)
#define jp_in_order(p)   JP_SCOPE_(jp_in_order_begin((p), JP_AT))

#ifdef __cplusplus
}
#include <type_traits>
/* The same spellings for C++20: overloads and templates in place of _Generic, a guard object in place of cleanup. */
inline jp_value jp_v(jp_value v) { return v; }
inline jp_value jp_v(jp_future f) { return jp_v_future(f); }
inline jp_value jp_v(const char *s) { return jp_v_string(s); }
inline jp_value jp_v(jp_doc d) { return jp_v_doc(d); }
inline jp_value jp_v(jp_bytes b) { return jp_v_bytes(b); }
inline jp_value jp_v(const jp_list *l) { return jp_v_list(l); }
template <class T>
    requires std::is_arithmetic_v<T> || (std::is_enum_v<T> && std::is_convertible_v<T, int64_t>) /* no enum class */
inline jp_value jp_v(T x)
{
    static_assert(!std::is_same_v<T, char> && !std::is_same_v<T, wchar_t>, "a char is not a value: cast it to int");
    static_assert(!(std::is_integral_v<T> && std::is_unsigned_v<T> && sizeof(T) >= sizeof(int64_t)),
                  "BSON has no unsigned 64-bit number: convert where the range is known");
    static_assert(!std::is_same_v<T, long double>, "BSON has no long double: convert to double");
    if constexpr (std::is_same_v<T, bool>)
        return jp_v_bool(x);
    else if constexpr (std::is_floating_point_v<T>)
        return jp_v_double(static_cast<double>(x));
    else
        return jp_v_int64(static_cast<int64_t>(x));
}
/* Every call takes the place first, then what the macro was given, as one array of values. */
template <auto call, class P, class... A> inline auto jp_gather_(const char *at, P p, A... a)
{
    const jp_value v[] = {jp_v(a)..., jp_v_null()};
    return call(p, sizeof...(a), v, at);
}
template <auto call, class P, class... A> inline auto jp_call_(const char *at, P p, const jp_def &def, A... a)
{
    const jp_value v[] = {jp_v(a)..., jp_v_null()};
    return call(p, &def, sizeof...(a), v, at);
}
template <class... A> inline jp_future jp_yield_with_(const char *at, jp_ctx *p, jp_options o, const jp_def &def, A... a)
{
    const jp_value v[] = {jp_v(a)..., jp_v_null()};
    return jp_yield_with_v(p, o, &def, sizeof...(a), v, at);
}
template <class... A> inline jp_status jp_start_(jp_client *client, jp_root *root, jp_error *err, const jp_def &def, A... a)
{
    const jp_value v[] = {jp_v(a)..., jp_v_null()};
    return jp_start_v(client, root, err, &def, sizeof...(a), v);
}
template <class F> inline F jp_f(F f)
{
    static_assert(std::is_same_v<F, jp_future> || std::is_same_v<F, jp_list *> || std::is_same_v<F, const jp_list *>,
                  "jp_after takes futures and lists of futures");
    return f;
}
template <class... F> inline jp_scope jp_after_(const char *at, jp_ctx *p, F... f)
{
    return jp_gather_<jp_after_begin>(at, p, jp_f(f)...);
}
struct jp_guard_ : jp_scope {
    explicit jp_guard_(jp_scope s) : jp_scope(s) {}
    jp_guard_(const jp_guard_ &) = delete;
    jp_guard_ &operator=(const jp_guard_ &) = delete;
    ~jp_guard_() { jp_scope_end(this); }
};
#define JP_SCOPE1_(s, begin) for (jp_guard_ s{begin}; s.once_; s.once_ = false)
#define JP_OPTIONS(...)      (jp_options{__VA_ARGS__})
#undef jp_object
#undef jp_array
#define jp_object(...)     jp_gather_<jp_object_v>(JP_AT, __VA_ARGS__)
#define jp_array(...)      jp_gather_<jp_array_v>(JP_AT, __VA_ARGS__)
#define jp_yield(...)      jp_call_<jp_yield_v>(JP_AT, __VA_ARGS__)
#define jp_yield_with(...) jp_yield_with_(JP_AT, __VA_ARGS__)
#define jp_after(...)      JP_SCOPE_(jp_after_(JP_AT, __VA_ARGS__))
#define jp_start(...)      jp_start_(__VA_ARGS__)

#else /* C11 */

#define jp_v(x)                                                                                                        \
    _Generic((x),                                                                                                      \
        bool: jp_v_bool,                                                                                               \
        signed char: jp_v_int64,                                                                                       \
        unsigned char: jp_v_int64,                                                                                     \
        short: jp_v_int64,                                                                                             \
        unsigned short: jp_v_int64,                                                                                    \
        int: jp_v_int64,                                                                                               \
        unsigned: jp_v_int64,                                                                                          \
        long: jp_v_int64,                                                                                              \
        long long: jp_v_int64,                                                                                         \
        float: jp_v_double,                                                                                            \
        double: jp_v_double,                                                                                           \
        char *: jp_v_string,                                                                                           \
        const char *: jp_v_string,                                                                                     \
        jp_doc: jp_v_doc,                                                                                              \
        jp_bytes: jp_v_bytes,                                                                                          \
        jp_list *: jp_v_list,                                                                                          \
        const jp_list *: jp_v_list,                                                                                    \
        jp_future: jp_v_future,                                                                                        \
        jp_value: jp_v_value)(x)
/* Only what stands for a pipeline, so that the compiler refuses the rest. */
#define jp_f(x) _Generic((x), jp_future: jp_v_future, jp_list *: jp_v_list, const jp_list *: jp_v_list)(x)

#define JP_OPTIONS(...) ((jp_options){__VA_ARGS__})

/* How many arguments, 1 to 31; what is done with each; and the same after a first one that stays as it is. */
#define JP_COUNT_(...)                                                                                                 \
    JP_COUNT1_(__VA_ARGS__, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, \
               8, 7, 6, 5, 4, 3, 2, 1, 0)
#define JP_COUNT1_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, q, r, s, t, u, v, w, x, y, z, a1, b1, c1, d1, e1, f1,  \
                   count, ...)                                                                                         \
    count
#define JP_MORE_(...)                                                                                                  \
    JP_COUNT1_(__VA_ARGS__, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N, N,  \
               0, 0)

#define JP_MAP_(each, ...)   JP_CAT_(JP_MAP_, JP_COUNT_(__VA_ARGS__))(each, __VA_ARGS__)
#define JP_MAP_1(each, a)       each(a)
#define JP_MAP_2(each, a, ...)  each(a), JP_MAP_1(each, __VA_ARGS__)
#define JP_MAP_3(each, a, ...)  each(a), JP_MAP_2(each, __VA_ARGS__)
#define JP_MAP_4(each, a, ...)  each(a), JP_MAP_3(each, __VA_ARGS__)
#define JP_MAP_5(each, a, ...)  each(a), JP_MAP_4(each, __VA_ARGS__)
#define JP_MAP_6(each, a, ...)  each(a), JP_MAP_5(each, __VA_ARGS__)
#define JP_MAP_7(each, a, ...)  each(a), JP_MAP_6(each, __VA_ARGS__)
#define JP_MAP_8(each, a, ...)  each(a), JP_MAP_7(each, __VA_ARGS__)
#define JP_MAP_9(each, a, ...)  each(a), JP_MAP_8(each, __VA_ARGS__)
#define JP_MAP_10(each, a, ...) each(a), JP_MAP_9(each, __VA_ARGS__)
#define JP_MAP_11(each, a, ...) each(a), JP_MAP_10(each, __VA_ARGS__)
#define JP_MAP_12(each, a, ...) each(a), JP_MAP_11(each, __VA_ARGS__)
#define JP_MAP_13(each, a, ...) each(a), JP_MAP_12(each, __VA_ARGS__)
#define JP_MAP_14(each, a, ...) each(a), JP_MAP_13(each, __VA_ARGS__)
#define JP_MAP_15(each, a, ...) each(a), JP_MAP_14(each, __VA_ARGS__)
#define JP_MAP_16(each, a, ...) each(a), JP_MAP_15(each, __VA_ARGS__)
#define JP_MAP_17(each, a, ...) each(a), JP_MAP_16(each, __VA_ARGS__)
#define JP_MAP_18(each, a, ...) each(a), JP_MAP_17(each, __VA_ARGS__)
#define JP_MAP_19(each, a, ...) each(a), JP_MAP_18(each, __VA_ARGS__)
#define JP_MAP_20(each, a, ...) each(a), JP_MAP_19(each, __VA_ARGS__)
#define JP_MAP_21(each, a, ...) each(a), JP_MAP_20(each, __VA_ARGS__)
#define JP_MAP_22(each, a, ...) each(a), JP_MAP_21(each, __VA_ARGS__)
#define JP_MAP_23(each, a, ...) each(a), JP_MAP_22(each, __VA_ARGS__)
#define JP_MAP_24(each, a, ...) each(a), JP_MAP_23(each, __VA_ARGS__)
#define JP_MAP_25(each, a, ...) each(a), JP_MAP_24(each, __VA_ARGS__)
#define JP_MAP_26(each, a, ...) each(a), JP_MAP_25(each, __VA_ARGS__)
#define JP_MAP_27(each, a, ...) each(a), JP_MAP_26(each, __VA_ARGS__)
#define JP_MAP_28(each, a, ...) each(a), JP_MAP_27(each, __VA_ARGS__)
#define JP_MAP_29(each, a, ...) each(a), JP_MAP_28(each, __VA_ARGS__)
#define JP_MAP_30(each, a, ...) each(a), JP_MAP_29(each, __VA_ARGS__)

#define JP_ARRAY_(each, ...) JP_COUNT_(__VA_ARGS__), (const jp_value[]){JP_MAP_(each, __VA_ARGS__)}
#define JP_NONE_           0, (const jp_value *)0

/* (p, a, b) -> (p), 2, array of values */
#define JP_VALUES_(...)      JP_CAT_(JP_VALUES_, JP_MORE_(__VA_ARGS__))(__VA_ARGS__)
#define JP_VALUES_0(p)       (p), JP_NONE_
#define JP_VALUES_N(p, ...)  (p), JP_ARRAY_(jp_v, __VA_ARGS__)
/* (p, f, g) -> (p), 2, array of futures as values */
#define JP_FUTURES_(...)     JP_CAT_(JP_FUTURES_, JP_MORE_(__VA_ARGS__))(__VA_ARGS__)
#define JP_FUTURES_0(p)      (p), JP_NONE_
#define JP_FUTURES_N(p, ...) (p), JP_ARRAY_(jp_f, __VA_ARGS__)
/* (Name, a, b) -> &(Name), 2, array of values */
#define JP_CALL_(...)        JP_CAT_(JP_CALL_, JP_MORE_(__VA_ARGS__))(__VA_ARGS__)
#define JP_CALL_0(Name)      &(Name), JP_NONE_
#define JP_CALL_N(Name, ...) &(Name), JP_ARRAY_(jp_v, __VA_ARGS__)

#define jp_yield(p, ...)               jp_yield_v((p), JP_CALL_(__VA_ARGS__), JP_AT)
#define jp_yield_with(p, options, ...) jp_yield_with_v((p), (options), JP_CALL_(__VA_ARGS__), JP_AT)
#define jp_after(...)                  JP_SCOPE_(jp_after_begin(JP_FUTURES_(__VA_ARGS__), JP_AT))
#define jp_start(client, root, err, ...) jp_start_v((client), (root), (err), JP_CALL_(__VA_ARGS__))
/* break, return and goto out of a scope all close it: the cleanup attribute sees to that. */
#define JP_SCOPE1_(s, begin)                                                                                           \
    for (jp_scope s __attribute__((cleanup(jp_scope_end))) = begin; s.once_; s.once_ = false)
#endif
/* clang-format on */

#endif /* JETPIPE_H */
