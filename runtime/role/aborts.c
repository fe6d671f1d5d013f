/* aborts.c -- aborts: the flag that is raised, and the walk that carries it out.
 *
 * The flag is raised first, and the message that has the walk done is published before anybody is told. The walk comes
 * again until the root is final, by whichever api process. Waits for store and broker. */
#include "role/api.h"

enum { ABORT_WALK_MS = 250, ABORT_WALK_MAX_MS = 5000 };

/* Carries an abort out; comes again until everything is final. */
void jpx_api_aborting(api *a, jpx_delivery *d, const char *name)
{
    jpx_desk *desk = &a->role.desk;
    jpx_outbox box = jpx_outbox_new(desk);
    jpx_root *root;
    size_t pending = 0;
    jp_error err = {0};

    if (jpx_api_find_root(a, name, &root, &err) != JP_OK) {
        if (err.status == JP_E_NOT_FOUND)
            jpx_sub_ack(a->messages, &d, 1); /* cleaned up meanwhile */
        else
            jpx_api_put_off(a, d, &err);
        return;
    }
    if (!root->aborting || jpx_root_final(root)) {
        jpx_sub_ack(a->messages, &d, 1);
        return;
    }
    if (jpx_walk_abort(desk, &box, root, &pending, &err) != JP_OK || jpx_outbox_flush(&box, &err) != JP_OK) {
        jpx_api_put_off(a, d, &err);
    } else if (pending) {
        int64_t delay = (int64_t)ABORT_WALK_MS * d->deliveries;
        jpx_sub_nak(a->messages, d, delay < ABORT_WALK_MAX_MS ? delay : ABORT_WALK_MAX_MS);
    } else {
        jpx_sub_ack(a->messages, &d, 1);
    }
}

void jpx_api_abort(api *a, jpx_delivery *d, const char *name, const char *reason)
{
    jpx_desk *desk = &a->role.desk;
    jpx_outbox box = jpx_outbox_new(desk);
    bson_t doc = BSON_INITIALIZER;
    char id[JPX_ROOT_TEXT];
    jpx_root *root;
    jpx_root_change change;
    jp_error err = {0};

    if (jpx_api_find_root(a, name, &root, &err) != JP_OK) {
        if (err.status == JP_E_NOT_FOUND)
            jpx_api_refuse(a, d, "control", err.status, err.text);
        else
            jpx_api_put_off(a, d, &err);
        bson_destroy(&doc);
        return;
    }
    change = (jpx_root_change){.id = jpx_id(root->id.b, JPX_ROOT_SIZE),
                               .op = JPX_ROOT_ABORT,
                               .at_ms = jpx_now(desk->env),
                               .reason = reason ? reason : "aborted by request",
                               .by = "request"};
    jpx_key key = jpx_key_root(root->id);
    bool ours = root->aborting && d->deliveries > 1;
    if (jpx_store_change_roots(desk->store, &change, 1, &err) != JP_OK)
        goto failed;
    if (change.changed || (root->aborting && !jpx_root_final(root))) { /* perhaps ours, from a delivery that was cut */
        jpx_outbox_abort(&box, &key, "request", change.reason);
        box.aborts_count = 0; /* the flag is up already */
        if (jpx_outbox_flush(&box, &err) != JP_OK)
            goto failed;
    }
    if (jpx_load_roots(desk, &root->id, 1, &root, &err) != JP_OK || !root)
        goto failed;
    bson_append_utf8(&doc, "root", 4, jpx_root_text(id, &root->id), -1);
    bson_append_utf8(&doc, "pipe", 4, root->pipe, -1);
    bson_append_utf8(&doc, "status", 6, root->status, -1);
    bson_append_bool(&doc, "accepted", 8, change.changed || ours);
    if (root->reason)
        bson_append_utf8(&doc, "reason", 6, root->reason, -1);
    if (!change.changed && !ours && jpx_root_final(root) && !root->aborting) {
        bson_destroy(&doc);
        jpx_api_refuse(a, d, "control", JP_E_REFUSED,
                       jpx_format(desk->arena, "root %s is done already; nothing is left to abort", id));
        return;
    }
    jpx_api_answer(a, d->reply_to, &doc);
    jpx_sub_ack(a->messages, &d, 1);
    return;
failed:
    bson_destroy(&doc);
    jpx_api_put_off(a, d, &err);
}
