/* finishing.c -- S40 to S42: statuses as they are shown, when a pipeline is done, and the hook before that. */
#include "records.h"

static kit *here;
static const char *root_key;

/* ---- the hook looks at what is shown meanwhile ---- */

static int hook_calls, hook_failures;

static void watch_finish(jp_ctx *p, bool aborted)
{
    jpx_root root = kit_root_of(here, root_key);
    kit_note("hook %d.%d %s %s%s%s", ++hook_calls, jp_attempt(p), jp_json(p, jp_output(p, "default")),
             jp_json(p, jp_output(p, "x")), aborted ? " A" : "", jpx_root_final(&root) ? " final" : "");
    if (hook_calls <= hook_failures)
        jp_hook_failed(p, "not yet");
}

JP_PIPE(hooked, p, .gives = "int64", .fills = "int64 x", .on_finished = watch_finish)
{
    kit_note("body");
    jp_fill(p, "x", jp_yield(p, echo, 12));
    jp_yield(p, slow, 1, 60);
    return jp_return(p, jp_yield(p, echo, 11));
}

JP_PIPE(hooked_leaf, p, .gives = "int64", .fills = "int64 x", .on_finished = watch_finish)
{
    kit_note("body");
    jp_fill(p, "x", 12);
    return jp_return(p, 11);
}

/* A consumer of the value does not wait for the hook; a pipeline that waits until it is finished does. */
JP_PIPE(beside_a_hook, p, .gives = "any")
{
    jp_future f = jp_yield(p, hooked_leaf);
    jp_yield(p, rec, f);
    jp_after (p, f)
        jp_yield(p, rec, 99);
    return jp_return(p, f);
}

JP_PIPE(hooked_no, p, .gives = "int64", .fills = "int64 x", .on_finished = watch_finish)
{
    kit_note("body");
    return jp_abort(p, "no");
}

/* ---- subtrees ---- */

JP_PIPE(gives_and_goes_on, p, .takes = "int64 ms", .gives = "int64")
{
    jp_future late = jp_yield(p, slow, 1, jp_arg(p, "ms"));
    jp_after (p, late)
        jp_yield(p, rec, 2);
    return jp_return(p, 7);
}

JP_PIPE(root_of_it, p, .takes = "int64 ms", .gives = "int64")
{
    jp_future g = jp_yield(p, gives_and_goes_on, jp_arg(p, "ms"));
    jp_yield(p, rec, g);
    return jp_return(p, g);
}

/* S42: {g = {slow(x, 100 s); rec(last)}} */
JP_PIPE(slow_and_last, p, .takes = "int64 ms", .gives = "int64")
{
    jp_yield(p, slow, 1, jp_arg(p, "ms"));
    return jp_return(p, jp_yield(p, rec, 2));
}

JP_PIPE(early_value, p, .takes = "int64 ms", .gives = "int64")
{
    return jp_return(p, jp_yield(p, slow_and_last, jp_arg(p, "ms")));
}

/* ---- one pipeline of each status ---- */

static char ticket[128];

JP_PIPE(asks, p, .async = true)
{
    snprintf(ticket, sizeof ticket, "%s", jp_ticket(p));
    return jp_wait(p);
}

JP_PIPE(again, p, .retry = {.attempts = 2, .first_ms = 3000, .jitter = JP_NO_JITTER})
{
    return jp_attempt(p) == 1 ? jp_retry(p, "later") : jp_done(p);
}

JP_PIPE(of_each, p)
{
    jp_yield(p, rec, 1);
    jp_future wait = jp_yield(p, asks);
    jp_yield(p, again);
    jp_yield(p, echo, wait);
    jp_yield(p, slow_and_last, 3000);
    return jp_done(p);
}

static const jp_def *const pipes[] = {
    &echo,       &rec,           &slow,        &hooked, &hooked_leaf, &beside_a_hook, &hooked_no, &gives_and_goes_on,
    &root_of_it, &slow_and_last, &early_value, &asks,   &again,       &of_each,       NULL};

static const char *run_watched(kit *k, const char *pipe, int failures)
{
    here = k;
    hook_calls = 0;
    hook_failures = failures;
    root_key = kit_start(k, pipe, "");
    kit_finish(k, root_key);
    return root_key;
}

/* SEMANTICS 5.4: after the whole subtree, outputs readable, the status not final yet; afterwards it is. */
START_SCENARIO(s40_outputs_in_the_hook)
{
    const char *key = run_watched(k, "hooked", 0);
    ck_assert_int_eq(kit_noted("hook 1.1 11 12"), 1);
    ck_assert(kit_before("slow 1", "hook 1.1 11 12"));
    kit_assert_json(kit_status(k, key), "done");
    jpx_journal found = kit_journal_of(k, kit_pipeline_of_root(k, key)),
                late = kit_journal_of(k, kit_child_of_root(k, key, 1));
    kit_assert_json(kit_steps_of(k, kit_pipeline_of_root(k, key)), "planned finished");
    ck_assert_int_ge(found.entries[1].at_ms, late.entries[late.count - 1].at_ms);

    key = run_watched(k, "hooked_leaf", 0);
    ck_assert_int_eq(kit_noted("hook 1.1 11 12"), 2);
    kit_assert_json(kit_status(k, key), "done");
}

/* SEMANTICS 5.4: failing twice there: three calls, and no attempt. */
START_SCENARIO(s41_hook_fails)
{
    const char *key = run_watched(k, "hooked_leaf", 2);
    kit_assert_json(kit_journal(), "body, hook 1.1 11 12, hook 2.1 11 12, hook 3.1 11 12");
    kit_assert_json(kit_status(k, key), "done");
    kit_assert_json(kit_tree(k, key, "attempt"), "1");
    kit_assert_json(kit_tree(k, key, "failure"), "");
}

/* SEMANTICS 5.4: it delays no consumer of the value. */
START_SCENARIO(s41_hook_delays_nobody)
{
    const char *key = run_watched(k, "beside_a_hook", 2);
    ck_assert(kit_before("run 11", "hook 3.1 11 12"));
    ck_assert(kit_before("hook 3.1 11 12", "run 99"));
    ck_assert_int_eq(kit_noted("body"), 1);
    kit_assert_json(kit_result(k, key), "11");
    kit_assert_json(kit_status(k, key), "done");
}

/* SEMANTICS 5.4: after an abort, too, with aborted true; there are no outputs. */
START_SCENARIO(hook_after_an_abort)
{
    const char *key = run_watched(k, "hooked_no", 1);
    kit_assert_json(kit_journal(), "body, hook 1.1 null null A, hook 2.1 null null A");
    kit_assert_json(kit_status(k, key), "aborted");
}

/* SEMANTICS 5.3 */
START_SCENARIO(s42_value_before_done)
{
    int64_t wait = k->virtual_time ? 100000 : 2000;
    const char *key = kit_start(k, "early_value", k->virtual_time ? "[100000]" : "[2000]");
    kit_pass(k, 250);
    kit_assert_json(kit_result(k, key), "2");
    kit_assert_json(kit_status(k, key), "running");
    kit_assert_json(kit_tree(k, key, "children.0.status"), "running");
    kit_finish(k, key);
    kit_assert_json(kit_status(k, key), "done");
    kit_assert_json(kit_result(k, key), "2");
    ck_assert_int_ge(kit_root_of(k, key).ended_ms - kit_root_of(k, key).started_ms, wait);
}

/* SEMANTICS 5.2: outputs filled is not done: the adopted subtree has to be, too. */
START_SCENARIO(done_with_the_whole_subtree)
{
    const char *key = kit_start(k, "root_of_it", k->virtual_time ? "[60000]" : "[2000]");
    kit_pass(k, 250);
    ck_assert_int_eq(kit_noted("run 7"), 1); /* the consumer of the value has run */
    kit_assert_json(kit_result(k, key), "7");
    kit_assert_json(kit_tree(k, key, "children.0.status"), "running");
    kit_assert_json(kit_tree(k, key, "children.0.children.1.status"), "waiting");
    kit_assert_json(kit_tree(k, key, "children.1.status"), "done");
    kit_assert_json(kit_status(k, key), "running");
    kit_finish(k, key);
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":5}");
    ck_assert(kit_before("run 7", "run 2"));
}

/* SEMANTICS 5.1 */
START_SCENARIO(statuses_as_shown)
{
    const char *key = kit_start(k, "of_each", "");
    kit_pass(k, 400);
    kit_assert_json(kit_status(k, key), "running");
    kit_assert_json(kit_tree(k, key, "children.0.status"), "done");
    kit_assert_json(kit_tree(k, key, "children.1.status"), "running"); /* waits for a reply */
    kit_assert_json(kit_tree(k, key, "children.2.status"), "retry");
    kit_assert_json(kit_tree(k, key, "children.3.status"), "waiting"); /* for a slot */
    kit_assert_json(kit_tree(k, key, "children.4.status"), "running"); /* its children run */
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"waiting\":1,\"running\":4,\"retry\":1,\"done\":2}");
    kit_ask(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":1}", ticket));
    kit_finish(k, key);
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":8}");

    key = kit_start(k, "of_each", "");
    kit_pass(k, 400);
    kit_ask(k, "abort", key);
    kit_finish(k, key);
    kit_assert_json(kit_status(k, key), "aborted"); /* and final */
    kit_assert_json(kit_tree(k, key, "children.0.status"), "done");
    for (int i = 1; i < 4; i++)
        kit_assert_json(kit_tree(k, key, jpx_format(k->arena, "children.%d.status", i)), "aborted");
}

/* SEMANTICS 5.1: a run event is published and no body has started. Seen between steps, where the test makes them. */
START_SCENARIO(queued_is_shown)
{
    bool queued = false;
    if (!k->virtual_time)
        return;
    const char *key = kit_start(k, "early_value", "[100]");
    for (int i = 0; i < 20 && !queued; i++) {
        jpx_local_step(k->local);
        queued = strstr(kit_ask(k, "tree", key), "\"status\":\"queued\"") != NULL;
    }
    ck_assert(queued);
    kit_finish(k, key);
}

int main(void)
{
    Suite *suite = suite_create("finishing");
    TCase *tcase = tcase_create("finishing");
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s40_outputs_in_the_hook);
    kit_add_scenario(tcase, s41_hook_fails);
    kit_add_scenario(tcase, s41_hook_delays_nobody);
    kit_add_scenario(tcase, hook_after_an_abort);
    kit_add_scenario(tcase, s42_value_before_done);
    kit_add_scenario(tcase, done_with_the_whole_subtree);
    kit_add_scenario(tcase, statuses_as_shown);
    kit_add_scenario(tcase, queued_is_shown);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
