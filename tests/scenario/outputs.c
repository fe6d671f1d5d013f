/* outputs.c -- S08, S14 to S28: named outputs. */
#include "records.h"

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

JP_PIPE(forwards_four, p, .gives = "any", .fills = "int64 a, int64 b, string c, list d")
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

JP_PIPE(take_forwarded, p, .gives = "any")
{
    jp_future f = jp_yield(p, forwards_four);
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
    kit_note("forgets");
    return jp_return(p, 1);
}

JP_PIPE(after_forgets, p, .gives = "any")
{
    jp_future f = jp_yield(p, forgets);
    return jp_return(p, jp_yield(p, rec, jp_slot(p, f, "a")));
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

/* Forwards its two outputs to two children. */
JP_PIPE(forwards_to_two, p, .gives = "any", .fills = "int64 a, int64 b")
{
    jp_fill(p, "a", jp_slot(p, jp_yield(p, four, 30), "b"));
    jp_fill(p, "b", jp_yield(p, rec, 32));
    return jp_done(p);
}

JP_PIPE(take_from_two, p, .gives = "any")
{
    jp_future f = jp_yield(p, forwards_to_two);
    return jp_return(p, jp_yield(p, echo, jp_slot(p, f, "a"), jp_slot(p, f, "b"), f));
}

/* None of the outputs of its children is used. */
JP_PIPE(unused, p, .gives = "string")
{
    jp_yield(p, four, 1);
    jp_yield(p, four_waiting);
    return jp_return(p, "none taken");
}

/* The last fill counts, whether a value or a future; a child whose future was replaced is side work. */
JP_PIPE(changes_fills, p, .gives = "any", .fills = "int64 a, int64 b, int64? c")
{
    jp_future x = jp_yield(p, rec, 41), y = jp_yield(p, rec, 42);
    jp_fill(p, "a", 1);
    jp_fill(p, "a", x);
    jp_fill(p, "b", x);
    jp_fill(p, "b", 2);
    jp_fill(p, "c", 3);
    jp_fill(p, "c", x);
    jp_fill(p, "c", y);
    return jp_done(p);
}

JP_PIPE(take_changed, p, .gives = "any")
{
    jp_future f = jp_yield(p, changes_fills);
    return jp_return(p, jp_yield(p, echo, jp_slot(p, f, "a"), jp_slot(p, f, "b"), jp_slot(p, f, "c")));
}

/* Fills, then fails; the next attempt fills another value. */
JP_PIPE(leaks, p, .gives = "int64", .fills = "int64 a, any b",
        .retry = {.attempts = 3, .first_ms = 1500, .factor = 1.0, .jitter = JP_NO_JITTER})
{
    jp_fill(p, "a", 50 + jp_attempt(p));
    if (jp_attempt(p) == 1)
        return jp_retry(p, "after filling");
    if (jp_attempt(p) == 2)
        return jp_return(p, 52); /* b is missing */
    jp_fill(p, "b", jp_v_null());
    return jp_return(p, 53);
}

JP_PIPE(take_leaks, p, .gives = "any")
{
    jp_future f = jp_yield(p, leaks);
    jp_yield(p, rec, jp_slot(p, f, "a"));
    return jp_return(p, jp_yield(p, echo, jp_slot(p, f, "a"), jp_slot(p, f, "b"), f));
}

/* Fills, then waits; the first attempt gets no reply. */
JP_PIPE(fills_and_waits, p, .gives = "any", .fills = "int64 a", .async = true, .timeout_ms = 1500,
        .retry = {.attempts = 2, .first_ms = 50, .jitter = JP_NO_JITTER})
{
    jp_fill(p, "a", 60 + jp_attempt(p));
    if (jp_attempt(p) == 1)
        return jp_wait(p);
    return jp_return(p, 62);
}

JP_PIPE(take_waited, p, .gives = "any")
{
    jp_future f = jp_yield(p, fills_and_waits);
    jp_yield(p, rec, jp_slot(p, f, "a"));
    return jp_return(p, jp_yield(p, echo, f, jp_slot(p, f, "a")));
}

static void gone(jp_ctx *p, bool aborted)
{
    kit_note("gone%s %s %s", aborted ? "A" : "", jp_json(p, jp_output(p, "default")), jp_json(p, jp_output(p, "a")));
}

JP_PIPE(fills_and_aborts, p, .gives = "int64", .fills = "int64 a", .on_finished = gone)
{
    jp_fill(p, "a", 1);
    return jp_abort(p, "after filling");
}

JP_PIPE(forgets_three, p, .gives = "int64", .fills = "int64 a, int64 b, int64 c", .retry = {.attempts = 1})
{
    jp_fill(p, "b", 1);
    return jp_return(p, 1);
}

/* The attempt waits, or forwards an output: missing outputs are found when it ends. */
JP_PIPE(forgets_later, p, .gives = "any", .fills = "int64 a", .async = true, .retry = {.attempts = 1})
{
    return jp_return_in(p, 20, 1);
}

JP_PIPE(forgets_and_yields, p, .gives = "any", .fills = "int64 a", .retry = {.attempts = 2, .first_ms = 20})
{
    kit_note("forgets and yields");
    return jp_return(p, jp_yield(p, rec, 70));
}

/* One output is filled at once, the other much later; each consumer waits for its own. */
JP_PIPE(early_and_late, p, .takes = "int64 ms", .gives = "int64", .fills = "int64 early")
{
    jp_fill(p, "early", jp_yield(p, rec, 80));
    return jp_return(p, jp_yield(p, slow, 81, jp_arg(p, "ms")));
}

JP_PIPE(take_early, p, .takes = "int64 ms", .gives = "any")
{
    jp_future f = jp_yield(p, early_and_late, jp_arg(p, "ms"));
    jp_future g = jp_yield(p, early_and_late, jp_arg(p, "ms"));
    jp_yield(p, rec, jp_slot(p, f, "early"));
    jp_yield(p, rec, f);
    return jp_return(p, jp_yield(p, echo, jp_slot(p, f, "early"), jp_slot(p, g, "early")));
}

static const jp_def *const pipes[] = {&echo,
                                      &rec,
                                      &four,
                                      &four_waiting,
                                      &take_all,
                                      &forwards_four,
                                      &two_and_two,
                                      &take_forwarded,
                                      &take_all_waiting,
                                      &take_mixed,
                                      &some_of_four,
                                      &forgets,
                                      &after_forgets,
                                      &fills_twice,
                                      &take_twice,
                                      &forwards_to_two,
                                      &take_from_two,
                                      &unused,
                                      &changes_fills,
                                      &take_changed,
                                      &leaks,
                                      &take_leaks,
                                      &fills_and_waits,
                                      &take_waited,
                                      &fills_and_aborts,
                                      &forgets_three,
                                      &forgets_later,
                                      &forgets_and_yields,
                                      &early_and_late,
                                      &take_early,
                                      &slow,
                                      NULL};

/* The reason names the pipe and what is missing. */
static bool missing(kit *k, const char *key, const char *pipe, const char *what)
{
    const char *why = kit_reason(k, key);
    return strstr(why, pipe) && strstr(why, what);
}

/* SEMANTICS 3.5 */
START_SCENARIO(s08_unused_outputs)
{
    kit_assert_json(kit_result(k, kit_run(k, "some_of_four", "")), "[4,\"see\"]");
    const char *key = kit_run(k, "unused", "");
    kit_assert_json(kit_result(k, key), "\"none taken\"");
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":3}");
}

/* SEMANTICS 3.5: all four, and a default output of null. */
START_SCENARIO(s14_four_outputs)
{
    kit_assert_json(kit_result(k, kit_run(k, "take_all", "")), "[1,2,\"see\",[1,2],null]");
    const char *key = kit_run(k, "four", "[5]");
    kit_assert_json(kit_status(k, key), "done");
    kit_assert_json(kit_result(k, key), "null");
    kit_assert_json(kit_tree(k, key, "outputs.a.value"), "5");
    kit_assert_json(kit_tree(k, key, "outputs.b.value"), "6");
    kit_assert_json(kit_tree(k, key, "outputs.c.value"), "see");
    kit_assert_json(kit_tree(k, key, "outputs.d.value"), "[1,2]");
    kit_assert_json(kit_tree(k, key, "outputs.default.value"), "null");
}

START_SCENARIO(s15_four_outputs_waiting)
{
    kit_assert_json(kit_result(k, kit_run(k, "take_all_waiting", "")), "[1,2,\"see\",[1,2],null]");
}

/* SEMANTICS 2.6, 3.5 */
START_SCENARIO(s16_forwarded_outputs)
{
    const char *key = kit_run(k, "take_forwarded", "");
    kit_assert_json(kit_result(k, key), "[7,8,\"see\",[1,2],null]");
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":4}");
}

START_SCENARIO(s17_mixed_outputs)
{
    kit_assert_json(kit_result(k, kit_run(k, "take_mixed", "")), "[10,21,\"own\",[1,2]]");
    kit_assert_json(kit_result(k, kit_run(k, "take_from_two", "")), "[31,32,null]");
}

/* SEMANTICS 3.5, 6.2: a missing output fails the attempt; the reason names it, and its outputs are never visible. */
START_SCENARIO(s19_missing_output)
{
    const char *key = kit_run(k, "after_forgets", "");
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_int_eq(kit_noted("forgets"), 2);
    ck_assert_int_eq(kit_noted("run 1"), 0);
    ck_assert(missing(k, key, "forgets", "without filling b"));
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "after 2 attempts"));
    kit_assert_json(kit_tree(k, key, "children.0.failure.class"), "outputs");
    kit_assert_json(kit_tree(k, key, "children.0.outputs"), "");
    kit_assert_json(kit_tree(k, key, "children.1.status"), "aborted");
    kit_assert_json(kit_steps_of(k, kit_child_of_root(k, key, 0)), "retry failed");

    key = kit_run(k, "forgets_three", "");
    ck_assert(missing(k, key, "forgets_three", "without filling a, c"));
    key = kit_run(k, "forgets_later", "");
    ck_assert(missing(k, key, "forgets_later", "without filling a"));
    key = kit_run(k, "forgets_and_yields", "");
    ck_assert(missing(k, key, "forgets_and_yields", "without filling a"));
    ck_assert_int_eq(kit_noted("forgets and yields"), 2);
    ck_assert_int_eq(kit_noted("run 70"), 0);
}

/* SEMANTICS 3.5, 2.3: outputs of failed attempts are never visible. */
START_SCENARIO(outputs_of_failed_attempts)
{
    const char *key = kit_start(k, "take_leaks", "");
    kit_pass(k, 150);
    kit_assert_json(kit_tree(k, key, "children.0.status"), "retry");
    kit_assert_json(kit_tree(k, key, "children.0.outputs"), "");
    kit_assert_json(kit_journal(), "");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "[53,null,53]");
    kit_assert_json(kit_journal(), "run 53, fin 53");

    key = kit_run(k, "fills_and_aborts", "");
    ck_assert_int_eq(kit_noted("goneA null null"), 1);
    kit_assert_json(kit_tree(k, key, "outputs"), "");
}

/* SEMANTICS 3.5: outputs that were filled before a wait become visible when the attempt ends, and are lost if it fails.
 */
START_SCENARIO(outputs_of_waits)
{
    const char *key = kit_start(k, "take_waited", "");
    kit_pass(k, 100);
    kit_assert_json(kit_journal(), "");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "[62,62]");
    kit_assert_json(kit_journal(), "run 62, fin 62");
}

/* SEMANTICS 4.2, 2.6: a consumer waits for the slots it uses, not for other slots of the same pipeline. */
START_SCENARIO(each_output_when_it_is_there)
{
    const char *key = kit_start(k, "take_early", k->virtual_time ? "[60000]" : "[2500]");
    kit_pass(k, 400);
    ck_assert_int_eq(kit_noted("run 80"), 3); /* two that fill it, one that uses it */
    ck_assert_int_eq(kit_noted("run 81"), 0);
    kit_assert_json(kit_result(k, key), "[80,80]");
    kit_assert_json(kit_tree(k, key, "children.0.status"), "running");
    kit_assert_json(kit_tree(k, key, "children.3.status"), "waiting");
    kit_finish(k, key);
    ck_assert_int_eq(kit_noted("run 81"), 1);
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":10}");
}

/* SEMANTICS 3.5: the last fill of a name wins. */
START_SCENARIO(s28_filled_twice)
{
    const char *key = kit_run(k, "take_twice", "");
    kit_assert_json(kit_result(k, key), "2");
    kit_assert_json(kit_journal(), "run 2, fin 2");
    key = kit_run(k, "take_changed", "");
    kit_assert_json(kit_result(k, key), "[41,2,42]");
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":5}");
    ck_assert_int_eq(kit_noted("run 41"), 1);
    ck_assert_int_eq(kit_noted("run 42"), 1);
}

int main(void)
{
    Suite *suite = suite_create("outputs");
    TCase *tcase = tcase_create("outputs");
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s08_unused_outputs);
    kit_add_scenario(tcase, s14_four_outputs);
    kit_add_scenario(tcase, s15_four_outputs_waiting);
    kit_add_scenario(tcase, s16_forwarded_outputs);
    kit_add_scenario(tcase, s17_mixed_outputs);
    kit_add_scenario(tcase, s19_missing_output);
    kit_add_scenario(tcase, outputs_of_failed_attempts);
    kit_add_scenario(tcase, outputs_of_waits);
    kit_add_scenario(tcase, each_output_when_it_is_there);
    kit_add_scenario(tcase, s28_filled_twice);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
