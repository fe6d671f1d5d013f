/* found.c -- schedules on which the simulation found a bug, each fixed since. */
#include "stage.h"
#include <string.h>

enum { SOON_MS = 20 * 1000 };

static int cancels, finishes;
static int64_t hook_saw;

static void reset(void)
{
    cancels = finishes = 0;
    hook_saw = -1;
}

static const jp_def *const *all_pipes(void);

static world *open_with(const char *pipe)
{
    world *w = stage_open(all_pipes());
    reset();
    world_start(w, pipe, "[]", STAGE_KEY);
    stage_run(w, api(w, 0));
    return w;
}

/* ---- the end of a tree overtakes the fill of its output ---- */

JP_PIPE(nothing, p)
{
    return jp_done(p);
}

/* Fills its slot, which is its parent's, when it is planned; its end arrives by other events. */
JP_PIPE(below, p, .gives = "int64")
{
    jp_yield(p, nothing);
    return jp_return(p, 42);
}

static void sees_output(jp_ctx *p, bool aborted)
{
    jp_value value = jp_output(p, "default");
    (void)aborted;
    finishes++;
    hook_saw = value.type == JP_INT64 ? value.as.i64 : -1;
}

JP_PIPE(above, p, .gives = "int64", .on_finished = sees_output)
{
    return jp_return(p, jp_yield(p, below));
}

/* The process that holds the event of the fill dies; the event is redelivered after the ack deadline, or never. */
static world *fill_is_late(void)
{
    world *w = open_with("above");

    stage_when(
        w, (cue){.who = barrier(w, 0), .op = SEAM_INSERT, .table = JPX_TABLE_FILL, .verdict = SEAM_FAIL, .kill = true});
    ck_assert(world_step(w, worker(w, 0)) && world_step(w, worker(w, 0))); /* `above`, `below` */
    stage_run(w, barrier(w, 0));
    return w;
}

START_TEST(the_end_overtakes_a_fill)
{
    world *w = fill_is_late();
    bson_t answer = BSON_INITIALIZER;
    jpx_session session = world_session(w);
    jpx_bytes value;
    bson_iter_t iter;
    jp_error err;

    stage_done(w, SOON_MS);
    ck_assert_int_eq(finishes, 1);
    ck_assert_int_eq(hook_saw, 42);
    ck_assert(jpx_view_result(&session, world_root(w, STAGE_KEY), &answer, &value, &err) == JP_OK);
    ck_assert(jpx_value_iter(value, &iter) && bson_iter_as_int64(&iter) == 42);
    bson_destroy(&answer);
    stage_close(w);
}
END_TEST

/* ---- an on_cancel that fails, of a pipe that has on_finished too ---- */

static void fails_once(jp_ctx *p)
{
    if (++cancels == 1)
        jp_hook_failed(p, "not yet");
}

static void counts(jp_ctx *p, bool aborted)
{
    (void)p;
    (void)aborted;
    finishes++;
}

JP_PIPE(waits, p, .async = true, .on_cancel = fails_once, .on_finished = counts)
{
    return jp_wait(p);
}

JP_PIPE(outer, p)
{
    jp_yield(p, waits);
    return jp_done(p);
}

START_TEST(an_on_cancel_that_fails_is_called_again)
{
    world *w = open_with("outer");

    world_pass(w, 1000);
    world_publish(w, "control.abort", "{\"root\":\"" STAGE_KEY "\"}", NULL);
    stage_aborted(w, SOON_MS);
    ck_assert_int_eq(cancels, 2);
    ck_assert_int_ge(finishes, 1);
    stage_close(w);
}
END_TEST

/* ---- a trigger that is redelivered after its root was cleaned up ---- */

static bool is_trigger(world *w, const seam_call *call)
{
    (void)w;
    return strstr(call->deliveries[0]->subject, ".start.") != NULL;
}

/* The broker may redeliver a trigger long after its root was done: nothing is done twice. Its key is free. */
START_TEST(a_trigger_after_the_cleanup_of_its_root)
{
    world *w = stage_open(all_pipes());
    char id[JPX_ROOT_TEXT];

    reset();
    stage_when(w, (cue){.op = SEAM_ACK, .fits = is_trigger, .verdict = SEAM_FAIL});
    world_start(w, "above", "[]", STAGE_KEY);
    stage_done(w, SOON_MS);
    jpx_root *root = world_root(w, STAGE_KEY);
    world_publish(w, "control.cleanup", jpx_format(w->arena, "{\"root\":\"%s\"}", jpx_root_text(id, &root->id)), NULL);
    world_pass(w, 1000);
    ck_assert_ptr_null(world_root(w, STAGE_KEY));
    world_pass(w, 2 * SOON_MS);
    ck_assert_ptr_null(world_root(w, STAGE_KEY));
    world_start(w, "above", "[]", STAGE_KEY);
    stage_done(w, SOON_MS);
    ck_assert_int_ne(memcmp(world_root(w, STAGE_KEY)->id.b, root->id.b, JPX_ROOT_SIZE), 0);
    stage_close(w);
}
END_TEST

/* ---- a store that keeps failing before a body starts ---- */

static int executions;

/* Has an execution been inserted since the last call? */
static bool after_a_mark(world *w, const seam_call *call)
{
    static size_t known;
    uint8_t lo[JPX_MARK_SIZE] = {0}, hi[JPX_MARK_SIZE];
    jpx_records found;
    jp_error err;

    (void)call;
    memset(hi, 0xff, sizeof hi);
    ck_assert(jpx_store_scan(w->store, JPX_TABLE_MARK, jpx_id(lo, sizeof lo), jpx_id(hi, sizeof hi), 100, false,
                             w->arena, &found, &err) == JP_OK);
    bool more = found.count > known;
    known = found.count;
    return more;
}

JP_PIPE(patient, p, .gives = "int64", .retry = {.attempts = 1}, .on_finished = counts)
{
    executions++;
    return jp_return(p, 7);
}

/* Its executions were inserted for the hook; they are not starts. */
START_TEST(a_store_that_fails_before_the_body_begins)
{
    world *w = open_with("patient");

    executions = 0;
    for (int i = 0; i < 8; i++) /* the second read of the flag, after the execution */
        stage_when(w, (cue){.op = SEAM_GET, .table = JPX_TABLE_ROOT, .fits = after_a_mark, .verdict = SEAM_FAIL});
    stage_done(w, 2 * SOON_MS);
    ck_assert_int_eq(executions, 1);
    stage_close(w);
}
END_TEST

static const jp_def *const *all_pipes(void)
{
    static const jp_def *const pipes[] = {&nothing, &below, &above, &waits, &outer, &patient, NULL};
    return pipes;
}

int main(void)
{
    Suite *suite = suite_create("found");
    TCase *tcase = tcase_create("found");
    tcase_add_test(tcase, the_end_overtakes_a_fill);
    tcase_add_test(tcase, an_on_cancel_that_fails_is_called_again);
    tcase_add_test(tcase, a_trigger_after_the_cleanup_of_its_root);
    tcase_add_test(tcase, a_store_that_fails_before_the_body_begins);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
