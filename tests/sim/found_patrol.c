/* found_patrol.c -- schedules with reconcile on which a bug was found, each fixed since: what it publishes although
 * nothing was lost, and what follows from all that is published after a loss. */
#include "stage.h"
#include <string.h>

enum { SOON_MS = 20 * 1000, WALKED_MS = 130 * 1000, LATE_MS = 15 * 1000 };

static size_t seen; /* run events while the second attempt ran */

static size_t queued(world *w)
{
    jpx_memory_item *items;
    return jpx_memory_bus_list(w->bus, JPX_STREAM_RUN, w->arena, &items);
}

/* Time passes for the barriers only. */
static void only_barriers(world *w, int64_t for_ms)
{
    for (int64_t ms = 0; ms < for_ms; ms += 1000) {
        w->now_ms += 1000;
        stage_run(w, barrier(w, 0));
        stage_run(w, barrier(w, 1));
    }
}

/* Both barriers reconcile several times. */
static size_t patrols(world *w)
{
    stage_walks(w, true);
    only_barriers(w, WALKED_MS);
    stage_walks(w, false);
    return queued(w);
}

JP_PIPE(retries, p, .gives = "int64")
{
    if (jp_attempt(p) == 1)
        return jp_retry_in(p, 200, "not yet");
    if (!seen)
        seen = patrols(the_world);
    return jp_return(p, 5);
}

/* Its timer has become an event, published `late_ms` after it was due. */
static world *second_attempt(int64_t late_ms)
{
    static const jp_def *const pipes[] = {&retries, NULL};
    world *w = stage_open(pipes);

    seen = 0;
    world_start(w, "retries", "[]", STAGE_KEY);
    stage_run(w, api(w, 0));
    stage_run(w, worker(w, 0));
    w->now_ms += 250 + late_ms;
    stage_run(w, barrier(w, 0));
    return w;
}

START_TEST(a_retry_whose_event_waits_in_its_queue)
{
    world *w = second_attempt(0);

    ck_assert_uint_eq(patrols(w), 1);
    stage_done(w, SOON_MS);
    stage_close(w);
}
END_TEST

/* The event was late, because all barriers had been away; the body it started takes long. */
START_TEST(a_retry_that_is_at_work)
{
    world *w = second_attempt(LATE_MS);

    ck_assert(world_step(w, worker(w, 0)));
    ck_assert_uint_eq(seen, 1);
    stage_done(w, SOON_MS);
    stage_close(w);
}
END_TEST

/* A store that was away does not delay the next reconcile: only the time spent repairing counts. */
START_TEST(a_patrol_that_was_put_off)
{
    static const jp_def *const pipes[] = {&retries, NULL};
    world *w = stage_open(pipes);
    jpx_delivery *lost;
    jpx_sub *sub;
    jp_error err;

    seen = 1;
    world_start(w, "retries", "[]", STAGE_KEY);
    stage_run(w, api(w, 0));
    stage_walks(w, false);
    only_barriers(w, SOON_MS);
    stage_walks(w, true);
    only_barriers(w, 2000);
    ck_assert_int_eq(jpx_bus_subscribe(&sub, w->bus, JPX_STREAM_RUN, "default", 1, &err), JP_OK);
    ck_assert_uint_eq(jpx_sub_fetch(sub, &lost, 1, 0), 1);
    jpx_sub_ack(sub, &lost, 1);
    jpx_sub_close(sub);
    ck_assert_uint_eq(queued(w), 0);
    only_barriers(w, WALKED_MS);
    ck_assert_uint_ge(queued(w), 1);
    stage_done(w, SOON_MS);
    stage_close(w);
}
END_TEST

/* ---- after a loss, each barrier repairs twice ---- */

enum { BARRIERS = 3, WORKERS = 6, TWICE_WALKED = 40 * 1000, GIVEN_BACK_MS = 1100 };

static size_t begun, renewed;

static void lose_runs(world *w)
{
    stage_walks(w, true);
    jpx_memory_bus_lose(w->bus, JPX_STREAM_RUN);
    for (int64_t ms = 0; ms < TWICE_WALKED; ms += 1000) {
        w->now_ms += 1000;
        for (size_t i = 0; i < BARRIERS; i++)
            stage_run(w, barrier(w, i));
    }
    stage_walks(w, false);
    ck_assert_uint_eq(queued(w), 2 * BARRIERS);
}

/* The stream is lost while the first execution runs; each one that a repeat starts still runs when the next one
 * starts. */
JP_PIPE(long_one, p, .gives = "int64", .retry = {.attempts = 1})
{
    world *w = the_world;
    size_t mine = begun++;

    if (mine == 0)
        lose_runs(w);
    w->now_ms += GIVEN_BACK_MS;
    if (mine + 1 < WORKERS)
        stage_run(w, worker(w, mine + 1));
    return jp_return(p, 5);
}

START_TEST(bodies_at_work_when_a_stream_is_lost)
{
    static const jp_def *const pipes[] = {&long_one, NULL};
    world *w = stage_open_with(pipes, 1, BARRIERS, WORKERS);

    begun = 0;
    world_start(w, "long_one", "[]", STAGE_KEY);
    stage_run(w, api(w, 0));
    stage_run(w, worker(w, 0));
    ck_assert_uint_eq(begun, WORKERS);
    stage_done(w, SOON_MS);
    stage_close(w);
}
END_TEST

JP_PIPE(short_one, p)
{
    return jp_done(p);
}

/* A worker that holds an event for long renews its execution with the heartbeats, so that it never counts as dead. */
JP_PIPE(one_of_two, p, .gives = "int64")
{
    world *w = the_world;
    uint8_t lo[JPX_MARK_SIZE] = {0}, hi[JPX_MARK_SIZE];
    jpx_records found;
    jpx_execution execution;
    jp_error err;

    memset(hi, 0xff, sizeof hi);
    ck_assert(jpx_store_scan(w->store, JPX_TABLE_MARK, jpx_id(lo, sizeof lo), jpx_id(hi, sizeof hi), 100, false,
                             w->arena, &found, &err) == JP_OK);
    ck_assert_uint_eq(found.count, 2); /* both have left theirs */
    for (size_t i = 0; begun && i < found.count; i++) {
        ck_assert(jpx_execution_decode(found.items[i], w->arena, &execution) && execution.begins);
        renewed += execution.seen_ms == w->now_ms && execution.since_ms < w->now_ms;
    }
    begun++;
    w->now_ms += SOON_MS;
    return jp_return(p, 5);
}

START_TEST(a_mark_is_renewed)
{
    static const jp_def *const pipes[] = {&one_of_two, &short_one, NULL};
    world *w = stage_open(pipes);
    jpx_delivery *both[2];
    jpx_sub *sub;
    jp_error err;

    begun = renewed = 0;
    for (int i = 0; i < 40; i++) /* it takes bodies for short, and asks for several */
        world_start(w, "short_one", "[]", NULL);
    stage_run(w, api(w, 0));
    stage_run(w, worker(w, 0));
    world_start(w, "one_of_two", "[]", STAGE_KEY);
    world_start(w, "one_of_two", "[]", NULL);
    stage_run(w, api(w, 0));
    ck_assert_int_eq(jpx_bus_subscribe(&sub, w->bus, JPX_STREAM_RUN, "default", 2, &err), JP_OK);
    ck_assert_uint_eq(jpx_sub_fetch(sub, both, 2, 0), 2);
    for (size_t i = 0; i < 2; i++)
        jpx_sub_nak(sub, both[i], 0); /* from now on they are repeats */
    jpx_sub_close(sub);
    stage_run(w, worker(w, 0));
    ck_assert_uint_eq(begun, 2);
    ck_assert_uint_ge(renewed, 1);
    stage_close(w);
}
END_TEST

JP_PIPE(killer, p, .gives = "int64", .retry = {.attempts = 1})
{
    begun++;
    world_kill(the_world->current);
    the_world->now_ms += 100;
    return jp_return(p, 5);
}

static void never_ends(world *w, size_t most)
{
    for (size_t i = 0; i < 200 && strcmp(stage_status(w), "aborted") != 0; i++) {
        world_run_until_idle(w);
        w->now_ms += 1000;
    }
    ck_assert_str_eq(stage_status(w), "aborted");
    ck_assert_msg(begun >= 5 && begun <= most, "it was begun %zu times", begun);
}

/* Its workers give back what they hold at once, as a process does that is terminated: the rule holds all the same. */
START_TEST(a_body_that_ends_its_workers)
{
    static const jp_def *const pipes[] = {&killer, NULL};
    world *w = stage_open(pipes);

    begun = 0;
    world_start(w, "killer", "[]", STAGE_KEY);
    stage_run(w, api(w, 0));
    never_ends(w, 40);
    stage_close(w);
}
END_TEST

/* ---- beside a body that takes its worker down ---- */

static size_t innocent;

JP_PIPE(beside_it, p, .gives = "int64", .retry = {.attempts = 1})
{
    innocent += !the_world->current->dead;
    return jp_return(p, 5);
}

/* Both are redelivered several times, together; the other one is first. */
START_TEST(a_body_beside_one_that_ends_its_workers)
{
    static const jp_def *const pipes[] = {&killer, &beside_it, &short_one, NULL};
    world *w = stage_open_with(pipes, 1, 1, 1);
    jpx_delivery *both[2];
    jpx_root *root;
    jpx_sub *sub;
    jp_error err;

    begun = innocent = 0;
    world_start(w, "killer", "[]", STAGE_KEY);
    world_start(w, "beside_it", "[]", "beside");
    stage_run(w, api(w, 0));
    for (int round = 0; round < 12 && strcmp(stage_status(w), "aborted") != 0; round++) {
        w->now_ms += SOON_MS;
        ck_assert_int_eq(jpx_bus_subscribe(&sub, w->bus, JPX_STREAM_RUN, "default", 2, &err), JP_OK);
        size_t count = jpx_sub_fetch(sub, both, 2, 0);
        for (int i = 0; i < 40; i++)
            world_start(w, "short_one", "[]", NULL);
        stage_run(w, api(w, 0));
        stage_run(w, worker(w, 0)); /* it takes bodies for short, and asks for several */
        for (size_t i = 0; i < count; i++)
            jpx_sub_nak(sub, both[i], 0);
        jpx_sub_close(sub);
        stage_run(w, worker(w, 0));
        stage_run(w, barrier(w, 0));
        stage_run(w, api(w, 0));
    }
    ck_assert_str_eq(stage_status(w), "aborted");
    world_pass(w, SOON_MS);
    root = world_root(w, "beside");
    ck_assert_ptr_nonnull(root);
    ck_assert_str_eq(root->status, "done");
    ck_assert_uint_ge(innocent, 1);
    stage_close(w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("found_patrol");
    TCase *tcase = tcase_create("found_patrol");
    tcase_add_test(tcase, a_retry_whose_event_waits_in_its_queue);
    tcase_add_test(tcase, a_retry_that_is_at_work);
    tcase_add_test(tcase, a_patrol_that_was_put_off);
    tcase_add_test(tcase, bodies_at_work_when_a_stream_is_lost);
    tcase_add_test(tcase, a_mark_is_renewed);
    tcase_add_test(tcase, a_body_that_ends_its_workers);
    tcase_add_test(tcase, a_body_beside_one_that_ends_its_workers);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
