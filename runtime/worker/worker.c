/* worker.c -- the worker role's loop: fetches run events, runs their bodies in the executor, commits the outcomes.
 *
 * One loop, one thread. Whatever has ended is committed together while other bodies run, so a lone event is simply a
 * batch of one. If an outcome cannot be committed because store or broker are away, it is kept (commit.c), and no new
 * work is fetched until it is. The loop waits for outcomes and events; its handlers (dispatch.c, commit.c) wait for
 * store and broker. */
#include "worker/worker.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_for_something(jpx_worker *w, int64_t wait_ms)
{
    struct pollfd fds[JPX_QUEUES_MAX + 1];
    nfds_t count = 0;
    bool room = !w->role.draining && jpx_executor_room(w->executor) > 0;

    if (jpx_executor_fd(w->executor) >= 0)
        fds[count++] = (struct pollfd){.fd = jpx_executor_fd(w->executor), .events = POLLIN};
    for (size_t i = 0; room && i < w->queue_subs_count; i++)
        if (jpx_sub_fd(w->queue_subs[i].sub) >= 0)
            fds[count++] = (struct pollfd){.fd = jpx_sub_fd(w->queue_subs[i].sub), .events = POLLIN};
    if (jpx_executor_pending(w->executor) && wait_ms > JPX_MARK_MS / 2)
        wait_ms = JPX_MARK_MS / 2;
    if (wait_ms > 0)
        poll(fds, count, (int)wait_ms);
}

static size_t fetch(jpx_worker *w)
{
    size_t taken = 0;

    jpx_worker_limit(w);
    for (size_t i = 0; i < w->queue_subs_count; i++) {
        jpx_delivery *deliveries[JPX_BATCH_MAX];
        jpx_queue_sub *queue_sub = &w->queue_subs[w->next_queue_sub % w->queue_subs_count];
        size_t room = jpx_executor_room(w->executor);
        size_t max = room < w->role.options.batch ? room : w->role.options.batch;
        if (w->ended_count + max > JPX_BATCH_MAX)
            max = JPX_BATCH_MAX - w->ended_count; /* an event may end without a call */
        if (!max)
            break; /* this queue comes first the next time */
        w->next_queue_sub++;
        size_t count = jpx_sub_fetch(queue_sub->sub, deliveries, max, 0);
        if (count)
            jpx_worker_take(w, queue_sub, deliveries, count);
        taken += count;
    }
    return taken;
}

static size_t worker_step(jpx_role *role, int64_t wait_ms)
{
    jpx_worker *w = (jpx_worker *)role;
    size_t did = 0;

    if (jpx_jobs_heartbeat(w))
        jpx_mark_renew(w);
    if (jpx_executor_broken(w->executor) && !role->draining) {
        jpx_log(role->session.env, JPX_ERROR, "no more bodies can be run",
                "cause=\"the process that forks them is gone\" hint=\"this worker ends; start another\"");
        role->draining = true;
        kill(getpid(), SIGTERM);
    }
    if (w->retry) {
        int64_t left = w->retry_at_ms - jpx_now(role->session.env);
        if (left > 0) {
            if (wait_ms > 0)
                poll(NULL, 0, (int)(left < wait_ms ? left : wait_ms));
            return 0;
        }
        return jpx_worker_commit(w) ? 1 : 0;
    }
    if (!role->draining)
        did += fetch(w);
    jpx_worker_collect(w, 0);
    if (!did && !w->ended_count) {
        wait_for_something(w, wait_ms);
        if (!role->draining)
            did += fetch(w);
        jpx_worker_collect(w, 0);
    }
    did += w->ended_count;
    if (w->ended_count)
        jpx_worker_commit(w);
    jpx_arena_reset(role->session.arena);
    if (jpx_executor_pending(w->executor))
        jpx_mark_long(w);
    jpx_worker_give_back(w);
    return did;
}

static bool worker_drain(jpx_role *role)
{
    return ((jpx_worker *)role)->held == 0;
}

static int64_t worker_next(jpx_role *role)
{
    return ((jpx_worker *)role)->retry ? ((jpx_worker *)role)->retry_at_ms : INT64_MAX;
}

static void worker_close(jpx_role *role)
{
    jpx_worker *w = (jpx_worker *)role;

    jpx_executor_close(w->executor);
    for (size_t b = 0; b < JPX_JOB_BUCKETS; b++)
        while (w->buckets[b])
            jpx_job_ack_or_nak(w, w->buckets[b], true, 0);
    for (size_t i = 0; i < w->queue_subs_count; i++)
        jpx_sub_close(w->queue_subs[i].sub);
    jpx_arena_free(w->collected);
    free(w);
}

jp_status jpx_worker_open(jpx_role **role, jp_error *err)
{
    jpx_worker *w = calloc(1, sizeof *w);
    JPX_ASSERT(w != NULL);
    w->role = **role;
    w->role.step = worker_step;
    w->role.drain = worker_drain;
    w->role.next_ms = worker_next;
    w->role.close = worker_close;
    w->collected = jpx_arena_new();

    size_t count;
    const char *const *queues = jpx_role_queues(w->role.parts.registry, w->collected, &count);
    jpx_forked_options forked = {.processes = w->role.options.processes, .memory_bytes = w->role.options.memory_bytes};
    jp_status status = w->role.parts.zygote
                           ? jpx_executor_forked(&w->executor, w->role.parts.zygote, &forked, w->role.parts.env, err)
                           : jpx_executor_inline(&w->executor, w->role.parts.registry, w->role.parts.env, err);
    if (count > JPX_QUEUES_MAX)
        status = jpx_fail(err, JP_E_INVALID,
                          "%zu queues among the registered pipes, the limit is %d: give more pipes the same .queue, or "
                          "register them in several programs",
                          count, JPX_QUEUES_MAX);
    for (size_t i = 0; i < count && status == JP_OK; i++)
        if ((status = jpx_bus_subscribe(&w->queue_subs[i].sub, w->role.parts.bus, JPX_STREAM_RUN, queues[i],
                                        w->role.options.processes, err)) == JP_OK)
            w->queue_subs_count++;
    if (status != JP_OK) {
        jpx_executor_close(w->executor);
        for (size_t i = 0; i < w->queue_subs_count; i++)
            jpx_sub_close(w->queue_subs[i].sub);
        jpx_arena_free(w->collected);
        free(w);
        return status;
    }
    *role = &w->role;
    return JP_OK;
}
