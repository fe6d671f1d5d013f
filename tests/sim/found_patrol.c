/* found_patrol.c -- schedules that went wrong before they were mended, of the slow patrol: what it publishes again
 * although nothing was lost. */
#include "stage.h"

enum { SOON_MS = 20 * 1000, WALKED_MS = 130 * 1000, LATE_MS = 15 * 1000 };

static size_t seen; /* run events while the second attempt was at work */

/* Both barriers go on patrol, several times; no worker is asked. */
static size_t patrols(world *w)
{
    jpx_memory_item *items;

    stage_walks(w, true);
    for (int64_t ms = 0; ms < WALKED_MS; ms += 1000) {
        w->now_ms += 1000;
        stage_run(w, barrier(w, 0));
        stage_run(w, barrier(w, 1));
    }
    stage_walks(w, false);
    return jpx_memory_bus_list(w->bus, JPX_RUN, w->arena, &items);
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

int main(void)
{
    Suite *suite = suite_create("found_patrol");
    TCase *tcase = tcase_create("found_patrol");
    tcase_add_test(tcase, a_retry_whose_event_waits_in_its_queue);
    tcase_add_test(tcase, a_retry_that_is_at_work);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
