/* abort.c -- S54 to S65: the whole tree ends. abort_steps.c has the aborts at every moment. */
#include "seam.h"
#include <unistd.h>

/* ---- pipes ---- */

static void no_finished(jp_ctx *p, bool aborted)
{
    (void)p;
    kit_note("child%s", aborted ? "A" : "");
}

JP_PIPE(says_no, p, .on_finished = no_finished)
{
    kit_note("no");
    return jp_abort(p, "m");
}

static void hooked_end(jp_ctx *p, bool aborted)
{
    (void)p;
    kit_note("parent%s", aborted ? "A" : "");
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
    kit_note("cancelled");
}

static char last_ticket[128];

JP_PIPE(asks, p, .gives = "any", .async = true, .on_cancel = cancelled)
{
    snprintf(last_ticket, sizeof last_ticket, "%s", jp_ticket(p));
    kit_note("asks");
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
    kit_note("try");
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
    return kit_field(k, "abort", jpx_format(k->arena, "{\"root\":\"%s\",\"reason\":\"%s\"}", key, reason), path);
}

/* ---- S54, S55 ---- */

/* SEMANTICS 7.1 (by a body), 7.3 */
START_SCENARIO(s54_child_aborts)
{
    const char *key = kit_run(k, "hooked_parent", "");
    ck_assert_int_eq(kit_noted("no"), 1);
    ck_assert_int_eq(kit_noted("childA"), 1);
    ck_assert_int_eq(kit_noted("parentA"), 1);
    ck_assert_int_eq(kit_noted("fin 1"), 1); /* it was done before */
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_tree(k, key, "status"), "aborted");
    kit_assert_json(kit_tree(k, key, "children.0.status"), "done");
    kit_assert_json(kit_tree(k, key, "children.1.status"), "aborted");
    kit_assert_json(kit_tree(k, key, "children.1.failure.text"), "m");
    kit_assert_json(kit_reason(k, key), "m");
}

/* SEMANTICS 7.1 (by an operator), 7.2: set once, a second request is answered so and changes nothing, unknown and
 * finished roots are refused; redelivery changes nothing. */
START_SCENARIO(s55_external_abort)
{
    const char *key = kit_start(k, "asks", "");
    kit_pass(k, 200);
    jpx_root_id id = root_id(k, key);
    char text[JPX_ROOT_TEXT];
    kit_assert_json(abort_by(k, key, "enough", "accepted"), "true");
    kit_assert_json(abort_by(k, key, "another", "accepted"), "false");
    kit_finish(k, key);
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_reason(k, key), "enough");
    ck_assert_int_eq(kit_noted("cancelled"), 1);
    const char *ended = kit_field(k, "status", key, "ended");
    kit_assert_json(abort_by(k, key, "another", "accepted"), "false");
    kit_assert_json(abort_by(k, key, "another", "reason"), "enough");
    kit_pass(k, 100);
    const char *message = jpx_format(k->arena, "{\"root\":\"%s\",\"reason\":\"late\"}", jpx_root_text(text, &id));
    for (int i = 0; i < 3; i++) {
        send_to(k, "control.abort", message, NULL, NULL);
        send_to(k, "control.aborting", message, NULL, NULL);
    }
    kit_pass(k, 300);
    ck_assert_int_eq(kit_noted("cancelled"), 1);
    kit_assert_json(kit_reason(k, key), "enough");
    kit_assert_json(kit_field(k, "status", key, "ended"), ended);
    kit_assert_json(kit_field(k, "abort", "no-such-root", "error.code"), "not-found");
    kit_assert_json(kit_field(k, "abort", "000000000000000000000000", "error.code"), "not-found");
    kit_run(k, "rec", "[1]");
    kit_assert_json(kit_field(k, "abort", k->key, "error.code"), "refused");
    kit_assert_json(kit_status(k, k->key), "done");
}

/* SEMANTICS 7.1: what else aborts, and that the first reason stays */
START_SCENARIO(reasons)
{
    const char *key = kit_run(k, "undeclared", ""); /* a programming error */
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "nowhere"));
    kit_assert_json(abort_by(k, key, "later", "accepted"), "false");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "nowhere"));

    key = kit_run(k, "value_and_failures", ""); /* no attempt is left */
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "after 2 attempts"));
    ck_assert_ptr_nonnull(strstr(kit_tree(k, key, "children.1.failure.text"), "after 2 attempts"));

    key = kit_start(k, "hooked_parent", ""); /* the operator is faster than the body */
    kit_run_until_idle(k);
    abort_by(k, key, "operator", "accepted");
    kit_finish(k, key);
    ck_assert(strcmp(kit_reason(k, key), "operator") == 0 || strcmp(kit_reason(k, key), "m") == 0);
    const char *first = kit_reason(k, key);
    raise_flag(k, key, "too late");
    kit_pass(k, 100);
    kit_assert_json(kit_reason(k, key), first);
}

/* ---- S57 to S60 ---- */

/* SEMANTICS 7.3, 8.2: a wait is over at once, its hook is called, a late reply gets the plain answer. */
START_SCENARIO(s57_waits_end_at_once)
{
    const char *key = kit_start(k, "asks", "");
    kit_pass(k, 200);
    int64_t begun = kit_now(k);
    kit_ask(k, "abort", key);
    kit_finish(k, key);
    ck_assert_int_lt(kit_now(k) - begun, k->virtual_time ? 1000 : 10000);
    ck_assert_int_eq(kit_noted("cancelled"), 1);
    const char *late = kit_ask(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":1}", last_ticket));
    ck_assert_str_eq(late, kit_ask(k, "reply", "{\"ticket\":\"garbage\",\"value\":1}"));
    ck_assert_ptr_nonnull(strstr(late, "\"refused\""));
    jpx_sub *dead = watch_letters(k);
    send_to(k, jpx_format(k->arena, "reply.%s", last_ticket), "\"too late\"", NULL, NULL);
    kit_pass(k, 100);
    kit_assert_json(letters(k, dead), "\"too late\"\n"); /* kept, with its bytes; it changes nothing */
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_result(k, key), "");
}

/* SEMANTICS 7.3, 7.4 */
START_SCENARIO(s58_mixed)
{
    const char *key = kit_start(k, "mixed", "");
    kit_pass(k, 300);
    kit_ask(k, "abort", key);
    kit_finish(k, key);
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_tree(k, key, "children.0.status"), "done");
    for (int i = 1; i < 5; i++)
        kit_assert_json(kit_tree(k, key, jpx_format(k->arena, "children.%d.status", i)), "aborted");
    kit_assert_json(kit_result(k, key), "1"); /* outputs that were filled stay readable */
    kit_assert_json(kit_tree(k, key, "children.0.outputs.default.value"), "1");
    ck_assert_int_eq(kit_noted("fin 1"), 1);
    ck_assert_int_eq(kit_noted("cancelled"), 1);
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
    const char *key = kit_start(k, "one_rec", "[3]");
    for (int i = 0; i < 1000 && seam_after; i++) {
        jpx_local_step(k->local);
        stand_still(k, 5);
    }
    ck_assert(!seam_after);
    step_role(k, worker); /* it gets the run event before the abort is carried out */
    kit_finish(k, key);
    close_others();
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_tree(k, key, "children.0.status"), "aborted");
    kit_pass(k, 300);
    kit_assert_json(kit_journal(), "");
}

START_SCENARIO(s60_many_waiting)
{
    const char *key = kit_start(k, "many", "");
    kit_pass(k, 300);
    kit_ask(k, "abort", key);
    kit_finish(k, key);
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"aborted\":252}");
    kit_pass(k, 300);
    kit_assert_json(kit_journal(), "asks, cancelled");
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
    const char *key = kit_start(k, "multitude", jpx_format(k->arena, "[%d]", COUNT));
    kit_run_until_idle(k);
    kit_ask(k, "abort", key);
    long before_ = kilobytes("VmRSS:");
    FILE *reset = fopen("/proc/self/clear_refs", "w"); /* 5: the peak starts anew */
    if (reset && fputs("5", reset) >= 0 && fclose(reset) == 0) {
        kit_finish(k, key);
        ck_assert_msg(kilobytes("VmHWM:") - before_ < MAX_KB, "%ld kB more", kilobytes("VmHWM:") - before_);
    }
    kit_finish(k, key);
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"aborted\":100002}");
    kit_assert_json(kit_journal(), "asks, cancelled");
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
    const char *other = kit_run(k, "rec", "[1]"), *key = kit_start(k, "multitude", jpx_format(k->arena, "[%d]", COUNT));
    kit_run_until_idle(k);
    kit_ask(k, "abort", key);
    seam_after = count_entries;
    int answers = 0, most = 0;
    do {
        inserted = 0;
        kit_assert_json(kit_status(k, other), "done");
        most = inserted > most ? inserted : most;
        answers++;
    } while (strcmp(kit_status(k, key), "aborted") != 0 && answers < 4 * PARTS) /* its own hook wants time to pass */;
    seam_after = NULL;
    ck_assert_msg(most <= 3 && answers > PARTS / 3, "%d answers, %d parts before one", answers, most);
    kit_finish(k, key);
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"aborted\":12002}");
    kit_close(k);
}
END_TEST

/* ---- what an abort meets ---- */

/* SEMANTICS 7.3: a delay of an hour, and the next attempt in an hour, end at once. */
START_SCENARIO(delays_and_retries_end_at_once)
{
    const char *delayed = kit_start(k, "in_delay", ""), *retrying = kit_start(k, "in_retry", "");
    kit_pass(k, 200);
    kit_assert_json(kit_tree(k, delayed, "children.0.status"), "running");
    kit_assert_json(kit_status(k, retrying), "retry");
    int64_t begun = kit_now(k);
    kit_ask(k, "abort", delayed);
    kit_ask(k, "abort", retrying);
    kit_finish(k, delayed);
    kit_finish(k, retrying);
    ck_assert_int_lt(kit_now(k) - begun, k->virtual_time ? 1500 : 20000);
    kit_assert_json(kit_field(k, "status", delayed, "pipelines"), "{\"aborted\":3}");
    kit_assert_json(kit_field(k, "status", retrying, "pipelines"), "{\"aborted\":1}");
    ck_assert_int_eq(kit_noted("parentA"), 1);
    if (k->virtual_time)
        kit_pass(k, 2 * 3600 * 1000); /* their timers come, and nothing happens */
    ck_assert_int_eq(kit_noted("slow 7") + kit_noted("try") + kit_noted("parentA"), 3);
    ck_assert_int_eq(kit_noted("run 7") + kit_noted("parent"), 0);
    kit_assert_json(kit_status(k, retrying), "aborted");
}

/* SEMANTICS 5.3, 7.4 */
START_SCENARIO(s65_side_child_aborts)
{
    const char *key = kit_run(k, "value_and_trouble", "");
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_result(k, key), "5");
    key = kit_run(k, "value_and_failures", "");
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_result(k, key), "5");
}

int main(void)
{
    Suite *suite = suite_create("abort");
    TCase *tcase = tcase_create("abort");
    seam_use();
    tcase_set_timeout(tcase, 180);
    kit_add_scenario(tcase, s54_child_aborts);
    kit_add_scenario(tcase, s55_external_abort);
    kit_add_scenario(tcase, reasons);
    kit_add_scenario(tcase, s57_waits_end_at_once);
    kit_add_scenario(tcase, s58_mixed);
    kit_add_scenario(tcase, s59_run_event_after_the_flag);
    kit_add_scenario(tcase, s60_many_waiting);
    tcase_add_test(tcase, s60_multitude);
    tcase_add_test(tcase, s60_others_are_answered);
    kit_add_scenario(tcase, delays_and_retries_end_at_once);
    kit_add_scenario(tcase, s65_side_child_aborts);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
