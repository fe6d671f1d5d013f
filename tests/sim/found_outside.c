/* found_outside.c -- schedules with messages from outside on which a bug was found, each fixed since: triggers that are
 * redelivered beside a cleanup, replies to promises and waits, cleanups and aborts. */
#include "stage.h"
#include <string.h>

enum {
    SOON_MS = 20 * 1000,
    DEADLINE_MS = 31 * 1000,
    EARLY_MS = 250,
    EARLY_TURNS = 80,
    WALKED_MS = 130 * 1000,
    SKEW_MS = 5 * 60 * 1000
};

static int executions;
static char ticket[256];

static void give_ticket(const char *text)
{
    ck_assert(strlen(text) < sizeof ticket);
    memcpy(ticket, text, strlen(text) + 1);
}

JP_PIPE(once, p, .gives = "int64")
{
    executions++;
    return jp_return(p, 1);
}

JP_PIPE(promises, p, .gives = "int64")
{
    jp_future later = jp_promise(p, "int64");
    give_ticket(jp_promise_ticket(p, later));
    return jp_return(p, later);
}

JP_PIPE(waits, p, .gives = "int64", .async = true)
{
    give_ticket(jp_ticket(p));
    return jp_wait(p);
}

static jp_end takes_reply(jp_ctx *p, jp_value value)
{
    (void)value;
    executions++;
    return jp_return(p, 42);
}

JP_PIPE(listens, p, .gives = "int64", .async = true, .retry = {.attempts = 1}, .on_reply = takes_reply)
{
    give_ticket(jp_ticket(p));
    return jp_wait(p);
}

static world *open_with(const char *pipe)
{
    static const jp_def *const pipes[] = {&once, &promises, &waits, &listens, NULL};
    world *w = stage_open(pipes);

    executions = 0;
    ticket[0] = '\0';
    world_start(w, pipe, "[]", STAGE_KEY);
    return w;
}

/* ---- a trigger that is redelivered while its root is cleaned up ---- */

static bool is_trigger(world *w, const seam_call *call)
{
    (void)w;
    return strstr(call->deliveries[0]->subject, ".start.") != NULL;
}

static void clean_up(world *w, const seam_call *call)
{
    jpx_root *root = world_root(w, STAGE_KEY);
    char id[JPX_ROOT_TEXT];

    (void)call;
    world_publish(w, "control.cleanup", jpx_format(w->arena, "{\"root\":\"%s\"}", jpx_root_text(id, &root->id)), NULL);
    for (size_t i = 0; i < 2; i++) /* the one that is idle */
        stage_run(w, api(w, i));
    ck_assert_ptr_null(world_root(w, STAGE_KEY));
}

/* The api dies after it has inserted the root once more, before it reads the tombstone. */
START_TEST(a_root_that_is_written_beside_its_cleanup)
{
    world *w = open_with("once");

    stage_when(w, (cue){.op = SEAM_ACK, .fits = is_trigger, .verdict = SEAM_FAIL});
    stage_done(w, SOON_MS);
    stage_when(w, (cue){.op = SEAM_INSERT, .table = JPX_TABLE_ROOT, .then = clean_up});
    stage_when(w, (cue){.op = SEAM_INSERT, .table = JPX_TABLE_ROOT, .after = true, .verdict = SEAM_FAIL, .kill = true});
    world_pass(w, 2 * DEADLINE_MS);
    ck_assert_ptr_null(world_root(w, STAGE_KEY));
    stage_walks(w, true);
    world_pass(w, WALKED_MS);
    ck_assert_ptr_null(world_root(w, STAGE_KEY));
    ck_assert_int_eq(executions, 1);
    stage_close(w);
}
END_TEST

static bool rival_was_first;

static void rival_is_first(world *w, const seam_call *call)
{
    (void)call;
    world_start(w, "once", "[]", STAGE_KEY);
    stage_run(w, api(w, 1));
    stage_done(w, SOON_MS);
    rival_was_first = true;
}

static bool knows_rival(world *w, const seam_call *call)
{
    (void)w;
    (void)call;
    return rival_was_first;
}

static void rival_is_cleaned_up(world *w, const seam_call *call)
{
    clean_up(w, call);
    w->now_ms += DEADLINE_MS;
    stage_run(w, api(w, 1));
    ck_assert_str_eq(stage_status(w), "running");
}

/* Another root has the key. While this api is stopped, that root is cleaned up, and the trigger is redelivered to
 * another api, which starts its root: the stopped api must not remove it as the loser's. */
START_TEST(a_loser_that_has_won_meanwhile)
{
    world *w = open_with("once");

    rival_was_first = false;
    stage_when(w, (cue){.who = api(w, 0), .op = SEAM_INSERT, .table = JPX_TABLE_ROOT, .then = rival_is_first});
    stage_when(
        w, (cue){.who = api(w, 0), .op = SEAM_BY_KEY, .after = true, .fits = knows_rival, .then = rival_is_cleaned_up});
    stage_run(w, api(w, 0));
    stage_done(w, SOON_MS);
    ck_assert_int_eq(executions, 2);
    stage_close(w);
}
END_TEST

/* A tombstone is kept for five minutes, even if the clock of the process that sweeps it is that far ahead. */
START_TEST(a_trigger_after_the_cleanup_where_clocks_differ)
{
    world *w = open_with("once");

    for (size_t i = 0; i < 2; i++)
        barrier(w, i)->skew_ms = SKEW_MS;
    stage_when(w, (cue){.op = SEAM_ACK, .fits = is_trigger, .verdict = SEAM_FAIL});
    stage_done(w, SOON_MS);
    clean_up(w, NULL);
    world_pass(w, 2 * DEADLINE_MS);
    ck_assert_ptr_null(world_root(w, STAGE_KEY));
    ck_assert_int_eq(executions, 1);
    world_pass(w, SKEW_MS);
    jpx_records marks;
    uint8_t lo[JPX_MARK_SIZE] = {1}, hi[JPX_MARK_SIZE];
    jp_error err;
    memset(hi, 0xff, sizeof hi);
    ck_assert(jpx_store_scan(w->store, JPX_TABLE_MARK, jpx_id(lo, sizeof lo), jpx_id(hi, sizeof hi), 10, false,
                             w->arena, &marks, &err) == JP_OK);
    ck_assert_uint_eq(marks.count, 0); /* nothing is left of it */
    stage_close(w);
}
END_TEST

/* ---- a cleanup by key that is redelivered when another root has the key ---- */

static bool is_cleanup(world *w, const seam_call *call)
{
    (void)w;
    return strstr(call->deliveries[0]->subject, ".control.cleanup") != NULL;
}

START_TEST(a_cleanup_by_key_that_comes_again)
{
    static const char key[] = STAGE_KEY;
    world *w = open_with("once");

    stage_done(w, SOON_MS);
    stage_when(w, (cue){.op = SEAM_ACK, .fits = is_cleanup, .verdict = SEAM_FAIL});
    jpx_bus_answer(w->bus, "sim.api.cleanup", (jpx_bytes){(const uint8_t *)key, strlen(key)}, NULL, NULL); /* asks */
    world_pass(w, 1000);
    ck_assert_ptr_null(world_root(w, STAGE_KEY));
    world_start(w, "once", "[]", STAGE_KEY);
    stage_done(w, SOON_MS);
    world_pass(w, 2 * DEADLINE_MS);
    ck_assert_str_eq(stage_status(w), "done");
    stage_close(w);
}
END_TEST

/* By age: what has ended since the request stays. */
START_TEST(a_cleanup_by_age_that_comes_again)
{
    static const char all[] = "{\"older_ms\":0}";
    world *w = open_with("once");

    stage_done(w, SOON_MS);
    stage_walks(w, true);       /* roots may be listed */
    world_pass(w, SOON_MS / 4); /* clocks differ a little */
    stage_when(w, (cue){.op = SEAM_ACK, .fits = is_cleanup, .verdict = SEAM_FAIL});
    jpx_bus_answer(w->bus, "sim.api.cleanup", (jpx_bytes){(const uint8_t *)all, strlen(all)}, NULL, NULL); /* asks */
    world_pass(w, 1000);
    ck_assert_ptr_null(world_root(w, STAGE_KEY));
    world_start(w, "once", "[]", STAGE_KEY);
    stage_done(w, SOON_MS);
    world_pass(w, 2 * DEADLINE_MS);
    ck_assert_str_eq(stage_status(w), "done");
    stage_close(w);
}
END_TEST

/* ---- a reply to a promise whose run event is far behind in its queue ---- */

static void reply(world *w, const char *json)
{
    ck_assert_uint_gt(strlen(ticket), 0);
    world_publish(w, jpx_format(w->arena, "reply.%s", ticket), json, NULL);
}

static void only_apis(world *w)
{
    for (int i = 0; i < EARLY_TURNS; i++) {
        stage_run(w, api(w, 0));
        stage_run(w, api(w, 1));
        w->now_ms += EARLY_MS;
    }
}

START_TEST(a_reply_before_the_run_event_of_its_promise)
{
    world *w = open_with("promises");

    stage_run(w, api(w, 0));
    ck_assert(world_step(w, worker(w, 0))); /* the generation */
    reply(w, "42");
    only_apis(w);
    stage_done(w, SOON_MS);
    ck_assert_str_eq(stage_result(w), "42");
    stage_close(w);
}
END_TEST

/* An attempt that was not adopted has handed out tickets; they have no effect. */
START_TEST(a_reply_to_a_promise_that_was_not_adopted)
{
    world *w = open_with("promises");
    char lost[sizeof ticket];

    stage_run(w, api(w, 0));
    stage_when(
        w, (cue){.who = worker(w, 0), .op = SEAM_INSERT, .table = JPX_TABLE_ENTRY, .verdict = SEAM_FAIL, .kill = true});
    world_step(w, worker(w, 0)); /* its children are stored, inert */
    reply(w, "41");
    only_apis(w);
    memcpy(lost, ticket, sizeof lost);
    world_pass(w, 2 * DEADLINE_MS); /* the event is redelivered */
    ck_assert_str_ne(lost, ticket);
    ck_assert_str_eq(stage_status(w), "running");
    reply(w, "42");
    stage_done(w, SOON_MS);
    ck_assert_str_eq(stage_result(w), "42");
    stage_close(w);
}
END_TEST

/* ---- a reply whose insert is reported as the duplicate of its own first try ---- */

static void first_try(world *w, const seam_call *call)
{
    jp_error err;
    ck_assert(jpx_store_insert(w->store, JPX_TABLE_ENTRY, call->records, call->count, NULL, &err) == JP_OK);
}

START_TEST(a_reply_that_is_its_own_duplicate)
{
    world *w = open_with("waits");

    world_pass(w, 1000);
    stage_when(w, (cue){.who = api(w, 0), .op = SEAM_INSERT, .table = JPX_TABLE_ENTRY, .then = first_try});
    reply(w, "42");
    stage_run(w, api(w, 0));
    stage_done(w, SOON_MS);
    ck_assert_str_eq(stage_result(w), "42");
    stage_close(w);
}
END_TEST

/* ---- a large reply, to a pipe with on_reply, that cannot be read ---- */

enum { LARGE = 100 * 1000 };

static world *large_reply(void)
{
    world *w = open_with("listens");
    char *json = jpx_alloc(w->arena, LARGE + 3);

    world_pass(w, 1000);
    memset(json, 'x', LARGE + 2);
    json[0] = json[LARGE + 1] = '"';
    json[LARGE + 2] = '\0';
    reply(w, json);
    stage_run(w, api(w, 0));
    stage_run(w, api(w, 1));
    return w;
}

/* Its event is redelivered several times; on_reply has not started. */
START_TEST(a_store_that_fails_before_on_reply_begins)
{
    world *w = large_reply();

    for (int i = 0; i < 8; i++)
        stage_when(w, (cue){.op = SEAM_GET, .table = JPX_TABLE_VALUE, .verdict = SEAM_FAIL});
    stage_done(w, 2 * SOON_MS);
    ck_assert_int_eq(executions, 1);
    stage_close(w);
}
END_TEST

/* It ends with a reason; its event is not redelivered for ever. */
START_TEST(a_reply_that_is_lost_from_the_store)
{
    world *w = large_reply();
    uint8_t lo[JPX_VALUE_SIZE] = {0}, hi[JPX_VALUE_SIZE];
    size_t removed;
    jp_error err;

    memset(hi, 0xff, sizeof hi);
    ck_assert(jpx_store_remove_range(w->store, JPX_TABLE_VALUE, jpx_id(lo, sizeof lo), jpx_id(hi, sizeof hi), 10,
                                     &removed, &err) == JP_OK);
    ck_assert_uint_eq(removed, 1);
    stage_aborted(w, SOON_MS);
    ck_assert_int_eq(executions, 0);
    ck_assert_ptr_nonnull(strstr(world_root(w, STAGE_KEY)->reason, "missing from the store"));
    stage_close(w);
}
END_TEST

/* ---- an abort with many hooks that take long ---- */

enum { HOOKED = 5000, WALKS = 7 };

static void cancels(jp_ctx *p)
{
    (void)p;
}

JP_PIPE(hooked, p, .async = true, .on_cancel = cancels)
{
    return jp_wait(p);
}

JP_PIPE(fan, p)
{
    for (int i = 0; i < HOOKED; i++)
        jp_yield(p, hooked);
    return jp_done(p);
}

/* Each pass calls them again, in case an event was lost; passes must not be faster than hooks can run. */
START_TEST(hooks_that_take_long_are_not_called_again_and_again)
{
    static const jp_def *const pipes[] = {&hooked, &fan, NULL};
    world *w = stage_open(pipes);
    jpx_memory_item *items;

    world_start(w, "fan", "[]", STAGE_KEY);
    world_pass(w, 1000);
    world_publish(w, "control.abort", "{\"root\":\"" STAGE_KEY "\"}", NULL);
    only_apis(w);
    ck_assert_uint_le(jpx_memory_bus_list(w->bus, JPX_STREAM_RUN, w->arena, &items), WALKS * HOOKED);
    stage_aborted(w, 2 * SOON_MS);
    stage_close(w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("found_outside");
    TCase *tcase = tcase_create("found_outside");
    tcase_add_test(tcase, a_root_that_is_written_beside_its_cleanup);
    tcase_add_test(tcase, a_loser_that_has_won_meanwhile);
    tcase_add_test(tcase, a_trigger_after_the_cleanup_where_clocks_differ);
    tcase_add_test(tcase, a_cleanup_by_key_that_comes_again);
    tcase_add_test(tcase, a_cleanup_by_age_that_comes_again);
    tcase_add_test(tcase, a_reply_before_the_run_event_of_its_promise);
    tcase_add_test(tcase, a_reply_to_a_promise_that_was_not_adopted);
    tcase_add_test(tcase, a_reply_that_is_its_own_duplicate);
    tcase_add_test(tcase, a_store_that_fails_before_on_reply_begins);
    tcase_add_test(tcase, a_reply_that_is_lost_from_the_store);
    tcase_add_test(tcase, hooks_that_take_long_are_not_called_again_and_again);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
