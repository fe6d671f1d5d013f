/* json.c -- fuzz: JSON into values and arguments, and out again. What was read once is read the same from its own
 * text; arguments that were taken are what the pipe takes. First byte: a pipe of the list, or a value alone. */
#include "body/body.h"
#include "core/doc.h"
#include "fuzz/fuzz.h"

JP_PIPE(Nothing, p)
{
    return jp_done(p);
}
JP_PIPE(One, p, .takes = "int64 n")
{
    return jp_done(p);
}
JP_PIPE(Any, p, .takes = "any x")
{
    return jp_done(p);
}
JP_PIPE(All, p,
        .takes = "bool b, int64 i, double d, string s, datetime t, binary y, doc o, list l, string? more, double... n")
{
    return jp_done(p);
}
JP_PIPE(Rest, p, .takes = "any... rest")
{
    return jp_done(p);
}

static const jp_def *const defs[] = {&Nothing, &One, &Any, &All, &Rest, NULL};
static const char *const names[] = {"Nothing", "One", "Any", "All", "Rest"};

static bool valid(jpx_bytes doc)
{
    bson_t view;
    return bson_init_static(&view, doc.data, doc.size) && bson_validate(&view, BSON_VALIDATE_UTF8, NULL);
}

static void value(jpx_bytes json, jpx_arena *arena)
{
    jpx_bytes doc, again;
    jp_error err = {0};

    if (jpx_value_from_json(json, arena, &doc, &err) != JP_OK) {
        claim(err.status != JP_OK && err.text[0]);
        claim(bson_utf8_validate(err.text, strlen(err.text), false));
        return;
    }
    claim(valid(doc) && doc.size <= JPX_VALUE_MAX + 64);
    const char *text = jpx_value_to_json(doc, arena);
    jp_status status = jpx_value_from_json((jpx_bytes){(const uint8_t *)text, strlen(text)}, arena, &again, &err);
    if (status != JP_OK || !same_bytes(doc, again))
        fprintf(stderr, "%s: %s\n", text, status == JP_OK ? jpx_value_to_json(again, arena) : err.text);
    claim(status == JP_OK);
    claim(same_bytes(doc, again));
}

static void arguments(const jpx_pipe *pipe, jpx_bytes json, jpx_arena *arena)
{
    jpx_bytes args;
    jp_error err = {0};

    if (jpx_args_from_json(pipe, json, arena, &args, &err) != JP_OK) {
        claim(bson_utf8_validate(err.text, strlen(err.text), false));
        return;
    }
    claim(valid(args));
    claim(jpx_args_check(pipe, args, &err) == JP_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static jpx_registry *registry; /* for the life of the process */
    jpx_arena *arena = jpx_arena_new();
    fuzz_input in = {data, size};
    size_t which = take_byte(&in) % (sizeof names / sizeof *names + 1);
    jp_error err;

    if (!registry)
        claim(jpx_registry_new(&registry, defs, &err) == JP_OK);
    jpx_bytes rest = take_rest(&in);
    if (which < sizeof names / sizeof *names)
        arguments(jpx_registry_find(registry, names[which]), rest, arena);
    else
        value(rest, arena);
    free((void *)(uintptr_t)rest.data);
    jpx_arena_free(arena);
    return 0;
}
