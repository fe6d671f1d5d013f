/* faults.c -- S87 to S91: duplicates, disorder, lost streams, and a cut between any two operations.
 *
 * Decorators around the two seams count every operation that writes or publishes. A run is repeated with operation
 * number 1, 2, 3, ... failing, once before it is carried out and once after (the answer is lost), until a run has fewer
 * operations than that: each time the handler is cut there and its event comes again, as after the death of its
 * process. The result must be the same each time. */
#include "kit.h"

/* ---- decorators ---- */

static int ops, fail_at;
static bool fail_applied;

typedef struct faulty_store {
    jpx_store base;
    jpx_store *inner;
} faulty_store;
#define INNER(s) (((faulty_store *)(s))->inner)

static bool strikes(void)
{
    return ++ops == fail_at;
}

static jp_status struck(jp_error *err)
{
    return jpx_fail(err, JP_E_UNAVAILABLE, "injected fault at operation %d", fail_at);
}

#define CUT(call)                                                                                                      \
    bool cut = strikes();                                                                                              \
    if (cut && !fail_applied)                                                                                          \
        return struck(err);                                                                                            \
    jp_status status = (call);                                                                                         \
    return cut ? struck(err) : status

static jpx_store *wrap(jpx_store *inner);

static jp_status f_clone(jpx_store **out, jpx_store *s, jp_error *err)
{
    jp_status status = INNER(s)->ops->clone(out, INNER(s), err);
    if (status == JP_OK)
        *out = wrap(*out);
    return status;
}
static void f_close(jpx_store *s)
{
    jpx_store_close(INNER(s));
    free(s);
}
static jp_status f_insert(jpx_store *s, jpx_table t, const jpx_record *r, size_t n, bool *dup, jp_error *err)
{
    CUT(INNER(s)->ops->insert(INNER(s), t, r, n, dup, err));
}
static jp_status f_get(jpx_store *s, jpx_table t, const jpx_bytes *ids, size_t n, jpx_arena *a, jpx_record *out,
                       jp_error *err)
{
    return INNER(s)->ops->get(INNER(s), t, ids, n, a, out, err);
}
static jp_status f_scan(jpx_store *s, jpx_table t, jpx_bytes lo, jpx_bytes hi, size_t limit, bool back, jpx_arena *a,
                        jpx_records *out, jp_error *err)
{
    return INNER(s)->ops->scan(INNER(s), t, lo, hi, limit, back, a, out, err);
}
static jp_status f_remove(jpx_store *s, jpx_table t, const jpx_bytes *ids, size_t n, jp_error *err)
{
    CUT(INNER(s)->ops->remove(INNER(s), t, ids, n, err));
}
static jp_status f_remove_range(jpx_store *s, jpx_table t, jpx_bytes lo, jpx_bytes hi, size_t limit, size_t *removed,
                                jp_error *err)
{
    return INNER(s)->ops->remove_range(INNER(s), t, lo, hi, limit, removed, err);
}
static jp_status f_count(jpx_store *s, jpx_count *c, size_t n, jp_error *err)
{
    CUT(INNER(s)->ops->count(INNER(s), c, n, err));
}
static jp_status f_abort(jpx_store *s, const jpx_bytes *ids, size_t n, jp_error *err)
{
    CUT(INNER(s)->ops->abort_barriers(INNER(s), ids, n, err));
}
static jp_status f_roots(jpx_store *s, jpx_root_change *c, size_t n, jp_error *err)
{
    CUT(INNER(s)->ops->change_roots(INNER(s), c, n, err));
}
static jp_status f_key(jpx_store *s, const char *key, jpx_arena *a, jpx_record *out, jp_error *err)
{
    return INNER(s)->ops->root_by_key(INNER(s), key, a, out, err);
}
static jp_status f_list(jpx_store *s, const jpx_root_filter *f, jpx_arena *a, jpx_records *out, jp_error *err)
{
    return INNER(s)->ops->list_roots(INNER(s), f, a, out, err);
}

static jpx_store *wrap(jpx_store *inner)
{
    static const jpx_store_ops store_ops = {f_clone,        f_close, f_insert, f_get,   f_scan, f_remove,
                                            f_remove_range, f_count, f_abort,  f_roots, f_key,  f_list};
    faulty_store *s = calloc(1, sizeof *s);
    s->base.ops = &store_ops;
    s->base.env = inner->env;
    s->inner = inner;
    return &s->base;
}

typedef struct faulty_bus {
    jpx_bus base;
    jpx_bus *inner;
} faulty_bus;
#define IN(b) (((faulty_bus *)(b))->inner)

static void b_close(jpx_bus *b)
{
    jpx_bus_close(IN(b));
    free(b);
}
static jp_status b_setup(jpx_bus *b, const char *const *q, size_t n, jp_error *err)
{
    return IN(b)->ops->setup(IN(b), q, n, err);
}
static jp_status b_publish(jpx_bus *b, const jpx_message *m, size_t n, int64_t timeout_ms, jp_error *err)
{
    CUT(IN(b)->ops->publish(IN(b), m, n, timeout_ms, err));
}
static void b_tell(jpx_bus *b, const jpx_message *m, size_t n)
{
    IN(b)->ops->tell(IN(b), m, n);
}
static jp_status b_subscribe(jpx_sub **out, jpx_bus *b, jpx_stream stream, const char *queue, size_t n, jp_error *err)
{
    return IN(b)->ops->subscribe(out, IN(b), stream, queue, n, err);
}
static jp_status b_listen(jpx_sub **out, jpx_bus *b, const char *subject, const char *group, jp_error *err)
{
    return IN(b)->ops->listen(out, IN(b), subject, group, err);
}
static void b_answer(jpx_bus *b, const char *to, jpx_bytes data, const char *code, const char *message)
{
    IN(b)->ops->answer(IN(b), to, data, code, message);
}
static jp_status b_request(jpx_bus *b, const char *subject, jpx_bytes data, int64_t ms, jpx_arena *a, jpx_bytes *reply,
                           jp_error *err)
{
    return IN(b)->ops->request(IN(b), subject, data, ms, a, reply, err);
}
static const char *b_inbox(jpx_bus *b, jpx_arena *a)
{
    return IN(b)->ops->inbox(IN(b), a);
}
static uint64_t b_losses(jpx_bus *b)
{
    return IN(b)->ops->losses(IN(b));
}
static bool b_connected(jpx_bus *b)
{
    return IN(b)->ops->connected(IN(b));
}
static int64_t b_backlog(jpx_bus *b, jpx_stream stream)
{
    return IN(b)->ops->backlog(IN(b), stream);
}

static int64_t b_oldest_ms(jpx_bus *b, const char *queue)
{
    return IN(b)->ops->oldest_ms(IN(b), queue);
}

static jpx_bus *wrap_bus(jpx_bus *inner)
{
    static const jpx_bus_ops ops_table = {b_close,   b_setup, b_publish, b_tell,      b_subscribe, b_listen,   b_answer,
                                          b_request, b_inbox, b_losses,  b_connected, b_backlog,   b_oldest_ms};
    faulty_bus *b = calloc(1, sizeof *b);
    b->base = *inner;
    b->base.ops = &ops_table;
    b->inner = inner;
    return &b->base;
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
    note("sum %lld", (long long)total);
    return jp_return(p, total);
}

static void ended(jp_ctx *p, bool aborted)
{
    (void)p;
    note("hook%s", aborted ? "A" : "");
}

JP_PIPE(inner, p, .takes = "int64 n", .gives = "int64", .fills = "int64 twice", .on_finished = ended)
{
    jp_future a = jp_yield(p, add1, jp_arg(p, "n"));
    jp_future b = jp_yield(p, add1, a);
    jp_fill(p, "twice", jp_yield(p, sum, a, b));
    return jp_return(p, b);
}

static int outer_try;
static kit *at_work; /* whose bus answers the promise of `outer` */
static char told[JPX_TICKET_TEXT];

/* The answer is there before anything is stored that it could be for (PROTOCOL 7). */
static void answer_at_once(const char *ticket)
{
    jpx_message message = {.subject = jpx_format(at_work->arena, "%s.reply.%s", at_work->prefix, ticket),
                           .data = {(const uint8_t *)"5", 1}};
    jp_error err;
    while (jpx_bus_publish(jpx_local_bus(at_work->local), &message, 1, 5000, &err) != JP_OK)
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

static const jp_def *const pipes[] = {&echo, &add1, &sum, &inner, &shaky, &outer, NULL};

/* inner(10): 11, 12, twice 23; inner(20): 22, twice 43 */
#define EXPECTED "205"

static void check_result(kit *k, const char *key, const char *what)
{
    char text[64];
    finish(k, key);
    ck_assert_msg(strcmp(result(k, key), EXPECTED) == 0, "%s: result %s", what, result(k, key));
    ck_assert_msg(strcmp(field(k, "status", key, "pipelines"), "{\"done\":13}") == 0, "%s: %s", what,
                  field(k, "status", key, "pipelines"));
    snprintf(text, sizeof text, "sum " EXPECTED);
    ck_assert_msg(noted(text) >= 1, "%s", what);
}

static kit *open_kit(int ground)
{
    return at_work = kit_open(ground, pipes);
}

START_SCENARIO(without_faults)
{
    at_work = k;
    check_result(k, start(k, "outer", ""), "no fault");
    ck_assert_int_eq(noted("sum " EXPECTED), 1);
    ck_assert_int_eq(noted("hook"), 2);
}

/* SEMANTICS 2.3, 6.2; DESIGN 1.1, 1.2 */
static void cut_everywhere(int ground, bool applied)
{
    kit_wrap_store = wrap;
    kit_wrap_bus = wrap_bus;
    for (int at = 1;; at++) {
        kit *k = open_kit(ground);
        const char *key;
        if (!k)
            return;
        key = start(k, "outer", "");
        ops = 0;
        fail_at = at;
        fail_applied = applied;
        finish(k, key);
        int done = ops;
        fail_at = 0;
        check_result(k, key, jpx_format(k->arena, "operation %d cut %s", at, applied ? "after" : "before"));
        kit_close(k);
        if (done < at) {
            ck_assert_int_gt(at, 30); /* the decorators were in use */
            break;
        }
    }
    kit_wrap_store = NULL;
    kit_wrap_bus = NULL;
}

START_TEST(s91_cut_before_each_operation)
{
    cut_everywhere(0, false);
}
END_TEST

START_TEST(s91_cut_after_each_operation)
{
    cut_everywhere(0, true);
}
END_TEST

static void disorderly(int percent, bool shuffle)
{
    for (int seed = 0; seed < 100; seed++) {
        kit *k = open_kit(0);
        jpx_memory_bus_disorder(jpx_local_bus(k->local),
                                (jpx_memory_disorder){.shuffle = shuffle, .duplicate_percent = (unsigned)percent});
        check_result(k, start(k, "outer", ""), jpx_format(k->arena, "seed %d", seed));
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
        const char *key = start(k, "outer", "");
        settle(k);
        kit_close(k);
        k = open_kit(0);
        key = start(k, "outer", "");
        jpx_local_step(k->local); /* the trigger itself lives in the stream until its root is written */
        for (int i = 0; i < steps; i++)
            jpx_local_step(k->local);
        jpx_memory_bus_lose(jpx_local_bus(k->local), JPX_RUN);
        jpx_memory_bus_lose(jpx_local_bus(k->local), JPX_SLOT);
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
    const char *key = start(k, "outer", "");
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
    TCase *tcase = tcase_create("faults");
    tcase_set_timeout(tcase, 300);
    add_scenario(tcase, without_faults);
    tcase_add_test(tcase, s91_cut_before_each_operation);
    tcase_add_test(tcase, s91_cut_after_each_operation);
    tcase_add_test(tcase, s87_duplicates);
    tcase_add_test(tcase, s88_random_order);
    tcase_add_test(tcase, s88_random_order_and_duplicates);
    tcase_add_test(tcase, s91_streams_deleted);
    tcase_add_test(tcase, lost_while_nobody_ran);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
