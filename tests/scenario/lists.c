/* lists.c -- lists as arguments and outputs, futures in them, and barriers of every width. */
#include "records.h"

static int64_t counted;

JP_PIPE(number, p, .takes = "int64 n", .gives = "int64", .fills = "string text")
{
    counted++;
    jp_fill(p, "text", jp_format(p, "t%lld", (long long)jp_int64(p, "n")));
    return jp_return(p, jp_arg(p, "n"));
}

JP_PIPE(same, p, .takes = "list items", .gives = "list")
{
    kit_note("same");
    return jp_return(p, jp_arg(p, "items"));
}

JP_PIPE(hundred_times, p, .gives = "list")
{
    jp_future f = jp_yield(p, number, 7);
    jp_list *all = jp_list_new(p);
    for (int i = 0; i < 100; i++)
        jp_push(all, f);
    return jp_return(p, jp_yield(p, same, all));
}

JP_PIPE(nested, p, .gives = "list")
{
    jp_future a = jp_yield(p, number, 1), b = jp_yield(p, number, 2);
    jp_list *inner = jp_array(p, a, jp_array(p, b, "x", jp_array(p)), jp_slot(p, b, "text"));
    return jp_return(p, jp_yield(p, same, jp_array(p, 0, inner, jp_array(p, inner, a))));
}

JP_PIPE(mixed, p, .gives = "list")
{
    jp_future f = jp_yield(p, number, 7), null = jp_yield(p, echo);
    return jp_return(p, jp_yield(p, same,
                                 jp_array(p, 5, f, jp_v_null(), null, jp_slot(p, f, "text"), f, jp_array(p, 1),
                                          jp_object(p, "k", 1), 4)));
}

JP_PIPE(empty, p, .gives = "list")
{
    return jp_return(p, jp_yield(p, same, jp_list_new(p)));
}

JP_PIPE(empty_rest, p, .gives = "any")
{
    return jp_return(p, jp_yield_list(p, echo, jp_list_new(p)));
}

/* Lists with futures as outputs: returned, filled, and one that grows after it was passed on. */
JP_PIPE(gives_lists, p, .gives = "list", .fills = "list other")
{
    jp_future f = jp_yield(p, number, 3);
    jp_list *grows = jp_array(p, f);
    jp_fill(p, "other", jp_array(p, jp_array(p, f), 1));
    jp_yield(p, same, grows);
    jp_push(grows, 9);
    return jp_return(p, grows);
}

JP_PIPE(takes_lists, p, .gives = "any")
{
    jp_future f = jp_yield(p, gives_lists);
    return jp_return(p, jp_yield(p, echo, f, jp_slot(p, f, "other")));
}

JP_PIPE(future_in_document, p, .gives = "any")
{
    jp_future f = jp_yield(p, number, 1);
#line 70 "lists.c"
    jp_value bad = jp_object(p, "f", f);
    return jp_return(p, jp_yield(p, echo, bad));
}

JP_PIPE(list_in_document, p, .gives = "any")
{
    jp_future f = jp_yield(p, number, 1);
#line 80 "lists.c"
    jp_value bad = jp_object(p, "l", jp_array(p, 1, f));
    return jp_return(p, jp_yield(p, echo, bad));
}

/* ---- wide ---- */

JP_PIPE(add_up, p, .takes = "list items", .gives = "int64")
{
    int64_t total = 0, place = 0;
    kit_note("add up");
    jp_each (p, item, jp_arg(p, "items")) {
        if (item.as.i64 != place++)
            return jp_abort(p, "item %lld is %lld", (long long)place - 1, (long long)item.as.i64);
        total += item.as.i64;
    }
    return jp_return(p, total);
}

JP_PIPE(last, p, .takes = "int64 n", .gives = "int64")
{
    kit_note("after %lld", (long long)counted);
    return jp_return(p, jp_arg(p, "n"));
}

JP_PIPE(wide, p, .takes = "int64 n", .gives = "any", .retry = {.attempts = 1})
{
    jp_list *all = jp_list_new(p);
    jp_future sum = {0}, after = {0};
    for (int64_t i = 0; i < jp_int64(p, "n"); i++)
        jp_push(all, jp_yield(p, number, i));
    sum = jp_yield(p, add_up, all);
    jp_after (p, all)
        after = jp_yield(p, last, jp_arg(p, "n"));
    return jp_return(p, jp_yield(p, echo, sum, after));
}

static const jp_def *const pipes[] = {
    &echo,        &number, &same,        &hundred_times,      &nested,           &mixed, &empty,
    &gives_lists, &add_up, &takes_lists, &future_in_document, &list_in_document, &last,  &wide,
    &empty_rest,  NULL};

/* SEMANTICS 3.3: a future that is used many times is one dependency, with the same value in every place. */
START_SCENARIO(one_future_a_hundred_times)
{
    const char *key = kit_run(k, "hundred_times", ""), *sevens = "7";
    for (int i = 1; i < 100; i++)
        sevens = jpx_format(k->arena, "%s,7", sevens);
    kit_assert_json(kit_result(k, key), jpx_format(k->arena, "[%s]", sevens));
    kit_assert_json(kit_journal(), "same");
    ck_assert_uint_eq(jpx_pipeline_bits(kit_pipeline_of(k, "same", 0)), 1);
}

/* SEMANTICS 3.3, 3.4 */
START_SCENARIO(futures_in_nested_lists)
{
    const char *key = kit_run(k, "nested", "");
    kit_assert_json(kit_reason(k, key), "");
    kit_assert_json(kit_result(k, key), "[0,[1,[2,\"x\",[]],\"t2\"],[[1,[2,\"x\",[]],\"t2\"],1]]");
    ck_assert_int_eq(kit_noted("same"), 1);
}

/* SEMANTICS 3.3: values and futures, default and named, mixed; order is kept, null stays null. */
START_SCENARIO(mixed_lists)
{
    kit_assert_json(kit_result(k, kit_run(k, "mixed", "")), "[5,7,null,null,\"t7\",7,[1],{\"k\":1},4]");
    kit_assert_json(kit_result(k, kit_run(k, "empty", "")), "[]");
    kit_assert_json(kit_result(k, kit_run(k, "empty_rest", "")), "null");
    kit_assert_json(kit_result(k, kit_run(k, "takes_lists", "")), "[[3,9],[[3],1]]");
}

/* SEMANTICS 3.3, 2.7: refused at the yield, with the line, and nothing runs. */
START_SCENARIO(futures_in_documents)
{
    counted = 0;
    const char *key = kit_run(k, "future_in_document", "");
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "future_in_document"));
    ck_assert_msg(strstr(kit_reason(k, key), "lists.c:70") != NULL, "%s", kit_reason(k, key));
    key = kit_run(k, "list_in_document", "");
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_msg(strstr(kit_reason(k, key), "lists.c:80") != NULL, "%s", kit_reason(k, key));
    ck_assert_int_eq(counted, 0);
    ck_assert_uint_eq(kit_pipelines_of(k, "number"), 0);
}

/* SEMANTICS 3.3, 4.2: one word of a counter, many words, a tree of counters; no consumer runs early or twice. */
START_SCENARIO(wide_lists)
{
    static const int widths[] = {1, 2, 63, 64, 127, 62, 4032, 4033};
    size_t count = k->virtual_time ? 8 : 7; /* ten_thousand_futures has the last one in real time */
    for (size_t i = 0; i < count; i++) {
        const int64_t n = widths[i];
        counted = 0;
        const char *key = kit_run(k, "wide", jpx_format(k->arena, "[%lld]", (long long)n));
        kit_assert_json(kit_reason(k, key), "");
        kit_assert_json(kit_result(k, key),
                        jpx_format(k->arena, "[%lld,%lld]", (long long)(n * (n - 1) / 2), (long long)n));
        ck_assert_int_eq(counted, n);
        ck_assert_int_eq(kit_noted("add up"), (int)i + 1);
        ck_assert_int_eq(kit_noted(jpx_format(k->arena, "after %lld", (long long)n)), 1);
        kit_assert_json(kit_field(k, "status", key, "pipelines"),
                        jpx_format(k->arena, "{\"done\":%lld}", (long long)n + 4));
    }
}

/* SEMANTICS 3.3 */
START_SCENARIO(ten_thousand_futures)
{
    const int64_t n = k->virtual_time ? 10000 : 4033; /* more than one counter holds */
    counted = 0;
    const char *key = kit_run(k, "wide", jpx_format(k->arena, "[%lld]", (long long)n));
    kit_assert_json(kit_reason(k, key), "");
    kit_assert_json(kit_result(k, key),
                    jpx_format(k->arena, "[%lld,%lld]", (long long)(n * (n - 1) / 2), (long long)n));
    ck_assert_int_eq(counted, n);
    ck_assert_int_eq(kit_noted("add up"), 1);
    ck_assert_int_eq(kit_noted(jpx_format(k->arena, "after %lld", (long long)n)), 1);
}

int main(void)
{
    Suite *suite = suite_create("lists");
    TCase *tcase = tcase_create("lists");
    tcase_set_timeout(tcase, 180);
    kit_add_scenario(tcase, one_future_a_hundred_times);
    kit_add_scenario(tcase, futures_in_nested_lists);
    kit_add_scenario(tcase, mixed_lists);
    kit_add_scenario(tcase, futures_in_documents);
    kit_add_scenario(tcase, wide_lists);
    kit_add_scenario(tcase, ten_thousand_futures);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
