/* sizes.c -- S77: values of several megabytes, as outputs and as arguments, through two levels and in lists. */
#include "seam.h"

enum { MIB = 1024 * 1024 };

static uint8_t *pattern(size_t size)
{
    static uint8_t bytes[9 * MIB];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 31 >> 3);
    return bytes;
}

JP_PIPE(leaf, p, .takes = "binary down, int64 up", .gives = "binary", .fills = "string text")
{
    jp_bytes down = jp_binary(p, "down");
    size_t up = (size_t)jp_int64(p, "up");

    if (memcmp(down.data, pattern(down.size), down.size) != 0)
        return jp_abort(p, "an argument of %zu bytes differs", down.size);
    char *text = jp_alloc(p, up + 1);
    memset(text, 'u', up);
    jp_fill(p, "text", (const char *)text);
    return jp_return(p, jp_v_binary(pattern(up), up));
}

/* Passes the argument down and forwards the outputs. */
JP_PIPE(middle, p, .takes = "binary down, int64 up", .gives = "binary", .fills = "string text")
{
    jp_future below = jp_yield(p, leaf, jp_arg(p, "down"), jp_arg(p, "up"));
    jp_fill(p, "text", jp_slot(p, below, "text"));
    return jp_return(p, below);
}

JP_PIPE(measure, p, .takes = "binary value, string text", .gives = "int64")
{
    jp_bytes value = jp_binary(p, "value");
    const char *text = jp_string(p, "text");

    if (memcmp(value.data, pattern(value.size), value.size) != 0 || strspn(text, "u") != strlen(text))
        return jp_abort(p, "an output of %zu bytes differs", value.size);
    return jp_return(p, (int64_t)(value.size + strlen(text)));
}

JP_PIPE(two_levels, p, .takes = "int64 down, int64 up", .gives = "int64")
{
    size_t down = (size_t)jp_int64(p, "down");
    jp_future value = jp_yield(p, middle, jp_v_binary(pattern(down), down), jp_arg(p, "up"));
    return jp_return(p, jp_yield(p, measure, value, jp_slot(p, value, "text")));
}

JP_PIPE(gives, p, .takes = "int64 size", .gives = "binary")
{
    size_t size = (size_t)jp_int64(p, "size");
    return jp_return(p, jp_v_binary(pattern(size), size));
}

JP_PIPE(add_up, p, .takes = "list parts", .gives = "int64")
{
    int64_t total = 0;
    for (size_t i = 0; i < jp_count(p, "parts"); i++) {
        jp_bytes part = jp_binary_at(p, "parts", i);
        if (memcmp(part.data, pattern(part.size), part.size) != 0)
            return jp_abort(p, "part %zu differs", i);
        total += (int64_t)part.size;
    }
    return jp_return(p, total);
}

JP_PIPE(in_list, p, .takes = "int64 count, int64 size", .gives = "int64")
{
    jp_list *parts = jp_list_new(p);
    for (int64_t i = 0; i < jp_int64(p, "count"); i++)
        jp_push(parts, jp_yield(p, gives, jp_arg(p, "size")));
    return jp_return(p, jp_yield(p, add_up, parts));
}

JP_PIPE(own_list, p, .takes = "int64 count, int64 size", .gives = "list")
{
    size_t size = (size_t)jp_int64(p, "size");
    jp_list *parts = jp_list_new(p);
    for (int64_t i = 0; i < jp_int64(p, "count"); i++)
        jp_push(parts, jp_v_binary(pattern(size), size));
    return jp_return(p, parts);
}

static const jp_def *const pipes[] = {&leaf,   &middle,  &measure,  &two_levels, &gives,
                                      &add_up, &in_list, &own_list, NULL};

/* SEMANTICS 3.1 */
START_SCENARIO(s77_two_levels)
{
    const char *key = kit_run(k, "two_levels", jpx_format(k->arena, "[%d,%d]", 4 * MIB, 3 * MIB));
    kit_assert_json(kit_reason(k, key), "");
    kit_assert_json(kit_result(k, key), jpx_format(k->arena, "%d", 2 * 3 * MIB));
    /* the tree does not carry them */
    ck_assert_uint_lt(strlen(kit_ask(k, "tree", key)), 20000);
    kit_assert_json(kit_tree(k, key, "children.0.status"), "done");
}

/* SEMANTICS 3.1: just below the limit. */
START_SCENARIO(s77_eight)
{
    const char *key = kit_run(k, "two_levels", jpx_format(k->arena, "[%d,%d]", 8 * MIB - 100, 8 * MIB - 100));
    kit_assert_json(kit_reason(k, key), "");
    kit_assert_json(kit_result(k, key), jpx_format(k->arena, "%d", 2 * (8 * MIB - 100)));
    key = kit_run(k, "in_list", jpx_format(k->arena, "[2,%d]", 3 * MIB));
    kit_assert_json(kit_reason(k, key), "");
    kit_assert_json(kit_result(k, key), jpx_format(k->arena, "%d", 2 * 3 * MIB));
}

/* SEMANTICS 3.1: a larger value is a clear error; nothing loops, and nothing else is held up. */
START_SCENARIO(s77_nine)
{
    static const struct {
        const char *pipe, *args, *culprit;
    } bad[] = {{"gives", "[9437184]", "gives"},              /* an output */
               {"two_levels", "[9437184,10]", "two_levels"}, /* an argument */
               {"two_levels", "[10,9437184]", "leaf"},
               {"own_list", "[3,3145728]", "own_list"}, /* a list of values */
               {"in_list", "[3,3145728]", "add_up"}};   /* a list of futures */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *key = kit_run(k, bad[i].pipe, bad[i].args), *why = kit_reason(k, key);
        kit_assert_json(kit_status(k, key), "aborted");
        ck_assert_msg(strstr(why, bad[i].culprit) && (strstr(why, "8388608") || strstr(why, "8 MiB")), "%s %s: %s",
                      bad[i].pipe, bad[i].args, why);
    }
}

int main(void)
{
    Suite *suite = suite_create("sizes");
    TCase *tcase = tcase_create("sizes");
    seam_use();
    tcase_set_timeout(tcase, 120);
    kit_add_scenario(tcase, s77_two_levels);
    kit_add_scenario(tcase, s77_eight);
    kit_add_scenario(tcase, s77_nine);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
