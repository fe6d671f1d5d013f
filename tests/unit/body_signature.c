/* body_signature.c -- signatures and the registry: what is right is read rightly, every mistake of a definition is told
 * with the name of the pipe, its place and the mend. */
#include "unit/body_kit.h"
#include <math.h>
#include <stdio.h>

static jp_end some_run(jp_ctx *p)
{
    return jp_done(p);
}

static jp_end some_reply(jp_ctx *p, jp_value reply)
{
    return jp_return(p, reply);
}

static void some_cancel(jp_ctx *p)
{
    (void)p;
}

#define DEF(...)                                                                                                       \
    ((jp_def){                                                                                                         \
        .abi = JP_ABI, .name = "Some", .run = some_run, .at = "dir/some.c:7", .size = sizeof(jp_def), __VA_ARGS__})

static void check_refused(const jp_def *const *defs, const char *text)
{
    jpx_registry *out = (jpx_registry *)&arena;
    jp_error err = {.status = JP_OK};
    ck_assert_int_eq(jpx_registry_new(&out, defs, &err), JP_E_INVALID);
    ck_assert_ptr_null(out);
    ck_assert_int_eq(err.status, JP_E_INVALID);
    ck_assert_str_eq(err.text, text);
    ck_assert_int_eq(jpx_registry_new(&out, defs, NULL), JP_E_INVALID);
}

static void check_def_refused(jp_def def, const char *text)
{
    check_refused((const jp_def *[]){&def, NULL}, text);
}

static const jpx_pipe *registered(jp_def def)
{
    kit_open((const jp_def *[]){&def, NULL});
    return jpx_registry_at(registry, 0);
}

START_TEST(a_signature_is_read)
{
    const jpx_pipe *pipe = registered(DEF(.takes = " int64 n ,string? who,any x, doc d, list l, binary b-1, datetime t,"
                                                   "bool yes, double ... rest ",
                                          .gives = "int64", .fills = "int64 rows, doc? log"));
    static const jpx_kind kinds[] = {JPX_INT64,  JPX_STRING,   JPX_ANY,  JPX_DOC,   JPX_LIST,
                                     JPX_BINARY, JPX_DATETIME, JPX_BOOL, JPX_DOUBLE};
    static const char *const names[] = {"n", "who", "x", "d", "l", "b-1", "t", "yes", "rest"};
    ck_assert_uint_eq(pipe->takes_count, 9);
    for (size_t i = 0; i < 9; i++) {
        ck_assert_int_eq(pipe->takes[i].kind, kinds[i]);
        ck_assert_str_eq(pipe->takes[i].name, names[i]);
        ck_assert_int_eq(pipe->takes[i].rest, i == 8);
        ck_assert_int_eq(pipe->takes[i].optional, i == 1);
    }
    ck_assert_int_eq(pipe->gives, JPX_INT64);
    ck_assert(!pipe->gives_optional);
    ck_assert_uint_eq(pipe->fills_count, 2);
    ck_assert_str_eq(pipe->fills[1].name, "log");
    ck_assert(pipe->fills[1].optional);
    ck_assert_str_eq(jpx_signature_text(pipe, arena), "int64 n, string? who, any x, doc d, list l, binary b-1, "
                                                      "datetime t, bool yes, double... rest");
    kit_close();
}
END_TEST

START_TEST(empty_signatures_are_fine)
{
    const jpx_pipe *pipe = registered(DEF(.takes = "  ", .fills = ""));
    ck_assert_uint_eq(pipe->takes_count, 0);
    ck_assert_uint_eq(pipe->fills_count, 0);
    ck_assert_int_eq(pipe->gives, JPX_ANY);
    ck_assert(pipe->gives_optional);
    ck_assert_str_eq(jpx_signature_text(pipe, arena), "");
    kit_close();
}
END_TEST

START_TEST(defaults_are_filled_in)
{
    const jpx_pipe *pipe = registered(DEF(.takes = "int64 n"));
    ck_assert_int_eq(pipe->def.retry.attempts, 3);
    ck_assert_int_eq(pipe->def.retry.first_ms, 1000);
    ck_assert_double_eq(pipe->def.retry.factor, 2.0);
    ck_assert_int_eq(pipe->def.retry.limit_ms, 600000);
    ck_assert_double_eq(pipe->def.retry.jitter, 0.1);
    ck_assert_str_eq(pipe->queue, "default");
    ck_assert_str_eq(pipe->name, "Some");
    ck_assert_str_eq(pipe->def.at, "some.c:7");
    kit_close();
    pipe = registered(DEF(.as = "other-name", .queue = "q_1",
                          .retry = {.attempts = 1, .first_ms = 12000, .factor = 1.5, .jitter = JP_NO_JITTER}));
    ck_assert_int_eq(pipe->def.retry.attempts, 1);
    ck_assert_int_eq(pipe->def.retry.first_ms, 12000);
    ck_assert_double_eq(pipe->def.retry.factor, 1.5);
    ck_assert_double_eq(pipe->def.retry.jitter, 0);
    ck_assert_str_eq(pipe->name, "other-name");
    ck_assert_str_eq(pipe->queue, "q_1");
    ck_assert_ptr_nonnull(jpx_registry_find(registry, "other-name"));
    ck_assert_ptr_null(jpx_registry_find(registry, "Some"));
    kit_close();
}
END_TEST

START_TEST(the_registry_is_a_sorted_copy)
{
    char takes[] = "int64 n";
    jp_def a = DEF(.takes = takes), b = DEF(.as = "Zed"), c = DEF(.as = "Abc");
    kit_open((const jp_def *[]){&a, &b, &c, NULL});
    memset(takes, 'x', sizeof takes - 1);
    a.name = NULL;
    ck_assert_uint_eq(jpx_registry_count(registry), 3);
    ck_assert_str_eq(jpx_registry_at(registry, 0)->name, "Abc");
    ck_assert_str_eq(jpx_registry_at(registry, 1)->name, "Some");
    ck_assert_str_eq(jpx_registry_at(registry, 2)->name, "Zed");
    ck_assert_str_eq(jpx_registry_find(registry, "Some")->def.takes, "int64 n");
    ck_assert_ptr_eq(jpx_registry_find(registry, "Zed"), jpx_registry_at(registry, 2));
    ck_assert_ptr_null(jpx_registry_find(registry, "Zee"));
    ck_assert_ptr_null(jpx_registry_find(registry, ""));
    kit_close();
}
END_TEST

START_TEST(mistakes_in_signatures)
{
#define HEAD  "Some, some.c:7: "
#define TYPES "any, bool, int64, double, string, datetime, binary, doc, list"
    check_def_refused(DEF(.takes = "int n"), HEAD ".takes = \"int n\", character 1: there is no type int, write int64");
    check_def_refused(DEF(.takes = "color c"),
                      HEAD ".takes = \"color c\", character 1: there is no type color, the types are " TYPES);
    check_def_refused(
        DEF(.takes = "int64"),
        HEAD ".takes = \"int64\", character 6: a name of at most 63 letters, digits, _ or - must follow int64");
    check_def_refused(DEF(.takes = "int64 n,"),
                      HEAD ".takes = \"int64 n,\", character 9: a type is missing, write \"type name, type name\"");
    check_def_refused(DEF(.takes = "int64 n string s"), HEAD
                      ".takes = \"int64 n string s\", character 9: a comma is missing, write \"type name, type name\"");
    check_def_refused(DEF(.takes = "int64 n, string n"),
                      HEAD ".takes = \"int64 n, string n\", character 17: the name n stands there twice, rename one");
    check_def_refused(DEF(.takes = "int64... n, string s"),
                      HEAD ".takes = \"int64... n, string s\", character 11: nothing may follow \"int64... n\", which "
                           "takes all that is left, put it last");
    check_def_refused(DEF(.takes = "int64 a.b"),
                      HEAD ".takes = \"int64 a.b\", character 8: a comma is missing, write \"type name, type name\"");
    check_def_refused(DEF(.gives = "int"), HEAD ".gives = \"int\", character 1: there is no type int, write int64");
    check_def_refused(DEF(.gives = ""), HEAD ".gives = \"\", character 1: one type is wanted, of " TYPES);
    check_def_refused(DEF(.gives = "int64 n"), HEAD
                      ".gives = \"int64 n\", character 7: one type alone is wanted, named outputs belong in .fills");
    check_def_refused(DEF(.fills = "int64... n"),
                      HEAD ".fills = \"int64... n\", character 6: an output cannot be \"int64...\", declare a list");
    check_def_refused(DEF(.fills = "int64 a, doc a"),
                      HEAD ".fills = \"int64 a, doc a\", character 14: the name a stands there twice, rename one");
    check_def_refused(DEF(.fills = "int64 default"),
                      HEAD ".fills names \"default\", which every pipe has: declare its type in .gives");
}
END_TEST

START_TEST(too_many_and_too_long_names)
{
    char many[JPX_PARAMS_MAX * 12 + 32] = "", longest[2 * JPX_NAME_MAX] = "bool ", text[1000];
    for (int i = 0; i < JPX_PARAMS_MAX; i++)
        snprintf(many + strlen(many), 12, "%sany a%d", i ? "," : "", i);
    registered(DEF(.takes = many));
    kit_close();
    strcat(many, ",any b");
    snprintf(text, sizeof text, HEAD ".takes = \"%.160s\", character %zu: more than 32 names, pass a doc or a list",
             many, strlen(many) - strlen("any b") + 1);
    check_def_refused(DEF(.takes = many), text);

    memset(longest + 5, 'n', JPX_NAME_MAX);
    registered(DEF(.takes = longest));
    kit_close();
    strcat(longest, "n");
    snprintf(text, sizeof text,
             HEAD ".takes = \"%s\", character 6: a name of at most 63 letters, digits, _ or - must follow bool",
             longest);
    check_def_refused(DEF(.takes = longest), text);
}
END_TEST

START_TEST(mistakes_in_definitions)
{
    check_def_refused(DEF(.as = "a.b"), HEAD ".as = \"a.b\": give it 1 to 63 letters, digits, _ or -");
    check_def_refused(DEF(.as = ""), HEAD ".as = \"\": give it 1 to 63 letters, digits, _ or -");
    check_def_refused(DEF(.queue = "a b"), HEAD ".queue = \"a b\": give it 1 to 63 letters, digits, _ or -");
    check_def_refused(
        DEF(.retry.attempts = -1),
        HEAD ".retry.attempts = -1: it counts executions, the first included, give it 1 or more (0 is the default)");
    check_def_refused(DEF(.retry.first_ms = -5), HEAD ".retry.first_ms = -5: give it 0 ms to ten years");
    check_def_refused(DEF(.retry.limit_ms = INT64_MAX),
                      HEAD ".retry.limit_ms = 9223372036854775807: give it 0 ms to ten years");
    check_def_refused(DEF(.retry.factor = -2), HEAD ".retry.factor = -2: give it a number above 0");
    check_def_refused(DEF(.retry.factor = HUGE_VAL), HEAD ".retry.factor = inf: give it a number above 0");
    check_def_refused(DEF(.retry.jitter = 1.5), HEAD ".retry.jitter = 1.5: give it 0 to 1, below 1, or JP_NO_JITTER");
    check_def_refused(DEF(.retry.jitter = nan("")),
                      HEAD ".retry.jitter = nan: give it 0 to 1, below 1, or JP_NO_JITTER");
    check_def_refused(DEF(.timeout_ms = -1), HEAD ".timeout_ms = -1: give it 0 ms to ten years");
    check_def_refused(DEF(.on_reply = some_reply),
                      HEAD ".on_reply is never called without a wait: add .async = true, or take it out");
    check_def_refused(DEF(.on_cancel = some_cancel),
                      HEAD ".on_cancel is never called without a wait: add .async = true, or take it out");
    registered(DEF(.async = true, .on_reply = some_reply, .on_cancel = some_cancel));
    kit_close();

    jp_def def = DEF(.queue = NULL);
    def.run = NULL;
    check_def_refused(def, HEAD "it has no body: define it with JP_PIPE");
    def = DEF(.queue = NULL);
    def.name = NULL;
    check_def_refused(def, "pipe number 1 of the list has no name: define it with JP_PIPE");
    def = DEF(.queue = NULL);
    def.abi = JP_ABI + 1;
    def.name = (const char *)1; /* must not be looked at */
    check_def_refused(def,
                      "pipe number 1 of the list was compiled for ABI 2 of jetpipe.h, this library has 1: compile it "
                      "again with the header of this library");
    def = DEF(.queue = NULL);
    def.size--;
    check_def_refused(def,
                      "pipe number 1 of the list was compiled with another jetpipe.h, or not defined with JP_PIPE: "
                      "compile it again with the header of this library");
}
END_TEST

START_TEST(the_same_name_twice)
{
    jp_def one = DEF(.queue = NULL), two = one;
    one.at = two.at = "one.c:1";
    check_refused(
        (const jp_def *[]){&one, &two, NULL},
        "Some, one.c:1: the name is registered twice, also by one.c:1: take one out or give it another with .as");
    check_refused(
        (const jp_def *[]){&one, &one, NULL},
        "Some, one.c:1: the name is registered twice, also by one.c:1: take one out or give it another with .as");
    two.as = "Other";
    kit_open((const jp_def *[]){&one, &two, NULL});
    kit_close();
    check_refused(NULL, "the list of pipes is NULL: give one that ends with NULL");
}
END_TEST

START_TEST(kinds_accept_what_they_say)
{
    static const bson_type_t types[] = {BSON_TYPE_NULL,   BSON_TYPE_BOOL,     BSON_TYPE_INT64,
                                        BSON_TYPE_DOUBLE, BSON_TYPE_UTF8,     BSON_TYPE_DATE_TIME,
                                        BSON_TYPE_BINARY, BSON_TYPE_DOCUMENT, BSON_TYPE_ARRAY};
    for (int kind = JPX_ANY; kind <= JPX_LIST; kind++)
        for (int type = 0; type < 9; type++)
            ck_assert_int_eq(jpx_kind_accepts((jpx_kind)kind, types[type]),
                             kind == JPX_ANY || kind == type || (kind == JPX_DOUBLE && types[type] == BSON_TYPE_INT64));
    ck_assert(!jpx_kind_accepts(JPX_ANY, BSON_TYPE_OID));
    ck_assert_str_eq(jpx_kind_text(JPX_DATETIME), "datetime");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body_signature");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, a_signature_is_read);
    tcase_add_test(tests, empty_signatures_are_fine);
    tcase_add_test(tests, defaults_are_filled_in);
    tcase_add_test(tests, the_registry_is_a_sorted_copy);
    tcase_add_test(tests, mistakes_in_signatures);
    tcase_add_test(tests, too_many_and_too_long_names);
    tcase_add_test(tests, mistakes_in_definitions);
    tcase_add_test(tests, the_same_name_twice);
    tcase_add_test(tests, kinds_accept_what_they_say);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
