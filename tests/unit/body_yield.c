/* body_yield.c -- the plan: children and their arguments, references and ranges of them, scopes and their waits,
 * options; and the programming errors of yields. */
#include "unit/body_kit.h"
#include <stdio.h>
#include <sys/resource.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64", .queue = "sums")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Sum, p, .takes = "int64... n", .gives = "int64")
{
    return jp_return(p, 0);
}

JP_PIPE(TakesList, p, .takes = "string s, list l, int64? last")
{
    return jp_done(p);
}

JP_PIPE(DivMod, p, .takes = "int64 a, int64 b", .gives = "int64", .fills = "int64 remainder, string text")
{
    jp_fill(p, "remainder", 1);
    jp_fill(p, "text", "x");
    return jp_return(p, 1);
}

JP_PIPE(Scale, p, .takes = "double x, bool on", .gives = "double")
{
    return jp_done(p);
}

JP_PIPE(Any, p, .takes = "any... x")
{
    return jp_done(p);
}

static jp_future stolen; /* of a body that is over */

/* ---- right ones ---- */

JP_PIPE(AddTwo, p, .takes = "int64 n", .gives = "int64")
{
#line 12 "dir/examples.c"
    jp_future one = jp_yield(p, AddOne, jp_arg(p, "n"));
    jp_future two = jp_yield(p, AddOne, one);
#line 52 "body_yield.c"
    stolen = one;
    return jp_return(p, two);
}

JP_PIPE(Lists, p)
{
    jp_future a = jp_yield(p, AddOne, 1), b = jp_yield(p, AddOne, 2), d = jp_yield(p, DivMod, 7, a);
    jp_list *list = jp_array(p, 5, a, b, 6, jp_slot(p, d, "remainder"), a);
    jp_yield(p, TakesList, jp_slot(p, d, "text"), list);                      /* 3 */
    jp_push(list, 8);                                                         /* the child above does not see it */
    jp_yield(p, TakesList, "s", list, b);                                     /* 4 */
    jp_yield(p, Sum, 1, a, b, 2, a);                                          /* 5 */
    jp_yield_list(p, Sum, list);                                              /* 6 */
    jp_yield_list(p, DivMod, jp_array(p, a, jp_slot(p, d, "default")));       /* 7 */
    jp_yield(p, Any, jp_array(p, 1, 2), jp_object(p, "k", "v"), jp_v_null()); /* 8 */
    jp_yield(p, Sum);                                                         /* 9 */
    jp_yield(p, Scale, 3, (bool)1);                                           /* 10 */
    jp_yield(p, Scale, a, (bool)0);                                           /* 11 */
    return jp_done(p);
}

JP_PIPE(Options, p)
{
    jp_yield_with(p, JP_OPTIONS(.retry = {.attempts = 1, .jitter = JP_NO_JITTER}, .timeout_ms = 500), AddOne, 1);
    jp_options quick = {.retry.first_ms = 7};
    jp_yield_with(p, quick, Sum);
    jp_yield_with(p, (jp_options){.retry.limit_ms = 9}, Sum, 1);
    return jp_done(p);
}

JP_PIPE(ListsInLists, p)
{
    jp_future a = jp_yield(p, AddOne, 1);
    jp_list *inner = jp_array(p, 5, a), *outer = jp_array(p, 1, inner); /* 1 gathers */
    jp_yield(p, TakesList, "s", outer);                                 /* 2 */
    jp_yield(p, Any, 7, inner, a);                                      /* 3 gathers, 4 */
    return jp_done(p);
}

static const jp_def *const right[] = {&AddOne, &Sum,   &TakesList,    &DivMod,  &Scale, &Any,
                                      &AddTwo, &Lists, &ListsInLists, &Options, NULL};

static void check_ref(const jpx_child *child, size_t i, uint32_t arg, uint32_t at, uint32_t first, uint32_t count,
                      const char *slot)
{
    ck_assert_uint_lt(i, child->refs_count);
    ck_assert_uint_eq(child->refs[i].arg, arg);
    ck_assert_uint_eq(child->refs[i].at, at);
    ck_assert_uint_eq(child->refs[i].child, first);
    ck_assert_uint_eq(child->refs[i].count, count);
    ck_assert_str_eq(child->refs[i].slot, slot);
}

START_TEST(children_and_a_future_as_an_argument)
{
    kit_open(right);
    const jpx_outcome *out = run("AddTwo", "[40]");
    ck_assert_int_eq(out->end, JPX_END_RETURN);
    ck_assert_uint_eq(out->children_count, 2);
    ck_assert_str_eq(out->children[0].pipe, "AddOne");
    ck_assert_str_eq(out->children[0].queue, "sums");
    ck_assert_str_eq(out->children[0].at, "examples.c:12");
    ck_assert_str_eq(out->children[1].at, "examples.c:13");
    ck_assert_str_eq(args_json(out->children[0].args), "[40]");
    ck_assert_str_eq(args_json(out->children[1].args), "[null]");
    ck_assert_uint_eq(out->children[0].refs_count, 0);
    ck_assert_uint_eq(out->children[1].refs_count, 1);
    check_ref(&out->children[1], 0, 0, JPX_WHOLE, 0, 1, "default");
    ck_assert(!out->children[0].has_options);
    ck_assert_uint_eq(out->outputs_count, 1);
    ck_assert(out->outputs[0].forwarded);
    ck_assert_uint_eq(out->outputs[0].child, 1);
    ck_assert_str_eq(out->outputs[0].child_slot, "default");
    kit_close();
}
END_TEST

START_TEST(lists_that_mix_values_and_futures)
{
    kit_open(right);
    const jpx_outcome *out = run("Lists", "");
    ck_assert_msg(out->end == JPX_END_RETURN, "%s", out->reason ? out->reason : "");
    ck_assert_uint_eq(out->children_count, 12);
    const jpx_child *c = out->children;
    ck_assert_str_eq(args_json(c[3].args), "[null,[5,6],null]");
    ck_assert_uint_eq(c[3].refs_count, 4);
    check_ref(&c[3], 0, 0, JPX_WHOLE, 2, 1, "text");
    check_ref(&c[3], 1, 1, 1, 0, 2, "default");
    check_ref(&c[3], 2, 1, 4, 2, 1, "remainder");
    check_ref(&c[3], 3, 1, 5, 0, 1, "default");
    ck_assert_str_eq(args_json(c[4].args), "[\"s\",[5,6,8],null]");
    ck_assert_uint_eq(c[4].refs_count, 4);
    check_ref(&c[4], 3, 2, JPX_WHOLE, 1, 1, "default");
    ck_assert_str_eq(args_json(c[5].args), "[[1,2]]");
    ck_assert_uint_eq(c[5].refs_count, 2);
    check_ref(&c[5], 0, 0, 1, 0, 2, "default");
    check_ref(&c[5], 1, 0, 4, 0, 1, "default");
    ck_assert_str_eq(args_json(c[6].args), "[[5,6,8]]");
    ck_assert_uint_eq(c[6].refs_count, 3);
    check_ref(&c[6], 0, 0, 1, 0, 2, "default");
    check_ref(&c[7], 0, 0, JPX_WHOLE, 0, 1, "default");
    check_ref(&c[7], 1, 1, JPX_WHOLE, 2, 1, "default");
    ck_assert_str_eq(args_json(c[8].args), "[[[1,2],{\"k\":\"v\"},null]]");
    ck_assert_str_eq(args_json(c[9].args), "[[]]");
    ck_assert_str_eq(args_json(c[10].args), "[3.0,true]");
    check_ref(&c[11], 0, 0, JPX_WHOLE, 0, 1, "default");
    kit_close();
}
END_TEST

START_TEST(a_list_with_futures_as_an_item_is_gathered_by_a_child)
{
    kit_open(right);
    const jpx_outcome *out = run("ListsInLists", "");
    ck_assert_msg(out->end == JPX_END_RETURN, "%s", out->reason ? out->reason : "");
    const jpx_child *c = out->children;
    ck_assert_uint_eq(out->children_count, 5);
    ck_assert_str_eq(c[1].pipe, "jetpipe-gather");
    ck_assert_str_eq(args_json(c[1].args), "[[5]]");
    check_ref(&c[1], 0, 0, 1, 0, 1, "default");
    ck_assert_str_eq(args_json(c[2].args), "[\"s\",[1],null]");
    check_ref(&c[2], 0, 1, 1, 1, 1, "default");
    ck_assert_str_eq(c[3].pipe, "jetpipe-gather");
    ck_assert_str_eq(args_json(c[4].args), "[[7]]");
    ck_assert_uint_eq(c[4].refs_count, 2);
    check_ref(&c[4], 0, 0, 1, 3, 1, "default");
    check_ref(&c[4], 1, 0, 2, 0, 1, "default");
    kit_close();
}
END_TEST

START_TEST(options_of_one_yield)
{
    kit_open(right);
    const jpx_outcome *out = run("Options", "");
    const jpx_child *c = out->children;
    ck_assert_uint_eq(out->children_count, 3);
    ck_assert(c[0].has_options);
    ck_assert_int_eq(c[0].retry.attempts, 1);
    ck_assert_int_eq(c[0].retry.first_ms, 1000);
    ck_assert_double_eq(c[0].retry.jitter, 0);
    ck_assert_int_eq(c[0].timeout_ms, 500);
    ck_assert_int_eq(c[1].retry.attempts, 3);
    ck_assert_int_eq(c[1].retry.first_ms, 7);
    ck_assert_double_eq(c[1].retry.jitter, 0.1);
    ck_assert_int_eq(c[1].timeout_ms, 0);
    ck_assert_int_eq(c[2].retry.limit_ms, 9);
    kit_close();
}
END_TEST

/* ---- scopes ---- */

JP_PIPE(Scopes, p)
{
    jp_future a = jp_yield(p, AddOne, 0), b = jp_yield(p, AddOne, 1), c = jp_yield(p, AddOne, 2);
    jp_list *all = jp_array(p, a, b, c);

    jp_after (p, a, c)
        jp_yield(p, AddOne, 3);
    jp_after (p, c, b, a, b) /* sorted and merged */
    {
        jp_yield(p, AddOne, 4);
        jp_after (p, b)
            jp_yield(p, AddOne, 5); /* a repeat adds nothing */
    }
    jp_after (p)
        jp_yield(p, AddOne, 6); /* after nothing */
    jp_after (p, all)
        jp_yield(p, AddOne, 7);
    jp_in_order (p) {
        jp_yield(p, AddOne, 8);
        jp_yield(p, AddOne, 9);
        jp_after (p, a) {
            jp_yield(p, AddOne, 10);
            jp_yield(p, AddOne, 11);
        }
        jp_yield(p, AddOne, 12);
    }
    jp_after (p, a)
        jp_in_order (p) {
            jp_yield(p, AddOne, 13);
            jp_yield(p, AddOne, 14);
        }
    jp_in_order (p)
        jp_yield(p, AddOne, 15); /* a scope of its own */
    jp_yield(p, AddOne, 16);
    return jp_done(p);
}

START_TEST(scopes_add_waits)
{
    static const jp_def *const defs[] = {&AddOne, &Scopes, NULL};
    static const char *const waits[] = {"",  "",    "",     "0 2", "0-2", "0-2",  "", "0-2", "",
                                        "8", "0 9", "0 10", "11",  "0",   "0 13", "", ""};
    kit_open(defs);
    const jpx_outcome *out = run("Scopes", "");
    ck_assert_msg(out->end == JPX_END_RETURN, "%s", out->reason ? out->reason : "");
    ck_assert_uint_eq(out->children_count, sizeof waits / sizeof *waits);
    for (size_t i = 0; i < out->children_count; i++) {
        char text[100] = "";
        for (size_t j = 0; j < out->children[i].waits_count; j++) {
            const jpx_wait wait = out->children[i].waits[j];
            size_t used = strlen(text);
            snprintf(text + used, sizeof text - used, wait.count > 1 ? "%s%u-%u" : "%s%u", j ? " " : "", wait.child,
                     wait.child + wait.count - 1);
        }
        ck_assert_msg(strcmp(text, waits[i]) == 0, "child %zu waits for \"%s\", not \"%s\"", i, text, waits[i]);
    }
    kit_close();
}
END_TEST

static jp_end leave_by_return(jp_ctx *p, jp_future a)
{
    jp_after (p, a)
        jp_in_order (p)
            return jp_done(p);
    return jp_done(p);
}

JP_PIPE(Leaves, p)
{
    jp_future a = jp_yield(p, AddOne, 0);
    for (int i = 0; i < 2; i++) {
        jp_after (p, a) {
            jp_yield(p, AddOne, 1); /* children 1 and 4 */
            if (i == 0)
                break;
            continue;
        }
        jp_yield(p, AddOne, 2); /* 2 and 5: no scope */
        jp_after (p, a)
            jp_in_order (p) {
                jp_yield(p, AddOne, 3); /* 3 and 6 */
                goto out;
            }
    out:;
    }
    jp_end end = leave_by_return(p, a);
    jp_yield(p, AddOne, 7); /* 7 */
    return end;
}

START_TEST(scopes_close_however_they_are_left)
{
    static const jp_def *const defs[] = {&AddOne, &Leaves, NULL};
    static const size_t waits[] = {0, 1, 0, 1, 1, 0, 1, 0};
    kit_open(defs);
    const jpx_outcome *out = run("Leaves", "");
    ck_assert_msg(out->end == JPX_END_RETURN, "%s", out->reason ? out->reason : "");
    ck_assert_uint_eq(out->children_count, 8);
    for (size_t i = 0; i < 8; i++)
        ck_assert_msg(out->children[i].waits_count == waits[i], "child %zu has %zu waits", i,
                      out->children[i].waits_count);
    kit_close();
}
END_TEST

/* ---- wrong ones: line 4 of pe.c ---- */

JP_PIPE(Unregistered, p)
{
    return jp_done(p);
}

static jp_def other_name;

#define WRONG(Name, ...)                                                                                               \
    JP_PIPE(Name, p, .gives = "int64")                                                                                 \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
        return jp_return(p, 1);                                                                                        \
    }
#line 4 "dir/pe.c"
WRONG(WrongLiteral, jp_yield(p, AddOne, "x"))
#line 4
WRONG(WrongFuture, jp_yield(p, AddOne, jp_slot(p, jp_yield(p, DivMod, 1, 2), "text")))
#line 4
WRONG(WrongInList, jp_yield(p, Sum, 1, jp_yield(p, Scale, 1.5, (bool)1)))
#line 4
WRONG(IntAsBool, jp_yield(p, Scale, 1.5, 1))
#line 4
WRONG(TooFew, jp_yield(p, DivMod, 1))
#line 4
WRONG(TooMany, jp_yield(p, AddOne, 1, 2, 3))
#line 4
WRONG(NullGiven, jp_yield(p, AddOne, jp_v_null()))
#line 4
WRONG(Unknown, jp_yield(p, Unregistered))
#line 4
WRONG(OtherName, jp_yield(p, other_name, 1))
#line 4
WRONG(ZeroFuture, jp_future none = {0}; jp_yield(p, AddOne, none))
#line 4
WRONG(Stolen, jp_yield(p, AddOne, 0); jp_yield(p, AddOne, stolen))
#line 4
WRONG(StolenInList, jp_push(jp_list_new(p), stolen))
#line 4
WRONG(StolenAfter, jp_after (p, stolen) jp_yield(p, AddOne, 1))
#line 4
WRONG(StolenSlot, jp_slot(p, stolen, "remainder"))
#line 4
WRONG(NoSlot, jp_slot(p, jp_yield(p, DivMod, 1, 2), "rest"))
#line 4
WRONG(OrderInOrder, jp_in_order (p) jp_in_order (p) jp_yield(p, AddOne, 1))
#line 4
WRONG(OrderAfterOrder, jp_in_order (p) jp_after (p) jp_in_order (p) jp_yield(p, AddOne, 1))
#line 4
WRONG(ListToInt, jp_yield(p, Sum, jp_array(p, jp_yield(p, AddOne, 1))))
#line 4
WRONG(ValuesAfter, jp_after (p, jp_array(p, 1)) jp_yield(p, AddOne, 1))
#line 4
WRONG(BadOptions, jp_yield_with(p, JP_OPTIONS(.timeout_ms = -1), AddOne, 1))
#line 4
WRONG(ListAsInt, jp_yield(p, AddOne, jp_array(p, 1)))
#line 4
WRONG(FirstStays, jp_yield(p, AddOne, "x"); jp_yield(p, AddOne, stolen); jp_yield(p, Unregistered))
#line 349 "body_yield.c"

START_TEST(wrong_yields)
{
    static const jp_def *const defs[] = {&AddOne,      &Sum,        &TakesList,    &DivMod,          &Scale,
                                         &Any,         &AddTwo,     &WrongLiteral, &WrongFuture,     &WrongInList,
                                         &IntAsBool,   &TooFew,     &TooMany,      &NullGiven,       &Unknown,
                                         &OtherName,   &ZeroFuture, &Stolen,       &StolenInList,    &StolenAfter,
                                         &StolenSlot,  &NoSlot,     &OrderInOrder, &OrderAfterOrder, &ListToInt,
                                         &ValuesAfter, &BadOptions, &ListAsInt,    &FirstStays,      NULL};
    kit_open(defs);
    other_name = AddOne;
    other_name.as = "AddTen";
    ck_assert_int_eq(run("AddTwo", "[1]")->end, JPX_END_RETURN); /* leaves `stolen` */
    check_wrong(
        "WrongLiteral", "",
        "WrongLiteral, pe.c:4: AddOne wants int64 n, is given string: pass an int64, or change .takes of AddOne");
    check_wrong("WrongFuture", "",
                "WrongFuture, pe.c:4: AddOne wants int64 n, is given string: pass the future of a pipe that gives "
                "int64, or change .takes of AddOne");
    check_wrong("WrongInList", "",
                "WrongInList, pe.c:4: Sum wants int64... n, is given double: pass the future of a pipe that gives "
                "int64, or change .takes of Sum");
    check_wrong("IntAsBool", "",
                "IntAsBool, pe.c:4: Scale wants bool on, is given int64: in C11 true is an int, write (bool)true, or "
                "change .takes of Scale");
    check_wrong("TooFew", "",
                "TooFew, pe.c:4: DivMod takes (int64 a, int64 b), is given 1 argument: pass one for each of them, in "
                "that order");
    check_wrong(
        "TooMany", "",
        "TooMany, pe.c:4: AddOne takes (int64 n), is given 3 arguments: pass one for each of them, in that order");
    check_wrong("NullGiven", "",
                "NullGiven, pe.c:4: AddOne wants int64 n, is given null: pass an int64, write \"int64?\" where null "
                "may stand, or change .takes of AddOne");
    check_wrong(
        "Unknown", "",
        "Unknown, pe.c:4: Unregistered is not registered: put it into the list of pipes that the program registers");
    check_wrong(
        "OtherName", "",
        "OtherName, pe.c:4: AddTen is not registered: put it into the list of pipes that the program registers");
    check_wrong("ZeroFuture", "",
                "ZeroFuture, pe.c:4: it uses a future that no jp_yield has given: take it from a jp_yield before");
#define STOLEN " uses a future of another body or attempt: only the body that yielded a child can use it"
    check_wrong("Stolen", "",
                "Stolen, pe.c:4: it uses a future of another body or attempt: only the body that yielded a child can "
                "use it, pass the value on as an argument");
    check_wrong("StolenInList", "",
                "StolenInList, pe.c:4: it uses a future of another body or attempt: only the body that yielded a child "
                "can use it, pass the value on as an argument");
    check_wrong("StolenAfter", "",
                "StolenAfter, pe.c:4: it uses a future of another body or attempt: only the body that yielded a child "
                "can use it, pass the value on as an argument");
    check_wrong("StolenSlot", "",
                "StolenSlot, pe.c:4: it uses a future of another body or attempt: only the body that yielded a child "
                "can use it, pass the value on as an argument");
    check_wrong("NoSlot", "",
                "NoSlot, pe.c:4: DivMod has no output rest: its .fills names \"int64 remainder, string text\", add it "
                "or ask for another");
    check_wrong("OrderInOrder", "",
                "OrderInOrder, pe.c:4: jp_in_order stands inside jp_in_order: take the inner one out, its children run "
                "in order already");
    check_wrong("OrderAfterOrder", "",
                "OrderAfterOrder, pe.c:4: jp_in_order stands inside jp_in_order: take the inner one out, its children "
                "run in order already");
    check_wrong("ListToInt", "",
                "ListToInt, pe.c:4: Sum wants int64... n, is given list: pass the future of a pipe that gives int64, "
                "or change .takes of Sum");
    check_wrong(
        "ValuesAfter", "",
        "ValuesAfter, pe.c:4: jp_after was given a list with values in it: push futures alone, nothing else ends");
    check_wrong("BadOptions", "", "BadOptions, pe.c:4: its options say .timeout_ms = -1: give it 0 ms to ten years");
    check_wrong("ListAsInt", "",
                "ListAsInt, pe.c:4: AddOne wants int64 n, is given list: pass an int64, or change .takes of AddOne");
    check_wrong("FirstStays", "",
                "FirstStays, pe.c:4: AddOne wants int64 n, is given string: pass an int64, or change .takes of AddOne");
    kit_close();
}
END_TEST

START_TEST(a_future_of_an_earlier_attempt_is_refused)
{
    static const jp_def *const defs[] = {&AddOne, &AddTwo, &Stolen, NULL};
    kit_open(defs);
    jpx_attempt first = *attempt_of("AddTwo", "[1]"), second = *attempt_of("Stolen", "");
    second.number_in_worker = first.number_in_worker; /* the same worker number, another attempt */
    second.attempt = 2;
    run_attempt(&first);
    ck_assert_int_eq(run_attempt(&second)->end, JPX_END_WRONG);
    kit_close();
}
END_TEST

/* ---- many ---- */

JP_PIPE(Million, p, .takes = "int64 n")
{
    jp_list *parts = jp_list_new(p);
    for (int64_t i = 0; i < jp_int64(p, "n"); i++)
        jp_push(parts, jp_yield(p, AddOne, i));
    jp_after (p, parts)
        jp_yield(p, AddOne, 0);
    return jp_return(p, jp_yield_list(p, Sum, parts));
}

START_TEST(a_million_yields)
{
    static const jp_def *const defs[] = {&AddOne, &Sum, &Million, NULL};
    struct rusage before, after;
    kit_open(defs);
    getrusage(RUSAGE_SELF, &before);
    const jpx_outcome *out = run("Million", "[1000000]");
    getrusage(RUSAGE_SELF, &after);
    ck_assert_msg(out->end == JPX_END_RETURN, "%s", out->reason ? out->reason : "");
    ck_assert_uint_eq(out->children_count, 1000002);
    ck_assert_uint_eq(out->children[1000000].waits_count, 1);
    ck_assert_uint_eq(out->children[1000000].waits[0].count, 1000000);
    ck_assert_uint_eq(out->children[1000001].refs_count, 1);
    check_ref(&out->children[1000001], 0, 0, 0, 0, 1000000, "default");
    ck_assert_int_le(after.ru_maxrss - before.ru_maxrss, 600 * 1024); /* KiB */

    jpx_arena *other = jpx_arena_new();
    jpx_outcome read;
    jp_error err;
    jpx_bytes bytes = jpx_outcome_encode(out, other);
    ck_assert_int_eq(jpx_outcome_decode(bytes, other, &read, &err), JP_OK);
    ck_assert_uint_eq(read.children_count, 1000002);
    ck_assert_str_eq(args_json(read.children[999999].args), "[999999]");
    jpx_arena_free(other);
    kit_close();
}
END_TEST

JP_PIPE(Endless, p)
{
    for (int64_t i = 0; i <= JPX_CHILDREN_MAX; i++)
#line 4 "pe.c"
        jp_yield(p, Sum);
#line 454 "body_yield.c"
    return jp_done(p);
}

START_TEST(children_have_a_limit)
{
    static const jp_def *const defs[] = {&Sum, &Endless, NULL};
    kit_open(defs);
    check_wrong("Endless", "", "Endless, pe.c:4: it yields more than 4000000 children: let children yield the rest");
    kit_close();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("body_yield");
    TCase *tests = tcase_create("all"), *many = tcase_create("many");
    tcase_add_test(tests, children_and_a_future_as_an_argument);
    tcase_add_test(tests, lists_that_mix_values_and_futures);
    tcase_add_test(tests, a_list_with_futures_as_an_item_is_gathered_by_a_child);
    tcase_add_test(tests, options_of_one_yield);
    tcase_add_test(tests, scopes_add_waits);
    tcase_add_test(tests, scopes_close_however_they_are_left);
    tcase_add_test(tests, wrong_yields);
    tcase_add_test(tests, a_future_of_an_earlier_attempt_is_refused);
    tcase_set_timeout(many, 60);
    tcase_add_test(many, a_million_yields);
    tcase_add_test(many, children_have_a_limit);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, many);
    return run_suite(suite);
}
