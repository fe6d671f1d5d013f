/* client.c -- the C client of jetpipe_client.h, over a bus of its own.
 *
 * Every call but jp_free blocks; a client belongs to one thread at a time. It logs nothing: errors go to the caller. */
#include "client/ask.h"
#include "client/value.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct jp_client {
    jpx_env env;
    jpx_asker api;   /* its arena lasts for one call */
    jp_error unseen; /* for callers who pass NULL */
};

/* Begins a call: drops the answers of the last one, and returns the error to fill in. */
static jp_error *begin(jp_client *client, jp_error *err)
{
    jpx_arena_reset(client->api.arena);
    return err ? err : &client->unseen;
}

static const char *choose(const char *given, const char *variable, const char *otherwise)
{
    if (given && *given)
        return given;
    given = getenv(variable);
    return given && *given ? given : otherwise;
}

jp_status jp_client_open(jp_client **out, const jp_client_options *options, jp_error *err)
{
    static const jp_client_options none;
    const jp_client_options *o = options ? options : &none;
    const char *nats = choose(o->nats, "JETPIPE_NATS", "nats://127.0.0.1:4222");
    const char *prefix = choose(o->prefix, "JETPIPE_PREFIX", "jetpipe"), *name = o->name;
    jp_error unseen;

    *out = NULL;
    err = err ? err : &unseen;
    if (strncmp(nats, "memory:", 7) == 0)
        return jpx_fail(err, JP_E_INVALID,
                        "memory: is a bus inside one process, which a client cannot reach; name a server by "
                        "options.nats or JETPIPE_NATS");
    jp_client *client = calloc(1, sizeof *client);
    JPX_ASSERT(client != NULL);
    client->env = jpx_env_system(JPX_ERROR);
    client->env.log = NULL;
    client->api.env = &client->env;
    client->api.timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : JPX_ASK_MS;
    client->api.arena = jpx_arena_new();
    if (!name || !*name)
        name = jpx_format(client->api.arena, "%s/client/%s", prefix, jpx_ask_place(client->api.arena));
    jp_status status = jpx_bus_open(&client->api.bus, nats, prefix, name, 0, &client->env, err);
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
    jpx_bus_close(client->api.bus);
    jpx_arena_free(client->api.arena);
    free(client);
}

void jp_free(void *memory)
{
    free(memory);
}

/* ---- starting and waiting ---- */

static jp_status start(jp_client *client, jp_root *root, const char *pipe, const char *args, const char *key,
                       jp_error *err)
{
    jpx_started started;
    if (!pipe)
        return jpx_fail(err, JP_E_INVALID, "no pipe is named: NULL was given");
    jpx_start_request request = {.pipe = pipe, .args = args, .key = key};
    jp_status status = jpx_ask_start(&client->api, &request, &started, err);
    if (status != JP_OK)
        return status;
    snprintf(root->id, sizeof root->id, "%s", started.name);
    root->existed = started.existed;
    return JP_OK;
}

jp_status jp_start_json(jp_client *client, jp_root *root, jp_error *err, const char *pipe, const char *json,
                        const char *key)
{
    err = begin(client, err);
    return start(client, root, pipe, json, key, err);
}

jp_status jp_start_v(jp_client *client, jp_root *root, jp_error *err, const jp_def *def, size_t count,
                     const jp_value *values)
{
    const char *pipe = def->as ? def->as : def->name, *args;

    err = begin(client, err);
    if (jpx_values_to_json(values, count, client->api.arena, &args, err) != JP_OK)
        return jpx_wrap(err, "the arguments of %s", pipe);
    return start(client, root, pipe, args, NULL, err);
}

jp_status jp_wait_for(jp_client *client, jp_root root, int64_t timeout_ms, jp_error *err)
{
    jpx_answer answer;

    err = begin(client, err);
    jp_status status = jpx_ask_wait(&client->api, root.id, false, timeout_ms < 0 ? 0 : timeout_ms, &answer, err);
    if (status != JP_OK || strcmp(jpx_json_string(answer.json, "status", ""), "done") == 0)
        return status;
    return jpx_fail(err, JP_E_REFUSED, "%s was aborted: %s", root.id,
                    jpx_json_string(answer.json, "reason", "no reason is known"));
}

/* ---- asking: answers as texts of the caller's ---- */

static char *own_text(const char *at, size_t size)
{
    char *text = malloc(size + 1);
    JPX_ASSERT(text != NULL);
    memcpy(text, at, size);
    text[size] = '\0';
    return text;
}

static jp_status ask_text(jp_client *client, const char *verb, const char *request, char **json_out, jp_error *err)
{
    jpx_answer answer;

    *json_out = NULL;
    jp_status status = jpx_ask(&client->api, verb, request, &answer, err);
    if (status == JP_OK)
        *json_out = own_text((const char *)answer.text.data, answer.text.size);
    return status;
}

static jp_status ask_root(jp_client *client, const char *verb, jp_root root, char **json_out, jp_error *err)
{
    err = begin(client, err);
    jpx_text request = jpx_ask_root(client->api.arena, root.id);
    jpx_text_puts(&request, "}");
    return ask_text(client, verb, request.s, json_out, err);
}

jp_status jp_status_of(jp_client *client, jp_root root, char **json_out, jp_error *err)
{
    return ask_root(client, "status", root, json_out, err);
}

jp_status jp_tree(jp_client *client, jp_root root, char **json_out, jp_error *err)
{
    return ask_root(client, "tree", root, json_out, err);
}

jp_status jp_why(jp_client *client, jp_root root, char **json_out, jp_error *err)
{
    return ask_root(client, "why", root, json_out, err);
}

jp_status jp_ask(jp_client *client, const char *verb, const char *request, char **json_out, jp_error *err)
{
    err = begin(client, err);
    *json_out = NULL;
    if (!verb || *verb == '\0' || verb[strspn(verb, "abcdefghijklmnopqrstuvwxyz")] != '\0')
        return jpx_fail(err, JP_E_INVALID, "'%.40s' is not a verb: a verb is a word of the letters a to z, as list",
                        verb ? verb : "");
    return ask_text(client, verb, request ? request : "{}", json_out, err);
}

jp_status jp_result(jp_client *client, jp_root root, char **json_out, jp_error *err)
{
    jpx_answer answer;

    err = begin(client, err);
    *json_out = NULL;
    jp_status status = jpx_ask_result(&client->api, root.id, &answer, err);
    if (status != JP_OK)
        return status;
    const jpx_json *result = jpx_json_get(answer.json, "result");
    const char *now = jpx_json_string(answer.json, "status", "unknown");
    if (!result)
        return jpx_fail(err, JP_E_NOT_FOUND, "%s has no result: it is %s%s", root.id, now,
                        jpx_ask_is_final(now) ? "" : "; jp_wait_for waits for it");
    *json_out = own_text(result->at, result->size);
    return JP_OK;
}

/* ---- changing ---- */

jp_status jp_abort_root(jp_client *client, jp_root root, const char *reason, jp_error *err)
{
    jpx_answer answer;

    err = begin(client, err);
    jpx_text request = jpx_ask_root(client->api.arena, root.id);
    jpx_text_member(&request, "reason", reason);
    jpx_text_puts(&request, "}");
    jp_status status = jpx_ask(&client->api, "abort", request.s, &answer, err);
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
    return jpx_ask_reply(&client->api, ticket, json ? json : "null", &answer, err);
}

jp_status jp_reply_json(jp_client *client, const char *ticket, const char *json, jp_error *err)
{
    err = begin(client, err);
    return reply(client, ticket, json, err);
}

jp_status jp_reply_v(jp_client *client, const char *ticket, jp_value value, jp_error *err)
{
    const char *array;

    err = begin(client, err);
    if (jpx_values_to_json(&value, 1, client->api.arena, &array, err) != JP_OK)
        return jpx_wrap(err, "the reply");
    return reply(client, ticket, jpx_strndup(client->api.arena, array + 1, strlen(array) - 2), err);
}
