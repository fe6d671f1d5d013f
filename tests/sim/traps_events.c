/* traps_events.c -- the traps of docs/protocol.md that are about events: repeated, lost, too early; and aborts. See
 * traps_entries.c. */
#include "stage.h"
#include <string.h>

enum { DEADLINE_MS = 31 * 1000, SOON_MS = 20 * 1000, WALKED_MS = 5 * 1000, TWICE_WALKED_MS = 50 * 1000 };

static int executions, hooks_done, hooks_aborted;

static void reset(void)
{
    executions = hooks_done = hooks_aborted = 0;
}

/* ---- pipes ---- */

JP_PIPE(leaf, p, .takes = "any... in", .gives = "int64")
{
    executions++;
    return jp_return(p, (int64_t)jp_count(p, "in"));
}

JP_PIPE(join, p, .gives = "int64")
{
    return jp_return(p, jp_yield(p, leaf, jp_yield(p, leaf), jp_yield(p, leaf)));
}

static void counts_hooks(jp_ctx *p, bool aborted)
{
    (void)p;
    hooks_done += !aborted;
    hooks_aborted += aborted;
}

JP_PIPE(hooked, p, .gives = "int64", .on_finished = counts_hooks)
{
    return jp_return(p, 7);
}

JP_PIPE(forever, p, .gives = "int64", .async = true)
{
    return jp_wait(p);
}

JP_PIPE(busy, p, .gives = "int64")
{
    jp_yield(p, forever);
    return jp_return(p, jp_yield(p, hooked));
}

JP_PIPE(again, p, .gives = "int64")
{
    if (jp_attempt(p) == 1)
        return jp_retry_in(p, 200, "not yet");
    return jp_return(p, 5);
}

enum { RUNGS = 14 };

/* A ladder of diamonds: two wait for one, one waits for both, and so on. */
JP_PIPE(ladder, p, .gives = "int64")
{
    jp_future last = jp_yield(p, leaf);
    for (int i = 0; i < RUNGS; i++)
        last = jp_yield(p, leaf, jp_yield(p, leaf, last), jp_yield(p, leaf, last));
    return jp_return(p, last);
}

static const jp_def *const pipes[] = {&leaf, &join, &hooked, &forever, &busy, &again, &ladder, NULL};

static world *open_with(const char *pipe)
{
    world *w = stage_open(pipes);
    reset();
    world_start(w, pipe, "[]", STAGE_KEY);
    stage_run(w, api(w, 0));
    return w;
}

/* ---- 2: bits that are set already, together with fresh ones ---- */

static bool has_delivery(world *w, const seam_call *call)
{
    (void)w;
    return call->count > 0;
}

/* The event of the first leaf is handled, but its ack is lost; it is redelivered together with that of the second. */
START_TEST(t02_fresh_bits_beside_repeated_ones)
{
    world *w = open_with("join");
    jpx_memory_item *items;

    ck_assert(world_step(w, worker(w, 0))); /* the generation */
    stage_when(w, (cue){.who = barrier(w, 0), .op = SEAM_ACK, .fits = has_delivery, .verdict = SEAM_FAIL});
    ck_assert(world_step(w, worker(w, 0))); /* one leaf */
    stage_run(w, barrier(w, 0));
    stage_run(w, worker(w, 0)); /* the other */
    w->now_ms += DEADLINE_MS;
    ck_assert_uint_eq(jpx_memory_bus_list(w->bus, JPX_STREAM_SLOT, w->arena, &items), 2);
    stage_done(w, SOON_MS);
    ck_assert_str_eq(stage_result(w), "2");
    stage_close(w);
}
END_TEST

/* ---- 5: the tree has ended, then an abort ---- */

static void abort_now(world *w, const seam_call *call)
{
    (void)call;
    world_publish(w, "control.abort", "{\"root\":\"" STAGE_KEY "\",\"reason\":\"enough\"}", NULL);
    stage_run(w, api(w, 1));
}

/* Only the flag: the handler that carries the abort out has not run yet. */
static void flag_up(world *w, const seam_call *call)
{
    (void)call;
    world_publish(w, "control.abort", "{\"root\":\"" STAGE_KEY "\",\"reason\":\"enough\"}", NULL);
    world_step(w, api(w, 1));
}

static bool is_finish(world *w, const seam_call *call)
{
    jpx_run_event event;

    (void)w;
    return strstr(call->messages[0].subject, ".run.") &&
           jpx_run_event_decode(call->messages[0].data, &event) == JPX_DECODED && event.finish;
}

/* Between the decision and the hook of the root. */
START_TEST(t05_an_abort_after_the_outcome_was_decided)
{
    world *w = open_with("hooked");

    stage_when(w, (cue){.who = barrier(w, 0), .op = SEAM_PUBLISH, .fits = is_finish, .then = abort_now});
    stage_run(w, worker(w, 0));
    stage_run(w, barrier(w, 0));
    stage_done(w, SOON_MS);
    world_pass(w, DEADLINE_MS);
    ck_assert_str_eq(stage_status(w), "done");
    ck_assert_int_eq(hooks_aborted, 0);
    ck_assert_int_ge(hooks_done, 1);
    stage_close(w);
}
END_TEST

/* The other order: the flag is raised before the last counter makes the root done. */
START_TEST(t05_an_abort_before_the_outcome_was_decided)
{
    world *w = open_with("leaf");

    stage_when(w, (cue){.who = barrier(w, 0), .op = SEAM_ROOTS, .then = flag_up});
    stage_run(w, worker(w, 0));
    stage_run(w, barrier(w, 0));
    stage_aborted(w, SOON_MS);
    stage_close(w);
}
END_TEST

/* ---- 6: the process that raised the flag dies before the abort is carried out ---- */

START_TEST(t06_the_api_dies_after_it_has_raised_the_flag)
{
    world *w = open_with("busy");

    world_pass(w, 1000);
    stage_when(w, (cue){.who = api(w, 1), .op = SEAM_ROOTS, .after = true, .verdict = SEAM_FAIL, .kill = true});
    abort_now(w, NULL);
    stage_aborted(w, 2 * DEADLINE_MS);
    stage_close(w);
}
END_TEST

/* ---- 8: a worker whose clock is behind ---- */

START_TEST(t08_a_due_event_at_a_worker_whose_clock_is_behind)
{
    world *w = stage_open(pipes);

    for (size_t i = 0; i < 2; i++)
        worker(w, i)->skew_ms = -5000;
    world_start(w, "again", "[]", STAGE_KEY);
    stage_done(w, SOON_MS);
    ck_assert_str_eq(stage_result(w), "5");
    stage_close(w);
}
END_TEST

/* ---- 10: repair ---- */

/* Does the part of a bulk that counts in the finish counter, and cuts the rest. */
static void count_finish_only(world *w, const seam_call *call)
{
    jp_error err;
    for (size_t i = 0; i < call->count; i++) {
        jpx_count one = call->counts[i];
        if (jpx_get32(one.id.data + JPX_PIPELINE_SIZE - 4) == JPX_FINISH_INDEX)
            ck_assert(jpx_store_count(w->store, &one, 1, &err) == JP_OK);
    }
}

static void lose_events(world *w)
{
    stage_walks(w, true);
    jpx_memory_bus_lose(w->bus, JPX_STREAM_RUN);
    jpx_memory_bus_lose(w->bus, JPX_STREAM_SLOT);
}

START_TEST(t10_a_finish_bit_without_its_start_bit_and_the_event_is_lost)
{
    world *w = open_with("join");

    stage_when(w, (cue){.who = barrier(w, 0), .op = SEAM_COUNT, .then = count_finish_only, .verdict = SEAM_FAIL});
    stage_run(w, worker(w, 0));
    stage_run(w, barrier(w, 0));
    lose_events(w);
    stage_done(w, WALKED_MS);
    stage_close(w);
}
END_TEST

/* Its timer has fired, so there is no timer any more, and the event it became is lost. */
START_TEST(t10_a_retry_whose_due_event_is_lost)
{
    world *w = open_with("again");

    stage_run(w, worker(w, 0));
    w->now_ms += 250;
    stage_run(w, barrier(w, 0));
    lose_events(w);
    stage_done(w, WALKED_MS);
    stage_close(w);
}
END_TEST

/* ---- 12: hooks of an aborted tree ---- */

/* The finish event of a pipeline that is done was lost; the root is aborted meanwhile. */
START_TEST(t12_an_abort_publishes_pending_hooks)
{
    world *w = open_with("busy");

    stage_run(w, worker(w, 0)); /* both children as well */
    stage_run(w, worker(w, 0));
    stage_run(w, barrier(w, 0)); /* `hooked` has ended: its finish event is out */
    ck_assert_int_eq(hooks_done, 0);
    jpx_memory_bus_lose(w->bus, JPX_STREAM_RUN);
    abort_now(w, NULL);
    stage_aborted(w, SOON_MS);
    ck_assert_int_ge(hooks_done, 1);
    stage_close(w);
}
END_TEST

/* The root is aborted last: not before the hooks of its tree have run. */
START_TEST(t12_the_root_is_aborted_last)
{
    world *w = open_with("busy");

    stage_run(w, worker(w, 0));
    stage_run(w, barrier(w, 0));
    abort_now(w, NULL);
    stage_run(w, api(w, 0)); /* carries the abort out; the workers have not run yet */
    ck_assert_str_eq(stage_status(w), "running");
    ck_assert_int_eq(hooks_done + hooks_aborted, 0);
    stage_aborted(w, SOON_MS);
    ck_assert_int_ge(hooks_done, 1);
    stage_close(w);
}
END_TEST

/* ---- 13: a handler outlives the repair that follows a loss, and then dies ---- */

static void stream_is_lost_and_repaired(world *w, const seam_call *call)
{
    (void)call;
    stage_walks(w, true);
    jpx_memory_bus_lose(w->bus, JPX_STREAM_START);
    stage_run(w, barrier(w, 0)); /* finds no root to repair: there is none yet */
    stage_run(w, barrier(w, 1));
}

START_TEST(t13_the_second_repair_after_a_loss)
{
    world *w = stage_open(pipes);

    world_pass(w, 3000); /* the repair at the start of a barrier role is over */
    world_start(w, "join", "[]", STAGE_KEY);
    stage_when(
        w, (cue){.who = api(w, 0), .op = SEAM_INSERT, .table = JPX_TABLE_ROOT, .then = stream_is_lost_and_repaired});
    stage_when(w, (cue){.who = api(w, 0), .op = SEAM_PUBLISH, .verdict = SEAM_FAIL, .kill = true});
    stage_run(w, api(w, 0));
    stage_done(w, TWICE_WALKED_MS);
    stage_close(w);
}
END_TEST

/* All processes that noticed the loss die before they have repaired. The next one finds in the store that no repair was
 * recorded for these streams. An event from shortly before the loss is published, although the queue has newer ones. */
START_TEST(t13_the_process_that_noticed_a_loss_dies_before_the_repair)
{
    world *w = stage_open(pipes);
    jpx_memory_item *items;

    stage_walks(w, true);
    jpx_memory_bus_lose(w->bus, JPX_STREAM_START);
    world_pass(w, TWICE_WALKED_MS); /* repaired by now */
    world_start(w, "leaf", "[]", STAGE_KEY);
    stage_run(w, api(w, 0));
    jpx_memory_bus_lose(w->bus, JPX_STREAM_RUN);
    for (size_t i = 0; i < 2; i++) {
        stage_when(w, (cue){.who = barrier(w, i), .op = SEAM_LIST, .verdict = SEAM_FAIL, .kill = true});
        stage_run(w, barrier(w, i));
    }
    world_start(w, "leaf", "[]", "another");
    stage_run(w, api(w, 0));
    for (int i = 0; i < 3; i++) {
        w->now_ms += 1000;
        stage_run(w, barrier(w, 0));
    }
    ck_assert_uint_ge(jpx_memory_bus_list(w->bus, JPX_STREAM_RUN, w->arena, &items), 2);
    stage_done(w, WALKED_MS);
    stage_close(w);
}
END_TEST

/* ---- 14: a repeat does not republish everything downstream ---- */

START_TEST(t14_one_duplicate_at_the_foot_of_a_ladder_of_diamonds)
{
    world *w = open_with("ladder");

    stage_done(w, SOON_MS);
    ck_assert_int_eq(executions, 1 + 3 * RUNGS);
    uint64_t before = stage_published(w);
    jpx_root *root = world_root(w, STAGE_KEY);
    jpx_key key = jpx_key_root(root->id);
    jpx_session session = world_session(w);
    jpx_journal journal;
    jp_error err;
    ck_assert(jpx_load_entries(&session, &key, NULL, 1, &journal, &err) == JP_OK);
    jpx_run_event event = {.key = jpx_key_make(root->id, journal.entries[0].gen, 0)};
    jpx_bytes data = jpx_run_event_encode(&event, "leaf", w->now_ms, w->arena);
    world_publish(w, "run.default.leaf", jpx_strndup(w->arena, (const char *)data.data, data.size), NULL);
    world_pass(w, 1000);
    ck_assert_msg(stage_published(w) - before < 10, "%llu messages for one duplicate",
                  (unsigned long long)(stage_published(w) - before));
    stage_close(w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("traps of events");
    TCase *tcase = tcase_create("traps");
    tcase_add_test(tcase, t02_fresh_bits_beside_repeated_ones);
    tcase_add_test(tcase, t05_an_abort_after_the_outcome_was_decided);
    tcase_add_test(tcase, t05_an_abort_before_the_outcome_was_decided);
    tcase_add_test(tcase, t06_the_api_dies_after_it_has_raised_the_flag);
    tcase_add_test(tcase, t08_a_due_event_at_a_worker_whose_clock_is_behind);
    tcase_add_test(tcase, t10_a_finish_bit_without_its_start_bit_and_the_event_is_lost);
    tcase_add_test(tcase, t10_a_retry_whose_due_event_is_lost);
    tcase_add_test(tcase, t12_an_abort_publishes_pending_hooks);
    tcase_add_test(tcase, t12_the_root_is_aborted_last);
    tcase_add_test(tcase, t13_the_second_repair_after_a_loss);
    tcase_add_test(tcase, t13_the_process_that_noticed_a_loss_dies_before_the_repair);
    tcase_add_test(tcase, t14_one_duplicate_at_the_foot_of_a_ladder_of_diamonds);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
