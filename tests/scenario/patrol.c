/* patrol.c -- the net below everything: live roots are walked now and then, and what is due is published again, but not
 * what may still be waiting in its queue. PROTOCOL "On paper only": a patrol must not double a long backlog. */
#include "kit.h"

enum { CHILDREN = 300, ROOTS = 120, VIRTUAL_GROUNDS = 3, MINUTE = 60 * 1000 };

JP_PIPE(fan, p, .gives = "any")
{
    jp_list *parts = jp_list_new(p);
    for (int64_t i = 0; i < CHILDREN; i++)
        jp_push(parts, jp_yield(p, echo, i));
    jp_yield_list(p, echo, parts);
    return jp_done(p);
}

static const jp_def *const pipes[] = {&echo, &fan, NULL};

static int64_t backlog(kit *k)
{
    return jpx_bus_backlog(jpx_local_bus(k->local), JPX_STREAM_RUN);
}

/* Takes run events out of the queue and says nothing: no evidence of it is left anywhere. */
static void lose(kit *k, size_t count)
{
    jpx_delivery *deliveries[CHILDREN];
    jpx_sub *sub;
    jp_error err;

    ck_assert_int_eq(jpx_bus_subscribe(&sub, jpx_local_bus(k->local), JPX_STREAM_RUN, "default", count, &err), JP_OK);
    ck_assert_uint_eq(jpx_sub_fetch(sub, deliveries, count, 0), count);
    jpx_sub_ack(sub, deliveries, count);
    jpx_sub_close(sub);
}

START_SCENARIO(a_long_backlog_is_not_doubled)
{
    const char *key = kit_start(k, "fan", "");
    jpx_local_step(k->local);
    jpx_local_pause(k->local, JPX_ROLE_WORKER, true);
    ck_assert_int_eq(backlog(k), CHILDREN);
    kit_pass(k, 90 * MINUTE);
    ck_assert_int_eq(backlog(k), CHILDREN);
    jpx_local_pause(k->local, JPX_ROLE_WORKER, false);
    kit_finish(k, key);
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":302}");
}

START_SCENARIO(lost_without_evidence)
{
    const char *key = kit_start(k, "fan", "");
    jpx_local_step(k->local);
    lose(k, 10);
    kit_pass(k, 30 * MINUTE);
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":302}");
}

START_SCENARIO(many_roots_are_walked_a_few_at_a_time)
{
    const char *keys[ROOTS];
    jpx_local_pause(k->local, JPX_ROLE_WORKER, true);
    for (int i = 0; i < ROOTS; i++)
        keys[i] = kit_start(k, "echo", "[1]");
    kit_run_until_idle(k);
    lose(k, ROOTS);
    jpx_local_pause(k->local, JPX_ROLE_WORKER, false);
    kit_pass(k, 30 * MINUTE);
    for (int i = 0; i < ROOTS; i++)
        kit_assert_json(kit_status(k, keys[i]), "done");
}

int main(void)
{
    Suite *suite = suite_create("patrol");
    TCase *tcase = tcase_create("patrol");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, a_long_backlog_is_not_doubled, 0, VIRTUAL_GROUNDS);
    tcase_add_loop_test(tcase, lost_without_evidence, 0, VIRTUAL_GROUNDS);
    tcase_add_loop_test(tcase, many_roots_are_walked_a_few_at_a_time, 0, VIRTUAL_GROUNDS);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
