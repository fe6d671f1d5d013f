/* codec.c -- fuzz: what a process with a corrupted heap may send to its worker. An outcome that is read and passes
 * jpx_plan_check() becomes records, and each of them can be read. First byte: attempt or outcome. */
#include "body/body.h"
#include "fuzz/plan.h"

static void attempt(jpx_bytes bytes, jpx_arena *arena)
{
    jpx_attempt one, two;
    jp_error err = {0};

    if (jpx_attempt_decode(bytes, arena, &one, &err) != JP_OK) {
        claim(err.status == JP_E_DAMAGED);
        return;
    }
    jpx_bytes first = jpx_attempt_encode(&one, arena);
    claim(jpx_attempt_decode(first, arena, &two, &err) == JP_OK);
    claim(same_bytes(first, jpx_attempt_encode(&two, arena)));
}

static void outcome(jpx_bytes bytes, jpx_arena *arena)
{
    jpx_outcome one, two;
    jp_error err = {0};

    if (jpx_outcome_decode(bytes, arena, &one, &err) != JP_OK) {
        claim(err.status == JP_E_DAMAGED);
        return;
    }
    jpx_bytes first = jpx_outcome_encode(&one, arena);
    claim(jpx_outcome_decode(first, arena, &two, &err) == JP_OK);
    claim(same_bytes(first, jpx_outcome_encode(&two, arena)));
    plan_outcome(&one, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jpx_arena *arena = jpx_arena_new();
    fuzz_input in = {data, size};
    uint8_t which = take_byte(&in) % 2;
    jpx_bytes rest = take_rest(&in);

    if (which)
        attempt(rest, arena);
    else
        outcome(rest, arena);
    free((void *)(uintptr_t)rest.data);
    jpx_arena_free(arena);
    return 0;
}
