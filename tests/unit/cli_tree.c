/* cli_tree.c -- trees and tables are drawn as this text; trees are folded; control characters stay off the terminal. */
#include "cli/text_table.h"
#include "cli/tree.h"
#include "cli/units.h"

#include <check.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

static jpx_arena *arena;
static const jpx_screen plain = {.utf8 = false}, utf8 = {.utf8 = true};
static int64_t now_ms;

static void setup(void)
{
    arena = jpx_arena_new();
    ck_assert(jpx_time_read("2026-11-22T07:00:10Z", &now_ms));
}

static void teardown(void)
{
    jpx_arena_free(arena);
}

static jpx_view_node *tree_of(const char *answer)
{
    const jpx_json *json;
    jpx_view_node *node;
    jp_error err = {0};
    ck_assert_msg(jpx_json_read((jpx_bytes){(const uint8_t *)answer, strlen(answer)}, arena, &json, &err) == JP_OK,
                  "%s", err.text);
    ck_assert_int_eq(jpx_tree_read(json, arena, &node, &err), JP_OK);
    return node;
}

static const char *draw(jpx_view_node *node, const jpx_screen *screen, size_t lines)
{
    jpx_text text = jpx_text_new(arena);
    jpx_tree_fold(node, lines);
    jpx_tree_draw(node, screen, now_ms, &text);
    return text.s;
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static const char order[] =
    "{\"root\":\"0199f2c3a4b5c6d7e8f90a1b\",\"pipe\":\"Order\",\"status\":\"running\","
    "\"pipeline\":\"0000000000000000:0\",\"attempt\":1,\"args\":[40,\"x\"],"
    "\"started\":\"2026-11-22T07:00:07.000Z\",\"outputs\":{\"default\":{\"by\":\"aa:1\"}},\"children\":["
    "{\"pipeline\":\"aa:0\",\"pipe\":\"AddOne\",\"at\":\"add.c:12\",\"status\":\"done\",\"attempt\":1,\"args\":[40],"
    "\"started\":\"2026-11-22T07:00:07.000Z\",\"ended\":\"2026-11-22T07:00:07.012Z\","
    "\"outputs\":{\"default\":{\"value\":41},\"rest\":{\"value\":{\"a\": [1, 2]}}},\"children\":[]},"
    "{\"pipeline\":\"aa:1\",\"pipe\":\"Charge\",\"status\":\"retry\",\"attempt\":3,\"args\":[{\"slot\":\"default\","
    "\"of\":[0,1]}],"
    "\"due\":\"2026-11-22T07:00:24.000Z\",\"failure\":{\"class\":\"retry\",\"text\":\"gateway "
    "busy\",\"attempt\":2},\"children\":["
    "{\"pipeline\":\"bb:0\",\"pipe\":\"Deeper\",\"status\":\"aborted\",\"failure\":{\"class\":\"crash\",\"text\":"
    "\"SIGSEGV\"}}]},"
    "{\"pipeline\":\"aa:2\",\"pipe\":\"Sum\",\"at\":\"add.c:14\",\"status\":\"waiting\",\"args\":[{\"slot\":\"rest\","
    "\"of\":[0,1]},"
    "{\"slot\":\"default\",\"of\":[3,997]},null],\"waits\":[\"for Charge #1\",\"for AddOne #3\",\"for a\",\"for "
    "b\"],\"children\":[],"
    "\"folded\":{\"total\":9988,\"done\":9900,\"queued\":88}}],\"shown\":5,\"total\":9993}";

START_TEST(a_tree_is_drawn)
{
    ck_assert_str_eq(
        draw(tree_of(order), &plain, 0),
        "Order 0199f2c3a4b5c6d7e8f90a1b (40, \"x\")  running 3 s = from #1\n"
        "|- AddOne #0 (40)  done 12 ms = 41, rest = {\"a\":[1,2]}  [add.c:12]\n"
        "|- Charge #1 (#0)  retry (attempt 3), next in 14 s: gateway busy\n"
        "|  `- Deeper #0  aborted: SIGSEGV\n"
        "`- Sum #2 (#0.rest, #3..#999, null)  waiting for Charge #1, for AddOne #3, for a and 1 more  [add.c:14]\n"
        "   `- ... 9,988 more: 9,900 done, 88 queued\n");
    const char *boxes = draw(tree_of(order), &utf8, 0);
    ck_assert_ptr_nonnull(strstr(boxes, "\n\xe2\x94\x9c\xe2\x94\x80 AddOne"));
    ck_assert_ptr_nonnull(strstr(boxes, "\n\xe2\x94\x82  \xe2\x94\x94\xe2\x94\x80 Deeper"));
    ck_assert_ptr_nonnull(strstr(boxes, "\n   \xe2\x94\x94\xe2\x94\x80 \xe2\x80\xa6 9,988 more"));
}
END_TEST

START_TEST(colours_only_where_asked_for)
{
    ck_assert_ptr_null(strchr(draw(tree_of(order), &plain, 0), '\033'));
    const char *text = draw(tree_of(order), &(jpx_screen){.colours = true}, 0);
    ck_assert_ptr_nonnull(strstr(text, "\033[32m  done\033[0m"));
    ck_assert_ptr_nonnull(strstr(text, "\033[31m: SIGSEGV\033[0m"));
}
END_TEST

START_TEST(lines_end_before_the_edge)
{
    for (size_t width = 10; width < 90; width += 7) {
        jpx_screen narrow = {.utf8 = true, .terminal = true, .colours = true, .width = width, .height = 24};
        const char *text = draw(tree_of(order), &narrow, 0);
        ck_assert_uint_eq(lines_of(text), 6);
        for (const char *line = text; *line;) {
            size_t columns = 0;
            for (; *line != '\n'; line++) {
                if (*line == '\033')
                    line = strchr(line, 'm');
                else
                    columns += ((unsigned char)*line & 0xc0) != 0x80;
            }
            ck_assert_uint_lt(columns, width);
            line++;
        }
    }
}
END_TEST

START_TEST(missing_fields_do_no_harm)
{
    jpx_view_node *node;
    const jpx_json *json;
    jp_error err;
    ck_assert_str_eq(draw(tree_of("{\"children\":[]}"), &plain, 0), "?  unknown\n");
    ck_assert_str_eq(draw(tree_of("{\"root\":\"r\",\"pipe\":\"A\",\"status\":\"new kind\",\"args\":{},\"outputs\":[],"
                                  "\"waits\":7,\"failure\":\"x\",\"children\":{\"a\":1},\"started\":\"soon\"}"),
                          &plain, 0),
                     "A r  unknown\n`- ?  unknown\n");
    ck_assert_int_eq(jpx_json_read((jpx_bytes){(const uint8_t *)"{\"tree\":3}", 10}, arena, &json, &err), JP_OK);
    ck_assert_int_eq(jpx_tree_read(json, arena, &node, &err), JP_E_DAMAGED);
}
END_TEST

/* A generator of `count` AddOne: the first `done` are done, one has failed, the others are queued. */
static jpx_view_node *fan(size_t count, size_t done, size_t failed, const char *last)
{
    jpx_text text = jpx_text_new(arena);
    jpx_text_puts(&text, "{\"root\":\"r\",\"pipe\":\"Fan\",\"status\":\"running\",\"children\":[");
    for (size_t i = 0; i < count; i++)
        jpx_text_add(&text, "%s{\"pipeline\":\"aa:%zu\",\"pipe\":\"%s\",\"status\":\"%s\"}", i ? "," : "", i,
                     i + 1 == count ? last : "AddOne",
                     i == failed ? "aborted"
                     : i < done  ? "done"
                                 : "queued");
    jpx_text_puts(&text, "]}");
    return tree_of(text.s);
}

START_TEST(wide_trees_are_folded)
{
    ck_assert_str_eq(draw(fan(10000, 9900, 7000, "AddOne"), &plain, 6),
                     "Fan r  running\n"
                     "|- AddOne #7000  aborted\n"
                     "|- AddOne #9900  queued\n"
                     "|- AddOne #9901  queued\n"
                     "|- AddOne #9902  queued\n"
                     "`- ... 9,996 more AddOne: 9,899 done, 97 queued\n");
    /* a child of another pipe is hidden: no name is shown */
    ck_assert_ptr_nonnull(strstr(draw(fan(100, 100, 100, "Sum"), &plain, 6), "\n`- ... 96 more: 96 done\n"));
    /* it fits: nothing is folded */
    ck_assert_uint_eq(lines_of(draw(fan(10, 5, 10, "AddOne"), &plain, 11)), 11);
    ck_assert_ptr_null(strstr(draw(fan(10, 5, 10, "AddOne"), &plain, 11), "more"));
}
END_TEST

START_TEST(deep_trees_are_folded)
{
    jpx_text text = jpx_text_new(arena);
    jpx_text_puts(&text, "{\"root\":\"r\",\"pipe\":\"Gcd\",\"status\":\"done\"");
    for (int i = 0; i < 1000; i++)
        jpx_text_puts(&text, ",\"children\":[{\"pipeline\":\"aa:0\",\"pipe\":\"Gcd\",\"status\":\"done\"");
    for (int i = 0; i < 1000; i++)
        jpx_text_puts(&text, "}]");
    jpx_text_puts(&text, "}");
    ck_assert_str_eq(draw(tree_of(text.s), &plain, 4), "Gcd r  done\n"
                                                       "`- Gcd #0  done\n"
                                                       "   `- Gcd #0  done\n"
                                                       "      `- ... 1 more Gcd: 1 done\n");
    ck_assert_uint_eq(lines_of(draw(tree_of(text.s), &plain, 0)), 1001);
}
END_TEST

START_TEST(a_folded_tree_never_takes_more_lines_than_there_are)
{
    for (size_t lines = 2; lines < 60; lines++) {
        ck_assert_uint_le(lines_of(draw(fan(40, 20, 3, "Sum"), &plain, lines)), lines);
        ck_assert_uint_ge(lines_of(draw(fan(40, 20, 3, "Sum"), &plain, lines)), lines < 41 ? lines : 41);
    }
    for (size_t lines = 7; lines < 10; lines++)
        ck_assert_uint_eq(lines_of(draw(tree_of(order), &plain, lines)), 6);
    ck_assert_uint_le(lines_of(draw(tree_of(order), &plain, 5)), 5);
}
END_TEST

START_TEST(no_control_character_reaches_the_terminal)
{
    const char *evil = "{\"root\":\"r\",\"pipe\":\"A\\u001b[2J\",\"status\":\"aborted\",\"args\":[\"\x7f\xc2\x9b\"],"
                       "\"failure\":{\"text\":\"two\\nlines\\u0007\"},\"children\":[]}";
    const char *text = draw(tree_of(evil), &plain, 0);
    ck_assert_str_eq(text, "A?[2J r (\"??\")  aborted: two lines?\n");
    text = draw(tree_of(evil), &utf8, 0);
    ck_assert_ptr_null(strchr(text, '\033'));
    ck_assert_ptr_null(strchr(text, '\x7f'));
    ck_assert_ptr_null(strstr(text, "\xc2\x9b"));
}
END_TEST

START_TEST(long_texts_are_cut_by_columns)
{
    ck_assert_str_eq(jpx_screen_cut(&plain, "0123456789", 10, arena), "0123456789");
    ck_assert_str_eq(jpx_screen_cut(&plain, "0123456789a", 10, arena), "0123456...");
    ck_assert_str_eq(jpx_screen_cut(&plain, "0123", 2, arena), "");
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        return;
    ck_assert_str_eq(jpx_screen_cut(&utf8, "0123456789a", 10, arena), "012345678\xe2\x80\xa6");
    ck_assert_uint_eq(jpx_screen_width(&utf8, "\xe6\xbc\xa2\xc3\xa9"), 3); /* a wide character and a narrow one */
    ck_assert_str_eq(jpx_screen_cut(&utf8, "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 4, arena),
                     "\xe6\xbc\xa2\xe2\x80\xa6");
}
END_TEST

START_TEST(tables_are_aligned)
{
    static const char *const heads[] = {"ROOT", "KEY", "STATUS", "REASON"};
    jpx_text_table table = jpx_text_table_new(arena, &plain, 4, heads);
    jpx_text text = jpx_text_new(arena);
    jpx_text_table_row(&table,
                       (jpx_cell[]){{"r1", JPX_PLAIN}, {NULL, JPX_PLAIN}, {"done", JPX_GREEN}, {NULL, JPX_PLAIN}});
    jpx_text_table_row(&table,
                       (jpx_cell[]){{"root2", JPX_PLAIN}, {NULL, JPX_PLAIN}, {"aborted", JPX_RED}, {"m", JPX_PLAIN}});
    jpx_text_table_draw(&table, &text);
    ck_assert_str_eq(text.s, "ROOT   STATUS   REASON\n" /* KEY is empty everywhere */
                             "r1     done\n"
                             "root2  aborted  m\n");
}
END_TEST

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8"); /* for box drawing, which passes through mbrtowc */
    Suite *suite = suite_create("cli_tree");
    TCase *tc = tcase_create("all");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_tree_is_drawn);
    tcase_add_test(tc, colours_only_where_asked_for);
    tcase_add_test(tc, lines_end_before_the_edge);
    tcase_add_test(tc, missing_fields_do_no_harm);
    tcase_add_test(tc, wide_trees_are_folded);
    tcase_add_test(tc, deep_trees_are_folded);
    tcase_add_test(tc, a_folded_tree_never_takes_more_lines_than_there_are);
    tcase_add_test(tc, no_control_character_reaches_the_terminal);
    tcase_add_test(tc, long_texts_are_cut_by_columns);
    tcase_add_test(tc, tables_are_aligned);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
