/* stale.c -- S48: what belongs to an older attempt, or comes before its time, or a second time, has no effect. */
#include "records.h"

static char ticket[128];

JP_PIPE(third_time, p, .gives = "int64",
        .retry = {.attempts = 3, .first_ms = 1500, .factor = 1.0, .jitter = JP_NO_JITTER})
{
    kit_note("try %d", jp_attempt(p));
    return jp_attempt(p) < 3 ? jp_retry(p, "not yet") : jp_return(p, 3);
}

JP_PIPE(never, p, .gives = "int64", .retry = {.attempts = 2, .first_ms = 30, .jitter = JP_NO_JITTER})
{
    kit_note("try %d", jp_attempt(p));
    return jp_retry(p, "never");
}

JP_PIPE(asks, p, .gives = "string", .async = true, .timeout_ms = 2500,
        .retry = {.attempts = 3, .first_ms = 30, .jitter = JP_NO_JITTER})
{
    snprintf(ticket, sizeof ticket, "%s", jp_ticket(p));
    kit_note("ask %d", jp_attempt(p));
    return jp_wait(p);
}

JP_PIPE(then, p, .takes = "any x", .gives = "any")
{
    kit_note("then %s", jp_json(p, jp_arg(p, "x")));
    return jp_return(p, jp_arg(p, "x"));
}

JP_PIPE(family, p, .gives = "any")
{
    kit_note("family");
    jp_future a = jp_yield(p, rec, 1), b = jp_yield(p, rec, 2);
    jp_after (p, a, b)
        jp_yield(p, rec, 3);
    return jp_return(p, jp_yield(p, then, jp_array(p, a, b)));
}

static const jp_def *const pipes[] = {&echo, &rec, &third_time, &never, &asks, &then, &family, NULL};

static void send_all(kit *k, const jpx_pipeline *p, uint32_t from, uint32_t upto, bool due)
{
    for (uint32_t step = from; step <= upto; step++)
        kit_send_run(k, p, step, due);
    kit_run_until_idle(k);
}

/* SEMANTICS 6.1, 6.5: no execution, no change; the early one runs when it is due. */
START_SCENARIO(s48_stale_run_events)
{
    const char *key = kit_start(k, "third_time", "");
    kit_pass(k, 100);
    const jpx_pipeline *p = kit_pipeline_of_root(k, key);
    kit_assert_json(kit_steps_of(k, p), "retry");
    int64_t due = kit_journal_of(k, p).entries[0].due_ms;
    send_all(k, p, 0, 0, false); /* of the attempt before */
    send_all(k, p, 0, 0, true);
    send_all(k, p, 1, 1, false); /* of the next one, not yet due */
    send_all(k, p, 2, 6, false); /* of attempts that are far, or beyond the limit */
    send_all(k, p, 2, 6, true);
    if (kit_now(k) < due) { /* a slow machine may be too late for this */
        kit_assert_json(kit_journal(), "try 1");
        kit_assert_json(kit_steps_of(k, p), "retry");
        ck_assert_int_eq(kit_journal_of(k, p).entries[0].due_ms, due);
    }
    kit_finish(k, key);
    kit_assert_json(kit_journal(), "try 1, try 2, try 3");
    kit_assert_json(kit_steps_of(k, p), "retry retry returned");
    jpx_journal found = kit_journal_of(k, p);
    ck_assert_int_ge(found.entries[1].at_ms, found.entries[0].due_ms);
    ck_assert_int_ge(found.entries[2].at_ms, found.entries[1].due_ms);
    kit_assert_json(kit_result(k, key), "3");

    send_all(k, p, 0, 6, false); /* and after the end */
    send_all(k, p, 0, 6, true);
    kit_pass(k, 100);
    kit_assert_json(kit_journal(), "try 1, try 2, try 3");
    kit_assert_json(kit_steps_of(k, p), "retry retry returned");
    kit_assert_json(kit_status(k, key), "done");
    kit_assert_json(kit_result(k, key), "3");
}

/* SEMANTICS 6.5, 6.4: nor after the last attempt. */
START_SCENARIO(s48_beyond_the_limit)
{
    const char *key = kit_run(k, "never", "");
    const jpx_pipeline *p = kit_pipeline_of_root(k, key);
    const char *steps = kit_steps_of(k, p);
    send_all(k, p, 0, 6, false);
    send_all(k, p, 0, 6, true);
    kit_pass(k, 100);
    kit_assert_json(kit_journal(), "try 1, try 2");
    kit_assert_json(kit_steps_of(k, p), steps);
    kit_assert_json(kit_status(k, key), "aborted");
}

/* SEMANTICS 3.6, 2.3: all events repeated: slots are filled once, consumers run once, children exist once. */
START_SCENARIO(everything_again)
{
    const char *key = kit_run(k, "family", "");
    kit_assert_json(kit_result(k, key), "[1,2]");
    size_t entries = kit_records(k, JPX_TABLE_ENTRY), all = kit_records(k, JPX_TABLE_PIPELINE),
           fills = kit_records(k, JPX_TABLE_FILL);
    for (int round = 0; round < 2; round++) {
        send_all(k, kit_pipeline_of_root(k, key), 0, 2, round);
        for (uint32_t i = 0; i < 4; i++)
            send_all(k, kit_child_of_root(k, key, i), 0, 2, round);
        kit_pass(k, 100);
    }
    static const char *const once[] = {"family", "run 1", "run 2", "run 3", "fin 1", "fin 2", "fin 3", "then [1,2]"};
    for (size_t i = 0; i < sizeof once / sizeof *once; i++)
        ck_assert_msg(kit_noted(once[i]) == 1, "%s: %s", once[i], kit_journal());
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_ENTRY), entries);
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_PIPELINE), all);
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_FILL), fills);
    kit_assert_json(kit_result(k, key), "[1,2]");
    kit_assert_json(kit_status(k, key), "done");
}

static const char *answer(kit *k, const char *to, const char *value)
{
    return kit_ask(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":%s}", to, value));
}

/* SEMANTICS 6.5, 3.6: a reply carries its attempt; so does the timer of a wait. */
START_SCENARIO(stale_replies_and_timers)
{
    char first[128];
    const char *key = kit_start(k, "asks", "");
    kit_pass(k, 100);
    memcpy(first, ticket, sizeof first);
    while (kit_noted("ask 2") == 0)
        kit_pass(k, 100);
    ck_assert_str_ne(first, ticket);
    const jpx_pipeline *p = kit_pipeline_of_root(k, key);
    ck_assert_ptr_nonnull(strstr(answer(k, first, "\"of the first attempt\""), "refused"));
    send_all(k, p, 1, 1, true); /* the timer of the first wait, a second time */
    send_all(k, p, 2, 2, true); /* and that of the first retry */
    kit_assert_json(kit_steps_of(k, p), "waiting retry waiting");
    kit_assert_json(answer(k, ticket, "\"of the second\""), "{\"accepted\":true}");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "\"of the second\"");
    ck_assert_ptr_nonnull(strstr(answer(k, ticket, "\"late\""), "refused"));
    ck_assert_ptr_nonnull(strstr(answer(k, first, "\"later\""), "refused"));
    kit_pass(k, 3000); /* the timer of the second wait fires, too late */
    send_all(k, p, 0, 6, true);
    kit_assert_json(kit_result(k, key), "\"of the second\"");
    kit_assert_json(kit_status(k, key), "done");
    kit_assert_json(kit_steps_of(k, p), "waiting retry waiting replied");
    kit_assert_json(kit_journal(), "ask 1, ask 2");
}

int main(void)
{
    Suite *suite = suite_create("stale");
    TCase *tcase = tcase_create("stale");
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s48_stale_run_events);
    kit_add_scenario(tcase, s48_beyond_the_limit);
    kit_add_scenario(tcase, everything_again);
    kit_add_scenario(tcase, stale_replies_and_timers);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
