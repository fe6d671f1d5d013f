/* dispatch.c -- decides what each run event needs: nothing, its consequences published again, an end without a call, a
 * body, a hook.
 *
 * Events that were fetched together are loaded, decided and started together. If that fails, those that have not been
 * submitted are nacked, and redelivered. Waits for store and broker. */
#include "base/text.h"
#include "worker/worker.h"
#include <stdlib.h>

enum { NAK_MAX_MS = 30 * 1000 };

static jp_status load_batch(jpx_worker *w, jpx_batch *b, jpx_root ***roots, jp_error *err)
{
    jpx_session *session = &w->role.session;
    jpx_key *keys = jpx_alloc_array(session->arena, b->count, sizeof *keys);
    uint32_t *upto = jpx_alloc_array(session->arena, b->count, sizeof *upto);
    jpx_root_id *ids = jpx_alloc_array(session->arena, b->count, sizeof *ids);
    jpx_pipeline **pipelines = jpx_alloc_array(session->arena, b->count, sizeof *pipelines);
    jpx_journal *journals = jpx_alloc_array(session->arena, b->count, sizeof *journals);

    for (size_t i = 0; i < b->count; i++) {
        keys[i] = b->jobs[i]->event.key;
        upto[i] = b->jobs[i]->event.finish ? UINT32_MAX : b->jobs[i]->event.step;
        ids[i] = jpx_key_root_id(&keys[i]);
    }
    if (jpx_load_pipelines(session, keys, b->count, pipelines, err) != JP_OK ||
        jpx_load_entries(session, keys, upto, b->count, journals, err) != JP_OK)
        return err->status;
    *roots = jpx_alloc_array(session->arena, b->count, sizeof **roots);
    if (jpx_load_roots(session, ids, b->count, *roots, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < b->count; i++) {
        jpx_job *job = b->jobs[i];
        job->pipeline = pipelines[i];
        job->journal = journals[i];
        job->journal.pipeline = pipelines[i];
    }
    return jpx_mark_hooked(w, b, *roots, err);
}

static jp_status decide_finish(jpx_worker *w, jpx_job *job, const jpx_root *root, jpx_outbox *box, jp_error *err)
{
    const jpx_entry *finished = jpx_journal_find(&job->journal, JPX_ENTRY_FINISHED);

    job->event.step = job->journal.count;
    if (!finished)
        return jpx_finish_prepare(w, job, root, err);
    jpx_job_set(job, JPX_JOB_DONE);
    return jpx_entry_effects(&w->role.session, box, job->pipeline, finished, NULL, true, err);
}

static void decide_timeout(jpx_worker *w, jpx_job *job)
{
    jpx_arena *arena = w->role.session.arena;
    const jpx_entry *waiting = jpx_journal_last(&job->journal);

    jpx_job_end(w, job, JPX_END_RETRY, "timeout",
                jpx_format(arena, "no reply within %s", jpx_span_text(arena, waiting->due_ms - waiting->at_ms)));
}

static void decide_body(jpx_worker *w, jpx_job *job)
{
    if (!job->pipe)
        jpx_job_end(w, job, JPX_END_WRONG, "program",
                    jpx_format(w->role.session.arena,
                               "%s, %s: it is not registered in the program that runs queue %s: add it to the list "
                               "given to jp_main",
                               job->pipeline->pipe, jpx_job_place(job), job->pipeline->queue));
    else if (job->pipeline->promised)
        jpx_job_end(w, job, JPX_END_WAIT, NULL, NULL);
    else if (jpx_job_is_repeat(job) && jpx_crash_limit(w, job))
        jpx_job_end(w, job, JPX_END_RETRY, "crash", "started five times and never ended: counted as a crash");
    else if (job->suspect && jpx_job_other_suspect(w, job))
        jpx_job_set(job, JPX_JOB_DEFERRED);
}

/* A job that stays NEW needs a call: of its body, or of its hooks if it is a finish event. */
static jp_status decide(jpx_worker *w, jpx_job *job, const jpx_root *root, jpx_outbox *box, jp_error *err)
{
    if (!job->pipeline || !root) { /* cleaned up: a late event */
        jpx_job_set(job, JPX_JOB_DONE);
        return JP_OK;
    }
    job->pipe = jpx_registry_find(w->role.parts.registry, job->pipeline->pipe);
    if (job->event.finish)
        return decide_finish(w, job, root, box, err);
    job->attempt = jpx_journal_attempt(&job->journal);
    switch (jpx_journal_next(&job->journal, job->event.step, job->event.due)) {
    case JPX_NEXT_NOTHING:
        jpx_job_set(job, JPX_JOB_DONE);
        return JP_OK;
    case JPX_NEXT_FOLLOW:
        jpx_job_set(job, JPX_JOB_DONE);
        return jpx_entry_effects(&w->role.session, box, job->pipeline, &job->journal.entries[job->event.step], NULL,
                                 true, err);
    case JPX_NEXT_COMPLETE:
        if (root->aborting)
            jpx_job_set(job, JPX_JOB_DONE); /* the abort ends it */
        else
            jpx_job_end(w, job, JPX_END_RETURN, NULL, NULL);
        return JP_OK;
    case JPX_NEXT_TIMEOUT:
        if (root->aborting)
            jpx_job_set(job, JPX_JOB_DONE);
        else
            decide_timeout(w, job);
        return JP_OK;
    case JPX_NEXT_BODY:
    case JPX_NEXT_REPLY:
        if (root->aborting || jpx_root_final(root))
            jpx_job_set(job, JPX_JOB_DONE);
        else
            decide_body(w, job);
        return JP_OK;
    }
    return JP_OK;
}

static jp_status handle_batch(jpx_worker *w, jpx_batch *b, jp_error *err)
{
    jpx_outbox box = jpx_outbox_new(&w->role.session);
    jpx_job **bodies = jpx_alloc_array(w->role.session.arena, b->count, sizeof *bodies);
    size_t bodies_count = 0;
    jpx_root **roots = NULL;

    if (load_batch(w, b, &roots, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < b->count; i++)
        if (decide(w, b->jobs[i], roots[i], &box, err) != JP_OK)
            return err->status;
    if (jpx_outbox_flush(&box, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < b->count; i++)
        if (b->jobs[i]->state == JPX_JOB_NEW && b->jobs[i]->event.finish)
            jpx_finish_run(w, b->jobs[i]);
        else if (b->jobs[i]->state == JPX_JOB_NEW)
            bodies[bodies_count++] = b->jobs[i];
    return jpx_bodies_start(w, bodies, bodies_count, err);
}

/* The job of one delivery. NULL: it is not to be handled now, and was acked or nacked. */
static jpx_job *receive(jpx_worker *w, jpx_job_memory *memory, jpx_queue_sub *queue_sub, jpx_delivery *delivery)
{
    jpx_session *session = &w->role.session;
    jpx_job *job = jpx_alloc(memory->arena, sizeof *job);
    jp_error err;

    *job = (jpx_job){.memory = memory, .queue_sub = queue_sub, .delivery = delivery};
    switch (jpx_run_event_decode(delivery->data, &job->event)) {
    case JPX_DECODED:
        break;
    case JPX_NEWER:
        jpx_give_to_newer(session, queue_sub->sub, delivery, JPX_NEWER_RUN);
        return NULL;
    case JPX_MALFORMED:
        if (jpx_dead_letter(session, delivery, "run", "not a run event", &err) == JP_OK)
            jpx_sub_ack(queue_sub->sub, &delivery, 1);
        else
            jpx_sub_nak(queue_sub->sub, delivery, JPX_NAK_MS);
        return NULL;
    }
    if (jpx_job_is_held(w, &job->event)) { /* its redelivery will find the entry */
        jpx_sub_nak(queue_sub->sub, delivery, JPX_NAK_MS);
        return NULL;
    }
    jpx_job_hold(w, job);
    memory->users++;
    return job;
}

static void nak_batch(jpx_worker *w, const jpx_batch *b, int64_t delay_ms)
{
    for (size_t i = 0; i < b->count; i++) {
        jpx_job *job = b->jobs[i];
        if (job->state == JPX_JOB_SUBMITTED)
            continue; /* its body goes on */
        for (size_t e = 0; job->state == JPX_JOB_ENDED && e < w->ended_count; e++)
            if (w->ended[e].job == job)
                w->ended[e] = w->ended[--w->ended_count];
        jpx_job_ack_or_nak(w, job, true, delay_ms);
    }
}

/* A record that cannot be read concerns one root: its event must not hold up those that arrived with it. */
static bool is_of_one_root(jp_status status)
{
    return status == JP_E_DAMAGED || status == JP_E_REFUSED;
}

static void handle(jpx_worker *w, jpx_batch *b)
{
    jp_error err = {0};

    if (handle_batch(w, b, &err) == JP_OK) {
        for (size_t i = 0; i < b->count; i++)
            if (b->jobs[i]->state == JPX_JOB_DONE || b->jobs[i]->state == JPX_JOB_DEFERRED)
                jpx_job_ack_or_nak(w, b->jobs[i], b->jobs[i]->state == JPX_JOB_DEFERRED, JPX_NAK_MS);
    } else if (b->count > 1 && is_of_one_root(err.status)) {
        for (size_t i = 0; i < b->count; i++)
            if (b->jobs[i]->state == JPX_JOB_NEW)
                handle(w, &(jpx_batch){.jobs = &b->jobs[i], .count = 1});
            else /* what follows from it was not published */
                nak_batch(w, &(jpx_batch){.jobs = &b->jobs[i], .count = 1}, JPX_NAK_MS);
    } else {
        jpx_log(w->role.session.env, JPX_WARN, "events nacked", "count=%zu error=%s", b->count,
                jpx_json_text(w->role.session.arena, err.text));
        nak_batch(w, b,
                  is_of_one_root(err.status)
                      ? jpx_nak_delay_ms(b->jobs[0]->delivery->deliveries, JPX_NAK_MS, NAK_MAX_MS)
                      : JPX_NAK_MS);
    }
}

void jpx_worker_take(jpx_worker *w, jpx_queue_sub *queue_sub, jpx_delivery **deliveries, size_t count)
{
    jpx_session *session = &w->role.session;
    jpx_job_memory *memory = calloc(1, sizeof *memory);
    jpx_arena *before = session->arena;
    jpx_batch b = {0};

    JPX_ASSERT(memory != NULL);
    memory->users = 1;
    memory->arena = session->arena = jpx_arena_new();
    b.jobs = jpx_alloc_array(session->arena, count, sizeof *b.jobs);
    for (size_t i = 0; i < count; i++) {
        jpx_job *job = receive(w, memory, queue_sub, deliveries[i]);
        if (job)
            b.jobs[b.count++] = job;
    }
    if (b.count)
        handle(w, &b);
    session->arena = before;
    jpx_job_memory_drop(memory);
}
