/* abort.c -- aborts: the flag that is raised, and the walks that carry it out.
 *
 * The flag is raised first, and the message that has the walk done is published before anybody is told. A walk over a
 * large tree is done in parts, between which messages and requests are handled; its message is held, and kept alive by
 * beats, until the walk is over. It comes again until the root is final, at whichever api process. Waits for store and
 * broker, for a part of bounded size. */
#include "api/api.h"

enum {
    ABORT_WALK_MS = 250,      /* before the second walk, and longer before each that follows */
    ABORT_WALK_MAX_MS = 5000, /* unless there are many hooks */
    HOOKS_PER_MS = 5,         /* run at best */
    HOOK_MAX_MS = 1           /* waited for each, at most */
};

/* ---- carrying out ---- */

/* Finds the root, in the arena of its walk. NULL: there is nothing to carry out, or not now; the delivery is settled.
 */
static const jpx_root *root_to_abort(api *a, jpx_delivery *d, const char *name, jpx_arena *arena)
{
    jpx_arena *before = a->role.session.arena;
    jpx_root *root;
    jp_error err = {0};

    a->role.session.arena = arena;
    jp_status status = jpx_api_find_root(a, name, &root, &err);
    a->role.session.arena = before;
    if (status == JP_OK && root->aborting && !jpx_root_final(root))
        return root;
    if (status == JP_OK || status == JP_E_NOT_FOUND) /* cleaned up meanwhile */
        jpx_sub_ack(a->messages, &d, 1);
    else
        jpx_api_defer(a, d, &err);
    return NULL;
}

/* Each walk calls all pending hooks again, for their events may be lost. Many hooks take long: the next walk must not
 * come so soon that most of their events stand in the queue twice. */
static void come_again(api *a, jpx_delivery *d, size_t pending)
{
    const int64_t hooks = (int64_t)pending,
                  most = hooks * HOOK_MAX_MS > ABORT_WALK_MAX_MS ? hooks * HOOK_MAX_MS : ABORT_WALK_MAX_MS;
    const int64_t delay = (ABORT_WALK_MS + hooks / HOOKS_PER_MS) * d->deliveries;
    jpx_sub_nak(a->messages, d, delay < most ? delay : most);
}

/* A part of its work. False: it has ended, and its delivery is settled. */
static bool go_on(api *a, jpx_aborting *walk)
{
    int64_t now = jpx_now(a->role.session.env);
    size_t pending = 0;
    bool more = false;
    jp_error err = {0};

    if (now - walk->heartbeat_ms >= jpx_ack_wait_ms() * 4 / 15) {
        walk->heartbeat_ms = now;
        jpx_sub_heartbeat(a->messages, &walk->delivery, 1);
    }
    if (jpx_abort_some(&a->role.session, walk->abort, &more, &pending, &err) != JP_OK)
        jpx_api_defer(a, walk->delivery, &err);
    else if (more)
        return true;
    else if (pending)
        come_again(a, walk->delivery, pending);
    else
        jpx_sub_ack(a->messages, &walk->delivery, 1);
    return false;
}

void jpx_api_aborting(api *a, jpx_delivery *d, const char *name)
{
    jpx_arena *arena = jpx_arena_new();
    const jpx_root *root = NULL;

    if (a->walks_count == JPX_WALKS_MAX)
        come_again(a, d, 0);
    else
        root = root_to_abort(a, d, name, arena);
    if (root) {
        jpx_aborting walk = {.arena = arena,
                             .delivery = d,
                             .abort = jpx_abort_new(root, arena),
                             .heartbeat_ms = jpx_now(a->role.session.env)};
        if (go_on(a, &walk)) { /* a small tree is done with by now */
            a->walks[a->walks_count++] = walk;
            return;
        }
    }
    jpx_arena_free(arena);
}

size_t jpx_api_walk(api *a)
{
    if (!a->walks_count)
        return 0;
    size_t at = a->next_walk++ % a->walks_count;
    if (!go_on(a, &a->walks[at])) {
        jpx_arena_free(a->walks[at].arena);
        a->walks[at] = a->walks[--a->walks_count];
    }
    jpx_arena_reset(a->role.session.arena);
    return 1;
}

void jpx_api_leave_walks(api *a)
{
    while (a->walks_count)
        jpx_arena_free(a->walks[--a->walks_count].arena);
}

/* ---- the flag ---- */

void jpx_api_abort(api *a, jpx_delivery *d, const char *name, const char *reason)
{
    jpx_session *session = &a->role.session;
    jpx_outbox box = jpx_outbox_new(session);
    bson_t doc = BSON_INITIALIZER;
    char id[JPX_ROOT_TEXT];
    jpx_root *root;
    jpx_root_change change;
    jp_error err = {0};

    if (jpx_api_find_root(a, name, &root, &err) != JP_OK) {
        if (err.status == JP_E_NOT_FOUND)
            jpx_api_refuse(a, d, "control", err.status, err.text);
        else
            jpx_api_defer(a, d, &err);
        bson_destroy(&doc);
        return;
    }
    change = (jpx_root_change){.id = jpx_id(root->id.b, JPX_ROOT_SIZE),
                               .op = JPX_ROOT_ABORT,
                               .at_ms = jpx_now(session->env),
                               .reason = reason ? reason : "aborted by request",
                               .by = "request"};
    jpx_key key = jpx_key_root(root->id);
    bool ours = root->aborting && d->deliveries > 1;
    if (jpx_store_change_roots(session->store, &change, 1, &err) != JP_OK)
        goto failed;
    if (change.changed || (root->aborting && !jpx_root_final(root))) { /* perhaps ours, from a delivery that was cut */
        jpx_outbox_abort(&box, &key, "request", change.reason);
        box.aborts_count = 0; /* the flag is up already */
        if (jpx_outbox_flush(&box, &err) != JP_OK)
            goto failed;
    }
    if (jpx_load_roots(session, &root->id, 1, &root, &err) != JP_OK || !root)
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
                       jpx_format(session->arena, "root %s is done already; nothing is left to abort", id));
        return;
    }
    jpx_api_answer(a, d->reply_to, &doc);
    jpx_sub_ack(a->messages, &d, 1);
    return;
failed:
    bson_destroy(&doc);
    jpx_api_defer(a, d, &err);
}
