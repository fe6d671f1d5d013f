/* abort.c -- S54 to S65: the whole tree ends. */
#include "kit.h"

JP_PIPE(says_no, p)
{
    note("no");
    return jp_abort(p, "m");
}

JP_PIPE(parent_of_no, p, .gives = "any")
{
    jp_future a = jp_yield(p, rec, 1);
    jp_after (p, a)
        jp_yield(p, says_no);
    return jp_done(p);
}

static void hooked_end(jp_ctx *p, bool aborted)
{
    (void)p;
    note("parent%s", aborted ? "A" : "");
}

JP_PIPE(hooked_parent, p, .gives = "any", .on_finished = hooked_end)
{
    jp_future a = jp_yield(p, rec, 1);
    jp_after (p, a)
        jp_yield(p, says_no);
    return jp_done(p);
}

static void cancelled(jp_ctx *p)
{
    (void)p;
    note("cancelled");
}

static char last_ticket[64];

JP_PIPE(asks, p, .gives = "any", .async = true, .on_cancel = cancelled)
{
    snprintf(last_ticket, sizeof last_ticket, "%s", jp_ticket(p));
    note("asks");
    return jp_wait(p);
}

JP_PIPE(mixed, p, .gives = "any")
{
    jp_future done = jp_yield(p, rec, 1);
    jp_future wait = jp_yield(p, asks);
    jp_yield(p, fail, 100);
    jp_after (p, done)
        jp_yield(p, slow, 2, 5000);
    jp_yield(p, rec, wait);
    return jp_return(p, done);
}

JP_PIPE(many, p)
{
    jp_future first = jp_yield(p, asks);
    for (int64_t i = 0; i < 250; i++)
        jp_yield(p, rec, first);
    return jp_done(p);
}

JP_PIPE(value_and_trouble, p, .gives = "int64")
{
    jp_future a = jp_yield(p, rec, 5);
    jp_after (p, a)
        jp_yield(p, says_no);
    return jp_return(p, a);
}

static const jp_def *const pipes[] = {&echo,          &rec,  &fail,  &slow, &says_no,           &parent_of_no,
                                      &hooked_parent, &asks, &mixed, &many, &value_and_trouble, NULL};

/* SEMANTICS 7.1, 7.3 */
START_SCENARIO(s54_child_aborts)
{
    const char *key = run(k, "hooked_parent", "");
    ck_assert_int_eq(noted("no"), 1);
    ck_assert_int_eq(noted("parentA"), 1);
    assert_json(status(k, key), "aborted");
    assert_json(tree(k, key, "children.0.status"), "done");
    assert_json(tree(k, key, "children.1.status"), "aborted");
    assert_json(reason(k, key), "m");
}

/* SEMANTICS 7.2 */
START_SCENARIO(s55_external_abort)
{
    const char *key = start(k, "asks", "");
    pass(k, 200);
    assert_json(field(k, "abort", jpx_format(k->arena, "{\"root\":\"%s\",\"reason\":\"enough\"}", key), "accepted"),
                "true");
    assert_json(field(k, "abort", key, "accepted"), "false");
    finish(k, key);
    assert_json(status(k, key), "aborted");
    assert_json(reason(k, key), "enough");
    ck_assert_int_eq(noted("cancelled"), 1);
    assert_json(field(k, "abort", "no-such-root", "error.code"), "not-found");
    run(k, "rec", "[1]");
    assert_json(field(k, "abort", k->key, "error.code"), "refused");
}

/* SEMANTICS 7.3 */
START_SCENARIO(s57_waits_end_at_once)
{
    const char *key = start(k, "asks", "");
    pass(k, 200);
    ask(k, "abort", key);
    finish(k, key);
    ck_assert_int_eq(noted("cancelled"), 1);
    assert_json(field(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":1}", last_ticket), "error.code"),
                "refused");
}

START_SCENARIO(s58_mixed)
{
    const char *key = start(k, "mixed", "");
    pass(k, 300);
    ask(k, "abort", key);
    finish(k, key);
    assert_json(status(k, key), "aborted");
    assert_json(tree(k, key, "children.0.status"), "done");
    for (int i = 1; i < 5; i++)
        assert_json(tree(k, key, jpx_format(k->arena, "children.%d.status", i)), "aborted");
    assert_json(result(k, key), "1"); /* outputs that were filled stay readable (7.4) */
}

START_SCENARIO(s60_many_waiting)
{
    const char *key = start(k, "many", "");
    pass(k, 300);
    ask(k, "abort", key);
    finish(k, key);
    assert_json(field(k, "status", key, "pipelines"), "{\"aborted\":252}");
    pass(k, 300);
    assert_json(journal(), "asks, cancelled");
}

START_SCENARIO(s65_side_child_aborts)
{
    const char *key = run(k, "value_and_trouble", "");
    assert_json(status(k, key), "aborted");
    assert_json(result(k, key), "5");
}

/* An abort before each step of a run of mixed pipes, one after the other. */
START_SCENARIO(abort_at_every_step)
{
    for (int steps = 0; steps < 40; steps++) {
        const char *key = start(k, "mixed", "");
        for (int i = 0; i < steps; i++)
            jpx_local_step(k->local);
        ask(k, "abort", key);
        if (strcmp(field(k, "status", key, "error.code"), "not-found") == 0) { /* not taken yet: now it is */
            settle(k);
            ask(k, "abort", key);
        }
        finish(k, key);
        const char *counts = field(k, "status", key, "pipelines");
        ck_assert_msg(!strstr(counts, "waiting") && !strstr(counts, "queued") && !strstr(counts, "running") &&
                          !strstr(counts, "retry"),
                      "after %d steps: %s", steps, counts);
    }
}

int main(void)
{
    Suite *suite = suite_create("abort");
    TCase *tcase = tcase_create("abort");
    tcase_set_timeout(tcase, 180);
    add_scenario(tcase, s54_child_aborts);
    add_scenario(tcase, s55_external_abort);
    add_scenario(tcase, s57_waits_end_at_once);
    add_scenario(tcase, s58_mixed);
    add_scenario(tcase, s60_many_waiting);
    add_scenario(tcase, s65_side_child_aborts);
    add_scenario(tcase, abort_at_every_step);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
