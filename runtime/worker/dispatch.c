/* dispatch.c -- from run events to what is to be done about each: nothing, what follows is told again, an end at once,
 * a body, a hook.
 *
 * Events that were fetched together are loaded, decided and started together. One that is not handled to its end comes
 * again: it is nakked, or its worker dies with it. Waits for store and broker. */
#include "worker/worker.h"
#include <stdlib.h>

static jp_status load_batch(jpx_worker *w, jpx_batch *b, jpx_root ***roots, jp_error *err)
{
    jpx_session *session = &w->role.session;
    jpx_key *keys = jpx_alloc_array(session->arena, b->count + 1, sizeof *keys);
    uint32_t *upto = jpx_alloc_array(session->arena, b->count + 1, sizeof *upto);
    jpx_root_id *ids = jpx_alloc_array(session->arena, b->count + 1, sizeof *ids);
    jpx_pipeline **pipelines = jpx_alloc_array(session->arena, b->count + 1, sizeof *pipelines);
    jpx_journal *journals = jpx_alloc_array(session->arena, b->count + 1, sizeof *journals);

    for (size_t i = 0; i < b->count; i++) {
        keys[i] = b->jobs[i]->event.key;
        upto[i] = b->jobs[i]->event.finish ? UINT32_MAX : b->jobs[i]->event.step;
        ids[i] = jpx_key_root_id(&keys[i]);
    }
    if (jpx_load_pipelines(session, keys, b->count, pipelines, err) != JP_OK ||
        jpx_load_entries(session, keys, upto, b->count, journals, err) != JP_OK)
        return err->status;
    *roots = jpx_alloc_array(session->arena, b->count + 1, sizeof **roots);
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

static const char *wait_text(jpx_session *session, const jpx_entry *waiting)
{
    return jpx_format(session->arena, "no reply within %s",
                      jpx_span_text(session->arena, waiting->due_ms - waiting->at_ms));
}

/* Decides about one job. *run: its body is to be run once its arguments are there. */
static jp_status classify(jpx_worker *w, jpx_job *job, const jpx_root *root, jpx_outbox *box, bool *run, bool *keep,
                          jp_error *err)
{
    jpx_session *session = &w->role.session;
    const jpx_entry *before;

    *run = *keep = false;
    if (!job->pipeline || !root)
        return JP_OK; /* cleaned up: late events are dropped quietly */
    job->pipe = jpx_registry_find(w->role.parts.registry, job->pipeline->pipe);
    if (job->event.finish) {
        const jpx_entry *finished = jpx_journal_find(&job->journal, JPX_ENTRY_FINISHED);
        if (finished)
            return jpx_entry_effects(session, box, job->pipeline, finished, NULL, true, err);
        if (jpx_finish_prepare(w, job, root, keep, err) != JP_OK)
            return err->status;
        job->event.step = job->journal.count;
        return JP_OK;
    }
    switch (jpx_journal_next(&job->journal, job->event.step, job->event.due)) {
    case JPX_NEXT_NOTHING:
        return JP_OK;
    case JPX_NEXT_FOLLOW:
        return jpx_entry_effects(session, box, job->pipeline, &job->journal.entries[job->event.step], NULL, true, err);
    case JPX_NEXT_COMPLETE:
        job->attempt = jpx_journal_attempt(&job->journal);
        *keep = !root->aborting;
        if (*keep)
            jpx_job_ended(w, job, JPX_END_RETURN, NULL, NULL);
        return JP_OK;
    case JPX_NEXT_TIMEOUT:
        before = jpx_journal_last(&job->journal);
        job->attempt = jpx_journal_attempt(&job->journal);
        *keep = true;
        if (root->aborting)
            *keep = false;
        else
            jpx_job_ended(w, job, JPX_END_RETRY, "timeout", wait_text(session, before));
        return JP_OK;
    case JPX_NEXT_BODY:
    case JPX_NEXT_REPLY:
        job->attempt = jpx_journal_attempt(&job->journal);
        if (root->aborting || jpx_root_final(root))
            return JP_OK; /* the walker gives it its end */
        *keep = true;
        if (!job->pipe)
            jpx_job_ended(w, job, JPX_END_WRONG, "program",
                          jpx_format(session->arena,
                                     "%s, %s: it is not registered in the program that runs queue %s: add it to the "
                                     "list given to jp_main",
                                     job->pipeline->pipe, jpx_job_place(job), job->pipeline->queue));
        else if (job->pipeline->promised)
            jpx_job_ended(w, job, JPX_END_WAIT, NULL, NULL);
        else if (jpx_job_is_repeat(job) && jpx_out_of_beginnings(w, job, err))
            jpx_job_ended(w, job, JPX_END_RETRY, "crash", "begun five times without an ending: taken for a crash");
        else if (job->suspect && jpx_job_suspected(w, job))
            job->deferred = true;
        else
            *run = true;
        return JP_OK;
    }
    return JP_OK;
}

static jp_status handle_batch(jpx_worker *w, jpx_batch *b, jp_error *err)
{
    jpx_outbox box = jpx_outbox_new(&w->role.session);
    jpx_job **bodies = jpx_alloc_array(w->role.session.arena, b->count + 1, sizeof *bodies);
    jpx_job **finishes = jpx_alloc_array(w->role.session.arena, b->count + 1, sizeof *finishes);
    size_t bodies_count = 0, finishes_count = 0;
    jpx_root **roots = NULL;

    if (load_batch(w, b, &roots, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < b->count; i++) {
        bool run, keep;
        if (classify(w, b->jobs[i], roots[i], &box, &run, &keep, err) != JP_OK)
            return err->status;
        b->done[i] = !keep || b->jobs[i]->deferred;
        if (run)
            bodies[bodies_count++] = b->jobs[i];
        else if (keep && b->jobs[i]->event.finish)
            finishes[finishes_count++] = b->jobs[i];
    }
    if (jpx_outbox_flush(&box, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < finishes_count; i++)
        jpx_finish_run(w, finishes[i]);
    return jpx_bodies_start(w, bodies, bodies_count, err);
}

void jpx_worker_take(jpx_worker *w, jpx_queue_sub *queue_sub, jpx_delivery **deliveries, size_t count)
{
    jpx_session *session = &w->role.session;
    jpx_job_memory *memory = calloc(1, sizeof *memory);
    jpx_arena *before = session->arena;
    jp_error err = {0};
    jpx_batch b = {0};

    JPX_ASSERT(memory != NULL);
    memory->arena = session->arena = jpx_arena_new();
    b.jobs = jpx_alloc_array(session->arena, count, sizeof *b.jobs);
    b.done = jpx_alloc_array(session->arena, count, sizeof *b.done);
    for (size_t i = 0; i < count; i++) {
        jpx_job *job = jpx_alloc(session->arena, sizeof *job);
        *job = (jpx_job){.memory = memory, .queue_sub = queue_sub, .delivery = deliveries[i]};
        if (!jpx_run_event_decode(deliveries[i]->data, session->arena, &job->event)) {
            if (jpx_dead_letter(session, deliveries[i], "run", "not a run event", &err) == JP_OK)
                jpx_sub_ack(queue_sub->sub, &deliveries[i], 1);
            else
                jpx_sub_nak(queue_sub->sub, deliveries[i], JPX_NAK_MS);
            continue;
        }
        if (jpx_job_at_work(w, job)) {
            jpx_sub_nak(queue_sub->sub, deliveries[i], JPX_NAK_MS);
            continue;
        }
        jpx_job_hold(w, job);
        memory->jobs++;
        b.jobs[b.count++] = job;
    }
    memory->jobs++; /* ours, until all are handled */
    if (b.count && handle_batch(w, &b, &err) != JP_OK) {
        jpx_log(session->env, JPX_WARN, "events put off", "count=%zu error=%s", b.count,
                jpx_json_text(session->arena, err.text));
        for (size_t i = 0; i < b.count; i++) /* those at work go on; the others come again */
            if (!b.jobs[i]->submitted) {
                for (size_t e = 0; e < w->ended_count; e++)
                    if (w->ended[e].job == b.jobs[i])
                        w->ended[e] = w->ended[--w->ended_count];
                jpx_job_ack_or_nak(w, b.jobs[i], true, JPX_NAK_MS);
            }
    } else {
        for (size_t i = 0; i < b.count; i++)
            if (b.done[i])
                jpx_job_ack_or_nak(w, b.jobs[i], b.jobs[i]->deferred, JPX_NAK_MS);
    }
    session->arena = before;
    if (--memory->jobs == 0) {
        jpx_arena_free(memory->arena);
        free(memory);
    }
}
