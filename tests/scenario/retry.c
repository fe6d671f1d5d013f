/* retry.c -- S43 to S53: failed attempts and their successors. S48 is in stale.c, crashes are in crashes.c. */
#include "records.h"

JP_PIPE(always, p, .gives = "int64", .retry = {.attempts = 3, .first_ms = 50, .jitter = JP_NO_JITTER})
{
    kit_note("try %d", jp_attempt(p));
    return jp_retry(p, "gateway busy");
}

static void finished(jp_ctx *p, bool aborted)
{
    (void)p;
    kit_note("finished%s", aborted ? "A" : "");
}

JP_PIPE(always_hooked, p, .gives = "int64", .retry = {.attempts = 3, .first_ms = 50, .jitter = JP_NO_JITTER},
        .on_finished = finished)
{
    kit_note("try %d", jp_attempt(p));
    return jp_retry(p, "gateway busy");
}

/* S45 for virtual time; the next one is a hundred times faster, for real time. */
JP_PIPE(grows, p, .gives = "int64", .retry = {.attempts = 5, .first_ms = 12000, .factor = 1.5, .jitter = JP_NO_JITTER})
{
    kit_note("try %d", jp_attempt(p));
    return jp_retry(p, "no");
}

JP_PIPE(grows_fast, p, .gives = "int64",
        .retry = {.attempts = 5, .first_ms = 120, .factor = 1.5, .jitter = JP_NO_JITTER})
{
    kit_note("try %d", jp_attempt(p));
    return jp_retry(p, "no");
}

JP_PIPE(capped, p, .gives = "int64",
        .retry = {.attempts = 5, .first_ms = 20, .factor = 10, .limit_ms = 150, .jitter = JP_NO_JITTER})
{
    return jp_attempt(p) < 5 ? jp_retry(p, "no") : jp_return(p, 5);
}

JP_PIPE(jittery, p, .gives = "int64", .retry = {.attempts = 2, .first_ms = 400, .jitter = 0.5})
{
    return jp_attempt(p) == 1 ? jp_retry(p, "once") : jp_return(p, 1);
}

JP_PIPE(thirty_jittery, p)
{
    for (int i = 0; i < 30; i++)
        jp_yield(p, jittery);
    return jp_done(p);
}

JP_PIPE(plans_and_fails, p, .gives = "any", .retry = {.attempts = 3, .first_ms = 30})
{
    jp_future a = jp_yield(p, rec, 10 + jp_attempt(p));
    if (jp_attempt(p) < 3)
        return jp_retry(p, "after planning");
    return jp_return(p, a);
}

/* `always` with other options: a copy, registered under another name. */
static jp_def once;

JP_PIPE(on_time, p, .takes = "int64 attempts", .gives = "int64",
        .retry = {.attempts = 2, .first_ms = 70, .factor = 1.0, .jitter = JP_NO_JITTER})
{
    if (jp_attempt(p) < jp_int64(p, "attempts"))
        return jp_retry(p, "not yet");
    return jp_return(p, jp_attempt(p));
}

/* Yields one pipe four times, twice with its own options. */
JP_PIPE(with_options, p, .gives = "list")
{
    jp_future a = jp_yield(p, on_time, 2);
    jp_future b = jp_yield_with(p, JP_OPTIONS(.retry = {.attempts = 4}), on_time, 4);
    jp_future c = jp_yield_with(p, JP_OPTIONS(.retry = {.first_ms = 30}), on_time, 2);
    jp_future d = jp_yield(p, on_time, 2);
    return jp_return(p, jp_array(p, a, b, c, d));
}

JP_PIPE(with_one_attempt, p, .gives = "any")
{
    jp_yield_with(p, JP_OPTIONS(.retry = {.attempts = 1}), always);
    return jp_done(p);
}

JP_PIPE(two_texts, p, .gives = "int64", .retry = {.attempts = 2, .first_ms = 20})
{
    return jp_retry(p, "the text of attempt %d", jp_attempt(p));
}

JP_PIPE(no_utf8, p, .gives = "string", .retry = {.attempts = 2, .first_ms = 20})
{
    kit_note("no utf8 %d", jp_attempt(p));
    return jp_return(p, "\xff\xfe");
}

JP_PIPE(unanswered, p, .async = true, .timeout_ms = 60,
        .retry = {.attempts = 2, .first_ms = 40, .jitter = JP_NO_JITTER})
{
    kit_note("asked %d", jp_attempt(p));
    return jp_wait(p);
}

JP_PIPE(in_a_while, p, .gives = "string")
{
    kit_note("try %d", jp_attempt(p));
    if (jp_attempt(p) == 1)
        return jp_retry_in(p, 300, "asked for a pause");
    return jp_return(p, "ok");
}

JP_PIPE(too_large, p, .gives = "binary", .retry = {.attempts = 1})
{
    static uint8_t nine[9 * 1024 * 1024];
    return jp_return(p, jp_v_binary(nine, sizeof nine));
}

static const jp_def *const pipes[] = {&echo,
                                      &rec,
                                      &fail,
                                      &always,
                                      &always_hooked,
                                      &grows,
                                      &grows_fast,
                                      &capped,
                                      &jittery,
                                      &thirty_jittery,
                                      &plans_and_fails,
                                      &once,
                                      &on_time,
                                      &with_options,
                                      &with_one_attempt,
                                      &two_texts,
                                      &in_a_while,
                                      &too_large,
                                      &no_utf8,
                                      &unanswered,
                                      NULL};

/* The retry delay that was recorded after attempt number `attempt`. */
static int64_t delay_ms(kit *k, const jpx_pipeline *p, uint32_t attempt)
{
    jpx_journal found = kit_journal_of(k, p);
    ck_assert_msg(attempt <= found.count && found.entries[attempt - 1].kind == JPX_ENTRY_RETRY &&
                      found.entries[attempt - 1].attempt == (int)attempt,
                  "%s", kit_steps_of(k, p));
    if (attempt < found.count) /* the next attempt did not start before it was due */
        ck_assert_int_ge(found.entries[attempt].at_ms, found.entries[attempt - 1].due_ms);
    return found.entries[attempt - 1].due_ms - found.entries[attempt - 1].at_ms;
}

/* SEMANTICS 6.1, 6.3: executions at 0, 1 and 3 s, with 10 % jitter. */
START_SCENARIO(s43_defaults)
{
    const char *key = kit_run(k, "fail", "[3]");
    const jpx_pipeline *p = kit_pipeline_of_root(k, key);
    kit_assert_json(kit_result(k, key), "\"ok\"");
    kit_assert_json(kit_journal(), "try 1, try 2, try 3");
    kit_assert_json(kit_tree(k, key, "attempt"), "3");
    kit_assert_json(kit_tree(k, key, "failure.text"), "attempt 2 failed");
    kit_assert_json(kit_tree(k, key, "failure.attempt"), "2");
    kit_assert_json(kit_steps_of(k, p), "retry retry returned");
    int64_t one = delay_ms(k, p, 1), two = delay_ms(k, p, 2);
    ck_assert_msg(one >= 900 && one <= 1100 && two >= 1800 && two <= 2200, "%lld and %lld ms", (long long)one,
                  (long long)two);
    jpx_journal found = kit_journal_of(k, p);
    if (k->virtual_time)
        for (uint32_t i = 1; i < 3; i++)
            ck_assert_int_le(found.entries[i].at_ms - found.entries[i - 1].due_ms, 100);
}

/* SEMANTICS 6.4, 7.3: exactly three, the hook once, the reason on the pipeline and on the root. */
START_SCENARIO(s44_used_up)
{
    const char *key = kit_run(k, "always_hooked", "");
    kit_assert_json(kit_journal(), "try 1, try 2, try 3, finishedA");
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_tree(k, key, "status"), "aborted");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "after 3 attempts"));
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "gateway busy"));
    ck_assert_ptr_nonnull(strstr(kit_tree(k, key, "failure.text"), "after 3 attempts"));
    kit_pass(k, 500);
    ck_assert_int_eq(kit_noted("finishedA"), 1);
    kit_assert_json(kit_steps_of(k, kit_pipeline_of_root(k, key)), "retry retry failed finished");
}

/* SEMANTICS 6.1: 12, 18, 27 and 40.5 s. */
START_SCENARIO(s45_backoff)
{
    static const int64_t delays[] = {12000, 18000, 27000, 40500};
    const char *key = kit_run(k, k->virtual_time ? "grows" : "grows_fast", "");
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_int_eq(delay_ms(k, kit_pipeline_of_root(k, key), i + 1), delays[i] / (k->virtual_time ? 1 : 100));
    kit_assert_json(kit_journal(), "try 1, try 2, try 3, try 4, try 5");
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "after 5 attempts"));
}

/* SEMANTICS 6.1: the delay is capped. */
START_SCENARIO(delays_are_capped)
{
    static const int64_t delays[] = {20, 150, 150, 150};
    const char *key = kit_run(k, "capped", "");
    kit_assert_json(kit_result(k, key), "5");
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_int_eq(delay_ms(k, kit_pipeline_of_root(k, key), i + 1), delays[i]);
}

/* SEMANTICS 6.1: jitter stays within its bounds, and varies. */
START_SCENARIO(delays_have_jitter)
{
    int64_t least = INT64_MAX, most = 0;
    kit_run(k, "thirty_jittery", "");
    for (size_t i = 0; i < 30; i++) {
        int64_t delay = delay_ms(k, kit_pipeline_of(k, "jittery", i), 1);
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
    }
    ck_assert_msg(least >= 200 && most <= 600 && most - least > 50, "from %lld to %lld ms", (long long)least,
                  (long long)most);
}

/* SEMANTICS 6.1: the formula, at its edges. */
START_TEST(delays_by_the_formula)
{
    jp_retry_policy policy = {.attempts = 4, .first_ms = 1000, .factor = 2.0, .limit_ms = 3000, .jitter = 0.1};
    ck_assert_int_eq(jpx_retry_delay_ms(&policy, 1, 0.5), 1000);
    ck_assert_int_eq(jpx_retry_delay_ms(&policy, 2, 0.5), 2000);
    ck_assert_int_eq(jpx_retry_delay_ms(&policy, 3, 0.5), 3000);
    ck_assert_int_eq(jpx_retry_delay_ms(&policy, 1, 0.0), 900);
    ck_assert_int_ge(jpx_retry_delay_ms(&policy, 1, 0.999999), 1099);
    ck_assert_int_le(jpx_retry_delay_ms(&policy, 1, 0.999999), 1100);
    ck_assert_int_eq(jpx_retry_delay_ms(&policy, 4, 0.5), INT64_MAX); /* used up */
    ck_assert_int_eq(jpx_retry_delay_ms(&policy, 5, 0.5), INT64_MAX);
    policy = (jp_retry_policy){.attempts = 2000, .first_ms = 1000, .factor = 1e6, .limit_ms = 600000};
    ck_assert_int_eq(jpx_retry_delay_ms(&policy, 1999, 0.5), 600000);
}
END_TEST

/* One root after the other, so that the delays depend on the seed alone. */
static void seeded(uint64_t seed, int64_t delays[8])
{
    kit k = {.ground = "memory x memory", .virtual_time = true, .ms = 1, .arena = jpx_arena_new()};
    jpx_local_options options = {.virtual_time = true, .seed = seed, .level = JPX_ERROR};
    jp_error err;
    ck_assert(jpx_registry_new(&k.registry, pipes, &err) == JP_OK);
    ck_assert(jpx_local_open(&k.local, k.registry, &options, &err) == JP_OK);
    for (int i = 0; i < 8; i++)
        delays[i] = delay_ms(&k, kit_pipeline_of_root(&k, kit_run(&k, "jittery", "")), 1);
    jpx_local_close(k.local);
    jpx_registry_free(k.registry);
    jpx_arena_free(k.arena);
}

/* SEMANTICS 6.1: jitter comes from the injected random source: the same seed gives the same delays. */
START_TEST(jitter_is_drawn_from_the_injected_source)
{
    int64_t one[8], again[8], other[8];
    seeded(42, one);
    seeded(42, again);
    seeded(43, other);
    ck_assert(memcmp(one, again, sizeof one) == 0);
    ck_assert(memcmp(one, other, sizeof one) != 0);
}
END_TEST

/* SEMANTICS 6.1: a pipeline that waits for its next attempt holds no message. */
START_SCENARIO(waiting_holds_nothing)
{
    const char *key = kit_start(k, "fail", "[2]");
    kit_pass(k, 150);
    kit_assert_json(kit_status(k, key), "retry");
    ck_assert_int_eq(jpx_bus_backlog(jpx_local_bus(k->local), JPX_STREAM_RUN), 0);
    ck_assert_int_eq(jpx_bus_backlog(jpx_local_bus(k->local), JPX_STREAM_SLOT), 0);
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_TIMER), 1);
    kit_finish(k, key);
    for (int i = 0; i < 40 && kit_records(k, JPX_TABLE_TIMER); i++)
        kit_pass(k, 50);
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_TIMER), 0);
}

/* SEMANTICS 6.1: the due time is in the record: an attempt that became due while no process ran is found. */
START_TEST(overdue_is_found)
{
    kit *k = kit_open(1, pipes);
    const char *key = kit_start(k, "in_a_while", "");
    jpx_local *second;
    jp_error err;

    kit_pass(k, 100);
    kit_assert_json(kit_status(k, key), "retry");
    jpx_local_options options = {
        .virtual_time = true,
        .prefix = k->prefix,
        .level = JPX_ERROR,
        .start_ms = kit_now(k) + 3600 * 1000,
        .store = jpx_format(k->arena, "sqlite:%s/%s.db", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", k->prefix)};
    ck_assert_msg(jpx_local_open(&second, k->registry, &options, &err) == JP_OK, "%s", err.text);
    ck_assert_msg(jpx_local_finish(second, key, 1000, &err) == JP_OK, "%s", err.text);
    kit_assert_json(kit_journal(), "try 1, try 2");
    jpx_local_close(second);
    kit_assert_json(kit_result(k, key), "\"ok\"");
    kit_close(k);
}
END_TEST

/* SEMANTICS 2.3, 2.4: no child of a failed attempt is stored, and the next attempt may plan differently. */
START_SCENARIO(s46_plan_of_a_failed_attempt)
{
    const char *key = kit_run(k, "plans_and_fails", "");
    kit_assert_json(kit_result(k, key), "13");
    kit_assert_json(kit_journal(), "run 13, fin 13");
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":2}");
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_PIPELINE), 2);
    kit_assert_json(kit_tree(k, key, "attempt"), "3");
}

/* SEMANTICS 6.1: options given at registration. */
START_SCENARIO(s53_options_of_one_pipe)
{
    const char *key = kit_run(k, "always_once", "");
    kit_assert_json(kit_journal(), "try 1");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "after 1 attempt:"));
    key = kit_run(k, "always", "");
    ck_assert_int_eq(kit_noted("try 3"), 1);
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "after 3 attempts:"));
}

/* SEMANTICS 6.1: options given at one yield. */
START_SCENARIO(s53_options_of_one_yield)
{
    const char *key = kit_run(k, "with_options", "");
    kit_assert_json(kit_reason(k, key), "");
    kit_assert_json(kit_result(k, key), "[2,4,2,2]");
    ck_assert_int_eq(delay_ms(k, kit_child_of_root(k, key, 0), 1), 70);
    for (uint32_t i = 1; i < 4; i++)
        ck_assert_int_eq(delay_ms(k, kit_child_of_root(k, key, 1), i), 70);
    ck_assert_int_eq(delay_ms(k, kit_child_of_root(k, key, 2), 1), 30);
    ck_assert_int_eq(delay_ms(k, kit_child_of_root(k, key, 3), 1), 70);
    key = kit_run(k, "on_time", "[4]"); /* the pipe itself is unchanged */
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "after 2 attempts"));
    key = kit_run(k, "with_one_attempt", "");
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(kit_journal(), "try 1");
}

/* SEMANTICS 2.5 */
START_SCENARIO(retry_in)
{
    const char *key = kit_run(k, "in_a_while", "");
    kit_assert_json(kit_result(k, key), "\"ok\"");
    ck_assert_int_eq(delay_ms(k, kit_pipeline_of_root(k, key), 1), 300);
}

/* SEMANTICS 6.3: class and text of each failed attempt are kept. */
START_SCENARIO(messages_are_kept)
{
    const char *key = kit_run(k, "two_texts", "");
    jpx_journal found = kit_journal_of(k, kit_pipeline_of_root(k, key));
    kit_assert_json(found.entries[0].failure_class, "retry");
    kit_assert_json(found.entries[0].failure_text, "the text of attempt 1");
    kit_assert_json(found.entries[1].failure_class, "retry");
    kit_assert_json(found.entries[1].failure_text, "after 2 attempts: the text of attempt 2");
    kit_assert_json(kit_tree(k, key, "failure.class"), "retry");
    kit_assert_json(kit_tree(k, key, "failure.text"), "after 2 attempts: the text of attempt 2");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "after 2 attempts: the text of attempt 2"));
}

/* SEMANTICS 3.1, 6.2: a value that cannot be stored is a failed attempt. */
START_SCENARIO(s77_too_large)
{
    const char *key = kit_run(k, "too_large", "");
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "8 MiB"));
    kit_assert_json(kit_tree(k, key, "failure.class"), "value");
    key = kit_run(k, "no_utf8", "");
    kit_assert_json(kit_journal(), "no utf8 1, no utf8 2");
    kit_assert_json(kit_tree(k, key, "failure.class"), "value");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "UTF-8"));
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "after 2 attempts"));
}

/* SEMANTICS 6.2: a wait without a reply is a failed attempt. */
START_SCENARIO(timeouts_of_waits)
{
    const char *key = kit_run(k, "unanswered", "");
    jpx_journal found = kit_journal_of(k, kit_pipeline_of_root(k, key));
    kit_assert_json(kit_steps_of(k, found.pipeline), "waiting retry waiting failed");
    ck_assert_int_eq(found.entries[0].due_ms - found.entries[0].at_ms, 60);
    ck_assert_int_eq(found.entries[1].due_ms - found.entries[1].at_ms, 40);
    kit_assert_json(kit_journal(), "asked 1, asked 2");
    kit_assert_json(kit_tree(k, key, "failure.class"), "timeout");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "after 2 attempts: no reply within"));
}

int main(void)
{
    Suite *suite = suite_create("retry");
    TCase *tcase = tcase_create("retry");

    once = always;
    once.as = "always_once";
    once.retry.attempts = 1;
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s43_defaults);
    kit_add_scenario(tcase, s44_used_up);
    kit_add_scenario(tcase, s45_backoff);
    kit_add_scenario(tcase, s46_plan_of_a_failed_attempt);
    kit_add_scenario(tcase, s53_options_of_one_pipe);
    kit_add_scenario(tcase, s53_options_of_one_yield);
    kit_add_scenario(tcase, delays_are_capped);
    kit_add_scenario(tcase, delays_have_jitter);
    kit_add_scenario(tcase, waiting_holds_nothing);
    kit_add_scenario(tcase, retry_in);
    kit_add_scenario(tcase, messages_are_kept);
    kit_add_scenario(tcase, s77_too_large);
    kit_add_scenario(tcase, timeouts_of_waits);
    tcase_add_test(tcase, delays_by_the_formula);
    tcase_add_test(tcase, jitter_is_drawn_from_the_injected_source);
    tcase_add_test(tcase, overdue_is_found);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
