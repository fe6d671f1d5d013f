/* replies.c -- SEMANTICS 8.2 to 8.4: replies and tickets on every way in, timers, what is malformed. */
#include "api/view.h"
#include "engine/root.h"
#include "seam.h"
#include <pthread.h>
#include <unistd.h>

/* ---- pipes ---- */

static char tickets[8][128]; /* by attempt */
static kit *at_hand;
static const char *at_once; /* a reply that is sent from within the body */

JP_PIPE(question, p, .gives = "string", .async = true)
{
    snprintf(tickets[jp_attempt(p)], sizeof tickets[0], "%s", jp_ticket(p));
    kit_note("ask %d", jp_attempt(p));
    if (at_once)
        send_to(at_hand, jpx_format(at_hand->arena, "reply.%s", tickets[1]), at_once, NULL, NULL);
    return jp_wait(p);
}

JP_PIPE(has_question, p, .gives = "any")
{
    return jp_return(p, jp_yield(p, echo, jp_yield(p, question)));
}

static jp_end judged(jp_ctx *p, jp_value reply)
{
    const char *how = jp_get_string(p, reply, "how");

    kit_note("judge %s", how);
    if (strcmp(how, "return") == 0)
        return jp_return(p, jp_get(p, reply, "value"));
    if (strcmp(how, "done") == 0)
        return jp_done(p);
    if (strcmp(how, "wait") == 0) {
        snprintf(tickets[jp_attempt(p)], sizeof tickets[0], "%s", jp_ticket(p));
        return jp_wait(p);
    }
    if (strcmp(how, "later") == 0)
        return jp_return_in(p, 30, jp_get(p, reply, "value"));
    if (strcmp(how, "child") == 0)
        return jp_return(p, jp_yield(p, rec, 77));
    if (strcmp(how, "abort") == 0)
        return jp_abort(p, "judged");
    return jp_retry(p, "not understood");
}

JP_PIPE(judge, p, .async = true, .on_reply = judged, .retry = {.attempts = 3, .first_ms = 10, .jitter = JP_NO_JITTER})
{
    snprintf(tickets[jp_attempt(p)], sizeof tickets[0], "%s", jp_ticket(p));
    kit_note("ask %d", jp_attempt(p));
    return jp_wait(p);
}

static int64_t times[8];

JP_PIPE(timed, p, .async = true, .timeout_ms = 7000,
        .retry = {.attempts = 4, .first_ms = 3000, .factor = 2, .jitter = JP_NO_JITTER})
{
    times[jp_attempt(p)] = kit_now(at_hand);
    if (jp_attempt(p) == 1)
        return jp_wait(p); /* 7 s, then 3 s until the next */
    if (jp_attempt(p) == 2)
        return jp_retry(p, "after 6 s");
    if (jp_attempt(p) == 3)
        return jp_retry_in(p, 2500, "after 2.5 s");
    return jp_return_in(p, 1200, 1);
}

static const jp_def *const pipes[] = {&echo, &rec, &question, &has_question, &judge, &timed, NULL};

/* ---- ways in ---- */

static const char *reply(kit *k, const char *ticket, const char *value)
{
    return kit_ask(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":%s}", ticket, value));
}

/* On the subject, with somebody who waits for the answer. */
static const char *reply_on_subject(kit *k, const char *ticket, const char *value)
{
    jpx_bus *bus = jpx_local_bus(k->local);
    const char *inbox = jpx_bus_inbox(bus, k->arena), *answer = NULL;
    jpx_message message = {.subject = jpx_format(k->arena, "%s.reply.%s", k->prefix, ticket),
                           .data = {(const uint8_t *)value, strlen(value)},
                           .reply_to = inbox};
    jpx_delivery *delivery;
    jpx_sub *sub;
    jp_error err;

    ck_assert_int_eq(jpx_bus_listen(&sub, bus, inbox, NULL, &err), JP_OK);
    ck_assert_int_eq(jpx_bus_publish(bus, &message, 1, 5000, &err), JP_OK);
    for (int i = 0; i < 4000 && !answer; i++) {
        jpx_local_step(k->local);
        if (jpx_sub_fetch(sub, &delivery, 1, k->virtual_time ? 0 : 2)) {
            answer = jpx_strndup(k->arena, (const char *)delivery->data.data, delivery->data.size);
            jpx_sub_drop(sub, &delivery, 1);
        }
    }
    jpx_sub_close(sub);
    ck_assert_ptr_nonnull(answer);
    return answer;
}

static const char *changed_at(kit *k, const char *ticket, size_t from_end)
{
    char *out = jpx_strdup(k->arena, ticket);
    char *at = out + strlen(out) - from_end;
    *at = *at == 'A' ? 'B' : 'A';
    return out;
}

/* SEMANTICS 8.2: whatever is wrong with a ticket, the answer is the same, byte for byte. */
START_SCENARIO(s66_one_refusal)
{
    const char *key = kit_start(k, "judge", "");
    kit_pass(k, 150);
    const char *first = jpx_strdup(k->arena, tickets[1]);
    reply(k, first, "{\"how\":\"retry\"}"); /* a reply that fails: the next attempt asks again */
    kit_pass(k, 200);
    const char *second = jpx_strdup(k->arena, tickets[2]);
    const char *other = kit_start(k, "question", "");
    kit_pass(k, 150);
    const char *aborted = jpx_strdup(k->arena, tickets[1]);
    kit_ask(k, "abort", other);
    kit_finish(k, other);
    ck_assert_str_ne(first, second);

    const char *plain = reply(k, "garbage", "1");
    ck_assert_ptr_nonnull(strstr(plain, "\"refused\""));
    const char *const bad[] = {"garbage",
                               "x",
                               first,                     /* used, and of another attempt */
                               changed_at(k, second, 3),  /* a wrong token */
                               changed_at(k, second, 50), /* another root */
                               changed_at(k, second, 40), /* another generation */
                               aborted,                   /* its run has ended */
                               jpx_format(k->arena, "%sA", second),
                               jpx_strndup(k->arena, second, strlen(second) - 1)};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_msg(strcmp(reply(k, bad[i], "{\"how\":\"abort\"}"), plain) == 0, "%zu", i);
        ck_assert_msg(strcmp(reply_on_subject(k, bad[i], "{\"how\":\"abort\"}"), plain) == 0, "%zu", i);
    }
    ck_assert_ptr_nonnull(strstr(reply_on_subject(k, second, "{\"how\":\"return\",\"value\":5}"), "\"accepted\":true"));
    kit_assert_json(reply(k, second, "{\"how\":\"return\",\"value\":5}"), plain); /* once */
    kit_finish(k, key);
    kit_assert_json(reply_on_subject(k, second, "{\"how\":\"return\",\"value\":6}"), plain);
    kit_assert_json(kit_result(k, key), "5");
    kit_assert_json(kit_tree(k, key, "attempt"), "2");
    kit_assert_json(kit_journal(), "ask 1, judge retry, ask 2, ask 1, judge return");
    jpx_root_id id = root_id(k, key); /* and after a cleanup */
    kit_assert_json(kit_field(k, "cleanup", key, "removed"), "1");
    kit_assert_json(reply(k, second, "1"), plain);
    ck_assert_uint_eq(records_of(k, &id), 0);
}

/* SEMANTICS 8.2: reading the store does not give the ticket, nor do the events. */
START_SCENARIO(tickets_are_not_stored)
{
    uint8_t token[JPX_TOKEN_SIZE], hash[32];
    uint32_t step;
    jpx_key at;
    jpx_sub *events = watch(k);
    kit_start(k, "question", "");
    kit_pass(k, 150);
    ck_assert(jpx_ticket_parse(tickets[1], &at, &step, token));
    jpx_token_hash(token, hash);
    ck_assert(stored_anywhere(k, hash, sizeof hash)); /* the search finds what is there */
    ck_assert(!stored_anywhere(k, token, sizeof token));
    ck_assert(!stored_anywhere(k, tickets[1] + 30, 20));
    ck_assert_ptr_null(strstr(kit_ask(k, "tree", k->key), tickets[1] + 30));
    ck_assert_ptr_null(strstr(watched(k, events), tickets[1] + 30));
    if (k->virtual_time) { /* and a body that waits holds nothing */
        jpx_memory_item *items;
        ck_assert_uint_eq(jpx_memory_bus_list(seam_inner_bus(k), JPX_STREAM_RUN, k->arena, &items), 0);
    }
    reply(k, tickets[1], "\"yes\"");
    kit_finish(k, k->key);
}

/* SEMANTICS 2.5, 8.2: on_reply ends in the same five ways; a failed one is a failed attempt. */
START_SCENARIO(five_ways_of_a_reply)
{
    static const struct {
        const char *value, *result, *status;
    } ways[] = {{"{\"how\":\"return\",\"value\":[1,null]}", "[1,null]", "done"},
                {"{\"how\":\"done\"}", "null", "done"},
                {"{\"how\":\"later\",\"value\":3}", "3", "done"},
                {"{\"how\":\"child\"}", "77", "done"},
                {"{\"how\":\"abort\"}", "", "aborted"}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const char *key = kit_start(k, "judge", "");
        kit_pass(k, 150);
        reply(k, tickets[1], ways[i].value);
        kit_finish(k, key);
        kit_assert_json(kit_status(k, key), ways[i].status);
        kit_assert_json(kit_result(k, key), ways[i].result);
        kit_assert_json(kit_tree(k, key, "attempt"), "1");
    }
    const char *key = kit_start(k, "judge", "");
    kit_pass(k, 150);
    const char *first = jpx_strdup(k->arena, tickets[1]);
    reply(k, first, "{\"how\":\"wait\"}"); /* waits on, under another ticket; still attempt 1 */
    kit_pass(k, 150);
    ck_assert_str_ne(first, tickets[1]);
    ck_assert_ptr_nonnull(strstr(reply(k, first, "{\"how\":\"done\"}"), "refused"));
    reply(k, tickets[1], "{\"how\":\"return\",\"value\":9}");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "9");
    kit_assert_json(kit_tree(k, key, "attempt"), "1");

    key = kit_start(k, "judge", "");
    for (int attempt = 1; attempt <= 3; attempt++) {
        kit_pass(k, 250);
        reply(k, tickets[attempt], "{\"how\":\"retry\"}");
    }
    kit_finish(k, key);
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "after 3 attempts: not understood"));
}

/* SEMANTICS 8.2: without the hook the value is the output; one of another type leaves the ticket as it was. PROTOCOL 7:
 * the answer may come while the body is still at work. */
START_SCENARIO(replies_without_hook)
{
    const char *key = kit_start(k, "has_question", "");
    kit_pass(k, 150);
    const char *answer = reply(k, tickets[1], "17");
    ck_assert_ptr_nonnull(strstr(answer, "question gives string"));
    ck_assert_ptr_nonnull(strstr(reply(k, tickets[1], "\"seventeen\""), "\"accepted\":true"));
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "\"seventeen\"");
    at_hand = k;
    at_once = "\"at once\"";
    key = kit_run(k, "has_question", "");
    at_once = NULL;
    kit_assert_json(kit_result(k, key), "\"at once\"");
}

/* ---- the C client, from another thread ---- */

typedef struct caller {
    const char *url, *prefix, *ticket;
    jp_status first, second, wrong;
    char second_text[512], wrong_text[512];
    jp_root root, same;
    volatile bool over;
} caller;

static void *call(void *arg)
{
    caller *c = arg;
    jp_client *client = NULL;
    jp_error err = {0};

    if (jp_client_open(&client, &(jp_client_options){.nats = c->url, .prefix = c->prefix}, &err) == JP_OK) {
        c->first = jp_reply(client, c->ticket, "by hand", &err);
        c->second = jp_reply(client, c->ticket, "by hand", &err);
        snprintf(c->second_text, sizeof c->second_text, "%s", err.text);
        c->wrong = jp_reply(client, "garbage", "by hand", &err);
        snprintf(c->wrong_text, sizeof c->wrong_text, "%s", err.text);
        jp_start_json(client, &c->root, &err, "rec", "[1]", "from-c");
        jp_start_json(client, &c->same, &err, "rec", "[2]", "from-c");
        jp_client_close(client);
    }
    c->over = true;
    return NULL;
}

/* SEMANTICS 8.1, 8.2 */
START_SCENARIO(c_client)
{
    pthread_t thread;
    if (k->virtual_time)
        return; /* it speaks NATS only */
    const char *key = kit_start(k, "question", "");
    kit_pass(k, 150);
    caller c = {.url = getenv("JETPIPE_TEST_NATS"), .prefix = k->prefix, .ticket = tickets[1], .first = JP_E_INTERNAL};
    ck_assert_int_eq(pthread_create(&thread, NULL, call, &c), 0);
    for (int i = 0; i < 10000 && !c.over; i++)
        kit_pass(k, 2);
    pthread_join(thread, NULL);
    ck_assert_int_eq(c.first, JP_OK);
    ck_assert_int_eq(c.second, JP_E_REFUSED);
    ck_assert_int_eq(c.wrong, JP_E_REFUSED);
    ck_assert_str_eq(c.second_text, c.wrong_text);
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "\"by hand\"");
    ck_assert_str_eq(c.root.id, c.same.id);
    ck_assert(!c.root.existed && c.same.existed);
    kit_finish(k, "from-c");
    ck_assert_int_eq(kit_noted("run 1") + kit_noted("run 2"), 1);
}

/* ---- 8.3: timers ---- */

static void is_near(kit *k, const char *what, int64_t actual, int64_t due)
{
    int64_t late = k->virtual_time ? 100 : 3000; /* plus load */
    ck_assert_msg(actual >= due - 1 && actual <= due + late, "%s: %lld ms late", what, (long long)(actual - due));
}

static void check_times(kit *k, int64_t ended)
{
    is_near(k, "the wait's deadline and the first delay", times[2], times[1] + 7000 + 3000);
    is_near(k, "the second delay", times[3], times[2] + 6000);
    is_near(k, "the delay that was asked for", times[4], times[3] + 2500);
    is_near(k, "jp_return_in", ended, times[4] + 1200);
}

START_SCENARIO(s43_timers_are_exact)
{
    if (!k->virtual_time)
        return; /* twenty seconds; tests/scenario/retry.c has shorter ones in real time */
    at_hand = k;
    kit_start(k, "timed", "");
    kit_finish(k, k->key);
    check_times(k, kit_now(k));
}

/* All parts are started anew in the middle of each wait: store, bus with nothing in it, roles. */
START_TEST(timers_survive_restarts)
{
    kit *k = kit_open(_i, pipes);
    jpx_local *first, *local;
    jp_error err;
    int64_t at;

    if (!k)
        return;
    at_hand = k;
    kit_start(k, "timed", "");
    jpx_root_id id = {0};
    kit_pass(k, 200);
    id = root_id(k, k->key);
    first = k->local;
    for (int i = 0; i < 9; i++) {
        at = kit_now(k);
        jpx_local_options options = {
            .virtual_time = true, .prefix = k->prefix, .level = JPX_ERROR, .start_ms = at + 100, .store = k->store};
        ck_assert_msg(jpx_local_open(&local, k->registry, &options, &err) == JP_OK, "%s", err.text);
        if (k->local != first)
            jpx_local_close(k->local);
        k->local = local;
        kit_pass(k, 1500);
    }
    kit_finish(k, k->key);
    char text[JPX_ROOT_TEXT];
    kit_assert_json(kit_status(k, jpx_root_text(text, &id)), "done");
    is_near(k, "the wait's deadline and the first delay", times[2], times[1] + 10000);
    jpx_local_close(k->local);
    k->local = first;
    kit_close(k);
}
END_TEST

/* ---- 8.4: what is malformed ---- */

START_SCENARIO(malformed)
{
    static const struct {
        const char *subject, *data;
    } bad[] = {{"start.rec", "{no json \x01\xff"},
               {"start.rec", "[\"x\"]"},
               {"start.rec", "{\"m\":1}"},
               {"start.unheard_of", "[]"},
               {"start.rec", "[1,2]"},
               {"reply.garbage", "{\"a\":1}"},
               {"control.abort", "not json"},
               {"control.unheard", "{}"},
               {"control.abort", "{}"},
               {"control.abort", "{\"root\":\"a\",\"key\":\"b\"}"},
               {"control.cleanup", "{\"older_ms\":-1}"},
               {"control.cleanup", "{\"older_ms\":3600000} {\"older_ms\":0}"},
               {"run.default.rec", "no event"},
               {"slot.3", "no event at all"},
               {"run.default.rec", "{\"root\":7}"},
               {"slot.0", "{\"root\":\"zz\",\"filled\":5}"}};
    const char *expected = "";
    jpx_sub *dead = watch_letters(k);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        send_to(k, bad[i].subject, bad[i].data, NULL, NULL);
    const char *key = kit_run(k, "rec", "[1]"); /* and none of them blocks others */
    kit_assert_json(kit_result(k, key), "1");
    kit_pass(k, 500);
    const char *found = letters(k, dead);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *line = jpx_format(k->arena, "%s\n", bad[i].data); /* its original bytes */
        ck_assert_msg(strstr(found, line) != NULL, "%s %s is not among %s", bad[i].subject, bad[i].data, found);
        expected = jpx_format(k->arena, "%s%s", expected, line);
    }
    ck_assert_uint_eq(strlen(found), strlen(expected)); /* each once */
    kit_assert_json(kit_field(k, "list", "{}", "roots.1"), "");
    if (k->virtual_time) {
        jpx_memory_item *items;
        size_t count = jpx_memory_bus_list(seam_inner_bus(k), JPX_STREAM_DEAD, k->arena, &items);
        ck_assert_uint_eq(count, sizeof bad / sizeof *bad);
        for (size_t i = 0; i < count; i++) /* each says why, and where it came from */
            ck_assert_msg(items[i].reason && strstr(items[i].reason, "(was: "), "%s", items[i].reason);
    }
}

/* Who waits for an answer gets it instead. */
START_SCENARIO(malformed_answers)
{
    static const struct {
        const char *verb, *request, *part;
    } bad[] = {{"start", "{\"pipe\":\"nix\",\"args\":[1]}", "nix"},
               {"start", "{\"pipe\":\"rec\",\"args\":[\"x\"]}", "int64 n"},
               {"start", "{\"pipe\":\"rec\",\"args\":[]}", "int64 n"},
               {"start", "{\"pipe\":\"rec\",\"args\":[1,2]}", "int64 n"},
               {"start", "{\"pipe\":\"rec\",\"args\":{\"m\":1}}", "m"},
               {"start", "{\"pipe\":", "JSON"},
               {"start", "{}", "no pipe"},
               {"reply", "{}", "ticket"},
               {"reply", "]", "ticket"},
               {"abort", "{}", "names no root"},
               {"unheard", "{}", "no verb"}};
    jpx_sub *dead = watch_letters(k);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *answer = kit_ask(k, bad[i].verb, bad[i].request);
        ck_assert_msg(strstr(answer, "\"error\"") && strstr(answer, bad[i].part), "%s: %s", bad[i].request, answer);
    }
    const char *answer = reply_on_subject(k, "garbage", "{no json");
    ck_assert_ptr_nonnull(strstr(answer, "\"error\""));
    kit_assert_json(letters(k, dead), "");
    kit_assert_json(kit_field(k, "list", "{}", "roots"), "[]");
}

int main(void)
{
    Suite *suite = suite_create("replies");
    TCase *tcase = tcase_create("replies");
    seam_use();
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s66_one_refusal);
    kit_add_scenario(tcase, tickets_are_not_stored);
    kit_add_scenario(tcase, five_ways_of_a_reply);
    kit_add_scenario(tcase, replies_without_hook);
    kit_add_scenario(tcase, c_client);
    kit_add_scenario(tcase, s43_timers_are_exact);
    tcase_add_loop_test(tcase, timers_survive_restarts, 1, 3);
    kit_add_scenario(tcase, malformed);
    kit_add_scenario(tcase, malformed_answers);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
