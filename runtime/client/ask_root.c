/* ask_root.c -- starting a root and waiting for its end. */
#include "client/ask.h"
#include <string.h>
#include <time.h>

enum { LATER_POLL_MS = 500 }; /* between two looks for an api role that is not there yet */

/* Arguments as the api takes them, by position or by name: a bare value becomes an array of one. */
static jp_status read_args(const char *args, jpx_arena *arena, const char **out, jp_error *err)
{
    const jpx_json *json;
    jpx_text text = jpx_text_new(arena);

    if (!args || args[strspn(args, " \t\r\n")] == '\0') {
        *out = "[]";
        return JP_OK;
    }
    jp_error why;
    jp_status status = jpx_json_read((jpx_bytes){(const uint8_t *)args, strlen(args)}, arena, &json, &why);
    if (status != JP_OK)
        return jpx_fail(err, status, "the arguments are not JSON: %s", why.text);
    bool bare = json->type != JPX_JSON_ARRAY && json->type != JPX_JSON_OBJECT;
    if (bare)
        jpx_text_puts(&text, "[");
    jpx_json_put(&text, json);
    if (bare)
        jpx_text_puts(&text, "]");
    *out = text.s;
    return JP_OK;
}

static jp_status check_name(const char *pipe, jp_error *err)
{
    size_t size = strspn(pipe, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    if (size == 0 || pipe[size] != '\0' || size > JPX_NAME_MAX)
        return jpx_fail(err, JP_E_INVALID, "'%.80s' cannot be the name of a pipe: 1 to %d of A-Z a-z 0-9 _ -", pipe,
                        JPX_NAME_MAX);
    return JP_OK;
}

/* The trigger as a message that outlives this process. The streams may be missing where nothing was ever served: they
 * are made then, for the message must wait somewhere. */
static jp_status start_later(jpx_bus *bus, const jpx_env *env, const char *pipe, const char *args, const char *key,
                             int64_t timeout_ms, jpx_arena *arena, jpx_started *out, jp_error *err)
{
    if (!key) {
        uint8_t random[12];
        char hex[2 * sizeof random + 1];
        jpx_random(env, random, sizeof random);
        jpx_hex(hex, random, sizeof random);
        key = jpx_format(arena, "start-%s", hex);
    }
    jpx_message message = {.subject = jpx_format(arena, "%s.start.%s", jpx_bus_prefix(bus), pipe),
                           .data = {(const uint8_t *)args, strlen(args)},
                           .key = key};
    jp_status status = jpx_bus_publish(bus, &message, 1, timeout_ms, err);
    if (status == JP_E_UNAVAILABLE || status == JP_E_NOT_FOUND || status == JP_E_TIMEOUT) {
        status = jpx_bus_setup(bus, NULL, 0, err);
        if (status == JP_OK)
            status = jpx_bus_publish(bus, &message, 1, timeout_ms, err);
    }
    if (status != JP_OK)
        return status;
    *out = (jpx_started){.name = key, .later = true};
    return JP_OK;
}

jp_status jpx_ask_start(jpx_bus *bus, const jpx_env *env, const char *pipe, const char *args, const char *key,
                        bool later_fine, int64_t timeout_ms, jpx_arena *arena, jpx_started *out, jp_error *err)
{
    jpx_text request = jpx_text_new(arena);
    jpx_answer answer;
    jp_error why;
    jp_status status;

    if ((status = check_name(pipe, err)) != JP_OK || (status = read_args(args, arena, &args, err)) != JP_OK)
        return status;
    if (key && (*key == '\0' || strlen(key) > JPX_KEY_MAX))
        return jpx_fail(err, JP_E_INVALID, "a key has 1 to %d bytes, this one has %zu", JPX_KEY_MAX, strlen(key));
    jpx_text_puts(&request, "{");
    jpx_text_member(&request, "pipe", pipe);
    if (jpx_ask_fits(bus, request.size + strlen(args))) {
        jpx_text_member_raw(&request, "args", args);
    } else { /* not as a message that waits for an api role: it would be too large */
        later_fine = false;
        if ((status = jpx_ask_upload(bus, args, timeout_ms, &request, &why)) != JP_OK)
            return jpx_fail(err, status, "the arguments of %s have %zu bytes and were to be sent in pieces: %s", pipe,
                            strlen(args), why.text);
    }
    jpx_text_member(&request, "key", key);
    jpx_text_puts(&request, "}");
    status = jpx_ask(bus, "start", request.s, timeout_ms, arena, &answer, &why);
    if (status == JP_E_UNAVAILABLE && later_fine && jpx_bus_connected(bus))
        return start_later(bus, env, pipe, args, key, timeout_ms, arena, out, err);
    if (status == JP_E_TIMEOUT)
        return jpx_fail(err, status, "%s; whether %s was started is not known: %s", why.text, pipe,
                        key ? "say it again with the same key" : "look with: jetpipe list");
    if (status != JP_OK)
        return jpx_fail(err, status, "%s", why.text);
    const char *root = jpx_json_string(answer.json, "root", NULL);
    if (!root || !jpx_ask_is_root(root))
        return jpx_fail(err, JP_E_DAMAGED, "the answer to the start of %s names no root", pipe);
    *out = (jpx_started){root, jpx_json_bool(answer.json, "existed", false), false, answer.text};
    return JP_OK;
}

static void pause_ms(int64_t ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

jp_status jpx_ask_wait(jpx_bus *bus, const jpx_env *env, const char *root_or_key, bool later, int64_t timeout_ms,
                       jpx_arena *arena, jpx_answer *out, jp_error *err)
{
    int64_t end = jpx_now(env) + timeout_ms;
    jpx_arena *spent = jpx_arena_new(); /* of the answers that were not the last */
    jp_error why;
    jp_status status;

    for (;;) {
        int64_t left = timeout_ms < 0 ? JPX_ASK_SLICE_MS : end - jpx_now(env);
        int64_t slice = left < 0 ? 0 : left < JPX_ASK_SLICE_MS ? left : JPX_ASK_SLICE_MS;
        jpx_arena_reset(spent);
        jpx_text request = jpx_ask_root(spent, root_or_key);
        jpx_text_member_int(&request, "wait_ms", slice);
        jpx_text_member_raw(&request, "value", "false");
        jpx_text_puts(&request, "}");
        status = jpx_ask(bus, "result", request.s, slice + JPX_ASK_GRACE_MS, spent, out, &why);
        bool absent = status == JP_E_UNAVAILABLE || status == JP_E_NOT_FOUND || status == JP_E_TIMEOUT;
        if (status == JP_OK && jpx_ask_is_final(jpx_json_string(out->json, "status", "")))
            break;
        if (status != JP_OK && !(absent && (later || status != JP_E_NOT_FOUND)))
            break;
        if (status == JP_OK)
            later = false; /* it is known now: should it be cleaned up, then that is the answer */
        if (timeout_ms >= 0 && jpx_now(env) >= end) {
            status = status == JP_OK ? jpx_fail(&why, JP_E_TIMEOUT, "%s is still %s after %lld ms", root_or_key,
                                                jpx_json_string(out->json, "status", "running"), (long long)timeout_ms)
                                     : status;
            break;
        }
        if (status != JP_OK)
            pause_ms(LATER_POLL_MS < slice ? LATER_POLL_MS : slice);
    }
    if (status == JP_OK) {
        out->text = jpx_copy(arena, out->text.data, out->text.size);
        status = jpx_json_read(out->text, arena, &out->json, &why);
    }
    jpx_arena_free(spent);
    return status == JP_OK ? JP_OK : jpx_fail(err, status, "%s", why.text);
}
