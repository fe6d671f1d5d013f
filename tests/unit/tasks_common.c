/* tasks_common.c -- the pipes of the library that compute: arithmetic, logic, flow, lists, strings. */
#include "unit/tasks_kit.h"
#include <signal.h>

START_TEST(s81_arithmetic)
{
    GIVES("10", Max, 1, 10, 5);
    GIVES("1", Min, 1, 10, 5);
    GIVES("16", Sum, 1, 10, 5);
    GIVES("50", Multiply, 1, 10, 5);
    GIVES("-20", Negate, 20);
    GIVES("[-20,15,-2]", Negate, 20, -15, 2);
    GIVES("7", Max, 7);
    GIVES("-7", Min, 7, -7);
    GIVES("42", AddTwo, 40);
}
END_TEST

START_TEST(s81_overflow)
{
    ABORTS("does not fit in an int64", Sum, INT64_MAX, 1);
    ABORTS("does not fit in an int64", Sum, INT64_MIN, -1);
    ABORTS("does not fit in an int64", Multiply, INT64_MAX, 2);
    ABORTS("does not fit in an int64", Multiply, INT64_MIN, -1);
    ABORTS("does not fit in an int64", Negate, INT64_MIN);
    ABORTS("does not fit in an int64", Negate, 1, INT64_MIN);
    ABORTS("does not fit in an int64", AddOne, INT64_MAX);
    GIVES("9223372036854775807", Sum, INT64_MAX - 1, 1);
}
END_TEST

START_TEST(s81_none_takes_zero_arguments)
{
    const jp_def *const all[] = {&Max, &Min, &Sum, &Multiply, &Negate};
    ck_assert_int_lt(_i, (int)(sizeof all / sizeof *all));
    jp_trial_run_v(trial, all[_i], 0, NULL); /* aborts the process */
}
END_TEST

START_TEST(s81_logic)
{
    const bool yes = true, no = false;
    GIVES("false", All);
    GIVES("true", All, yes, yes);
    GIVES("false", All, yes, no);
    GIVES("false", Any);
    GIVES("true", Any, no, yes);
    GIVES("false", Any, no, no);
    GIVES("true", Complement, no);
    GIVES("[false,true]", Complement, yes, no);
    GIVES("[]", Complement);
}
END_TEST

/* Lists come out of pipes: these give some to the one under test. */
JP_PIPE(TwoLists, p, .takes = "string pipe, bool more")
{
    jp_list *one = jp_array(p, 3, 1, "1", 3), *two = jp_array(p, 1, 2, "1"), *none = jp_list_new(p);
    const char *pipe = jp_string(p, "pipe");
    const bool more = jp_bool(p, "more");

    if (strcmp(pipe, "Union") == 0)
        return jp_return(p, more ? jp_yield(p, Union, one, two, none) : jp_yield(p, Union, one));
    if (strcmp(pipe, "Intersection") == 0)
        return jp_return(p, more ? jp_yield(p, Intersection, one, two) : jp_yield(p, Intersection, one, none));
    if (strcmp(pipe, "Extend") == 0)
        return jp_return(p, more ? jp_yield(p, Extend, one, none, two) : jp_yield(p, Extend, none));
    if (strcmp(pipe, "Append") == 0)
        return jp_return(p, more ? jp_yield(p, Append, one, two, 9) : jp_yield(p, Append, none));
    if (strcmp(pipe, "Concat") == 0)
        return jp_return(p, more ? jp_yield(p, Concat, jp_array(p, "a", "", "c"), ", ")
                                 : jp_yield(p, Concat, jp_array(p, "a", "b")));
    if (strcmp(pipe, "Empty") == 0)
        return jp_return(p, more ? jp_yield(p, Concat, none, ", ") : jp_yield(p, Concat, none));
    return jp_return(p, jp_yield(p, Concat, one));
}

static void open_lists(void)
{
    trial = jp_trial_new((const jp_def *const[]){&TwoLists, &Union, &Intersection, &Extend, &Append, &Concat, NULL});
}

START_TEST(s82_lists)
{
    GIVES("[1,\"two\",null]", List, 1, "two", jp_v_null());
    GIVES("[]", List);
    GIVES("[]", Append);
    GIVES("[]", Extend);
    GIVES("null", Ignore, 1, 2);
    GIVES("null", Ignore);
    GIVES("5", Return, 5);
    GIVES("null", Return);
}
END_TEST

START_TEST(s82_dict)
{
    GIVES("{}", Dict);
    GIVES("{\"a\":1,\"b\":null,\"\":\"x\"}", Dict, "a", 1, "b", jp_v_null(), "", "x");
    ABORTS("\"b\"", Dict, "a", 1, "b");
    ABORTS("key 2 is 7", Dict, "a", 1, 7, 2);
    ABORTS("twice", Dict, "a", 1, "a", 2);
}
END_TEST

START_TEST(s82_s83_s84_lists_of_lists)
{
    close_trial();
    open_lists();
    GIVES("[3,1,\"1\",3,1,2,\"1\"]", TwoLists, "Extend", (bool)true);
    GIVES("[]", TwoLists, "Extend", (bool)false);
    GIVES("[[3,1,\"1\",3],[1,2,\"1\"],9]", TwoLists, "Append", (bool)true);
    GIVES("[[]]", TwoLists, "Append", (bool)false);
    GIVES("[3,1,\"1\",2]", TwoLists, "Union", (bool)true);
    GIVES("[3,1,\"1\"]", TwoLists, "Union", (bool)false);
    GIVES("[1,\"1\"]", TwoLists, "Intersection", (bool)true);
    GIVES("[]", TwoLists, "Intersection", (bool)false);
    GIVES("\"a, , c\"", TwoLists, "Concat", (bool)true);
    GIVES("\"ab\"", TwoLists, "Concat", (bool)false);
    GIVES("\"\"", TwoLists, "Empty", (bool)true);
    GIVES("\"\"", TwoLists, "Empty", (bool)false);
    ABORTS("part 1 is 3, not a string", TwoLists, "numbers", (bool)true);
}
END_TEST

START_TEST(s84_sets_of_nothing)
{
    GIVES("[]", Union);
    GIVES("[]", Intersection);
    GIVES("[]", Uniquify);
    GIVES("[2,1,\"a\",\"1\",null]", Uniquify, 2, 1, 2, "a", 1, "1", "a", jp_v_null(), jp_v_null());
}
END_TEST

START_TEST(s83_format)
{
    GIVES("\"this is 4 %\"", Format, "this %s %d %%", "is", 4);
    GIVES("\"\"", Format, "");
    GIVES("\"0.5 2 3 null\"", Format, "%g %g %s %s", 0.5, 2, 3, jp_v_null());
    ABORTS("only 1 values", Format, "%s %s", "a");
    ABORTS("takes 0 values, and 1 were given", Format, "nothing", 1);
    ABORTS("does not fit the %d", Format, "%d", "a");
    ABORTS("does not fit the %d", Format, "%d", 1.5);
    ABORTS("does not fit the %g", Format, "%g", "a");
    ABORTS("not the %n", Format, "%n", 1);
    ABORTS("ends with a lone %", Format, "100%");
    /* What users give is never a format of ours. */
    GIVES("\"%s%n\"", Format, "%s", "%s%n");
    ABORTS("%s%n", AbortIfTrue, (bool)true, "%s%n");
}
END_TEST

START_TEST(s85_flow)
{
    GIVES("false", AbortIfTrue, (bool)false, "no");
    ABORTS("too hot", AbortIfTrue, (bool)true, "too hot");
    ABORTS("AbortIfTrue", AbortIfTrue, (bool)true);
    GIVES("null", Log, "info", "two\nlines \"quoted\"");
    GIVES("null", Log, "critical", "");
    ABORTS("not \"loud\"", Log, "loud", "x");
}
END_TEST

START_TEST(s85_delay)
{
    GIVES("5", Delay, 5);
    GIVES("0.25", Delay, 0.25);
    GIVES("0", Delay, 0);
    GIVES("86400", Delay, 86400); /* virtual time: no day passes */
    ABORTS("not -1", Delay, -1);
    ABORTS("not \"soon\"", Delay, "soon");
    ABORTS("Delay takes", Delay, 0.0 / 0.0);
    ABORTS("Delay takes", Delay, 1e300);
    ck_assert_int_eq(jp_plan_ended(jp_trial_body(trial, Delay, 5)), JP_ENDED_RETURN);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, s81_arithmetic);
    tcase_add_test(tests, s81_overflow);
    tcase_add_loop_test_raise_signal(tests, s81_none_takes_zero_arguments, SIGABRT, 0, 5);
    tcase_add_test(tests, s81_logic);
    tcase_add_test(tests, s82_lists);
    tcase_add_test(tests, s82_dict);
    tcase_add_test(tests, s82_s83_s84_lists_of_lists);
    tcase_add_test(tests, s84_sets_of_nothing);
    tcase_add_test(tests, s83_format);
    tcase_add_test(tests, s85_flow);
    tcase_add_test(tests, s85_delay);
}

int main(void)
{
    return run_suite("tasks_common", open_trial, close_trial, fill);
}
