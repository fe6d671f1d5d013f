/* jetpipe_macros.h -- how the macros of jetpipe.h work; jetpipe.h includes it, and an author need not read it.
 *
 * A macro turns its arguments into values (jp_v), counts them, notes the source line (JP_AT) and calls a function on
 * which a debugger can break: jp_yield(p, Name, 1, f) is jp_yield_v(p, &Name, 2, (const jp_value[]){...}, "file.c:12").
 * A function below does what the macro of its name is documented to do in jetpipe.h; `at` is a static text, and only
 * used in messages. C has _Generic and the cleanup attribute, C++ has templates and a guard object; both spellings are
 * the same. */
#ifndef JETPIPE_H
#include <jetpipe.h> /* which includes this file */
#endif
#ifndef JETPIPE_MACROS_H
#define JETPIPE_MACROS_H

#define JP_STR1_(x)    #x
#define JP_STR_(x)     JP_STR1_(x)
#define JP_AT          __FILE__ ":" JP_STR_(__LINE__)
#define JP_CAT1_(a, b) a##b
#define JP_CAT_(a, b)  JP_CAT1_(a, b)

#define JP_DEFINE_(Name, ctx, ...)                                                                                     \
    static jp_end Name##_run(jp_ctx *ctx);                                                                             \
    extern const jp_def Name;                                                                                          \
    const jp_def Name = {.abi = JP_ABI, .name = #Name, .run = Name##_run, .at = JP_AT, __VA_ARGS__};                   \
    static jp_end Name##_run(jp_ctx *ctx)

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the functions behind the macros ---- */

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

JP_API jp_value jp_object_v(jp_ctx *, size_t count, const jp_value *keys_and_values, const char *at);
JP_API jp_list *jp_array_v(jp_ctx *, size_t count, const jp_value *, const char *at);
JP_API void jp_push_v(jp_list *, jp_value, const char *at);
JP_API const char *jp_json_v(jp_ctx *, jp_value, const char *at);
JP_API jp_value jp_parse_v(jp_ctx *, const char *text, const char *at);

JP_API jp_future jp_yield_v(jp_ctx *, const jp_def *, size_t count, const jp_value *, const char *at);
JP_API jp_future jp_yield_l(jp_ctx *, const jp_def *, const jp_list *, const char *at);
JP_API jp_future jp_yield_with_v(jp_ctx *, jp_options, const jp_def *, size_t count, const jp_value *, const char *at);
JP_API jp_future jp_slot_of(jp_ctx *, jp_future, const char *name, const char *at);
JP_API jp_future jp_promise_v(jp_ctx *, const char *gives, int64_t within_ms, const char *at);
JP_API const char *jp_promise_ticket_of(jp_ctx *, jp_future, const char *at);
JP_API const char *jp_ticket_of(jp_ctx *, const char *at);

JP_API void jp_fill_v(jp_ctx *, const char *name, jp_value, const char *at);
JP_API jp_end jp_return_v(jp_ctx *, jp_value, const char *at) JP_USE_;
JP_API jp_end jp_return_in_v(jp_ctx *, int64_t ms, jp_value, const char *at) JP_USE_;
JP_API jp_end jp_done_at(jp_ctx *, const char *at) JP_USE_;
JP_API jp_end jp_wait_at(jp_ctx *, const char *at) JP_USE_;
JP_API jp_end jp_retry_in_at(jp_ctx *, int64_t ms, const char *at, const char *fmt, ...) JP_PRINTF_(4, 5) JP_USE_;
JP_API jp_value jp_output_of(jp_ctx *, const char *name, const char *at);
JP_API void jp_hook_failed_at(jp_ctx *, const char *at, const char *fmt, ...) JP_PRINTF_(3, 4);

/* ---- blocks: jp_each, jp_each_member, jp_in_order, jp_after ---- */

typedef struct jp_iter {
    jp_ctx *p_;
    jp_doc doc_;
    uint32_t offset_;
    const char *key_;
    jp_value value_;
    bool busy_, outer_; /* still true when `break` left the loop */
} jp_iter;
JP_API jp_iter jp_each_begin(jp_ctx *, jp_value doc, const char *at);
JP_API bool jp_each_next(jp_iter *);
#define JP_EACH_(it, p, item, doc)                                                                                     \
    for (jp_iter it = jp_each_begin((p), jp_v(doc), JP_AT); jp_each_next(&it);)                                        \
        for (jp_value item = it.value_; it.busy_; it.busy_ = false)
#define JP_MEMBER_(it, p, key, item, doc)                                                                              \
    for (jp_iter it = jp_each_begin((p), jp_v(doc), JP_AT); jp_each_next(&it);)                                        \
        for (const char *key = it.key_; it.outer_; it.outer_ = false)                                                  \
            for (jp_value item = it.value_; it.busy_; it.outer_ = it.busy_ = false)

typedef struct jp_scope {
    jp_ctx *p_;
    uint32_t depth_;
    bool once_;
} jp_scope;
JP_API jp_scope jp_in_order_begin(jp_ctx *, const char *at);
JP_API jp_scope jp_after_begin(jp_ctx *, size_t count, const jp_value *, const char *at);
JP_API void jp_scope_end(jp_scope *);
#define JP_SCOPE_(begin) JP_SCOPE1_(JP_CAT_(jp_scope_, __COUNTER__), begin)
#define jp_in_order(p)   JP_SCOPE_(jp_in_order_begin((p), JP_AT))

#ifdef __cplusplus
}
#endif

/* ---- the two languages ---- */

/* clang-format off */
#ifdef __cplusplus
#include <type_traits>
/* C++20: overloads and templates in place of _Generic, a guard object in place of the cleanup attribute. */
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
/* Each takes the place first, then what the macro was given, and makes one array of values of it. */
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
/* Futures and lists of futures only: jp_after waits for pipelines, so the compiler refuses the rest. */
#define jp_f(x) _Generic((x), jp_future: jp_v_future, jp_list *: jp_v_list, const jp_list *: jp_v_list)(x)

#define JP_OPTIONS(...) ((jp_options){__VA_ARGS__})

/* JP_COUNT_: the number of arguments, 1 to 31. JP_MORE_: 0 for one argument, N for more. JP_MAP_: each(a), each(b), ... */
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

#define jp_object(...)                 jp_object_v(JP_VALUES_(__VA_ARGS__), JP_AT)
#define jp_array(...)                  jp_array_v(JP_VALUES_(__VA_ARGS__), JP_AT)
#define jp_yield(p, ...)               jp_yield_v((p), JP_CALL_(__VA_ARGS__), JP_AT)
#define jp_yield_with(p, options, ...) jp_yield_with_v((p), (options), JP_CALL_(__VA_ARGS__), JP_AT)
#define jp_after(...)                  JP_SCOPE_(jp_after_begin(JP_FUTURES_(__VA_ARGS__), JP_AT))
#define jp_start(client, root, err, ...) jp_start_v((client), (root), (err), JP_CALL_(__VA_ARGS__))
/* The cleanup attribute closes the scope however it is left: break, return, goto. */
#define JP_SCOPE1_(s, begin)                                                                                           \
    for (jp_scope s __attribute__((cleanup(jp_scope_end))) = begin; s.once_; s.once_ = false)
#endif /* C11 */
/* clang-format on */

#endif /* JETPIPE_MACROS_H */
