/* plan.c -- fuzz: plans whose bytes are well-formed and whose contents are arbitrary. The input is a script: each byte
 * or number is one decision about a child, a reference, a wait or an output. */
#include "fuzz/plan.h"

static const char *pick(fuzz_input *in)
{
    static const char *const texts[] = {
        "default", "Pipe",     "H",   "C",
        "x",       "a-b_c",    "",    "a b",
        "a.b",     "x/y",      "x@1", ">",
        "*",       "?unknown", NULL,  "a_name_that_is_longer_than_names_may_be_in_this_engine_aaaaaaaaaaa"};
    return texts[take_byte(in) % (sizeof texts / sizeof *texts)];
}

/* Small numbers are likely, and so are those at the edges. */
static uint32_t number(fuzz_input *in)
{
    uint8_t first = take_byte(in);
    if (first < 0xe0)
        return first % 8;
    return (uint32_t)take_number(in, first < 0xf0 ? 2 : 4);
}

static jpx_bytes document(fuzz_input *in, jpx_arena *arena)
{
    static const uint8_t empty[] = {5, 0, 0, 0, 0};
    static const uint8_t list[] = {13, 0, 0, 0, 4, '0', 0, 5, 0, 0, 0, 0, 0};
    static const uint8_t text[] = {14, 0, 0, 0, 2, 'v', 0, 2, 0, 0, 0, 'x', 0, 0};
    static const uint8_t cut[] = {40, 0, 0, 0, 2, 'v', 0, 2, 0, 0, 0, 'x', 0, 0};

    switch (take_byte(in) % 8) {
    case 0:
        return (jpx_bytes){NULL, 0};
    case 1:
        return (jpx_bytes){cut, sizeof cut};
    case 2: { /* may be larger than JPX_INLINE_MAX */
        bson_t doc = BSON_INITIALIZER;
        size_t size = 1024 * (size_t)take_byte(in);
        char *large = jpx_alloc(arena, size);
        memset(large, 'x', size);
        bson_append_utf8(&doc, "0", 1, large, (int)size);
        return jpx_doc_take(&doc, arena);
    }
    case 3:
        return (jpx_bytes){text, sizeof text};
    case 4:
        return (jpx_bytes){empty, sizeof empty};
    default:
        return (jpx_bytes){list, sizeof list};
    }
}

static void child(fuzz_input *in, jpx_child *out, jpx_arena *arena)
{
    out->pipe = pick(in);
    out->queue = pick(in);
    out->at = take_byte(in) % 2 ? "fuzz.c:1" : NULL;
    out->args = document(in, arena);
    out->refs_count = take_byte(in) % 5;
    out->refs = jpx_alloc_array(arena, out->refs_count, sizeof *out->refs);
    for (size_t i = 0; i < out->refs_count; i++)
        out->refs[i] =
            (jpx_ref){number(in), take_byte(in) % 2 ? number(in) : JPX_WHOLE, number(in), number(in), pick(in)};
    out->waits_count = take_byte(in) % 4;
    out->waits = jpx_alloc_array(arena, out->waits_count, sizeof *out->waits);
    for (size_t i = 0; i < out->waits_count; i++)
        out->waits[i] = (jpx_wait){number(in), number(in)};
    out->has_options = take_byte(in) % 2;
    if (out->has_options) {
        out->retry.attempts = (int)number(in);
        out->retry.first_ms = (int64_t)take_number(in, 8);
        out->timeout_ms = (int64_t)take_number(in, 8);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jpx_arena *arena = jpx_arena_new();
    fuzz_input in = {data, size};
    jpx_outcome outcome = {.end = JPX_END_RETURN};

    outcome.retry_in_ms = take_byte(&in) % 8 ? 0 : (int64_t)take_number(&in, 8);
    outcome.children_count = take_byte(&in) % 24;
    outcome.children = jpx_alloc_array(arena, outcome.children_count, sizeof *outcome.children);
    for (size_t i = 0; i < outcome.children_count; i++)
        child(&in, &outcome.children[i], arena);
    outcome.outputs_count = take_byte(&in) % 4;
    outcome.outputs = jpx_alloc_array(arena, outcome.outputs_count, sizeof *outcome.outputs);
    for (size_t i = 0; i < outcome.outputs_count; i++) {
        bool forwarded = take_byte(&in) % 2;
        outcome.outputs[i] = (jpx_output){.slot = pick(&in),
                                          .forwarded = forwarded,
                                          .child = number(&in),
                                          .child_slot = pick(&in),
                                          .value = document(&in, arena)};
    }
    plan_outcome(&outcome, arena);
    jpx_arena_free(arena);
    return 0;
}
