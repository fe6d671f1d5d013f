/* request_change.c -- the verbs that change something: checked as far as they can be, then they become stored messages.
 *
 * Nothing is changed here but the pieces of uploads. The answer comes from the message's handler (control.c, start.c,
 * reply.c). Waits for store and broker. */
#include "api/request.h"
#include "base/text.h"
#include <string.h>

static jp_status forward(api *a, const jpx_request *r, const char *subject, const char *data, const char *key,
                         jp_error *err)
{
    jpx_message message = {.subject = subject,
                           .data = {(const uint8_t *)data, strlen(data)},
                           .key = key,
                           .reply_to = r->delivery->reply_to};
    return jpx_bus_publish(a->role.session.bus, &message, 1, JPX_PUBLISH_MS, err);
}

static const char *json_of_field(api *a, const jpx_request *r, const char *name)
{
    bson_iter_t iter;
    if (!bson_iter_init_find(&iter, &r->doc, name))
        return NULL;
    return jpx_value_to_json(jpx_value_of(&iter, a->role.session.arena), a->role.session.arena);
}

/* A start or a reply whose value was uploaded: the message names the upload. */
static jp_status forward_upload(api *a, const jpx_request *r, const char *verb, const char *field, const char *name,
                                const char *key, jp_error *err)
{
    jpx_arena *arena = a->role.session.arena;
    const char *data = jpx_format(arena, "{\"%s\":%s,\"upload\":%s,\"pieces\":%lld}", field, jpx_json_text(arena, name),
                                  jpx_json_text(arena, jpx_request_text(a, r, "upload")),
                                  (long long)jpx_request_number(r, "pieces", 0, INT64_MAX));
    return forward(a, r, jpx_format(arena, "%s.control.%s", jpx_bus_prefix(a->role.session.bus), verb), data, key, err);
}

jp_status jpx_request_upload(api *a, jpx_request *r, bson_t *out, jp_error *err)
{
    int64_t index = jpx_request_number(r, "index", 0, INT64_MAX);
    char text[JPX_ROOT_TEXT];
    jpx_root_id upload;

    if (jpx_api_upload(a, jpx_request_text(a, r, "upload"), index, jpx_request_text(a, r, "piece"), &upload, err) !=
        JP_OK)
        return err->status;
    bson_append_utf8(out, "upload", 6, jpx_root_text(text, &upload), -1);
    bson_append_int64(out, "index", 5, index);
    return JP_OK;
}

jp_status jpx_request_start(api *a, jpx_request *r, jp_error *err)
{
    jpx_arena *arena = a->role.session.arena;
    const char *name = jpx_request_text(a, r, "pipe"), *key = jpx_request_text(a, r, "key"),
               *args = json_of_field(a, r, "args");
    const char *upload = jpx_request_text(a, r, "upload");
    int64_t pieces = jpx_request_number(r, "pieces", 0, INT64_MAX);
    const jpx_pipe *pipe = name ? jpx_registry_find(a->role.parts.registry, name) : NULL;
    jpx_bytes checked, json;

    if (!name)
        return jpx_fail(err, JP_E_INVALID, "the request names no pipe: {\"pipe\":\"AddTwo\",\"args\":[40]}");
    if (!pipe)
        return jpx_fail(err, JP_E_NOT_FOUND, "no pipe named %.100s is registered here; `pipes` lists those that are",
                        name);
    if (key && jpx_api_check_key(key, err) != JP_OK)
        return err->status;
    json = (jpx_bytes){(const uint8_t *)args, args ? strlen(args) : 0};
    if (upload && jpx_api_uploaded(a, upload, pieces, &json, err) != JP_OK)
        return err->status;
    /* checked here too, so that a wrong request is refused before anything is stored */
    if (jpx_args_from_json(pipe, json, arena, &checked, err) != JP_OK)
        return err->status;
    if (upload)
        return forward_upload(a, r, "start", "pipe", name, key, err);
    args = args ? args : "";
    return forward(a, r, jpx_format(arena, "%s.start.%s", jpx_bus_prefix(a->role.session.bus), name), args, key, err);
}

jp_status jpx_request_reply(api *a, jpx_request *r, jp_error *err)
{
    jpx_arena *arena = a->role.session.arena;
    const char *ticket = jpx_request_text(a, r, "ticket"), *value = json_of_field(a, r, "value");
    jpx_key key;
    uint32_t step;
    uint8_t token[JPX_TOKEN_SIZE];

    if (!ticket || !jpx_ticket_parse(ticket, &key, &step, token))
        return jpx_fail(err, JP_E_REFUSED, "this ticket cannot be used: it is unknown, was used, or its time is over");
    if (jpx_request_text(a, r, "upload"))
        return forward_upload(a, r, "reply", "ticket", ticket, NULL, err);
    return forward(a, r, jpx_format(arena, "%s.reply.%s", jpx_bus_prefix(a->role.session.bus), ticket),
                   value ? value : "null", NULL, err);
}

/* The message names a root by its id: its key may be that of another root when the message comes again, long after it
 * was handled. */
static jp_status verb_control(api *a, jpx_request *r, const char *verb, const jpx_root *root, jp_error *err)
{
    jpx_arena *arena = a->role.session.arena;
    bson_t doc = BSON_INITIALIZER;
    char id[JPX_ROOT_TEXT];

    bson_copy_to_excluding_noinit(&r->doc, &doc, "root", "key", NULL);
    if (root)
        bson_append_utf8(&doc, "root", 4, jpx_root_text(id, &root->id), -1);
    char *data = bson_as_relaxed_extended_json(&doc, NULL);
    bson_destroy(&doc);
    jp_status status =
        forward(a, r, jpx_format(arena, "%s.control.%s", jpx_bus_prefix(a->role.session.bus), verb), data, NULL, err);
    bson_free(data);
    return status;
}

jp_status jpx_request_abort(api *a, jpx_request *r, jp_error *err)
{
    jpx_root *root;
    if (jpx_request_root(a, r, &root, err) != JP_OK)
        return err->status;
    return verb_control(a, r, "abort", root, err);
}

jp_status jpx_request_cleanup(api *a, jpx_request *r, jp_error *err)
{
    bson_iter_t iter;
    jpx_root *root = NULL;
    const char *status = jpx_request_text(a, r, "status");

    if (r->root && jpx_api_find_root(a, r->root, &root, err) != JP_OK)
        return err->status;
    if (!r->root && !bson_iter_init_find(&iter, &r->doc, "older_ms"))
        return jpx_fail(err, JP_E_INVALID, "nothing is named to clean up: send a root, or {\"older_ms\":604800000}");
    if (status && strcmp(status, "done") != 0 && strcmp(status, "aborted") != 0)
        return jpx_fail(err, JP_E_INVALID, "only roots that are done or aborted can be cleaned up, not %.40s", status);
    return verb_control(a, r, "cleanup", root, err);
}
