/* values.c -- S01 to S13: values, arguments, generators. */
#include "records.h"
#include <math.h>

JP_PIPE(add1, p, .takes = "int64 n", .gives = "int64")
{
    kit_note("add %lld", (long long)jp_int64(p, "n"));
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(add2, p, .takes = "int64 n", .gives = "int64")
{
    jp_future v = jp_yield(p, add1, jp_arg(p, "n"));
    return jp_return(p, jp_yield(p, add1, v));
}

JP_PIPE(sum, p, .takes = "int64... n", .gives = "int64")
{
    int64_t total = 0;
    for (size_t i = 0; i < jp_count(p, "n"); i++)
        total += jp_int64_at(p, "n", i);
    kit_note("sum");
    return jp_return(p, total);
}

JP_PIPE(sum_of_echoes, p, .takes = "int64 count", .gives = "int64")
{
    jp_list *parts = jp_list_new(p);
    for (int64_t i = 0; i < jp_int64(p, "count"); i++)
        jp_push(parts, jp_yield(p, echo, i));
    return jp_return(p, jp_yield_list(p, sum, parts));
}

JP_PIPE(nothing, p)
{
    return jp_done(p);
}

JP_PIPE(DivMod, p, .takes = "int64 a, int64 b", .gives = "int64", .fills = "int64 remainder")
{
    jp_fill(p, "remainder", jp_int64(p, "a") % jp_int64(p, "b"));
    return jp_return(p, jp_int64(p, "a") / jp_int64(p, "b"));
}

JP_PIPE(Gcd, p, .takes = "int64 a, int64 b", .gives = "int64")
{
    if (jp_int64(p, "b") == 0)
        return jp_return(p, jp_arg(p, "a"));
    jp_future d = jp_yield(p, DivMod, jp_arg(p, "a"), jp_arg(p, "b"));
    return jp_return(p, jp_yield(p, Gcd, jp_arg(p, "b"), jp_slot(p, d, "remainder")));
}

static char ticket[128];

JP_PIPE(asked, p, .async = true)
{
    snprintf(ticket, sizeof ticket, "%s", jp_ticket(p));
    kit_note("asked");
    return jp_wait(p);
}

JP_PIPE(say, p, .takes = "int64 n", .gives = "int64")
{
    kit_note("say %lld", (long long)jp_int64(p, "n"));
    return jp_return(p, jp_arg(p, "n"));
}

/* The last of the hundred is late; the others do not wait for it. */
JP_PIPE(sum_of_sayings, p, .takes = "int64 ms", .gives = "int64")
{
    jp_list *parts = jp_list_new(p);
    for (int64_t i = 0; i < 99; i++)
        jp_push(parts, jp_yield(p, say, i));
    jp_push(parts, jp_yield(p, slow, 99, jp_arg(p, "ms")));
    return jp_return(p, jp_yield_list(p, sum, parts));
}

JP_PIPE(three, p, .takes = "any a, any b, any? c", .gives = "list")
{
    kit_note("three");
    return jp_return(p, jp_array(p, jp_arg(p, "a"), jp_arg(p, "b"), jp_arg(p, "c")));
}

JP_PIPE(one_three_times, p, .gives = "list")
{
    jp_future f = jp_yield(p, say, 7);
    return jp_return(p, jp_yield(p, three, f, f, f));
}

/* ---- every kind of value, through every way a value can take ---- */

static const uint8_t some_bytes[] = {0, 1, 0, 255, 128};

static jp_value everything(jp_ctx *p)
{
    jp_value nested = jp_object(p, "deep", jp_array(p, jp_v_null(), jp_array(p, (bool)true, jp_array(p)), "z"));
    jp_value numbers = jp_object(p, "least", INT64_MIN, "greatest", INT64_MAX, "zero", 0, "minus_zero", -0.0, "nan",
                                 NAN, "large", 1e308, "small", 5e-324, "infinite", -INFINITY, "whole", 3.0);
    jp_value texts = jp_object(p, "", "key is empty", "empty", "", "four", "\xf0\x9f\xa6\x89\xf4\x8f\xbf\xbf", "quote",
                               "\"\\\n\t\x01", "$set", "dollar", "a.b", "dot");
    return jp_object(p, "null", jp_v_null(), "true", (bool)true, "false", (bool)false, "numbers", numbers, "texts",
                     texts, "binary", jp_v_binary(some_bytes, sizeof some_bytes), "no_bytes",
                     jp_v_binary(some_bytes, 0), "before", jp_v_datetime(-62135596800000), "after",
                     jp_v_datetime(1767225600123), "nested", nested, "none", jp_parse(p, "{}"));
}

static bool as_it_was(jp_ctx *p, jp_value value)
{
    jp_value wanted = everything(p);
    return value.type == JP_DOC && value.as.doc.size == wanted.as.doc.size &&
           memcmp(value.as.doc.data, wanted.as.doc.data, wanted.as.doc.size) == 0;
}

JP_PIPE(pass_on, p, .takes = "any x", .fills = "doc named, list listed")
{
    if (!as_it_was(p, jp_arg(p, "x")))
        return jp_abort(p, "an argument has changed: %s", jp_json(p, jp_arg(p, "x")));
    jp_fill(p, "named", jp_arg(p, "x"));
    jp_fill(p, "listed", jp_array(p, jp_arg(p, "x"), jp_arg(p, "x")));
    return jp_return(p, jp_arg(p, "x"));
}

JP_PIPE(check_all, p, .takes = "doc a, doc b, list c, list d", .gives = "doc")
{
    size_t count = 0;
    if (!as_it_was(p, jp_arg(p, "a")) || !as_it_was(p, jp_arg(p, "b")))
        return jp_abort(p, "an output has changed");
    jp_each (p, item, jp_arg(p, "c"))
        count += as_it_was(p, item);
    jp_each (p, item, jp_arg(p, "d"))
        count += as_it_was(p, item);
    if (count != 4)
        return jp_abort(p, "%zu of 4 items are as they were", count);
    kit_note("all the same");
    return jp_return(p, jp_arg(p, "a"));
}

JP_PIPE(round_trip, p, .gives = "any")
{
    jp_future one = jp_yield(p, pass_on, everything(p)), two = jp_yield(p, pass_on, one);
    return jp_return(p, jp_yield(p, check_all, two, jp_slot(p, one, "named"), jp_slot(p, two, "listed"),
                                 jp_array(p, one, jp_slot(p, two, "named"))));
}

JP_PIPE(start_trip, p, .takes = "any x", .gives = "any")
{
    if (!as_it_was(p, jp_arg(p, "x")))
        return jp_abort(p, "the argument of the trigger has changed: %s", jp_json(p, jp_arg(p, "x")));
    return jp_return(p, jp_arg(p, "x"));
}

/* Values alone, not in a document. */
JP_PIPE(alone, p,
        .takes = "int64 least, double minus_zero, double nan, string empty, string four, binary bytes, "
                 "datetime before, bool no, list none",
        .gives = "bool")
{
    const double zero = jp_double(p, "minus_zero"), nan_ = jp_double(p, "nan");
    jp_bytes bytes = jp_binary(p, "bytes");
    const bool same = jp_int64(p, "least") == INT64_MIN && zero == 0 && signbit(zero) && isnan(nan_) &&
                      jp_string(p, "empty")[0] == '\0' && strcmp(jp_string(p, "four"), "\xf0\x9f\xa6\x89") == 0 &&
                      bytes.size == sizeof some_bytes && memcmp(bytes.data, some_bytes, bytes.size) == 0 &&
                      jp_datetime(p, "before") == -1 && !jp_bool(p, "no") && jp_count(p, "none") == 0;
    return jp_return(p, same);
}

JP_PIPE(all_alone, p, .gives = "bool")
{
    return jp_return(p, jp_yield(p, alone, jp_yield(p, echo, INT64_MIN), jp_yield(p, echo, -0.0),
                                 jp_yield(p, echo, NAN), jp_yield(p, echo, ""), jp_yield(p, echo, "\xf0\x9f\xa6\x89"),
                                 jp_yield(p, echo, jp_v_binary(some_bytes, sizeof some_bytes)),
                                 jp_yield(p, echo, jp_v_datetime(-1)), jp_yield(p, echo, (bool)false),
                                 jp_yield(p, echo, jp_list_new(p))));
}

/* ---- arguments ---- */

JP_PIPE(signed_up, p, .takes = "int64 n, string? who, double... rest", .gives = "any")
{
    jp_list *all = jp_array(p, jp_arg(p, "n"), jp_arg(p, "who"));
    for (size_t i = 0; i < jp_count(p, "rest"); i++)
        jp_push(all, jp_double_at(p, "rest", i));
    return jp_return(p, all);
}

JP_PIPE(typed, p, .takes = "bool b, int64 i, double d, string s, datetime t, binary y, doc o, list l, any a",
        .gives = "string")
{
    return jp_return(p, "took them");
}

static const jp_def *const pipes[] = {
    &echo,       &slow,       &add1,  &add2,           &sum,       &sum_of_echoes,   &nothing, &DivMod,
    &Gcd,        &asked,      &say,   &sum_of_sayings, &three,     &one_three_times, &pass_on, &check_all,
    &round_trip, &start_trip, &alone, &all_alone,      &signed_up, &typed,           NULL};

/* SEMANTICS 3.2, 5.2 */
START_SCENARIO(s01_echo)
{
    const char *key = kit_run(k, "echo", "[1,2,3]");
    kit_assert_json(kit_result(k, key), "[1,2,3]");
    kit_assert_json(kit_status(k, key), "done");
    kit_assert_json(kit_tree(k, key, "attempt"), "1");
    kit_assert_json(kit_steps_of(k, kit_pipeline_of(k, "echo", 0)), "returned");
    kit_assert_json(kit_result(k, kit_run(k, "echo", "")), "null");
    kit_assert_json(kit_result(k, kit_run(k, "echo", "[\"one\"]")), "\"one\"");
}

/* SEMANTICS 2.5: a wait has no value before the reply. */
START_SCENARIO(s02_through_a_wait)
{
    const char *key = kit_start(k, "asked", "");
    kit_pass(k, 200);
    kit_assert_json(kit_status(k, key), "running");
    kit_assert_json(kit_result(k, key), "");
    kit_assert_json(
        kit_field(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":[1,2,3]}", ticket), "accepted"),
        "true");
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "[1,2,3]");
    kit_assert_json(kit_status(k, key), "done");
    kit_assert_json(kit_tree(k, key, "attempt"), "1");
    ck_assert_int_eq(kit_noted("asked"), 1);
}

/* SEMANTICS 2.6, 3.4, 4.2 */
START_SCENARIO(s03_chain)
{
    const char *key = kit_run(k, "add2", "[5]");
    kit_assert_json(kit_result(k, key), "7");
    kit_assert_json(kit_journal(), "add 5, add 6");
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":3}");
    kit_assert_json(kit_tree(k, key, "children.0.outputs.default.value"), "6");
    kit_assert_json(kit_tree(k, key, "children.1.outputs.default.value"), "7");
    ck_assert_int_ge(kit_journal_of(k, kit_pipeline_of(k, "add1", 1)).entries[0].at_ms,
                     kit_journal_of(k, kit_pipeline_of(k, "add1", 0)).entries[0].at_ms);
}

/* SEMANTICS 4.1 */
START_SCENARIO(s04_fan_in)
{
    const char *key = kit_run(k, "sum_of_echoes", "[100]");
    kit_assert_json(kit_result(k, key), "4950");
    kit_assert_json(kit_journal(), "sum");
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":102}");
}

/* SEMANTICS 4.1: the children do not wait for one another. */
START_SCENARIO(s04_side_by_side)
{
    const char *key = kit_start(k, "sum_of_sayings", "[2500]");
    int ran = 0;
    for (int waited = 0; waited < 2000 && ran < 99; waited += 100) {
        kit_pass(k, 100);
        ran = 0;
        for (int i = 0; i < 99; i++)
            ran += kit_noted(jpx_format(k->arena, "say %d", i));
    }
    ck_assert_int_eq(ran, 99); /* all but the late one */
    ck_assert_int_eq(kit_noted("sum"), 0);
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "4950");
    ck_assert_int_eq(kit_noted("sum"), 1);
    ck_assert(kit_before("slow 99", "sum") && kit_before("say 98", "sum"));
}

/* SEMANTICS 2.5, 3.1: a null output is a filled slot. */
START_SCENARIO(s05_nothing)
{
    const char *key = kit_run(k, "nothing", "");
    kit_assert_json(kit_result(k, key), "null");
    kit_assert_json(kit_status(k, key), "done");
    kit_assert_json(kit_tree(k, key, "children"), "[]");
    kit_assert_json(kit_tree(k, key, "outputs.default.value"), "null");
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_PIPELINE), 1);
}

/* SEMANTICS 3.5 */
START_SCENARIO(s06_gcd)
{
    kit_assert_json(kit_result(k, kit_run(k, "Gcd", "[1071,462]")), "21");
    kit_assert_json(kit_result(k, kit_run(k, "Gcd", "{\"a\":1071,\"b\":463}")), "1");
}

/* SEMANTICS 3.3: one dependency, and the same value in every place. */
START_SCENARIO(s11_one_future_three_times)
{
    const char *key = kit_run(k, "one_three_times", "");
    kit_assert_json(kit_result(k, key), "[7,7,7]");
    kit_assert_json(kit_journal(), "say 7, three");
    ck_assert_uint_eq(jpx_pipeline_bits(kit_pipeline_of(k, "three", 0)), 1);
}

/* SEMANTICS 3.1 */
START_SCENARIO(s13_every_value)
{
    const char *key = kit_run(k, "round_trip", "");
    kit_assert_json(kit_reason(k, key), "");
    kit_assert_json(kit_journal(), "all the same");
    const char *shown = kit_result(k, key);
    ck_assert_ptr_nonnull(strstr(shown, "\"least\":-9223372036854775808,\"greatest\":9223372036854775807"));
    ck_assert_ptr_nonnull(strstr(shown, "\"minus_zero\":-0.0"));
    ck_assert_ptr_nonnull(strstr(shown, "\"nan\":{\"$numberDouble\":\"NaN\"}"));
    ck_assert_ptr_nonnull(strstr(shown, "\"four\":\"\xf0\x9f\xa6\x89\xf4\x8f\xbf\xbf\""));

    /* a result is accepted as an argument, and gives the same bytes */
    const char *again = kit_run(k, "start_trip", jpx_format(k->arena, "[%s]", shown));
    kit_assert_json(kit_reason(k, again), "");
    kit_assert_json(kit_result(k, again), shown);
    kit_assert_json(kit_result(k, kit_run(k, "start_trip", jpx_format(k->arena, "{\"x\":%s}", shown))), shown);
}

/* SEMANTICS 3.1 */
START_SCENARIO(s13_values_alone)
{
    const char *key = kit_run(k, "all_alone", "");
    kit_assert_json(kit_reason(k, key), "");
    kit_assert_json(kit_result(k, key), "true");
    static const char *const values[] = {
        "null", "true", "false", "-9223372036854775808", "9223372036854775807", "-0.0", "1e+308",
        "\"\"", "[]",   "{}",    "[[],[null,{}]]"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const char *shown = kit_result(k, kit_run(k, "echo", jpx_format(k->arena, "[%s]", values[i])));
        ck_assert_msg(strcmp(shown, values[i]) == 0 ||
                          (shown[0] == '1' && strtod(shown, NULL) == strtod(values[i], NULL)),
                      "%s came back as %s", values[i], shown);
    }
}

/* SEMANTICS 3.2: by position, by name; optional and rest arguments. */
START_SCENARIO(arguments_of_a_trigger)
{
    kit_assert_json(kit_result(k, kit_run(k, "signed_up", "[1]")), "[1,null]");
    kit_assert_json(kit_result(k, kit_run(k, "signed_up", "[1,\"ana\",2,2.5]")), "[1,\"ana\",2.0,2.5]");
    kit_assert_json(kit_result(k, kit_run(k, "signed_up", "{\"rest\":[0.5],\"n\":2}")), "[2,null,0.5]");
    kit_assert_json(
        kit_result(
            k, kit_run(
                   k, "typed",
                   "[true,1,1,\"s\",{\"$date\":0},{\"$binary\":{\"base64\":\"AA==\",\"subType\":\"00\"}},{},[],null]")),
        "\"took them\"");
}

/* SEMANTICS 3.2: wrong, missing and extra arguments are refused before anything is stored. */
START_SCENARIO(arguments_refused)
{
    static const struct {
        const char *pipe, *args, *message;
    } bad[] = {
        {"signed_up", "[]", "n"},
        {"signed_up", "{}", "n"},
        {"signed_up", "[\"x\"]", "int64 n"},
        {"signed_up", "[1.5]", "int64 n"},
        {"signed_up", "[null]", "int64 n"},
        {"signed_up", "[1,2]", "string? who"},
        {"signed_up", "[1,null,\"x\"]", "double... rest"},
        {"signed_up", "{\"n\":1,\"m\":2}", "m"},
        {"signed_up", "{\"n\":1,\"rest\":1}", "rest"},
        {"signed_up", "[9223372036854775808]", ""},
        {"nothing", "[1]", "nothing"},
        {"typed", "[1,1,1,\"s\",{\"$date\":0},{\"$binary\":{\"base64\":\"AA==\",\"subType\":\"00\"}},{},[],null]",
         "bool b"},
        {"typed", "[true,1,1,\"s\",0,{\"$binary\":{\"base64\":\"AA==\",\"subType\":\"00\"}},{},[],null]", "datetime t"},
        {"typed", "[true,1,1,\"s\",{\"$date\":0},\"AA==\",{},[],null]", "binary y"},
        {"typed", "[true,1,1,\"s\",{\"$date\":0},{\"$binary\":{\"base64\":\"AA==\",\"subType\":\"00\"}},[],[],null]",
         "doc o"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *answer =
            kit_ask(k, "start", jpx_format(k->arena, "{\"pipe\":\"%s\",\"args\":%s}", bad[i].pipe, bad[i].args));
        ck_assert_msg(strstr(answer, "\"error\"") && strstr(answer, bad[i].message), "%s %s: %s", bad[i].pipe,
                      bad[i].args, answer);
        kit_start(k, bad[i].pipe, bad[i].args);
    }
    kit_run_until_idle(k);
    kit_pass(k, 100);
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_ROOT), 0);
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_PIPELINE), 0);
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_VALUE), 0);
}

int main(void)
{
    Suite *suite = suite_create("values");
    TCase *tcase = tcase_create("values");
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s01_echo);
    kit_add_scenario(tcase, s02_through_a_wait);
    kit_add_scenario(tcase, s03_chain);
    kit_add_scenario(tcase, s04_fan_in);
    kit_add_scenario(tcase, s04_side_by_side);
    kit_add_scenario(tcase, s05_nothing);
    kit_add_scenario(tcase, s06_gcd);
    kit_add_scenario(tcase, s11_one_future_three_times);
    kit_add_scenario(tcase, s13_every_value);
    kit_add_scenario(tcase, s13_values_alone);
    kit_add_scenario(tcase, arguments_of_a_trigger);
    kit_add_scenario(tcase, arguments_refused);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
