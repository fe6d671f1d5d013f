/* plan_errors.c -- S12, S20, S25, S34: programming errors. The message names pipe, line and cause; the body runs once,
 * and none of its children does. */
#include "records.h"

JP_PIPE(add1, p, .takes = "int64 n", .gives = "int64", .fills = "string text")
{
    kit_note("add1");
    jp_fill(p, "text", "x");
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(unregistered, p)
{
    kit_note("unregistered");
    return jp_done(p);
}

static jp_future stolen;

/* Leaves its future in a global. */
JP_PIPE(leaves, p, .gives = "int64")
{
    stolen = jp_yield(p, add1, 1);
    return jp_return(p, stolen);
}

static jp_end used;

JP_PIPE(leaves_end, p, .gives = "int64")
{
    used = jp_return(p, 1);
    return used;
}

static int runs;

/* Each yields two good children around the error, which is at line 7 of bad.c. A failed attempt would run three times.
 */
#define WRONG(Name, ...)                                                                                               \
    JP_PIPE(Name, p, .gives = "int64", .fills = "int64? x")                                                            \
    {                                                                                                                  \
        runs++;                                                                                                        \
        jp_future good = jp_yield(p, add1, 1);                                                                         \
        jp_fill(p, "x", 1);                                                                                            \
        __VA_ARGS__;                                                                                                   \
        jp_yield(p, rec, good);                                                                                        \
        return jp_return(p, good);                                                                                     \
    }
#line 7 "dir/bad.c"
WRONG(other_body, jp_yield(p, add1, stolen))
#line 7
WRONG(other_body_list, jp_yield(p, echo, jp_array(p, 1, stolen)))
#line 7
WRONG(other_body_after, jp_after (p, stolen) jp_yield(p, rec, 1))
#line 7
WRONG(other_body_filled, jp_fill(p, "x", stolen))
#line 7
WRONG(other_body_slot, jp_slot(p, stolen, "text"))
#line 7
WRONG(no_future, jp_future none = {0}; jp_yield(p, add1, none))
#line 7
WRONG(unknown_pipe, jp_yield(p, unregistered))
#line 7
WRONG(wrong_value, jp_yield(p, add1, "seven"))
#line 7
WRONG(wrong_future, jp_yield(p, add1, jp_slot(p, good, "text")))
#line 7
WRONG(too_few, jp_yield(p, add1))
#line 7
WRONG(too_many, jp_yield(p, add1, 1, 2))
#line 7
WRONG(no_such_slot, jp_yield(p, echo, jp_slot(p, good, "size")))
#line 7
WRONG(undeclared, jp_fill(p, "y", 1))
#line 7
WRONG(fills_default, jp_fill(p, "default", 1))
#line 7
WRONG(fills_wrong, jp_fill(p, "x", "text"))
#line 7
WRONG(fills_wrong_future, jp_fill(p, "x", jp_slot(p, good, "text")))
#line 7
WRONG(returns_wrong, return jp_return(p, "text"))
#line 7
WRONG(returns_null, return jp_done(p))
#line 7
WRONG(returns_stolen, return jp_return(p, stolen))
#line 7
WRONG(waits, return jp_wait(p))
#line 7
WRONG(later_with_children, return jp_return_in(p, 10, 1))
#line 7
WRONG(order_in_order, jp_in_order (p) jp_in_order (p) jp_yield(p, rec, 2))
#line 7
WRONG(order_after_order, jp_in_order (p) jp_after (p, good) jp_in_order (p) jp_yield(p, rec, 2))
#line 7
WRONG(after_values, jp_after (p, jp_array(p, 1)) jp_yield(p, rec, 2))
#line 7
WRONG(bad_options, jp_yield_with(p, JP_OPTIONS(.retry = {.attempts = -1}), rec, 2))
#line 7
WRONG(bad_question, (void)jp_int64(p, "nothing"))
#line 7
WRONG(bad_path, (void)jp_get_int64(p, jp_object(p, "a", 1), "b"))
#line 7
WRONG(old_end, return used)
#line 7
WRONG(errs_then_retries, jp_yield(p, add1, "seven"); return jp_retry(p, "all the same"))
#line 7
WRONG(errs_then_aborts, jp_yield(p, add1, "seven"); return jp_abort(p, "all the same"))
#line 110 "plan_errors.c"

/* The error is in a child: the whole tree aborts with its message. */
JP_PIPE(has_a_wrong_child, p, .gives = "any")
{
    jp_future f = jp_yield(p, wrong_value);
    return jp_return(p, jp_yield(p, rec, f));
}

/* A value whose type is known only when it arrives. */
JP_PIPE(wrong_when_there, p, .gives = "any")
{
    return jp_return(p, jp_yield(p, add1, jp_yield(p, echo, "a text")));
}

static const jp_def *const pipes[] = {&echo,
                                      &rec,
                                      &add1,
                                      &leaves,
                                      &leaves_end,
                                      &other_body,
                                      &other_body_list,
                                      &other_body_after,
                                      &other_body_filled,
                                      &other_body_slot,
                                      &no_future,
                                      &unknown_pipe,
                                      &wrong_value,
                                      &wrong_future,
                                      &too_few,
                                      &too_many,
                                      &no_such_slot,
                                      &undeclared,
                                      &fills_default,
                                      &fills_wrong,
                                      &fills_wrong_future,
                                      &returns_wrong,
                                      &returns_null,
                                      &returns_stolen,
                                      &waits,
                                      &later_with_children,
                                      &order_in_order,
                                      &order_after_order,
                                      &after_values,
                                      &bad_options,
                                      &bad_question,
                                      &bad_path,
                                      &old_end,
                                      &errs_then_retries,
                                      &errs_then_aborts,
                                      &has_a_wrong_child,
                                      &wrong_when_there,
                                      NULL};

/* SEMANTICS 2.7, 3.3: it aborts, after one attempt, with pipe, line and cause, without children and outputs. */
static void check_wrong(kit *k, const char *pipe, const char *cause)
{
    runs = 0;
    int added = kit_noted("add1");
    const char *key = kit_run(k, pipe, ""), *why = kit_reason(k, key);
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_msg(strstr(why, pipe) && strstr(why, "bad.c:7") && strstr(why, cause), "%s: %s", pipe, why);
    ck_assert_msg(strstr(kit_tree(k, key, "failure.text"), cause) != NULL, "%s: %s", pipe,
                  kit_tree(k, key, "failure.text"));
    kit_assert_json(kit_tree(k, key, "failure.class"), "program");
    kit_assert_json(kit_tree(k, key, "attempt"), "1");
    kit_assert_json(kit_tree(k, key, "children"), "[]");
    kit_assert_json(kit_tree(k, key, "outputs"), "");
    kit_assert_json(kit_result(k, key), "");
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"aborted\":1}");
    ck_assert_msg(runs == 1, "%s ran %d times", pipe, runs);
    ck_assert_int_eq(kit_noted("add1"), added);
    ck_assert_ptr_null(strstr(kit_journal(), "run "));
}

/* SEMANTICS 2.7 */
START_SCENARIO(s12_plan_errors)
{
    kit_run(k, "leaves", "");
    kit_run(k, "leaves_end", "");
    check_wrong(k, "other_body", "future of another body");
    check_wrong(k, "other_body_list", "future of another body");
    check_wrong(k, "other_body_after", "future of another body");
    check_wrong(k, "other_body_filled", "future of another body");
    check_wrong(k, "other_body_slot", "future of another body");
    check_wrong(k, "no_future", "no jp_yield has given");
    check_wrong(k, "unknown_pipe", "unregistered is not registered");
    check_wrong(k, "wrong_value", "add1 wants int64 n, is given string");
    check_wrong(k, "wrong_future", "add1 wants int64 n, is given string");
    check_wrong(k, "too_few", "add1 takes (int64 n), is given 0 arguments");
    check_wrong(k, "too_many", "add1 takes (int64 n), is given 2 arguments");
    check_wrong(k, "no_such_slot", "add1 has no output size");
}

/* SEMANTICS 2.7, 3.5: outputs. */
START_SCENARIO(s20_wrong_outputs)
{
    kit_run(k, "leaves", "");
    check_wrong(k, "undeclared", "the output y, which it does not declare");
    check_wrong(k, "fills_default", "that is what jp_return is for");
    check_wrong(k, "fills_wrong", "fills int64? x, is given string");
    check_wrong(k, "fills_wrong_future", "fills int64? x, is given string");
    check_wrong(k, "returns_wrong", "gives int64, is given string");
    check_wrong(k, "returns_null", "gives int64, is given null");
    check_wrong(k, "returns_stolen", "future of another body");
}

/* SEMANTICS 2.7, 4.2: scopes, options, endings, questions. */
START_SCENARIO(s34_order_in_order)
{
    check_wrong(k, "order_in_order", "jp_in_order stands inside jp_in_order");
    check_wrong(k, "order_after_order", "jp_in_order stands inside jp_in_order");
    check_wrong(k, "after_values", "was given a list with values in it");
    check_wrong(k, "bad_options", "attempts = -1");
}

START_SCENARIO(wrong_endings_and_questions)
{
    kit_run(k, "leaves_end", "");
    check_wrong(k, "waits", ".async = true");
    check_wrong(k, "later_with_children", "yielded children");
    check_wrong(k, "bad_question", "nothing");
    check_wrong(k, "bad_path", "b");
    check_wrong(k, "old_end", "did not end with");
    check_wrong(k, "errs_then_retries", "add1 wants int64 n, is given string");
    check_wrong(k, "errs_then_aborts", "add1 wants int64 n, is given string");
}

/* SEMANTICS 2.7, 7.1 */
START_SCENARIO(s12_in_a_child)
{
    runs = 0;
    const char *key = kit_run(k, "has_a_wrong_child", "");
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "wrong_value"));
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "bad.c:7"));
    kit_assert_json(kit_tree(k, key, "children.0.status"), "aborted");
    kit_assert_json(kit_tree(k, key, "children.1.status"), "aborted");
    ck_assert_int_eq(runs, 1);
    kit_assert_json(kit_journal(), "");
}

/* SEMANTICS 2.7: permanent; the body is not even started. */
START_SCENARIO(s12_wrong_type_of_a_value)
{
    const char *key = kit_run(k, "wrong_when_there", "");
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "add1"));
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "plan_errors.c:"));
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "int64"));
    kit_assert_json(kit_tree(k, key, "children.1.failure.class"), "program");
    kit_assert_json(kit_tree(k, key, "children.1.attempt"), "1");
    kit_assert_json(kit_journal(), "");
}

/* ---- registration ---- */

static const char *refusal(jp_def def)
{
    static jp_error err;
    const jp_def *const list[] = {&def, NULL};
    jpx_registry *registry;
    if (jpx_registry_new(&registry, list, &err) == JP_OK) {
        jpx_registry_free(registry);
        return "";
    }
    return err.text;
}

static void check_refused(jp_def def, const char *message)
{
    const char *text = refusal(def);
    ck_assert_msg(strstr(text, message) && strstr(text, "add1") && strstr(text, "plan_errors.c:"), "\"%s\", not \"%s\"",
                  text, message);
}

/* SEMANTICS 3.5, 3.2, 6.1 */
START_TEST(s25_refused_at_registration)
{
    jp_def def = add1;
    kit_assert_json(refusal(def), "");
    def.fills = "int64 rows, int64 default";
    check_refused(def, "default");
    def.fills = "int64 rows, string rows";
    check_refused(def, "rows");
    def.fills = "number rows";
    check_refused(def, "number");
    def = add1;
    def.takes = "int64 a, int64 a";
    check_refused(def, "a");
    def = add1;
    def.retry.attempts = -1;
    check_refused(def, "attempts = -1");
    def = add1;
    def.retry.first_ms = -1;
    check_refused(def, "first_ms");
    def = add1;
    def.retry.factor = -2;
    check_refused(def, "factor");
    def = add1;
    def.retry.jitter = 1;
    check_refused(def, "jitter");
    def = add1;
    def.timeout_ms = -1;
    check_refused(def, "timeout_ms");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan_errors");
    TCase *tcase = tcase_create("plan_errors");
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s12_plan_errors);
    kit_add_scenario(tcase, s12_in_a_child);
    kit_add_scenario(tcase, s12_wrong_type_of_a_value);
    kit_add_scenario(tcase, s20_wrong_outputs);
    kit_add_scenario(tcase, s34_order_in_order);
    kit_add_scenario(tcase, wrong_endings_and_questions);
    tcase_add_test(tcase, s25_refused_at_registration);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
