/* body_args.c -- what a body reads: arguments by name and place, and what is told when it asks for the wrong thing.
 * Line numbers in the messages are set by #line, so that they are exact. */
#include "unit/body_kit.h"

#define ALL_TYPES "bool b, int64 i, double d, string s, datetime t, binary x, doc o, list l, any a"

JP_PIPE(ReadAll, p, .takes = ALL_TYPES, .gives = "string")
{
    ck_assert(jp_bool(p, "b"));
    ck_assert_int_eq(jp_int64(p, "i"), INT64_MIN);
    ck_assert_double_eq(jp_double(p, "d"), -1.5);
    ck_assert_str_eq(jp_string(p, "s"), "a \xf0\x9f\x8e\x89 b");
    ck_assert_int_eq(jp_datetime(p, "t"), 1);
    jp_bytes bytes = jp_binary(p, "x");
    ck_assert_uint_eq(bytes.size, 3);
    ck_assert_mem_eq(bytes.data, "abc", 3);
    ck_assert_int_eq(jp_document(p, "o").size, 5);
    ck_assert_uint_eq(jp_count(p, "l"), 2);
    ck_assert_int_eq(jp_int64_at(p, "l", 1), 8);
    ck_assert_int_eq(jp_arg(p, "l").type, JP_ARRAY);
    ck_assert_int_eq(jp_arg(p, "o").type, JP_DOC);
    ck_assert_int_eq(jp_int64(p, "a"), 5); /* an `any` is read as what it holds */
    ck_assert_double_eq(jp_double(p, "a"), 5);
    ck_assert(jp_given(p, "a"));
    return jp_return(p, "fine");
}

JP_PIPE(ReadRest, p, .takes = "string first, double... d", .gives = "double")
{
    double sum = 0;
    for (size_t i = 0; i < jp_count(p, "d"); i++)
        sum += jp_double_at(p, "d", i);
    jp_each (p, item, jp_arg(p, "d"))
        sum += item.as.f64;
    return jp_return(p, sum);
}

JP_PIPE(ReadOptional, p, .takes = "int64 n, int64? m, string? s", .gives = "string")
{
    if (!jp_given(p, "m"))
        return jp_return(p, jp_format(p, "no m, %s", jp_given(p, "s") ? jp_string(p, "s") : "no s"));
    return jp_return(p, jp_format(p, "%d", (int)jp_int64(p, "m")));
}

JP_PIPE(ReadItems, p, .takes = "any... a", .gives = "string")
{
    static const char *const names[] = {"null",     "bool",   "int64", "double", "string",
                                        "datetime", "binary", "doc",   "list"};
    const char *text = "";
    for (size_t i = 0; i < jp_count(p, "a"); i++)
        text = jp_format(p, "%s%s%s", text, i ? " " : "", names[jp_arg_at(p, "a", i).type]);
    return jp_return(p, text);
}

START_TEST(every_type_is_read)
{
    static const jp_def *const defs[] = {&ReadAll, &ReadRest, &ReadOptional, &ReadItems, NULL};
    kit_open(defs);
    check_returns("ReadAll",
                  "[true, -9223372036854775808, -1.5, \"a \\ud83c\\udf89 b\", {\"$date\":{\"$numberLong\":\"1\"}},"
                  "{\"$binary\":{\"base64\":\"YWJj\",\"subType\":\"00\"}}, {}, [7,8], 5]",
                  "\"fine\"");
    check_returns("ReadRest", "[\"x\", 1, 2.5, 3]", "13.0");
    check_returns("ReadRest", "[\"x\"]", "0.0");
    check_returns("ReadOptional", "[1]", "\"no m, no s\"");
    check_returns("ReadOptional", "[1, null, \"x\"]", "\"no m, x\"");
    check_returns("ReadOptional", "{\"s\":\"x\", \"n\":1}", "\"no m, x\"");
    check_returns("ReadOptional", "[1, 2]", "\"2\"");
    check_returns("ReadItems",
                  "[null, true, 1, 1.5, \"s\", {\"$date\":\"2026-01-01T00:00:00Z\"}, "
                  "{\"$binary\":{\"base64\":\"\",\"subType\":\"00\"}}, {}, []]",
                  "\"null bool int64 double string datetime binary doc list\"");
    check_returns("ReadItems", "", "\"\"");
    kit_close();
}
END_TEST

/* ---- mistakes ---- */

#define WRONG(Name, signature, expression) /* a pipe whose body does one wrong thing in line 31 of wc.c */             \
    JP_PIPE(Name, p, .takes = signature, .gives = "any")                                                               \
    {                                                                                                                  \
        (void)(expression);                                                                                            \
        return jp_return(p, 1);                                                                                        \
    }

#line 31 "src/wc.c"
WRONG(Unnamed, "int64 n", jp_int64(p, "m"))
#line 31
WRONG(WrongType, "string s", jp_int64(p, "s"))
#line 31
WRONG(WrongAny, "any a", jp_int64(p, "a"))
#line 31
WRONG(NullOne, "int64? n", jp_int64(p, "n"))
#line 31
WRONG(NotOne, "int64... n", jp_int64(p, "n"))
#line 31
WRONG(NotMany, "int64 n", jp_count(p, "n"))
#line 31
WRONG(PastEnd, "int64... n", jp_int64_at(p, "n", 2))
#line 31
WRONG(WrongItem, "int64... n", jp_string_at(p, "n", 0))
#line 31
WRONG(WrongListItem, "list l", jp_string_at(p, "l", 1))
#line 31
WRONG(IntAsDouble, "int64 n", jp_double(p, "n"))
#line 31
WRONG(NoTicket, "", jp_ticket(p))
#line 31
WRONG(NoOutput, "", jp_output(p, "default").type)

#line 31
JP_PIPE(FirstOnly, p, .takes = "int64 n")
{
    ck_assert_str_eq(jp_string(p, "n"), "");
    ck_assert_int_eq(jp_int64(p, "x"), 0);
    return jp_retry(p, "it does not matter what it ends with");
}
#line 130 "body_args.c"

START_TEST(a_wrong_question_is_a_programming_error)
{
    static const jp_def *const defs[] = {&Unnamed,   &WrongType, &WrongAny,      &NullOne,     &NotOne,   &NotMany,
                                         &PastEnd,   &WrongItem, &WrongListItem, &IntAsDouble, &NoTicket, &NoOutput,
                                         &FirstOnly, NULL};
    kit_open(defs);
    check_wrong("Unnamed", "[1]",
                "Unnamed, wc.c:31: args.m is not named by .takes = \"int64 n\": read a name that is, or add this one");
    check_wrong("WrongType", "[\"x\"]", "WrongType, wc.c:31: args.s is a string, not an int64: read it with jp_string");
    check_wrong(
        "WrongAny", "[\"x\"]",
        "WrongAny, wc.c:31: args.a is a string, not an int64: declare it \"int64\", or ask what type it has first");
    check_wrong("NullOne", "[]", "NullOne, wc.c:31: args.n is null, not an int64: ask jp_given first");
    check_wrong("NotOne", "[1]",
                "NotOne, wc.c:31: args.n is a list, not an int64: ask for its items with jp_count and jp_..._at");
    check_wrong("NotMany", "[1]", "NotMany, wc.c:31: args.n is an int64, not a list: read it with jp_int64");
    check_wrong("PastEnd", "[1, 2]",
                "PastEnd, wc.c:31: args.n has 2 items, item 2 was asked for: they count from 0, ask jp_count first");
    check_wrong("WrongItem", "[1]", "WrongItem, wc.c:31: args.n.0 is an int64, not a string: read it with jp_int64_at");
    check_wrong("WrongListItem", "[[1, 2.5]]",
                "WrongListItem, wc.c:31: args.l.1 is a double, not a string: read it with jp_double_at, or ask "
                "jp_arg_at what type it has first");
    check_wrong("IntAsDouble", "[1]", "IntAsDouble, wc.c:31: args.n is an int64, not a double: read it with jp_int64");
    check_wrong("NoTicket", "", "NoTicket, wc.c:31: it asks for a ticket: define it with .async = true");
    check_wrong(
        "NoOutput", "",
        "NoOutput, wc.c:31: outputs can be read in on_finished only: pass the future of a child on to see its output");
    check_wrong("FirstOnly", "[1]", "FirstOnly, wc.c:33: args.n is an int64, not a string: read it with jp_int64");
    kit_close();
}
END_TEST

START_TEST(arguments_are_checked_before_the_body)
{
    static const jp_def *const defs[] = {&ReadOptional, &ReadRest, NULL};
    static const uint8_t junk[] = {9, 0, 0, 0, 16, 0, 1, 0, 0};
    jp_error err;
    kit_open(defs);
    jpx_attempt attempt = *attempt_of("ReadOptional", "[1]"), rest = *attempt_of("ReadRest", "[\"x\", 1]");

    attempt.pipe = "ReadRest";
    check_ends(run_attempt(&attempt), JPX_END_WRONG, "program",
               "ReadRest, body_args.c:28: ReadRest wants string first, is given int64: say in .gives what the pipe "
               "returns that it comes from, or change .takes");
    rest.pipe = "ReadOptional";
    check_ends(run_attempt(&rest), JPX_END_WRONG, "program",
               "ReadOptional, body_args.c:38: ReadOptional wants int64 n, is given string: say in .gives what the pipe "
               "returns that it comes from, or change .takes");
    rest.pipe = "Gone";
    check_ends(run_attempt(&rest), JPX_END_WRONG, "program",
               "Gone: it is not registered in this program: put it into the list of pipes, or let workers that have it "
               "run it");
    attempt.pipe = "ReadOptional";
    attempt.args = (jpx_bytes){junk, sizeof junk};
    ck_assert_int_eq(run_attempt(&attempt)->end, JPX_END_WRONG);
    attempt.args = (jpx_bytes){NULL, 0};
    ck_assert_int_eq(run_attempt(&attempt)->end, JPX_END_WRONG);
    ck_assert_int_eq(jpx_args_check(jpx_registry_find(registry, "ReadRest"), attempt.args, &err), JP_E_DAMAGED);
    kit_close();
}
END_TEST

/* ---- the attempt itself ---- */

static char keys[2][64];

JP_PIPE(Itself, p, .async = true)
{
    memcpy(keys[jp_attempt(p) - 1], jp_key(p), strlen(jp_key(p)) + 1);
    return jp_return(p, jp_ticket(p));
}

START_TEST(key_attempt_and_ticket)
{
    static const jp_def *const defs[] = {&Itself, NULL};
    kit_open(defs);
    jpx_attempt attempt = *attempt_of("Itself", "");
    for (size_t i = 0; i < JPX_PIPELINE_SIZE; i++)
        attempt.key.b[i] = (uint8_t)i;
    attempt.step = 3;
    memset(attempt.secret, 0xfe, sizeof attempt.secret);
    const char *ticket = output(run_attempt(&attempt), "default");
    attempt.attempt = 2;
    attempt.step = 4;
    ck_assert_str_ne(output(run_attempt(&attempt), "default"), ticket);
    ck_assert_str_eq(keys[0], "000102030405060708090a0b0c0d0e0f1011121314151617");
    ck_assert_str_eq(keys[0], keys[1]);

    jpx_key key;
    uint32_t step;
    uint8_t token[JPX_TOKEN_SIZE], own[JPX_TOKEN_SIZE];
    ck_assert_uint_eq(strlen(ticket), JPX_TICKET_TEXT - 1 + 2);
    ck_assert(jpx_ticket_parse(jpx_strndup(arena, ticket + 1, JPX_TICKET_TEXT - 1), &key, &step, token));
    ck_assert(jpx_key_equal(&key, &attempt.key));
    ck_assert_uint_eq(step, 3);
    jpx_secret_token(attempt.secret, JPX_OWN_TICKET, own);
    ck_assert_mem_eq(token, own, sizeof token);
    kit_close();
}
END_TEST

START_TEST(only_whole_tickets_are_read)
{
    jpx_key key = {{0}}, read;
    uint32_t step;
    uint8_t token[JPX_TOKEN_SIZE] = {0};
    char text[JPX_TICKET_TEXT + 1] = "";
    for (uint32_t round = 0; round < 256; round++) {
        memset(key.b, (int)round, sizeof key.b);
        memset(token, 255 - (int)round, sizeof token);
        jpx_ticket_text(text, &key, round * 0x01010101u, token);
        ck_assert(jpx_ticket_parse(text, &read, &step, token));
        ck_assert(jpx_key_equal(&key, &read));
        ck_assert_uint_eq(step, round * 0x01010101u);
        ck_assert_uint_eq(token[15], 255 - round);
    }
    static const char *const garbage[] = {"",
                                          "x",
                                          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAA+AAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                          "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"};
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++)
        ck_assert_msg(!jpx_ticket_parse(garbage[i], &read, &step, token), "%s", garbage[i]);
    ck_assert(jpx_ticket_parse("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &read, &step, token));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body_args");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, every_type_is_read);
    tcase_add_test(tests, a_wrong_question_is_a_programming_error);
    tcase_add_test(tests, arguments_are_checked_before_the_body);
    tcase_add_test(tests, key_attempt_and_ticket);
    tcase_add_test(tests, only_whole_tickets_are_read);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
