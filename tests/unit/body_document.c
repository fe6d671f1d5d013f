/* body_document.c -- documents and lists in a body: read by path, walked, made; and what is told about wrong ones. */
#include "unit/body_kit.h"

static const char order_json[] =
    "[{\"id\":17, \"paid\":true, \"total\":2.5, \"who\":\"ana\", \"none\":null, \"at\":{\"$date\":"
    "\"1970-01-01T00:00:01Z\"}, \"lines\":[{\"cents\":5},{\"cents\":7,\"tags\":[\"x\"]}]}]";

JP_PIPE(ReadOrder, p, .takes = "doc order", .gives = "int64")
{
    jp_value order = jp_arg(p, "order");
    int64_t total = 0;
    int members = 0;

    ck_assert_int_eq(jp_get_int64(p, order, "id"), 17);
    ck_assert(jp_get_bool(p, order, "paid"));
    ck_assert_double_eq(jp_get_double(p, order, "total"), 2.5);
    ck_assert_double_eq(jp_get_double(p, order, "id"), 17); /* an int64 will do */
    ck_assert_str_eq(jp_get_string(p, order, "who"), "ana");
    ck_assert_int_eq(jp_get_datetime(p, order, "at"), 1000);
    ck_assert_str_eq(jp_get_string(p, order, "lines.1.tags.0"), "x");
    ck_assert_int_eq(jp_get_int64(p, jp_document(p, "order"), "lines.0.cents"), 5);
    ck_assert_int_eq(jp_get(p, order, "lines").type, JP_ARRAY);
    ck_assert_int_eq(jp_get(p, order, "none").type, JP_NULL);
    ck_assert_uint_eq(jp_get_document(p, order, "lines").size, jp_get(p, order, "lines").as.doc.size);
    ck_assert(jp_has(p, order, "lines.0.cents"));
    ck_assert(!jp_has(p, order, "none"));
    ck_assert(!jp_has(p, order, "lines.2"));
    ck_assert(!jp_has(p, order, "who.x"));
    ck_assert(!jp_has(p, order, ""));
    ck_assert_uint_eq(jp_size(p, order), 7);
    ck_assert_uint_eq(jp_size(p, jp_get(p, order, "lines")), 2);
    ck_assert_uint_eq(jp_size(p, jp_get(p, order, "none")), 0);
    jp_each (p, line, jp_get(p, order, "lines"))
        total += jp_get_int64(p, line, "cents");
    jp_each_member(p, key, value, order)
    {
        if (strcmp(key, "none") == 0)
            continue;
        members++;
        if (strcmp(key, "at") == 0) {
            ck_assert_int_eq(value.as.i64, 1000);
            break;
        }
    }
    ck_assert_int_eq(members, 5);
    jp_each (p, a, jp_get(p, order, "lines"))
        jp_each (p, b, jp_get(p, order, "lines")) /* loops in loops */
        {
            if (jp_get_int64(p, b, "cents") == 7)
                break;
            total += jp_get_int64(p, a, "cents") * 100;
        }
    return jp_return(p, total);
}

JP_PIPE(Make, p, .gives = "any")
{
    jp_list *lines = jp_list_new(p);
    jp_value empty = jp_object(p);
    const int64_t seven = 7;

    ck_assert_uint_eq(jp_size(p, empty), 0);
    for (int i = 0; i < 3; i++)
        jp_push(lines, jp_object(p, "n", i));
    jp_push(lines, jp_array(p, 1, "two", 3.5, jp_v_null()));
    ck_assert_uint_eq(jp_size(p, lines), 4);
    ck_assert_int_eq(jp_get_int64(p, lines, "2.n"), 2); /* a list without futures can be read back */
    return jp_return(p,
                     jp_object(p, "id", seven, "paid", (bool)true, "f", 1.5f, "s", "text", "none", (const char *)NULL,
                               "when", jp_v_datetime(0), "bytes", jp_v_binary("abc", 3), "lines", lines, "empty", empty,
                               "parsed", jp_parse(p, "{\"a\":[1]}"), "json", jp_json(p, lines)));
}

JP_PIPE(Parse, p, .takes = "string text", .gives = "any")
{
    jp_value value;
    jp_error err;
    if (!jp_try_parse(p, jp_string(p, "text"), &value, &err))
        return jp_return(p, jp_object(p, "error", (const char *)err.text));
    return jp_return(p, value);
}

START_TEST(documents_are_read_walked_and_made)
{
    static const jp_def *const defs[] = {&ReadOrder, &Make, &Parse, NULL};
    kit_open(defs);
    check_returns("ReadOrder", order_json, "1212");
    check_returns(
        "Make", "",
        "{\"id\":7,\"paid\":true,\"f\":1.5,\"s\":\"text\",\"none\":null,\"when\":{\"$date\":\"1970-01-01T00:00:00Z\"},"
        "\"bytes\":{\"$binary\":{\"base64\":\"YWJj\",\"subType\":\"00\"}},"
        "\"lines\":[{\"n\":0},{\"n\":1},{\"n\":2},[1,\"two\",3.5,null]],\"empty\":{},\"parsed\":{\"a\":[1]},"
        "\"json\":\"[{\\\"n\\\":0},{\\\"n\\\":1},{\\\"n\\\":2},[1,\\\"two\\\",3.5,null]]\"}");
    check_returns("Parse", "[\"[1, 2]\"]", "[1,2]");
    check_returns("Parse", "[\"[1, 2\"]", "{\"error\":\"this is not JSON, its brackets do not match: '[1, 2'\"}");
    kit_close();
}
END_TEST

/* ---- mistakes: one wrong thing in line 31 of wc.c ---- */

#define WRONG(Name, expression)                                                                                        \
    JP_PIPE(Name, p, .takes = "any options", .gives = "any")                                                           \
    {                                                                                                                  \
        jp_value options = jp_arg(p, "options");                                                                       \
        (void)options;                                                                                                 \
        (void)(expression);                                                                                            \
        return jp_return(p, 1);                                                                                        \
    }

#line 31 "wc.c"
WRONG(WordCount, jp_get_int64(p, options, "limit"))
#line 31
WRONG(Deep, jp_get_string(p, jp_get(p, options, "lines.1"), "cents"))
#line 31
WRONG(Missing, jp_get_int64(p, options, "a.b"))
#line 31
WRONG(NotADoc, jp_get_int64(p, 5, "a"))
#line 31
WRONG(OwnDoc, jp_get_int64(p, jp_object(p, "a", "b"), "a"))
#line 31
WRONG(OddObject, jp_object(p, "a", 1, "b").type)
#line 31
WRONG(KeyObject, jp_object(p, 5, 1).type)
#line 31
WRONG(BadJson, jp_parse(p, "{").type)
#line 31
WRONG(SizeOfInt, jp_size(p, options))

#line 31
JP_PIPE(FutureInDoc, p, .takes = "any options")
{
    return jp_return(p, jp_object(p, "a", 1, "f", jp_yield(p, WordCount, 1)));
}
#line 31
JP_PIPE(FutureInListInDoc, p, .takes = "any options")
{
    return jp_return(p, jp_object(p, "l", jp_array(p, 1, jp_yield(p, WordCount, 1))));
}
#line 31
JP_PIPE(FutureInJson, p, .takes = "any options")
{
    return jp_return(p, jp_json(p, jp_array(p, jp_yield(p, WordCount, 1))));
}

static jp_end reply_reader(jp_ctx *p, jp_value reply)
{
#line 31
    return jp_return(p, jp_get_bool(p, reply, "answer.approved"));
}
#line 31
JP_PIPE(Replied, p, .takes = "any options", .async = true, .on_reply = reply_reader)
{
    return jp_wait(p);
}
#line 158 "body_document.c"

START_TEST(a_wrong_document_names_the_path)
{
    static const jp_def *const defs[] = {
        &WordCount, &Deep,    &Missing,     &NotADoc,           &OwnDoc,       &OddObject, &KeyObject, &BadJson,
        &SizeOfInt, &Replied, &FutureInDoc, &FutureInListInDoc, &FutureInJson, NULL};
    jp_error err;
    kit_open(defs);
    check_wrong("WordCount", "[{\"limit\":\"x\"}]",
                "WordCount, wc.c:31: args.options.limit is a string, not an int64: ask jp_get what type it has first");
    check_wrong(
        "Deep", "[{\"lines\":[{},{\"cents\":5}]}]",
        "Deep, wc.c:31: args.options.lines.1.cents is an int64, not a string: ask jp_get what type it has first");
    check_wrong("Missing", "[{\"a\":{}}]", "Missing, wc.c:31: args.options.a.b is not there: ask jp_has first");
    check_wrong("NotADoc", "[1]",
                "NotADoc, wc.c:31: a was asked of an int64, which has no members: ask a doc or a list");
    check_wrong("OwnDoc", "[1]", "OwnDoc, wc.c:31: a is a string, not an int64: ask jp_get what type it has first");
    check_wrong("OddObject", "[1]",
                "OddObject, wc.c:31: jp_object was given a key without a value: keys and values take turns");
    check_wrong(
        "KeyObject", "[1]",
        "KeyObject, wc.c:31: key 0 of jp_object is an int64, not a string: keys and values take turns, a key first");
    check_wrong("BadJson", "[1]",
                "BadJson, wc.c:31: jp_parse: this is not JSON, its brackets do not match: '{': ask jp_try_parse for "
                "text from outside");
    check_wrong(
        "SizeOfInt", "[1]",
        "SizeOfInt, wc.c:31: an int64 was given where a list or a doc is wanted: jp_each and jp_size take those alone");
    check_wrong("FutureInDoc", "[1]",
                "FutureInDoc, wc.c:33: a future stands in a document, under \"f\": pass it as an argument of its own");
    check_wrong(
        "FutureInListInDoc", "[1]",
        "FutureInListInDoc, wc.c:33: a future stands in a document, under \"l\": pass it as an argument of its own");
    check_wrong("FutureInJson", "[1]",
                "FutureInJson, wc.c:33: jp_json was given a future, which has no value in this body: yield a child "
                "that takes it");

    jpx_attempt attempt = *attempt_of("Replied", "[1]");
    attempt.call = JPX_CALL_REPLY;
    ck_assert_int_eq(jpx_value_from_json(text_bytes("{\"answer\":{\"approved\":1}}"), arena, &attempt.reply, &err),
                     JP_OK);
    check_ends(run_attempt(&attempt), JPX_END_WRONG, "program",
               "Replied, wc.c:31: reply.answer.approved is an int64, not a bool: ask jp_get what type it has first");
    kit_close();
}
END_TEST

/* ---- values that cannot be stored: failed attempts, not programming errors ---- */

static const char bad_text[] = "a\xff";
static uint8_t large[JPX_VALUE_MAX + 100];

#define UNSTORABLE(Name, value)                                                                                        \
    JP_PIPE(Name, p, .takes = "any options", .gives = "any")                                                           \
    {                                                                                                                  \
        return jp_return(p, value);                                                                                    \
    }
#line 31 "wc.c"
UNSTORABLE(BadText, bad_text)
#line 31
UNSTORABLE(BadTextInside, jp_object(p, "k", bad_text))
#line 31
UNSTORABLE(BadKey, jp_object(p, bad_text, 1))
#line 31
UNSTORABLE(BadItem, jp_array(p, 1, bad_text))
#line 31
UNSTORABLE(TooLarge, jp_v_binary(large, sizeof large))
#line 31
UNSTORABLE(JustFits, jp_v_binary(large, JPX_VALUE_MAX))
#line 31
UNSTORABLE(NotBson, jp_v_doc((jp_doc){large, 5}))
#line 31
UNSTORABLE(NoDoc, jp_v_doc((jp_doc){NULL, 0}))
#line 31
JP_PIPE(BadArgument, p, .takes = "any options", .gives = "any")
{
    return jp_return(p, jp_yield(p, BadText, bad_text));
}
#line 31
JP_PIPE(LargeArgument, p, .takes = "any options", .gives = "any")
{
    return jp_return(p, jp_yield(p, BadText, jp_v_binary(large, sizeof large)));
}
#line 31
JP_PIPE(LargeList, p, .takes = "any options", .gives = "any")
{
    jp_list *list = jp_list_new(p);
    for (int i = 0; i < 2000000; i++)
        jp_push(list, i);
    return jp_return(p, list);
}
#line 31
JP_PIPE(AbortsAnyway, p, .takes = "any options", .gives = "any")
{
    (void)jp_return(p, bad_text).verb_;
    return jp_abort(p, "m");
}
#line 31
JP_PIPE(DeepOne, p, .takes = "any options", .gives = "any")
{
    jp_value value = jp_object(p);
    for (int i = 0; i < 70; i++)
        value = jp_object(p, "a", value);
    return jp_return(p, value);
}
#line 254 "body_document.c"

static void check_unstorable(const char *pipe, const char *reason)
{
    check_ends(run(pipe, "[1]"), JPX_END_RETRY, "value", reason);
}

START_TEST(values_that_cannot_be_stored)
{
    static const jp_def *const defs[] = {&BadText,   &BadTextInside, &BadKey,  &BadItem,     &TooLarge,
                                         &JustFits,  &NotBson,       &NoDoc,   &BadArgument, &LargeArgument,
                                         &LargeList, &AbortsAnyway,  &DeepOne, NULL};
    kit_open(defs);
    check_unstorable(
        "BadText",
        "BadText, wc.c:31: its output default holds text that is not UTF-8: make it a binary, with jp_v_binary");
    check_unstorable("BadTextInside", "BadTextInside, wc.c:31: the value of \"k\" in a document holds text that is not "
                                      "UTF-8: make it a binary, with jp_v_binary");
    check_unstorable("BadKey", "BadKey, wc.c:31: key 0 of jp_object is not UTF-8: keys are text");
    check_unstorable(
        "BadItem",
        "BadItem, wc.c:31: item 1 of a list holds text that is not UTF-8: make it a binary, with jp_v_binary");
    check_unstorable("TooLarge", "TooLarge, wc.c:31: its output default is larger than 8 MiB (8388721 bytes): split "
                                 "it, or store it elsewhere and pass its name");
    ck_assert_int_eq(run("JustFits", "[1]")->end, JPX_END_RETURN);
    check_unstorable(
        "NotBson",
        "NotBson, wc.c:31: its output default is not valid BSON: a jp_doc is the bytes of one whole document");
    check_unstorable(
        "NoDoc", "NoDoc, wc.c:31: its output default is not valid BSON: a jp_doc is the bytes of one whole document");
    check_unstorable("BadArgument", "BadArgument, wc.c:33: argument options of BadText holds text that is not UTF-8: "
                                    "make it a binary, with jp_v_binary");
    check_unstorable("LargeArgument", "LargeArgument, wc.c:33: argument options of BadText is larger than 8 MiB "
                                      "(8388716 bytes): split it, or store it elsewhere and pass its name");
    const jpx_outcome *out = run("LargeList", "[1]");
    ck_assert_int_eq(out->end, JPX_END_RETRY);
    ck_assert_ptr_nonnull(strstr(out->reason, "a list is larger than 8 MiB with its item "));
    check_ends(run("AbortsAnyway", "[1]"), JPX_END_ABORT, "abort", "m");
    check_unstorable(
        "DeepOne",
        "DeepOne, wc.c:35: the value of \"a\" in a document is nested deeper than 64 levels: make it flatter");
    kit_close();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body_document");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, documents_are_read_walked_and_made);
    tcase_add_test(tests, a_wrong_document_names_the_path);
    tcase_add_test(tests, values_that_cannot_be_stored);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
