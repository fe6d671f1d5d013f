/* jetpipe.h -- the interface for authors of pipes, and its manual.
 *
 * A pipe is a named C function with options; one call of it is a pipeline. Its body runs once per attempt, from top to
 * bottom, and never waits. jp_yield() does not call anything: it plans a child pipeline and returns a future, which
 * stands for the child's output. When the body ends, its result and its plan are stored together, or not at all, and
 * only then do the children start. A child that was given a future starts when the value is there. (SEMANTICS 2)
 *
 * A complete program:
 *
 *     #include <jetpipe.h>
 *
 *     JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
 *     {
 *         return jp_return(p, jp_int64(p, "n") + 1);
 *     }
 *
 *     JP_PIPE(AddTwo, p, .takes = "int64 n", .gives = "int64")
 *     {
 *         jp_future one = jp_yield(p, AddOne, jp_arg(p, "n"));
 *         jp_future two = jp_yield(p, AddOne, one);            // starts when the first has its value
 *         return jp_return(p, two);                            // the output of `two` is the output of AddTwo
 *     }
 *
 *     int main(int argc, char **argv)
 *     {
 *         return jp_main(argc, argv, (const jp_def *const[]){&AddOne, &AddTwo, NULL});
 *     }
 *
 *     cc addtwo.c $(pkg-config --cflags --libs jetpipe) -o addtwo
 *     ./addtwo run AddTwo 40          prints 42
 *
 * These rules hold for every item below:
 *
 * Memory.     Whatever a body or hook gets from the library lives until that body or hook returns; never free it. What
 *             it passes in may be changed or freed after the call. The jp_v functions are the exception: they borrow.
 * Threads.    A jp_ctx belongs to the thread that runs its body. No function that takes a jp_ctx blocks.
 * Mistakes.   Wrong use (a wrong name or type, a future of another body) never fails a call: it returns zero, null or
 *             an empty string and marks the attempt. When the body ends, with whatever ending, the run aborts with the
 *             first such message, which names the pipe, the source line, the cause and the fix. So there is nothing to
 *             check after a call. "Is a mistake", below, means this. (SEMANTICS 2.7)
 * Limits.     One value: 8 MiB, 64 levels deep. One body: 4,000,000 children. One list: 16,000,000 items.
 * Languages.  C11, C23 and C++20, with gcc or clang. In C11 `true` is an int: write (bool)true to pass a bool. In C++
 *             the options of JP_PIPE are given in the order of the members of jp_def.
 *
 * SEMANTICS 2.7 is rule 7 of section 2 of docs/semantics.md, which has a program for each rule. Programs that only
 * start pipelines: jetpipe_client.h. Tests of your own pipes: jetpipe_test.h. How the macros work: jetpipe_macros.h. */
#ifndef JETPIPE_H
#define JETPIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes when a program compiled with an older header cannot run with a newer library. Registration checks it. */
#define JP_ABI 1

#define JP_API                     __attribute__((visibility("default")))
#define JP_PRINTF_(format_, args_) __attribute__((format(printf, format_, args_)))
#define JP_USE_                    __attribute__((warn_unused_result))
#ifdef __cplusplus
#define JP_OPT_ = {} /* a member that may be left out: C++ warns unless it has a value; in C it is zero anyway */
#else
#define JP_OPT_
#endif

JP_API const char *jp_version(void); /* "0.1.0"; static */

/* ---- Values ------------------------------------------------------------------------------------------------------
 *
 * A value is BSON: null, bool, int64, double, string, datetime, binary, document or list. As text it is relaxed
 * Extended JSON. A value larger than 8 MiB, or a string that is not UTF-8, fails the attempt when it is stored, with a
 * message that says so. (SEMANTICS 3.1) */

typedef struct jp_ctx jp_ctx;   /* one attempt at one pipeline: the `p` of a body            */
typedef struct jp_list jp_list; /* values and futures in order, made in a body by jp_list_new */

/* A BSON document, its bytes borrowed. */
typedef struct jp_doc {
    const uint8_t *data;
    uint32_t size;
} jp_doc;

/* Bytes, borrowed. */
typedef struct jp_bytes {
    const uint8_t *data;
    size_t size;
} jp_bytes;

/* A future stands for an output of a child that this body yielded; it never becomes a value in this body. It may be
 * passed on, returned or filled any number of times, in this attempt only. {0} is no future. Futures and endings are
 * structs so that the compiler tells them from numbers; their members are the library's. */
typedef struct jp_future {
    uint32_t child_, slot_, body_;
} jp_future;

/* How a body ended. Comes from jp_return() and the other ways to end, below, and from nothing else. */
typedef struct jp_end {
    uint32_t verb_, body_;
} jp_end;

typedef enum jp_type {
    JP_NULL,
    JP_BOOL,
    JP_INT64,
    JP_DOUBLE,
    JP_STRING,   /* as.str: UTF-8, ends with NUL                                     */
    JP_DATETIME, /* as.i64: milliseconds since 1970, UTC                             */
    JP_BINARY,   /* as.bytes                                                         */
    JP_DOC,      /* as.doc                                                           */
    JP_ARRAY,    /* as.doc: a BSON document with the keys "0", "1", ...              */
    JP_LIST,     /* as.list: passed to a child or an output; read back as JP_ARRAY   */
    JP_FUTURE    /* as.future: passed to a child or an output; never read back       */
} jp_type;

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

/* jp_v(x) makes a value of a bool, an integer, a float or double, a char *, jp_doc, jp_bytes, jp_list *, jp_future or
 * jp_value. Wherever a macro below takes a value x, it applies jp_v() itself. The compiler refuses size_t and uint64_t,
 * because BSON has no unsigned 64-bit number, and char, which may mean a letter or a number.
 * A NULL string or list becomes null. Strings, bytes and documents are borrowed, not copied. */
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

/* ---- Statuses and errors -----------------------------------------------------------------------------------------
 *
 * Used outside bodies: by jp_main() as exit codes, by the client, by jp_try_parse(). The last column is the class: what
 * a caller can do about it. caller: fix the call. retry: try again later. stop: trying again does not help. bug: a bug
 * of this library, please report it. */
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

/* Filled in by a function that takes a jp_error * and does not return JP_OK; undefined otherwise. `text` is one
 * sentence: what failed, where, and the fix. */
typedef struct jp_error {
    jp_status status;
    char text[512];
} jp_error;

JP_API const char *jp_status_text(jp_status); /* "not found"; static */

/* ---- Defining pipes ----------------------------------------------------------------------------------------------
 *
 *     JP_PIPE(Name, p, .option = value, ...) { body }
 *
 * defines `const jp_def Name` and the body, a function of `jp_ctx *p` that returns a jp_end. The options are members of
 * jp_def; all may be left out. JP_DECLARE(Name) goes into a header when other files yield Name. A definition is a plain
 * struct: copy it, change the copy, and register the copy. Registration, by jp_main(), copies it and its strings, and
 * refuses a wrong one with a message that names the pipe and the option. */

#define JP_SECONDS(n) (1000 * (int64_t)(n)) /* in ms */
#define JP_MINUTES(n) (60 * 1000 * (int64_t)(n))
#define JP_HOURS(n)   (3600 * 1000 * (int64_t)(n))

/* What follows a failed attempt. The delay before execution k + 1 is first_ms * factor^(k - 1), at most limit_ms, plus
 * or minus jitter. A member that is 0 has the default given here; a negative one is refused. (SEMANTICS 6.1) */
#define JP_NO_JITTER (-1.0)
typedef struct jp_retry_policy {
    int attempts JP_OPT_;     /* executions in all, the first included: 3; when used up, the run aborts */
    int64_t first_ms JP_OPT_; /* 1000                                                                   */
    double factor JP_OPT_;    /* 2.0                                                                    */
    int64_t limit_ms JP_OPT_; /* 600,000: ten minutes                                                   */
    double jitter JP_OPT_;    /* 0.1, plus or minus 10 %; below 1, or JP_NO_JITTER                       */
} jp_retry_policy;

/* A signature, in .takes and .fills, is a list "type name, type name". The types are any, bool, int64, double, string,
 * datetime, binary, doc and list. "type? name" may be null, or left out at the end. The last of .takes may be
 * "type... name", which takes all arguments that are left. Arguments are checked when a root starts, at each yield, and
 * before each run. (SEMANTICS 3.2) */
typedef struct jp_def {
    int abi;                       /* JP_ABI; set by JP_PIPE                                          */
    const char *name;              /* the C identifier; set by JP_PIPE                                */
    jp_end (*run)(jp_ctx *);       /* the body; set by JP_PIPE                                        */
    const char *at;                /* "file:line" of the definition; set by JP_PIPE                   */
    const char *as JP_OPT_;        /* name in records and subjects; NULL = the identifier             */
    const char *takes JP_OPT_;     /* signature of the arguments; NULL = none                         */
    const char *gives JP_OPT_;     /* type of the output, "int64" or "int64?"; NULL = any             */
    const char *fills JP_OPT_;     /* signature of further outputs, "int64 rows, doc log": jp_fill    */
    const char *queue JP_OPT_;     /* which workers run it; NULL = "default"                          */
    int64_t timeout_ms JP_OPT_;    /* of one attempt: its body, or its wait for a reply; 0 = no limit */
    jp_retry_policy retry JP_OPT_; /* what follows a failed attempt                                   */
    bool async JP_OPT_;            /* may end with jp_wait; then .on_reply and .on_cancel are allowed */
    jp_end (*on_reply)(jp_ctx *, jp_value reply) JP_OPT_; /* see "Outside events"                     */
    void (*on_finished)(jp_ctx *, bool aborted) JP_OPT_;  /* see "Hooks"                              */
    void (*on_cancel)(jp_ctx *) JP_OPT_;                  /* see "Hooks"                              */
    size_t size JP_OPT_;                                  /* sizeof(jp_def); set by JP_PIPE           */
} jp_def;

#define JP_PIPE(...)     JP_DEFINE_(__VA_ARGS__, .size = sizeof(jp_def))
#define JP_DECLARE(Name) extern const jp_def Name

/* ---- The program -------------------------------------------------------------------------------------------------
 *
 * Registers the pipes, a list that ends with NULL, and does what the command line says: serve, run, start, tree, reply,
 * abort, help, ... Blocks until that is done; `serve` runs until SIGTERM. Returns the exit code for main(): 0, 1 if the
 * pipeline was aborted, else the number of a jp_status. */
JP_API int jp_main(int argc, char **argv, const jp_def *const *pipes);

/* ---- Reading arguments -------------------------------------------------------------------------------------------
 *
 * By the names in .takes. Every future among the arguments has been replaced by its value (SEMANTICS 3.4). Another name
 * or type than .takes says is a mistake, and so is an optional argument that was not given: ask jp_given first. An
 * argument of type `any` may be read as the type that it holds; jp_double also reads an int64 there. */
#define jp_int64(p, name)    jp_read_int64((p), (name), JP_AT)    /* int64_t                                 */
#define jp_double(p, name)   jp_read_double((p), (name), JP_AT)   /* double                                  */
#define jp_bool(p, name)     jp_read_bool((p), (name), JP_AT)     /* bool                                    */
#define jp_string(p, name)   jp_read_string((p), (name), JP_AT)   /* const char *, ends with NUL             */
#define jp_datetime(p, name) jp_read_datetime((p), (name), JP_AT) /* int64_t: ms since 1970, UTC             */
#define jp_binary(p, name)   jp_read_binary((p), (name), JP_AT)   /* jp_bytes                                */
#define jp_document(p, name) jp_read_document((p), (name), JP_AT) /* jp_doc, of a doc or a list              */
#define jp_arg(p, name)      jp_read_arg((p), (name), JP_AT)      /* jp_value of any type, null included     */
#define jp_given(p, name)    jp_read_given((p), (name), JP_AT)    /* bool: it was given and is not null      */

/* The items of a "type... name" or "list name" argument: how many there are, and item i, counted from 0. */
#define jp_count(p, name)          jp_read_count((p), (name), JP_AT) /* size_t; 0 for null */
#define jp_int64_at(p, name, i)    jp_item_int64((p), (name), (i), JP_AT)
#define jp_double_at(p, name, i)   jp_item_double((p), (name), (i), JP_AT)
#define jp_bool_at(p, name, i)     jp_item_bool((p), (name), (i), JP_AT)
#define jp_string_at(p, name, i)   jp_item_string((p), (name), (i), JP_AT)
#define jp_datetime_at(p, name, i) jp_item_datetime((p), (name), (i), JP_AT)
#define jp_binary_at(p, name, i)   jp_item_binary((p), (name), (i), JP_AT)
#define jp_document_at(p, name, i) jp_item_document((p), (name), (i), JP_AT)
#define jp_arg_at(p, name, i)      jp_item_arg((p), (name), (i), JP_AT)

/* ---- The attempt, memory, text ----------------------------------------------------------------------------------- */

/* 1 for the first attempt, 2 for the second, ... A retry undoes the plan of an attempt, not what its body did to the
 * world outside. */
JP_API int jp_attempt(const jp_ctx *);

/* A text that is the same on every attempt of this pipeline and different for any other: an idempotency key for calls
 * to other systems. (SEMANTICS 2.4) */
JP_API const char *jp_key(jp_ctx *);

/* Zeroed memory, aligned for any type. Never NULL: if memory runs out, the attempt fails. */
JP_API void *jp_alloc(jp_ctx *, size_t size);

/* Like sprintf(), into memory of the context. */
JP_API const char *jp_format(jp_ctx *, const char *fmt, ...) JP_PRINTF_(2, 3);

/* ---- Documents and lists -----------------------------------------------------------------------------------------
 *
 * A value inside a document, list or reply, by dotted path: jp_get_int64(p, order, "lines.0.cents"). A value that is
 * missing or has another type is a mistake: ask jp_has first. jp_get_double takes an int64 as well. */
#define jp_get(p, doc, path)          jp_path_value((p), jp_v(doc), (path), JP_AT)    /* jp_value of any type */
#define jp_get_int64(p, doc, path)    jp_path_int64((p), jp_v(doc), (path), JP_AT)    /* int64_t              */
#define jp_get_double(p, doc, path)   jp_path_double((p), jp_v(doc), (path), JP_AT)   /* double               */
#define jp_get_bool(p, doc, path)     jp_path_bool((p), jp_v(doc), (path), JP_AT)     /* bool                 */
#define jp_get_string(p, doc, path)   jp_path_string((p), jp_v(doc), (path), JP_AT)   /* const char *         */
#define jp_get_datetime(p, doc, path) jp_path_datetime((p), jp_v(doc), (path), JP_AT) /* int64_t: ms, UTC     */
#define jp_get_binary(p, doc, path)   jp_path_binary((p), jp_v(doc), (path), JP_AT)   /* jp_bytes             */
#define jp_get_document(p, doc, path) jp_path_document((p), jp_v(doc), (path), JP_AT) /* jp_doc               */
#define jp_has(p, doc, path)          jp_path_has((p), jp_v(doc), (path))             /* bool: there, not null */
#define jp_size(p, doc)               jp_size_of((p), jp_v(doc), JP_AT)               /* size_t: members, items */

/* Loops over the items of a list, or the values of a document, in order; null has none. `item` is a jp_value; `key` is
 * a const char *, "0", "1", ... in a list. break and continue work as in any loop.
 *
 *     jp_each(p, item, lines) { ... }
 *     jp_each_member(p, key, item, order) { ... } */
#define jp_each(p, item, doc)             JP_EACH_(JP_CAT_(jp_iter_, __COUNTER__), p, item, doc)
#define jp_each_member(p, key, item, doc) JP_MEMBER_(JP_CAT_(jp_iter_, __COUNTER__), p, key, item, doc)

/* jp_object(p, "id", 17, "lines", lines) returns a document (a jp_value) of at most 15 pairs of key and value, each key
 * once. A future in it is a mistake: pass futures as arguments of their own, or in a list. (SEMANTICS 3.3)
 *
 * A list keeps its order and may mix values and futures. It may be an argument, an output, or a part of either.
 * jp_array(p, 5, future, 7) returns one (a jp_list *) of at most 30 items. jp_push appends; a list that was already
 * passed to a child may still grow, the child keeps what it was given. */
JP_API jp_list *jp_list_new(jp_ctx *);
#define jp_push(list, x) jp_push_v((list), jp_v(x), JP_AT)

/* A value as JSON text, and back. For jp_parse, text that is not JSON is a mistake. For text from outside there is
 * jp_try_parse: it returns false and fills in *err, if err is not NULL; it sets *out otherwise. */
#define jp_json(p, x)     jp_json_v((p), jp_v(x), JP_AT) /* const char * */
#define jp_parse(p, text) jp_parse_v((p), (text), JP_AT) /* jp_value     */
JP_API bool jp_try_parse(jp_ctx *, const char *text, jp_value *out, jp_error *err);

/* ---- Yielding children -------------------------------------------------------------------------------------------
 *
 *     jp_future jp_yield(p, Name, arguments...)
 *
 * plans a child and returns the future of its default output. There are at most 30 arguments: values, futures, and
 * lists of both. They are checked against the child's .takes at once. Children that wait for nothing run side by side.
 * (SEMANTICS 2.2, 3.3, 4.1)
 *
 *     jp_future jp_yield_with(p, JP_OPTIONS(.retry = {.attempts = 1}, .timeout_ms = 500), Name, arguments...)
 *
 * does the same with other options for this one child. A member that is 0 is as the pipe defines it. Any jp_options
 * will do in place of JP_OPTIONS. */
typedef struct jp_options {
    jp_retry_policy retry JP_OPT_;
    int64_t timeout_ms JP_OPT_;
} jp_options;

/* jp_future: a child whose arguments are the items of the list. */
#define jp_yield_list(p, Name, list) jp_yield_l((p), &(Name), (list), JP_AT)

/* jp_future: another output of the same child, by its name in the child's .fills; "default" is the one it returns. */
#define jp_slot(p, future, name) jp_slot_of((p), (future), (name), JP_AT)

/* Scopes put children in order.
 *
 *     jp_after(p, a, b) { ... }    each child yielded inside starts when the pipelines of these futures, or lists of
 *                                  futures, are finished, their own children included; of none: at once
 *     jp_in_order(p) { ... }       each child yielded inside starts when the one before it is finished, likewise
 *
 * They nest, up to 64 deep, but jp_in_order not inside jp_in_order; they may share a line; and they close however they
 * are left: at the end, by goto, return, break or continue. Outside of scopes a child waits only for the values of the
 * futures that it takes, not for the end of the pipelines that fill them. (SEMANTICS 4.2, 4.3) */

/* ---- Outputs and the ways to end a body -------------------------------------------------------------------------- */

/* Fills an output that .fills declares, with a value or with a future; then the child fills it. The last fill of a name
 * wins. An attempt that ends by returning without having filled all declared outputs fails. (SEMANTICS 3.5) */
#define jp_fill(p, name, x) jp_fill_v((p), (name), jp_v(x), JP_AT)

/* Each is written as `return jp_return(...);`. If a body calls several, the one that it returns counts. Delays are at
 * most ten years, and hold no worker, no thread and no message meanwhile. (SEMANTICS 2.5, 2.6)
 *
 * jp_return     x is the output, of the type in .gives: a value, or a child's future, which makes the child's output
 *               this pipeline's. A returned value may be read at once; the pipeline is done when all its children are.
 * jp_return_in  the same, but the value is there only after `ms`. A mistake after yields.
 * jp_done       the output is null.
 * jp_wait       a reply from outside gives the output; see "Outside events". A mistake after yields.
 * jp_retry      this attempt failed, for the reason given; .retry decides whether and when there is another.
 * jp_retry_in   the same, but the next attempt starts after `ms`.
 * jp_abort      aborts the whole run, up to the root, with this reason. (SEMANTICS 7) */
#define jp_return(p, x)         jp_return_v((p), jp_v(x), JP_AT)
#define jp_return_in(p, ms, x)  jp_return_in_v((p), (ms), jp_v(x), JP_AT)
#define jp_done(p)              jp_done_at((p), JP_AT)
#define jp_wait(p)              jp_wait_at((p), JP_AT)
#define jp_retry_in(p, ms, ...) jp_retry_in_at((p), (ms), JP_AT, __VA_ARGS__) /* fmt, ... as of printf */
JP_API jp_end jp_retry(jp_ctx *, const char *fmt, ...) JP_PRINTF_(2, 3) JP_USE_;
JP_API jp_end jp_abort(jp_ctx *, const char *fmt, ...) JP_PRINTF_(2, 3) JP_USE_;

/* ---- Hooks -------------------------------------------------------------------------------------------------------
 *
 * .on_finished runs when it is decided that the pipeline is done, its children included, or aborted after it had
 * started, and before the status becomes final. .on_cancel runs when an abort ended the wait for a reply. Hooks read
 * arguments and outputs; to yield, fill or return in one is a mistake, which is logged, and that hook is over. A hook
 * has no timeout and runs at least once: after a crash or jp_hook_failed it runs again later, up to ten times. That is
 * not an attempt, and delays nothing that waits for the output. (SEMANTICS 5.4, 7.3) */

/* In on_finished: the output "default" or one of .fills, as a jp_value; null if it was never filled. */
#define jp_output(p, name) jp_output_of((p), (name), JP_AT)

/* In on_finished and on_cancel: this call failed, for the reason given as for printf(); run it again later. */
#define jp_hook_failed(p, ...) jp_hook_failed_at((p), JP_AT, __VA_ARGS__)

/* ---- Outside events ----------------------------------------------------------------------------------------------
 *
 * A pipe that is .async may hand out its ticket and end with jp_wait. The reply comes as a message on the subject
 * jetpipe.reply.<ticket>, from `reply TICKET JSON` of the program, or from jp_reply of the client. It is passed to
 * .on_reply, which ends in the ways of a body; without .on_reply it is the output. A ticket is used up by its first
 * reply, and belongs to one attempt: after a failed attempt the body runs again and has a new one. (SEMANTICS 8.2) */

/* const char *: names the wait of this attempt to the outside; cannot be guessed. A mistake without .async. */
#define jp_ticket(p) jp_ticket_of((p), JP_AT)

/* A promise is a value that the outside will give: a future as any other, for when one pipe asks and others need the
 * answer. In a tree it is a child named Promise, which waits for a reply once the body's plan is stored. It takes no
 * part in jp_after and jp_in_order.
 *
 * jp_promise         `gives` is its type, as in .gives; NULL = any.
 * jp_promise_within  the same, but the run aborts without a reply within `ms`: at most ten years; 0 = no limit.
 * jp_promise_ticket  const char *: its ticket, at once. It is valid when the plan of this attempt has been stored, and
 *                    never if the attempt fails. So pass it to a child as a string, or send it as the last thing in the
 *                    body: a reply that comes before the body has ended is kept for some seconds, then refused. */
#define jp_promise(p, gives)            jp_promise_v((p), (gives), 0, JP_AT)
#define jp_promise_within(p, ms, gives) jp_promise_v((p), (gives), (ms), JP_AT)
#define jp_promise_ticket(p, future)    jp_promise_ticket_of((p), (future), JP_AT)

#ifdef __cplusplus
}
#endif

#include <jetpipe_client.h>
#include <jetpipe_macros.h>

#endif /* JETPIPE_H */
