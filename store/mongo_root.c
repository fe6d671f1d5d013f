/* mongo_root.c -- the few changes a root goes through, as guarded updates.
 *
 * Each operation succeeds at most once in a root's life, so each leaves its mark in a field of its
 * own: `call.<operation>` is the random number of the change that was taken. That answers exactly,
 * also after a lost answer or a race, whether a change of this call is the one. Blocks on the network. */
#include "store/mongo.h"

enum { CHANGES_MAX = 1024 /* in one bulk */ };

static const char *mark_of(jpx_root_op op)
{
    switch (op) {
    case JPX_ROOT_ABORT:
        return "call.abort";
    case JPX_ROOT_DECIDE:
        return "call.decide";
    case JPX_ROOT_DONE:
        return "call.done";
    case JPX_ROOT_ABORTED:
        return "call.aborted";
    }
    jpx_assert_failed("root operation", __FILE__, __LINE__);
}

static void append_exists(bson_t *filter, const char *field, bool exists)
{
    bson_t part;

    BSON_APPEND_DOCUMENT_BEGIN(filter, field, &part);
    BSON_APPEND_BOOL(&part, "$exists", exists);
    bson_append_document_end(filter, &part);
}

static void append_guard(bson_t *filter, const jpx_root_change *change)
{
    jpx_mongo_append_id(filter, "_id", change->id);
    BSON_APPEND_UTF8(filter, "status", "running");
    append_exists(filter, "abort", change->op == JPX_ROOT_ABORTED);
    if (change->op == JPX_ROOT_ABORT || change->op == JPX_ROOT_DECIDE)
        append_exists(filter, "decided", false);
}

static void append_set(bson_t *update, const jpx_root_change *change, int64_t call)
{
    bson_t set, abort;

    BSON_APPEND_DOCUMENT_BEGIN(update, "$set", &set);
    switch (change->op) {
    case JPX_ROOT_ABORT:
        BSON_APPEND_DOCUMENT_BEGIN(&set, "abort", &abort);
        BSON_APPEND_UTF8(&abort, "reason", change->reason);
        BSON_APPEND_UTF8(&abort, "by", change->by);
        BSON_APPEND_DATE_TIME(&abort, "at", change->at_ms);
        if (change->pipeline.size > 0)
            jpx_mongo_append_id(&abort, "pipeline", change->pipeline);
        bson_append_document_end(&set, &abort);
        break;
    case JPX_ROOT_DECIDE:
        BSON_APPEND_UTF8(&set, "decided", "done");
        break;
    case JPX_ROOT_DONE:
    case JPX_ROOT_ABORTED:
        BSON_APPEND_UTF8(&set, "status", change->op == JPX_ROOT_DONE ? "done" : "aborted");
        BSON_APPEND_DATE_TIME(&set, "ended", change->at_ms);
        break;
    }
    BSON_APPEND_INT64(&set, mark_of(change->op), call);
    bson_append_document_end(update, &set);
}

static jp_status send_changes(jpx_mongo *m, const jpx_root_change *changes, size_t count, const int64_t *calls,
                              size_t *matched, jp_error *err)
{
    jpx_mongo_bulk bulk = jpx_mongo_bulk_new(m, JPX_TABLE_ROOT);

    for (size_t i = 0; i < count; i++) {
        bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER;
        append_guard(&filter, &changes[i]);
        append_set(&update, &changes[i], calls[i]);
        jp_status status = jpx_mongo_bulk_update(m, &bulk, &filter, &update, err);
        bson_destroy(&filter);
        bson_destroy(&update);
        if (status != JP_OK) {
            mongoc_bulk_operation_destroy(bulk.ops);
            return status;
        }
    }
    return jpx_mongo_bulk_run(m, &bulk, "change roots", NULL, matched, err);
}

static bool carries(jpx_bytes doc, jpx_root_op op, int64_t call)
{
    bson_t bson;
    bson_iter_t it, mark;

    return bson_init_static(&bson, doc.data, doc.size) && bson_iter_init(&it, &bson) &&
           bson_iter_find_descendant(&it, mark_of(op), &mark) && BSON_ITER_HOLDS_INT64(&mark) &&
           bson_iter_int64(&mark) == call;
}

static jp_status change(jpx_mongo *m, jpx_root_change *changes, size_t count, jp_error *err)
{
    int64_t *calls = jpx_alloc_array(m->scratch, count, sizeof *calls);
    size_t matched = 0;
    jp_status status;

    jpx_random(m->store.env, calls, count * sizeof *calls);
    jpx_mongo_patience(m);
    do {
        status = send_changes(m, changes, count, calls, &matched, err);
    } while (status != JP_OK && jpx_mongo_again(m));
    if (status != JP_OK)
        return status;
    if (matched == count) {
        for (size_t i = 0; i < count; i++)
            changes[i].found = changes[i].changed = true;
        return JP_OK;
    }

    jpx_bytes *ids = jpx_alloc_array(m->scratch, count, sizeof *ids);
    jpx_record *records = jpx_alloc_array(m->scratch, count, sizeof *records);
    for (size_t i = 0; i < count; i++)
        ids[i] = changes[i].id;
    status = jpx_mongo_fetch(m, JPX_TABLE_ROOT, ids, count, m->scratch, records, err);
    for (size_t i = 0; i < count && status == JP_OK; i++) {
        changes[i].found = records[i].doc.data != NULL;
        changes[i].changed = changes[i].found && carries(records[i].doc, changes[i].op, calls[i]);
    }
    return status;
}

jp_status jpx_mongo_change_roots(jpx_store *store, jpx_root_change *changes, size_t count, jp_error *err)
{
    jpx_mongo *m = jpx_mongo_begin(store);
    jp_status status = JP_OK;

    for (size_t from = 0; from < count && status == JP_OK; from += CHANGES_MAX)
        status = change(m, changes + from, count - from < CHANGES_MAX ? count - from : CHANGES_MAX, err);
    return status;
}
