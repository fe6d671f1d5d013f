// header_cxx.cc -- the public headers in C++20: every macro of jetpipe.h compiles, and bodies written in C++ plan what
// the same bodies in C plan. It has no test framework: it prints what is wrong and exits with 1.
#include <jetpipe_test.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

JP_DECLARE(AddOne);

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(AddTwo, p, .takes = "int64 n", .gives = "int64")
{
    jp_future one = jp_yield(p, AddOne, jp_arg(p, "n"));
    jp_future two = jp_yield(p, AddOne, one);
    return jp_return(p, two);
}

JP_PIPE(Bare, p)
{
    return jp_done(p);
}

JP_PIPE(Takes, p, .takes = "bool b, double d, string s, doc o, list l, any... rest", .fills = "int64 rows",
        .retry = {.attempts = 5, .first_ms = JP_SECONDS(1)})
{
    jp_fill(p, "rows", 4u);
    return jp_done(p);
}

static jp_end approve_reply(jp_ctx *p, jp_value reply)
{
    return jp_return(p, jp_get_string(p, reply, "by"));
}

JP_PIPE(Everything, p, .takes = "string who", .gives = "any", .timeout_ms = JP_HOURS(24), .async = true,
        .on_reply = approve_reply)
{
    const std::string who = jp_string(p, "who");
    const short small = 3;
    jp_list *list = jp_list_new(p);
    int64_t total = 0;

    for (int i = 0; i < 3; i++)
        jp_push(list, jp_yield(p, AddOne, i));                    // 0 1 2
    jp_future sum = jp_yield_list(p, AddOne, jp_array(p, small)); // 3
    jp_after (p)
        jp_yield(p, Bare); // 4
    jp_after (p, sum, list)
        jp_in_order (p) {
            jp_yield(p, Bare); // 5
            jp_yield(p, Bare); // 6
            break;
        }
    jp_value order = jp_object(p, "id", 17, "paid", true, "f", 1.5f, "who", who.c_str(), "none", jp_v_null(), "lines",
                               jp_array(p, 1, 2, 3));
    jp_each (p, line, jp_get(p, order, "lines")) {
        if (line.as.i64 == 3)
            break;
        total += line.as.i64;
    }
    jp_each_member(p, key, value, order) if (std::strcmp(key, "paid") == 0 && value.as.b) total += 100;
    jp_future named = jp_yield(p, Takes, true, 2, who.c_str(), order, list, sum, small, "x"); // 7
    jp_options options = {};
    options.timeout_ms = 5;
    jp_yield_with(p, options, AddOne, jp_slot(p, named, "rows"));                         // 8
    jp_yield_with(p, JP_OPTIONS(.retry = {.attempts = 1}, .timeout_ms = 500), AddOne, 1); // 9
    for (int i = 0; i < 2; i++) {
        jp_after (p, sum) {
            if (i == 1)
                goto out;
            continue;
        }
    }
out:
    jp_yield(p, Bare); // 10
    jp_future soon = jp_promise_within(p, JP_HOURS(1), "int64"), ever = jp_promise(p, nullptr); // 11 12
    jp_yield(p, Takes, true, 2, jp_promise_ticket(p, ever), order, list, soon, ever);            // 13
    if (jp_has(p, order, "gone") || jp_size(p, order) != 6 || jp_attempt(p) != 1)
        return jp_retry(p, "not %s", "now");
    return jp_return(p, jp_object(p, "total", total, "json", jp_json(p, order), "parsed", jp_parse(p, "[1]")));
}

// Compiled, not called: there is no server here.
[[maybe_unused]] static jp_status outside(jp_client *client)
{
    jp_root root;
    jp_error err;
    if (jp_start(client, &root, &err, AddTwo, 40) != JP_OK || jp_start(client, &root, &err, Bare) != JP_OK)
        return err.status;
    return jp_reply(client, "ticket", "yes", &err);
}

static int failures;

static void check(bool right, const char *what, const char *found)
{
    if (!right)
        std::printf("wrong: %s: %s\n", what, found), failures++;
}
#define CHECK(cond, found) check((cond), #cond, (found))

int main()
{
    static const jp_def *const pipes[] = {&AddOne, &AddTwo, &Bare, &Takes, &Everything, nullptr};
    jp_trial *trial = jp_trial_new(pipes);

    jp_plan *plan = jp_trial_body(trial, AddTwo, 40);
    CHECK(jp_plan_children(plan) == 2, jp_plan_reason(plan));
    CHECK(std::strcmp(jp_plan_args(plan, 1), "[{\"future\":0,\"slot\":\"default\"}]") == 0, jp_plan_args(plan, 1));
    CHECK(std::string_view(jp_plan_at(plan, 0)).starts_with("header_cxx.cc:"), jp_plan_at(plan, 0));

    plan = jp_trial_body(trial, Everything, "ana");
    CHECK(jp_plan_ended(plan) == JP_ENDED_RETURN, jp_plan_reason(plan));
    CHECK(jp_plan_children(plan) == 14, jp_plan_reason(plan));
    CHECK(jp_plan_waits(plan, 5, 2) && jp_plan_waits(plan, 5, 3) && jp_plan_waits(plan, 6, 5), "scopes");
    CHECK(!jp_plan_waits(plan, 4, 3) && !jp_plan_waits(plan, 10, 3), "closed scopes");
    const char *args = jp_plan_args(plan, 7);
    CHECK(std::string_view(args).starts_with("[true,2.0,\"ana\",{\"id\":17,\"paid\":true,"), args);
    CHECK(std::string_view(jp_plan_args(plan, 11)) == "[\"int64\"]", jp_plan_args(plan, 11));
    const char *out = jp_plan_output(plan, "default");
    CHECK(out && std::string_view(out).starts_with("{\"total\":103,\"json\":"), out ? out : "nothing");

    plan = jp_trial_reply(trial, 5, Everything, "ana");
    CHECK(jp_plan_ended(plan) == JP_ENDED_WRONG, jp_plan_reason(plan));

    jp_trial_root *root = jp_trial_run(trial, AddTwo, 40);
    CHECK(jp_trial_int64(root) == 42, jp_trial_json(root));
    jp_trial_free(trial);
    return failures ? 1 : 0;
}
