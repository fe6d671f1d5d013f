/* retry.c -- S43 to S53: failed attempts and their successors. */
#include "kit.h"

JP_PIPE(always, p, .gives = "int64", .retry = {.attempts = 3, .first_ms = 50, .jitter = JP_NO_JITTER})
{
    note("try %d", jp_attempt(p));
    return jp_retry(p, "gateway busy");
}

static void told(jp_ctx *p, bool aborted)
{
    (void)p;
    note("finished%s", aborted ? "A" : "");
}

JP_PIPE(always_hooked, p, .gives = "int64", .retry = {.attempts = 3, .first_ms = 50, .jitter = JP_NO_JITTER},
        .on_finished = told)
{
    note("try %d", jp_attempt(p));
    return jp_retry(p, "gateway busy");
}

JP_PIPE(grows, p, .gives = "int64", .retry = {.attempts = 5, .first_ms = 120, .factor = 1.5, .jitter = JP_NO_JITTER})
{
    note("try %d", jp_attempt(p));
    return jp_retry(p, "no");
}

JP_PIPE(plans_and_fails, p, .gives = "any", .retry = {.attempts = 3, .first_ms = 30})
{
    jp_future a = jp_yield(p, rec, 10 + jp_attempt(p));
    if (jp_attempt(p) < 3)
        return jp_retry(p, "after planning");
    return jp_return(p, a);
}

JP_PIPE(with_options, p, .gives = "any")
{
    jp_options one = {.retry = {.attempts = 1}};
    jp_yield_with(p, one, always);
    return jp_done(p);
}

JP_PIPE(in_a_while, p, .gives = "string")
{
    note("try %d", jp_attempt(p));
    if (jp_attempt(p) == 1)
        return jp_retry_in(p, 300, "asked for a pause");
    return jp_return(p, "ok");
}

JP_PIPE(too_large, p, .gives = "binary", .retry = {.attempts = 1})
{
    static uint8_t nine[9 * 1024 * 1024];
    return jp_return(p, jp_v_binary(nine, sizeof nine));
}

static const jp_def *const pipes[] = {
    &echo,         &rec,        &fail,      &always, &always_hooked, &grows, &plans_and_fails,
    &with_options, &in_a_while, &too_large, NULL};

static int64_t took(kit *k, const char *pipe, const char *json)
{
    int64_t begun = now(k);
    run(k, pipe, json);
    return now(k) - begun;
}

/* SEMANTICS 6.1, 6.3 */
START_SCENARIO(s43_defaults)
{
    int64_t ms = took(k, "fail", "[3]");
    assert_json(result(k, k->key), "\"ok\"");
    assert_json(journal(), "try 1, try 2, try 3");
    assert_json(tree(k, k->key, "attempt"), "3");
    assert_json(tree(k, k->key, "failure.text"), "attempt 2 failed");
    ck_assert_msg(ms >= 2700 && ms <= 3800, "1 s and 2 s with a tenth of jitter, took %lld ms", (long long)ms);
}

/* SEMANTICS 6.4 */
START_SCENARIO(s44_used_up)
{
    const char *key = run(k, "always_hooked", "");
    assert_json(journal(), "try 1, try 2, try 3, finishedA");
    assert_json(status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(reason(k, key), "after 3 attempts"));
    ck_assert_ptr_nonnull(strstr(tree(k, key, "failure.text"), "after 3 attempts"));
}

START_SCENARIO(s45_backoff)
{
    int64_t ms = took(k, "grows", "");
    assert_json(journal(), "try 1, try 2, try 3, try 4, try 5");
    ck_assert_msg(ms >= 975 && ms <= 975 + 5 * 100 + 400, "120 + 180 + 270 + 405 ms, took %lld ms", (long long)ms);
}

/* SEMANTICS 2.3 */
START_SCENARIO(s46_plan_of_a_failed_attempt)
{
    const char *key = run(k, "plans_and_fails", "");
    assert_json(result(k, key), "13");
    assert_json(journal(), "run 13, fin 13");
    assert_json(field(k, "status", key, "pipelines.done"), "2");
}

START_SCENARIO(s53_options_of_one_yield)
{
    const char *key = run(k, "with_options", "");
    assert_json(journal(), "try 1");
    assert_json(status(k, key), "aborted");
    run(k, "always", "");
    ck_assert_int_eq(noted("try 3"), 1);
}

START_SCENARIO(retry_in)
{
    int64_t ms = took(k, "in_a_while", "");
    assert_json(result(k, k->key), "\"ok\"");
    ck_assert_msg(ms >= 300 && ms < 800, "took %lld ms", (long long)ms);
}

/* SEMANTICS 3.1, 6.2 */
START_SCENARIO(s77_too_large)
{
    const char *key = run(k, "too_large", "");
    assert_json(status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(reason(k, key), "8"));
}

int main(void)
{
    Suite *suite = suite_create("retry");
    TCase *tcase = tcase_create("retry");
    tcase_set_timeout(tcase, 120);
    add_scenario(tcase, s43_defaults);
    add_scenario(tcase, s44_used_up);
    add_scenario(tcase, s45_backoff);
    add_scenario(tcase, s46_plan_of_a_failed_attempt);
    add_scenario(tcase, s53_options_of_one_yield);
    add_scenario(tcase, retry_in);
    add_scenario(tcase, s77_too_large);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
