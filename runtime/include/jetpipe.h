/* jetpipe.h -- all that the author of a pipe needs, and nothing else.
 *
 * A pipe is a named function. Its body runs once per attempt, from top to bottom, and never waits:
 * jp_yield() only writes a child into this attempt's plan and hands back a future for its output.
 * When the body returns, the plan and the result are committed together, or not at all.
 *
 * Memory: whatever a body gets from here (strings, values, lists) lives until the body returns.
 * Nothing is freed by hand. Values passed in are copied. A jp_ctx belongs to one thread. */
#ifndef JETPIPE_H
#define JETPIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct jp_ctx jp_ctx;   /* one attempt at one pipe; borrowed by the body          */
typedef struct jp_list jp_list; /* values gathered in a body; lives in its context        */
typedef struct jp_doc { const uint8_t *data; uint32_t size; } jp_doc; /* BSON bytes, borrowed  */

/* Structs, not integers, so that the compiler tells a future from a count and a body cannot end
 * with `return 0`. The members are for the library. */
typedef struct jp_future { uint32_t child_, slot_; } jp_future;
typedef struct jp_end { int verb_; } jp_end;

typedef enum jp_type { JP_NULL, JP_BOOL, JP_INT64, JP_DOUBLE, JP_STRING, JP_DOC, JP_FUTURE } jp_type;

typedef struct jp_value {
    jp_type type;
    uint32_t size;
    union { bool b; int64_t i64; double f64; const char *str; jp_doc doc; jp_future future; } as;
} jp_value;

/* ---- statuses and errors ------------------------------------------------------------------ */

/* Every operating error there is. Class: caller (mend the call), retry (may pass by itself), stop
 * (will not pass by itself), bug (ours: please report). Exit codes of the command are the number. */
#define JP_STATUS_MAP(X)                                                                \
    X(OK, 0, "ok", none)                                                                \
    X(E_INVALID, 2, "invalid input", caller)                                            \
    X(E_NOT_FOUND, 3, "not found", caller)                                              \
    X(E_EXISTS, 4, "exists already", caller)                                            \
    X(E_REFUSED, 5, "refused", caller)                                                  \
    X(E_TOO_LARGE, 6, "too large", caller)                                              \
    X(E_UNAVAILABLE, 7, "not available", retry)                                         \
    X(E_TIMEOUT, 8, "timed out", retry)                                                 \
    X(E_DENIED, 9, "denied", stop)                                                      \
    X(E_FULL, 10, "no space left", retry)                                               \
    X(E_DAMAGED, 11, "damaged record", stop)                                            \
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

const char *jp_status_text(jp_status); /* "not found"; static */

/* ---- what a pipe is ----------------------------------------------------------------------- */

typedef struct jp_retry_policy { /* delay = first_ms * factor^(attempt-1), capped, then jittered  */
    int attempts;                  /* total runs, the first included; 0 = library default           */
    int64_t first_ms;              /* 0 = library default                                           */
    double factor;
    int64_t limit_ms;
    double jitter;                 /* 0.2 = +-20 %                                                  */
} jp_retry_policy;

typedef struct jp_def {
    const char *name;              /* the C identifier                                              */
    jp_end (*run)(jp_ctx *);
    const char *at;                /* "file:line" of the definition, for traces                     */
    const char *as;                /* durable name if it must differ from the identifier            */
    const char *takes;             /* "int64 n, string who, doc... rest": checked before run()      */
    const char *gives;             /* type of the output: checked at jp_return() and at each use  */
    const char *fills;             /* named outputs beside the default one: "int64 rows, string log"  */
    const char *queue;
    int64_t timeout_ms;
    jp_retry_policy retry;
    bool async;                    /* may end with jp_wait()                                      */
    jp_end (*on_reply)(jp_ctx *, jp_value reply);
    void (*on_finished)(jp_ctx *, bool aborted);
    void (*on_cancel)(jp_ctx *);   /* a wait that an abort ends                                       */
    int abi;
} jp_def;

/* JP_PIPE(Name, p, .option = ...) { body }   defines `const jp_def Name` and `Name_run(jp_ctx *p)`. */
#define JP_PIPE(...) JP_DEFINE_(__VA_ARGS__, .abi = 1)
#define JP_DEFINE_(Name, ctx, ...)                                                    \
    static jp_end Name##_run(jp_ctx *ctx);                                          \
    extern const jp_def Name;                                                         \
    const jp_def Name = {.name = #Name, .run = Name##_run, .at = JP_AT, __VA_ARGS__}; \
    static jp_end Name##_run(jp_ctx *ctx)
#define JP_DECLARE(Name) extern const jp_def Name

/* ---- reading arguments (by the names in .takes) ------------------------------------------- */

int64_t jp_int64(jp_ctx *, const char *name);
double jp_double(jp_ctx *, const char *name);
bool jp_bool(jp_ctx *, const char *name);
const char *jp_string(jp_ctx *, const char *name);
jp_doc jp_document(jp_ctx *, const char *name);
jp_value jp_arg(jp_ctx *, const char *name);
size_t jp_count(jp_ctx *, const char *name); /* of a `type... name` argument            */
int64_t jp_int64_at(jp_ctx *, const char *name, size_t i);

int jp_attempt(const jp_ctx *);              /* 1, 2, ...                               */
const char *jp_key(const jp_ctx *);          /* same on every attempt: idempotency key  */
const char *jp_ticket(jp_ctx *);             /* names this wait to the outside world    */
const char *jp_format(jp_ctx *, const char *fmt, ...);

/* ---- values ------------------------------------------------------------------------------- */

jp_value jp_v_null(void);
jp_value jp_v_bool(bool);
jp_value jp_v_int64(int64_t);
jp_value jp_v_double(double);
jp_value jp_v_string(const char *);
jp_value jp_v_doc(jp_doc);
jp_value jp_v_future(jp_future);
jp_value jp_v_value(jp_value);
const char *jp_get_string(jp_ctx *, jp_value doc, const char *field);
bool jp_get_bool(jp_ctx *, jp_value doc, const char *field);

jp_list *jp_list_new(jp_ctx *);
void jp_push_v(jp_list *, jp_value);
#define jp_push(list, x) jp_push_v((list), jp_v(x))

/* ---- children ----------------------------------------------------------------------------- */

jp_future jp_yield_v(jp_ctx *, const jp_def *, size_t count, const jp_value *, const char *at);
jp_future jp_yield_l(jp_ctx *, const jp_def *, const jp_list *, const char *at);
#define jp_yield_list(p, Name, list) jp_yield_l((p), &(Name), (list), JP_AT)

typedef struct jp_scope { jp_ctx *p; uint32_t depth; bool once; } jp_scope;
jp_scope jp_in_order_begin(jp_ctx *, const char *at);
jp_scope jp_after_begin(jp_ctx *, const char *at, size_t count, const jp_future *);
void jp_scope_end(jp_scope *);

/* ---- the five ways a body may end --------------------------------------------------------- */

jp_end jp_return_v(jp_ctx *, jp_value, const char *at);
jp_end jp_done(jp_ctx *);                                  /* return nothing              */
jp_end jp_wait(jp_ctx *);                                  /* async: a reply ends it      */
#define JP_PRINTF_(f, a) __attribute__((format(printf, f, a)))
jp_end jp_retry(jp_ctx *, const char *fmt, ...) JP_PRINTF_(2, 3);
jp_end jp_retry_in(jp_ctx *, int64_t ms, const char *fmt, ...) JP_PRINTF_(3, 4);
jp_end jp_abort(jp_ctx *, const char *fmt, ...) JP_PRINTF_(2, 3);
#define jp_return(p, x) jp_return_v((p), jp_v(x), JP_AT)

#define JP_STR1_(x) #x
#define JP_STR_(x) JP_STR1_(x)
#define JP_AT __FILE__ ":" JP_STR_(__LINE__)
#define JP_CAT1_(a, b) a##b
#define JP_CAT_(a, b) JP_CAT1_(a, b)
#define JP_HOURS(n) ((int64_t)(n) * 3600 * 1000)

#ifdef __cplusplus
}
#include <type_traits>
/* The same spellings for C++17 and later: overloads and templates in place of _Generic. */
inline jp_value jp_v(jp_value v) { return v; }
inline jp_value jp_v(jp_future f) { return jp_v_future(f); }
inline jp_value jp_v(const char *s) { return jp_v_string(s); }
inline jp_value jp_v(jp_doc d) { return jp_v_doc(d); }
template <class T, class = std::enable_if_t<std::is_arithmetic_v<T>>>
inline jp_value jp_v(T x) {
    if constexpr (std::is_same_v<T, bool>) return jp_v_bool(x);
    else if constexpr (std::is_floating_point_v<T>) return jp_v_double(x);
    else return jp_v_int64(static_cast<int64_t>(x));
}
template <class... A>
inline jp_future jp_yield_cpp_(const char *at, jp_ctx *p, const jp_def &d, A... a) {
    const jp_value v[] = {jp_v(a)..., jp_v_null()};
    return jp_yield_v(p, &d, sizeof...(a), v, at);
}
#define jp_yield(...) jp_yield_cpp_(JP_AT, __VA_ARGS__)
struct jp_guard_ : jp_scope {
    explicit jp_guard_(jp_scope s) : jp_scope(s) {}
    jp_guard_(const jp_guard_ &) = delete;
    ~jp_guard_() { jp_scope_end(this); }
};
template <class... F>
inline jp_scope jp_after_cpp_(const char *at, jp_ctx *p, F... f) {
    const jp_future v[] = {f...};
    return jp_after_begin(p, at, sizeof...(f), v);
}
#define JP_SCOPE_(begin) JP_SCOPE1_(JP_CAT_(jp_scope_, __COUNTER__), begin)
#define JP_SCOPE1_(s, begin) for (jp_guard_ s{begin}; s.once; s.once = false)
#define jp_in_order(p) JP_SCOPE_(jp_in_order_begin((p), JP_AT))
#define jp_after(...) JP_SCOPE_(jp_after_cpp_(JP_AT, __VA_ARGS__))

#else /* C11 */

#define jp_v(x)                                                                          \
    _Generic((x), bool: jp_v_bool, int: jp_v_int64, long: jp_v_int64, long long: jp_v_int64, \
        unsigned: jp_v_int64, double: jp_v_double, float: jp_v_double,               \
        char *: jp_v_string, const char *: jp_v_string, jp_doc: jp_v_doc,          \
        jp_future: jp_v_future, jp_value: jp_v_value)(x)

#define JP_COUNT_(...) JP_COUNT1_(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0)
#define JP_COUNT1_(a, b, c, d, e, f, g, h, i, n, ...) n
/* JP_COUNT_ counts what follows the first argument. */
#define JP_VALUES_0(T) &(T), 0, (const jp_value *)0
#define JP_VALUES_1(T, a) &(T), 1, (const jp_value[]){jp_v(a)}
#define JP_VALUES_2(T, a, b) &(T), 2, (const jp_value[]){jp_v(a), jp_v(b)}
#define JP_VALUES_3(T, a, b, c) &(T), 3, (const jp_value[]){jp_v(a), jp_v(b), jp_v(c)}
#define JP_VALUES_4(T, a, b, c, d) &(T), 4, (const jp_value[]){jp_v(a), jp_v(b), jp_v(c), jp_v(d)}
#define JP_VALUES_5(T, a, b, c, d, e) &(T), 5, (const jp_value[]){jp_v(a), jp_v(b), jp_v(c), jp_v(d), jp_v(e)}
#define JP_VALUES_6(T, a, b, c, d, e, f) &(T), 6, (const jp_value[]){jp_v(a), jp_v(b), jp_v(c), jp_v(d), jp_v(e), jp_v(f)}
#define JP_VALUES_(...) JP_CAT_(JP_VALUES_, JP_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define jp_yield(p, ...) jp_yield_v((p), JP_VALUES_(__VA_ARGS__), JP_AT)

#define JP_FUTURES_(...) (sizeof((jp_future[]){__VA_ARGS__}) / sizeof(jp_future)), (const jp_future[]){__VA_ARGS__}
/* break, return and goto out of a scope all close it: the cleanup attribute sees to that. */
#define JP_SCOPE_(begin) JP_SCOPE1_(JP_CAT_(jp_scope_, __COUNTER__), begin)
#define JP_SCOPE1_(s, begin) \
    for (jp_scope s __attribute__((cleanup(jp_scope_end))) = begin; s.once; s.once = false)
#define jp_in_order(p) JP_SCOPE_(jp_in_order_begin((p), JP_AT))
#define jp_after(p, ...) JP_SCOPE_(jp_after_begin((p), JP_AT, JP_FUTURES_(__VA_ARGS__)))
#endif

#endif /* JETPIPE_H */
