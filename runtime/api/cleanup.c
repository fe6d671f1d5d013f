/* cleanup.c -- cleanups: what is final is removed, in bounded steps, for other roots wait behind each of them.
 *
 * Nothing that is not final is removed. What a cleanup leaves over because of its bound is asked for again by who
 * asked; where nobody did, by another message. Waits for store and broker. */
#include "api/api.h"
#include "api/view.h"
#include <string.h>

enum {
    SWEEP_MS =
        5 * 60 * 1000,   /* bodies in flight at a cleanup may still insert: the range is removed again after this */
    EARLY_MS = 1000,     /* the tombstone is dug a little later than its timer is set */
    CLEANUP_ROOTS = 100, /* removed by one message, at most */
    CLEANUP_RECORDS = 10 * JPX_SCAN_CHUNK
};

static jp_status remove_root(api *a, const jpx_root_id *root, size_t *budget, bool *done, jp_error *err)
{
    jpx_session *session = &a->role.session;
    jpx_pipeline sweep = {.key = jpx_key_root(*root), .pipe = "cleanup", .queue = "cleanup"};
    jpx_outbox box = jpx_outbox_new(session);

    jpx_outbox_timer(&box, jpx_now(session->env) + SWEEP_MS, &sweep, JPX_STEP_SWEEP);
    if (jpx_outbox_flush(&box, err) != JP_OK || jpx_tombstone_put(session, root, err) != JP_OK)
        return err->status;
    return jpx_remove_root(session, root, budget, done, err);
}

void jpx_api_sweep(api *a, jpx_delivery *d, const char *name)
{
    jpx_root_id id;
    size_t budget = CLEANUP_RECORDS;
    bool done = true;
    int64_t dug_ms = 0;
    jp_error err = {0};

    jpx_root *alive = NULL;
    if (jpx_root_parse(&id, name) && (jpx_load_roots(&a->role.session, &id, 1, &alive, &err) != JP_OK ||
                                      jpx_tombstone_time(&a->role.session, &id, &dug_ms, &err) != JP_OK)) {
        jpx_api_defer(a, d, &err);
        return;
    }
    int64_t early_ms = dug_ms ? dug_ms + SWEEP_MS - jpx_now(a->role.session.env) : 0;
    if (early_ms > EARLY_MS) { /* by the clock of a barrier role that is ahead */
        jpx_sub_nak(a->messages, d, early_ms < SWEEP_MS ? early_ms : SWEEP_MS);
        return;
    }
    if (jpx_root_parse(&id, name) && !alive &&
        (jpx_remove_root(&a->role.session, &id, &budget, &done, &err) != JP_OK ||
         (done && jpx_tombstone_remove(&a->role.session, &id, &err) != JP_OK)))
        jpx_api_defer(a, d, &err);
    else if (!done)
        jpx_sub_nak(a->messages, d, 1);
    else
        jpx_sub_ack(a->messages, &d, 1);
}

/* Roots that ended before a time, the newest first, as far as the budget goes. How old they are is counted from the
 * time of the message, so that one that comes again takes nothing that has ended since. */
static jp_status remove_some(api *a, const bson_t *doc, int64_t now, int64_t *removed, bool *more, jp_error *err)
{
    static const char *const finals[] = {"done", "aborted"};
    jpx_session *session = &a->role.session;
    const char *status = jpx_api_text_field(session->arena, doc, "status");
    bson_iter_t iter;
    int64_t older = bson_iter_init_find(&iter, doc, "older_ms") ? bson_iter_as_int64(&iter) : 0;
    size_t budget = CLEANUP_RECORDS;

    older = older > now ? now : older;
    for (size_t f = 0; f < 2; f++) {
        jpx_root_filter filter = {.status = finals[f], .older_ms = now - older + 1, .limit = CLEANUP_ROOTS};
        jpx_records found = {0};
        if (status && strcmp(status, finals[f]) != 0)
            continue;
        if (jpx_store_list_roots(session->store, &filter, session->arena, &found, err) != JP_OK)
            return err->status;
        *more = *more || found.count == CLEANUP_ROOTS;
        for (size_t i = 0; i < found.count; i++) { /* also one whose record is damaged: its id is enough */
            jpx_root_id id;
            bool done = false;
            memcpy(id.b, found.items[i].id.data, JPX_ROOT_SIZE);
            if (budget && remove_root(a, &id, &budget, &done, err) != JP_OK)
                return err->status;
            *removed += done;
            *more = *more || !done;
        }
    }
    return JP_OK;
}

/* What is left over is asked for again by who asked; where nobody did, by another message. */
void jpx_api_cleanup(api *a, jpx_delivery *d, const bson_t *doc, const char *name)
{
    jpx_session *session = &a->role.session;
    bson_t answer = BSON_INITIALIZER;
    size_t budget = CLEANUP_RECORDS;
    jpx_root *root;
    int64_t removed = 0;
    bool more = false, done = false;
    jpx_message again = {.subject = d->subject, .data = d->data};
    jp_error err = {0};

    if (name) {
        if (jpx_api_find_root(a, name, &root, &err) != JP_OK)
            goto failed;
        if (!jpx_root_final(root)) {
            bson_destroy(&answer);
            jpx_api_refuse(a, d, "control", JP_E_REFUSED,
                           jpx_format(session->arena, "root %.64s is still running; abort it first", name));
            return;
        }
        if (remove_root(a, &root->id, &budget, &done, &err) != JP_OK)
            goto failed;
        jpx_view_head(&answer, root, root->status);
        removed = done;
        more = !done;
    } else if (remove_some(a, doc, d->published_ns / 1000000, &removed, &more, &err) != JP_OK) {
        goto failed;
    }
    if (more && !d->reply_to && jpx_bus_publish(session->bus, &again, 1, JPX_PUBLISH_MS, &err) != JP_OK)
        goto failed;
    bson_append_int64(&answer, "removed", 7, removed);
    bson_append_bool(&answer, "more", 4, more);
    jpx_api_answer(a, d->reply_to, &answer);
    jpx_sub_ack(a->messages, &d, 1);
    return;
failed:
    bson_destroy(&answer);
    if (err.status == JP_E_NOT_FOUND || err.status == JP_E_DAMAGED)
        jpx_api_refuse(a, d, "control", err.status, err.text);
    else
        jpx_api_defer(a, d, &err);
}
