/* client.c -- the C client of jetpipe.h: jp_client_* and the calls on a root, over a bus of its own. Everything here
 * blocks; a client belongs to one thread at a time. It says nothing on its own: errors go to the caller. */
#include "client/ask.h"
#include "client/value.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct jp_client {
    jpx_env env;
    jpx_bus *bus;
    int64_t timeout_ms;
    jpx_arena *arena; /* of the call at hand */
};

static const char *choose(const char *given, const char *variable, const char *otherwise)
{
    if (given && *given)
        return given;
    given = getenv(variable);
    return given && *given ? given : otherwise;
}

static const char *connection_name(jpx_arena *arena, const char *prefix, const char *given)
{
    char host[65];
    if (given && *given)
        return given;
    if (gethostname(host, sizeof host) != 0)
        snprintf(host, sizeof host, "unknown");
    host[sizeof host - 1] = '\0';
    return jpx_format(arena, "%s/client/%s/%ld", prefix, host, (long)getpid());
}

jp_status jp_client_open(jp_client **out, const jp_client_options *options, jp_error *err)
{
    static const jp_client_options none;
    const jp_client_options *o = options ? options : &none;
    const char *nats = choose(o->nats, "JETPIPE_NATS", "nats://127.0.0.1:4222");
    const char *prefix = choose(o->prefix, "JETPIPE_PREFIX", "jetpipe");

    *out = NULL;
    if (strncmp(nats, "memory:", 7) == 0)
        return jpx_fail(err, JP_E_INVALID,
                        "memory: is a bus within one process, where a client finds nobody; "
                        "name a server by options.nats or JETPIPE_NATS");
    jp_client *client = calloc(1, sizeof *client);
    JPX_ASSERT(client != NULL);
    client->env = jpx_env_system(JPX_ERROR);
    client->env.log = NULL;
    client->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : JPX_ASK_MS;
    client->arena = jpx_arena_new();
    const char *name = connection_name(client->arena, prefix, o->name);
    jp_status status = jpx_bus_open(&client->bus, nats, prefix, name, 0, &client->env, err);
    if (status != JP_OK) {
        jp_client_close(client);
        return status;
    }
    *out = client;
    return JP_OK;
}

void jp_client_close(jp_client *client)
{
    if (!client)
        return;
    jpx_bus_close(client->bus);
    jpx_arena_free(client->arena);
    free(client);
}

void jp_free(void *memory)
{
    free(memory);
}

static jp_status start(jp_client *client, jp_root *root, const char *pipe, const char *args, const char *key,
                       jp_error *err)
{
    jpx_started started;
    if (!pipe)
        return jpx_fail(err, JP_E_INVALID, "no pipe is named: NULL was given");
    jp_status status = jpx_ask_start(client->bus, &client->env, pipe, args, key, false, client->timeout_ms,
                                     client->arena, &started, err);
    if (status != JP_OK)
        return status;
    snprintf(root->id, sizeof root->id, "%s", started.name);
    root->existed = started.existed;
    return JP_OK;
}

jp_status jp_start_json(jp_client *client, jp_root *root, jp_error *err, const char *pipe, const char *json,
                        const char *key)
{
    jpx_arena_reset(client->arena);
    return start(client, root, pipe, json, key, err);
}

jp_status jp_start_v(jp_client *client, jp_root *root, jp_error *err, const jp_def *def, size_t count,
                     const jp_value *values)
{
    const char *pipe = def->as ? def->as : def->name, *args;

    jpx_arena_reset(client->arena);
    jp_status status = jpx_values_to_json(values, count, client->arena, &args, err);
    if (status != JP_OK)
        return err ? jpx_wrap(err, "the arguments of %s", pipe) : status;
    return start(client, root, pipe, args, NULL, err);
}

jp_status jp_wait_for(jp_client *client, jp_root root, int64_t timeout_ms, jp_error *err)
{
    jpx_answer answer;

    jpx_arena_reset(client->arena);
    jp_status status = jpx_ask_wait(client->bus, &client->env, root.id, false, timeout_ms < 0 ? 0 : timeout_ms,
                                    client->arena, &answer, err);
    if (status != JP_OK || strcmp(jpx_json_string(answer.json, "status", ""), "done") == 0)
        return status;
    return jpx_fail(err, JP_E_REFUSED, "%s was aborted: %s", root.id,
                    jpx_json_string(answer.json, "reason", "no reason is known"));
}

static jp_status ask(jp_client *client, const char *verb, jp_root root, jpx_answer *answer, jp_error *err)
{
    jpx_arena_reset(client->arena);
    jpx_text request = jpx_ask_root(client->arena, root.id);
    jpx_text_puts(&request, "}");
    return jpx_ask(client->bus, verb, request.s, client->timeout_ms, client->arena, answer, err);
}

static char *own_text(const char *at, size_t size)
{
    char *text = malloc(size + 1);
    JPX_ASSERT(text != NULL);
    memcpy(text, at, size);
    text[size] = '\0';
    return text;
}

static jp_status ask_text(jp_client *client, const char *verb, jp_root root, char **json_out, jp_error *err)
{
    jpx_answer answer;
    jp_status status = ask(client, verb, root, &answer, err);
    *json_out = status == JP_OK ? own_text((const char *)answer.text.data, answer.text.size) : NULL;
    return status;
}

jp_status jp_result(jp_client *client, jp_root root, char **json_out, jp_error *err)
{
    jpx_answer answer;

    *json_out = NULL;
    jpx_arena_reset(client->arena);
    jp_status status = jpx_ask_result(client->bus, root.id, client->timeout_ms, client->arena, &answer, err);
    if (status != JP_OK)
        return status;
    const jpx_json *result = jpx_json_get(answer.json, "result");
    const char *status_now = jpx_json_string(answer.json, "status", "unknown");
    if (!result)
        return jpx_fail(err, JP_E_NOT_FOUND, "%s has no result: it is %s%s", root.id, status_now,
                        jpx_ask_is_final(status_now) ? "" : "; jp_wait_for waits for it");
    *json_out = own_text(result->at, result->size);
    return JP_OK;
}

jp_status jp_status_of(jp_client *client, jp_root root, char **json_out, jp_error *err)
{
    return ask_text(client, "status", root, json_out, err);
}

jp_status jp_tree(jp_client *client, jp_root root, char **json_out, jp_error *err)
{
    return ask_text(client, "tree", root, json_out, err);
}

jp_status jp_why(jp_client *client, jp_root root, char **json_out, jp_error *err)
{
    return ask_text(client, "why", root, json_out, err);
}

jp_status jp_ask(jp_client *client, const char *verb, const char *request, char **json_out, jp_error *err)
{
    jpx_answer answer;

    *json_out = NULL;
    if (!verb || *verb == '\0' || verb[strspn(verb, "abcdefghijklmnopqrstuvwxyz")] != '\0')
        return jpx_fail(err, JP_E_INVALID, "'%.40s' cannot be a verb: a verb is a word of a to z, as list",
                        verb ? verb : "");
    jpx_arena_reset(client->arena);
    jp_status status =
        jpx_ask(client->bus, verb, request ? request : "{}", client->timeout_ms, client->arena, &answer, err);
    if (status == JP_OK)
        *json_out = own_text((const char *)answer.text.data, answer.text.size);
    return status;
}

jp_status jp_abort_root(jp_client *client, jp_root root, const char *reason, jp_error *err)
{
    jpx_answer answer;

    jpx_arena_reset(client->arena);
    jpx_text request = jpx_ask_root(client->arena, root.id);
    jpx_text_member(&request, "reason", reason);
    jpx_text_puts(&request, "}");
    jp_status status = jpx_ask(client->bus, "abort", request.s, client->timeout_ms, client->arena, &answer, err);
    if (status != JP_OK)
        return status;
    const char *now = jpx_json_string(answer.json, "status", "");
    if (!jpx_json_bool(answer.json, "accepted", true) && jpx_ask_is_final(now))
        return jpx_fail(err, JP_E_REFUSED, "%s cannot be aborted: it is %s", root.id, now);
    return JP_OK;
}

static jp_status reply(jp_client *client, const char *ticket, const char *json, jp_error *err)
{
    jpx_answer answer;
    if (!ticket)
        return jpx_fail(err, JP_E_INVALID, "no ticket is named: NULL was given");
    return jpx_ask_reply(client->bus, ticket, json ? json : "null", client->timeout_ms, client->arena, &answer, err);
}

jp_status jp_reply_json(jp_client *client, const char *ticket, const char *json, jp_error *err)
{
    jpx_arena_reset(client->arena);
    return reply(client, ticket, json, err);
}

jp_status jp_reply_v(jp_client *client, const char *ticket, jp_value value, jp_error *err)
{
    const char *array;

    jpx_arena_reset(client->arena);
    jp_status status = jpx_values_to_json(&value, 1, client->arena, &array, err);
    if (status != JP_OK)
        return err ? jpx_wrap(err, "the reply") : status;
    return reply(client, ticket, jpx_strndup(client->arena, array + 1, strlen(array) - 2), err);
}
