/* bodies.c -- what a body is: it runs once for each attempt and never waits; its plan is adopted as a whole or not at
 * all; it ends in one of five ways; outputs that it forwards are filled by others. S46 is in retry.c. */
#include "records.h"

static kit *here; /* bodies run in this process, so they can check that nothing of theirs is stored yet */

JP_PIPE(looks_around, p, .gives = "int64")
{
    kit_note("begin %d", jp_attempt(p));
    jp_future one = jp_yield(p, rec, 1);
    jp_future two = jp_yield(p, rec, one);
    kit_note("%zu stored", kit_records(here, JPX_TABLE_PIPELINE) + kit_records(here, JPX_TABLE_BARRIER) +
                               kit_records(here, JPX_TABLE_ENTRY));
    kit_note("end");
    return jp_return(p, two);
}

JP_PIPE(plans_three, p, .gives = "any")
{
    kit_note("plan %d", jp_attempt(p));
    jp_future a = jp_yield(p, rec, 1), b = jp_yield(p, rec, a);
    jp_yield(p, slow, 3, 50);
    return jp_return(p, jp_yield(p, echo, a, b));
}

/* ---- the five ways ---- */

static char ticket[128];

JP_PIPE(ends, p, .takes = "string how", .gives = "any", .async = true,
        .retry = {.attempts = 2, .first_ms = 40, .jitter = JP_NO_JITTER})
{
    const char *how = jp_string(p, "how");
    kit_note("%s %d", how, jp_attempt(p));
    if (strcmp(how, "value") == 0)
        return jp_return(p, 1);
    if (strcmp(how, "future") == 0)
        return jp_return(p, jp_yield(p, echo, 2));
    if (strcmp(how, "later") == 0)
        return jp_return_in(p, 60, 3);
    if (strcmp(how, "done") == 0)
        return jp_done(p);
    if (strcmp(how, "wait") == 0) {
        snprintf(ticket, sizeof ticket, "%s", jp_ticket(p));
        return jp_wait(p);
    }
    if (strcmp(how, "retry") == 0)
        return jp_attempt(p) == 1 ? jp_retry(p, "again, please") : jp_return(p, 5);
    if (strcmp(how, "retry in") == 0)
        return jp_attempt(p) == 1 ? jp_retry_in(p, 500, "in a while") : jp_return(p, 6);
    if (strcmp(how, "no reason") == 0)
        return jp_abort(p, "%s", "");
    return jp_abort(p, "because of %s", how);
}

/* Only the ending that is returned counts. */
JP_PIPE(changes_its_mind, p, .gives = "int64")
{
    jp_end no = jp_abort(p, "no"), again = jp_retry(p, "again"), one = jp_return(p, 1);
    (void)no;
    (void)again;
    (void)one;
    return jp_return(p, 2);
}

/* ---- forwarded outputs ---- */

JP_PIPE(deep, p, .takes = "int64 n", .gives = "int64")
{
    if (jp_int64(p, "n") == 0)
        return jp_return(p, 99);
    return jp_return(p, jp_yield(p, deep, jp_int64(p, "n") - 1));
}

/* Waits for its own recursion at each level. */
JP_PIPE(ladder, p, .takes = "int64 n", .gives = "int64")
{
    if (jp_int64(p, "n") == 0)
        return jp_return(p, 99);
    jp_future v = jp_yield(p, ladder, jp_int64(p, "n") - 1);
    jp_yield(p, echo, v);
    return jp_return(p, v);
}

/* The two outputs change places at each level. */
JP_PIPE(crossed, p, .takes = "int64 n", .gives = "int64", .fills = "int64 x")
{
    if (jp_int64(p, "n") == 0) {
        jp_fill(p, "x", 5);
        return jp_return(p, 6);
    }
    jp_future f = jp_yield(p, crossed, jp_int64(p, "n") - 1);
    if (jp_int64(p, "n") == 4) /* a consumer in the middle */
        jp_yield(p, echo, f, jp_slot(p, f, "x"));
    jp_fill(p, "x", f);
    return jp_return(p, jp_slot(p, f, "x"));
}

JP_PIPE(take_crossed, p, .takes = "int64 n", .gives = "any")
{
    jp_future f = jp_yield(p, crossed, jp_arg(p, "n"));
    return jp_return(p, jp_yield(p, echo, f, jp_slot(p, f, "x")));
}

/* One slot of a child becomes three outputs. */
JP_PIPE(thrice, p, .gives = "int64", .fills = "int64 a, int64 b")
{
    jp_future f = jp_slot(p, jp_yield(p, crossed, 0), "x");
    jp_fill(p, "a", f);
    jp_fill(p, "b", f);
    return jp_return(p, f);
}

JP_PIPE(take_thrice, p, .gives = "any")
{
    jp_future f = jp_yield(p, thrice);
    return jp_return(p, jp_yield(p, echo, f, jp_slot(p, f, "a"), jp_slot(p, f, "b")));
}

JP_PIPE(two_deep, p, .takes = "int64 ms", .gives = "any")
{
    jp_yield(p, slow, 1, jp_arg(p, "ms"));
    return jp_done(p);
}

JP_PIPE(side_work, p, .takes = "int64 ms", .gives = "string")
{
    jp_yield(p, two_deep, jp_arg(p, "ms"));
    return jp_return(p, "at once");
}

JP_PIPE(forwards_null, p, .gives = "any")
{
    return jp_return(p, jp_yield(p, echo));
}

JP_PIPE(takes_null, p, .gives = "any")
{
    return jp_return(p, jp_yield(p, echo, jp_yield(p, forwards_null), 1));
}

/* ---- on_reply ends like a body ---- */

static jp_end takes_reply(jp_ctx *p, jp_value reply)
{
    const char *how = jp_get_string(p, reply, "how");
    kit_note("reply %s %d", how, jp_attempt(p));
    if (strcmp(how, "plan") == 0) {
        jp_future a = jp_yield(p, rec, 21);
        jp_fill(p, "late", jp_yield(p, rec, 22));
        jp_after (p, a)
            jp_yield(p, rec, 23);
        return jp_return(p, a);
    }
    if (strcmp(how, "wait") == 0) {
        snprintf(ticket, sizeof ticket, "%s", jp_ticket(p));
        return jp_wait(p);
    }
    if (strcmp(how, "later") == 0) {
        jp_fill(p, "late", 30);
        return jp_return_in(p, 50, 31);
    }
    if (strcmp(how, "retry") == 0)
        return jp_retry(p, "not this one");
    if (strcmp(how, "abort") == 0)
        return jp_abort(p, "refused by reply");
    jp_fill(p, "late", 40);
    return jp_return(p, jp_get_int64(p, reply, "value"));
}

JP_PIPE(replied, p, .gives = "int64", .fills = "int64 early, int64 late", .async = true, .on_reply = takes_reply,
        .retry = {.attempts = 3, .first_ms = 20, .jitter = JP_NO_JITTER})
{
    kit_note("asks %d", jp_attempt(p));
    snprintf(ticket, sizeof ticket, "%s", jp_ticket(p));
    jp_fill(p, "early", jp_attempt(p));
    return jp_wait(p);
}

JP_PIPE(takes_replied, p, .gives = "any")
{
    jp_future f = jp_yield(p, replied);
    return jp_return(p, jp_yield(p, echo, f, jp_slot(p, f, "early"), jp_slot(p, f, "late")));
}

/* ---- keys and queues ---- */

static char keys[4][64];
static int keys_count;

JP_PIPE(keyed, p, .queue = "elsewhere", .retry = {.attempts = 2, .first_ms = 20})
{
    snprintf(keys[keys_count++ % 4], sizeof *keys, "%s", jp_key(p));
    return jp_attempt(p) == 1 ? jp_retry(p, "once") : jp_done(p);
}

JP_PIPE(two_keyed, p)
{
    jp_in_order (p) {
        jp_yield(p, keyed);
        jp_yield(p, keyed);
    }
    return jp_done(p);
}

static const jp_def *const pipes[] = {
    &echo,          &rec,       &slow,          &looks_around, &plans_three,      &ends,
    &deep,          &ladder,    &crossed,       &take_crossed, &thrice,           &take_thrice,
    &two_deep,      &side_work, &forwards_null, &takes_null,   &changes_its_mind, &replied,
    &takes_replied, &keyed,     &two_keyed,     NULL};

/* SEMANTICS 2.1, 2.2 */
START_SCENARIO(nothing_starts_before_the_end)
{
    here = k;
    const char *key = kit_run(k, "looks_around", "");
    ck_assert_ptr_eq(strstr(kit_journal(), "begin 1, 1 stored, end, run 1"), kit_journal());
    ck_assert_int_eq(kit_noted("begin 1"), 1);
    ck_assert_int_eq(kit_noted("run 1"), 2);
    kit_assert_json(kit_result(k, key), "1");
    kit_assert_json(kit_steps_of(k, kit_pipeline_of(k, "looks_around", 0)), "planned");
}

/* ---- one attempt executed twice: two workers hold its event at the same time ---- */

static const jpx_store_ops *real_ops;
static jpx_store_ops changed_ops;
static jpx_role *rival;     /* a second worker */
static int planned_inserts; /* inserts of the root's `planned` entry so far; -1 = not watched */
static bool rival_wins;

static bool has_planned(const jpx_record *r, size_t count)
{
    jpx_arena *arena = jpx_arena_new();
    bool found = false;
    for (size_t i = 0; i < count && !found; i++) {
        jpx_entry entry;
        found = jpx_entry_decode(r[i].doc, arena, &entry) && entry.kind == JPX_ENTRY_PLANNED;
    }
    jpx_arena_free(arena);
    return found;
}

/* When the first worker is about to adopt its children, the second one receives the same event and executes it. The one
 * whose entry is written first wins. */
static jp_status rivals_insert(jpx_store *s, jpx_table table, const jpx_record *r, size_t n, bool *dup, jp_error *err)
{
    static const jpx_record *first;
    static size_t first_count;
    if (table != JPX_TABLE_ENTRY || planned_inserts < 0 || !has_planned(r, n))
        return real_ops->insert(s, table, r, n, dup, err);
    if (++planned_inserts == 1) {
        first = r;
        first_count = n;
        for (int i = 0; i < 50 && planned_inserts == 1; i++) { /* JetStream may deliver it to the first one */
            kit_send_run(here, kit_pipeline_of(here, "plans_three", 0), 0, false);
            jpx_role_step(rival, here->virtual_time ? 0 : 20);
        }
    } else if (planned_inserts == 2 && !rival_wins) {
        jp_status status = real_ops->insert(s, table, first, first_count, NULL, err);
        if (status != JP_OK)
            return status;
    }
    return real_ops->insert(s, table, r, n, dup, err);
}

static jp_status rivals_clone(jpx_store **out, jpx_store *s, jp_error *err)
{
    jp_status status = real_ops->clone(out, s, err);
    if (status == JP_OK)
        (*out)->ops = &changed_ops;
    return status;
}

static jpx_store *watch_inserts(jpx_store *inner)
{
    real_ops = inner->ops;
    changed_ops = *inner->ops;
    changed_ops.insert = rivals_insert;
    changed_ops.clone = rivals_clone;
    inner->ops = &changed_ops;
    return inner;
}

static void executed_twice(int ground, bool second_wins)
{
    kit_wrap_store = watch_inserts;
    kit *k = kit_open(ground, pipes);
    kit_wrap_store = NULL;
    if (!k)
        return;
    jpx_parts parts = {.env = jpx_local_env(k->local),
                       .registry = k->registry,
                       .store = jpx_local_store(k->local),
                       .bus = jpx_local_bus(k->local),
                       .worker = "rival"};
    jp_error err = {0};
    ck_assert_msg(jpx_role_open(&rival, JPX_ROLE_WORKER, &parts, NULL, &err) == JP_OK, "%s", err.text);
    here = k;
    planned_inserts = 0;
    rival_wins = second_wins;
    const char *key = kit_run(k, "plans_three", "");
    ck_assert_int_eq(planned_inserts, 2);
    planned_inserts = -1;

    ck_assert_int_eq(kit_noted("plan 1"), 2); /* the attempt was executed twice and counted once */
    kit_assert_json(kit_tree(k, key, "attempt"), "1");
    kit_assert_json(kit_result(k, key), "[1,1]");
    ck_assert_int_eq(kit_noted("run 1"), 2);
    ck_assert_int_eq(kit_noted("fin 1"), 2);
    ck_assert_int_eq(kit_noted("slow 3"), 1);
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":5}");
    kit_assert_json(kit_field(k, "tree", key, "total"), "5");
    kit_assert_json(kit_tree(k, key, "children.4"), "");
    kit_assert_json(kit_steps_of(k, kit_pipeline_of_root(k, key)), "planned");

    /* the other plan is stored, has no entries, and is not counted */
    int without = 0;
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_PIPELINE), 1 + 4 * 2);
    for (size_t i = 0; i < 4; i++)
        without += strcmp(kit_steps_of(k, kit_pipeline_of(k, "rec", i)), "") == 0;
    ck_assert_int_eq(without, 2);

    kit_assert_json(kit_field(k, "cleanup", key, "removed"), "1"); /* a cleanup removes both */
    kit_run_until_idle(k);
    for (int t = 0; t < JPX_TABLES; t++)
        ck_assert_msg(kit_records(k, (jpx_table)t) ==
                          (t == JPX_TABLE_TIMER || t == JPX_TABLE_MARK), /* of the second removal; a tombstone */
                      "%s: %zu records of %s are left", k->ground, kit_records(k, (jpx_table)t),
                      jpx_table_name((jpx_table)t));
    jpx_role_close(rival);
    kit_close(k);
}

/* SEMANTICS 2.3, 6.2: one set of children is adopted; the other is inert. */
START_TEST(executed_twice_the_first_wins)
{
    executed_twice(_i, false);
}
END_TEST

START_TEST(executed_twice_the_second_wins)
{
    executed_twice(_i, true);
}
END_TEST

/* SEMANTICS 2.5 */
START_SCENARIO(five_ways_to_end)
{
    const char *key;
    kit_assert_json(kit_result(k, kit_run(k, "ends", "[\"value\"]")), "1");
    kit_assert_json(kit_result(k, kit_run(k, "ends", "[\"future\"]")), "2");
    kit_assert_json(kit_result(k, kit_run(k, "ends", "[\"done\"]")), "null");

    key = kit_run(k, "ends", "[\"later\"]");
    kit_assert_json(kit_result(k, key), "3");
    jpx_journal later = kit_journal_of(k, kit_pipeline_of_root(k, key));
    ck_assert_int_eq(later.entries[0].due_ms - later.entries[0].at_ms, 60);
    ck_assert_int_ge(later.entries[1].at_ms, later.entries[0].due_ms);

    key = kit_start(k, "ends", "[\"wait\"]");
    kit_pass(k, 200);
    kit_assert_json(kit_status(k, key), "running");
    kit_ask(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":\"four\"}", ticket));
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "\"four\"");

    key = kit_run(k, "ends", "[\"retry\"]");
    kit_assert_json(kit_result(k, key), "5");
    kit_assert_json(kit_tree(k, key, "attempt"), "2");
    kit_assert_json(kit_tree(k, key, "failure.text"), "again, please");

    key = kit_run(k, "ends", "[\"retry in\"]");
    kit_assert_json(kit_result(k, key), "6");
    jpx_journal again = kit_journal_of(k, kit_pipeline_of_root(k, key));
    ck_assert_int_eq(again.entries[0].due_ms - again.entries[0].at_ms, 500); /* not the policy's 40 */

    key = kit_run(k, "ends", "[\"spite\"]");
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_reason(k, key), "because of spite");
    ck_assert_int_eq(kit_noted("spite 1"), 1);
    ck_assert_int_eq(kit_noted("spite 2"), 0);
    key = kit_run(k, "ends", "[\"no reason\"]");
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_int_eq(kit_noted("no reason 1"), 1);

    key = kit_run(k, "changes_its_mind", "");
    kit_assert_json(kit_result(k, key), "2");
    kit_assert_json(kit_tree(k, key, "attempt"), "1");
}

static const char *reply(kit *k, const char *how)
{
    return kit_ask(k, "reply",
                   jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":{\"how\":\"%s\",\"value\":7}}", ticket, how));
}

static const char *start_replied(kit *k)
{
    ticket[0] = '\0';
    const char *key = kit_start(k, "takes_replied", "");
    for (int i = 0; i < 100 && !ticket[0]; i++)
        kit_pass(k, 50);
    return key;
}

static void until_noted(kit *k, const char *text)
{
    for (int i = 0; i < 100 && !kit_noted(text); i++)
        kit_pass(k, 50);
    ck_assert_msg(kit_noted(text) > 0, "%s: %s", text, kit_journal());
}

/* SEMANTICS 2.5, 8.2: on_reply ends in the same five ways, and may plan children and fill outputs. */
START_SCENARIO(replies_end_like_bodies)
{
    const char *key = start_replied(k);
    kit_assert_json(reply(k, "value"), "{\"accepted\":true}");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "[7,1,40]");

    key = start_replied(k);
    reply(k, "plan");
    kit_finish(k, key);
    kit_assert_json(kit_reason(k, key), "");
    kit_assert_json(kit_result(k, key), "[21,1,22]");
    ck_assert(kit_before("fin 21", "run 23"));
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":6}");

    key = start_replied(k);
    reply(k, "later");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "[31,1,30]");

    key = start_replied(k);
    reply(k, "wait");
    until_noted(k, "reply wait 1");
    kit_pass(k, 50);
    reply(k, "value");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "[7,1,40]");

    key = start_replied(k);
    reply(k, "retry"); /* a failed attempt: the body runs again */
    until_noted(k, "asks 2");
    kit_pass(k, 50);
    reply(k, "value");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "[7,2,40]");

    key = start_replied(k);
    reply(k, "abort");
    kit_finish(k, key);
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_reason(k, key), "refused by reply");
    kit_assert_json(kit_tree(k, key, "children.0.outputs"), "");
}

/* A pipeline's key is the same in every attempt, and unique. A pipe may have its own queue. */
START_SCENARIO(keys_and_queues)
{
    keys_count = 0;
    const char *key = kit_run(k, "two_keyed", "");
    kit_assert_json(kit_status(k, key), "done");
    ck_assert_int_eq(keys_count, 4);
    ck_assert_str_eq(keys[0], keys[1]);
    ck_assert_str_eq(keys[2], keys[3]);
    ck_assert_str_ne(keys[0], keys[2]);
    ck_assert_str_eq(kit_child_of_root(k, key, 0)->queue, "elsewhere");
}

/* SEMANTICS 2.6: to any depth, at no cost. */
START_SCENARIO(forwarded_to_any_depth)
{
    kit_assert_json(kit_result(k, kit_run(k, "deep", "[60]")), "99");
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_FILL), 1); /* for the root's slot; none for the levels between */
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_VALUE), 0);
    kit_assert_json(kit_result(k, kit_run(k, "ladder", "[40]")), "99");
}

/* SEMANTICS 2.6: named slots, in any combination. */
START_SCENARIO(forwarded_by_name)
{
    kit_assert_json(kit_result(k, kit_run(k, "take_crossed", "[0]")), "[6,5]");
    kit_assert_json(kit_result(k, kit_run(k, "take_crossed", "[1]")), "[5,6]");
    kit_assert_json(kit_result(k, kit_run(k, "take_crossed", "[8]")), "[6,5]");
    kit_assert_json(kit_result(k, kit_run(k, "crossed", "[7]")), "5");
    kit_assert_json(kit_result(k, kit_run(k, "take_thrice", "")), "[5,5,5]");
    kit_assert_json(kit_result(k, kit_run(k, "takes_null", "")), "[null,1]");
}

/* SEMANTICS 2.6, 5.2, 5.3: a body that returns a value after yields: the children are side work. */
START_SCENARIO(side_work_goes_on)
{
    const char *key = kit_start(k, "side_work", k->virtual_time ? "[60000]" : "[1500]");
    kit_pass(k, 300);
    kit_assert_json(kit_result(k, key), "\"at once\"");
    kit_assert_json(kit_status(k, key), "running");
    ck_assert_int_eq(kit_noted("slow 1"), 1);
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "\"at once\"");
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":3}");
    ck_assert_int_ge(kit_root_of(k, key).ended_ms - kit_root_of(k, key).started_ms, k->virtual_time ? 60000 : 1500);
}

int main(void)
{
    Suite *suite = suite_create("bodies");
    TCase *tcase = tcase_create("bodies");
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, nothing_starts_before_the_end);
    kit_add_scenario(tcase, executed_twice_the_first_wins);
    kit_add_scenario(tcase, executed_twice_the_second_wins);
    kit_add_scenario(tcase, five_ways_to_end);
    kit_add_scenario(tcase, replies_end_like_bodies);
    kit_add_scenario(tcase, keys_and_queues);
    kit_add_scenario(tcase, forwarded_to_any_depth);
    kit_add_scenario(tcase, forwarded_by_name);
    kit_add_scenario(tcase, side_work_goes_on);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
