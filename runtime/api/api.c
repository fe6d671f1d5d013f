/* api.c -- the api role: takes triggers, replies and control messages from their stream, and answers requests.
 *
 * Requests that change something become messages first; their handler makes the change, does what follows, answers and
 * acks (PROTOCOL 6), so that a crash at any point costs a repetition. Requests that only read are answered at once
 * (request.c). One thread. */
#include "api/api.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { WAITERS_MAX = 1000, NAK_MS = 200 };

static size_t take_messages(api *a)
{
    jpx_session *session = &a->role.session;
    jpx_delivery *deliveries[JPX_BATCH_MAX];
    size_t count = jpx_sub_fetch(a->messages, deliveries, a->role.options.batch, 0), starts = 0;

    /* Starts are handled together, the others one by one: they are rare. */
    for (size_t i = 0; i < count; i++) {
        if (jpx_api_subject(a, deliveries[i]->subject, "start.")) {
            jpx_delivery *swap = deliveries[starts];
            deliveries[starts++] = deliveries[i];
            deliveries[i] = swap;
        }
    }
    if (starts)
        jpx_api_starts(a, deliveries, starts);
    jpx_arena_reset(session->arena);
    for (size_t i = starts; i < count; i++) {
        if (jpx_api_subject(a, deliveries[i]->subject, "reply."))
            jpx_api_reply(a, deliveries[i], jpx_api_subject(a, deliveries[i]->subject, "reply."), deliveries[i]->data);
        else
            jpx_api_control(a, deliveries[i]);
        jpx_arena_reset(session->arena);
    }
    return count;
}

static size_t take_requests(api *a)
{
    jpx_delivery *deliveries[JPX_BATCH_MAX];
    size_t count = jpx_sub_fetch(a->requests, deliveries, a->role.options.batch, 0);

    for (size_t i = 0; i < count; i++) {
        jpx_api_request(a, deliveries[i]);
        jpx_arena_reset(a->role.session.arena);
    }
    if (count)
        jpx_sub_drop(a->requests, deliveries, count);
    return count;
}

static size_t api_step(jpx_role *role, int64_t wait_ms)
{
    api *a = (api *)role;
    size_t did = 0;

    if (role->draining)
        return 0;
    did += take_messages(a);
    did += take_requests(a);
    did += jpx_api_waiters(a);
    did += jpx_api_walk(a);
    if (!did && wait_ms > 0) {
        struct pollfd fds[] = {{.fd = jpx_sub_fd(a->messages), .events = POLLIN},
                               {.fd = jpx_sub_fd(a->requests), .events = POLLIN}};
        if (a->waiters && wait_ms > JPX_WAITERS_MS)
            wait_ms = JPX_WAITERS_MS;
        poll(fds, 2, (int)wait_ms);
        did += take_messages(a);
        did += take_requests(a);
    }
    return did;
}

static bool api_drain(jpx_role *role)
{
    (void)role;
    return true;
}

static int64_t api_next(jpx_role *role)
{
    return ((api *)role)->waiters ? jpx_now(role->session.env) + JPX_WAITERS_MS : INT64_MAX;
}

static void api_close(jpx_role *role)
{
    api *a = (api *)role;
    jpx_api_leave_walks(a);
    jpx_sub_close(a->messages); /* what it holds comes again elsewhere */
    jpx_sub_close(a->requests);
    while (a->waiters) {
        jpx_waiting *next = a->waiters->next;
        free(a->waiters);
        a->waiters = next;
    }
    free(a->cut);
    free(a);
}

jp_status jpx_api_open(jpx_role **role, jp_error *err)
{
    api *a = calloc(1, sizeof *a);
    JPX_ASSERT(a != NULL);
    a->role = **role;
    a->role.step = api_step;
    a->role.drain = api_drain;
    a->role.next_ms = api_next;
    a->role.close = api_close;
    jpx_arena *arena = a->role.session.arena;
    const char *subject = jpx_format(arena, "%s.api.*", jpx_bus_prefix(a->role.parts.bus));
    if (jpx_bus_subscribe(&a->messages, a->role.parts.bus, JPX_STREAM_START, "", a->role.options.batch, err) != JP_OK ||
        jpx_bus_listen(&a->requests, a->role.parts.bus, subject, "api", err) != JP_OK) {
        jpx_sub_close(a->messages);
        free(a);
        return err->status;
    }
    *role = &a->role;
    return JP_OK;
}
