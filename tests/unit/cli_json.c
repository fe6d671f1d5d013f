/* cli_json.c -- JSON is read and written; a log line becomes JSON. */
#include "cli/log.h"
#include "client/json.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static jpx_arena *arena;

static void setup(void)
{
    arena = jpx_arena_new();
}

static void teardown(void)
{
    jpx_arena_free(arena);
}

/* Reads from a block of exactly its size, so that a sanitizer sees every byte read beyond it. */
static jp_status read_json(const char *text, const jpx_json **out, jp_error *err)
{
    size_t size = strlen(text);
    uint8_t *exact = jpx_alloc(arena, size), *heap = malloc(size ? size : 1);
    memcpy(heap, text, size);
    jp_status status = jpx_json_read((jpx_bytes){heap, size}, arena, out, err);
    free(heap);
    if (status == JP_OK) { /* nodes point into the text: read it again from one that lives on */
        memcpy(exact, text, size);
        status = jpx_json_read((jpx_bytes){exact, size}, arena, out, err);
    }
    return status;
}

START_TEST(values_are_read)
{
    const jpx_json *json;
    jp_error err;
    ck_assert_int_eq(read_json(" { \"root\" : \"ab\", \"n\": -12, \"big\":123456789012345678901234567890, \"x\":1.5e3,"
                               "\"yes\":true, \"no\": false, \"nil\":null, \"list\":[ ], \"more\":[1,[2,3],{}] } \n",
                               &json, &err),
                     JP_OK);
    ck_assert_str_eq(jpx_json_string(json, "root", "-"), "ab");
    ck_assert_str_eq(jpx_json_string(json, "n", "-"), "-"); /* not a string */
    ck_assert_int_eq(jpx_json_int(json, "n", 0), -12);
    ck_assert_int_eq(jpx_json_int(json, "big", 7), 7); /* not an int64 */
    ck_assert_int_eq(jpx_json_int(json, "x", 7), 7);
    ck_assert(jpx_json_bool(json, "yes", false) && !jpx_json_bool(json, "no", true));
    ck_assert(jpx_json_bool(json, "absent", true));
    ck_assert_int_eq(jpx_json_get(json, "nil")->type, JPX_JSON_NULL);
    ck_assert_uint_eq(jpx_json_count(jpx_json_get(json, "list")), 0);
    ck_assert_uint_eq(jpx_json_count(jpx_json_get(json, "more")), 3);
    ck_assert_ptr_null(jpx_json_get(json, "absent"));
    ck_assert_ptr_null(jpx_json_get(NULL, "absent"));
    jpx_text text = jpx_text_new(arena);
    jpx_json_put(&text, json);
    ck_assert_str_eq(text.s,
                     "{\"root\":\"ab\",\"n\":-12,\"big\":123456789012345678901234567890,\"x\":1.5e3,\"yes\":true,"
                     "\"no\":false,\"nil\":null,\"list\":[],\"more\":[1,[2,3],{}]}");
}
END_TEST

START_TEST(strings_are_decoded)
{
    const jpx_json *json;
    jp_error err;
    ck_assert_int_eq(read_json("{\"a b\":\"q\\\" \\\\ \\/ \\n\\t \\u00e9 \\ud83d\\ude00 "
                               "\xf0\x9f\x98\x80\",\"half\":\"\\ud83d!\",\"nul\":\"a\\u0000b\"}",
                               &json, &err),
                     JP_OK);
    ck_assert_str_eq(jpx_json_string(json, "a b", ""), "q\" \\ / \n\t \xc3\xa9 \xf0\x9f\x98\x80 \xf0\x9f\x98\x80");
    ck_assert_str_eq(jpx_json_string(json, "half", ""), "\xef\xbf\xbd!");
    ck_assert_str_eq(jpx_json_string(json, "nul", ""), "a\xef\xbf\xbd"
                                                       "b");
    jpx_text text = jpx_text_new(arena); /* blanks in strings stay, even after an escaped quote */
    ck_assert_int_eq(read_json("[ \"a \\\" b\" , \" \\\\\" , 1 ]", &json, &err), JP_OK);
    jpx_json_put(&text, json);
    ck_assert_str_eq(text.s, "[\"a \\\" b\",\" \\\\\",1]");
}
END_TEST

static const struct {
    const char *text, *error;
} wrong[] = {
    {"", "character 1: expected a value, found the end of the text"},
    {"[1,2", "character 5: expected ',' or ']', found the end of the text"},
    {"[1 2]", "character 4: expected ',' or ']', found 2"},
    {"[1,]", "character 4: expected a value, found ]"},
    {"{\"a\":1,}", "character 8: expected a name in double quotes, found }"},
    {"{\"a\" 1}", "character 6: expected ':', found 1"},
    {"{a:1}", "character 2: expected a name in double quotes, found a"},
    {"world", "character 1: expected a value (strings need double quotes), found world"},
    {"'x'", "character 1: expected a value (strings need double quotes), found 'x'"},
    {"nul", "character 1: expected a value (strings need double quotes), found nul"},
    {"truex", "character 5: expected the end of the text, found x"},
    {"01", "character 2: expected the end of the text, found 1"},
    {"1.", "character 3: expected a digit after the point, found the end of the text"},
    {"-", "character 2: expected a digit, found the end of the text"},
    {"1e+", "character 4: expected a digit of the exponent, found the end of the text"},
    {"\"abc", "character 5: expected the closing \" of a string, found the end of the text"},
    {"\"abc\\", "character 5: expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX, found \\"},
    {"\"\\u12g4\"", "character 2: expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX, found \\u12g4"},
    {"1},{\"x\":2", "character 2: expected the end of the text, found }"},
    {"{\n \"a\": 1,\n b\n}", "line 3, character 2: expected a name in double quotes, found b"},
    {"[\"\xc3\xa9\", x]", "character 7: expected a value (strings need double quotes), found x"},
    {"\"\xff\"", "character 2: expected UTF-8, found \xff\""},
    {"\"\xc0\x80\"", "character 2: expected UTF-8, found \xc0\x80\""},
    {"\"\xed\xa0\x80\"", "character 2: expected UTF-8, found \xed\xa0\x80\""},
    {"\"a\x01\"", "character 3: expected the rest of the string (write control characters as \\u00XX), found a "
                  "blank or control character"},
};

START_TEST(errors_name_the_place)
{
    const jpx_json *json;
    jp_error err = {0};
    ck_assert_int_eq(read_json(wrong[_i].text, &json, &err), JP_E_INVALID);
    if (!strstr(wrong[_i].error, "UTF-8"))
        ck_assert_str_eq(err.text, wrong[_i].error);
    else
        ck_assert_ptr_nonnull(strstr(err.text, "character 2: expected UTF-8"));
    ck_assert_int_eq(read_json(wrong[_i].text, &json, NULL), JP_E_INVALID);
}
END_TEST

START_TEST(depth_costs_memory_and_has_a_limit)
{
    enum { TOO_DEEP = JPX_JSON_DEPTH_MAX + 1 };
    const jpx_json *json;
    jp_error err;
    char *text = malloc(2 * TOO_DEEP + 1);
    for (int depth = JPX_JSON_DEPTH_MAX; depth <= TOO_DEEP; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        jp_status status = jpx_json_read((jpx_bytes){(uint8_t *)text, (size_t)depth * 2}, arena, &json, &err);
        ck_assert_int_eq(status, depth > JPX_JSON_DEPTH_MAX ? JP_E_TOO_LARGE : JP_OK);
    }
    free(text);
}
END_TEST

/* A text that is cut, or has one byte changed, is read or refused, and nothing worse happens. */
START_TEST(broken_texts_do_no_harm)
{
    static const char good[] = "{\"a\":[1,-2.5e7,\"\\u00e9\\n\",{\"b\":null,\"c\":[true,false]}],\"d\":\"\xc3\xa9\"}";
    static const char bytes[] = {'"', '\\', '{', '}', '[', ']', ',',        ':',
                                 '0', '-',  'u', ' ', 1,   0,   (char)0xc3, (char)0xff};
    const jpx_json *json;
    jp_error err;
    for (size_t at = 0; at < sizeof good; at++) {
        char text[sizeof good];
        memcpy(text, good, sizeof good);
        text[at] = '\0';
        read_json(text, &json, &err);
        for (size_t b = 0; b < sizeof bytes && at + 1 < sizeof good; b++) {
            memcpy(text, good, sizeof good);
            text[at] = bytes[b];
            jpx_json_read((jpx_bytes){(uint8_t *)text, sizeof good - 1}, arena, &json, &err);
        }
    }
}
END_TEST

START_TEST(texts_are_quoted_for_json)
{
    jpx_text text = jpx_text_new(arena);
    jpx_text_puts(&text, "{");
    jpx_text_member(&text, "a\"b", "x\n\\\x1f\xc3\xa9");
    jpx_text_member(&text, "none", NULL);
    jpx_text_member_int(&text, "n", INT64_MIN);
    jpx_text_puts(&text, "}");
    ck_assert_str_eq(text.s, "{\"a\\\"b\":\"x\\u000a\\\\\\u001f\xc3\xa9\",\"n\":-9223372036854775808}");
    jpx_text large = jpx_text_new(arena);
    for (int i = 0; i < 1000; i++)
        jpx_text_add(&large, "%s", "0123456789");
    ck_assert_uint_eq(strlen(large.s), 10000);
}
END_TEST

START_TEST(log_lines_become_json)
{
    static const struct {
        const char *line, *json;
    } cases[] = {
        {"time=2026-11-22T07:00:00.123Z level=info event=\"a b\" n=3 f=-1.5 ok=true",
         "{\"time\":\"2026-11-22T07:00:00.123Z\",\"level\":\"info\",\"event\":\"a b\",\"n\":3,\"f\":-1.5,\"ok\":true}"},
        {"root=012345 text=\"say \\\"hi\\\"\" bare", "{\"root\":\"012345\",\"text\":\"say \\\"hi\\\"\",\"bare\":true}"},
        {"open=\"never closed", "{\"open\":\"never closed\"}"},
        {"a= b=1. c=.5 d=1234567890123456", "{\"a\":\"\",\"b\":\"1.\",\"c\":\".5\",\"d\":\"1234567890123456\"}"},
        {"  ", "{}"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        jpx_text text = jpx_text_new(arena);
        const jpx_json *json;
        jpx_log_to_json(&text, cases[i].line);
        ck_assert_str_eq(text.s, cases[i].json);
        ck_assert_int_eq(read_json(text.s, &json, NULL), JP_OK);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli_json");
    TCase *tc = tcase_create("all");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, values_are_read);
    tcase_add_test(tc, strings_are_decoded);
    tcase_add_loop_test(tc, errors_name_the_place, 0, (int)(sizeof wrong / sizeof *wrong));
    tcase_add_test(tc, depth_costs_memory_and_has_a_limit);
    tcase_add_test(tc, broken_texts_do_no_harm);
    tcase_add_test(tc, texts_are_quoted_for_json);
    tcase_add_test(tc, log_lines_become_json);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
