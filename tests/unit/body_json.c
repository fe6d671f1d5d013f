/* body_json.c -- JSON outside, BSON inside: arguments by position, by name and bare, what is refused and how, values
 * that must come back as they were; and documents in a body. */
#include "unit/body_kit.h"
#include <math.h>
#include <stdio.h>

JP_PIPE(AddTwo, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n"));
}

JP_PIPE(Mixed, p, .takes = "int64 n, string? who, double... rest")
{
    return jp_done(p);
}

JP_PIPE(Echo, p, .takes = "any x", .gives = "any")
{
    return jp_return(p, jp_arg(p, "x"));
}

JP_PIPE(NoArgs, p)
{
    return jp_done(p);
}

JP_PIPE(TakesDoc, p, .takes = "doc d")
{
    return jp_done(p);
}

static const jp_def *const defs[] = {&AddTwo, &Mixed, &Echo, &NoArgs, &TakesDoc, NULL};

static void open_all(void)
{
    kit_open(defs);
}

static void check_args(const char *pipe, const char *json, const char *args)
{
    ck_assert_str_eq(args_json(attempt_of(pipe, json)->args), args);
}

static void check_refused(const char *pipe, const char *json, jp_status status, const char *text)
{
    jpx_bytes out;
    jp_error err = {.status = JP_OK};
    ck_assert_int_eq(jpx_args_from_json(jpx_registry_find(registry, pipe), text_bytes(json), arena, &out, &err),
                     status);
    ck_assert_int_eq(err.status, status);
    ck_assert_str_eq(err.text, text);
}

START_TEST(arguments_by_position_by_name_and_bare)
{
    check_args("AddTwo", "[40]", "[40]");
    check_args("AddTwo", " {\"n\" : 40}\n", "[40]");
    check_args("AddTwo", "40", "[40]");
    check_args("AddTwo", "{\"$numberLong\":\"9223372036854775807\"}", "[9223372036854775807]");
    check_args("Mixed", "[1]", "[1,null,[]]");
    check_args("Mixed", "[1, null, 2, 3.5]", "[1,null,[2.0,3.5]]");
    check_args("Mixed", "{\"rest\":[1], \"n\":7}", "[7,null,[1.0]]");
    check_args("Mixed", "{\"who\":\"x\", \"n\":7}", "[7,\"x\",[]]");
    check_args("NoArgs", "", "[]");
    check_args("NoArgs", " [] ", "[]");
    check_args("NoArgs", "{}", "[]");
    check_args("Echo", "\"a]}, b\"", "[\"a]}, b\"]");
    check_args("Echo", "[[1,{\"a\":[]}]]", "[[1,{\"a\":[]}]]");
    check_args("Echo", "{\"x\":null}", "[null]");
}
END_TEST

START_TEST(wrong_arguments_are_refused_with_the_signature)
{
#define ADD   "AddTwo takes (int64 n)"
#define MIXED "(int64 n, string? who, double... rest)"
    check_refused("AddTwo", "", JP_E_INVALID, ADD ", is given 0 arguments");
    check_refused("AddTwo", "[]", JP_E_INVALID, ADD ", is given 0 arguments");
    check_refused("AddTwo", "[1,2,3]", JP_E_INVALID, ADD ", is given 3 arguments");
    check_refused("AddTwo", "\"x\"", JP_E_INVALID, "AddTwo wants int64 n, is given string: " ADD);
    check_refused("AddTwo", "[1.5]", JP_E_INVALID, "AddTwo wants int64 n, is given double: " ADD);
    check_refused("AddTwo", "[null]", JP_E_INVALID, "AddTwo wants int64 n, is given null: " ADD);
    check_refused("AddTwo", "[true]", JP_E_INVALID, "AddTwo wants int64 n, is given bool: " ADD);
#define BEYOND " does not fit into 64 bits; write it as a string, or as a double with a point"
    check_refused("AddTwo", "[9223372036854775808]", JP_E_INVALID,
                  "the arguments of AddTwo: the number 9223372036854775808" BEYOND);
    check_refused("AddTwo", "-9223372036854775809", JP_E_INVALID,
                  "the arguments of AddTwo: the number -9223372036854775809" BEYOND);
    check_refused("AddTwo", "{\"n\":18446744073709551616}", JP_E_INVALID,
                  "the arguments of AddTwo: the number 18446744073709551616" BEYOND);
    check_refused("AddTwo", "[1, [2, 99999999999999999999]]", JP_E_INVALID,
                  "the arguments of AddTwo: the number 99999999999999999999" BEYOND);
    check_args("AddTwo", "[-9223372036854775808]", "[-9223372036854775808]");
    check_args("Echo", "[\"99999999999999999999\"]", "[\"99999999999999999999\"]");
    check_args("Echo", "[99999999999999999999.5]", "[1e+20]");
#undef BEYOND
    check_refused("AddTwo", "{}", JP_E_INVALID, "the argument n of AddTwo is missing: it takes (int64 n)");
    check_refused("AddTwo", "{\"m\":1}", JP_E_INVALID, "AddTwo has no argument \"m\": it takes (int64 n)");
    check_refused("AddTwo", "{\"n\":1,\"n\":2}", JP_E_INVALID, "the argument n of AddTwo is given twice");
    check_refused("Mixed", "{\"n\":1,\"rest\":3}", JP_E_INVALID,
                  "Mixed wants a list for rest, is given int64: it takes " MIXED);
    check_refused("Mixed", "[1,2]", JP_E_INVALID, "Mixed wants string? who, is given int64: Mixed takes " MIXED);
    check_refused("Mixed", "[1,\"x\",\"y\"]", JP_E_INVALID,
                  "Mixed wants double... rest, is given string: Mixed takes " MIXED);
    check_refused("NoArgs", "[1]", JP_E_INVALID, "NoArgs takes (), is given 1 argument");
    check_refused("TakesDoc", "[[]]", JP_E_INVALID, "TakesDoc wants doc d, is given list: TakesDoc takes (doc d)");
}
END_TEST

START_TEST(text_that_is_not_one_json_value)
{
    static const char *const texts[] = {
        "{",
        "[1,2",
        "]",
        "[1]}",
        "1, 2",
        "1} {\"a\":2",
        "1,\"w\":2",
        "\"open",
        "[1] [2]",
        "1 2",
        "\"a\" \"b\"",
        "[1}",
        "{\"n\":}",
        "nul",
        "[1,]]",
        "{\"n\" 1}",
        "\xff",
        "[\"\xff\"]",
        "[\"\\u0000\"]",
        "{\"a\":{\"$oid\":\"0123456789abcdef01234567\"}}",
        "[{\"a\":{\"$regularExpression\":{\"pattern\":\"x\",\"options\":\"\"}}}]",
        "1:2",
        "\"\\",
        "[01x]",
        "9223372036854775808",
        "[-9223372036854775809]",
        "--1",
        "{\"a\":1,}",
        "[1,,2]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        jpx_bytes out;
        jp_error err;
        jp_status status = jpx_value_from_json(text_bytes(texts[i]), arena, &out, &err);
        ck_assert_msg(status == JP_E_INVALID, "%s was taken as %s", texts[i],
                      status == JP_OK ? jpx_value_to_json(out, arena) : "?");
        ck_assert(err.text[0] != '\0');
        ck_assert(bson_utf8_validate(err.text, strlen(err.text), false));
    }
}
END_TEST

START_TEST(nesting_has_a_limit)
{
    char text[400] = "";
    jpx_bytes out;
    jp_error err;
    for (size_t depth = 1; depth < 200; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        jp_status status = jpx_value_from_json(text_bytes(text), arena, &out, &err);
        ck_assert_msg((status == JP_OK) == (depth <= 64), "depth %zu: %s", depth, status ? err.text : "taken");
    }
}
END_TEST

/* Through the text and back, and through a body and back. */
START_TEST(values_come_back_as_they_were)
{
    static const char *const same[] = {
        "null",
        "true",
        "false",
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "2147483648",
        "1.5",
        "-0.0",
        "\"\"",
        "\"\xc3\xa4\xf0\x9f\x8e\x89\\\"\\\\\"",
        "{}",
        "[]",
        "{\"a\":{\"b\":[1,{\"c\":null},-0.0]}}",
        "{\"v\":1,\"\":2,\"a.b\":3,\"}\":4}",
        "{\"$numberDouble\":\"NaN\"}",
        "{\"$numberDouble\":\"Infinity\"}",
        "{\"$numberDouble\":\"-Infinity\"}",
        "{\"$binary\":{\"base64\":\"AAEC\",\"subType\":\"00\"}}",
        "{\"$binary\":{\"base64\":\"\",\"subType\":\"00\"}}",
        "{\"$date\":\"2026-11-22T07:00:00.123Z\"}",
        "{\"$date\":{\"$numberLong\":\"-1\"}}",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        jpx_bytes value;
        jp_error err;
        ck_assert_msg(jpx_value_from_json(text_bytes(same[i]), arena, &value, &err) == JP_OK, "%s: %s", same[i],
                      err.text);
        ck_assert_str_eq(jpx_value_to_json(value, arena), same[i]);
        const jpx_outcome *out = run("Echo", jpx_format(arena, "[%s]", same[i]));
        ck_assert_msg(out->end == JPX_END_RETURN, "%s", out->reason ? out->reason : "");
        ck_assert_uint_eq(out->outputs[0].value.size, value.size);
        ck_assert_mem_eq(out->outputs[0].value.data, value.data, value.size);
    }
    ck_assert_str_eq(jpx_value_to_json((jpx_bytes){NULL, 0}, arena), "null");
}
END_TEST

START_TEST(integers_are_int64_everywhere)
{
    jpx_bytes value;
    jp_error err;
    bson_t doc;
    bson_iter_t iter, inner;
    ck_assert_int_eq(jpx_value_from_json(text_bytes("{\"a\":[1,{\"b\":2}]}"), arena, &value, &err), JP_OK);
    ck_assert(bson_init_static(&doc, value.data, value.size));
    ck_assert(bson_iter_init(&iter, &doc));
    ck_assert(bson_iter_find_descendant(&iter, "v.a.0", &inner));
    ck_assert_int_eq(bson_iter_type(&inner), BSON_TYPE_INT64);
    ck_assert(bson_iter_init(&iter, &doc));
    ck_assert(bson_iter_find_descendant(&iter, "v.a.1.b", &inner));
    ck_assert_int_eq(bson_iter_type(&inner), BSON_TYPE_INT64);
}
END_TEST

START_TEST(values_given_in_c)
{
    const jpx_pipe *pipe = jpx_registry_find(registry, "Mixed");
    jpx_bytes out;
    jp_error err;
    ck_assert_int_eq(jpx_args_from_values(pipe, 3, (const jp_value[]){jp_v(1), jp_v("x"), jp_v(2)}, arena, &out, &err),
                     JP_OK);
    ck_assert_str_eq(args_json(out), "[1,\"x\",[2.0]]");
    ck_assert_int_eq(
        jpx_args_from_values(pipe, 1, (const jp_value[]){jp_v_future((jp_future){0, 0, 1})}, arena, &out, &err),
        JP_E_INVALID);
    ck_assert_str_eq(err.text, "Mixed is given a future, which exists in bodies only");
    ck_assert_int_eq(jpx_args_from_values(pipe, 2, (const jp_value[]){jp_v(1), jp_v("\xc3")}, arena, &out, &err),
                     JP_E_INVALID);
    ck_assert_str_eq(err.text,
                     "argument who of Mixed holds text that is not UTF-8: make it a binary, with jp_v_binary");
    ck_assert_int_eq(jpx_value_from_value(jp_v((const char *)NULL), arena, &out, &err), JP_OK);
    ck_assert_str_eq(jpx_value_to_json(out, arena), "null");

    uint8_t *large = calloc(1, JPX_VALUE_MAX + 100);
    ck_assert_int_eq(jpx_value_from_value(jp_v_binary(large, JPX_VALUE_MAX), arena, &out, &err), JP_OK);
    ck_assert_int_eq(jpx_value_from_value(jp_v_binary(large, JPX_VALUE_MAX + 100), arena, &out, &err), JP_E_TOO_LARGE);
    free(large);
}
END_TEST

START_TEST(large_arguments)
{
    const size_t size = 9 * 1024 * 1024;
    char *text = malloc(size + 3);
    jpx_bytes out;
    jp_error err;
    memset(text, 'x', size);
    memcpy(text, "[\"", 2);
    memcpy(text + 4 * 1024 * 1024, "\"]", 3);
    ck_assert_int_eq(jpx_args_from_json(jpx_registry_find(registry, "Echo"), text_bytes(text), arena, &out, &err),
                     JP_OK);
    memcpy(text + 4 * 1024 * 1024, "xxx", 3);
    memcpy(text + size - 2, "\"]", 3);
    ck_assert_int_eq(jpx_args_from_json(jpx_registry_find(registry, "Echo"), text_bytes(text), arena, &out, &err),
                     JP_E_TOO_LARGE);
    ck_assert_str_eq(
        err.text,
        "argument x of Echo is larger than 8 MiB (9437188 bytes): split it, or store it elsewhere and pass its name");
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body_json");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, open_all, kit_close);
    tcase_add_test(tests, arguments_by_position_by_name_and_bare);
    tcase_add_test(tests, wrong_arguments_are_refused_with_the_signature);
    tcase_add_test(tests, text_that_is_not_one_json_value);
    tcase_add_test(tests, nesting_has_a_limit);
    tcase_add_test(tests, values_come_back_as_they_were);
    tcase_add_test(tests, integers_are_int64_everywhere);
    tcase_add_test(tests, values_given_in_c);
    tcase_add_test(tests, large_arguments);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
