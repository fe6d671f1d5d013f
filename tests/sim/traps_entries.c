/* traps_entries.c -- the traps of docs/protocol.md that are about entries: rivals for one, and what follows from it.
 * Each test is the shortest schedule of its trap. mutants.py takes the answer out of the source, and the test must
 * fail.
 *
 * Two workers have the same run event: the first is stopped within its handler until the ack deadline has passed. */
#include "stage.h"
#include <string.h>

enum { DEADLINE_MS = 31 * 1000, SOON_MS = 20 * 1000 };

static int executions, children, begun_of[8], hooks_done, hooks_aborted;

static void reset(void)
{
    executions = children = hooks_done = hooks_aborted = 0;
    memset(begun_of, 0, sizeof begun_of);
}

static bool is_planned(world *w, const seam_call *call)
{
    jpx_entry entry;
    return jpx_entry_decode(call->records[0].doc, w->arena, &entry) && entry.kind == JPX_ENTRY_PLANNED;
}

/* The event of the stopped worker is redelivered to the second. */
static void second_worker_goes_on(world *w, const seam_call *call)
{
    (void)call;
    w->now_ms += DEADLINE_MS;
    stage_run(w, worker(w, 1));
}

/* ---- 1, 4: an attempt that is executed twice, with different plans ---- */

JP_PIPE(child, p, .takes = "int64 execution, int64 ms", .gives = "int64")
{
    children++;
    begun_of[jp_int64(p, "execution")]++;
    if (jp_int64(p, "ms"))
        return jp_return_in(p, jp_int64(p, "ms"), jp_arg(p, "execution"));
    return jp_return(p, jp_arg(p, "execution"));
}

/* The first execution plans two children, the second three, the last of which takes its time. */
JP_PIPE(generator, p, .gives = "int64")
{
    int n = ++executions;
    for (int i = 0; i < n + 1; i++)
        jp_yield(p, child, n, i == 2 ? 5000 : 0);
    return jp_return(p, n);
}

static const jp_def *const generators[] = {&child, &generator, NULL};

static world *two_executions(void)
{
    world *w = stage_open(generators);

    reset();
    stage_when(w, (cue){.who = worker(w, 0),
                        .op = SEAM_INSERT,
                        .table = JPX_TABLE_ENTRY,
                        .fits = is_planned,
                        .then = second_worker_goes_on});
    world_start(w, "generator", "[]", STAGE_KEY);
    stage_run(w, api(w, 0));
    stage_run(w, worker(w, 0)); /* stopped before its entry; by then the second has planned three children */
    ck_assert_int_eq(executions, 2);
    return w;
}

/* Otherwise the counter of the first, for two children, counts all three. */
START_TEST(t01_a_finish_counter_of_each_generation)
{
    world *w = two_executions();

    world_pass(w, 1000);
    ck_assert_str_eq(stage_status(w), "running"); /* the third child is not due yet */
    stage_done(w, SOON_MS);
    ck_assert_str_eq(stage_result(w), "2");
    stage_close(w);
}
END_TEST

/* Otherwise the loser starts its own children, which were not adopted. */
START_TEST(t04_the_loser_goes_on_from_the_entry_of_the_winner)
{
    world *w = two_executions();

    stage_done(w, SOON_MS);
    ck_assert_int_eq(begun_of[1], 0);
    ck_assert_int_eq(begun_of[2], 3);
    stage_close(w);
}
END_TEST

/* ---- 3: large values of two executions ---- */

enum { LARGE = 80000 };

JP_PIPE(large, p, .gives = "string")
{
    char *text = jp_alloc(p, LARGE + 1);
    memset(text, 'A' + executions++, LARGE);
    return jp_return(p, text);
}

static const jp_def *const larges[] = {&large, NULL};

/* Otherwise the second's entry points to the value of the first. */
START_TEST(t03_large_values_of_two_executions)
{
    world *w = stage_open(larges);

    reset();
    stage_when(w, (cue){.who = worker(w, 0),
                        .op = SEAM_INSERT,
                        .table = JPX_TABLE_ENTRY,
                        .then = second_worker_goes_on,
                        .kill = true});
    world_start(w, "large", "[]", STAGE_KEY);
    stage_run(w, api(w, 0));
    stage_run(w, worker(w, 0));
    stage_done(w, SOON_MS);
    ck_assert_int_eq(executions, 2);
    ck_assert_int_eq(stage_result(w)[1], 'B');
    stage_close(w);
}
END_TEST

/* ---- 7: a reply that is faster than the entry of its wait ---- */

static char ticket[128];

static void answer_now(world *w, const seam_call *call)
{
    (void)call;
    world_publish(w, jpx_format(w->arena, "reply.%s", ticket), "42", NULL);
    stage_run(w, api(w, 0));
}

JP_PIPE(asks, p, .gives = "int64", .async = true)
{
    strncpy(ticket, jp_ticket(p), sizeof ticket - 1);
    return jp_wait(p);
}

static const jp_def *const askers[] = {&asks, NULL};

START_TEST(t07_a_reply_before_its_wait_is_durable)
{
    world *w = stage_open(askers);

    stage_when(w, (cue){.who = worker(w, 0), .op = SEAM_INSERT, .table = JPX_TABLE_ENTRY, .then = answer_now});
    world_start(w, "asks", "[]", STAGE_KEY);
    stage_run(w, api(w, 0));
    stage_run(w, worker(w, 0));
    stage_done(w, SOON_MS);
    ck_assert_str_eq(stage_result(w), "42");
    stage_close(w);
}
END_TEST

/* ---- 9: an abort while a body runs that has no entry yet ---- */

static void abort_now(world *w, const seam_call *call)
{
    (void)call;
    world_publish(w, "control.abort", "{\"root\":\"" STAGE_KEY "\",\"reason\":\"enough\"}", NULL);
    stage_run(w, api(w, 0));
}

static void counts_hooks(jp_ctx *p, bool aborted)
{
    (void)p;
    hooks_done += !aborted;
    hooks_aborted += aborted;
}

JP_PIPE(hooked, p, .gives = "int64", .on_finished = counts_hooks)
{
    executions++;
    return jp_return(p, 1);
}

JP_PIPE(parent, p, .gives = "int64")
{
    return jp_return(p, jp_yield(p, hooked));
}

static const jp_def *const parents[] = {&hooked, &parent, NULL};

static bool is_returned(world *w, const seam_call *call)
{
    jpx_entry entry;
    return jpx_entry_decode(call->records[0].doc, w->arena, &entry) && entry.kind == JPX_ENTRY_RETURNED;
}

START_TEST(t09_on_finished_of_a_body_at_work_when_the_abort_came)
{
    world *w = stage_open(parents);

    reset();
    stage_when(w, (cue){.op = SEAM_INSERT, .table = JPX_TABLE_ENTRY, .fits = is_returned, .then = abort_now});
    world_start(w, "parent", "[]", STAGE_KEY);
    stage_aborted(w, SOON_MS);
    ck_assert_int_eq(executions, 1);
    ck_assert_int_eq(hooks_done, 0);
    ck_assert_int_ge(hooks_aborted, 1);
    stage_close(w);
}
END_TEST

/* ---- 11: an entry whose consequences were never published ---- */

static bool tells_facts(world *w, const seam_call *call)
{
    (void)w;
    return strstr(call->messages[0].subject, ".slot.") != NULL;
}

JP_PIPE(pass_on, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(chain, p, .gives = "int64")
{
    return jp_return(p, jp_yield(p, pass_on, jp_yield(p, pass_on, jp_yield(p, pass_on, 1))));
}

static const jp_def *const chains[] = {&pass_on, &chain, NULL};

/* Each worker dies after its entry, before it publishes: the next worker that gets the run event publishes. */
START_TEST(t11_a_redelivery_publishes_what_follows)
{
    world *w = stage_open(chains);

    for (int i = 0; i < 3; i++)
        stage_when(w, (cue){.op = SEAM_PUBLISH, .fits = tells_facts, .kill = true, .verdict = SEAM_FAIL});
    world_start(w, "chain", "[]", STAGE_KEY);
    stage_done(w, 4 * DEADLINE_MS);
    ck_assert_str_eq(stage_result(w), "4");
    stage_close(w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("traps of entries");
    TCase *tcase = tcase_create("traps");
    tcase_add_test(tcase, t01_a_finish_counter_of_each_generation);
    tcase_add_test(tcase, t03_large_values_of_two_executions);
    tcase_add_test(tcase, t04_the_loser_goes_on_from_the_entry_of_the_winner);
    tcase_add_test(tcase, t07_a_reply_before_its_wait_is_durable);
    tcase_add_test(tcase, t09_on_finished_of_a_body_at_work_when_the_abort_came);
    tcase_add_test(tcase, t11_a_redelivery_publishes_what_follows);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
