/* keys.c -- S71, S73: idempotency keys, cleanup. */
#include "seam.h"

/* ---- pipes ---- */

static kit *at_hand;

JP_PIPE(question, p, .takes = "any? unused", .gives = "any", .async = true)
{
    kit_note("ask");
    return jp_wait(p);
}

JP_PIPE(says_no, p, .takes = "any? unused")
{
    kit_note("no");
    return jp_abort(p, "m");
}

/* Whatever a root can have: children, barriers, fills, a large value, a delay, a retry, marks. */
JP_PIPE(all_kinds, p, .gives = "any", .fills = "any more")
{
    size_t size = 100 * 1024;
    char *large = jp_alloc(p, size);
    memset(large, 'x', size - 1);
    jp_future a = jp_yield(p, echo, (const char *)large), b = jp_yield(p, rec, 1), c = jp_yield(p, slow, 2, 20);
    jp_fill(p, "more", jp_yield(p, echo, a, b, c));
    return jp_return(p, jp_yield_with(p, JP_OPTIONS(.retry = {.attempts = 3, .first_ms = 10}), fail, 2));
}

static const jp_def *const pipes[] = {&echo, &rec, &slow, &fail, &question, &says_no, &all_kinds, NULL};

static size_t roots(kit *k)
{
    size_t count = 0;
    while (*kit_field(k, "list", "{\"limit\":1000}", jpx_format(k->arena, "roots.%zu", count)))
        count++;
    return count;
}

static const char *api_start(kit *k, const char *pipe, const char *key, const char *path)
{
    return kit_field(k, "start", jpx_format(k->arena, "{\"pipe\":\"%s\",\"args\":[4],\"key\":\"%s\"}", pipe, key),
                     path);
}

/* ---- S71 ---- */

/* SEMANTICS 8.1: the same key starts one root, whatever its state, by whatever way it comes. */
START_SCENARIO(s71_same_key_in_every_state)
{
    static const char *const cases[] = {"question", "rec", "says_no"}; /* waiting, done, aborted */
    for (size_t c = 0; c < 3; c++) {
        const char *key = jpx_format(k->arena, "order-%zu", c);
        const char *subject = jpx_format(k->arena, "start.%s", cases[c]);
        const char *id = api_start(k, cases[c], key, "root");
        ck_assert_uint_eq(strlen(id), 24);
        kit_pass(k, 200);
        if (c > 0)
            kit_finish(k, key);
        kit_assert_json(api_start(k, cases[c], key, "existed"), "true");
        kit_assert_json(api_start(k, cases[c], key, "root"), id);
        send_to(k, subject, "[5]", key, NULL); /* Jetpipe-Key */
        send_to(k, subject, "[6]", NULL, key); /* Nats-Msg-Id */
        kit_assert_json(kit_field(k, "start", jpx_format(k->arena, "{\"pipe\":\"echo\",\"key\":\"%s\"}", key), "root"),
                        id);
        kit_pass(k, 200);
        ck_assert_uint_eq(roots(k), c + 1);
    }
    kit_assert_json(kit_journal(), "ask, run 4, fin 4, no");
    kit_assert_json(kit_status(k, "order-0"), "running");
    kit_assert_json(kit_status(k, "order-1"), "done");
    kit_assert_json(kit_status(k, "order-2"), "aborted");
    static const char *const bad[] = {"", " a", "a ", "a\\r\\nJetpipe-Reply: x", "a\\tb"}; /* no header carries these */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        kit_assert_json(api_start(k, "rec", bad[i], "error.code"), "invalid");
    ck_assert_uint_eq(roots(k), 3);
    kit_ask(k, "abort", "order-0");
    kit_finish(k, "order-0");
}

static jpx_role *rival;
static size_t large_size;

static const char *large_args(kit *k, char letter)
{
    char *text = jpx_alloc(k->arena, large_size + 1);
    memset(text, letter, large_size);
    text[large_size] = '\0';
    return jpx_format(k->arena, "[\"%s\"]", text);
}

/* The api role at hand has written its pipeline and is about to write its root; another process is faster. */
static void rival_starts(const char *operation)
{
    if (strcmp(operation, "insert root") != 0)
        return;
    seam_before = NULL;
    send_to(at_hand, "start.echo", large_args(at_hand, 'b'), "once", NULL);
    step_role(at_hand, rival);
}

/* SEMANTICS 8.1: concurrent duplicates start one; no record of the loser stays, also not of its large arguments. */
START_SCENARIO(s71_two_at_once)
{
    at_hand = k;
    large_size = 200 * 1024;
    rival = other_role(k, JPX_ROLE_API);
    seam_before = rival_starts;
    kit_start_with_key(k, "echo", large_args(k, 'a'), "once");
    for (int i = 0; i < 100 && seam_before; i++) { /* on JetStream the rival may have got it: then nothing is at once */
        jpx_local_step(k->local);
        stand_still(k, 5);
    }
    ck_assert(!seam_before || !k->virtual_time);
    seam_before = NULL;
    close_others();
    kit_finish(k, "once");
    kit_pass(k, 200);
    ck_assert_uint_eq(roots(k), 1);
    jpx_root_id id = root_id(k, "once");
    size_t all = 0;
    for (int t = JPX_TABLE_ROOT + 1; t < JPX_TABLES; t++)
        all += t == JPX_TABLE_TIMER ? 0 : records_in(k, (jpx_table)t, NULL);
    ck_assert_uint_eq(all, records_of(k, &id));
    if (k->virtual_time) /* the rival was faster */
        ck_assert_int_eq(kit_result(k, "once")[1], 'b');
}

/* Ten of them, of which two api roles take what they get. */
START_SCENARIO(s71_many_at_once)
{
    rival = other_role(k, JPX_ROLE_API);
    for (int round = 0; round < 5; round++) {
        const char *key = jpx_format(k->arena, "round-%d", round);
        for (int i = 0; i < 10; i++) {
            send_to(k, "start.rec", jpx_format(k->arena, "[%d]", round), key, NULL);
            if (i % 3 == round % 3)
                jpx_role_step(rival, 0);
            if (i % 4 == round % 4)
                jpx_local_step(k->local);
        }
        step_role(k, rival);
        kit_run_until_idle(k);
    }
    close_others(); /* what it still holds comes again */
    for (int round = 0; round < 5; round++)
        kit_finish(k, jpx_format(k->arena, "round-%d", round));
    ck_assert_uint_eq(roots(k), 5);
    ck_assert_uint_eq(records_in(k, JPX_TABLE_PIPELINE, NULL), 5);
    for (int round = 0; round < 5; round++)
        ck_assert_int_eq(kit_noted(jpx_format(k->arena, "run %d", round)), 1);
}

/* SEMANTICS 8.1: after cleanup a key may be used again and works, by every way. */
START_SCENARIO(keys_after_cleanup)
{
    for (int round = 0; round < 3; round++) {
        send_to(k, "start.rec", jpx_format(k->arena, "[%d]", 10 + round), "a", NULL);
        send_to(k, "start.rec", jpx_format(k->arena, "[%d]", 20 + round), NULL, "b"); /* Nats-Msg-Id */
        kit_pass(k, 300);
        kit_finish(k, "a");
        kit_finish(k, "b");
        kit_assert_json(kit_result(k, "a"), jpx_format(k->arena, "%d", 10 + round));
        kit_assert_json(kit_result(k, "b"), jpx_format(k->arena, "%d", 20 + round));
        kit_assert_json(kit_field(k, "cleanup", "a", "removed"), "1");
        kit_assert_json(kit_field(k, "cleanup", "b", "removed"), "1");
    }
    kit_assert_json(api_start(k, "rec", "a", "existed"), "false");
    kit_finish(k, "a");
    kit_assert_json(kit_result(k, "a"), "4");
}

/* ---- S73 ---- */

/* The mark that says for five minutes that a root was cleaned up: see runtime/engine/tombstone.c. */
static const uint8_t *tombstone_of(kit *k, const jpx_root_id *id)
{
    uint8_t *mark = jpx_alloc(k->arena, JPX_MARK_SIZE);
    for (size_t i = 0; i < JPX_ROOT_SIZE; i++)
        mark[i] = (uint8_t)~id->b[i];
    return mark;
}

/* SEMANTICS 8.1; S73: everything of it, leftovers too, and nothing else. */
START_SCENARIO(s73_cleanup)
{
    const char *other = kit_start_with_key(k, "all_kinds", "", "other"),
               *key = kit_start_with_key(k, "all_kinds", "", "gone");
    const char *running = kit_start_with_key(k, "question", "[]", "running");
    kit_finish(k, other);
    kit_finish(k, key);
    kit_pass(k, 200);
    jpx_root_id id = root_id(k, key), kept = root_id(k, other);
    char text[JPX_ROOT_TEXT];
    const char *id_text = jpx_root_text(text, &id);
    put_leftover(k, &id);
    size_t kept_count = records_of(k, &kept);
    ck_assert_uint_gt(records_of(k, &id), 12);
    jpx_record child = record_of(k, JPX_TABLE_PIPELINE, &id, 2);

    kit_assert_json(kit_field(k, "cleanup", running, "error.code"), "refused");
    kit_assert_json(kit_field(k, "cleanup", "no-such-root", "error.code"), "not-found");
    const char *removed = kit_ask(k, "cleanup", key);
    ck_assert_msg(
        strstr(removed, jpx_format(k->arena, "{\"root\":\"%s\",\"pipe\":\"all_kinds\",\"key\":\"gone\",", id_text)) &&
            strstr(removed, "\"status\":\"done\"") && strstr(removed, "\"removed\":1"),
        "%s", removed);
    ck_assert_uint_eq(records_of(k, &id), 0);
    ck_assert_uint_eq(records_of(k, &kept), kept_count);
    kit_assert_json(kit_field(k, "status", key, "error.code"), "not-found");
    kit_assert_json(kit_field(k, "status", id_text, "error.code"), "not-found");
    kit_assert_json(kit_status(k, other), "done");
    kit_assert_json(kit_status(k, running), "running");

    /* Late events for it are dropped quietly: no record, no letter, nobody is held up. */
    jpx_sub *dead = watch_letters(k), *events = watch(k);
    int notes_then = (int)strlen(kit_journal());
    jpx_key late;
    memcpy(late.b, child.id.data, JPX_PIPELINE_SIZE);
    char at[JPX_KEY_TEXT];
    const char *pipeline = jpx_key_text(at, &late);
    send_to(k, "run.default.rec",
            jpx_format(k->arena, "{\"type\":\"io.jetpipe.run.v1\",\"root\":\"%s\",\"pipeline\":\"%s\",\"step\":0}",
                       id_text, pipeline),
            NULL, NULL);
    send_to(k, "run.default.rec",
            jpx_format(k->arena,
                       "{\"type\":\"io.jetpipe.run.v1\",\"root\":\"%s\",\"pipeline\":\"%s\",\"call\":\"finish\"}",
                       id_text, pipeline),
            NULL, NULL);
    send_to(
        k, "slot.0",
        jpx_format(k->arena,
                   "{\"type\":\"io.jetpipe.slot.v1\",\"root\":\"%s\",\"filled\":[\"%s/default\"],\"ended\":[\"%s\"]}",
                   id_text, pipeline, pipeline),
        NULL, NULL);
    send_to(k, "control.aborting", jpx_format(k->arena, "{\"root\":\"%s\"}", id_text), NULL, NULL);
    send_to(k, "control.sweep", jpx_format(k->arena, "{\"root\":\"%s\"}", id_text), NULL, NULL);
    kit_assert_json(kit_result(k, kit_run(k, "rec", "[3]")), "3");
    kit_pass(k, 300);
    kit_assert_json(letters(k, dead), "");
    ck_assert_uint_eq(records_of(k, &id), 0);
    ck_assert_str_eq(kit_journal() + notes_then, ", run 3, fin 3");
    ck_assert_ptr_null(strstr(watched(k, events), "echo"));

    /* A body in flight may have written since: the range is swept again. */
    damage(k, JPX_TABLE_PIPELINE, child.id.data, child.id.size);
    uint8_t mark[JPX_MARK_SIZE] = {0};
    memcpy(mark, late.b, JPX_PIPELINE_SIZE);
    damage(k, JPX_TABLE_MARK, mark, sizeof mark);
    ck_assert_uint_eq(records_of(k, &id), 2);
    if (k->virtual_time) {
        kit_pass(k, 301 * 1000);
    } else { /* as its timer does when the tombstone's five minutes are over */
        jpx_bytes tombstone = {tombstone_of(k, &id), JPX_MARK_SIZE};
        jp_error err;
        ck_assert(jpx_store_remove(jpx_local_store(k->local), JPX_TABLE_MARK, &tombstone, 1, &err) == JP_OK);
        send_to(k, "control.sweep", jpx_format(k->arena, "{\"root\":\"%s\"}", id_text), NULL, NULL);
    }
    kit_pass(k, 200);
    ck_assert_uint_eq(records_of(k, &id), 0);
    ck_assert_uint_eq(records_of(k, &kept), kept_count);
    kit_assert_json(kit_status(k, running), "running");
}

/* By age and status, while others run. */
START_SCENARIO(s73_cleanup_by_age)
{
    const char *running = kit_start(k, "question", "[]");
    for (int i = 0; i < 12; i++)
        kit_run(k, i % 3 ? "rec" : "says_no", i % 3 ? "[1]" : "");
    kit_pass(k, 500);
    const char *fresh = kit_run(k, "rec", "[2]");
    kit_assert_json(kit_field(k, "cleanup", "{\"older_ms\":3600000}", "removed"), "0");
    kit_assert_json(kit_field(k, "cleanup", "{\"older_ms\":400,\"status\":\"aborted\"}", "removed"), "4");
    ck_assert_uint_eq(roots(k), 10);
    kit_assert_json(kit_field(k, "cleanup", "{\"older_ms\":400}", "removed"), "8");
    kit_assert_json(kit_status(k, fresh), "done");
    kit_assert_json(kit_status(k, running), "running");
    kit_assert_json(kit_field(k, "cleanup", "{\"older_ms\":0,\"status\":\"running\"}", "error.code"), "invalid");
    kit_assert_json(kit_field(k, "cleanup", "{}", "error.code"), "invalid");
    ck_assert_uint_eq(roots(k), 2);
    kit_assert_json(kit_field(k, "cleanup", "{\"older_ms\":0}", "removed"), "1");
    kit_assert_json(kit_status(k, running), "running");
}

int main(void)
{
    Suite *suite = suite_create("keys");
    TCase *tcase = tcase_create("keys");
    seam_use();
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s71_same_key_in_every_state);
    kit_add_scenario(tcase, s71_two_at_once);
    kit_add_scenario(tcase, s71_many_at_once);
    kit_add_scenario(tcase, keys_after_cleanup);
    kit_add_scenario(tcase, s73_cleanup);
    kit_add_scenario(tcase, s73_cleanup_by_age);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
