/* held.c -- the jobs of a worker: their states, the tables that find them, heartbeats, acks and nacks.
 *
 * Invariants: a job is in both tables from jpx_job_hold to jpx_job_ack_or_nak, and no event is in them twice. Nothing
 * here blocks: acks, nacks and heartbeats are asynchronous. */
#include "worker/worker.h"
#include <stdlib.h>

#define TO(state) (1u << JPX_JOB_##state)

void jpx_job_set(jpx_job *job, jpx_job_state state)
{
    static const unsigned allowed[JPX_JOB_STATES] = {
        [JPX_JOB_NEW] = TO(DONE) | TO(DEFERRED) | TO(SUBMITTED) | TO(ENDED),
        [JPX_JOB_SUBMITTED] = TO(RUNNING) | TO(ENDED),
        [JPX_JOB_RUNNING] = TO(ENDED),
        [JPX_JOB_ENDED] = TO(SUBMITTED),
    };

    JPX_ASSERT(allowed[job->state] & (1u << state));
    job->state = state;
}

static jpx_job **same_bucket(jpx_worker *w, const jpx_run_event *event)
{
    return &w->same[jpx_hash(event->key.b, JPX_PIPELINE_SIZE) % JPX_JOB_BUCKETS];
}

bool jpx_job_is_held(jpx_worker *w, const jpx_run_event *event)
{
    for (jpx_job *other = *same_bucket(w, event); other; other = other->next_same)
        if (jpx_key_equal(&other->event.key, &event->key) && other->event.finish == event->finish)
            return true;
    return false;
}

void jpx_job_hold(jpx_worker *w, jpx_job *job)
{
    jpx_job **bucket = same_bucket(w, &job->event);
    job->next_same = *bucket;
    *bucket = job;
    job->number = ++w->numbers;
    job->next = w->buckets[job->number % JPX_JOB_BUCKETS];
    w->buckets[job->number % JPX_JOB_BUCKETS] = job;
    w->held++;
    job->queue_sub->held++;
}

bool jpx_job_other_suspect(jpx_worker *w, const jpx_job *job)
{
    for (size_t b = 0; b < JPX_JOB_BUCKETS; b++)
        for (jpx_job *other = w->buckets[b]; other; other = other->next)
            if (other->suspect && other->state != JPX_JOB_DEFERRED && other != job)
                return true;
    return false;
}

jpx_job *jpx_job_find(jpx_worker *w, uint64_t number)
{
    jpx_job *job = w->buckets[number % JPX_JOB_BUCKETS];
    while (job && job->number != number)
        job = job->next;
    return job;
}

void jpx_job_memory_drop(jpx_job_memory *memory)
{
    if (--memory->users)
        return;
    jpx_arena_free(memory->arena);
    free(memory);
}

static void forget(jpx_worker *w, jpx_job *job)
{
    jpx_job **at = &w->buckets[job->number % JPX_JOB_BUCKETS];
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    for (at = same_bucket(w, &job->event); *at != job;)
        at = &(*at)->next_same;
    *at = job->next_same;
    w->held--;
    job->queue_sub->held--;
    jpx_job_memory_drop(job->memory);
}

void jpx_job_ack_or_nak(jpx_worker *w, jpx_job *job, bool nak, int64_t delay_ms)
{
    JPX_ASSERT(nak || job->state == JPX_JOB_DONE || job->state == JPX_JOB_ENDED);
    if (nak)
        jpx_sub_nak(job->queue_sub->sub, job->delivery, delay_ms);
    else
        jpx_sub_ack(job->queue_sub->sub, &job->delivery, 1);
    forget(w, job);
}

bool jpx_jobs_heartbeat(jpx_worker *w)
{
    int64_t now = jpx_now(w->role.session.env);
    if (now - w->heartbeat_ms < jpx_ack_wait_ms() * 4 / 15) /* 8 s of 30 */
        return false;
    w->heartbeat_ms = now;
    for (size_t b = 0; b < JPX_JOB_BUCKETS; b++)
        for (jpx_job *job = w->buckets[b]; job; job = job->next)
            jpx_sub_heartbeat(job->queue_sub->sub, &job->delivery, 1);
    return true;
}
