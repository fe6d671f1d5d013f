/* promise.c -- S95: a value promised to the outside arrives; SEMANTICS 8.2. */
#include "kit.h"
#include <unistd.h>

static char ticket[128], old[128];

JP_PIPE(mail, p, .takes = "string ticket", .gives = "string")
{
    snprintf(ticket, sizeof ticket, "%s", jp_string(p, "ticket"));
    kit_note("mail");
    return jp_return(p, "sent");
}

JP_PIPE(asks, p, .gives = "any")
{
    jp_future yes = jp_promise(p, "string");
    jp_yield(p, mail, jp_promise_ticket(p, yes));
    return jp_return(p, jp_yield(p, echo, yes, 1));
}

/* The one who awaits it cannot start yet when the answer comes. */
JP_PIPE(asks_early, p, .gives = "any")
{
    jp_future yes = jp_promise(p, "string"), later = jp_yield(p, slow, 7, 300);
    jp_yield(p, mail, jp_promise_ticket(p, yes));
    return jp_return(p, jp_yield(p, echo, later, yes));
}

/* Its own output is what was promised; the ticket goes out of the body itself. */
JP_PIPE(promises, p, .takes = "int64 within", .gives = "int64?")
{
    jp_future number = jp_promise_within(p, jp_int64(p, "within"), "int64?");
    snprintf(ticket, sizeof ticket, "%s", jp_promise_ticket(p, number));
    return jp_return(p, number);
}

JP_PIPE(awaits, p, .gives = "any")
{
    return jp_return(p, jp_yield(p, echo, jp_yield(p, promises, 0), 2));
}

/* A promise stands outside of scopes, and may be waited for by one. */
JP_PIPE(in_scopes, p, .gives = "any")
{
    jp_future first = {0}, yes = {0};
    jp_in_order (p) {
        first = jp_yield(p, slow, 1, 100000);
        yes = jp_promise(p, "any");
        jp_yield(p, rec, 2);
    }
    snprintf(ticket, sizeof ticket, "%s", jp_promise_ticket(p, yes));
    jp_after (p, yes)
        jp_yield(p, rec, 3);
    return jp_return(p, jp_yield(p, echo, first, yes));
}

JP_PIPE(tries, p, .gives = "string", .retry = {.attempts = 2, .first_ms = 50, .jitter = JP_NO_JITTER})
{
    jp_future yes = jp_promise(p, "string");
    snprintf(jp_attempt(p) == 1 ? old : ticket, sizeof ticket, "%s", jp_promise_ticket(p, yes));
    kit_note("try %d", jp_attempt(p));
    if (jp_attempt(p) == 1)
        return jp_retry(p, "not yet");
    return jp_return(p, yes);
}

/* Two promises, answered the other way round. */
JP_PIPE(two, p, .gives = "any")
{
    jp_future a = jp_promise(p, "string"), b = jp_promise(p, "string");
    snprintf(old, sizeof old, "%s", jp_promise_ticket(p, a));
    snprintf(ticket, sizeof ticket, "%s", jp_promise_ticket(p, b));
    return jp_return(p, jp_yield(p, echo, a, b));
}

static const jp_def *const pipes[] = {&echo,     &rec,    &slow,      &mail,  &asks, &asks_early,
                                      &promises, &awaits, &in_scopes, &tries, &two,  NULL};

static const char *answer(kit *k, const char *to, const char *value)
{
    return kit_ask(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":%s}", to, value));
}

static const char *refusal(kit *k, const char *to)
{
    const char *text = answer(k, to, "\"x\"");
    ck_assert_msg(strstr(text, "\"refused\"") != NULL, "%s", text);
    return text;
}

#define assert_accepted(k, to, value) ck_assert_ptr_nonnull(strstr(answer((k), (to), (value)), "\"accepted\""))

/* The same ticket with another digit `from_end` places before its end. */
static const char *changed(kit *k, const char *from, size_t from_end)
{
    char *text = jpx_strdup(k->arena, from);
    char *digit = text + strlen(text) - from_end;
    *digit = *digit == 'A' ? 'B' : 'A';
    return text;
}

START_SCENARIO(s95_a_promise_arrives)
{
    const char *key = kit_start(k, "asks", "");
    kit_pass(k, 150);
    kit_assert_json(kit_status(k, key), "running");
    kit_assert_json(kit_tree(k, key, "children.0.pipe"), "Promise");
    kit_assert_json(kit_tree(k, key, "children.0.status"), "running");
    kit_assert_json(kit_tree(k, key, "children.0.args"), "[\"string\"]");
    ck_assert_ptr_nonnull(strstr(kit_ask(k, "why", key), "echo #2 waits for Promise #0, which waits for a reply"));
    const char *wrong = answer(k, ticket, "17"); /* and the ticket can still be used */
    ck_assert_msg(strstr(wrong, "Promise gives string") != NULL, "%s", wrong);
    assert_accepted(k, ticket, "\"ana\"");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "[\"ana\",1]");
    kit_assert_json(kit_status(k, key), "done");
}

START_SCENARIO(s95_answered_before_it_is_awaited)
{
    const char *key = kit_start(k, "asks_early", "");
    kit_pass(k, 100);
    ck_assert_int_eq(kit_noted("mail"), 1);
    assert_accepted(k, ticket, "\"early\"");
    kit_assert_json(kit_tree(k, key, "children.3.status"), "waiting");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "[7,\"early\"]");
}

START_SCENARIO(s95_answered_by_subject)
{
    const char *key = kit_start(k, "awaits", ""), *value = "null";
    jp_error err;
    kit_pass(k, 150);
    jpx_message message = {.subject = jpx_format(k->arena, "%s.reply.%s", k->prefix, ticket),
                           .data = {(const uint8_t *)value, strlen(value)}};
    ck_assert_int_eq(jpx_bus_publish(jpx_local_bus(k->local), &message, 1, 5000, &err), JP_OK);
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "[null,2]");
}

START_SCENARIO(s95_one_refusal_for_every_bad_ticket)
{
    const char *key = kit_start(k, "asks", "");
    kit_pass(k, 150);
    const char *plain = refusal(k, "garbage");
    ck_assert_str_eq(refusal(k, changed(k, ticket, 3)), plain);  /* another token */
    ck_assert_str_eq(refusal(k, changed(k, ticket, 37)), plain); /* another generation */
    ck_assert_str_eq(refusal(k, changed(k, ticket, 58)), plain); /* another root */
    assert_accepted(k, ticket, "\"ana\"");
    ck_assert_str_eq(refusal(k, ticket), plain);
    kit_finish(k, key);
    ck_assert_str_eq(refusal(k, ticket), plain);
    kit_assert_json(kit_result(k, key), "[\"ana\",1]");
}

START_SCENARIO(s95_each_promise_has_its_own_ticket)
{
    const char *key = kit_start(k, "two", "");
    kit_pass(k, 150);
    ck_assert_str_ne(old, ticket);
    assert_accepted(k, ticket, "\"b\"");
    assert_accepted(k, old, "\"a\"");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "[\"a\",\"b\"]");
}

/* SEMANTICS 2.3, 6.5: only an attempt whose plan was adopted keeps what it promised. */
START_SCENARIO(s95_the_ticket_of_a_failed_attempt)
{
    const char *key = kit_start(k, "tries", "");
    kit_run_until_idle(k);
    ck_assert_int_eq(kit_noted("try 1"), 1);
    const char *plain = refusal(k, old);
    kit_pass(k, 200);
    ck_assert_int_eq(kit_noted("try 2"), 1);
    ck_assert_str_ne(old, ticket);
    ck_assert_str_eq(refusal(k, old), plain);
    assert_accepted(k, ticket, "\"two\"");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "\"two\"");
    ck_assert_str_eq(refusal(k, old), plain);
}

/* SEMANTICS 7.3 */
START_SCENARIO(s95_an_abort_ends_it)
{
    const char *key = kit_start(k, "asks", "");
    kit_pass(k, 150);
    kit_ask(k, "abort", key);
    kit_finish(k, key);
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_tree(k, key, "children.0.status"), "aborted");
    kit_assert_json(kit_tree(k, key, "children.1.status"), "done");
    kit_assert_json(kit_tree(k, key, "children.2.status"), "aborted");
    ck_assert_str_eq(refusal(k, ticket), refusal(k, "garbage"));
}

START_SCENARIO(s95_no_reply_in_time)
{
    const char *key = kit_start(k, "promises", "[300]");
    kit_pass(k, 100);
    ck_assert_ptr_nonnull(strstr(kit_ask(k, "why", key), "Promise #0 waits for a reply, for "));
    kit_finish(k, key);
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_reason(k, key), "Promise failed: after 1 attempt: no reply within 300 ms");
    refusal(k, ticket);
}

START_SCENARIO(s95_it_takes_no_part_in_scopes)
{
    const char *key = kit_start(k, "in_scopes", "");
    kit_pass(k, 150);
    assert_accepted(k, ticket, "\"now\"");
    kit_run_until_idle(k);
    ck_assert_int_eq(kit_noted("run 3"), 1);
    ck_assert_int_eq(kit_noted("run 2"), 0); /* that one waits for the first of its scope */
    kit_ask(k, "abort", key);
    kit_finish(k, key);
}

/* Reading the store does not give tickets. */
START_SCENARIO(s95_the_store_has_hashes_only)
{
    uint8_t token[JPX_TOKEN_SIZE], hash[JPX_TOKEN_HASH_SIZE];
    uint32_t step;
    jpx_key at;
    size_t hashes = 0;
    const char *key = kit_start(k, "asks_early", "");
    kit_pass(k, 100);
    ck_assert(jpx_ticket_parse(ticket, &at, &step, token));
    jpx_token_hash(token, hash);
    for (int t = 0; t < JPX_TABLES; t++) {
        static const uint8_t low[64];
        uint8_t high[64];
        jpx_records found;
        jp_error err;
        size_t size = jpx_table_id_size((jpx_table)t);
        memset(high, 0xff, sizeof high);
        ck_assert_msg(jpx_store_scan(jpx_local_store(k->local), (jpx_table)t, (jpx_bytes){low, size},
                                     (jpx_bytes){high, size}, 1000, false, k->arena, &found, &err) == JP_OK,
                      "%s", err.text);
        for (size_t i = 0; i < found.count; i++) {
            jpx_bytes doc = found.items[i].doc;
            bool given =
                t == JPX_TABLE_PIPELINE && memmem(doc.data, doc.size, ticket, strlen(ticket)); /* mail's argument */
            ck_assert(given || !memmem(doc.data, doc.size, ticket, strlen(ticket)));
            ck_assert_ptr_null(memmem(doc.data, doc.size, token, sizeof token));
            hashes += memmem(doc.data, doc.size, hash, sizeof hash) != NULL;
        }
    }
    ck_assert_uint_eq(hashes, 2); /* of the promise: its record and its wait */
    assert_accepted(k, ticket, "\"x\"");
    kit_finish(k, key);
}

/* Nobody starts one as a root. */
START_SCENARIO(s95_a_promise_is_no_pipe_to_start)
{
    const char *key = kit_run(k, "Promise", "[\"string\"]");
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "a promise cannot be started"));
    ck_assert_ptr_null(strstr(kit_ask(k, "pipes", "{}"), "Promise"));
}

int main(void)
{
    Suite *suite = suite_create("promise");
    TCase *tcase = tcase_create("promise");
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s95_a_promise_arrives);
    kit_add_scenario(tcase, s95_answered_before_it_is_awaited);
    kit_add_scenario(tcase, s95_answered_by_subject);
    kit_add_scenario(tcase, s95_one_refusal_for_every_bad_ticket);
    kit_add_scenario(tcase, s95_each_promise_has_its_own_ticket);
    kit_add_scenario(tcase, s95_the_ticket_of_a_failed_attempt);
    kit_add_scenario(tcase, s95_an_abort_ends_it);
    kit_add_scenario(tcase, s95_no_reply_in_time);
    kit_add_scenario(tcase, s95_it_takes_no_part_in_scopes);
    kit_add_scenario(tcase, s95_the_store_has_hashes_only);
    kit_add_scenario(tcase, s95_a_promise_is_no_pipe_to_start);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
