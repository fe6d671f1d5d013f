/* collect.c -- what bodies and hooks ended with: fetched from the executor, committed together.
 *
 * Outcomes that cannot be committed because store or broker are away are kept and committed again; nothing new is
 * fetched meanwhile, so that JPX_BATCH_MAX is enough. Committing waits for store and broker. */
#include "worker/worker.h"

enum { BACKOFF_MAX_MS = 2000 };

void jpx_worker_collect(jpx_worker *w, int64_t wait_ms)
{
    size_t room = JPX_BATCH_MAX - w->ended_count;

    if (!w->ended_count) /* nothing in it is referenced */
        jpx_arena_reset(w->collected);
    if (!room)
        return;
    size_t count = jpx_executor_poll(w->executor, w->collected, w->outcomes, room, wait_ms);
    for (size_t i = 0; i < count; i++) {
        jpx_job *job = jpx_job_find(w, w->outcomes[i].number_in_worker);
        if (!job)
            continue;
        job->submitted = false;
        if (jpx_executor_broken(w->executor)) { /* no attempt: its process could not be had any more */
            jpx_job_ack_or_nak(w, job, true, JPX_NAK_MS);
            continue;
        }
        w->ended[w->ended_count++] = (jpx_ended){job, w->outcomes[i]};
    }
}

/* Hooks: on_finished after on_cancel. An on_cancel that failed is called again later, as on_finished is. */
static bool goes_on(jpx_worker *w, const jpx_ended *ended)
{
    jpx_job *job = ended->job;

    if (!job->event.finish || !job->cancelling)
        return false;
    if (jpx_hook_runs_again(ended))
        return false;
    job->cancelling = false;
    job->called = true;
    if (!job->pipe->def.on_finished)
        return false;
    if (ended->outcome.end != JPX_END_RETURN)
        jpx_hook_log_failure(&w->role.session, ended); /* its entry will be that of on_finished */
    jpx_job_submit(w, job, JPX_CALL_FINISHED);
    return true;
}

bool jpx_worker_commit(jpx_worker *w)
{
    jpx_session *session = &w->role.session;
    bool nak[JPX_BATCH_MAX] = {false};
    jp_error err = {0};
    size_t kept = 0;

    for (size_t i = 0; i < w->ended_count; i++)
        if (!goes_on(w, &w->ended[i]))
            w->ended[kept++] = w->ended[i];
    w->ended_count = kept;
    if (!kept)
        return true;
    jpx_arena_reset(session->arena);
    if (jpx_commit(session, w->ended, w->ended_count, w->retry, nak, &err) != JP_OK) {
        w->retry = true;
        w->backoff_ms = w->backoff_ms ? w->backoff_ms * 2 : 50;
        if (w->backoff_ms > BACKOFF_MAX_MS)
            w->backoff_ms = BACKOFF_MAX_MS;
        w->retry_at_ms = jpx_now(session->env) + w->backoff_ms;
        jpx_log(session->env, JPX_WARN, "results kept", "count=%zu again_in_ms=%lld error=%s", w->ended_count,
                (long long)w->backoff_ms, jpx_json_text(session->arena, err.text));
        return false;
    }
    for (size_t i = 0; i < w->ended_count; i++) {
        uint32_t deliveries = w->ended[i].job->delivery->deliveries;
        jpx_job_ack_or_nak(w, w->ended[i].job, nak[i], (int64_t)JPX_NAK_MS << (deliveries < 6 ? deliveries - 1 : 6));
    }
    w->ended_count = 0;
    w->retry = false;
    w->backoff_ms = 0;
    jpx_arena_reset(w->collected);
    return true;
}
