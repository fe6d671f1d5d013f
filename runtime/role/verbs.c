/* verbs.c -- the requests of jetpipe.api.<verb>. Those that only read are answered at once; those that change something
 * become stored messages with the requester's reply subject in them, and are answered by their handler. */
#include "role/api.h"
#include <stdlib.h>
#include <string.h>

enum {
    LIST_LIMIT = 50,
    LIST_MAX = 1000,
    TREE_LIMIT = 200,
    TREE_MAX = 5000,
    JSON_GROWS = 6 /* times, at most: control characters in strings */
};

/* ---- answers ---- */

static size_t json_size(bson_t *doc, char **json)
{
    *json = bson_as_relaxed_extended_json(doc, NULL);
    return jpx_json_compact(*json);
}

static void too_large(api *a, const char *reply_to, const bson_t *doc, size_t size)
{
    jpx_arena *arena = a->role.desk.arena;
    size_t most = jpx_api_answer_max(a);
    bson_iter_t iter;
    const char *mend = bson_iter_init_find(&iter, doc, "result")
                           ? "`jetpipe result` and jp_result read it; or ask for pieces of it with \"offset\":0"
                           : "ask for less with \"limit\"";
    const char *message = jpx_format(arena,
                                     "the answer has %zu bytes, and the NATS server passes %zu: %s, or raise its "
                                     "max_payload",
                                     size, most, mend);
    const char *json =
        jpx_format(arena, "{\"error\":{\"code\":\"too-large\",\"message\":%s,\"size\":%zu,\"limit\":%zu}}",
                   jpx_json_text(arena, message), size, most);
    jpx_bus_answer(a->role.desk.bus, reply_to, (jpx_bytes){(const uint8_t *)json, strlen(json)}, "too-large", message);
}

void jpx_api_answer(api *a, const char *reply_to, bson_t *doc)
{
    if (reply_to) {
        char *json;
        size_t size = json_size(doc, &json);
        if (size > jpx_api_answer_max(a))
            too_large(a, reply_to, doc, size);
        else
            jpx_bus_answer(a->role.desk.bus, reply_to, (jpx_bytes){(const uint8_t *)json, size}, NULL, NULL);
        bson_free(json);
    }
    bson_destroy(doc);
}

static const char *code_of(jp_status status)
{
    switch (status) {
    case JP_E_NOT_FOUND:
        return "not-found";
    case JP_E_EXISTS:
        return "exists";
    case JP_E_REFUSED:
        return "refused";
    case JP_E_TOO_LARGE:
        return "too-large";
    case JP_E_UNAVAILABLE:
    case JP_E_FULL:
        return "unavailable";
    case JP_E_TIMEOUT:
        return "timeout";
    case JP_E_DENIED:
        return "denied";
    case JP_E_DAMAGED:
        return "damaged";
    case JP_E_INTERNAL:
        return "internal";
    default:
        return "invalid";
    }
}

void jpx_api_error(api *a, const char *reply_to, jp_status status, const char *message)
{
    const char *json = jpx_format(a->role.desk.arena, "{\"error\":{\"code\":\"%s\",\"message\":%s}}", code_of(status),
                                  jpx_json_text(a->role.desk.arena, message));
    if (reply_to)
        jpx_bus_answer(a->role.desk.bus, reply_to, (jpx_bytes){(const uint8_t *)json, strlen(json)}, code_of(status),
                       message);
}

/* ---- requests ---- */

typedef struct request {
    const jpx_delivery *delivery;
    bson_t doc;       /* the fields of a JSON object; empty for a bare root */
    const char *root; /* id or key; NULL = not named */
} request;

static const char *text_of(api *a, const request *r, const char *name)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, &r->doc, name) ? jpx_iter_text(&iter, a->role.desk.arena) : NULL;
}

static int64_t number_of(const request *r, const char *name, int64_t standard, int64_t max)
{
    bson_iter_t iter;
    if (!bson_iter_init_find(&iter, &r->doc, name) || !BSON_ITER_HOLDS_NUMBER(&iter))
        return standard;
    int64_t value = bson_iter_as_int64(&iter);
    return value < 0 ? 0 : value > max ? max : value;
}

static bool flag_of(const request *r, const char *name, bool standard)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, &r->doc, name) ? bson_iter_as_bool(&iter) : standard;
}

jp_status jpx_api_find_root(api *a, const char *name, jpx_root **out, jp_error *err)
{
    jpx_desk *desk = &a->role.desk;
    jpx_root_id id;
    jpx_record record;

    *out = NULL;
    record = (jpx_record){0};
    if (jpx_root_parse(&id, name)) {
        jpx_bytes ids = jpx_id(id.b, JPX_ROOT_SIZE);
        if (jpx_store_get(desk->store, JPX_ROOT, &ids, 1, desk->arena, &record, err) != JP_OK)
            return err->status;
    }
    if (!record.doc.data && *name && strlen(name) <= JPX_KEY_MAX &&
        jpx_store_root_by_key(desk->store, name, desk->arena, &record, err) != JP_OK)
        return err->status;
    if (record.doc.data) {
        *out = jpx_alloc(desk->arena, sizeof **out);
        if (jpx_root_decode(record.doc, desk->arena, *out))
            return JP_OK;
        *out = NULL;
        return jpx_fail(err, JP_E_DAMAGED, "the record of root %.64s is damaged", name);
    }
    return jpx_fail(err, JP_E_NOT_FOUND, "no root has the id or key %.100s; `list` shows those there are", name);
}

/* A bare root id or key, or a JSON object. */
static bool read_request(api *a, request *r, jp_error *err)
{
    jpx_arena *arena = a->role.desk.arena;
    jpx_bytes data = r->delivery->data;
    const char *text = jpx_strndup(arena, (const char *)data.data, data.size);
    bson_error_t wrong;

    text += strspn(text, " \t\r\n");
    if (*text == '{') {
        const char *beyond = jpx_json_beyond(text, strlen(text), arena);
        if (beyond) {
            bson_init(&r->doc);
            jpx_fail(err, JP_E_INVALID, "%s", beyond);
            return false;
        }
        if (!bson_init_from_json(&r->doc, text, -1, &wrong)) {
            bson_init(&r->doc);
            jpx_fail(err, JP_E_INVALID, "the request is no JSON: %.200s", wrong.message);
            return false;
        }
        r->root = text_of(a, r, "root");
        if (!r->root)
            r->root = text_of(a, r, "key");
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

/* ---- verbs that read ---- */

typedef jp_status (*reader)(api *, request *, bson_t *out, jp_error *);

static jp_status wanted_root(api *a, const request *r, jpx_root **root, jp_error *err)
{
    if (!r->root)
        return jpx_fail(err, JP_E_INVALID, "the request names no root: send its id or key, or {\"root\":\"...\"}");
    return jpx_api_find_root(a, r->root, root, err);
}

static jp_status verb_status(api *a, request *r, bson_t *out, jp_error *err)
{
    jpx_root *root;
    if (wanted_root(a, r, &root, err) != JP_OK)
        return err->status;
    return jpx_view_status(&a->role.desk, root, true, out, err);
}

/* A tree that is larger than an answer may be is folded further. */
static jp_status verb_tree(api *a, request *r, bson_t *out, jp_error *err)
{
    size_t limit = (size_t)number_of(r, "limit", TREE_LIMIT, TREE_MAX);
    jpx_root *root;

    if (wanted_root(a, r, &root, err) != JP_OK)
        return err->status;
    for (;; limit /= 4) {
        if (jpx_view_tree(&a->role.desk, root, limit, out, err) != JP_OK)
            return err->status;
        if (limit <= 1 || out->len < jpx_api_answer_max(a) / JSON_GROWS)
            return JP_OK;
        char *json;
        size_t size = json_size(out, &json);
        bson_free(json);
        if (size <= jpx_api_answer_max(a))
            return JP_OK;
        bson_reinit(out);
    }
}

static jp_status verb_why(api *a, request *r, bson_t *out, jp_error *err)
{
    jpx_root *root;
    if (wanted_root(a, r, &root, err) != JP_OK)
        return err->status;
    return jpx_view_why(&a->role.desk, root, out, err);
}

static void append_root_row(api *a, bson_t *row, const jpx_record *record)
{
    jpx_root root;
    jpx_root_id id;
    char text[JPX_ROOT_TEXT];
    jp_error ignored;

    memcpy(id.b, record->id.data, JPX_ROOT_SIZE);
    if (jpx_root_decode(record->doc, a->role.desk.arena, &root)) {
        jpx_view_status(&a->role.desk, &root, false, row, &ignored);
        return;
    }
    bson_append_utf8(row, "root", 4, jpx_root_text(text, &id), -1);
    bson_append_utf8(row, "error", 5, "the record of this root is damaged", -1);
}

static jp_status verb_list(api *a, request *r, bson_t *out, jp_error *err)
{
    static const char *const statuses[] = {"running", "done", "aborted"};
    jpx_desk *desk = &a->role.desk;
    size_t limit = (size_t)number_of(r, "limit", LIST_LIMIT, LIST_MAX);
    jpx_root_filter filter = {.pipe = text_of(a, r, "pipe"), .status = text_of(a, r, "status"), .limit = limit + 1};
    const char *after = text_of(a, r, "after");
    jpx_root_id before;
    jpx_records found;
    bson_t array, row;
    char name[16], text[JPX_ROOT_TEXT];
    const char *key;
    bool known = !filter.status;

    for (size_t i = 0; i < 3 && !known; i++)
        known = strcmp(filter.status, statuses[i]) == 0;
    if (!known)
        return jpx_fail(err, JP_E_INVALID, "no root has the status %.40s; it is running, done or aborted",
                        filter.status);
    if (limit == 0)
        return jpx_fail(err, JP_E_INVALID, "limit is 0; 1 to %d are allowed", LIST_MAX);
    if (after && !jpx_root_parse(&before, after))
        return jpx_fail(err, JP_E_INVALID, "after is %.64s, not a root id; take it from \"next\" of the last answer",
                        after);
    if (after)
        filter.before = jpx_id(before.b, JPX_ROOT_SIZE);
    if (jpx_store_list_roots(desk->store, &filter, desk->arena, &found, err) != JP_OK)
        return err->status;
    size_t shown = 0, most = found.count > limit ? limit : found.count;
    bson_append_array_begin(out, "roots", 5, &array);
    for (; shown < most && array.len < jpx_api_answer_max(a) / 2; shown++) { /* reasons may be long */
        bson_uint32_to_string((uint32_t)shown, &key, name, sizeof name);
        bson_append_document_begin(&array, key, -1, &row);
        append_root_row(a, &row, &found.items[shown]);
        bson_append_document_end(&array, &row);
    }
    bson_append_array_end(out, &array);
    if (found.count > shown) {
        memcpy(before.b, found.items[shown - 1].id.data, JPX_ROOT_SIZE);
        bson_append_utf8(out, "next", 4, jpx_root_text(text, &before), -1);
    } else {
        bson_append_null(out, "next", 4);
    }
    return JP_OK;
}

static jp_status verb_pipes(api *a, request *r, bson_t *out, jp_error *err)
{
    const jpx_registry *registry = a->role.parts.registry;
    bson_t array, row;
    char name[16];
    const char *key;

    (void)r;
    (void)err;
    bson_append_array_begin(out, "pipes", 5, &array);
    for (size_t i = 0; i < jpx_registry_count(registry); i++) {
        const jpx_pipe *pipe = jpx_registry_at(registry, i);
        bson_uint32_to_string((uint32_t)i, &key, name, sizeof name);
        bson_append_document_begin(&array, key, -1, &row);
        bson_append_utf8(&row, "pipe", 4, pipe->name, -1);
        bson_append_utf8(&row, "takes", 5, pipe->def.takes ? pipe->def.takes : "", -1);
        bson_append_utf8(&row, "gives", 5, pipe->def.gives ? pipe->def.gives : "any", -1);
        if (pipe->def.fills)
            bson_append_utf8(&row, "fills", 5, pipe->def.fills, -1);
        bson_append_utf8(&row, "queue", 5, pipe->queue, -1);
        bson_append_int64(&row, "attempts", 8, pipe->def.retry.attempts);
        bson_append_int64(&row, "timeout_ms", 10, pipe->def.timeout_ms);
        bson_append_bool(&row, "async", 5, pipe->def.async);
        bson_append_utf8(&row, "at", 2, pipe->def.at ? pipe->def.at : "", -1);
        bson_append_document_end(&array, &row);
    }
    bson_append_array_end(out, &array);
    return JP_OK;
}

/* ---- result: may wait until the root is final ---- */

static jp_status view_result(jpx_desk *desk, const jpx_root *root, bool with_value, bson_t *out, jp_error *err)
{
    jpx_bytes value = {0};
    if (jpx_view_result(desk, root, out, with_value ? &value : NULL, err) != JP_OK)
        return err->status;
    if (value.data)
        jpx_append_value(out, "result", value);
    return JP_OK;
}

static jp_status verb_result(api *a, request *r, bson_t *out, jp_error *err)
{
    int64_t wait_ms = number_of(r, "wait_ms", 0, JPX_WAIT_MS_MAX);
    bool with_value = flag_of(r, "value", true);
    bson_iter_t offset;
    jpx_root *root;

    if (wanted_root(a, r, &root, err) != JP_OK)
        return err->status;
    if (wait_ms && !jpx_root_final(root) && r->delivery->reply_to && a->waiters_count < JPX_WAITERS_LIMIT) {
        jpx_waiting *waiting = calloc(1, sizeof *waiting);
        JPX_ASSERT(waiting != NULL);
        *waiting = (jpx_waiting){
            .next = a->waiters, .root = root->id, .until_ms = jpx_now(a->role.desk.env) + wait_ms, .value = with_value};
        size_t size = strlen(r->delivery->reply_to);
        if (size < sizeof waiting->reply_to) {
            memcpy(waiting->reply_to, r->delivery->reply_to, size + 1);
            a->waiters = waiting;
            a->waiters_count++;
            return JP_E_TIMEOUT; /* answered later */
        }
        free(waiting);
    }
    if (!bson_iter_init_find(&offset, &r->doc, "offset"))
        return view_result(&a->role.desk, root, with_value, out, err);
    return jpx_api_cut(a, root, bson_iter_as_int64(&offset), out, err);
}

static bool answer_waiter(api *a, const jpx_waiting *waiting, const jpx_root *root)
{
    jpx_desk *desk = &a->role.desk;
    bson_t out = BSON_INITIALIZER;
    jp_error err;

    if (root && !jpx_root_final(root) && jpx_now(desk->env) < waiting->until_ms) {
        bson_destroy(&out);
        return false;
    }
    if (root && view_result(desk, root, waiting->value, &out, &err) == JP_OK) {
        jpx_api_answer(a, waiting->reply_to, &out);
        return true;
    }
    bson_destroy(&out);
    jpx_api_error(a, waiting->reply_to, JP_E_NOT_FOUND, "the root is not there any more");
    return true;
}

size_t jpx_api_waiters(api *a)
{
    jpx_desk *desk = &a->role.desk;
    int64_t now = jpx_now(desk->env);
    jpx_root_id *ids;
    jpx_root **roots;
    size_t count = 0, answered = 0;
    jp_error err;

    if (!a->waiters || now < a->looked_ms + JPX_WAITERS_MS)
        return 0;
    a->looked_ms = now;
    ids = jpx_alloc_array(desk->arena, a->waiters_count, sizeof *ids);
    roots = jpx_alloc_array(desk->arena, a->waiters_count, sizeof *roots);
    for (jpx_waiting *w = a->waiters; w; w = w->next)
        ids[count++] = w->root;
    if (jpx_load_roots(desk, ids, count, roots, &err) == JP_OK) {
        jpx_waiting **at = &a->waiters;
        for (size_t i = 0; i < count; i++) {
            jpx_waiting *w = *at;
            if (answer_waiter(a, w, roots[i])) {
                *at = w->next;
                free(w);
                a->waiters_count--;
                answered++;
            } else {
                at = &w->next;
            }
        }
    }
    jpx_arena_reset(desk->arena);
    return answered;
}

/* ---- verbs that change: they become messages ---- */

static jp_status forward(api *a, const request *r, const char *subject, const char *data, const char *key,
                         jp_error *err)
{
    jpx_message message = {.subject = subject,
                           .data = {(const uint8_t *)data, strlen(data)},
                           .key = key,
                           .reply_to = r->delivery->reply_to};
    return jpx_bus_publish(a->role.desk.bus, &message, 1, JPX_PUBLISH_MS, err);
}

static const char *json_of_field(api *a, const request *r, const char *name)
{
    bson_iter_t iter;
    if (!bson_iter_init_find(&iter, &r->doc, name))
        return NULL;
    return jpx_value_to_json(jpx_value_of(&iter, a->role.desk.arena), a->role.desk.arena);
}

/* A start or a reply whose value was uploaded: the message names the upload. */
static jp_status forward_upload(api *a, const request *r, const char *verb, const char *field, const char *name,
                                const char *key, jp_error *err)
{
    jpx_arena *arena = a->role.desk.arena;
    const char *data =
        jpx_format(arena, "{\"%s\":%s,\"upload\":%s,\"pieces\":%lld}", field, jpx_json_text(arena, name),
                   jpx_json_text(arena, text_of(a, r, "upload")), (long long)number_of(r, "pieces", 0, INT64_MAX));
    return forward(a, r, jpx_format(arena, "%s.control.%s", jpx_bus_prefix(a->role.desk.bus), verb), data, key, err);
}

static jp_status verb_upload(api *a, request *r, bson_t *out, jp_error *err)
{
    int64_t index = number_of(r, "index", 0, INT64_MAX);
    char text[JPX_ROOT_TEXT];
    jpx_root_id upload;

    if (jpx_api_upload(a, text_of(a, r, "upload"), index, text_of(a, r, "piece"), &upload, err) != JP_OK)
        return err->status;
    bson_append_utf8(out, "upload", 6, jpx_root_text(text, &upload), -1);
    bson_append_int64(out, "index", 5, index);
    return JP_OK;
}

static jp_status verb_start(api *a, request *r, jp_error *err)
{
    jpx_arena *arena = a->role.desk.arena;
    const char *name = text_of(a, r, "pipe"), *key = text_of(a, r, "key"), *args = json_of_field(a, r, "args");
    const char *upload = text_of(a, r, "upload");
    int64_t pieces = number_of(r, "pieces", 0, INT64_MAX);
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
    return forward(a, r, jpx_format(arena, "%s.start.%s", jpx_bus_prefix(a->role.desk.bus), name), args, key, err);
}

static jp_status verb_reply(api *a, request *r, jp_error *err)
{
    jpx_arena *arena = a->role.desk.arena;
    const char *ticket = text_of(a, r, "ticket"), *value = json_of_field(a, r, "value");
    jpx_key key;
    uint32_t step;
    uint8_t token[JPX_TOKEN_SIZE];

    if (!ticket || !jpx_ticket_parse(ticket, &key, &step, token))
        return jpx_fail(err, JP_E_REFUSED, "this ticket cannot be used: it is unknown, was used, or its time is over");
    if (text_of(a, r, "upload"))
        return forward_upload(a, r, "reply", "ticket", ticket, NULL, err);
    return forward(a, r, jpx_format(arena, "%s.reply.%s", jpx_bus_prefix(a->role.desk.bus), ticket),
                   value ? value : "null", NULL, err);
}

static jp_status verb_control(api *a, request *r, const char *verb, jp_error *err)
{
    jpx_arena *arena = a->role.desk.arena;
    const char *data;

    if (r->root && bson_empty(&r->doc))
        bson_append_utf8(&r->doc, "root", 4, r->root, -1);
    data = bson_as_relaxed_extended_json(&r->doc, NULL);
    jp_status status =
        forward(a, r, jpx_format(arena, "%s.control.%s", jpx_bus_prefix(a->role.desk.bus), verb), data, NULL, err);
    bson_free((void *)data);
    return status;
}

static jp_status verb_abort(api *a, request *r, jp_error *err)
{
    jpx_root *root;
    if (wanted_root(a, r, &root, err) != JP_OK)
        return err->status;
    return verb_control(a, r, "abort", err);
}

static jp_status verb_cleanup(api *a, request *r, jp_error *err)
{
    bson_iter_t iter;
    jpx_root *root;
    const char *status = text_of(a, r, "status");

    if (r->root && jpx_api_find_root(a, r->root, &root, err) != JP_OK)
        return err->status;
    if (!r->root && !bson_iter_init_find(&iter, &r->doc, "older_ms"))
        return jpx_fail(err, JP_E_INVALID, "nothing is named to clean up: send a root, or {\"older_ms\":604800000}");
    if (status && strcmp(status, "done") != 0 && strcmp(status, "aborted") != 0)
        return jpx_fail(err, JP_E_INVALID, "only roots that are done or aborted can be cleaned up, not %.40s", status);
    return verb_control(a, r, "cleanup", err);
}

/* ---- dispatch ---- */

void jpx_api_request(api *a, const jpx_delivery *delivery)
{
    static const struct {
        const char *verb;
        reader read;
        jp_status (*change)(api *, request *, jp_error *);
    } verbs[] = {{"status", verb_status, NULL}, {"tree", verb_tree, NULL},      {"why", verb_why, NULL},
                 {"list", verb_list, NULL},     {"result", verb_result, NULL},  {"pipes", verb_pipes, NULL},
                 {"upload", verb_upload, NULL}, {"start", NULL, verb_start},    {"reply", NULL, verb_reply},
                 {"abort", NULL, verb_abort},   {"cleanup", NULL, verb_cleanup}};
    const char *verb = jpx_api_subject(a, delivery->subject, "api.");
    request r = {.delivery = delivery};
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
    if (verb && jpx_api_check_fields(verb, &r.doc, a->role.desk.arena, &err) != JP_OK) {
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
