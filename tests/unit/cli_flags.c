/* cli_flags.c -- the command line: flags, environment, times, counts, and guesses at misspelt names. */
#include "cli/flags.h"
#include "cli/units.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define READ(options, err, ...)                                                                                        \
    jpx_flags_read((options), (int)(sizeof((char *[]){"jetpipe", __VA_ARGS__}) / sizeof(char *)),                      \
                   (char *[]){"jetpipe", __VA_ARGS__}, (err))

static void forget_environment(void)
{
    for (int i = 0; i < JPX_FLAGS; i++)
        if (jpx_flag_variable((jpx_flag_id)i))
            unsetenv(jpx_flag_variable((jpx_flag_id)i));
}

START_TEST(flags_stand_anywhere_in_both_spellings)
{
    jpx_options o;
    jp_error err;
    ck_assert_int_eq(
        READ(&o, &err, "--nats", "nats://x:1", "start", "AddTwo", "--key=order=17", "[40]", "--wait", "--timeout=1.5s"),
        JP_OK);
    ck_assert_uint_eq(o.args_count, 3);
    ck_assert_str_eq(o.args[0], "start");
    ck_assert_str_eq(o.args[1], "AddTwo");
    ck_assert_str_eq(o.args[2], "[40]");
    ck_assert_str_eq(o.nats, "nats://x:1");
    ck_assert_str_eq(o.key, "order=17"); /* split at the first '=' only */
    ck_assert(o.wait);
    ck_assert(!o.json);
    ck_assert_int_eq(o.timeout_ms, 1500);
    ck_assert_int_eq(o.older_ms, -1);
    ck_assert_uint_eq(o.given, JPX_FLAG(NATS) | JPX_FLAG(KEY) | JPX_FLAG(WAIT) | JPX_FLAG(TIMEOUT));
}
END_TEST

START_TEST(negative_numbers_and_stdin_are_arguments)
{
    jpx_options o;
    jp_error err;
    ck_assert_int_eq(READ(&o, &err, "run", "-5", "-", "-.5", "--", "--wait", "-h"), JP_OK);
    ck_assert_uint_eq(o.args_count, 6);
    ck_assert_str_eq(o.args[1], "-5");
    ck_assert_str_eq(o.args[2], "-");
    ck_assert_str_eq(o.args[4], "--wait");
    ck_assert(!o.wait && !o.help);
}
END_TEST

static const struct {
    const char *args[3], *text;
} wrong[] = {
    {{"list", "--statsu", "done"}, "there is no flag --statsu; did you mean --status?"},
    {{"list", "--qqqqqqqqqq"}, "there is no flag --qqqqqqqqqq; `help VERB` lists the flags of a verb"},
    {{"list", "-n"}, "there is no flag -n; flags begin with two dashes"},
    {{"list", "--limit"}, "--limit needs a value: --limit N"},
    {{"list", "--limit=0"}, "--limit must be a whole number from 1 to 100000, not '0'"},
    {{"list", "--limit", "12x"}, "--limit must be a whole number from 1 to 100000, not '12x'"},
    {{"serve", "--processes", "99999999999999999999"},
     "--processes must be a whole number from 1 to 1024, not '99999999999999999999'"},
    {{"list", "--json=yes"}, "--json takes no value, but was given 'yes'"},
    {{"run", "--timeout", "5"}, "--timeout must be a time with its unit, such as 500ms, 5s, 2m, 12h or 7d, not '5'"},
    {{"list", "--status", "donne"}, "--status must be one of running, done, aborted, not 'donne'"},
    {{"list", "--log-level=loud"}, "--log-level must be one of debug, info, warn, error, not 'loud'"},
    {{"list", "--prefix", "a.b"}, "--prefix must be 1 to 63 letters, digits, _ or -, not 'a.b'"},
    {{"start", "--key="}, "--key must not be an empty KEY"},
};

START_TEST(mistakes_get_one_sentence)
{
    jpx_options o;
    jp_error err;
    int count = wrong[_i].args[2] ? 3 : 2;
    char *argv[] = {"jetpipe", (char *)wrong[_i].args[0], (char *)wrong[_i].args[1], (char *)wrong[_i].args[2]};
    ck_assert_int_eq(jpx_flags_read(&o, count + 1, argv, &err), JP_E_INVALID);
    ck_assert_int_eq(err.status, JP_E_INVALID);
    ck_assert_str_eq(err.text, wrong[_i].text);
}
END_TEST

START_TEST(arguments_are_bounded)
{
    jpx_options o;
    jp_error err;
    char *argv[JPX_ARGS_MAX + 2];
    for (int i = 0; i < JPX_ARGS_MAX + 2; i++)
        argv[i] = "x";
    ck_assert_int_eq(jpx_flags_read(&o, JPX_ARGS_MAX + 1, argv, &err), JP_OK);
    ck_assert_int_eq(jpx_flags_read(&o, JPX_ARGS_MAX + 2, argv, &err), JP_E_INVALID);
}
END_TEST

START_TEST(the_environment_fills_what_was_not_given)
{
    jpx_options o;
    jp_error err;
    forget_environment();
    ck_assert_int_eq(READ(&o, &err, "serve"), JP_OK);
    ck_assert_int_eq(jpx_flags_environment(&o, &err), JP_OK);
    ck_assert_str_eq(o.nats, "nats://127.0.0.1:4222");
    ck_assert_str_eq(o.prefix, "jetpipe");
    ck_assert_ptr_null(o.store);

    setenv("JETPIPE_NATS", "nats://env:1", 1);
    setenv("JETPIPE_STORE", "sqlite:env.db", 1);
    setenv("JETPIPE_PREFIX", "", 1); /* an empty variable counts as not set */
    setenv("JETPIPE_PROCESSES", "3", 1);
    ck_assert_int_eq(READ(&o, &err, "serve", "--nats=nats://flag:1"), JP_OK);
    ck_assert_int_eq(jpx_flags_environment(&o, &err), JP_OK);
    ck_assert_str_eq(o.nats, "nats://flag:1");
    ck_assert_str_eq(o.store, "sqlite:env.db");
    ck_assert_str_eq(o.prefix, "jetpipe");
    ck_assert_int_eq(o.processes, 3);
    ck_assert_uint_eq(o.given, JPX_FLAG(NATS)); /* the environment is not the command line */

    setenv("JETPIPE_PROCESSES", "many", 1);
    ck_assert_int_eq(READ(&o, &err, "serve"), JP_OK);
    ck_assert_int_eq(jpx_flags_environment(&o, &err), JP_E_INVALID);
    ck_assert_str_eq(err.text, "JETPIPE_PROCESSES must be a whole number from 1 to 1024, not 'many'");
    forget_environment();
}
END_TEST

static const struct {
    const char *text;
    int64_t ms; /* -1: refused */
} durations[] = {{"0", 0},          {"500ms", 500},
                 {"5s", 5000},      {"1.5s", 1500},
                 {"0.001s", 1},     {"2m", 120000},
                 {"2min", 120000},  {"1h30m", 5400000},
                 {"7d", 604800000}, {"36600d", 3162240000000},
                 {"36601d", -1},    {"", -1},
                 {"5", -1},         {"s", -1},
                 {"5x", -1},        {"-5s", -1},
                 {"5s ", -1},       {" 5s", -1},
                 {"5.s", -1},       {".5s", -1},
                 {"1e3s", -1},      {"99999999999999d", -1},
                 {"5S", -1},        {"1h30", -1},
                 {"00", -1}};

START_TEST(durations_are_read)
{
    int64_t ms = -7;
    bool fine = jpx_duration_read(durations[_i].text, &ms);
    ck_assert_msg(fine == (durations[_i].ms >= 0), "'%s'", durations[_i].text);
    if (fine)
        ck_assert_int_eq(ms, durations[_i].ms);
}
END_TEST

static const struct {
    int64_t ms;
    const char *text;
} spans[] = {{0, "0 ms"},         {999, "999 ms"},    {1000, "1 s"},     {1400, "1.4 s"},      {9999, "9.9 s"},
             {14000, "14 s"},     {119999, "119 s"},  {120000, "2 min"}, {7199999, "119 min"}, {7200000, "2 h"},
             {172799999, "47 h"}, {172800000, "2 d"}, {-5, "0 ms"}};

START_TEST(durations_are_written)
{
    jpx_arena *arena = jpx_arena_new();
    jpx_text text = jpx_text_new(arena);
    jpx_duration_put(&text, spans[_i].ms);
    ck_assert_str_eq(text.s, spans[_i].text);
    jpx_arena_free(arena);
}
END_TEST

START_TEST(times_are_read_and_shown_relatively)
{
    jpx_arena *arena = jpx_arena_new();
    jpx_text text = jpx_text_new(arena);
    int64_t ms, again;
    char stamp[32];
    ck_assert(jpx_time_read("2026-11-22T07:00:00.123Z", &ms));
    jpx_time_text(stamp, ms);
    ck_assert_str_eq(stamp, "2026-11-22T07:00:00.123Z");
    ck_assert(jpx_time_read("2026-11-22T07:00:00Z", &again));
    ck_assert_int_eq(again, ms - 123);
    ck_assert(jpx_time_read("2026-11-22T07:00:00.123456789Z", &again));
    ck_assert_int_eq(again, ms);
    ck_assert(!jpx_time_read("", &again));
    ck_assert(!jpx_time_read("2026-11-22", &again));
    ck_assert(!jpx_time_read("2026-11-22T07:00:00.123+01:00", &again));
    jpx_ago_put(&text, ms, ms + 3900);
    jpx_text_puts(&text, "|");
    jpx_ago_put(&text, ms, ms + 999);
    jpx_text_puts(&text, "|");
    jpx_ago_put(&text, ms + 14000, ms);
    ck_assert_str_eq(text.s, "3 s ago|now|in 14 s");
    jpx_arena_free(arena);
}
END_TEST

START_TEST(counts_have_commas)
{
    jpx_arena *arena = jpx_arena_new();
    jpx_text text = jpx_text_new(arena);
    static const int64_t counts[] = {0, 7, 999, 1000, 9988, 1000000, INT64_MAX};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        jpx_count_put(&text, counts[i]);
        jpx_text_puts(&text, " ");
    }
    ck_assert_str_eq(text.s, "0 7 999 1,000 9,988 1,000,000 9,223,372,036,854,775,807 ");
    jpx_arena_free(arena);
}
END_TEST

START_TEST(near_names_are_found_and_far_ones_are_not)
{
    static const char *const names[] = {"run", "serve", "start", "status", "AddOne", "AddTwo"};
    static const struct {
        const char *said, *meant;
    } cases[] = {{"strat", "start"}, {"stats", "status"}, {"addtwo", "AddTwo"},
                 {"rn", "run"},      {"AddOn", "AddOne"}, {"sevre", "serve"},
                 {"x", NULL},        {"", NULL},          {"frobnicate", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *near = jpx_name_near(cases[i].said, names, 6);
        ck_assert_msg(cases[i].meant ? near && strcmp(near, cases[i].meant) == 0 : !near, "%s -> %s", cases[i].said,
                      near ? near : "none");
    }
    ck_assert_uint_eq(jpx_name_distance("kitten", "sitting"), 3);
    ck_assert_uint_eq(jpx_name_distance("ab", "ba"), 1);
    ck_assert_uint_eq(jpx_name_distance("", "abc"), 3);
    char endless[200];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    ck_assert_ptr_null(jpx_name_near(endless, names, 6));
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

int main(void)
{
    Suite *suite = suite_create("cli_flags");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, flags_stand_anywhere_in_both_spellings);
    tcase_add_test(tc, negative_numbers_and_stdin_are_arguments);
    tcase_add_loop_test(tc, mistakes_get_one_sentence, 0, COUNT(wrong));
    tcase_add_test(tc, arguments_are_bounded);
    tcase_add_test(tc, the_environment_fills_what_was_not_given);
    tcase_add_loop_test(tc, durations_are_read, 0, COUNT(durations));
    tcase_add_loop_test(tc, durations_are_written, 0, COUNT(spans));
    tcase_add_test(tc, times_are_read_and_shown_relatively);
    tcase_add_test(tc, counts_have_commas);
    tcase_add_test(tc, near_names_are_found_and_far_ones_are_not);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
