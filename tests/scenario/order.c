/* order.c -- S30 to S39: order. S34 is in plan_errors.c, what finishing means in finishing.c. */
#include "records.h"

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

JP_PIPE(after_around_order, p)
{
    jp_future first = jp_yield(p, rec, 1), third = {0};
    jp_after (p, first)
        jp_in_order (p) {
            jp_yield(p, rec, 2);
            third = jp_yield(p, rec, 3);
        }
    jp_in_order (p)
        jp_after (p, third) {
            jp_yield(p, rec, 4);
            jp_yield(p, rec, 5);
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

/* A level with a branch beside it that is slower. */
JP_PIPE(steps, p, .takes = "int64 first, int64 count")
{
    jp_in_order (p)
        for (int64_t i = 0; i < jp_int64(p, "count"); i++)
            jp_yield(p, rec, jp_int64(p, "first") + i);
    return jp_done(p);
}

/* In order of generators, each with children of its own, which are not in order themselves. */
JP_PIPE(order_of_generators, p)
{
    jp_in_order (p) {
        jp_yield(p, two_of_them, 80); /* slow 1 and run 2, side by side */
        jp_yield(p, steps, 10, 3);
        jp_yield(p, rec, 20);
    }
    return jp_done(p);
}

JP_PIPE(tries, p, .takes = "int64 n, int64 attempts", .gives = "int64",
        .retry = {.attempts = 4, .first_ms = 40, .jitter = JP_NO_JITTER})
{
    kit_note("try %lld.%d", (long long)jp_int64(p, "n"), jp_attempt(p));
    if (jp_attempt(p) < jp_int64(p, "attempts"))
        return jp_retry(p, "not yet");
    return jp_return(p, jp_arg(p, "n"));
}

JP_PIPE(order_with_retries, p)
{
    jp_in_order (p) {
        jp_yield(p, tries, 1, 3);
        jp_yield(p, rec, 2);
        jp_yield(p, tries, 3, 2);
        jp_yield(p, rec, 4);
    }
    return jp_done(p);
}

/* Values cross the order: the consumer waits for both. */
JP_PIPE(order_with_values, p, .gives = "any")
{
    jp_future late = jp_yield(p, slow, 1, 120), sum = {0};
    jp_in_order (p) {
        jp_yield(p, rec, 2);
        sum = jp_yield(p, echo, late, 3);
        jp_yield(p, rec, 4);
    }
    return jp_return(p, sum);
}

static jp_end leave_by_return(jp_ctx *p, jp_future first)
{
    jp_after (p, first)
        jp_in_order (p) {
            jp_yield(p, rec, 5);
            return jp_done(p);
        }
    return jp_done(p);
}

/* Scopes that are left by break, continue, goto and return are closed: the odd ones do not wait. */
JP_PIPE(left_scopes, p)
{
    jp_future first = jp_yield(p, slow, 0, 400);
    jp_after (p, first) {
        jp_yield(p, rec, 2);
        break;
    }
    jp_yield(p, rec, 1);
    for (int i = 0; i < 2; i++) {
        jp_after (p, first) {
            if (i == 0)
                continue;
            jp_yield(p, rec, 4);
        }
        if (i == 0)
            jp_yield(p, rec, 3);
    }
    jp_after (p, first)
        jp_in_order (p) {
            jp_yield(p, rec, 6);
            goto out;
        }
out:
    jp_yield(p, rec, 7);
    (void)leave_by_return(p, first);
    jp_yield(p, rec, 9);
    return jp_done(p);
}

/* after a named slot, a list of futures, the same twice, and both kinds of waiting for one child. */
JP_PIPE(after_mixed, p)
{
    jp_future g = jp_yield(p, two_of_them, 80), r = jp_yield(p, rec, 5);
    jp_list *both = jp_array(p, g, r, g);
    jp_after (p, both, r, g)
        jp_yield(p, rec, g); /* takes 2, which is there long before g is finished */
    return jp_done(p);
}

/* Waits hold between siblings only. */
JP_PIPE(inner_pair, p, .takes = "int64 n")
{
    jp_yield(p, slow, jp_int64(p, "n"), 200);
    jp_yield(p, rec, jp_int64(p, "n") + 1);
    return jp_done(p);
}

JP_PIPE(siblings_only, p)
{
    jp_in_order (p) {
        jp_yield(p, inner_pair, 1);
        jp_yield(p, inner_pair, 3);
    }
    return jp_done(p);
}

/* Two scopes side by side know nothing of each other. */
JP_PIPE(two_orders, p)
{
    jp_in_order (p) {
        jp_yield(p, slow, 1, 400);
        jp_yield(p, rec, 2);
    }
    jp_in_order (p) {
        jp_yield(p, rec, 3);
        jp_yield(p, rec, 4);
    }
    return jp_done(p);
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
                                      &after_around_order,
                                      &steps,
                                      &order_of_generators,
                                      &tries,
                                      &order_with_retries,
                                      &order_with_values,
                                      &left_scopes,
                                      &after_mixed,
                                      &inner_pair,
                                      &siblings_only,
                                      &two_orders,
                                      NULL};

/* The slow one is noted when it starts: what follows it runs after its end. */
static int64_t begun_ms(kit *k, const char *key, uint32_t child)
{
    jpx_journal found = kit_journal_of(k, kit_child_of_root(k, key, child));
    ck_assert_uint_gt(found.count, 0);
    return found.entries[0].at_ms;
}

static int64_t ended_ms(kit *k, const char *key, uint32_t child)
{
    jpx_journal found = kit_journal_of(k, kit_child_of_root(k, key, child));
    ck_assert_uint_gt(found.count, 0);
    return found.entries[found.count - 1].at_ms;
}

/* SEMANTICS 4.2: both before the two; after nothing: at once. */
START_SCENARIO(s30_after)
{
    const char *key = kit_run(k, "after_two", "");
    kit_assert_json(kit_status(k, key), "done");
    ck_assert(kit_before("slow 1", "run 3") && kit_before("slow 1", "run 4"));
    ck_assert(kit_before("run 2", "run 3") && kit_before("run 2", "run 4"));
    ck_assert(kit_before("run 5", "run 3") && kit_before("run 5", "run 4"));
    ck_assert_int_ge(begun_ms(k, key, 2), ended_ms(k, key, 0));
    ck_assert_int_ge(begun_ms(k, key, 3), ended_ms(k, key, 0));
    ck_assert_uint_eq(kit_child_of_root(k, key, 4)->deps_count, 0);
}

/* SEMANTICS 4.2: repeats add nothing. */
START_SCENARIO(s31_nested_after)
{
    const char *key = kit_run(k, "nested_after", "");
    ck_assert(kit_before("fin 1", "run 2") && kit_before("fin 2", "run 3") && kit_before("fin 3", "run 4"));
    ck_assert_uint_eq(jpx_pipeline_bits(kit_child_of_root(k, key, 2)), 2);
    ck_assert_uint_eq(jpx_pipeline_bits(kit_child_of_root(k, key, 3)), 3);
}

/* SEMANTICS 4.2 */
START_SCENARIO(s33_in_order)
{
    const char *key = kit_run(k, "ordered", "");
    kit_assert_json(kit_journal(), "run 1, fin 1, slow 2, run 3, fin 3, run 4, fin 4");
    ck_assert_int_ge(begun_ms(k, key, 2), ended_ms(k, key, 1));
}

/* SEMANTICS 4.2: both nest in each other. */
START_SCENARIO(s35_after_and_order)
{
    kit_run(k, "after_around_order", "");
    kit_assert_json(kit_journal(),
                    "run 1, fin 1, run 2, fin 2, run 3, fin 3, run 4, fin 4, run 5, fin 5, run 6, fin 6");
}

/* SEMANTICS 4.2: finished, their children included. */
START_SCENARIO(s37_after_generator)
{
    const char *key = kit_run(k, "after_generator", "");
    ck_assert(kit_before("slow 1", "run 3") && kit_before("run 2", "run 3"));
    jpx_journal g = kit_journal_of(k, kit_child_of_root(k, key, 0));
    jpx_pipeline slow_one = {.key =
                                 jpx_key_make(kit_root_of(k, key).id, jpx_journal_find(&g, JPX_ENTRY_PLANNED)->gen, 0)};
    jpx_journal waited = kit_journal_of(k, &slow_one);
    ck_assert_int_ge(begun_ms(k, key, 1), waited.entries[waited.count - 1].at_ms);
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":5}");
}

/* SEMANTICS 4.2 */
START_SCENARIO(s39_depth)
{
    const char *key = kit_run(k, "countdown", "[5]");
    kit_assert_json(kit_journal(), "run 5, fin 5, run 4, fin 4, run 3, fin 3, run 2, fin 2, run 1, fin 1");
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":11}");
}

/* SEMANTICS 4.2, 4.3 */
START_SCENARIO(order_of_whole_subtrees)
{
    kit_run(k, "order_of_generators", "");
    ck_assert(kit_before("slow 1", "run 10") && kit_before("run 2", "run 10") && kit_before("fin 10", "run 11") &&
              kit_before("fin 11", "run 12") && kit_before("fin 12", "run 20"));
    ck_assert_int_eq(kit_noted("run 20"), 1);
}

/* SEMANTICS 4.2, 6.1: a retry holds up those behind it. */
START_SCENARIO(order_waits_for_retries)
{
    const char *key = kit_run(k, "order_with_retries", "");
    kit_assert_json(kit_journal(), "try 1.1, try 1.2, try 1.3, run 2, fin 2, try 3.1, try 3.2, run 4, fin 4");
    kit_assert_json(kit_status(k, key), "done");
}

/* SEMANTICS 4.2, 3.4 */
START_SCENARIO(order_and_values)
{
    const char *key = kit_run(k, "order_with_values", "");
    kit_assert_json(kit_result(k, key), "[1,3]");
    kit_assert_json(kit_reason(k, key), "");
    ck_assert(kit_before("slow 1", "run 4") && kit_before("run 2", "run 4"));
    ck_assert_int_ge(begun_ms(k, key, 3), ended_ms(k, key, 0));
}

/* SEMANTICS 4.2: scopes close when left by any path. */
START_SCENARIO(scopes_left_early)
{
    static const int waits[] = {0, 1, 0, 0, 1, 1, 0, 1, 0}; /* rec 2 1 3 4 6 7 5 9 after the slow one */
    const char *key = kit_run(k, "left_scopes", "");
    kit_assert_json(kit_status(k, key), "done");
    for (uint32_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        ck_assert_msg((int)kit_child_of_root(k, key, i)->deps_count == waits[i], "child %u", i);
        if (waits[i])
            ck_assert_int_ge(begun_ms(k, key, i), ended_ms(k, key, 0));
    }
    static const int free_ones[] = {1, 3, 7, 9}, bound[] = {2, 4, 5, 6};
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(kit_noted(jpx_format(k->arena, "run %d", free_ones[i])), 1);
        ck_assert_int_eq(kit_noted(jpx_format(k->arena, "run %d", bound[i])), 1);
    }
}

/* SEMANTICS 4.2: lists of futures, repeats; a value that is there does not shorten the wait. */
START_SCENARIO(after_lists_and_values)
{
    const char *key = kit_run(k, "after_mixed", "");
    ck_assert_int_eq(kit_noted("run 2"), 2); /* the child's own, and the one that took its value */
    ck_assert_uint_eq(jpx_pipeline_bits(kit_child_of_root(k, key, 2)), 3);
    jpx_journal g = kit_journal_of(k, kit_child_of_root(k, key, 0));
    jpx_pipeline slow_one = {.key =
                                 jpx_key_make(kit_root_of(k, key).id, jpx_journal_find(&g, JPX_ENTRY_PLANNED)->gen, 0)};
    jpx_journal waited = kit_journal_of(k, &slow_one);
    ck_assert_int_ge(begun_ms(k, key, 2), waited.entries[waited.count - 1].at_ms);
}

/* SEMANTICS 4.3 */
START_SCENARIO(waits_between_siblings_only)
{
    const char *key = kit_run(k, "siblings_only", "");
    ck_assert(kit_before("slow 1", "slow 3") && kit_before("run 2", "run 4") && kit_before("run 2", "slow 3"));
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_uint_eq(kit_pipeline_of(k, i % 2 ? "rec" : "slow", i / 2)->deps_count, 0);
    kit_assert_json(kit_status(k, key), "done");
}

/* SEMANTICS 4.1, 4.2: earlier ones of the same scope. */
START_SCENARIO(orders_side_by_side)
{
    const char *key = kit_run(k, "two_orders", "");
    ck_assert(kit_before("slow 1", "run 2") && kit_before("fin 3", "run 4"));
    ck_assert_uint_eq(kit_child_of_root(k, key, 2)->deps_count, 0);
    ck_assert_int_ge(begun_ms(k, key, 1), ended_ms(k, key, 0));
}

int main(void)
{
    Suite *suite = suite_create("order");
    TCase *tcase = tcase_create("order");
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s30_after);
    kit_add_scenario(tcase, s31_nested_after);
    kit_add_scenario(tcase, s33_in_order);
    kit_add_scenario(tcase, s35_after_and_order);
    kit_add_scenario(tcase, s37_after_generator);
    kit_add_scenario(tcase, s39_depth);
    kit_add_scenario(tcase, order_of_whole_subtrees);
    kit_add_scenario(tcase, order_waits_for_retries);
    kit_add_scenario(tcase, order_and_values);
    kit_add_scenario(tcase, scopes_left_early);
    kit_add_scenario(tcase, after_lists_and_values);
    kit_add_scenario(tcase, waits_between_siblings_only);
    kit_add_scenario(tcase, orders_side_by_side);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
