/* credit.c -- events that a worker has no free process for: how many it asks for, and when it gives them back.
 *
 * Short bodies are asked for ahead, so that none pays for a round trip; when they turn out to be long, they would wait
 * here while another worker is idle. So each queue may hold what it holds and what there is room for, and what has not
 * begun a second after it came goes back. Nothing of that is an attempt: no body has begun, and the marks
 * that say one may have are removed before. What was given back comes here again only when there is room, and no event
 * is given back more than a few times: then it waits here. Removing marks waits for the store, nothing else does. */
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

/* An event that has come so often may be the cause of that; a hook after another one would have both called again. */
static bool stays(const jpx_job *job)
{
    return job->called || job->delivery->deliveries > GIVEN_BACK_MAX;
}

/* Those that have not begun, out of the executor; what is to stay is submitted again. */
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
    jpx_bytes *ids = jpx_alloc_array(w->role.session.arena, 2 * count + 1, sizeof *ids);
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t m = 0; m < 2; m++)
            if (jobs[i]->marks[m].data)
                ids[n++] = jobs[i]->marks[m];
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
    if (count && remove_marks(w, jobs, count, &err) != JP_OK) { /* they would count as beginnings */
        for (size_t i = 0; i < count; i++)
            jpx_executor_submit(w->executor, &jobs[i]->call);
        return;
    }
    /* The limits first: otherwise what is given back is asked for at once. */
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
        jpx_log(w->role.session.env, JPX_DEBUG, "events given back", "count=%zu", count);
}
