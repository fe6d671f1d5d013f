/* request_result.c -- the verb that reads a result, and may wait until its root is final.
 *
 * Requests that wait are kept in a list of bounded length, and their roots are looked at together, not one by one. They
 * do not outlive the process: who asked asks again. Waits for the store, never for a root. */
#include "api/request.h"
#include <stdlib.h>
#include <string.h>

static jp_status view_result(jpx_session *session, const jpx_root *root, bool with_value, bson_t *out, jp_error *err)
{
    jpx_bytes value = {0};
    if (jpx_view_result(session, root, out, with_value ? &value : NULL, err) != JP_OK)
        return err->status;
    if (value.data)
        jpx_append_value(out, "result", value);
    return JP_OK;
}

jp_status jpx_request_result(api *a, jpx_request *r, bson_t *out, jp_error *err)
{
    int64_t wait_ms = jpx_request_number(r, "wait_ms", 0, JPX_WAIT_MS_MAX);
    bool with_value = jpx_request_flag(r, "value", true);
    bson_iter_t offset;
    jpx_root *root;

    if (jpx_request_root(a, r, &root, err) != JP_OK)
        return err->status;
    if (wait_ms && !jpx_root_final(root) && r->delivery->reply_to && a->waiters_count < JPX_WAITERS_LIMIT) {
        jpx_waiting *waiting = calloc(1, sizeof *waiting);
        JPX_ASSERT(waiting != NULL);
        *waiting = (jpx_waiting){.next = a->waiters,
                                 .root = root->id,
                                 .until_ms = jpx_now(a->role.session.env) + wait_ms,
                                 .value = with_value};
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
        return view_result(&a->role.session, root, with_value, out, err);
    return jpx_api_cut(a, root, bson_iter_as_int64(&offset), out, err);
}

static bool answer_waiter(api *a, const jpx_waiting *waiting, const jpx_root *root)
{
    jpx_session *session = &a->role.session;
    bson_t out = BSON_INITIALIZER;
    jp_error err;

    if (root && !jpx_root_final(root) && jpx_now(session->env) < waiting->until_ms) {
        bson_destroy(&out);
        return false;
    }
    if (root && view_result(session, root, waiting->value, &out, &err) == JP_OK) {
        jpx_api_answer(a, waiting->reply_to, &out);
        return true;
    }
    bson_destroy(&out);
    jpx_api_error(a, waiting->reply_to, JP_E_NOT_FOUND, "the root is not there any more");
    return true;
}

size_t jpx_api_waiters(api *a)
{
    jpx_session *session = &a->role.session;
    int64_t now = jpx_now(session->env);
    jpx_root_id *ids;
    jpx_root **roots;
    size_t count = 0, answered = 0;
    jp_error err;

    if (!a->waiters || now < a->looked_ms + JPX_WAITERS_MS)
        return 0;
    a->looked_ms = now;
    ids = jpx_alloc_array(session->arena, a->waiters_count, sizeof *ids);
    roots = jpx_alloc_array(session->arena, a->waiters_count, sizeof *roots);
    for (jpx_waiting *w = a->waiters; w; w = w->next)
        ids[count++] = w->root;
    if (jpx_load_roots(session, ids, count, roots, &err) == JP_OK) {
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
    jpx_arena_reset(session->arena);
    return answered;
}
