/* body_promise.c -- what jp_promise plans, the tickets it tells, and wrong uses of both; in trials, as the author of a
 * pipe would test his own. SEMANTICS 8.2, 2.7. */
#include "unit/body_kit.h"
#include <jetpipe_test.h>

JP_PIPE(Mail, p, .takes = "string ticket")
{
    return jp_done(p);
}

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Asks, p, .gives = "int64?")
{
    jp_future first = jp_yield(p, AddOne, 1), number = jp_promise_within(p, 5000, "int64?");
    jp_in_order (p) {
        jp_yield(p, Mail, jp_promise_ticket(p, number));
        jp_promise(p, NULL);
        jp_yield(p, AddOne, first);
    }
    return jp_return(p, number);
}

JP_PIPE(Tickets, p, .gives = "list")
{
    jp_future a = jp_promise(p, "any"), b = jp_promise(p, "any");
    return jp_return(p, jp_array(p, jp_promise_ticket(p, a), jp_promise_ticket(p, b), jp_promise_ticket(p, a)));
}

JP_PIPE(WrongUse, p, .takes = "int64 which", .gives = "string")
{
    const jp_future none = {0};
    jp_future number = jp_promise(p, "int64"), child = jp_yield(p, AddOne, 1);
#line 100 "use.c"
    switch (jp_int64(p, "which")) {
    case 0:
        jp_promise(p, "int");
        break;
    case 1:
        jp_promise_within(p, -1, "int64");
        break;
    case 2:
        return jp_return(p, jp_promise_ticket(p, child));
    case 3:
        return jp_return(p, jp_promise_ticket(p, none));
    case 4:
        return jp_return(p, number);
    case 5:
        jp_yield(p, Mail, number);
        break;
    default:
        return jp_return(p, "right");
    }
    return jp_return(p, "unreached");
}

#line 61 "body_promise.c"
static void promise_in_hook(jp_ctx *p, bool aborted)
{
    (void)aborted;
    jp_promise(p, "any");
}

JP_PIPE(Hooked, p, .on_finished = promise_in_hook)
{
    return jp_done(p);
}

static const jp_def *const defs[] = {&Mail, &AddOne, &Asks, &Tickets, &WrongUse, &Hooked, NULL};

START_TEST(a_promise_is_a_child)
{
    jp_trial *trial = jp_trial_new(defs);
    jp_plan *plan = jp_trial_body(trial, Asks);
    ck_assert_int_eq(jp_plan_ended(plan), JP_ENDED_RETURN);
    ck_assert_uint_eq(jp_plan_children(plan), 5);
    ck_assert_str_eq(jp_plan_pipe(plan, 1), "Promise");
    ck_assert_str_eq(jp_plan_args(plan, 1), "[\"int64?\"]");
    ck_assert_str_eq(jp_plan_args(plan, 3), "[\"any\"]");
    ck_assert_str_eq(jp_plan_output(plan, "default"), "{\"future\":1,\"slot\":\"default\"}");
    ck_assert(!jp_plan_waits(plan, 3, 2)); /* a promise takes no part in scopes */
    ck_assert(!jp_plan_waits(plan, 4, 3));
    ck_assert(jp_plan_waits(plan, 4, 2));
    jp_trial_free(trial);
}
END_TEST

/* What waits for a reply is answered by nobody in a trial. */
START_TEST(a_whole_trial)
{
    jp_trial *trial = jp_trial_new(defs);
    jp_trial_root *root = jp_trial_run(trial, Asks);
    ck_assert_str_eq(jp_trial_status(root), "aborted");
    ck_assert_str_eq(jp_trial_reason(root), "Promise failed: after 1 attempt: no reply within 5 s");
    jp_trial_free(trial);
}
END_TEST

/* The n-th string of a list of strings. */
static const char *item(const char *list, int n)
{
    const char *at = list;
    while (n-- > 0)
        at = strstr(at, "\",\"") + 2;
    return jpx_strndup(arena, at + 1 + (*at == '['), JPX_TICKET_TEXT - 1);
}

START_TEST(tickets_name_the_child_that_will_be)
{
    kit_open(defs);
    jpx_attempt attempt = *attempt_of("Tickets", "");
    uint8_t token[JPX_TOKEN_SIZE], expected[JPX_TOKEN_SIZE], own[JPX_TOKEN_SIZE], gen[JPX_GEN_SIZE];
    jpx_key key;
    uint32_t step;

    memset(attempt.key.b, 0x11, sizeof attempt.key.b);
    memset(attempt.secret, 0x22, sizeof attempt.secret);
    attempt.step = 4; /* of the body; the promise waits from its entry 0 on */
    const char *list = output(run_attempt(&attempt), "default");
    ck_assert_str_eq(item(list, 0), item(list, 2));
    jpx_secret_generation(attempt.secret, gen);
    jpx_secret_token(attempt.secret, JPX_OWN_TICKET, own);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert(jpx_ticket_parse(item(list, (int)i), &key, &step, token));
        ck_assert_mem_eq(key.b, attempt.key.b, JPX_ROOT_SIZE);
        ck_assert_mem_eq(jpx_key_gen(&key), gen, JPX_GEN_SIZE);
        ck_assert_uint_eq(jpx_key_index(&key), i);
        ck_assert_uint_eq(step, 0);
        jpx_secret_token(attempt.secret, i, expected);
        ck_assert_mem_eq(token, expected, sizeof token);
        ck_assert_mem_ne(token, own, sizeof token);
    }
    memset(attempt.secret, 0x23, sizeof attempt.secret); /* another attempt */
    ck_assert_str_ne(item(output(run_attempt(&attempt), "default"), 0), item(list, 0));
    kit_close();
}
END_TEST

static const struct {
    int which;
    const char *message;
} wrongs[] = {
    {0, "WrongUse, use.c:102: the type of a promise: \"int\""},
    {1, "WrongUse, use.c:105: jp_promise_within was given -1 ms: give 0 to ten years, of which 0 is no limit"},
    {2, "WrongUse, use.c:108: it asks for the ticket of AddOne: give jp_promise_ticket a future that "
        "jp_promise gave"},
    {3, "WrongUse, use.c:110: it uses a future that no jp_yield has given"},
    {4, "WrongUse, use.c:112: it gives string, is given int64"},
    {5, "WrongUse, use.c:114: Mail wants string ticket, is given int64"}};

START_TEST(wrong_uses)
{
    kit_open(defs);
    const jpx_outcome *out = run("WrongUse", jpx_format(arena, "[%d]", wrongs[_i].which));
    ck_assert_int_eq(out->end, JPX_END_WRONG);
    ck_assert_msg(strncmp(out->reason, wrongs[_i].message, strlen(wrongs[_i].message)) == 0, "%s", out->reason);
    ck_assert_int_eq(run("WrongUse", "[9]")->end, JPX_END_RETURN);
    kit_close();
}
END_TEST

START_TEST(not_in_hooks)
{
    kit_open(defs);
    jpx_attempt attempt = *attempt_of("Hooked", "");
    attempt.call = JPX_CALL_FINISHED;
    const jpx_outcome *out = run_attempt(&attempt);
    ck_assert_int_eq(out->end, JPX_END_WRONG);
    ck_assert_ptr_nonnull(strstr(out->reason, "it cannot make a promise in on_finished"));
    kit_close();
}
END_TEST

/* The names of the library's own pipes are not to be had. */
START_TEST(the_name_is_taken)
{
    jp_def named = AddOne;
    const jp_def *const list[] = {&named, NULL};
    jp_error err;

    named.as = "Promise";
    ck_assert_int_eq(jpx_registry_new(&registry, list, &err), JP_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "Promise, body_promise.c:"));
    ck_assert_ptr_nonnull(strstr(err.text, "the name belongs to a pipe of the library itself"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body_promise");
    TCase *tcase = tcase_create("body_promise");
    tcase_add_test(tcase, a_promise_is_a_child);
    tcase_add_test(tcase, a_whole_trial);
    tcase_add_test(tcase, tickets_name_the_child_that_will_be);
    tcase_add_loop_test(tcase, wrong_uses, 0, sizeof wrongs / sizeof *wrongs);
    tcase_add_test(tcase, not_in_hooks);
    tcase_add_test(tcase, the_name_is_taken);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
