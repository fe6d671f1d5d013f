/* outside.c -- S02, S66 to S79, S94: replies, tickets, keys, cleanup, large values, observation. */
#include "kit.h"

static char ticket[128];

JP_PIPE(question, p, .takes = "string who", .gives = "string?", .async = true)
{
    snprintf(ticket, sizeof ticket, "%s", jp_ticket(p));
    kit_note("ask %d", jp_attempt(p));
    return jp_wait(p);
}

static jp_end on_answer(jp_ctx *p, jp_value reply)
{
    kit_note("answer");
    if (!jp_get_bool(p, reply, "approved"))
        return jp_abort(p, "refused by %s", jp_get_string(p, reply, "by"));
    return jp_return(p, jp_get_string(p, reply, "by"));
}

JP_PIPE(approve, p, .takes = "string what", .gives = "string", .timeout_ms = 1500, .async = true,
        .retry = {.attempts = 3, .first_ms = 10, .jitter = JP_NO_JITTER}, .on_reply = on_answer)
{
    snprintf(ticket, sizeof ticket, "%s", jp_ticket(p));
    kit_note("ask %d", jp_attempt(p));
    return jp_wait(p);
}

static jp_end answer_later(jp_ctx *p, jp_value reply)
{
    return jp_return_in(p, 30, reply);
}

JP_PIPE(twice, p, .gives = "any", .fills = "int64 x", .async = true, .on_reply = answer_later)
{
    jp_fill(p, "x", 7);
    snprintf(ticket, sizeof ticket, "%s", jp_ticket(p));
    return jp_wait(p);
}

JP_PIPE(waits_twice, p, .gives = "any")
{
    jp_future f = jp_yield(p, twice);
    return jp_return(p, jp_yield(p, echo, jp_slot(p, f, "x"), f));
}

JP_PIPE(fast_answer, p, .gives = "any")
{
    return jp_return(p, jp_yield(p, echo, jp_yield(p, approve, "x")));
}

JP_PIPE(big, p, .takes = "int64 size", .gives = "binary")
{
    size_t size = (size_t)jp_int64(p, "size");
    uint8_t *data = malloc(size);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 31 >> 3);
    jp_end end = jp_return(p, jp_v_binary(data, size));
    free(data);
    return end;
}

JP_PIPE(checksum, p, .takes = "binary a, binary b", .gives = "int64")
{
    jp_bytes a = jp_binary(p, "a"), b = jp_binary(p, "b");
    for (size_t i = 0; i < a.size; i++)
        if (a.data[i] != (uint8_t)(i * 31 >> 3))
            return jp_abort(p, "byte %zu of a differs", i);
    for (size_t i = 0; i < b.size; i++)
        if (b.data[i] != (uint8_t)(i * 31 >> 3))
            return jp_abort(p, "byte %zu of b differs", i);
    return jp_return(p, (int64_t)(a.size + b.size));
}

JP_PIPE(hand_big, p, .gives = "int64")
{
    size_t size = 4 * 1024 * 1024;
    uint8_t *data = malloc(size);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 31 >> 3);
    jp_future three = jp_yield(p, big, 3 * 1024 * 1024);
    jp_future sum = jp_yield(p, checksum, three, jp_v_binary(data, size));
    free(data);
    return jp_return(p, sum);
}

JP_PIPE(total, p, .takes = "list items", .gives = "int64")
{
    int64_t sum = 0;
    jp_each (p, item, jp_arg(p, "items"))
        sum += item.type == JP_INT64 ? item.as.i64 : 0;
    return jp_return(p, sum);
}

JP_PIPE(same, p, .takes = "list items", .gives = "list")
{
    return jp_return(p, jp_arg(p, "items"));
}

JP_PIPE(lists, p, .gives = "any")
{
    jp_future seven = jp_yield(p, echo, 7), null = jp_yield(p, echo);
    jp_list *one = jp_array(p, 5, seven, 5, 4), *none = jp_list_new(p), *mixed = jp_list_new(p);
    jp_push(mixed, seven);
    jp_push(mixed, jp_v_null());
    jp_push(mixed, null);
    jp_push(mixed, 1);
    return jp_return(p, jp_yield(p, echo, jp_yield(p, total, one), jp_yield(p, total, none), jp_yield(p, same, mixed)));
}

static const jp_def *const pipes[] = {&echo,        &rec,   &slow,        &fail, &question, &approve,
                                      &fast_answer, &twice, &waits_twice, &big,  &checksum, &hand_big,
                                      &total,       &same,  &lists,       NULL};

static const char *send_reply(kit *k, const char *to, const char *value)
{
    return kit_field(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":%s}", to, value), "accepted");
}

static const char *refusal(kit *k, const char *to)
{
    return kit_ask(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":\"x\"}", to));
}

/* SEMANTICS 2.5, 8.2 */
START_SCENARIO(s02_reply)
{
    const char *key = kit_start(k, "question", "[\"ana\"]");
    kit_pass(k, 150);
    kit_assert_json(kit_status(k, key), "running");
    kit_assert_json(send_reply(k, ticket, "\"yes\""), "true");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "\"yes\"");
    kit_assert_json(kit_tree(k, key, "attempt"), "1");
}

START_SCENARIO(s66_tickets)
{
    char old[128];
    const char *key = kit_start(k, "approve", "[\"x\"]");
    kit_pass(k, 150);
    memcpy(old, ticket, sizeof old);
    for (int i = 0; i < 200 && strcmp(old, ticket) == 0; i++)
        kit_pass(k, 50); /* until the first wait is over: the second attempt asks again, with another ticket */
    ck_assert_str_ne(old, ticket);
    const char *plain = refusal(k, old);
    ck_assert_ptr_nonnull(strstr(plain, "refused"));
    ck_assert_str_eq(refusal(k, "garbage"), plain);
    char wrong[128];
    memcpy(wrong, ticket, sizeof wrong);
    wrong[strlen(wrong) - 3] = wrong[strlen(wrong) - 3] == 'A' ? 'B' : 'A';
    ck_assert_str_eq(refusal(k, wrong), plain);
    kit_assert_json(send_reply(k, ticket, "{\"approved\":true,\"by\":\"ana\"}"), "true");
    ck_assert_str_eq(refusal(k, ticket), plain);
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "\"ana\"");
    ck_assert_str_eq(refusal(k, ticket), plain);
    ck_assert_int_eq(kit_noted("answer"), 1);
}

START_SCENARIO(reply_by_subject)
{
    const char *key = kit_start(k, "fast_answer", "");
    jp_error err;
    kit_pass(k, 150);
    const char *value = "{\"approved\":true,\"by\":\"bo\"}";
    jpx_message message = {.subject = jpx_format(k->arena, "%s.reply.%s", k->prefix, ticket),
                           .data = {(const uint8_t *)value, strlen(value)}};
    ck_assert_int_eq(jpx_bus_publish(jpx_local_bus(k->local), &message, 1, 5000, &err), JP_OK);
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "\"bo\"");

    /* Nothing is null, as it is for the other ways. */
    key = kit_start(k, "question", "[\"ana\"]");
    kit_pass(k, 150);
    message = (jpx_message){.subject = jpx_format(k->arena, "%s.reply.%s", k->prefix, ticket)};
    ck_assert_int_eq(jpx_bus_publish(jpx_local_bus(k->local), &message, 1, 5000, &err), JP_OK);
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "null");
}

/* Outputs that were filled before a wait belong to the attempt's end, also when on_reply waits again. */
START_SCENARIO(fills_survive_waits)
{
    const char *key = kit_start(k, "waits_twice", "");
    kit_pass(k, 150);
    kit_assert_json(send_reply(k, ticket, "8"), "true");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "[7,8]");
}

START_SCENARIO(refused_by_person)
{
    const char *key = kit_start(k, "fast_answer", "");
    kit_pass(k, 150);
    send_reply(k, ticket, "{\"approved\":false,\"by\":\"bo\"}");
    kit_finish(k, key);
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_reason(k, key), "refused by bo");
}

/* SEMANTICS 8.1 */
START_SCENARIO(s71_same_key)
{
    kit_start_with_key(k, "rec", "[1]", "order-17");
    kit_start_with_key(k, "rec", "[2]", "order-17");
    kit_finish(k, "order-17");
    kit_start_with_key(k, "rec", "[3]", "order-17");
    kit_run_until_idle(k);
    ck_assert_int_eq(kit_noted("run 1") + kit_noted("run 2") + kit_noted("run 3"), 1);
    kit_assert_json(kit_field(k, "list", "{}", "roots.1"), "");
    kit_assert_json(kit_field(k, "start", "{\"pipe\":\"rec\",\"args\":[4],\"key\":\"order-17\"}", "existed"), "true");
}

/* SEMANTICS 8.1: after cleanup a key may be used again. */
START_SCENARIO(s73_cleanup)
{
    kit_run(k, "rec", "[1]");
    kit_start_with_key(k, "fast_answer", "", "again");
    kit_pass(k, 150);
    kit_assert_json(kit_field(k, "cleanup", "again", "error.code"), "refused"); /* it is running */
    send_reply(k, ticket, "{\"approved\":true,\"by\":\"bo\"}");
    kit_finish(k, "again");
    kit_assert_json(kit_field(k, "cleanup", "again", "removed"), "1");
    kit_assert_json(kit_field(k, "status", "again", "error.code"), "not-found");
    kit_assert_json(kit_field(k, "list", "{}", "roots.1"), "");
    kit_start_with_key(k, "rec", "[9]", "again");
    kit_finish(k, "again");
    kit_assert_json(kit_result(k, "again"), "9");
    kit_assert_json(kit_field(k, "cleanup", "{\"older_ms\":0,\"status\":\"done\"}", "removed"), "2");
}

/* SEMANTICS 3.1 */
START_SCENARIO(s77_large_values)
{
    const char *key = kit_run(k, "hand_big", "");
    kit_assert_json(kit_result(k, key), "7340032");
}

/* SEMANTICS 3.3 */
START_SCENARIO(s94_lists)
{
    const char *key = kit_run(k, "lists", "");
    kit_assert_json(kit_reason(k, key), "");
    kit_assert_json(kit_result(k, key), "[21,0,[7,null,null,1]]");
}

/* SEMANTICS 9 */
START_SCENARIO(s79_why)
{
    const char *key = kit_start(k, "fast_answer", "");
    kit_pass(k, 150);
    const char *why = kit_ask(k, "why", key);
    ck_assert_ptr_nonnull(strstr(why, "echo #1 waits for approve #0, which waits for a reply"));
    kit_finish(k, key);
    kit_assert_json(kit_field(k, "list", jpx_format(k->arena, "{\"status\":\"aborted\"}"), "roots.0.pipe"),
                    "fast_answer");
}

/* SEMANTICS 8.4, 3.2 */
START_SCENARIO(malformed_triggers)
{
    static const struct {
        const char *request, *part;
    } bad[] = {{"{\"pipe\":\"nix\",\"args\":[1]}", "nix"},     {"{\"pipe\":\"rec\",\"args\":[\"x\"]}", "int64 n"},
               {"{\"pipe\":\"rec\",\"args\":[]}", "int64 n"},  {"{\"pipe\":\"rec\",\"args\":[1,2]}", "int64 n"},
               {"{\"pipe\":\"rec\",\"args\":{\"m\":1}}", "m"}, {"{\"pipe\":", "JSON"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *answer = kit_ask(k, "start", bad[i].request);
        ck_assert_msg(strstr(answer, "\"error\"") && strstr(answer, bad[i].part), "%s: %s", bad[i].request, answer);
    }
    kit_start(k, "rec", "{no json");
    kit_start(k, "unheard_of", "[]");
    const char *key = kit_run(k, "rec", "[1]"); /* and none of them blocks others */
    kit_assert_json(kit_result(k, key), "1");
    kit_assert_json(kit_field(k, "list", "{}", "roots.1"), "");
}

int main(void)
{
    Suite *suite = suite_create("outside");
    TCase *tcase = tcase_create("outside");
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s02_reply);
    kit_add_scenario(tcase, s66_tickets);
    kit_add_scenario(tcase, reply_by_subject);
    kit_add_scenario(tcase, fills_survive_waits);
    kit_add_scenario(tcase, refused_by_person);
    kit_add_scenario(tcase, s71_same_key);
    kit_add_scenario(tcase, s73_cleanup);
    kit_add_scenario(tcase, s77_large_values);
    kit_add_scenario(tcase, s94_lists);
    kit_add_scenario(tcase, s79_why);
    kit_add_scenario(tcase, malformed_triggers);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
