/* handed.c -- SEMANTICS 2.6, 2.7, 3.5: what a pipe without .gives returns, where it is handed on as an output that has
 * a type. */
#include "kit.h"

/* Whole trees: what the root gives is what `any` gives, at the end of a chain of pipes that say nothing. */
JP_PIPE(nobody_says, p, .takes = "any what, int64 depth")
{
    if (jp_int64(p, "depth") == 0)
        return jp_return(p, jp_arg(p, "what"));
    return jp_return(p, jp_yield(p, nobody_says, jp_arg(p, "what"), jp_int64(p, "depth") - 1));
}

JP_PIPE(wants_int64, p, .takes = "any what, int64 depth", .gives = "int64")
{
    return jp_return(p, jp_yield(p, nobody_says, jp_arg(p, "what"), jp_arg(p, "depth")));
}

JP_PIPE(wants_maybe, p, .takes = "any what, int64 depth", .gives = "int64?")
{
    return jp_return(p, jp_yield(p, nobody_says, jp_arg(p, "what"), jp_arg(p, "depth")));
}

JP_PIPE(wants_double, p, .takes = "any what, int64 depth", .gives = "double")
{
    return jp_return(p, jp_yield(p, nobody_says, jp_arg(p, "what"), jp_arg(p, "depth")));
}

/* A narrower one above a wider one, and the other way round. */
JP_PIPE(narrower, p, .takes = "any what", .gives = "int64")
{
    return jp_return(p, jp_yield(p, wants_maybe, jp_arg(p, "what"), 1));
}

JP_PIPE(of_any, p, .takes = "any what", .gives = "int64")
{
    jp_yield(p, rec, jp_yield(p, wants_int64, jp_arg(p, "what"), 0));
    return jp_return(p, 1);
}

JP_PIPE(fills_rows, p, .takes = "any what", .fills = "int64 rows")
{
    jp_fill(p, "rows", jp_yield(p, nobody_says, jp_arg(p, "what"), 1));
    return jp_done(p);
}

JP_PIPE(later, p, .takes = "any what")
{
    return jp_return_in(p, 20, jp_arg(p, "what"));
}

JP_PIPE(wants_later, p, .takes = "any what", .gives = "int64")
{
    return jp_return(p, jp_yield(p, later, jp_arg(p, "what")));
}

static char asked[256];

JP_PIPE(asks, p, .async = true)
{
    snprintf(asked, sizeof asked, "%s", jp_ticket(p));
    return jp_wait(p);
}

JP_PIPE(wants_answer, p, .gives = "int64")
{
    return jp_return(p, jp_yield(p, asks));
}

JP_PIPE(maybe_promised, p, .gives = "int64")
{
    jp_future f = jp_promise(p, "int64?");

    snprintf(asked, sizeof asked, "%s", "");
    jp_yield(p, nobody_says, jp_promise_ticket(p, f), 0);
    return jp_return(p, f);
}

static const jp_def *const pipes[] = {&nobody_says, &wants_int64,  &wants_maybe,    &wants_double, &narrower,
                                      &of_any,      &fills_rows,   &later,          &wants_later,  &asks,
                                      &rec,         &wants_answer, &maybe_promised, NULL};

static void refused(kit *k, const char *key, const char *part)
{
    const char *why = kit_reason(k, key);

    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_msg(strstr(why, part) && strstr(why, "forwarded.c:"), "it says: %s", why);
}

START_SCENARIO(what_is_forwarded_has_the_declared_type)
{
    kit_assert_json(kit_result(k, kit_run(k, "wants_int64", "[42, 0]")), "42");
    kit_assert_json(kit_result(k, kit_run(k, "wants_int64", "[42, 4]")), "42");
    kit_assert_json(kit_result(k, kit_run(k, "wants_maybe", "[null, 2]")), "null");
    kit_assert_json(kit_result(k, kit_run(k, "wants_double", "[2, 1]")), "2");
    kit_assert_json(kit_result(k, kit_run(k, "narrower", "[7]")), "7");

    for (int depth = 0; depth < 4; depth += 3) {
        char args[32];
        snprintf(args, sizeof args, "[\"forty\", %d]", depth);
        const char *key = kit_run(k, "wants_int64", args);
        refused(k, key, "nobody_says, ");
        refused(k, key, "its output default is handed on as int64, is string: say in .gives");
        kit_assert_json(kit_tree(k, key, "outputs.default.value"), "");
        refused(k, kit_run(k, "wants_double", args), "handed on as double, is string");
    }
    refused(k, kit_run(k, "wants_int64", "[null, 1]"), "handed on as int64, is null");
    refused(k, kit_run(k, "narrower", "[null]"), "handed on as int64, is null");
}

START_SCENARIO(also_where_others_wait_for_it)
{
    kit_assert_json(kit_status(k, kit_run(k, "of_any", "[5]")), "done");
    ck_assert_int_eq(kit_noted("run 5"), 1);
    refused(k, kit_run(k, "of_any", "[\"five\"]"), "handed on as int64, is string");
    ck_assert_int_eq(kit_noted("run"), 0);
    kit_assert_json(kit_tree(k, kit_run(k, "fills_rows", "[3]"), "status"), "done");
    refused(k, kit_run(k, "fills_rows", "[\"three\"]"), "handed on as int64, is string");
}

START_SCENARIO(also_when_it_comes_later)
{
    kit_assert_json(kit_result(k, kit_run(k, "wants_later", "[42]")), "42");
    refused(k, kit_run(k, "wants_later", "[\"forty\"]"), "later, ");
}

/* A reply of another type is refused, and the ticket can still be used. */
START_SCENARIO(also_when_it_is_a_reply)
{
    const char *key = kit_start(k, "wants_answer", "");
    char request[512];

    for (int i = 0; i < 200 && !*asked; i++)
        kit_pass(k, 10);
    kit_run_until_idle(k);
    snprintf(request, sizeof request, "{\"ticket\":\"%s\",\"value\":\"forty\"}", asked);
    const char *answer = kit_ask(k, "reply", request);
    ck_assert_msg(strstr(answer, "handed on as int64, is string") && strstr(answer, "can still be used"), "%s", answer);
    snprintf(request, sizeof request, "{\"ticket\":\"%s\",\"value\":42}", asked);
    ck_assert_ptr_nonnull(strstr(kit_ask(k, "reply", request), "accepted"));
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "42");
    asked[0] = '\0';
}

/* Of another pipe whose promise may be null. */
START_SCENARIO(also_when_it_is_a_promise)
{
    const char *key = kit_start(k, "maybe_promised", "");
    char request[512];
    const char *ticket = "";

    for (int i = 0; i < 200 && !*ticket; i++) {
        kit_pass(k, 10);
        ticket = kit_tree(k, key, "children.1.outputs.default.value");
    }
    snprintf(request, sizeof request, "{\"ticket\":\"%s\",\"value\":null}", ticket);
    const char *answer = kit_ask(k, "reply", request);
    ck_assert_msg(strstr(answer, "handed on as int64, is null"), "%s", answer);
    snprintf(request, sizeof request, "{\"ticket\":\"%s\",\"value\":42}", ticket);
    ck_assert_ptr_nonnull(strstr(kit_ask(k, "reply", request), "accepted"));
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "42");
}

int main(void)
{
    Suite *suite = suite_create("handed");
    TCase *tcase = tcase_create("handed");

    tcase_set_timeout(tcase, 60);
    kit_add_scenario(tcase, what_is_forwarded_has_the_declared_type);
    kit_add_scenario(tcase, also_where_others_wait_for_it);
    kit_add_scenario(tcase, also_when_it_comes_later);
    kit_add_scenario(tcase, also_when_it_is_a_reply);
    kit_add_scenario(tcase, also_when_it_is_a_promise);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
