/* ask_root.c -- starts a root, and waits for its end. Blocks for the time that the caller sets. */
#include "base/clock.h"
#include "client/ask.h"
#include <string.h>

enum { LATER_POLL_MS = 500 }; /* between two requests while no api role answers */

/* The arguments as the api takes them: a bare value becomes an array of one. */
static jp_status read_args(const char *args, jpx_arena *arena, const char **out, jp_error *err)
{
    const jpx_json *json;
    jpx_text text = jpx_text_new(arena);

    if (!args || args[strspn(args, " \t\r\n")] == '\0') {
        *out = "[]";
        return JP_OK;
    }
    jp_status status = jpx_ask_json(args, "the arguments are", arena, &json, err);
    if (status != JP_OK)
        return status;
    bool bare = json->type != JPX_JSON_ARRAY && json->type != JPX_JSON_OBJECT;
    if (bare)
        jpx_text_puts(&text, "[");
    jpx_json_put(&text, json);
    if (bare)
        jpx_text_puts(&text, "]");
    *out = text.s;
    return JP_OK;
}

/* Publishes the trigger as a message, which outlives this process. If nothing was ever served here, the streams are
 * missing; they are created then, so that the message has a place to wait. */
static jp_status start_later(const jpx_asker *a, const char *pipe, const char *args, const char *key, jpx_started *out,
                             jp_error *err)
{
    if (!key) {
        uint8_t random[12];
        char hex[2 * sizeof random + 1];
        jpx_random(a->env, random, sizeof random);
        jpx_hex(hex, random, sizeof random);
        key = jpx_format(a->arena, "start-%s", hex);
    }
    jpx_message message = {.subject = jpx_format(a->arena, "%s.start.%s", jpx_bus_prefix(a->bus), pipe),
                           .data = {(const uint8_t *)args, strlen(args)},
                           .key = key};
    jp_status status = jpx_bus_publish(a->bus, &message, 1, a->timeout_ms, err);
    if (status == JP_E_UNAVAILABLE || status == JP_E_NOT_FOUND || status == JP_E_TIMEOUT) {
        status = jpx_bus_setup(a->bus, NULL, 0, err);
        if (status == JP_OK)
            status = jpx_bus_publish(a->bus, &message, 1, a->timeout_ms, err);
    }
    if (status != JP_OK)
        return status;
    *out = (jpx_started){.name = key, .later = true};
    return JP_OK;
}

jp_status jpx_ask_start(const jpx_asker *a, const jpx_start_request *start, jpx_started *out, jp_error *err)
{
    const char *pipe = start->pipe, *key = start->key, *args;
    jpx_text request = jpx_text_new(a->arena);
    bool later_fine = start->later_fine;
    jpx_answer answer;
    jp_error why;
    jp_status status;

    if (!jpx_is_name(pipe))
        return jpx_fail(err, JP_E_INVALID, "'%.80s' cannot name a pipe: a name is 1 to %d letters, digits, _ or -",
                        pipe, JPX_NAME_MAX);
    if ((status = read_args(start->args, a->arena, &args, err)) != JP_OK)
        return status;
    if (key && (*key == '\0' || strlen(key) > JPX_KEY_MAX))
        return jpx_fail(err, JP_E_INVALID, "a key has 1 to %d bytes; this one has %zu", JPX_KEY_MAX, strlen(key));
    jpx_text_puts(&request, "{");
    jpx_text_member(&request, "pipe", pipe);
    if (jpx_ask_fits(a->bus, request.size + strlen(args))) {
        jpx_text_member_raw(&request, "args", args);
    } else {
        later_fine = false; /* one message cannot hold it */
        if ((status = jpx_ask_upload(a, args, &request, &why)) != JP_OK)
            return jpx_fail(err, status, "the arguments of %s have %zu bytes and could not be uploaded in chunks: %s",
                            pipe, strlen(args), why.text);
    }
    jpx_text_member(&request, "key", key);
    jpx_text_puts(&request, "}");
    status = jpx_ask(a, "start", request.s, &answer, &why);
    if (status == JP_E_UNAVAILABLE && later_fine && jpx_bus_connected(a->bus))
        return start_later(a, pipe, args, key, out, err);
    if (status == JP_E_TIMEOUT)
        return jpx_fail(err, status, "%s; %s may have been started: %s", why.text, pipe,
                        key ? "repeat it with the same key" : "look for it with: jetpipe list");
    if (status != JP_OK)
        return jpx_fail(err, status, "%s", why.text);
    const char *root = jpx_json_string(answer.json, "root", NULL);
    if (!root || !jpx_ask_is_root(root))
        return jpx_fail(err, JP_E_DAMAGED, "the answer to the start of %s names no root", pipe);
    *out = (jpx_started){root, jpx_json_bool(answer.json, "existed", false), false, answer.text};
    return JP_OK;
}

jp_status jpx_ask_wait(const jpx_asker *a, const char *root_or_key, bool later, int64_t timeout_ms, jpx_answer *out,
                       jp_error *err)
{
    int64_t end = jpx_now(a->env) + timeout_ms;
    jpx_asker each = *a; /* with an arena for all answers but the last */
    jp_error why;
    jp_status status;

    each.arena = jpx_arena_new();
    for (;;) {
        int64_t left = timeout_ms < 0 ? JPX_ASK_SLICE_MS : end - jpx_now(a->env);
        int64_t slice = left < 0 ? 0 : left < JPX_ASK_SLICE_MS ? left : JPX_ASK_SLICE_MS;
        each.timeout_ms = slice + JPX_ASK_GRACE_MS;
        jpx_arena_reset(each.arena);
        jpx_text request = jpx_ask_root(each.arena, root_or_key);
        jpx_text_member_int(&request, "wait_ms", slice);
        jpx_text_member_raw(&request, "value", "false");
        jpx_text_puts(&request, "}");
        status = jpx_ask(&each, "result", request.s, out, &why);
        bool absent = status == JP_E_UNAVAILABLE || status == JP_E_NOT_FOUND || status == JP_E_TIMEOUT;
        if (status == JP_OK && jpx_ask_is_final(jpx_json_string(out->json, "status", "")))
            break;
        if (status != JP_OK && !(absent && (later || status != JP_E_NOT_FOUND)))
            break;
        if (status == JP_OK)
            later = false; /* the api knows it: "not found" from now on means that it was cleaned up */
        if (timeout_ms >= 0 && jpx_now(a->env) >= end) {
            status = status == JP_OK ? jpx_fail(&why, JP_E_TIMEOUT, "%s is still %s after %lld ms", root_or_key,
                                                jpx_json_string(out->json, "status", "running"), (long long)timeout_ms)
                                     : status;
            break;
        }
        if (status != JP_OK)
            jpx_pause_ms(LATER_POLL_MS < slice ? LATER_POLL_MS : slice);
    }
    if (status == JP_OK) {
        out->text = jpx_copy(a->arena, out->text.data, out->text.size);
        status = jpx_json_read(out->text, a->arena, &out->json, &why);
    }
    jpx_arena_free(each.arena);
    return status == JP_OK ? JP_OK : jpx_fail(err, status, "%s", why.text);
}
