/* events.c -- fuzz: the payloads of run and slot events, root ids and tickets. What can be read is the same after it is
 * written and read again. First byte: which reader. */
#include "body/body.h"
#include "core/event.h"
#include "fuzz/fuzz.h"

enum { NOW_MS = 1767225600 };

static void run_event(jpx_bytes json, jpx_arena *arena)
{
    jpx_run_event event, again;

    if (jpx_run_event_decode(json, &event) != JPX_DECODED)
        return;
    claim(jpx_run_event_decode(jpx_run_event_encode(&event, "Pipe", NOW_MS, arena), &again) == JPX_DECODED);
    claim(jpx_key_equal(&event.key, &again.key) && event.step == again.step);
    claim(event.finish == again.finish && event.due == again.due);
}

/* Writing joins neighbours and sorts by kind, so later readings are compared with the second one. */
static void slot_event(jpx_bytes json, jpx_arena *arena)
{
    jpx_fact *facts, *again;
    size_t count, again_count;
    uint64_t total = 0, again_total = 0;

    if (jpx_slot_event_decode(json, arena, &facts, &count) != JPX_DECODED || !count)
        return;
    claim(jpx_slot_event_decode(jpx_slot_event_encode(facts, count, NOW_MS, arena), arena, &again, &again_count) ==
          JPX_DECODED);
    for (size_t i = 0; i < count; i++) {
        claim(facts[i].count > 0 && (facts[i].slot != NULL) == (facts[i].kind == JPX_FACT_FILLED));
        total += facts[i].count;
    }
    for (size_t i = 0; i < again_count; i++)
        again_total += again[i].count;
    claim(total == again_total);
    claim(total <= JPX_FACTS_MAX);
    jpx_bytes once = jpx_slot_event_encode(again, again_count, NOW_MS, arena);
    claim(jpx_slot_event_decode(once, arena, &facts, &count) == JPX_DECODED);
    claim(same_bytes(once, jpx_slot_event_encode(facts, count, NOW_MS, arena)));
}

static void root_id(const char *text)
{
    jpx_root_id root;
    char out[JPX_ROOT_TEXT];

    if (jpx_root_parse(&root, text))
        claim(strcasecmp(jpx_root_text(out, &root), text) == 0);
}

static void ticket(const char *text)
{
    jpx_key key;
    uint32_t step;
    uint8_t token[JPX_TOKEN_SIZE];
    char out[JPX_TICKET_TEXT];

    if (!jpx_ticket_parse(text, &key, &step, token))
        return;
    jpx_ticket_text(out, &key, step, token);
    claim(strcmp(out, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jpx_arena *arena = jpx_arena_new();
    fuzz_input in = {data, size};
    uint8_t which = take_byte(&in) % 4;
    jpx_bytes rest = take_rest(&in);

    if (which == 0)
        run_event(rest, arena);
    else if (which == 1)
        slot_event(rest, arena);
    else if (which == 2)
        root_id(jpx_strndup(arena, (const char *)rest.data, rest.size));
    else
        ticket(jpx_strndup(arena, (const char *)rest.data, rest.size));
    free((void *)(uintptr_t)rest.data);
    jpx_arena_free(arena);
    return 0;
}
