/* abort_steps.c -- an abort at every moment: before and after each operation of a run of mixed pipes, and while a body
 * or a hook runs (S64). */
#include "seam.h"

/* ---- pipes ---- */

static kit *at_hand;
static void (*in_body)(kit *); /* called by the bodies below while they run */

static void meanwhile(void)
{
    void (*call)(kit *) = in_body;
    in_body = NULL;
    if (call)
        call(at_hand);
}

static void cancelled(jp_ctx *p)
{
    (void)p;
    kit_note("cancelled");
}

static char last_ticket[128];

JP_PIPE(asks, p, .gives = "any", .async = true, .on_cancel = cancelled)
{
    snprintf(last_ticket, sizeof last_ticket, "%s", jp_ticket(p));
    kit_note("asks");
    return jp_wait(p);
}

JP_PIPE(nest, p, .gives = "int64")
{
    jp_future a = jp_yield(p, rec, 4);
    jp_in_order (p) {
        jp_yield(p, rec, 5);
        jp_yield(p, rec, 6);
    }
    return jp_return(p, a);
}

static void mixed_end(jp_ctx *p, bool aborted)
{
    (void)p;
    kit_note("fin 0%s", aborted ? "A" : "");
}

JP_PIPE(mixed, p, .gives = "any", .on_finished = mixed_end)
{
    kit_note("run 0");
    jp_future done = jp_yield(p, rec, 1);
    jp_future wait = jp_yield(p, asks);
    jp_yield(p, fail, 100);
    jp_after (p, done)
        jp_yield(p, slow, 2, 500);
    jp_yield(p, rec, wait);
    jp_future deep = jp_yield(p, nest);
    jp_yield(p, rec, deep);
    return jp_return(p, done);
}

static void busy_end(jp_ctx *p, bool aborted)
{
    (void)p;
    kit_note("fin%s", aborted ? "A" : "");
}

static jp_end busy_reply(jp_ctx *p, jp_value reply)
{
    kit_note("reply");
    meanwhile();
    return jp_return(p, reply);
}

/* Ends as `arg` says; the abort arrives meanwhile. */
JP_PIPE(busy, p, .takes = "string how", .async = true, .on_finished = busy_end, .on_cancel = cancelled,
        .on_reply = busy_reply)
{
    const char *how = jp_string(p, "how");

    kit_note("busy");
    snprintf(last_ticket, sizeof last_ticket, "%s", jp_ticket(p));
    if (strcmp(how, "reply") != 0)
        meanwhile();
    if (strcmp(how, "return") == 0)
        return jp_return(p, 1);
    if (strcmp(how, "children") == 0) {
        jp_yield(p, rec, 1);
        return jp_return(p, jp_yield(p, rec, 2));
    }
    if (strcmp(how, "delay") == 0)
        return jp_return_in(p, 50, 1);
    if (strcmp(how, "retry") == 0)
        return jp_retry_in(p, 0, "again");
    if (strcmp(how, "abort") == 0)
        return jp_abort(p, "second");
    return jp_wait(p);
}

JP_PIPE(has_busy, p, .takes = "string how")
{
    return jp_return(p, jp_yield(p, echo, jp_yield(p, busy, jp_arg(p, "how"))));
}

static const jp_def *const pipes[] = {&echo, &rec, &fail, &slow, &asks, &nest, &mixed, &busy, &has_busy, NULL};

/* ---- at every operation ---- */

static int operations, flag_at, held_then;
static size_t journal_then;
static const char *when;

/* Run events that the worker holds: so many bodies may still start. */
static int held_events(kit *k)
{
    jpx_memory_item *items;
    size_t count = jpx_memory_bus_list(seam_inner_bus(k), JPX_STREAM_RUN, k->arena, &items);
    int held = 0;
    for (size_t i = 0; i < count; i++)
        held += items[i].held;
    return held;
}

static void flag(const char *operation)
{
    if (++operations < flag_at || !raise_flag(at_hand, at_hand->key, "flag"))
        return;
    when = jpx_format(at_hand->arena, "operation %d, %s", operations, operation);
    held_then = held_events(at_hand);
    journal_then = strlen(kit_journal());
    seam_before = seam_after = NULL;
}

static int begun_since(const char *text)
{
    static const char *const words[] = {"run ", "asks", "slow ", "try "};
    int count = 0;
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        for (const char *at = strstr(text, words[w]); at; at = strstr(at + 1, words[w]))
            count++;
    return count;
}

/* Waits that an abort ended, counted in the records. */
static int ended_waits(kit *k, const char *key)
{
    int count = 0;
    for (int i = 0; i < 8; i++) {
        const char *path = jpx_format(k->arena, "children.%d.", i);
        count += strcmp(kit_tree(k, key, jpx_format(k->arena, "%spipe", path)), "asks") == 0 &&
                 strcmp(kit_tree(k, key, jpx_format(k->arena, "%sstatus", path)), "aborted") == 0 && kit_noted("asks");
    }
    return count;
}

static void check_end(kit *k, const char *key)
{
    const char *counts = kit_field(k, "status", key, "pipelines");
    char text[32];

    ck_assert_msg(strcmp(kit_status(k, key), "aborted") == 0, "%s: %s", when, kit_status(k, key));
    kit_assert_json(kit_reason(k, key), "flag");
    ck_assert_msg(!strstr(counts, "waiting") && !strstr(counts, "queued") && !strstr(counts, "running") &&
                      !strstr(counts, "retry"),
                  "%s: %s", when, counts);
    ck_assert_msg(begun_since(kit_journal() + journal_then) <= held_then, "%s: %d held, then: %s", when, held_then,
                  kit_journal() + journal_then);
    for (int n = 0; n <= 6; n++) { /* the hook: once for what had started, never for what had not */
        snprintf(text, sizeof text, "run %d", n);
        int runs = kit_noted(text), done, aborted;
        snprintf(text, sizeof text, "fin %d", n);
        done = kit_noted(text);
        snprintf(text, sizeof text, "fin %dA", n);
        aborted = kit_noted(text);
        if (n == 4) /* the outer one takes the inner one's value: two pipelines */
            ck_assert_msg(done + aborted == runs, "%s: %s", when, kit_journal());
        else
            ck_assert_msg(done + aborted == (runs > 0), "%s: %d runs of %d: %s", when, runs, n, kit_journal());
    }
    ck_assert_msg(kit_noted("cancelled") == ended_waits(k, key) || kit_noted("cancelled") == 0, "%s: %s", when,
                  kit_journal());
    ck_assert_msg(kit_noted("cancelled") <= 1, "%s: %s", when, kit_journal());
    /* done stays done, and what was filled stays readable */
    if (kit_noted("fin 1")) {
        kit_assert_json(kit_tree(k, key, "children.0.status"), "done");
        kit_assert_json(kit_result(k, key), "1");
    }
    if (kit_noted("fin 1A"))
        kit_assert_json(kit_tree(k, key, "children.0.status"), "aborted");
}

/* SEMANTICS 7.2, 7.3, 7.4 */
static void at_every_operation(int ground, bool after)
{
    const int stride = ground == 2 ? 5 : 1; /* a database on a server is slower to make and to remove */
    for (flag_at = 1;; flag_at += stride) {
        kit *k = kit_open(ground, pipes);
        if (!k)
            return;
        at_hand = k;
        operations = 0;
        kit_start(k, "mixed", "");
        seam_before = after ? NULL : flag;
        seam_after = after ? flag : NULL;
        kit_pass(k, 700);
        bool over = seam_before || seam_after; /* fewer operations than that until it only waits */
        seam_before = seam_after = NULL;
        if (!over) {
            kit_finish(k, k->key);
            kit_pass(k, 2000);
            check_end(k, k->key);
        }
        kit_close(k);
        if (over)
            break;
    }
    ck_assert_int_gt(flag_at, 60);
}

START_TEST(before_every_operation)
{
    at_every_operation(_i, false);
}
END_TEST

START_TEST(after_every_operation)
{
    at_every_operation(_i, true);
}
END_TEST

/* ---- while a body runs ---- */

static void flag_only(kit *k)
{
    ck_assert(raise_flag(k, k->key, "flag"));
}

/* The flag, and another process carries the abort out while the body runs here. */
static void flag_and_walk(kit *k)
{
    flag_only(k);
    carry_out(k, k->key);
}

static const char *const ways[] = {"return", "children", "delay", "wait", "retry", "abort"};
enum { WAYS = sizeof ways / sizeof *ways };

static void in_flight(kit *k, const char *how, void (*call)(kit *), bool reply)
{
    const char *key;

    at_hand = k;
    in_body = call;
    key = kit_start(k, "has_busy", jpx_format(k->arena, "[\"%s\"]", how));
    if (reply) {
        kit_pass(k, 200);
        kit_ask(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":1}", last_ticket));
    }
    kit_finish(k, key);
    kit_pass(k, 500);
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_reason(k, key), "flag");
    ck_assert_int_eq(kit_noted("run 1") + kit_noted("run 2"), 0);      /* its result starts nothing */
    kit_assert_json(kit_tree(k, key, "children.1.status"), "aborted"); /* and its value is not used */
}

/* SEMANTICS 7.2, 7.3 */
START_SCENARIO(s64_body_in_flight)
{
    for (size_t w = 0; w < WAYS; w++) {
        in_flight(k, ways[w], flag_and_walk, false);
        kit_assert_json(kit_tree(k, k->key, "children.0.status"), "aborted"); /* it stays aborted, whatever came */
        kit_assert_json(kit_tree(k, k->key, "children.0.children.0.pipe"), "");
        kit_assert_json(kit_tree(k, k->key, "children.0.outputs"), "");
    }
    ck_assert_int_eq(kit_noted("busy"), WAYS);
    ck_assert_int_eq(kit_noted("finA"), WAYS); /* each had started */
    ck_assert_int_eq(kit_noted("fin"), 0);
    ck_assert_int_eq(kit_noted("cancelled"), 0); /* none was waiting yet */
}

/* The flag is up when the body ends; the abort is carried out later. */
START_SCENARIO(s64_flag_in_flight)
{
    for (size_t w = 0; w < WAYS; w++) {
        in_flight(k, ways[w], flag_only, false);
        const char *first = kit_tree(k, k->key, "children.0.status");
        if (strcmp(ways[w], "return") == 0) /* stored before the abort reached it: it is done */
            ck_assert(strcmp(first, "done") == 0 || strcmp(first, "aborted") == 0);
        else
            kit_assert_json(first, "aborted");
    }
    ck_assert_int_eq(kit_noted("busy"), WAYS);
    ck_assert_int_eq(kit_noted("finA") + kit_noted("fin"), WAYS);
    ck_assert_int_le(kit_noted("cancelled"), 2); /* delay and wait may have been stored before */
}

START_SCENARIO(s64_reply_in_flight)
{
    in_flight(k, "reply", flag_and_walk, true);
    ck_assert_int_eq(kit_noted("reply"), 1);
    ck_assert_int_eq(kit_noted("finA"), 1);
    ck_assert_int_eq(kit_noted("cancelled"), 0); /* the wait was over already */
    kit_assert_json(kit_tree(k, k->key, "children.0.status"), "aborted");
    close_others();
}

/* On every ground, also with real time: an abort after each number of steps. */
START_SCENARIO(after_every_step)
{
    for (int steps = 0; steps < 30; steps += k->virtual_time ? 1 : 5) {
        const char *key = kit_start(k, "mixed", "");
        for (int i = 0; i < steps; i++)
            jpx_local_step(k->local);
        kit_ask(k, "abort", key);
        if (strcmp(kit_field(k, "status", key, "error.code"), "not-found") == 0) { /* not taken yet: now it is */
            kit_run_until_idle(k);
            kit_ask(k, "abort", key);
        }
        kit_finish(k, key);
        const char *counts = kit_field(k, "status", key, "pipelines");
        ck_assert_msg(!strstr(counts, "waiting") && !strstr(counts, "queued") && !strstr(counts, "running") &&
                          !strstr(counts, "retry"),
                      "after %d steps: %s", steps, counts);
    }
}

int main(void)
{
    Suite *suite = suite_create("abort_steps");
    TCase *tcase = tcase_create("abort_steps");
    seam_use();
    tcase_set_timeout(tcase, 180);
    /* with real time each takes seconds: after_every_step is for all grounds */
    tcase_add_loop_test(tcase, before_every_operation, 0, 3);
    tcase_add_loop_test(tcase, after_every_operation, 0, 3);
    kit_add_scenario(tcase, s64_body_in_flight);
    kit_add_scenario(tcase, s64_flag_in_flight);
    kit_add_scenario(tcase, s64_reply_in_flight);
    kit_add_scenario(tcase, after_every_step);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
