/* signature.c -- fuzz: the texts of .takes, .gives and .fills, one a line. What is understood is written out and
 * understood as the same; what is not is refused in words. */
#include "body/signature.h"
#include "fuzz/fuzz.h"

static jp_end body(jp_ctx *p)
{
    return jp_done(p);
}

static void params(const char *text, bool rest, jpx_arena *arena)
{
    jpx_param out[JPX_PARAMS_MAX], again[JPX_PARAMS_MAX];
    const char *written = "";
    size_t count, again_count;
    jp_error err = {0};

    if (jpx_signature_parse(text, rest, out, &count, &err) != JP_OK) {
        claim(err.status == JP_E_INVALID && err.text[0]);
        return;
    }
    for (size_t i = 0; i < count; i++)
        written = jpx_format(arena, "%s%s%s", written, i ? ", " : "", jpx_param_text(&out[i], arena));
    claim(jpx_signature_parse(written, rest, again, &again_count, &err) == JP_OK && count == again_count);
    for (size_t i = 0; i < count; i++)
        claim(strcmp(out[i].name, again[i].name) == 0 && jpx_is_name(out[i].name) && out[i].kind == again[i].kind &&
              out[i].rest == again[i].rest && out[i].optional == again[i].optional);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jpx_arena *arena = jpx_arena_new();
    fuzz_input in = {data, size};
    const char *takes = take_text(&in, '\n', arena), *gives = take_text(&in, '\n', arena);
    const char *fills = take_text(&in, '\n', arena), *as = take_text(&in, '\n', arena);
    jp_def def = {.abi = JP_ABI,
                  .size = sizeof def,
                  .name = "Pipe",
                  .run = body,
                  .at = "fuzz.c:1",
                  .as = *as ? as : NULL,
                  .takes = takes,
                  .gives = *gives ? gives : NULL,
                  .fills = fills};
    const jp_def *const defs[] = {&def, NULL};
    jpx_registry *registry;
    jpx_kind kind;
    bool optional;
    jp_error err = {0};

    params(takes, true, arena);
    params(fills, false, arena);
    if (jpx_gives_parse(gives, &kind, &optional, &err) == JP_OK)
        claim(jpx_gives_parse(jpx_format(arena, "%s%s", jpx_kind_text(kind), optional && kind ? "?" : ""), &kind,
                              &optional, &err) == JP_OK);
    if (jpx_registry_new(&registry, defs, &err) == JP_OK) {
        const jpx_pipe *pipe = jpx_registry_at(registry, 0);
        claim(jpx_registry_find(registry, pipe->name) == pipe && jpx_is_name(pipe->name));
        jpx_signature_text(pipe, arena);
        jpx_registry_free(registry);
    } else {
        claim(err.text[0]);
    }
    jpx_arena_free(arena);
    return 0;
}
