/* body_trial.c -- jetpipe_test.h for one body, used as the author of a pipe would. */
#include "unit/body_kit.h"
#include <jetpipe_test.h>
#include <signal.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Split, p, .takes = "string text", .gives = "int64", .fills = "list words")
{
    jp_fill(p, "words", jp_array(p, jp_string(p, "text"), 2));
    return jp_return(p, 1);
}

JP_PIPE(Join, p, .takes = "string first, list parts, any... rest")
{
    return jp_done(p);
}

JP_PIPE(Plans, p, .takes = "string text", .gives = "int64")
{
#line 10 "plans.c"
    jp_future split = jp_yield(p, Split, jp_arg(p, "text"));
    jp_future one = jp_yield(p, AddOne, split);
    jp_future two = jp_yield(p, AddOne, 7);
    jp_after (p, two)
        jp_yield(p, Join, "a", jp_array(p, 1, one, jp_slot(p, split, "words"), "x"), one, jp_v_null(), two);
    jp_in_order (p) {
        jp_yield(p, AddOne, 8);
        jp_yield(p, AddOne, 9);
    }
#line 41 "body_trial.c"
    return jp_return(p, one);
}

static jp_end approve_reply(jp_ctx *p, jp_value reply)
{
    if (!jp_get_bool(p, reply, "approved"))
        return jp_abort(p, "refused by %s", jp_get_string(p, reply, "by"));
    return jp_return(p, jp_get_string(p, reply, "by"));
}

JP_PIPE(Approve, p, .takes = "string what", .gives = "string", .async = true, .on_reply = approve_reply)
{
    if (jp_attempt(p) == 3)
        return jp_retry_in(p, 30000, "third time, %s", jp_string(p, "what"));
    return jp_wait(p);
}

static const jp_def *const defs[] = {&AddOne, &Split, &Join, &Plans, &Approve, NULL};
static jp_trial *trial;

static void open_trial(void)
{
    trial = jp_trial_new(defs);
}

static void close_trial(void)
{
    jp_trial_free(trial);
}

START_TEST(a_plan_can_be_looked_at)
{
    jp_plan *plan = jp_trial_body(trial, Plans, "some text");
    ck_assert_int_eq(jp_plan_ended(plan), JP_ENDED_RETURN);
    ck_assert_str_eq(jp_plan_reason(plan), "");
    ck_assert_uint_eq(jp_plan_children(plan), 6);
    ck_assert_str_eq(jp_plan_pipe(plan, 0), "Split");
    ck_assert_str_eq(jp_plan_pipe(plan, 3), "Join");
    ck_assert_str_eq(jp_plan_at(plan, 1), "plans.c:11");
    ck_assert_str_eq(jp_plan_args(plan, 0), "[\"some text\"]");
    ck_assert_str_eq(jp_plan_args(plan, 1), "[{\"future\":0,\"slot\":\"default\"}]");
    ck_assert_str_eq(jp_plan_args(plan, 3),
                     "[\"a\",[1,{\"future\":1,\"slot\":\"default\"},{\"future\":0,\"slot\":\"words\"},\"x\"],"
                     "[{\"future\":1,\"slot\":\"default\"},null,{\"future\":2,\"slot\":\"default\"}]]");
    ck_assert_str_eq(jp_plan_output(plan, "default"), "{\"future\":1,\"slot\":\"default\"}");
    ck_assert_ptr_null(jp_plan_output(plan, "other"));

    ck_assert(jp_plan_waits(plan, 1, 0));
    ck_assert(jp_plan_waits(plan, 3, 0)); /* through 1 */
    ck_assert(jp_plan_waits(plan, 3, 2));
    ck_assert(!jp_plan_waits(plan, 2, 0));
    ck_assert(!jp_plan_waits(plan, 0, 1));
    ck_assert(jp_plan_waits(plan, 5, 4));
    ck_assert(!jp_plan_waits(plan, 4, 3));
    ck_assert(!jp_plan_waits(plan, 4, 4));
}
END_TEST

START_TEST(outputs_endings_and_replies)
{
    jp_plan *plan = jp_trial_body(trial, Split, "x");
    ck_assert_str_eq(jp_plan_output(plan, "default"), "1");
    ck_assert_str_eq(jp_plan_output(plan, "words"), "[\"x\",2]");
    ck_assert_uint_eq(jp_plan_children(plan), 0);

    ck_assert_int_eq(jp_plan_ended(jp_trial_body(trial, Approve, "a press")), JP_ENDED_WAIT);
    jp_trial_attempt(trial, 3);
    plan = jp_trial_body(trial, Approve, "a press");
    ck_assert_int_eq(jp_plan_ended(plan), JP_ENDED_RETRY);
    ck_assert_str_eq(jp_plan_reason(plan), "third time, a press");
    ck_assert_int_eq(jp_plan_retry_ms(plan), 30000);

    jpx_arena *own = jpx_arena_new();
    jpx_bytes value;
    ck_assert_int_eq(jpx_value_from_json(text_bytes("{\"approved\":true,\"by\":\"ana\"}"), own, &value, NULL), JP_OK);
    bson_iter_t iter;
    ck_assert(jpx_doc_find(value, "v", &iter));
    jp_doc doc;
    bson_iter_document(&iter, &doc.size, &doc.data);
    plan = jp_trial_reply(trial, doc, Approve, "a press");
    ck_assert_int_eq(jp_plan_ended(plan), JP_ENDED_RETURN);
    ck_assert_str_eq(jp_plan_output(plan, "default"), "\"ana\"");
    plan = jp_trial_reply(trial, 5, Approve, "a press");
    ck_assert_int_eq(jp_plan_ended(plan), JP_ENDED_WRONG);
    jpx_arena_free(own);
}
END_TEST

/* Misuse aborts: a test has failed. */
START_TEST(no_such_child)
{
    jp_plan_pipe(jp_trial_body(trial, AddOne, 1), 0);
}
END_TEST

START_TEST(wrong_arguments)
{
    jp_trial_body(trial, AddOne, "x");
}
END_TEST

START_TEST(not_in_the_list)
{
    jp_def other = AddOne;
    other.as = "Other";
    jp_trial_body(trial, other, 1);
}
END_TEST

START_TEST(wrong_definition)
{
    jp_def other = AddOne;
    other.retry.attempts = -1;
    jp_trial_new((const jp_def *[]){&other, NULL});
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body_trial");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, open_trial, close_trial);
    tcase_add_test(tests, a_plan_can_be_looked_at);
    tcase_add_test(tests, outputs_endings_and_replies);
    tcase_add_test_raise_signal(tests, no_such_child, SIGABRT);
    tcase_add_test_raise_signal(tests, wrong_arguments, SIGABRT);
    tcase_add_test_raise_signal(tests, not_in_the_list, SIGABRT);
    tcase_add_test_raise_signal(tests, wrong_definition, SIGABRT);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
