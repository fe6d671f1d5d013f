/* command.c -- fuzzes what the command reads: its arguments, durations and times, and answers of the api. The first
 * byte chooses. A drawn tree must hold no control character but newlines. */
#include "cli/flags.h"
#include "cli/tree.h"
#include "cli/units.h"
#include "fuzz/fuzz.h"

enum { ARGS_MAX = 24 };

static void arguments(fuzz_input *in, jpx_arena *arena)
{
    char *argv[ARGS_MAX + 1] = {(char *)(uintptr_t) "jetpipe"};
    int argc = 1;
    jpx_options options;
    jp_error err = {0};

    while (in->size && argc < ARGS_MAX)
        argv[argc++] = take_text(in, '\n', arena);
    if (jpx_flags_read(&options, argc, argv, &err) != JP_OK) {
        claim(err.status == JP_E_INVALID && err.text[0]);
        return;
    }
    claim(options.args_count <= JPX_ARGS_MAX);
    claim(options.limit >= 0 && options.limit <= JPX_LIMIT_MAX);
    claim(options.processes >= 0 && options.processes <= JPX_FLAG_PROCESSES_MAX);
    claim(options.timeout_ms >= -1 && options.older_ms >= -1);
    if (jpx_flags_environment(&options, &err) == JP_OK)
        claim(options.nats && options.prefix);
}

static void units(const char *text, jpx_arena *arena)
{
    jpx_text out = jpx_text_new(arena);
    int64_t ms;

    if (jpx_duration_read(text, &ms)) {
        claim(ms >= 0);
        jpx_duration_put(&out, ms);
    }
    if (jpx_time_read(text, &ms)) {
        jpx_ago_put(&out, ms, 1767225600000);
        jpx_ago_put(&out, 1767225600000, ms);
    }
    if (jpx_count_read(text, 1000, &ms))
        claim(ms >= 1 && ms <= 1000);
}

static void answer(jpx_bytes bytes, jpx_arena *arena)
{
    static const jpx_screen plain = {.utf8 = false};
    const jpx_json *json, *again;
    jpx_view_node *node;
    jp_error err = {0};

    if (jpx_json_read(bytes, arena, &json, &err) != JP_OK) {
        claim(err.status == JP_E_INVALID && err.text[0]);
        return;
    }
    jpx_text text = jpx_text_new(arena), twice = jpx_text_new(arena);
    jpx_json_put(&text, json);
    claim(jpx_json_read((jpx_bytes){(const uint8_t *)text.s, text.size}, arena, &again, &err) == JP_OK);
    jpx_json_put(&twice, again);
    claim(text.size == twice.size && memcmp(text.s, twice.s, text.size) == 0);
    if (json->type != JPX_JSON_OBJECT || jpx_tree_read(json, arena, &node, &err) != JP_OK)
        return;
    for (size_t lines = 0; lines < 30; lines += 7) {
        jpx_text drawn = jpx_text_new(arena);
        jpx_tree_fold(node, lines);
        jpx_tree_draw(node, &plain, 1767225600000, &drawn);
        for (size_t i = 0; i < drawn.size; i++)
            claim((unsigned char)drawn.s[i] >= ' ' || drawn.s[i] == '\n');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jpx_arena *arena = jpx_arena_new();
    fuzz_input in = {data, size};
    uint8_t which = take_byte(&in) % 3;
    jpx_bytes rest = {NULL, 0};

    if (which == 0)
        arguments(&in, arena);
    else if (which == 1)
        units(take_text(&in, '\0', arena), arena);
    else
        answer(rest = take_rest(&in), arena);
    free((void *)(uintptr_t)rest.data);
    jpx_arena_free(arena);
    return 0;
}
