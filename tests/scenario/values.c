/* values.c -- S01 to S13: values, arguments, generators. */
#include "kit.h"

JP_PIPE(add1, p, .takes = "int64 n", .gives = "int64")
{
    note("add %lld", (long long)jp_int64(p, "n"));
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(add2, p, .takes = "int64 n", .gives = "int64")
{
    jp_future v = jp_yield(p, add1, jp_arg(p, "n"));
    return jp_return(p, jp_yield(p, add1, v));
}

JP_PIPE(sum, p, .takes = "int64... n", .gives = "int64")
{
    int64_t total = 0;
    for (size_t i = 0; i < jp_count(p, "n"); i++)
        total += jp_int64_at(p, "n", i);
    note("sum");
    return jp_return(p, total);
}

JP_PIPE(sum_of_echoes, p, .takes = "int64 count", .gives = "int64")
{
    jp_list *parts = jp_list_new(p);
    for (int64_t i = 0; i < jp_int64(p, "count"); i++)
        jp_push(parts, jp_yield(p, echo, i));
    return jp_return(p, jp_yield_list(p, sum, parts));
}

JP_PIPE(nothing, p)
{
    return jp_done(p);
}

JP_PIPE(DivMod, p, .takes = "int64 a, int64 b", .gives = "int64", .fills = "int64 remainder")
{
    jp_fill(p, "remainder", jp_int64(p, "a") % jp_int64(p, "b"));
    return jp_return(p, jp_int64(p, "a") / jp_int64(p, "b"));
}

JP_PIPE(Gcd, p, .takes = "int64 a, int64 b", .gives = "int64")
{
    if (jp_int64(p, "b") == 0)
        return jp_return(p, jp_arg(p, "a"));
    jp_future d = jp_yield(p, DivMod, jp_arg(p, "a"), jp_arg(p, "b"));
    return jp_return(p, jp_yield(p, Gcd, jp_arg(p, "b"), jp_slot(p, d, "remainder")));
}

static const jp_def *const pipes[] = {&echo, &add1, &add2, &sum, &sum_of_echoes, &nothing, &DivMod, &Gcd, NULL};

/* SEMANTICS 3.2, 5.2 */
START_SCENARIO(s01_echo)
{
    const char *key = run(k, "echo", "[1,2,3]");
    assert_json(result(k, key), "[1,2,3]");
    assert_json(status(k, key), "done");
    assert_json(tree(k, key, "attempt"), "1");
}

/* SEMANTICS 2.6, 3.4, 4.2 */
START_SCENARIO(s03_chain)
{
    const char *key = run(k, "add2", "[5]");
    assert_json(result(k, key), "7");
    assert_json(journal(), "add 5, add 6");
    assert_json(field(k, "status", key, "pipelines.done"), "3");
}

/* SEMANTICS 4.1 */
START_SCENARIO(s04_fan_in)
{
    const char *key = run(k, "sum_of_echoes", "[100]");
    assert_json(result(k, key), "4950");
    ck_assert_int_eq(noted("sum"), 1);
}

/* SEMANTICS 2.5 */
START_SCENARIO(s05_nothing)
{
    const char *key = run(k, "nothing", "");
    assert_json(result(k, key), "null");
    assert_json(tree(k, key, "children"), "[]");
}

/* SEMANTICS 3.5 */
START_SCENARIO(s06_gcd)
{
    assert_json(result(k, run(k, "Gcd", "[1071,462]")), "21");
    assert_json(result(k, run(k, "Gcd", "{\"a\":1071,\"b\":463}")), "1");
}

int main(void)
{
    Suite *suite = suite_create("values");
    TCase *tcase = tcase_create("values");
    tcase_set_timeout(tcase, 120);
    add_scenario(tcase, s01_echo);
    add_scenario(tcase, s03_chain);
    add_scenario(tcase, s04_fan_in);
    add_scenario(tcase, s05_nothing);
    add_scenario(tcase, s06_gcd);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
