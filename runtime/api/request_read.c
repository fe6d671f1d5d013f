/* request_read.c -- the verbs that only read: status, tree, why, list, pipes.
 *
 * Each fills one answer, no larger than a message may be: trees are folded further, lists end their page before. Waits
 * for the store. */
#include "api/request.h"
#include <string.h>

enum {
    LIST_LIMIT = 50,
    LIST_MAX = 1000,
    TREE_LIMIT = 200,
    TREE_MAX = 5000,
    JSON_GROWS = 6 /* times, at most: control characters in strings */
};

jp_status jpx_request_status(api *a, jpx_request *r, bson_t *out, jp_error *err)
{
    jpx_root *root;
    if (jpx_request_root(a, r, &root, err) != JP_OK)
        return err->status;
    return jpx_view_status(&a->role.session, root, true, out, err);
}

/* A tree that is larger than an answer may be is folded further. */
jp_status jpx_request_tree(api *a, jpx_request *r, bson_t *out, jp_error *err)
{
    size_t limit = (size_t)jpx_request_number(r, "limit", TREE_LIMIT, TREE_MAX);
    jpx_root *root;

    if (jpx_request_root(a, r, &root, err) != JP_OK)
        return err->status;
    for (;; limit /= 4) {
        if (jpx_view_tree(&a->role.session, root, limit, out, err) != JP_OK)
            return err->status;
        if (limit <= 1 || out->len < jpx_api_answer_max(a) / JSON_GROWS)
            return JP_OK;
        char *json;
        size_t size = jpx_api_json(out, &json);
        bson_free(json);
        if (size <= jpx_api_answer_max(a))
            return JP_OK;
        bson_reinit(out);
    }
}

jp_status jpx_request_why(api *a, jpx_request *r, bson_t *out, jp_error *err)
{
    jpx_root *root;
    if (jpx_request_root(a, r, &root, err) != JP_OK)
        return err->status;
    return jpx_view_why(&a->role.session, root, out, err);
}

static void append_root_row(api *a, bson_t *row, const jpx_record *record)
{
    jpx_root root;
    jpx_root_id id;
    char text[JPX_ROOT_TEXT];
    jp_error ignored;

    memcpy(id.b, record->id.data, JPX_ROOT_SIZE);
    if (jpx_root_decode(record->doc, a->role.session.arena, &root)) {
        jpx_view_status(&a->role.session, &root, false, row, &ignored);
        return;
    }
    bson_append_utf8(row, "root", 4, jpx_root_text(text, &id), -1);
    bson_append_utf8(row, "error", 5, "the record of this root is damaged", -1);
}

jp_status jpx_request_list(api *a, jpx_request *r, bson_t *out, jp_error *err)
{
    static const char *const statuses[] = {"running", "done", "aborted"};
    jpx_session *session = &a->role.session;
    size_t limit = (size_t)jpx_request_number(r, "limit", LIST_LIMIT, LIST_MAX);
    jpx_root_filter filter = {
        .pipe = jpx_request_text(a, r, "pipe"), .status = jpx_request_text(a, r, "status"), .limit = limit + 1};
    const char *after = jpx_request_text(a, r, "after");
    jpx_root_id before;
    jpx_records found;
    bson_t array, row;
    char name[16], text[JPX_ROOT_TEXT];
    const char *key;
    bool known = !filter.status;

    if (r->root)
        return jpx_fail(err, JP_E_INVALID, "list takes no root, is given %.64s; send {\"pipe\":\"...\"} or {}",
                        r->root);
    for (size_t i = 0; i < 3 && !known; i++)
        known = strcmp(filter.status, statuses[i]) == 0;
    if (!known)
        return jpx_fail(err, JP_E_INVALID, "no root has the status %.40s; it is running, done or aborted",
                        filter.status);
    if (limit == 0)
        return jpx_fail(err, JP_E_INVALID, "limit is less than 1; 1 to %d are allowed", LIST_MAX);
    if (after && !jpx_root_parse(&before, after))
        return jpx_fail(err, JP_E_INVALID, "after is %.64s, not a root id; take it from \"next\" of the last answer",
                        after);
    if (after)
        filter.before = jpx_id(before.b, JPX_ROOT_SIZE);
    if (jpx_store_list_roots(session->store, &filter, session->arena, &found, err) != JP_OK)
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

jp_status jpx_request_pipes(api *a, jpx_request *r, bson_t *out, jp_error *err)
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
