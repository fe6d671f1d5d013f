/* held.c -- the run events that a worker holds: found by their number and by their key, beaten, settled.
 *
 * Invariants: a job is in both tables from jpx_job_hold to jpx_job_ack_or_nak, and its memory is its memory's, which
 * goes with the last job of it. No event is held twice. Nothing here blocks: acks, naks and beats are asynchronous. */
#include "worker/worker.h"
#include <stdlib.h>

static jpx_job **same_bucket(jpx_worker *w, const jpx_job *job)
{
    return &w->same[jpx_hash(job->event.key.b, JPX_PIPELINE_SIZE) % JPX_JOB_BUCKETS];
}

/* Is the same event at work here already? Then this one comes again later and finds the entry. */
bool jpx_job_at_work(jpx_worker *w, const jpx_job *job)
{
    for (jpx_job *other = *same_bucket(w, job); other; other = other->next_same)
        if (jpx_key_equal(&other->event.key, &job->event.key) && other->event.finish == job->event.finish)
            return true;
    return false;
}

void jpx_job_hold(jpx_worker *w, jpx_job *job)
{
    jpx_job **bucket = same_bucket(w, job);
    job->next_same = *bucket;
    *bucket = job;
    job->number = ++w->numbers;
    job->next = w->buckets[job->number % JPX_JOB_BUCKETS];
    w->buckets[job->number % JPX_JOB_BUCKETS] = job;
    w->held++;
    job->queue_sub->held++;
}

bool jpx_job_suspected(jpx_worker *w, const jpx_job *job)
{
    for (size_t b = 0; b < JPX_JOB_BUCKETS; b++)
        for (jpx_job *other = w->buckets[b]; other; other = other->next)
            if (other->suspect && !other->deferred && other != job)
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

static void let_go(jpx_worker *w, jpx_job *job)
{
    jpx_job **at = &w->buckets[job->number % JPX_JOB_BUCKETS];
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    for (at = same_bucket(w, job); *at != job;)
        at = &(*at)->next_same;
    *at = job->next_same;
    w->held--;
    job->queue_sub->held--;
    jpx_job_memory *memory = job->memory; /* the job itself lives in its arena */
    if (--memory->jobs == 0) {
        jpx_arena_free(memory->arena);
        free(memory);
    }
}

void jpx_job_ack_or_nak(jpx_worker *w, jpx_job *job, bool nak, int64_t delay_ms)
{
    if (nak)
        jpx_sub_nak(job->queue_sub->sub, job->delivery, delay_ms);
    else
        jpx_sub_ack(job->queue_sub->sub, &job->delivery, 1);
    let_go(w, job);
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
