/* trial_answers.c -- whole trees of a trial: jp_trial_answer, by which somebody replies, and the outputs of the root.
 * SEMANTICS 8.2, 3.5. */
#include "unit/body_kit.h"
#include <jetpipe_test.h>
#include <signal.h>

static jp_end Approve_reply(jp_ctx *p, jp_value reply)
{
    if (reply.type != JP_DOC)
        return jp_retry(p, "%s is no answer", jp_json(p, reply));
    if (!jp_get_bool(p, reply, "approved"))
        return jp_abort(p, "refused by %s", jp_get_string(p, reply, "by"));
    return jp_return(p, jp_get_string(p, reply, "by"));
}

JP_PIPE(Approve, p, .takes = "string what", .gives = "string", .timeout_ms = JP_HOURS(24),
        .retry = {.attempts = 3, .first_ms = 1000}, .async = true, .on_reply = Approve_reply)
{
    return jp_wait(p);
}

JP_PIPE(Weigh, p, .gives = "double", .timeout_ms = 1000, .retry = {.attempts = 1}, .async = true)
{
    return jp_wait(p);
}

JP_PIPE(Pair, p, .takes = "string first, string second, int64? number", .gives = "string")
{
    return jp_return(p, jp_format(p, "%s, %s, %lld", jp_string(p, "first"), jp_string(p, "second"),
                                  jp_given(p, "number") ? (long long)jp_int64(p, "number") : -1));
}

JP_PIPE(Both, p, .gives = "string")
{
    jp_future number = jp_promise_within(p, 5000, "int64"), first, second;

    jp_in_order (p) {
        first = jp_yield(p, Approve, "a");
        second = jp_yield(p, Approve, "b");
    }
    return jp_return(p, jp_yield(p, Pair, first, second, number));
}

/* One of its outputs is its own, the other one comes from a child. */
JP_PIPE(Receipt, p, .takes = "int64 cents", .gives = "string", .fills = "int64 cents, string by")
{
    if (jp_int64(p, "cents") < 0)
        return jp_abort(p, "a refund");
    jp_fill(p, "cents", jp_int64(p, "cents"));
    jp_fill(p, "by", jp_yield(p, Approve, "a receipt"));
    return jp_return(p, "paid");
}

static const jp_def *const defs[] = {&Approve, &Weigh, &Pair, &Both, &Receipt, NULL};
static jp_trial *trial;

static void open_trial(void)
{
    trial = jp_trial_new(defs);
}

static void close_trial(void)
{
    jp_trial_free(trial);
}

START_TEST(answers_go_to_the_waits_in_turn)
{
    jp_trial_answer(trial, "Approve", jp_trial_parse(trial, "{\"approved\":true,\"by\":\"ana\"}"));
    jp_trial_answer(trial, "Promise", 7);
    jp_trial_answer(trial, "Approve", jp_trial_parse(trial, "{\"approved\":true,\"by\":\"bo\"}"));
    jp_trial_root *root = jp_trial_run(trial, Both);
    ck_assert_str_eq(jp_trial_reason(root), "");
    ck_assert_str_eq(jp_trial_json(root), "\"ana, bo, 7\"");
}
END_TEST

START_TEST(an_answer_that_fails_costs_an_attempt)
{
    jp_trial_answer(trial, "Approve", "what?");
    jp_trial_answer(trial, "Approve", jp_trial_parse(trial, "{\"approved\":true,\"by\":\"ana\"}"));
    ck_assert_str_eq(jp_trial_json(jp_trial_run(trial, Approve, "x")), "\"ana\"");
    jp_trial_answer(trial, "Approve", jp_trial_parse(trial, "{\"approved\":false,\"by\":\"bo\"}"));
    ck_assert_str_eq(jp_trial_reason(jp_trial_run(trial, Approve, "x")), "refused by bo");
}
END_TEST

/* Each is used once: the second tree finds none left. */
START_TEST(without_an_answer_the_timeout_passes)
{
    jp_trial_answer(trial, "Weigh", 2.0);
    ck_assert_str_eq(jp_trial_json(jp_trial_run(trial, Weigh)), "2.0");
    ck_assert_str_eq(jp_trial_reason(jp_trial_run(trial, Weigh)), "Weigh failed: after 1 attempt: no reply within 1 s");
}
END_TEST

START_TEST(an_answer_of_another_type_is_refused)
{
    jp_trial_answer(trial, "Weigh", "heavy");
    ck_assert_str_eq(jp_trial_reason(jp_trial_run(trial, Weigh)), "Weigh failed: after 1 attempt: no reply within 1 s");
}
END_TEST

START_TEST(named_outputs_of_the_root)
{
    jp_trial_answer(trial, "Approve", jp_trial_parse(trial, "{\"approved\":true,\"by\":\"ana\"}"));
    jp_trial_root *root = jp_trial_run(trial, Receipt, 250);
    ck_assert_str_eq(jp_trial_json(root), "\"paid\"");
    ck_assert_str_eq(jp_trial_output(root, "cents"), "250");
    ck_assert_str_eq(jp_trial_output(root, "by"), "\"ana\"");
    ck_assert_str_eq(jp_trial_output(root, "default"), "\"paid\"");
    root = jp_trial_run(trial, Receipt, -1);
    ck_assert_str_eq(jp_trial_reason(root), "a refund");
    ck_assert_ptr_null(jp_trial_output(root, "cents"));
    ck_assert_ptr_null(jp_trial_output(root, "default"));
}
END_TEST

START_TEST(no_such_output)
{
    jp_trial_answer(trial, "Approve", jp_trial_parse(trial, "{\"approved\":true,\"by\":\"ana\"}"));
    jp_trial_output(jp_trial_run(trial, Receipt, 250), "total");
}
END_TEST

START_TEST(text_that_is_not_json)
{
    jp_trial_parse(trial, "{\"approved\":");
}
END_TEST

START_TEST(a_pipe_that_waits_for_none)
{
    jp_trial_answer(trial, "Pair", 1);
}
END_TEST

START_TEST(a_pipe_that_is_not_there)
{
    jp_trial_answer(trial, "Aprove", 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trial_answers");
    TCase *tcase = tcase_create("trial_answers");
    tcase_add_checked_fixture(tcase, open_trial, close_trial);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, answers_go_to_the_waits_in_turn);
    tcase_add_test(tcase, an_answer_that_fails_costs_an_attempt);
    tcase_add_test(tcase, without_an_answer_the_timeout_passes);
    tcase_add_test(tcase, an_answer_of_another_type_is_refused);
    tcase_add_test(tcase, named_outputs_of_the_root);
    tcase_add_test_raise_signal(tcase, no_such_output, SIGABRT);
    tcase_add_test_raise_signal(tcase, text_that_is_not_json, SIGABRT);
    tcase_add_test_raise_signal(tcase, a_pipe_that_waits_for_none, SIGABRT);
    tcase_add_test_raise_signal(tcase, a_pipe_that_is_not_there, SIGABRT);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
