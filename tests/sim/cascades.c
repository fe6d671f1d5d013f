/* cascades.c -- counters of two levels and ends that go up through many levels, with the barrier role killed before and
 * after each of its writes in turn. Reconcile is off: redelivered events must find what was cut. */
#include "stage.h"
#include <string.h>

enum {
    SOON_MS = 200 * 1000,
    WIDE = 4100, /* more than the bits of one part: a start counter and a finish counter of two levels */
    LAST = 8
};

static int64_t joined;

JP_PIPE(leaf, p, .gives = "int64")
{
    return jp_return(p, 1);
}

JP_PIPE(sum, p, .takes = "int64... n", .gives = "int64")
{
    joined++;
    return jp_return(p, (int64_t)jp_count(p, "n"));
}

JP_PIPE(wide, p, .gives = "int64")
{
    jp_list *all = jp_list_new(p);
    for (int i = 0; i < WIDE; i++)
        jp_push(all, jp_yield(p, leaf));
    return jp_return(p, jp_yield_list(p, sum, all));
}

/* Forty levels are more than one batch handles. */
JP_PIPE(deep, p, .takes = "int64 n", .gives = "int64")
{
    if (jp_int64(p, "n") == 0)
        return jp_return(p, 7);
    return jp_return(p, jp_yield(p, deep, jp_int64(p, "n") - 1));
}

static const jp_def *const pipes[] = {&leaf, &sum, &wide, &deep, NULL};

/* ---- the nth write of the barrier roles ---- */

typedef struct cut { /* of the running world; a body or a cue has no other way to it */
    int writes, at;
    bool after;
} cut;
static cut now;

static seam_verdict kill_at(world *w, actor *a, const seam_call *call)
{
    if (call->op == SEAM_LIST)
        return SEAM_FAIL;
    if (a->kind != JPX_ROLE_BARRIER || !call->write)
        return SEAM_GO_ON;
    if (!call->over)
        now.writes++;
    if (now.writes != now.at || call->over != now.after)
        return SEAM_GO_ON;
    now.at = 0; /* once */
    world_kill(a);
    (void)w;
    return SEAM_FAIL;
}

/* One schedule; how many writes there were. */
static int play(const char *pipe, const char *json, const char *result, int at, bool after)
{
    world *w = stage_open(pipes);

    now = (cut){.at = at, .after = after};
    joined = 0;
    w->at = kill_at;
    world_start(w, pipe, json, STAGE_KEY);
    stage_done(w, SOON_MS);
    ck_assert_msg(strcmp(stage_result(w), result) == 0, "write %d cut %s: %s", at, after ? "after" : "before",
                  stage_result(w));
    world_close(w);
    return now.writes;
}

/* Every `stride`th write, and each of the last ones, where parts become zero and tops after them. */
static void play_all(const char *pipe, const char *json, const char *result, int stride)
{
    int writes = play(pipe, json, result, 0, false);

    ck_assert_int_gt(writes, LAST);
    for (int at = 1; at <= writes; at++) {
        if (at % stride && at < writes - LAST)
            continue;
        play(pipe, json, result, at, false);
        play(pipe, json, result, at, true);
    }
}

START_TEST(parts_and_tops)
{
    play_all("wide", "[]", "4100", 170);
    ck_assert_int_eq(joined, 1);
}
END_TEST

START_TEST(ends_through_many_levels)
{
    play_all("deep", "[40]", "7", 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cascades");
    TCase *tcase = tcase_create("cascades");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, parts_and_tops);
    tcase_add_test(tcase, ends_through_many_levels);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
