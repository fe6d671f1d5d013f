/* order.c -- S30 to S42: order and finishing. */
#include "kit.h"

JP_PIPE(after_two, p)
{
    jp_future a = jp_yield(p, slow, 1, 60), b = jp_yield(p, rec, 2);
    jp_after (p, a, b) {
        jp_yield(p, rec, 3);
        jp_yield(p, rec, 4);
    }
    jp_after (p) {
        jp_yield(p, rec, 5);
    }
    return jp_done(p);
}

JP_PIPE(nested_after, p)
{
    jp_future a = jp_yield(p, rec, 1);
    jp_after (p, a) {
        jp_future b = jp_yield(p, rec, 2);
        jp_after (p, a, b, b) {
            jp_future c = jp_yield(p, rec, 3);
            jp_after (p, c, a)
                jp_yield(p, rec, 4);
        }
    }
    return jp_done(p);
}

JP_PIPE(ordered, p)
{
    jp_in_order (p) {
        jp_yield(p, rec, 1);
        jp_yield(p, slow, 2, 60);
        jp_yield(p, rec, 3);
        jp_yield(p, rec, 4);
    }
    return jp_done(p);
}

JP_PIPE(order_in_order, p)
{
    jp_in_order (p) {
        jp_yield(p, rec, 1);
        jp_in_order (p)
            jp_yield(p, rec, 2);
    }
    return jp_done(p);
}

JP_PIPE(after_around_order, p)
{
    jp_future first = jp_yield(p, rec, 1);
    jp_future second = {0};
    jp_after (p, first)
        jp_in_order (p) {
            jp_yield(p, rec, 2);
            second = jp_yield(p, rec, 3);
        }
    jp_in_order (p) {
        jp_after (p, second) {
            jp_yield(p, rec, 4);
            jp_yield(p, rec, 5);
        }
        jp_yield(p, rec, 6);
    }
    return jp_done(p);
}

JP_PIPE(two_of_them, p, .takes = "int64 ms", .gives = "any")
{
    jp_yield(p, slow, 1, jp_arg(p, "ms"));
    return jp_return(p, jp_yield(p, rec, 2));
}

JP_PIPE(after_generator, p)
{
    jp_future g = jp_yield(p, two_of_them, 80);
    jp_after (p, g)
        jp_yield(p, rec, 3);
    return jp_done(p);
}

JP_PIPE(countdown, p, .takes = "int64 d")
{
    if (jp_int64(p, "d") > 0) {
        jp_future r = jp_yield(p, rec, jp_arg(p, "d"));
        jp_after (p, r)
            jp_yield(p, countdown, jp_int64(p, "d") - 1);
    }
    return jp_done(p);
}

static int hook_calls;

static void watch_finish(jp_ctx *p, bool aborted)
{
    note("outputs %s%s", jp_json(p, jp_output(p, "default")), aborted ? "A" : "");
    if (hook_calls++ < 2)
        jp_hook_failed(p, "not yet");
}

JP_PIPE(hooked, p, .gives = "int64", .on_finished = watch_finish)
{
    note("body");
    return jp_return(p, jp_yield(p, echo, 11));
}

JP_PIPE(early_value, p, .takes = "int64 ms", .gives = "any")
{
    return jp_return(p, jp_yield(p, two_of_them, jp_arg(p, "ms")));
}

static const jp_def *const pipes[] = {&echo,
                                      &rec,
                                      &slow,
                                      &after_two,
                                      &nested_after,
                                      &ordered,
                                      &countdown,
                                      &two_of_them,
                                      &after_generator,
                                      &order_in_order,
                                      &after_around_order,
                                      &hooked,
                                      &early_value,
                                      NULL};

/* SEMANTICS 4.2 */
START_SCENARIO(s30_after)
{
    const char *key = run(k, "after_two", "");
    assert_json(status(k, key), "done");
    ck_assert(before("slow 1", "run 3") && before("run 2", "run 3") && before("run 2", "run 4"));
    ck_assert(before("run 5", "run 3"));
}

START_SCENARIO(s31_nested_after)
{
    run(k, "nested_after", "");
    ck_assert(before("fin 1", "run 2") && before("fin 2", "run 3") && before("fin 3", "run 4"));
}

START_SCENARIO(s33_in_order)
{
    run(k, "ordered", "");
    ck_assert(before("fin 1", "slow 2") && before("slow 2", "run 3") && before("fin 3", "run 4"));
}

START_SCENARIO(s34_order_in_order)
{
    const char *key = run(k, "order_in_order", "");
    assert_json(status(k, key), "aborted");
    assert_json(journal(), "");
    ck_assert_ptr_nonnull(strstr(reason(k, key), "order.c:"));
}

START_SCENARIO(s35_after_and_order)
{
    run(k, "after_around_order", "");
    for (int i = 1; i < 6; i++) {
        char one[16], two[16];
        if (i == 4)
            continue; /* 4 and 5 stand side by side within the after, in the order scope: 4 before 5 holds too */
        snprintf(one, sizeof one, "fin %d", i);
        snprintf(two, sizeof two, "run %d", i + 1);
        ck_assert_msg(before(one, two), "%s before %s: %s", one, two, journal());
    }
}

START_SCENARIO(s37_after_generator)
{
    run(k, "after_generator", "");
    ck_assert(before("slow 1", "run 3") && before("run 2", "run 3"));
    assert_json(field(k, "status", k->key, "pipelines.done"), "5");
}

START_SCENARIO(s39_depth)
{
    run(k, "countdown", "[5]");
    ck_assert(before("fin 5", "run 4") && before("fin 4", "run 3") && before("fin 2", "run 1"));
    ck_assert_int_eq(noted("fin 1"), 1);
}

/* SEMANTICS 5.4 */
START_SCENARIO(s40_s41_hook)
{
    hook_calls = 0;
    const char *key = run(k, "hooked", "");
    assert_json(journal(), "body, outputs 11, outputs 11, outputs 11");
    assert_json(status(k, key), "done");
    assert_json(tree(k, key, "attempt"), "1");
}

/* SEMANTICS 5.3 */
START_SCENARIO(s42_value_before_done)
{
    int64_t wait = k->virtual_time ? 100000 : 1500;
    const char *key = start(k, "early_value", k->virtual_time ? "[100000]" : "[1500]");
    pass(k, wait / 3);
    assert_json(result(k, key), "2");
    assert_json(status(k, key), "running");
    finish(k, key);
    assert_json(status(k, key), "done");
}

int main(void)
{
    Suite *suite = suite_create("order");
    TCase *tcase = tcase_create("order");
    tcase_set_timeout(tcase, 120);
    add_scenario(tcase, s30_after);
    add_scenario(tcase, s31_nested_after);
    add_scenario(tcase, s33_in_order);
    add_scenario(tcase, s34_order_in_order);
    add_scenario(tcase, s35_after_and_order);
    add_scenario(tcase, s37_after_generator);
    add_scenario(tcase, s39_depth);
    add_scenario(tcase, s40_s41_hook);
    add_scenario(tcase, s42_value_before_done);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
