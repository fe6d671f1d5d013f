/* found_patrol.c -- schedules that went wrong before they were mended, of the slow patrol: what it publishes again
 * although nothing was lost. */
#include "stage.h"

enum { SOON_MS = 20 * 1000, WALKED_MS = 130 * 1000, LATE_MS = 15 * 1000 };

static size_t seen; /* run events while the second attempt was at work */

static size_t queued(world *w)
{
    jpx_memory_item *items;
    return jpx_memory_bus_list(w->bus, JPX_RUN, w->arena, &items);
}

/* Time passes for the barriers; no worker is asked. */
static void only_barriers(world *w, int64_t for_ms)
{
    for (int64_t ms = 0; ms < for_ms; ms += 1000) {
        w->now_ms += 1000;
        stage_run(w, barrier(w, 0));
        stage_run(w, barrier(w, 1));
    }
}

/* Both barriers go on patrol, several times. */
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

/* Its timer has become an event, which is told `late_ms` after it was due. */
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

/* The event came late, for all barriers had been away; the body it began takes long. */
START_TEST(a_retry_that_is_at_work)
{
    world *w = second_attempt(LATE_MS);

    ck_assert(world_step(w, worker(w, 0)));
    ck_assert_uint_eq(seen, 1);
    stage_done(w, SOON_MS);
    stage_close(w);
}
END_TEST

/* A store that was away while roots were to be walked does not put the next walk off: only the walking counts. */
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
    ck_assert_int_eq(jpx_bus_subscribe(&sub, w->bus, JPX_RUN, "default", 1, &err), JP_OK);
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

int main(void)
{
    Suite *suite = suite_create("found_patrol");
    TCase *tcase = tcase_create("found_patrol");
    tcase_add_test(tcase, a_retry_whose_event_waits_in_its_queue);
    tcase_add_test(tcase, a_retry_that_is_at_work);
    tcase_add_test(tcase, a_patrol_that_was_put_off);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
