/* request.c -- the requests of jetpipe.api.<verb>: read, checked, handed to their verb, answered.
 *
 * Those that only read (request_read.c, request_result.c) are answered at once; those that change something
 * (request_change.c) become stored messages with the requester's reply subject in them, and are answered by their
 * handler. Waits for the store. */
#include "api/request.h"
#include <string.h>

typedef jp_status (*reader)(api *, jpx_request *, bson_t *out, jp_error *);

const char *jpx_request_text(api *a, const jpx_request *r, const char *name)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, &r->doc, name) ? jpx_iter_text(&iter, a->role.session.arena) : NULL;
}

int64_t jpx_request_number(const jpx_request *r, const char *name, int64_t standard, int64_t max)
{
    bson_iter_t iter;
    if (!bson_iter_init_find(&iter, &r->doc, name) || !BSON_ITER_HOLDS_NUMBER(&iter))
        return standard;
    int64_t value = bson_iter_as_int64(&iter);
    return value > max ? max : value;
}

bool jpx_request_flag(const jpx_request *r, const char *name, bool standard)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, &r->doc, name) ? bson_iter_as_bool(&iter) : standard;
}

jp_status jpx_api_find_root(api *a, const char *name, jpx_root **out, jp_error *err)
{
    jpx_session *session = &a->role.session;
    jpx_root_id id;
    jpx_record record;

    *out = NULL;
    record = (jpx_record){0};
    if (jpx_root_parse(&id, name)) {
        jpx_bytes ids = jpx_id(id.b, JPX_ROOT_SIZE);
        if (jpx_store_get(session->store, JPX_TABLE_ROOT, &ids, 1, session->arena, &record, err) != JP_OK)
            return err->status;
    }
    if (!record.doc.data && *name && strlen(name) <= JPX_KEY_MAX &&
        jpx_store_root_by_key(session->store, name, session->arena, &record, err) != JP_OK)
        return err->status;
    if (record.doc.data) {
        *out = jpx_alloc(session->arena, sizeof **out);
        if (jpx_root_decode(record.doc, session->arena, *out))
            return JP_OK;
        *out = NULL;
        return jpx_fail(err, JP_E_DAMAGED, "the record of root %.64s is damaged", name);
    }
    return jpx_fail(err, JP_E_NOT_FOUND, "no root has the id or key %.100s; `list` shows those there are", name);
}

jp_status jpx_request_root(api *a, const jpx_request *r, jpx_root **root, jp_error *err)
{
    if (!r->root)
        return jpx_fail(err, JP_E_INVALID, "the request names no root: send its id or key, or {\"root\":\"...\"}");
    return jpx_api_find_root(a, r->root, root, err);
}

/* A bare root id or key, or a JSON object. */
static bool read_request(api *a, jpx_request *r, jp_error *err)
{
    jpx_arena *arena = a->role.session.arena;
    jpx_bytes data = r->delivery->data;
    const char *text = jpx_strndup(arena, (const char *)data.data, data.size);

    text += strspn(text, " \t\r\n");
    if (*text == '{') {
        if (jpx_api_read_object(data, arena, &r->doc, err) != JP_OK)
            return false;
        r->root = jpx_request_text(a, r, "root");
        if (!r->root)
            r->root = jpx_request_text(a, r, "key");
        return true;
    }
    bson_init(&r->doc);
    if (*text == '[') {
        jpx_fail(err, JP_E_INVALID, "the request is a JSON array; an object, or a bare root id or key, is wanted");
        return false;
    }
    size_t size = strcspn(text, "\r\n");
    if (size >= 2 && text[0] == '"' && text[size - 1] == '"')
        r->root = jpx_strndup(arena, text + 1, size - 2);
    else if (size)
        r->root = jpx_strndup(arena, text, size);
    return true;
}

void jpx_api_request(api *a, const jpx_delivery *delivery)
{
    static const struct {
        const char *verb;
        reader read;
        jp_status (*change)(api *, jpx_request *, jp_error *);
    } verbs[] = {
        {"status", jpx_request_status, NULL}, {"tree", jpx_request_tree, NULL},      {"why", jpx_request_why, NULL},
        {"list", jpx_request_list, NULL},     {"result", jpx_request_result, NULL},  {"pipes", jpx_request_pipes, NULL},
        {"upload", jpx_request_upload, NULL}, {"start", NULL, jpx_request_start},    {"reply", NULL, jpx_request_reply},
        {"abort", NULL, jpx_request_abort},   {"cleanup", NULL, jpx_request_cleanup}};
    const char *verb = jpx_api_subject(a, delivery->subject, "api.");
    jpx_request r = {.delivery = delivery};
    jp_status status = JP_E_NOT_FOUND;
    jp_error err = {0};

    if (!read_request(a, &r, &err)) {
        jpx_api_error(a, delivery->reply_to, err.status, err.text);
        bson_destroy(&r.doc);
        return;
    }
    jpx_fail(&err, JP_E_NOT_FOUND,
             "no verb is named %.40s; there are start, status, tree, why, list, result, pipes, reply, "
             "abort, cleanup, upload",
             verb ? verb : "");
    if (verb && jpx_api_check_fields(verb, &r.doc, a->role.session.arena, &err) != JP_OK) {
        status = err.status;
        verb = NULL;
    }
    for (size_t i = 0; verb && i < sizeof verbs / sizeof *verbs; i++) {
        bson_t out;
        if (strcmp(verb, verbs[i].verb) != 0)
            continue;
        if (verbs[i].change) {
            status = verbs[i].change(a, &r, &err);
            continue;
        }
        bson_init(&out);
        status = verbs[i].read(a, &r, &out, &err);
        if (status == JP_OK)
            jpx_api_answer(a, delivery->reply_to, &out);
        else
            bson_destroy(&out);
    }
    if (status != JP_OK && status != JP_E_TIMEOUT)
        jpx_api_error(a, delivery->reply_to, status, err.text);
    bson_destroy(&r.doc);
}

const char *jpx_api_text_field(jpx_arena *arena, const bson_t *doc, const char *name)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, doc, name) ? jpx_iter_text(&iter, arena) : NULL;
}
