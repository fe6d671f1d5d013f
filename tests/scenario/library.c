/* library.c -- S81 to S85: the task library run as pipelines. The corner cases are in tests/unit/tasks_*.c. */
#include "seam.h"
#include "tasks/tasks.h"

/* Passes lists from task to task as outputs, as a user's program does. */
JP_PIPE(set_work, p, .gives = "list")
{
    jp_future one = jp_yield(p, List, 3, 1, "1", 3), two = jp_yield(p, List, 1, 2, "1"), none = jp_yield(p, List);
    jp_list *all = jp_array(p, jp_yield(p, Union, one, two, none), jp_yield(p, Intersection, one, two),
                            jp_yield(p, Intersection, one, none), jp_yield(p, Extend, one, none, two),
                            jp_yield(p, Append, one, 9), jp_yield(p, Concat, jp_yield(p, List, "a", "", "c"), ", "),
                            jp_yield(p, Concat, jp_yield(p, List, "a", "b")), jp_yield(p, Concat, none));
    return jp_return(p, jp_yield_list(p, List, all));
}

/* Passes outputs of different types from task to task. */
JP_PIPE(sums, p, .gives = "string")
{
    jp_future max = jp_yield(p, Max, 1, 10, 5), min = jp_yield(p, Min, 1, 10, 5);
    jp_future sum = jp_yield(p, Sum, max, min), product = jp_yield(p, Multiply, sum, 2);
    return jp_return(p, jp_yield(p, Format, "%s %d %d %s", "max", max, product,
                                 jp_yield(p, Dict, "sum", sum, "ignored", jp_yield(p, Ignore, sum))));
}

JP_PIPE(guarded, p, .takes = "bool bad", .gives = "any")
{
    jp_future ok = jp_yield(p, AbortIfTrue, jp_arg(p, "bad"), "it is bad"), next = {0};
    jp_after (p, ok)
        next = jp_yield(p, rec, 1);
    return jp_return(p, next);
}

static const jp_def *const pipes[] = {&Max,        &Min,    &Sum,      &Multiply,     &Negate,   &All,         &Any,
                                      &Complement, &Extend, &Append,   &List,         &Dict,     &Return,      &Ignore,
                                      &Concat,     &Format, &Union,    &Intersection, &Uniquify, &AbortIfTrue, &Delay,
                                      &Log,        &rec,    &set_work, &sums,         &guarded,  NULL};

typedef struct example {
    const char *pipe, *args, *result; /* result NULL: it aborts, and `reason` is part of its reason */
    const char *reason;
} example;

static void check(kit *k, const example *examples, size_t count)
{
    const char **keys = jpx_alloc_array(k->arena, count, sizeof *keys);
    for (size_t i = 0; i < count; i++)
        keys[i] = kit_start(k, examples[i].pipe, examples[i].args);
    for (size_t i = 0; i < count; i++) {
        const example *e = &examples[i];
        kit_finish(k, keys[i]);
        const char *got = kit_result(k, keys[i]), *why = kit_reason(k, keys[i]);
        if (e->result)
            ck_assert_msg(strcmp(got, e->result) == 0, "%s %s: %s, not %s (%s)", e->pipe, e->args, got, e->result, why);
        else
            ck_assert_msg(strcmp(kit_status(k, keys[i]), "aborted") == 0 && strstr(why, e->reason), "%s %s: %s %s: %s",
                          e->pipe, e->args, kit_status(k, keys[i]), got, why);
    }
}
#define CHECK(examples) check(k, examples, sizeof(examples) / sizeof *(examples))

START_SCENARIO(s81_arithmetic_and_logic)
{
    static const example examples[] = {
        {"Max", "[1,10,5]", "10", NULL},
        {"Min", "[1,10,5]", "1", NULL},
        {"Sum", "[1,10,5]", "16", NULL},
        {"Multiply", "[1,10,5]", "50", NULL},
        {"Negate", "[20]", "-20", NULL},
        {"Negate", "[20,-15,2]", "[-20,15,-2]", NULL},
        {"All", "[]", "false", NULL},
        {"All", "[true,true]", "true", NULL},
        {"All", "[true,false]", "false", NULL},
        {"Any", "[]", "false", NULL},
        {"Any", "[false,true]", "true", NULL},
        {"Complement", "[false]", "true", NULL},
        {"Complement", "[true,false]", "[false,true]", NULL},
        {"Sum", "[9223372036854775807,1]", NULL, "does not fit in an int64"},
        {"Multiply", "[4611686018427387904,2]", NULL, "does not fit in an int64"},
        {"Negate", "[-9223372036854775808]", NULL, "does not fit in an int64"},
        {"Sum", "[9223372036854775806,1]", "9223372036854775807", NULL},
        {"sums", "[]", "\"max 10 22 {\\\"sum\\\":11,\\\"ignored\\\":null}\"", NULL},
    };
    static const char *const none_of_zero[] = {"Max", "Min", "Sum", "Multiply", "Negate"};
    CHECK(examples);
    for (size_t i = 0; i < 5; i++) { /* refused before anything is stored */
        const char *answer =
            kit_ask(k, "start", jpx_format(k->arena, "{\"pipe\":\"%s\",\"args\":[]}", none_of_zero[i]));
        ck_assert_msg(strstr(answer, "\"code\":\"invalid\"") && strstr(answer, "first"), "%s: %s", none_of_zero[i],
                      answer);
    }
}

START_SCENARIO(s82_lists)
{
    static const example examples[] = {
        {"List", "[1,\"two\",null]", "[1,\"two\",null]", NULL},
        {"List", "[]", "[]", NULL},
        {"Extend", "[[1,2],[],[3]]", "[1,2,3]", NULL},
        {"Extend", "[]", "[]", NULL},
        {"Append", "[[1],2]", "[[1],2]", NULL},
        {"Append", "[]", "[]", NULL},
        {"Dict", "[\"a\",1,\"b\",null]", "{\"a\":1,\"b\":null}", NULL},
        {"Dict", "[]", "{}", NULL},
        {"Dict", "[\"a\"]", NULL, "the last key has no value"},
        {"Return", "[{\"x\":[1]}]", "{\"x\":[1]}", NULL},
        {"Return", "[]", "null", NULL},
        {"Ignore", "[1,2]", "null", NULL},
        {"Ignore", "[]", "null", NULL},
    };
    CHECK(examples);
}

START_SCENARIO(s83_strings)
{
    static const example examples[] = {
        {"Concat", "[[\"a\",\"b\",\"c\"]]", "\"abc\"", NULL},
        {"Concat", "[[\"a\",\"b\",\"c\"],\"-\"]", "\"a-b-c\"", NULL},
        {"Concat", "[[]]", "\"\"", NULL},
        {"Concat", "[[\"a\",3]]", NULL, "part 2 is 3, not a string"},
        {"Format", "[\"this %s %d\",\"is\",4]", "\"this is 4\"", NULL},
        {"Format", "[\"this %s %d\",\"is\"]", NULL, "only 1 value"},
        {"Format", "[\"this\",1]", NULL, "takes 0 values"},
        {"Format", "[\"%d\",\"x\"]", NULL, "does not fit the %d"},
    };
    CHECK(examples);
}

START_SCENARIO(s84_sets)
{
    static const example examples[] = {
        {"Union", "[[3,1],[1,2],[3]]", "[3,1,2]", NULL},
        {"Union", "[]", "[]", NULL},
        {"Intersection", "[[3,1,2,1],[1,3]]", "[3,1]", NULL},
        {"Intersection", "[]", "[]", NULL},
        {"Uniquify", "[2,1,2,\"a\",1,\"a\"]", "[2,1,\"a\"]", NULL},
        {"Uniquify", "[]", "[]", NULL},
        {"set_work", "[]",
         "[[3,1,\"1\",2],[1,\"1\"],[],[3,1,\"1\",3,1,2,\"1\"],[[3,1,\"1\",3],9],\"a, , c\",\"ab\",\"\"]", NULL},
    };
    CHECK(examples);
}

/* SEMANTICS 7.1, 8.3: the delay is exact to within 100 ms, and nothing is held during it. */
START_SCENARIO(s85_flow)
{
    static const example examples[] = {
        {"guarded", "[false]", "1", NULL},
        {"guarded", "[true]", NULL, "it is bad"},
        {"Log", "[\"info\",\"hello\"]", "null", NULL},
        {"Log", "[\"warn\",\"hello\"]", "null", NULL},
        {"Log", "[\"error\",\"hello\"]", "null", NULL},
        {"Log", "[\"loud\",\"hello\"]", NULL, "not \"loud\""},
    };
    CHECK(examples);
    ck_assert_int_eq(kit_noted("run 1"), 1);

    const char *seconds = k->virtual_time ? "5" : "1";
    const char *key = kit_start(k, "Delay", jpx_format(k->arena, "[%s]", seconds));
    kit_pass(k, 300);
    kit_assert_json(kit_status(k, key), "running");
    if (k->virtual_time) { /* no run event exists: only the timer does */
        jpx_memory_item *items;
        ck_assert_uint_eq(jpx_memory_bus_list(seam_inner_bus(k), JPX_STREAM_RUN, k->arena, &items), 0);
    }
    kit_assert_json(kit_run(k, "Return", "[1]") ? kit_result(k, k->key) : "", "1"); /* the worker is free */
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), seconds);
}

int main(void)
{
    Suite *suite = suite_create("library");
    TCase *tcase = tcase_create("library");
    seam_use();
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s81_arithmetic_and_logic);
    kit_add_scenario(tcase, s82_lists);
    kit_add_scenario(tcase, s83_strings);
    kit_add_scenario(tcase, s84_sets);
    kit_add_scenario(tcase, s85_flow);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
