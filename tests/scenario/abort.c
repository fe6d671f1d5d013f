/* abort.c -- S54 to S65: the whole tree ends. abort_steps.c has the aborts at every moment. */
#include "seam.h"
#include <unistd.h>

/* ---- pipes ---- */

static void no_finished(jp_ctx *p, bool aborted)
{
    (void)p;
    note("child%s", aborted ? "A" : "");
}

JP_PIPE(says_no, p, .on_finished = no_finished)
{
    note("no");
    return jp_abort(p, "m");
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

static char last_ticket[128];

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

JP_PIPE(multitude, p, .takes = "int64 count")
{
    jp_future first = jp_yield(p, asks);
    for (int64_t i = 0; i < jp_int64(p, "count"); i++)
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

JP_PIPE(value_and_failures, p, .gives = "int64")
{
    jp_future a = jp_yield(p, rec, 5);
    jp_after (p, a)
        jp_yield_with(p, JP_OPTIONS(.retry = {.attempts = 2, .first_ms = 10}), fail, 100);
    return jp_return(p, a);
}

JP_PIPE(one_rec, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_yield(p, rec, jp_arg(p, "n")));
}

JP_PIPE(undeclared, p)
{
    jp_fill(p, "nowhere", 1);
    return jp_done(p);
}

JP_PIPE(in_delay, p, .gives = "int64")
{
    return jp_return(p, jp_yield(p, rec, jp_yield(p, slow, 7, 3600 * 1000)));
}

JP_PIPE(in_retry, p, .on_finished = hooked_end, .retry = {.attempts = 3, .first_ms = 3600 * 1000})
{
    note("try");
    return jp_retry(p, "not now");
}

static const jp_def *const pipes[] = {&echo,
                                      &rec,
                                      &fail,
                                      &slow,
                                      &says_no,
                                      &hooked_parent,
                                      &asks,
                                      &mixed,
                                      &many,
                                      &multitude,
                                      &value_and_trouble,
                                      &value_and_failures,
                                      &undeclared,
                                      &one_rec,
                                      &in_delay,
                                      &in_retry,
                                      NULL};

static const char *abort_by(kit *k, const char *key, const char *reason, const char *path)
{
    return field(k, "abort", jpx_format(k->arena, "{\"root\":\"%s\",\"reason\":\"%s\"}", key, reason), path);
}

/* ---- S54, S55 ---- */

/* SEMANTICS 7.1 (by a body), 7.3 */
START_SCENARIO(s54_child_aborts)
{
    const char *key = run(k, "hooked_parent", "");
    ck_assert_int_eq(noted("no"), 1);
    ck_assert_int_eq(noted("childA"), 1);
    ck_assert_int_eq(noted("parentA"), 1);
    ck_assert_int_eq(noted("fin 1"), 1); /* it was done before */
    assert_json(status(k, key), "aborted");
    assert_json(tree(k, key, "status"), "aborted");
    assert_json(tree(k, key, "children.0.status"), "done");
    assert_json(tree(k, key, "children.1.status"), "aborted");
    assert_json(tree(k, key, "children.1.failure.text"), "m");
    assert_json(reason(k, key), "m");
}

/* SEMANTICS 7.1 (by an operator), 7.2: set once, a second request says so and changes nothing, unknown and finished
 * roots are refused; redelivery changes nothing. */
START_SCENARIO(s55_external_abort)
{
    const char *key = start(k, "asks", "");
    pass(k, 200);
    jpx_root_id id = root_id(k, key);
    char text[JPX_ROOT_TEXT];
    assert_json(abort_by(k, key, "enough", "accepted"), "true");
    assert_json(abort_by(k, key, "another", "accepted"), "false");
    finish(k, key);
    assert_json(status(k, key), "aborted");
    assert_json(reason(k, key), "enough");
    ck_assert_int_eq(noted("cancelled"), 1);
    const char *ended = field(k, "status", key, "ended");
    assert_json(abort_by(k, key, "another", "accepted"), "false");
    assert_json(abort_by(k, key, "another", "reason"), "enough");
    pass(k, 100);
    const char *message = jpx_format(k->arena, "{\"root\":\"%s\",\"reason\":\"late\"}", jpx_root_text(text, &id));
    for (int i = 0; i < 3; i++) {
        send_to(k, "control.abort", message, NULL, NULL);
        send_to(k, "control.aborting", message, NULL, NULL);
    }
    pass(k, 300);
    ck_assert_int_eq(noted("cancelled"), 1);
    assert_json(reason(k, key), "enough");
    assert_json(field(k, "status", key, "ended"), ended);
    assert_json(field(k, "abort", "no-such-root", "error.code"), "not-found");
    assert_json(field(k, "abort", "000000000000000000000000", "error.code"), "not-found");
    run(k, "rec", "[1]");
    assert_json(field(k, "abort", k->key, "error.code"), "refused");
    assert_json(status(k, k->key), "done");
}

/* SEMANTICS 7.1: what else aborts, and that the first reason stays */
START_SCENARIO(reasons)
{
    const char *key = run(k, "undeclared", ""); /* a programming error */
    assert_json(status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(reason(k, key), "nowhere"));
    assert_json(abort_by(k, key, "later", "accepted"), "false");
    ck_assert_ptr_nonnull(strstr(reason(k, key), "nowhere"));

    key = run(k, "value_and_failures", ""); /* no attempt is left */
    ck_assert_ptr_nonnull(strstr(reason(k, key), "after 2 attempts"));
    ck_assert_ptr_nonnull(strstr(tree(k, key, "children.1.failure.text"), "after 2 attempts"));

    key = start(k, "hooked_parent", ""); /* the operator is faster than the body */
    run_until_idle(k);
    abort_by(k, key, "operator", "accepted");
    finish(k, key);
    ck_assert(strcmp(reason(k, key), "operator") == 0 || strcmp(reason(k, key), "m") == 0);
    const char *first = reason(k, key);
    raise_flag(k, key, "too late");
    pass(k, 100);
    assert_json(reason(k, key), first);
}

/* ---- S57 to S60 ---- */

/* SEMANTICS 7.3, 8.2: a wait is over at once, its hook is called, a late reply gets the plain answer. */
START_SCENARIO(s57_waits_end_at_once)
{
    const char *key = start(k, "asks", "");
    pass(k, 200);
    int64_t begun = now(k);
    ask(k, "abort", key);
    finish(k, key);
    ck_assert_int_lt(now(k) - begun, k->virtual_time ? 1000 : 10000);
    ck_assert_int_eq(noted("cancelled"), 1);
    const char *late = ask(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":1}", last_ticket));
    ck_assert_str_eq(late, ask(k, "reply", "{\"ticket\":\"garbage\",\"value\":1}"));
    ck_assert_ptr_nonnull(strstr(late, "\"refused\""));
    jpx_sub *dead = watch_letters(k);
    send_to(k, jpx_format(k->arena, "reply.%s", last_ticket), "\"too late\"", NULL, NULL);
    pass(k, 100);
    assert_json(letters(k, dead), "\"too late\"\n"); /* kept, with its bytes; it changes nothing */
    assert_json(status(k, key), "aborted");
    assert_json(result(k, key), "");
}

/* SEMANTICS 7.3, 7.4 */
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
    assert_json(result(k, key), "1"); /* outputs that were filled stay readable */
    assert_json(tree(k, key, "children.0.outputs.default.value"), "1");
    ck_assert_int_eq(noted("fin 1"), 1);
    ck_assert_int_eq(noted("cancelled"), 1);
}

/* ---- S59 ---- */

static kit *flagged;

static void flag_after_adoption(const char *operation)
{
    if (strcmp(operation, "insert entry") == 0 && raise_flag(flagged, flagged->key, "flag")) {
        seam_after = NULL;
    }
}

/* SEMANTICS 7.2, 7.3: no execution, and no on_finished for what had not started. */
START_SCENARIO(s59_run_event_after_the_flag)
{
    jpx_role *worker = other_role(k, JPX_ROLE_WORKER);
    flagged = k;
    seam_after = flag_after_adoption; /* the root's generation is adopted; the run event of its child comes after */
    const char *key = start(k, "one_rec", "[3]");
    for (int i = 0; i < 1000 && seam_after; i++) {
        jpx_local_step(k->local);
        stand_still(k, 5);
    }
    ck_assert(!seam_after);
    step_role(k, worker); /* it gets the run event before anybody carries the abort out */
    finish(k, key);
    close_others();
    assert_json(status(k, key), "aborted");
    assert_json(tree(k, key, "children.0.status"), "aborted");
    pass(k, 300);
    assert_json(journal(), "");
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

static long kilobytes(const char *what)
{
    char line[256];
    long value = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, what, strlen(what)) == 0)
            value = strtol(line + strlen(what) + 1, NULL, 10);
    if (file)
        fclose(file);
    return value;
}

/* SEMANTICS 7.3: a hundred thousand of them, in bounded memory. */
START_TEST(s60_multitude)
{
    enum { COUNT = 100000, MAX_KB = 48 * 1024 };
    kit *k = kit_open(1, pipes);
    const char *key = start(k, "multitude", jpx_format(k->arena, "[%d]", COUNT));
    run_until_idle(k);
    ask(k, "abort", key);
    long before_ = kilobytes("VmRSS:");
    FILE *reset = fopen("/proc/self/clear_refs", "w"); /* 5: the peak starts anew */
    if (reset && fputs("5", reset) >= 0 && fclose(reset) == 0) {
        finish(k, key);
        ck_assert_msg(kilobytes("VmHWM:") - before_ < MAX_KB, "%ld kB more", kilobytes("VmHWM:") - before_);
    }
    finish(k, key);
    assert_json(field(k, "status", key, "pipelines"), "{\"aborted\":100002}");
    assert_json(journal(), "asks, cancelled");
    kit_close(k);
}
END_TEST

static int inserted;

static void count_entries(const char *operation)
{
    inserted += strcmp(operation, "insert entry") == 0;
}

/* While a large tree is aborted, requests about other roots are answered, between any two parts of it. */
START_TEST(s60_others_are_answered)
{
    enum { COUNT = 12000, PARTS = COUNT / 1000 };
    kit *k = kit_open(1, pipes);
    const char *other = run(k, "rec", "[1]"), *key = start(k, "multitude", jpx_format(k->arena, "[%d]", COUNT));
    run_until_idle(k);
    ask(k, "abort", key);
    seam_after = count_entries;
    int answers = 0, most = 0;
    do {
        inserted = 0;
        assert_json(status(k, other), "done");
        most = inserted > most ? inserted : most;
        answers++;
    } while (strcmp(status(k, key), "aborted") != 0 && answers < 4 * PARTS) /* its own hook wants time to pass */;
    seam_after = NULL;
    ck_assert_msg(most <= 3 && answers > PARTS / 3, "%d answers, %d parts before one", answers, most);
    finish(k, key);
    assert_json(field(k, "status", key, "pipelines"), "{\"aborted\":12002}");
    kit_close(k);
}
END_TEST

/* ---- what else stands at an abort ---- */

/* SEMANTICS 7.3: a delay of an hour, and the next attempt in an hour, end at once. */
START_SCENARIO(delays_and_retries_end_at_once)
{
    const char *delayed = start(k, "in_delay", ""), *retrying = start(k, "in_retry", "");
    pass(k, 200);
    assert_json(tree(k, delayed, "children.0.status"), "running");
    assert_json(status(k, retrying), "retry");
    int64_t begun = now(k);
    ask(k, "abort", delayed);
    ask(k, "abort", retrying);
    finish(k, delayed);
    finish(k, retrying);
    ck_assert_int_lt(now(k) - begun, k->virtual_time ? 1500 : 20000);
    assert_json(field(k, "status", delayed, "pipelines"), "{\"aborted\":3}");
    assert_json(field(k, "status", retrying, "pipelines"), "{\"aborted\":1}");
    ck_assert_int_eq(noted("parentA"), 1);
    if (k->virtual_time)
        pass(k, 2 * 3600 * 1000); /* their timers come, and nothing happens */
    ck_assert_int_eq(noted("slow 7") + noted("try") + noted("parentA"), 3);
    ck_assert_int_eq(noted("run 7") + noted("parent"), 0);
    assert_json(status(k, retrying), "aborted");
}

/* SEMANTICS 5.3, 7.4 */
START_SCENARIO(s65_side_child_aborts)
{
    const char *key = run(k, "value_and_trouble", "");
    assert_json(status(k, key), "aborted");
    assert_json(result(k, key), "5");
    key = run(k, "value_and_failures", "");
    assert_json(status(k, key), "aborted");
    assert_json(result(k, key), "5");
}

int main(void)
{
    Suite *suite = suite_create("abort");
    TCase *tcase = tcase_create("abort");
    seam_use();
    tcase_set_timeout(tcase, 180);
    add_scenario(tcase, s54_child_aborts);
    add_scenario(tcase, s55_external_abort);
    add_scenario(tcase, reasons);
    add_scenario(tcase, s57_waits_end_at_once);
    add_scenario(tcase, s58_mixed);
    add_scenario(tcase, s59_run_event_after_the_flag);
    add_scenario(tcase, s60_many_waiting);
    tcase_add_test(tcase, s60_multitude);
    tcase_add_test(tcase, s60_others_are_answered);
    add_scenario(tcase, delays_and_retries_end_at_once);
    add_scenario(tcase, s65_side_child_aborts);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
