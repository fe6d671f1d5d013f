/* outputs.c -- S08, S14 to S28: named outputs. */
#include "kit.h"

JP_PIPE(four, p, .takes = "int64 n", .gives = "any", .fills = "int64 a, int64 b, string c, list d")
{
    jp_fill(p, "a", jp_int64(p, "n"));
    jp_fill(p, "b", jp_int64(p, "n") + 1);
    jp_fill(p, "c", "see");
    jp_fill(p, "d", jp_array(p, 1, 2));
    return jp_done(p);
}

JP_PIPE(four_waiting, p, .gives = "any", .fills = "int64 a, int64 b, string c, list d", .async = true)
{
    jp_fill(p, "a", 1);
    jp_fill(p, "b", 2);
    jp_fill(p, "c", "see");
    jp_fill(p, "d", jp_array(p, 1, 2));
    return jp_return_in(p, 50, jp_v_null());
}

JP_PIPE(take_all, p, .gives = "any")
{
    jp_future f = jp_yield(p, four, 1);
    return jp_return(
        p, jp_yield(p, echo, jp_slot(p, f, "a"), jp_slot(p, f, "b"), jp_slot(p, f, "c"), jp_slot(p, f, "d"), f));
}

JP_PIPE(take_all_waiting, p, .gives = "any")
{
    jp_future f = jp_yield(p, four_waiting);
    return jp_return(
        p, jp_yield(p, echo, jp_slot(p, f, "a"), jp_slot(p, f, "b"), jp_slot(p, f, "c"), jp_slot(p, f, "d"), f));
}

JP_PIPE(hands_four, p, .gives = "any", .fills = "int64 a, int64 b, string c, list d")
{
    jp_future f = jp_yield(p, four, 7);
    jp_fill(p, "a", jp_slot(p, f, "a"));
    jp_fill(p, "b", jp_slot(p, f, "b"));
    jp_fill(p, "c", jp_slot(p, f, "c"));
    jp_fill(p, "d", jp_slot(p, f, "d"));
    return jp_return(p, f);
}

JP_PIPE(two_and_two, p, .gives = "any", .fills = "int64 a, int64 b, string c, list d")
{
    jp_future f = jp_yield(p, four, 20);
    jp_fill(p, "a", 10);
    jp_fill(p, "b", jp_slot(p, f, "b"));
    jp_fill(p, "c", "own");
    jp_fill(p, "d", jp_slot(p, f, "d"));
    return jp_done(p);
}

JP_PIPE(take_handed, p, .gives = "any")
{
    jp_future f = jp_yield(p, hands_four);
    return jp_return(
        p, jp_yield(p, echo, jp_slot(p, f, "a"), jp_slot(p, f, "b"), jp_slot(p, f, "c"), jp_slot(p, f, "d"), f));
}

JP_PIPE(take_mixed, p, .gives = "any")
{
    jp_future f = jp_yield(p, two_and_two);
    return jp_return(p,
                     jp_yield(p, echo, jp_slot(p, f, "a"), jp_slot(p, f, "b"), jp_slot(p, f, "c"), jp_slot(p, f, "d")));
}

JP_PIPE(some_of_four, p, .gives = "any")
{
    jp_future f = jp_yield(p, four, 3);
    return jp_return(p, jp_yield(p, echo, jp_slot(p, f, "b"), jp_slot(p, f, "c")));
}

JP_PIPE(forgets, p, .gives = "int64", .fills = "int64 a, int64 b", .retry = {.attempts = 2, .first_ms = 20})
{
    jp_fill(p, "a", 1);
    note("forgets");
    return jp_return(p, 1);
}

JP_PIPE(after_forgets, p, .gives = "any")
{
    jp_future f = jp_yield(p, forgets);
    return jp_return(p, jp_yield(p, rec, jp_slot(p, f, "a")));
}

JP_PIPE(undeclared, p, .gives = "int64", .fills = "int64 a")
{
    note("undeclared");
    jp_fill(p, "a", 1);
    jp_fill(p, "b", 2);
    return jp_return(p, 1);
}

JP_PIPE(fills_twice, p, .gives = "any", .fills = "int64 a")
{
    jp_fill(p, "a", 1);
    jp_fill(p, "a", 2);
    return jp_done(p);
}

JP_PIPE(take_twice, p, .gives = "any")
{
    return jp_return(p, jp_yield(p, rec, jp_slot(p, jp_yield(p, fills_twice), "a")));
}

/* Each level hands its child's output on: to any depth, with nothing added. */
JP_PIPE(deep, p, .takes = "int64 n", .gives = "int64")
{
    if (jp_int64(p, "n") == 0)
        return jp_return(p, 99);
    return jp_return(p, jp_yield(p, deep, jp_int64(p, "n") - 1));
}

/* A body that waits for its own recursion at each level. */
JP_PIPE(ladder, p, .takes = "int64 n", .gives = "int64")
{
    if (jp_int64(p, "n") == 0)
        return jp_return(p, 99);
    jp_future v = jp_yield(p, ladder, jp_int64(p, "n") - 1);
    jp_yield(p, echo, v);
    return jp_return(p, v);
}

static const jp_def *const pipes[] = {&echo,         &rec,           &four,
                                      &four_waiting, &take_all,      &hands_four,
                                      &two_and_two,  &take_handed,   &take_all_waiting,
                                      &take_mixed,   &some_of_four,  &forgets,
                                      &undeclared,   &after_forgets, &fills_twice,
                                      &take_twice,   &deep,          &ladder,
                                      NULL};

/* SEMANTICS 3.5 */
START_SCENARIO(s08_unused_outputs)
{
    assert_json(result(k, run(k, "some_of_four", "")), "[4,\"see\"]");
}

START_SCENARIO(s14_four_outputs)
{
    assert_json(result(k, run(k, "take_all", "")), "[1,2,\"see\",[1,2],null]");
}

START_SCENARIO(s15_four_outputs_waiting)
{
    assert_json(result(k, run(k, "take_all_waiting", "")), "[1,2,\"see\",[1,2],null]");
}

START_SCENARIO(s16_handed_outputs)
{
    assert_json(result(k, run(k, "take_handed", "")), "[7,8,\"see\",[1,2],null]");
}

START_SCENARIO(s17_mixed_outputs)
{
    assert_json(result(k, run(k, "take_mixed", "")), "[10,21,\"own\",[1,2]]");
}

/* SEMANTICS 3.5: outputs of an attempt that failed are never visible. */
START_SCENARIO(s19_missing_output)
{
    const char *key = run(k, "after_forgets", "");
    assert_json(status(k, key), "aborted");
    ck_assert_int_eq(noted("forgets"), 2);
    ck_assert_int_eq(noted("run 1"), 0);
    ck_assert_ptr_nonnull(strstr(reason(k, key), "without filling b"));
    assert_json(tree(k, key, "children.0.outputs"), "");
}

/* SEMANTICS 2.7 */
START_SCENARIO(s20_undeclared_output)
{
    const char *key = run(k, "undeclared", "");
    assert_json(status(k, key), "aborted");
    ck_assert_int_eq(noted("undeclared"), 1);
    ck_assert_ptr_nonnull(strstr(reason(k, key), "outputs.c:"));
}

/* SEMANTICS 3.5: the last fill of a name wins. */
START_SCENARIO(s28_filled_twice)
{
    assert_json(result(k, run(k, "take_twice", "")), "2");
    ck_assert_int_eq(noted("run 2"), 1);
}

/* SEMANTICS 2.6 */
START_SCENARIO(handed_to_any_depth)
{
    assert_json(result(k, run(k, "deep", "[60]")), "99");
    assert_json(result(k, run(k, "ladder", "[40]")), "99");
}

int main(void)
{
    Suite *suite = suite_create("outputs");
    TCase *tcase = tcase_create("outputs");
    tcase_set_timeout(tcase, 120);
    add_scenario(tcase, s08_unused_outputs);
    add_scenario(tcase, s14_four_outputs);
    add_scenario(tcase, s15_four_outputs_waiting);
    add_scenario(tcase, s16_handed_outputs);
    add_scenario(tcase, s17_mixed_outputs);
    add_scenario(tcase, s19_missing_output);
    add_scenario(tcase, s20_undeclared_output);
    add_scenario(tcase, s28_filled_twice);
    add_scenario(tcase, handed_to_any_depth);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
