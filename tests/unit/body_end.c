/* body_end.c -- outputs, the ways a body may end, replies and hooks. */
#include "unit/body_kit.h"

JP_PIPE(Child, p, .takes = "any... x", .gives = "string", .fills = "int64 number, string text")
{
    return jp_retry(p, "not now");
}

/* ---- right ones ---- */

JP_PIPE(FourOutputs, p, .fills = "int64 a, int64 b, string? c, any d")
{
    jp_fill(p, "a", 1);
    jp_fill(p, "b", 2);
    jp_fill(p, "a", 3); /* the last fill of a name wins */
    jp_fill(p, "c", jp_v_null());
    jp_fill(p, "d", jp_array(p, 1, "x"));
    return jp_done(p);
}

JP_PIPE(HandsOn, p, .gives = "string", .fills = "int64 a, int64 b")
{
    jp_future child = jp_yield(p, Child);
    jp_fill(p, "a", 5);
    jp_fill(p, "a", jp_slot(p, child, "number"));
    jp_fill(p, "b", jp_slot(p, child, "number"));
    return jp_return(p, jp_slot(p, child, "text"));
}

JP_PIPE(Gathers, p, .gives = "list", .fills = "list l")
{
    jp_future child = jp_yield(p, Child);
    jp_fill(p, "l", jp_array(p, child));
    return jp_return(p, jp_array(p, 5, child, 4));
}

JP_PIPE(AsDouble, p, .gives = "double", .fills = "double d")
{
    jp_fill(p, "d", 2);
    return jp_return(p, 3);
}

JP_PIPE(Chooses, p, .takes = "int64 n", .gives = "int64")
{
    jp_end one = jp_return(p, 1), two = jp_abort(p, "two"), three = jp_retry_in(p, 30, "three %d", 3),
           four = jp_retry(p, "four");
    switch (jp_int64(p, "n")) {
    case 1:
        return one;
    case 2:
        return two;
    case 3:
        return three;
    default:
        return four;
    }
}

JP_PIPE(Waits, p, .async = true, .fills = "string ticket")
{
    jp_fill(p, "ticket", jp_ticket(p));
    return jp_wait(p);
}

JP_PIPE(Later, p, .gives = "int64")
{
    return jp_return_in(p, 5000, 7);
}

START_TEST(outputs_and_endings)
{
    static const jp_def *const defs[] = {&Child,   &FourOutputs, &HandsOn, &Gathers, &AsDouble,
                                         &Chooses, &Waits,       &Later,   NULL};
    kit_open(defs);
    const jpx_outcome *out = run("FourOutputs", "");
    ck_assert_int_eq(out->end, JPX_END_RETURN);
    ck_assert_uint_eq(out->outputs_count, 5);
    ck_assert_str_eq(output(out, "default"), "null");
    ck_assert_str_eq(output(out, "a"), "3");
    ck_assert_str_eq(output(out, "b"), "2");
    ck_assert_str_eq(output(out, "c"), "null");
    ck_assert_str_eq(output(out, "d"), "[1,\"x\"]");

    out = run("HandsOn", "");
    ck_assert_int_eq(out->end, JPX_END_RETURN);
    ck_assert_uint_eq(out->outputs_count, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(out->outputs[i].forwarded);
        ck_assert_uint_eq(out->outputs[i].child, 0);
        ck_assert_str_eq(out->outputs[i].child_slot, i == 0 ? "text" : "number");
    }

    out = run("Gathers", ""); /* a list with futures becomes a child's output */
    ck_assert_msg(out->end == JPX_END_RETURN, "%s", out->reason ? out->reason : "");
    ck_assert_uint_eq(out->children_count, 3);
    ck_assert_str_eq(out->children[2].pipe, "jetpipe-gather");
    ck_assert_str_eq(args_json(out->children[2].args), "[[5,4]]");
    ck_assert_uint_eq(out->children[2].refs[0].at, 1);
    ck_assert(out->outputs[0].forwarded);
    ck_assert_uint_eq(out->outputs[0].child, 2);
    ck_assert_uint_eq(out->outputs[1].child, 1);
    check_returns("jetpipe-gather", "[5,\"x\",null]", "[5,\"x\",null]");
    ck_assert_uint_eq(jpx_registry_count(registry), 8); /* it is not shown */

    out = run("AsDouble", "");
    ck_assert_str_eq(output(out, "default"), "3.0");
    ck_assert_str_eq(output(out, "d"), "2.0");

    check_returns("Chooses", "1", "1");
    check_ends(run("Chooses", "2"), JPX_END_ABORT, "abort", "two");
    out = run("Chooses", "3");
    check_ends(out, JPX_END_RETRY, "retry", "three 3");
    ck_assert_int_eq(out->retry_in_ms, 30);
    out = run("Chooses", "4");
    check_ends(out, JPX_END_RETRY, "retry", "four");
    ck_assert_int_eq(out->retry_in_ms, -1);

    out = run("Waits", "");
    ck_assert_int_eq(out->end, JPX_END_WAIT);
    ck_assert_uint_eq(out->outputs_count, 1);
    ck_assert_str_eq(out->outputs[0].slot, "ticket");

    out = run("Later", "");
    ck_assert_int_eq(out->end, JPX_END_RETURN);
    ck_assert_int_eq(out->retry_in_ms, 5000);
    ck_assert_int_le(run("FourOutputs", "")->retry_in_ms, 0);
    kit_close();
}
END_TEST

/* ---- failed attempts ---- */

#line 10 "dir/miss.c"
JP_PIPE(Misses, p, .fills = "int64 a, int64 b, int64 c")
{
    jp_fill(p, "b", 1);
    jp_yield(p, Child);
    return jp_done(p);
}

#line 142 "body_end.c"
JP_PIPE(LongReason, p)
{
    const char *text = "";
    for (int i = 0; i < 1500; i++)
        text = jp_format(p, "%s\xc3\xa4", text);
    return jp_abort(p, "x%s", text);
}

JP_PIPE(BadReason, p)
{
    return jp_abort(p, "a\xff\xc3\xa4%s", "b");
}

JP_PIPE(NoReason, p)
{
    return jp_abort(p, "%s", "");
}

START_TEST(failed_attempts)
{
    static const jp_def *const defs[] = {&Child, &Misses, &LongReason, &BadReason, &NoReason, NULL};
    kit_open(defs);
    check_ends(run("Misses", ""), JPX_END_RETRY, "outputs",
               "Misses, miss.c:14: it ended without filling a, c: call jp_fill before the end, or take the name "
               "out of .fills");
    const jpx_outcome *out = run("LongReason", "");
    ck_assert_uint_eq(strlen(out->reason), JPX_REASON_MAX - 1); /* not in the middle of a character */
    ck_assert(bson_utf8_validate(out->reason, strlen(out->reason), false));
    check_ends(run("BadReason", ""), JPX_END_ABORT, "abort", "a???b");
    check_ends(run("NoReason", ""), JPX_END_ABORT, "abort", "no reason given");
    kit_close();
}
END_TEST

/* ---- programming errors: line 4 of pe.c ---- */

static jp_end kept;

JP_PIPE(Keeps, p)
{
    return kept = jp_done(p);
}

#define WRONG(Name, ...)                                                                                               \
    JP_PIPE(Name, p, .gives = "int64", .fills = "int64 remainder, bool? yes")                                          \
    {                                                                                                                  \
        jp_fill(p, "remainder", 1);                                                                                    \
        jp_fill(p, "yes", (bool)1);                                                                                    \
        __VA_ARGS__;                                                                                                   \
    }
#line 4 "dir/pe.c"
WRONG(ReturnsText, return jp_return(p, "x"))
#line 4
WRONG(ReturnsTextFuture, return jp_return(p, jp_yield(p, Child)))
#line 4
WRONG(ReturnsNothing, return jp_done(p))
#line 4
WRONG(ReturnsList, return jp_return(p, jp_array(p, jp_yield(p, Child))))
#line 4
WRONG(FillsText, jp_fill(p, "remainder", "x"); return jp_return(p, 1))
#line 4
WRONG(FillsTextFuture, jp_fill(p, "remainder", jp_yield(p, Child)); return jp_return(p, 1))
#line 4
WRONG(FillsInt, jp_fill(p, "yes", 1); return jp_return(p, 1))
#line 4
WRONG(FillsUnknown, jp_fill(p, "rest", 1); return jp_return(p, 1))
#line 4
WRONG(FillsDefault, jp_fill(p, "default", 1); return jp_return(p, 1))
#line 4
WRONG(WaitsSync, return jp_wait(p))
#line 4
WRONG(NoEnding, return ((jp_end){0, 0}))
#line 4
WRONG(KeptEnding, return kept)
#line 4
WRONG(RetriesInThePast, return jp_retry_in(p, -1, "x"))
#line 4
WRONG(RetriesTooLate, return jp_retry_in(p, INT64_MAX, "x"))
#line 4
WRONG(LaterWithChild, jp_yield(p, Child); return jp_return_in(p, 5, 1))
#line 4
WRONG(LaterInThePast, return jp_return_in(p, -5, 1))
#line 4
WRONG(HookFailed, jp_hook_failed(p, "x"); return jp_return(p, 1))
#line 4
WRONG(EndsForEver, jp_end end = jp_return(p, 1); for (int i = 0; i < 1000; i++) end = jp_return(p, 2); return end)
#line 4
JP_PIPE(WaitsWithChild, p, .async = true)
{
    jp_yield(p, Child);
    return jp_wait(p);
}
#line 4
JP_PIPE(ChildAfterWait, p, .async = true)
{
    jp_end end = jp_wait(p);
    jp_yield(p, Child);
    return end;
}
#line 231 "body_end.c"

START_TEST(wrong_endings)
{
    static const jp_def *const defs[] = {&Child,
                                         &Keeps,
                                         &ReturnsText,
                                         &ReturnsTextFuture,
                                         &ReturnsNothing,
                                         &ReturnsList,
                                         &FillsText,
                                         &FillsTextFuture,
                                         &FillsInt,
                                         &FillsUnknown,
                                         &FillsDefault,
                                         &WaitsSync,
                                         &NoEnding,
                                         &KeptEnding,
                                         &RetriesInThePast,
                                         &RetriesTooLate,
                                         &LaterWithChild,
                                         &LaterInThePast,
                                         &HookFailed,
                                         &EndsForEver,
                                         &WaitsWithChild,
                                         &ChildAfterWait,
                                         NULL};
    kit_open(defs);
    ck_assert_int_eq(run("Keeps", "")->end, JPX_END_RETURN); /* leaves `kept` */
    check_wrong("ReturnsText", "",
                "ReturnsText, pe.c:4: it gives int64, is given string: pass an int64, or change .gives");
    check_wrong("ReturnsTextFuture", "",
                "ReturnsTextFuture, pe.c:4: it gives int64, is given string: hand on a child that gives int64, or "
                "change .gives");
    check_wrong("ReturnsNothing", "",
                "ReturnsNothing, pe.c:4: it gives int64, is given null: pass an int64, write \"int64?\" where null may "
                "stand, or change .gives");
    check_wrong(
        "ReturnsList", "",
        "ReturnsList, pe.c:4: it gives int64, is given list: hand on a child that gives int64, or change .gives");
    check_wrong("FillsText", "",
                "FillsText, pe.c:4: it fills int64 remainder, is given string: pass an int64, or change .fills");
    check_wrong("FillsTextFuture", "",
                "FillsTextFuture, pe.c:4: it fills int64 remainder, is given string: hand on a child that gives int64, "
                "or change .fills");
    check_wrong("FillsInt", "",
                "FillsInt, pe.c:4: it fills bool? yes, is given int64: in C11 true is an int, write (bool)true, or "
                "change .fills");
    check_wrong("FillsUnknown", "",
                "FillsUnknown, pe.c:4: it fills the output rest, which it does not declare: add it to .fills = \"int64 "
                "remainder, bool? yes\"");
    check_wrong("FillsDefault", "", "FillsDefault, pe.c:4: it fills the output default: that is what jp_return is for");
    check_wrong("WaitsSync", "", "WaitsSync, pe.c:4: it ends with jp_wait: define it with .async = true");
    check_wrong("NoEnding", "",
                "NoEnding, pe.c:4: it did not end with jp_return, jp_done, jp_wait, jp_retry or jp_abort of this "
                "attempt: return what one of them gives here and now");
    check_wrong("KeptEnding", "",
                "KeptEnding, pe.c:4: it did not end with jp_return, jp_done, jp_wait, jp_retry or jp_abort of this "
                "attempt: return what one of them gives here and now");
    check_wrong("RetriesInThePast", "",
                "RetriesInThePast, pe.c:4: jp_retry_in was given -1 ms: give it 0 ms to ten years");
    check_wrong("RetriesTooLate", "",
                "RetriesTooLate, pe.c:4: jp_retry_in was given 9223372036854775807 ms: give it 0 ms to ten years");
    check_wrong(
        "LaterWithChild", "",
        "LaterWithChild, pe.c:4: it has yielded children and ends with jp_return_in: let a child do the waiting");
    check_wrong("LaterInThePast", "",
                "LaterInThePast, pe.c:4: jp_return_in was given -5 ms: give it 0 ms to ten years");
    check_wrong("HookFailed", "", "HookFailed, pe.c:4: it calls jp_hook_failed in its body: end with jp_retry");
    check_wrong(
        "EndsForEver", "",
        "EndsForEver, pe.c:4: it has called jp_return and its sisters more than 1000 times: call one, and return it");
    check_wrong("WaitsWithChild", "",
                "WaitsWithChild, pe.c:7: it has yielded children and ends with jp_wait: let a child do the waiting");
    check_wrong("ChildAfterWait", "",
                "ChildAfterWait, pe.c:6: it has yielded children and ends with jp_wait: let a child do the waiting");
    kit_close();
}
END_TEST

/* ---- replies ---- */

#define ASKS                                                                                                           \
    .takes = "string who", .gives = "string", .fills = "int64 early, int64 late", .async = true, .on_reply = take_reply
#line 10 "dir/ask.c"
static jp_end take_reply(jp_ctx *p, jp_value reply)
{
    ck_assert_str_eq(jp_string(p, "who"), "ana");
    if (jp_has(p, reply, "again"))
        return jp_wait(p);
    if (jp_has(p, reply, "twice"))
        jp_fill(p, "early", 2);
    if (jp_has(p, reply, "child"))
        return jp_return(p, jp_yield(p, Child));
    if (!jp_has(p, reply, "lazy"))
        jp_fill(p, "late", 9);
    return jp_return(p, jp_get_string(p, reply, "by"));
}

JP_PIPE(Asks, p, ASKS) /* on one line: compilers differ in which line of a macro's call counts */
{
    jp_fill(p, "early", 1);
    return jp_wait(p);
}

#line 341 "body_end.c"
JP_PIPE(AsksPlain, p, .gives = "int64", .async = true)
{
    return jp_wait(p);
}

static const jpx_outcome *reply(const char *pipe, const char *args, const char *json, const char *outputs)
{
    jpx_attempt *attempt = attempt_of(pipe, args);
    jpx_bytes value;
    jp_error err;

    attempt->call = JPX_CALL_REPLY;
    ck_assert_int_eq(jpx_value_from_json(text_bytes(json), arena, &attempt->reply, &err), JP_OK);
    if (outputs) { /* {"v": {...}}: the document inside */
        bson_iter_t iter;
        ck_assert_int_eq(jpx_value_from_json(text_bytes(outputs), arena, &value, &err), JP_OK);
        ck_assert(jpx_doc_find(value, "v", &iter));
        uint32_t size;
        bson_iter_document(&iter, &size, &attempt->outputs.data);
        attempt->outputs.size = size;
    }
    return run_attempt(attempt);
}

START_TEST(replies)
{
    static const jp_def *const defs[] = {&Child, &Asks, &AsksPlain, NULL};
    kit_open(defs);
    const jpx_outcome *out = run("Asks", "[\"ana\"]");
    ck_assert_int_eq(out->end, JPX_END_WAIT);
    ck_assert_str_eq(output(out, "early"), "1");

    out = reply("Asks", "[\"ana\"]", "{\"by\":\"cfo\"}", "{\"early\":1}");
    ck_assert_msg(out->end == JPX_END_RETURN, "%s", out->reason ? out->reason : "");
    ck_assert_uint_eq(out->outputs_count, 2);
    ck_assert_str_eq(output(out, "default"), "\"cfo\"");
    ck_assert_str_eq(output(out, "late"), "9");
    ck_assert_int_eq(reply("Asks", "[\"ana\"]", "{\"again\":1}", "{\"early\":1}")->end, JPX_END_WAIT);
    out = reply("Asks", "[\"ana\"]", "{\"child\":1}", "{\"early\":1,\"late\":2}");
    ck_assert_int_eq(out->end, JPX_END_RETURN);
    ck_assert_uint_eq(out->children_count, 1);
    check_ends(reply("Asks", "[\"ana\"]", "{\"by\":\"x\",\"lazy\":1}", "{\"early\":1}"), JPX_END_RETRY, "outputs",
               "Asks, ask.c:21: it ended without filling late: call jp_fill before the end, or take the name out "
               "of .fills");
    check_ends(reply("Asks", "[\"ana\"]", "{\"by\":\"x\"}", NULL), JPX_END_RETRY, "outputs",
               "Asks, ask.c:21: it ended without filling early: call jp_fill before the end, or take the name "
               "out of .fills");
    check_ends(reply("Asks", "[\"ana\"]", "{\"by\":\"x\",\"twice\":1}", "{\"early\":1}"), JPX_END_WRONG, "program",
               "Asks, ask.c:24: on_reply fills the output early, which was filled before the wait: fill it in "
               "one of the two");
    ck_assert_int_eq(reply("Asks", "[\"ana\"]", "{}", "{\"early\":1}")->end, JPX_END_WRONG);

    ck_assert_str_eq(output(reply("AsksPlain", "", "5", NULL), "default"), "5"); /* no hook: the reply is the output */
    check_ends(reply("AsksPlain", "", "\"x\"", NULL), JPX_END_RETRY, "value",
               "AsksPlain gives int64, the reply is a string");

    const jpx_pipe *plain = jpx_registry_find(registry, "AsksPlain"), *hook = jpx_registry_find(registry, "Asks");
    jpx_bytes value;
    jp_error err;
    ck_assert_int_eq(jpx_value_from_json(text_bytes("null"), arena, &value, &err), JP_OK);
    ck_assert_int_eq(jpx_reply_check(plain, (jpx_bytes){0}, value, &err), JP_E_INVALID);
    ck_assert_str_eq(err.text, "AsksPlain gives int64, the reply is null");
    ck_assert_int_eq(jpx_reply_check(hook, (jpx_bytes){0}, value, &err), JP_OK);
    ck_assert_int_eq(jpx_reply_check(hook, (jpx_bytes){0}, (jpx_bytes){0}, &err), JP_E_INVALID);
    kit_close();
}
END_TEST

/* ---- hooks ---- */

static int hooks_run;
static bool hook_aborted, hook_fails, hook_yields;

static void finished(jp_ctx *p, bool aborted)
{
    hooks_run++;
    hook_aborted = aborted;
    if (hook_fails) {
        jp_hook_failed(p, "no disk, %d left", 0);
        return;
    }
    if (hook_yields) {
#line 4 "pe.c"
        jp_yield(p, Child);
#line 373 "body_end.c"
        return;
    }
    ck_assert_int_eq(jp_output(p, "default").as.i64, 7);
    ck_assert_str_eq(jp_get_string(p, jp_output(p, "log"), "line"), "x");
    ck_assert_int_eq(jp_output(p, "never").type, JP_NULL);
    ck_assert_int_eq(jp_int64(p, "n"), 3);
}

static void cancelled(jp_ctx *p)
{
    hooks_run += 10;
    (void)jp_attempt(p);
}

JP_PIPE(Hooked, p, .takes = "int64 n", .gives = "int64", .fills = "doc log, int64 never", .async = true,
        .on_finished = finished, .on_cancel = cancelled)
{
    return jp_retry(p, "x");
}

START_TEST(hooks)
{
    static const jp_def *const defs[] = {&Child, &Hooked, NULL};
    jpx_bytes value;
    bson_iter_t iter;
    uint32_t size;
    jp_error err;
    kit_open(defs);
    jpx_attempt attempt = *attempt_of("Hooked", "[3]");
    attempt.call = JPX_CALL_FINISHED;
    attempt.aborted = true;
    ck_assert_int_eq(jpx_value_from_json(text_bytes("{\"default\":7,\"log\":{\"line\":\"x\"}}"), arena, &value, &err),
                     JP_OK);
    ck_assert(jpx_doc_find(value, "v", &iter));
    bson_iter_document(&iter, &size, &attempt.outputs.data);
    attempt.outputs.size = size;

    const jpx_outcome *out = run_attempt(&attempt);
    ck_assert_msg(out->end == JPX_END_RETURN, "%s", out->reason ? out->reason : "");
    ck_assert_uint_eq(out->outputs_count, 0);
    ck_assert_int_eq(hooks_run, 1);
    ck_assert(hook_aborted);
    hook_fails = true;
    check_ends(run_attempt(&attempt), JPX_END_RETRY, "hook", "no disk, 0 left");
    hook_fails = false;
    hook_yields = true;
    check_ends(run_attempt(&attempt), JPX_END_WRONG, "program",
               "Hooked, pe.c:4: it cannot yield in on_finished, where its outcome is decided: do that in the body");
    attempt.call = JPX_CALL_CANCEL;
    attempt.args = (jpx_bytes){NULL, 0};
    ck_assert_int_eq(run_attempt(&attempt)->end, JPX_END_RETURN);
    ck_assert_int_eq(hooks_run, 13);
    attempt.pipe = "Child"; /* a pipe without hooks: nothing to do */
    ck_assert_int_eq(run_attempt(&attempt)->end, JPX_END_RETURN);
    kit_close();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body_end");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, outputs_and_endings);
    tcase_add_test(tests, failed_attempts);
    tcase_add_test(tests, wrong_endings);
    tcase_add_test(tests, replies);
    tcase_add_test(tests, hooks);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
