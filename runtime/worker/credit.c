/* credit.c -- how many run events to prefetch, and when to return them.
 *
 * Short bodies are prefetched so that they do not pay for a round trip. If a body turns out to be slow, the events
 * behind it would wait here while other workers idle. So: credit = held + free process slots, and an event that has not
 * started after PATIENCE_MS is nacked. Returning an event is not an attempt: no body has started, and its marks are
 * removed first. Each event is returned at most GIVEN_BACK_MAX times; after that it waits here. Only the removal of
 * marks waits, for the store. */
#include "worker/worker.h"

enum { PATIENCE_MS = 1000, LOOK_MS = 200, GIVEN_BACK_MAX = 4 };

void jpx_worker_limit(jpx_worker *w)
{
    size_t room = jpx_executor_room(w->executor), most = 2 * w->role.options.batch;

    for (size_t i = 0; i < w->queue_subs_count; i++) {
        jpx_queue_sub *queue_sub = &w->queue_subs[i];
        size_t wanted = queue_sub->held + room < most ? queue_sub->held + room : most;
        if (wanted == queue_sub->limit)
            continue;
        queue_sub->limit = wanted;
        jpx_sub_limit(queue_sub->sub, wanted);
    }
}

/* Keep it if it was redelivered too often (it may be what kills workers), or if on_cancel has run (returning it would
 * run both hooks again). */
static bool stays(const jpx_job *job)
{
    return job->cancelled || job->delivery->deliveries > GIVEN_BACK_MAX;
}

/* Takes events that have not started out of the executor; those that stay are submitted again. */
static size_t take_back(jpx_worker *w, jpx_job **jobs)
{
    uint64_t numbers[JPX_BATCH_MAX];
    size_t taken = jpx_executor_take_back(w->executor, PATIENCE_MS, numbers, JPX_BATCH_MAX), count = 0;

    for (size_t i = 0; i < taken; i++) {
        jpx_job *job = jpx_job_find(w, numbers[i]);
        if (job && stays(job))
            jpx_executor_submit(w->executor, &job->call);
        else if (job)
            jobs[count++] = job;
    }
    return count;
}

static jp_status remove_marks(jpx_worker *w, jpx_job **jobs, size_t count, jp_error *err)
{
    jpx_bytes *ids = jpx_alloc_array(w->role.session.arena, 2 * count, sizeof *ids);
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (jobs[i]->hook_mark.data)
            ids[n++] = jobs[i]->hook_mark;
        if (jobs[i]->start_mark.data)
            ids[n++] = jobs[i]->start_mark;
    }
    return n ? jpx_store_remove(w->role.session.store, JPX_TABLE_MARK, ids, n, err) : JP_OK;
}

void jpx_worker_give_back(jpx_worker *w)
{
    int64_t now = jpx_now(w->role.session.env);
    jpx_job *jobs[JPX_BATCH_MAX];
    jp_error err;

    if (now >= w->looked_ms && now - w->looked_ms < LOOK_MS)
        return;
    w->looked_ms = now;
    size_t count = take_back(w, jobs);
    if (count && remove_marks(w, jobs, count, &err) != JP_OK) { /* they would count against the crash limit */
        for (size_t i = 0; i < count; i++)
            jpx_executor_submit(w->executor, &jobs[i]->call);
        return;
    }
    /* First the limits without these events: otherwise they would be fetched again at once. */
    for (size_t i = 0; i < count; i++)
        jobs[i]->queue_sub->held--;
    jpx_worker_limit(w);
    for (size_t i = 0; i < count; i++)
        jobs[i]->queue_sub->held++;
    for (size_t i = 0; i < count; i++)
        jpx_job_ack_or_nak(w, jobs[i], true, jpx_give_back_ms(jobs[i]->delivery));
    for (size_t i = 0; i < w->queue_subs_count; i++)
        jpx_sub_give_back(w->queue_subs[i].sub, PATIENCE_MS, GIVEN_BACK_MAX);
    if (count)
        jpx_log(w->role.session.env, JPX_DEBUG, "events returned", "count=%zu", count);
}
