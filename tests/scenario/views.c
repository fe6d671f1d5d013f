/* views.c -- S78, S79: what can be seen of a root at every moment, history, and records that are damaged. */
#include "seam.h"

/* ---- pipes ---- */

static char ticket[128];
static kit *at_hand;
static const char *at_work_status, *at_work_attempt, *at_work_why;

static void nothing(jp_ctx *p, bool aborted)
{
    (void)p;
    (void)aborted;
}

JP_PIPE(busy, p, .gives = "int64", .on_finished = nothing)
{
    at_work_status = look(at_hand, at_hand->key, "status");
    at_work_attempt = look(at_hand, at_hand->key, "attempt");
    at_work_why = look_why(at_hand, at_hand->key);
    return jp_return(p, 1);
}

JP_PIPE(question, p, .takes = "int64 ms", .gives = "any", .async = true, .timeout_ms = 40000)
{
    snprintf(ticket, sizeof ticket, "%s", jp_ticket(p));
    return jp_wait(p);
}

JP_PIPE(again, p, .gives = "int64", .retry = {.attempts = 3, .first_ms = 14000, .jitter = JP_NO_JITTER})
{
    return jp_retry(p, "gateway busy");
}

JP_PIPE(parent, p, .gives = "any", .fills = "int64 left")
{
    jp_future done = jp_yield(p, rec, 1);
    jp_future asks = jp_yield(p, question, 1);
    jp_future retry = jp_yield(p, again);
    jp_future waits = jp_yield(p, echo, asks, retry);
    jp_after (p, retry)
        jp_yield(p, echo, 5);
    jp_yield(p, slow, 6, 20000);
    jp_fill(p, "left", done);
    return jp_return(p, waits);
}

JP_PIPE(two, p, .gives = "int64", .fills = "int64 first, int64 own")
{
    jp_future one = jp_yield(p, rec, 1), other = jp_yield(p, rec, one);
    jp_fill(p, "first", one);
    jp_fill(p, "own", 9);
    return jp_return(p, other);
}

JP_PIPE(says_no, p)
{
    return jp_abort(p, "m");
}

JP_PIPE(history, p, .gives = "int64", .takes = "bool trouble")
{
    jp_future a = jp_yield(p, rec, 1);
    jp_future b =
        jp_yield_with(p, JP_OPTIONS(.retry = {.attempts = 3, .first_ms = 10, .jitter = JP_NO_JITTER}), fail, 3);
    jp_after (p, a, b)
        jp_yield(p, slow, 2, 20);
    if (jp_bool(p, "trouble"))
        jp_after (p, b) {
            jp_yield(p, says_no);
            jp_yield(p, slow, 3, 3600 * 1000);
        }
    return jp_return(p, a);
}

static const jp_def *const pipes[] = {&echo,  &rec,    &slow, &fail,    &busy,    &question,
                                      &again, &parent, &two,  &says_no, &history, NULL};

/* ---- S78 ---- */

/* SEMANTICS 2.3, 9 */
START_SCENARIO(s78_tree)
{
    const char *key = kit_run(k, "two", "");
    jpx_root_id id = root_id(k, key);
    put_leftover(k, &id);
    kit_assert_json(kit_tree(k, key, "pipe"), "two");
    kit_assert_json(kit_tree(k, key, "children.0.pipe"), "rec");
    kit_assert_json(kit_tree(k, key, "children.1.pipe"), "rec");
    kit_assert_json(kit_tree(k, key, "children.2.pipe"), ""); /* the leftover is absent */
    kit_assert_json(kit_field(k, "tree", key, "total"), "3");
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":3}");
    kit_assert_json(kit_tree(k, key, "children.0.args"), "[1]"); /* in the order of their yields */
    kit_assert_json(kit_tree(k, key, "children.1.args"), "[{\"slot\":\"default\",\"of\":[0,1]}]");
    kit_assert_json(kit_tree(k, key, "outputs.first.by"),
                    kit_tree(k, key, "children.0.pipeline")); /* slots name their fillers */
    kit_assert_json(kit_tree(k, key, "outputs.default.by"), kit_tree(k, key, "children.1.pipeline"));
    kit_assert_json(kit_tree(k, key, "outputs.own.value"), "9");
    kit_assert_json(kit_tree(k, key, "children.1.outputs.default.value"), "1");
    ck_assert_ptr_nonnull(strstr(kit_tree(k, key, "children.0.at"), "views.c:"));
    ck_assert_ptr_null(strstr(kit_ask(k, "why", key), "waits"));
}

/* ---- S79 ---- */

static const char *queued_status, *queued_attempt, *queued_why;

static void see_queued(const char *operation)
{
    if (strcmp(operation, "publish") != 0 || !at_hand->key ||
        strcmp(look(at_hand, at_hand->key, "children.0.pipe"), "rec") != 0)
        return;
    queued_status = look(at_hand, at_hand->key, "children.0.status"); /* its run event is out, nobody has taken it */
    queued_attempt = look(at_hand, at_hand->key, "children.0.attempt");
    queued_why = look_why(at_hand, at_hand->key);
    seam_after = NULL;
}

static void has_line(const char *lines, const char *line)
{
    ck_assert_msg(strstr(lines, line) != NULL, "\"%s\" is not in \"%s\"", line, lines);
}

/* SEMANTICS 5.1, 9 */
START_SCENARIO(s79_statuses)
{
    at_hand = k;
    queued_status = NULL;
    const char *key = kit_start(k, "parent", "");
    kit_pass(k, 200);

    static const struct {
        const char *path, *pipe, *status;
    } rows[] = {
        {"", "parent", "running"},         {"children.0.", "rec", "done"},     {"children.1.", "question", "running"},
        {"children.2.", "again", "retry"}, {"children.3.", "echo", "waiting"}, {"children.4.", "echo", "waiting"},
        {"children.5.", "slow", "running"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kit_assert_json(kit_tree(k, key, jpx_format(k->arena, "%spipe", rows[i].path)), rows[i].pipe);
        kit_assert_json(kit_tree(k, key, jpx_format(k->arena, "%sstatus", rows[i].path)), rows[i].status);
        const char *planned = kit_tree(k, key, jpx_format(k->arena, "%splanned", rows[i].path));
        const char *started = kit_tree(k, key, jpx_format(k->arena, "%sstarted", rows[i].path));
        ck_assert_str_ne(planned, "");
        if (strcmp(rows[i].status, "waiting") == 0)
            kit_assert_json(started, "");
        else if (!k->virtual_time) /* bodies take real time, which no virtual clock has */
            ck_assert_str_ge(started, planned);
        const char *ended = kit_tree(k, key, jpx_format(k->arena, "%sended", rows[i].path));
        if (strcmp(rows[i].status, "done") == 0)
            ck_assert_str_ge(ended, started);
        else
            kit_assert_json(ended, "");
    }
    kit_assert_json(kit_tree(k, key, "children.2.attempt"), "2"); /* the one that is due */
    kit_assert_json(kit_tree(k, key, "children.1.attempt"), "1");
    kit_assert_json(kit_tree(k, key, "children.3.attempt"), "0");
    kit_assert_json(kit_tree(k, key, "outputs.default.by"), kit_tree(k, key, "children.3.pipeline"));
    kit_assert_json(kit_tree(k, key, "children.2.failure.text"), "gateway busy");
    ck_assert_str_gt(kit_tree(k, key, "children.2.due"), kit_tree(k, key, "children.2.started"));
    ck_assert_str_gt(kit_tree(k, key, "children.1.due"), kit_tree(k, key, "children.2.due"));

    const char *why = look_why(k, key);
    has_line(why, "question #1 waits for a reply, for ");
    has_line(why, "again #2: attempt 2 is due in ");
    has_line(why, "s; last failure: gateway busy");
    has_line(why, "echo #3 waits for question #1, which waits for a reply, for ");
    has_line(why, "; and for 1 more");
    has_line(why, "echo #4 waits for again #2 to be finished, whose attempt 2 is due in ");
    has_line(why, "slow #5 sleeps for ");
    ck_assert_ptr_null(strstr(why, "rec #0"));

    kit_ask(k, "abort", key);
    kit_finish(k, key);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *status_then = strcmp(rows[i].status, "done") == 0 ? "done" : "aborted";
        kit_assert_json(kit_tree(k, key, jpx_format(k->arena, "%sstatus", rows[i].path)), status_then);
        if (i)
            ck_assert_str_ne(kit_tree(k, key, jpx_format(k->arena, "%sended", rows[i].path)), "");
    }
    kit_assert_json(kit_tree(k, key, "children.4.started"), "");
    static const char *const attempts[] = {"1", "1", "1", "0", "0", "1"}; /* that have begun */
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
        kit_assert_json(kit_tree(k, key, jpx_format(k->arena, "children.%zu.attempt", i)), attempts[i]);
    kit_assert_json(kit_tree(k, key, "outputs.default"), ""); /* echo #3 never gave it; rec #0 did give the other */
    kit_assert_json(kit_tree(k, key, "outputs.left.by"), kit_tree(k, key, "children.0.pipeline"));
    kit_assert_json(look_why(k, key), "");
    ck_assert_str_ne(kit_field(k, "status", key, "ended"), "");
    kit_assert_json(kit_field(k, "list", "{\"status\":\"aborted\"}", "roots.0.pipe"), "parent");
}

START_SCENARIO(s79_queued_and_at_work)
{
    at_hand = k;
    kit_start(k, "two", "");
    seam_after = see_queued;
    kit_finish(k, k->key);
    kit_assert_json(queued_status, "queued");
    kit_assert_json(queued_attempt, "0");
    has_line(queued_why, "rec #0 is queued for a worker of queue default");
    has_line(queued_why, "rec #1 waits for rec #0, which is queued");
    kit_start(k, "busy", "");
    kit_finish(k, k->key);
    kit_assert_json(at_work_status, "running");
    kit_assert_json(at_work_attempt, "1");
    kit_assert_json(at_work_why, "busy is at work on local, attempt 1");
}

/* The list: newest first, by pipe and status, paged. */
START_SCENARIO(s79_list)
{
    for (int i = 0; i < 5; i++) {
        kit_run(k, i == 2 ? "says_no" : "rec", i == 2 ? "" : jpx_format(k->arena, "[%d]", i));
        stand_still(k, 3);
    }
    const char *newest = k->key;
    kit_assert_json(kit_field(k, "list", "{}", "roots.0.key"), newest);
    kit_assert_json(kit_field(k, "list", "{\"pipe\":\"says_no\"}", "roots.0.reason"), "m");
    kit_assert_json(kit_field(k, "list", "{\"pipe\":\"says_no\"}", "roots.1"), "");
    kit_assert_json(kit_field(k, "list", "{\"status\":\"done\",\"pipe\":\"says_no\"}", "roots"), "[]");
    kit_assert_json(kit_field(k, "list", "{\"status\":\"running\"}", "roots"), "[]");
    const char *after = "", *before_ = "z";
    int rows = 0;
    for (int page = 0; page < 5; page++) {
        const char *request = *after ? jpx_format(k->arena, "{\"limit\":2,\"after\":\"%s\"}", after) : "{\"limit\":2}";
        for (int i = 0; i < 2; i++) {
            const char *id = kit_field(k, "list", request, jpx_format(k->arena, "roots.%d.root", i));
            if (!*id)
                break;
            ck_assert_str_lt(id, before_);
            before_ = id;
            rows++;
        }
        after = kit_field(k, "list", request, "next");
        if (strcmp(after, "null") == 0)
            break;
    }
    ck_assert_int_eq(rows, 5);
}

/* ---- history ---- */

static void events_are(const char *seen, const char *const *expected, const char *status_last)
{
    for (size_t i = 0; expected[i]; i += 2)
        ck_assert_msg(count_in(seen, expected[i]) == atoi(expected[i + 1]), "%s: %d, not %s, in %s", expected[i],
                      count_in(seen, expected[i]), expected[i + 1], seen);
    size_t size = strlen(seen), last = strlen(status_last);
    ck_assert_msg(size > last && strcmp(seen + size - last, status_last) == 0, "%s is not the last of %s", status_last,
                  seen);
}

/* SEMANTICS 9: every change of status is an event, told once, when it is so. */
START_SCENARIO(events_of_a_run)
{
    static const char *const expected[] = {"history.root-started",
                                           "1",
                                           "history.queued",
                                           "1",
                                           "history.running",
                                           "1",
                                           "history.root-filled",
                                           "1",
                                           "history.done",
                                           "1",
                                           "history.root-done",
                                           "1",
                                           "rec.queued",
                                           "1",
                                           "rec.done",
                                           "1",
                                           "rec.running",
                                           "0",
                                           "fail.queued",
                                           "1",
                                           "fail.retry",
                                           "2",
                                           "fail.done",
                                           "1",
                                           "slow.waiting",
                                           "1",
                                           "rec.waiting",
                                           "0",
                                           "slow.queued",
                                           "1",
                                           "slow.running",
                                           "1",
                                           "slow.done",
                                           "1",
                                           "history.root-aborted",
                                           "0",
                                           "rec.aborted",
                                           "0",
                                           "fail.aborted",
                                           "0",
                                           "slow.aborted",
                                           "0",
                                           NULL};
    jpx_sub *sub = watch(k);
    const char *key = kit_run(k, "history", "[false]");
    kit_run_until_idle(k);
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":4}");
    events_are(watched(k, sub), expected, "history.root-done");
}

START_SCENARIO(events_of_an_abort)
{
    static const char *const expected[] = {"history.root-started",
                                           "1",
                                           "history.queued",
                                           "1",
                                           "history.running",
                                           "1",
                                           "history.root-filled",
                                           "1",
                                           "history.done",
                                           "0",
                                           "history.aborted",
                                           "1",
                                           "history.root-aborted",
                                           "1",
                                           "history.root-done",
                                           "0",
                                           "rec.queued",
                                           "1",
                                           "rec.done",
                                           "1",
                                           "rec.aborted",
                                           "0",
                                           "fail.done",
                                           "1",
                                           "slow.waiting",
                                           "2",
                                           "says_no.waiting",
                                           "1",
                                           "says_no.queued",
                                           "1",
                                           "says_no.aborted",
                                           "1",
                                           "says_no.done",
                                           "0",
                                           NULL};
    jpx_sub *sub = watch(k);
    const char *key = kit_run(k, "history", "[true]");
    kit_run_until_idle(k);
    const char *seen = watched(k, sub);
    events_are(seen, expected, "history.root-aborted");
    /* both slow ones are over, whether they were done before or aborted */
    ck_assert_int_eq(count_in(seen, "slow.aborted") + count_in(seen, "slow.done"), 2);
    const char *counts = kit_field(k, "status", key, "pipelines");
    has_line(counts, jpx_format(k->arena, "\"aborted\":%d", 2 + count_in(seen, "slow.aborted")));
}

static const char *seen_in_hook;
static jpx_sub *hook_sub;

static void look_in_hook(jp_ctx *p, bool aborted)
{
    (void)p;
    (void)aborted;
    seen_in_hook = watched(at_hand, hook_sub);
}

JP_PIPE(hooked, p, .async = true, .on_finished = look_in_hook)
{
    return jp_wait(p);
}

JP_PIPE(has_hooked, p)
{
    jp_yield(p, hooked);
    return jp_done(p);
}

/* While the hook is at work the status is not final, and no event says that it is. */
START_TEST(events_wait_for_the_hook)
{
    kit *k = kit_open(_i, (const jp_def *const[]){&hooked, &has_hooked, NULL});
    if (!k)
        return;
    at_hand = k;
    const char *key = kit_start(k, "has_hooked", "");
    kit_pass(k, 200);
    hook_sub = watch(k);
    jpx_sub *all = watch(k);
    kit_ask(k, "abort", key);
    kit_finish(k, key);
    kit_run_until_idle(k);
    ck_assert_int_eq(count_in(seen_in_hook, "hooked.aborted"), 0);
    ck_assert_int_eq(count_in(watched(k, all), "hooked.aborted"), 1);
    kit_close(k);
}
END_TEST

/* ---- damaged records ---- */

static void is_no_failure(kit *k, const char *verb, const char *key)
{
    const char *answer = kit_ask(k, verb, key);
    ck_assert_msg(!strstr(answer, "\"code\""), "%s: %s", verb, answer);
}

/* SEMANTICS 9: an error row, never a failed list. */
START_SCENARIO(damaged_records)
{
    kit_run(k, "two", "");
    const char *sound = k->key;
    const char *key = kit_start(k, "parent", "");
    kit_pass(k, 200);
    jpx_root_id id = root_id(k, key);

    jpx_record child = record_of(k, JPX_TABLE_PIPELINE, &id, 2); /* question #1 */
    damage(k, JPX_TABLE_PIPELINE, child.id.data, child.id.size);
    kit_assert_json(kit_tree(k, key, "children.1.error"), "the record of this pipeline is damaged");
    kit_assert_json(kit_tree(k, key, "children.2.pipe"), "again"); /* the others are there */
    has_line(look_why(k, key), "pipeline #1 has a damaged record");
    has_line(kit_field(k, "status", key, "pipelines"), "\"damaged\":1");

    jpx_record entry = record_of(k, JPX_TABLE_ENTRY, &id, 1); /* rec #0 */
    damage(k, JPX_TABLE_ENTRY, entry.id.data, entry.id.size);
    kit_assert_json(kit_tree(k, key, "children.0.error"), "the record of this pipeline is damaged");
    has_line(kit_field(k, "status", key, "pipelines"), "\"damaged\":2");
    static const char *const verbs[] = {"tree", "why", "status", "result"};
    for (size_t v = 0; v < 4; v++)
        is_no_failure(k, verbs[v], key);

    kit_ask(k, "abort", key); /* and the run can still be ended */
    kit_finish(k, key);
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_tree(k, key, "children.0.error"), "the record of this pipeline is damaged");

    char text[JPX_ROOT_TEXT];
    damage(k, JPX_TABLE_ROOT, id.b, sizeof id.b);
    const char *rows = kit_ask(k, "list", "{}");
    has_line(rows, "the record of this root is damaged");
    has_line(rows, jpx_root_text(text, &id));
    has_line(rows, sound);
    for (size_t v = 0; v < 4; v++) /* asked for by its id: no other root is there, but this one is not unknown */
        kit_assert_json(kit_field(k, verbs[v], jpx_root_text(text, &id), "error.code"), "damaged");
    kit_assert_json(kit_status(k, sound), "done");
}

int main(void)
{
    Suite *suite = suite_create("views");
    TCase *tcase = tcase_create("views");
    seam_use();
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s78_tree);
    kit_add_scenario(tcase, s79_statuses);
    kit_add_scenario(tcase, s79_queued_and_at_work);
    kit_add_scenario(tcase, s79_list);
    kit_add_scenario(tcase, events_of_a_run);
    kit_add_scenario(tcase, events_of_an_abort);
    kit_add_scenario(tcase, events_wait_for_the_hook);
    kit_add_scenario(tcase, damaged_records);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
