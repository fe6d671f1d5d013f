/* faults.c -- S87 to S91: duplicates, disorder, lost streams, and a cut between any two operations.
 *
 * Decorators around the two seams see every operation that writes or publishes. A run is repeated with another
 * operation cut, until a run has no further one: the operation fails before it is carried out, or after (the answer is
 * lost), and its handler tells the event to come again; or all roles die after it, and what they held comes again when
 * the broker's deadline is over. The result must be the same each time. */
#include "core/record.h"
#include "kit.h"
#include "sim/seams.h"
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- faults ---- */

static kit *at_work; /* whose bus answers the promise of `outer` */

typedef enum cut_how { FAILS_BEFORE, FAILS_AFTER, DIES_AFTER, CUTS } cut_how;
static const char *const hows[] = {"fails before", "fails after", "dies after"};

enum { KINDS_MAX = 128, WRITE_SIZE = 32, KIND_SIZE = 2 * WRITE_SIZE + 2 };

static int ops, cut_at = INT_MAX; /* operations so far; number of the one that is cut; 0: it will be found */
static cut_how how;
static bool dead; /* nothing is carried out any more, no word reaches the broker */

/* Where a cut is costly, the first operation of each kind is cut, one in each run. By pair: what the same handler wrote
 * before it is a part of the kind. */
static bool by_kind, by_pair;
static char kinds[KINDS_MAX][KIND_SIZE], last_write[WRITE_SIZE];
static size_t kinds_count;

static bool new_kind(const seam_call *call)
{
    char now_[WRITE_SIZE], kind[KIND_SIZE];
    const char *what = "";

    if (call->op == SEAM_PUBLISH)
        what = strchr(call->messages[0].subject, '.') + 1;
    else if (call->op <= SEAM_REMOVE_RANGE)
        what = jpx_table_name(call->table);
    snprintf(now_, sizeof now_, "%d %.*s", (int)call->op, (int)strcspn(what, "."), what);
    snprintf(kind, sizeof kind, "%s, %s", last_write, now_);
    if (by_pair)
        memcpy(last_write, now_, sizeof now_);
    for (size_t i = 0; i < kinds_count; i++)
        if (strcmp(kinds[i], kind) == 0)
            return false;
    if (cut_at)
        return false; /* in another run */
    ck_assert_uint_lt(kinds_count, KINDS_MAX);
    memcpy(kinds[kinds_count++], kind, sizeof kind);
    return true;
}

static seam_verdict cut(void *ctx, const seam_call *call)
{
    (void)ctx;
    if (dead)
        return SEAM_FAIL;
    if (!call->write) {
        if (call->op >= SEAM_FETCH) /* a handler begins, or ends */
            last_write[0] = '\0';
        return SEAM_GO_ON;
    }
    if (!call->over) {
        ops++;
        if (by_kind && new_kind(call))
            cut_at = ops;
    }
    if (ops != cut_at || call->over != (how != FAILS_BEFORE))
        return SEAM_GO_ON;
    dead = how == DIES_AFTER;
    return SEAM_FAIL;
}

static const seam faults = {cut, NULL};

static jpx_store *wrap(jpx_store *inner)
{
    return seam_store(inner, &faults);
}

static jpx_bus *wrap_bus(jpx_bus *inner)
{
    return seam_bus(inner, &faults, true);
}

/* ---- pipes ---- */

JP_PIPE(add1, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(sum, p, .takes = "int64... n", .gives = "int64")
{
    int64_t total = 0;
    for (size_t i = 0; i < jp_count(p, "n"); i++)
        total += jp_int64_at(p, "n", i);
    kit_note("sum %lld", (long long)total);
    return jp_return(p, total);
}

static void ended(jp_ctx *p, bool aborted)
{
    (void)p;
    kit_note("hook%s", aborted ? "A" : "");
}

JP_PIPE(inner, p, .takes = "int64 n", .gives = "int64", .fills = "int64 twice", .on_finished = ended)
{
    jp_future a = jp_yield(p, add1, jp_arg(p, "n"));
    jp_future b = jp_yield(p, add1, a);
    jp_fill(p, "twice", jp_yield(p, sum, a, b));
    return jp_return(p, b);
}

static int outer_try;
static char told[JPX_TICKET_TEXT];

/* The answer is there before anything is stored that it could be for (PROTOCOL 7). */
static void answer_at_once(const char *ticket)
{
    jpx_message message = {.subject = jpx_format(at_work->arena, "%s.reply.%s", at_work->prefix, ticket),
                           .data = {(const uint8_t *)"5", 1}};
    jp_error err;
    while (!dead && jpx_bus_publish(jpx_local_bus(at_work->local), &message, 1, 5000, &err) != JP_OK)
        ;
}

JP_PIPE(shaky, p, .gives = "int64", .retry = {.attempts = 3, .first_ms = 10})
{
    if (jp_attempt(p) == 1)
        return jp_retry(p, "shaky");
    return jp_return_in(p, 20, 100);
}

JP_PIPE(outer, p, .gives = "int64")
{
    outer_try++;
    jp_future one = jp_yield(p, inner, 10), two = jp_yield(p, inner, 20), late = jp_yield(p, shaky);
    jp_future side = {0};
    jp_after (p, one)
        side = jp_yield(p, echo, jp_slot(p, one, "twice"));
    jp_future promised = jp_promise(p, "int64");
    snprintf(told, sizeof told, "%s", jp_promise_ticket(p, promised));
    answer_at_once(told);
    return jp_return(p, jp_yield(p, sum, one, two, jp_slot(p, two, "twice"), late, side, promised));
}

/* A wait, with a hook of each kind, beside a child with a hook. */
static char ticket[128];

static void cancelled(jp_ctx *p)
{
    (void)p;
    kit_note("cancelled");
}

static jp_end replied(jp_ctx *p, jp_value reply)
{
    kit_note("reply");
    return jp_return(p, jp_yield(p, add1, reply));
}

JP_PIPE(asks, p, .gives = "int64", .async = true, .on_reply = replied, .on_finished = ended, .on_cancel = cancelled)
{
    strncpy(ticket, jp_ticket(p), sizeof ticket - 1);
    return jp_wait(p);
}

JP_PIPE(asking, p, .gives = "int64", .on_finished = ended)
{
    jp_yield(p, inner, 1);
    return jp_return(p, jp_yield(p, sum, jp_yield(p, asks), 1));
}

static const jp_def *const pipes[] = {&echo, &add1, &sum, &inner, &shaky, &outer, &asks, &asking, NULL};

/* inner(10): 11, 12, twice 23; inner(20): 22, twice 43 */
#define EXPECTED "205"

static void check_result(kit *k, const char *key, const char *what)
{
    char text[64];
    ck_assert_msg(strcmp(kit_result(k, key), EXPECTED) == 0, "%s: result %s", what, kit_result(k, key));
    ck_assert_msg(strcmp(kit_field(k, "status", key, "pipelines"), "{\"done\":13}") == 0, "%s: %s", what,
                  kit_field(k, "status", key, "pipelines"));
    snprintf(text, sizeof text, "sum " EXPECTED);
    ck_assert_msg(kit_noted(text) >= 1, "%s", what);
}

static kit *open_kit(int ground)
{
    return at_work = kit_open(ground, pipes);
}

START_SCENARIO(without_faults)
{
    at_work = k;
    check_result(k, kit_run(k, "outer", ""), "no fault");
    ck_assert_int_eq(kit_noted("sum " EXPECTED), 1);
    ck_assert_int_eq(kit_noted("hook"), 2);
}

/* ---- what is played, again and again ---- */

typedef struct play {
    const char *pipe;
    void (*go)(kit *, const char *key);                      /* until it is final */
    void (*check)(kit *, const char *key, const char *what); /* without faults */
} play;

/* Others take the place of roles that are dead. */
static void bury(kit *k)
{
    jp_error err;
    if (!dead)
        return;
    dead = false;
    for (int kind = JPX_ROLE_API; kind <= JPX_ROLE_WORKER; kind++)
        ck_assert_msg(jpx_local_renew(k->local, (jpx_role_kind)kind, &err) == JP_OK, "%s", err.text);
}

/* Is the root with this key written, or final? Nobody acts meanwhile. */
static bool is_there(kit *k, const char *key, bool final)
{
    jpx_arena *arena = jpx_arena_new();
    jpx_record record;
    jpx_root root;
    jp_error err;
    ck_assert_msg(jpx_store_root_by_key(jpx_local_store(k->local), key, arena, &record, &err) == JP_OK, "%s", err.text);
    bool yes = record.doc.data && (!final || (jpx_root_decode(record.doc, arena, &root) && jpx_root_final(&root)));
    jpx_arena_free(arena);
    return yes;
}

/* Lets `ms` pass, or less if the root is final before. */
static void live(kit *k, const char *key, int64_t ms)
{
    int64_t until = kit_now(k) + ms;
    while (kit_now(k) < until && !is_there(k, key, true)) {
        while (!dead && jpx_local_step(k->local))
            ;
        bury(k);
        jpx_local_pass(k->local, until);
        bury(k);
    }
}

static void just_live(kit *k, const char *key)
{
    live(k, key, 60 * 1000);
}

/* The outside says its word until it is stored. */
static void say(kit *k, const char *subject, const char *json)
{
    jpx_message message = {.subject = jpx_format(k->arena, "%s.%s", k->prefix, subject),
                           .data = {(const uint8_t *)json, strlen(json)}};
    jp_error err;
    while (jpx_bus_publish(jpx_local_bus(k->local), &message, 1, 1000, &err) != JP_OK)
        bury(k);
}

/* The body that waits may have been run twice: the latest ticket counts. */
static void answer_it(kit *k, const char *key)
{
    ticket[0] = '\0';
    for (int i = 0; i < 100 && !is_there(k, key, true); i++) {
        live(k, key, k->virtual_time ? 1000 : 200);
        if (ticket[0])
            say(k, jpx_format(k->arena, "reply.%s", ticket), "5");
    }
}

static void abort_it(kit *k, const char *key)
{
    ticket[0] = '\0';
    for (int i = 0; i < 600 && !ticket[0]; i++) /* what comes before the wait may have been put off */
        live(k, key, 50);
    ck_assert_msg(ticket[0], "%s", kit_journal());
    live(k, key, 500);
    say(k, "control.abort", jpx_format(k->arena, "{\"root\":\"%s\",\"reason\":\"enough\"}", key));
    just_live(k, key);
}

static void check_answered(kit *k, const char *key, const char *what)
{
    ck_assert_msg(strcmp(kit_status(k, key), "done") == 0, "%s: %s", what, kit_ask(k, "why", key));
    ck_assert_msg(strcmp(kit_result(k, key), "7") == 0, "%s: result %s", what, kit_result(k, key));
    ck_assert_msg(kit_noted("reply") >= 1 && kit_noted("hook") >= 3 && kit_noted("hookA") == 0 &&
                      kit_noted("cancelled") == 0,
                  "%s: %s", what, kit_journal());
}

static void check_aborted(kit *k, const char *key, const char *what)
{
    ck_assert_msg(strcmp(kit_status(k, key), "aborted") == 0, "%s: %s", what, kit_status(k, key));
    ck_assert_msg(strcmp(kit_reason(k, key), "enough") == 0, "%s: %s", what, kit_reason(k, key));
    ck_assert_msg(strcmp(kit_field(k, "status", key, "pipelines.running"), "") == 0, "%s: %s", what,
                  kit_field(k, "status", key, "pipelines"));
    ck_assert_msg(kit_noted("sum 7") == 0, "%s: %s", what, kit_journal());
    /* The wait is cancelled if it was durable by then; who had begun is hooked. */
    ck_assert_msg(kit_noted("hookA") >= 1, "%s: %s", what, kit_journal());
}

static const play plays[] = {
    {"outer", just_live, check_result}, {"asking", answer_it, check_answered}, {"asking", abort_it, check_aborted}};
enum { PLAYS = sizeof plays / sizeof *plays };

/* One run; false: there was nothing left to cut. */
static bool cut_once(const play *what, int ground, int at)
{
    kit *k = open_kit(ground);
    const char *key = kit_start(k, what->pipe, "");

    ops = 0;
    cut_at = at;
    last_write[0] = '\0';
    what->go(k, key);
    int done = ops;
    bool was_cut = cut_at > 0 && cut_at <= done;
    const char *text = jpx_format(k->arena, "%s: operation %d of %d %s%s%s", k->ground, cut_at, done, hows[how],
                                  by_kind && was_cut ? ": " : "", by_kind && was_cut ? kinds[kinds_count - 1] : "");
    cut_at = INT_MAX; /* what comes after the end, and who looks at it, is left in peace */
    bury(k);
    kit_finish(k, key);
    what->check(k, key, text);
    kit_close(k);
    return was_cut;
}

/* SEMANTICS 2.3, 6.2, 7.3; DESIGN 1.1, 1.2. */
static void cut_everywhere(const play *what, int ground, cut_how this_how)
{
    int at = 1;
    how = this_how;
    by_kind = ground > 0;
    by_pair = ground == 1;
    setenv("JETPIPE_ACK_WAIT_MS", "400", 1); /* so long what the dead held stays away */
    kit_wrap_store = wrap;
    kit_wrap_bus = wrap_bus;
    kinds_count = 0;
    while (cut_once(what, ground, by_kind ? 0 : at))
        at++;
    ck_assert_int_gt(at, by_kind ? 8 : 30); /* the decorators were in use */
}

/* In memory every operation, on SQLite each pair, where there are servers each kind. All plays at once, each in a
 * process of its own: most of the time is spent waiting for what comes again. */
START_TEST(s91_cut_between_any_two_operations)
{
    pid_t players[PLAYS * CUTS];
    if (!kit_has(_i))
        return;
    for (int i = 0; i < PLAYS * CUTS; i++) {
        players[i] = fork();
        ck_assert_int_ge(players[i], 0);
        if (players[i] == 0) {
            cut_everywhere(&plays[i % PLAYS], _i, (cut_how)(i / PLAYS));
            _exit(0);
        }
    }
    for (int i = 0; i < PLAYS * CUTS; i++) {
        int code = -1;
        ck_assert_int_eq(waitpid(players[i], &code, 0), players[i]);
        ck_assert_msg(code == 0, "play %d, %s: see above", i % PLAYS, hows[i / PLAYS]);
    }
}
END_TEST

static void disorderly(int percent, bool shuffle)
{
    for (int seed = 0; seed < 100; seed++) {
        kit *k = open_kit(0);
        jpx_memory_bus_disorder(jpx_local_bus(k->local),
                                (jpx_memory_disorder){.shuffle = shuffle, .duplicate_percent = (unsigned)percent});
        check_result(k, kit_run(k, "outer", ""), jpx_format(k->arena, "seed %d", seed));
        kit_close(k);
    }
}

START_TEST(s87_duplicates)
{
    disorderly(50, false);
}
END_TEST

START_TEST(s88_random_order)
{
    disorderly(0, true);
}
END_TEST

START_TEST(s88_random_order_and_duplicates)
{
    disorderly(30, true);
}
END_TEST

/* PROTOCOL 10, 13: every stream deleted at every moment. */
START_TEST(s91_streams_deleted)
{
    for (int steps = 1; steps < 60; steps++) {
        kit *k = open_kit(0);
        const char *key = kit_start(k, "outer", "");
        kit_run_until_idle(k);
        kit_close(k);
        k = open_kit(0);
        key = kit_start(k, "outer", "");
        jpx_local_step(k->local); /* the trigger itself lives in the stream until its root is written */
        for (int i = 0; i < steps; i++)
            jpx_local_step(k->local);
        jpx_memory_bus_lose(jpx_local_bus(k->local), JPX_STREAM_RUN);
        jpx_memory_bus_lose(jpx_local_bus(k->local), JPX_STREAM_SLOT);
        kit_finish(k, key);
        check_result(k, key, jpx_format(k->arena, "streams deleted after %d steps", steps));
        kit_close(k);
    }
}
END_TEST

/* Streams that were lost while nobody was running: there is no evidence of it, so live roots are walked at the start.
 */
START_TEST(lost_while_nobody_ran)
{
    kit *k = open_kit(1);
    const char *key = kit_start(k, "outer", "");
    jpx_local_options options = {.virtual_time = true, .prefix = k->prefix, .level = JPX_ERROR};
    jpx_local *second;
    jp_error err;

    jpx_local_step(k->local); /* the root is written; its run event is lost with the bus */
    options.store = jpx_format(k->arena, "sqlite:%s/%s.db", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", k->prefix);
    ck_assert_msg(jpx_local_open(&second, k->registry, &options, &err) == JP_OK, "%s", err.text);
    kit other = *k;
    other.local = second;
    at_work = &other;
    answer_at_once(told); /* the answer was lost with the bus, too */
    ck_assert_msg(jpx_local_finish(second, key, 60000, &err) == JP_OK, "%s", err.text);
    jpx_local_close(second);
    kit_close(k);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults");
    TCase *tcase = tcase_create("faults"), *cuts = tcase_create("cuts");
    tcase_set_timeout(cuts, 300);
    tcase_set_timeout(tcase, 300);
    kit_add_scenario(tcase, without_faults);
    tcase_add_loop_test(cuts, s91_cut_between_any_two_operations, 0, KIT_GROUNDS);
    tcase_add_test(tcase, s87_duplicates);
    tcase_add_test(tcase, s88_random_order);
    tcase_add_test(tcase, s88_random_order_and_duplicates);
    tcase_add_test(tcase, s91_streams_deleted);
    tcase_add_test(tcase, lost_while_nobody_ran);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, cuts);
    return kit_main(suite);
}
