/* executions.c -- the marks that executions leave in the store before they have an entry.
 *
 * There are three: before the abort flag is checked (pipes with on_finished), as the last thing before a body whose
 * event is a repeat, and of a body that has run for JPX_MARK_MS. Only the second kind counts against the crash limit.
 * All of it waits for the store. */
#include "worker/worker.h"

enum { RUNNING_MAX = 64 };

static const char *place_of(const jpx_worker *w)
{
    return w->role.parts.worker ? w->role.parts.worker : "worker";
}

static jpx_execution execution_of(const jpx_worker *w, const jpx_job *job)
{
    return (jpx_execution){.key = job->event.key,
                           .step = job->event.step,
                           .since_ms = jpx_now(w->role.session.env),
                           .worker = place_of(w)};
}

static jpx_record record_of(jpx_worker *w, const jpx_execution *execution)
{
    uint8_t tail[8];
    jpx_random(w->role.session.env, tail, sizeof tail);
    return jpx_execution_encode(execution, tail, w->role.session.arena);
}

static bool is_marked(const jpx_job *job)
{
    return job->hook_mark.data || job->start_mark.data;
}

/* ---- the crash limit ---- */

bool jpx_job_is_repeat(const jpx_job *job)
{
    return job->delivery->deliveries > 1 || job->event.repeat;
}

/* We count marks with `begins`. The first start leaves none, so the limit is JPX_DELIVERIES_MAX - 1. Two kinds of marks
 * do not count:
 *   - marks without `begins`: written before the abort check, and the body may never have started;
 *   - fresh marks: a live worker renews its marks with every heartbeat, so one that is older than half an ack deadline
 *     belongs to a dead worker.
 * One start before the limit the job becomes a suspect and runs alone: jobs that shared a batch with the one that kills
 * its worker have collected as many marks. If the marks cannot be read, none count. */
bool jpx_crash_limit(jpx_worker *w, jpx_job *job)
{
    const int64_t dead_ms = jpx_now(w->role.session.env) - jpx_ack_wait_ms() / 2;
    jpx_execution *executions;
    size_t count;
    int starts = 0;
    jp_error ignored;

    if (jpx_load_executions(&w->role.session, &job->event.key, job->event.step, &executions, &count, &ignored) != JP_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        starts +=
            executions[i].begins && (executions[i].seen_ms ? executions[i].seen_ms : executions[i].since_ms) <= dead_ms;
    job->suspect = starts == JPX_DELIVERIES_MAX - 2;
    return starts >= JPX_DELIVERIES_MAX - 1;
}

/* ---- marks before the body ---- */

/* Pipes with on_finished write a mark before the last check of the abort flag (docs/protocol.md, trap 9). An abort
 * raises the flag first and reads the marks after that, so it finds every body that may have started. If the flag is
 * up, the body does not start, and the mark is removed. */
jp_status jpx_mark_hooked(jpx_worker *w, jpx_batch *b, jpx_root **roots, jp_error *err)
{
    jpx_session *session = &w->role.session;
    jpx_record *marks = jpx_alloc_array(session->arena, b->count, sizeof *marks);
    jpx_root_id *ids = jpx_alloc_array(session->arena, b->count, sizeof *ids);
    jpx_root **again = jpx_alloc_array(session->arena, b->count, sizeof *again);
    jpx_bytes *unused = jpx_alloc_array(session->arena, b->count, sizeof *unused);
    size_t *whose = jpx_alloc_array(session->arena, b->count, sizeof *whose);
    size_t count = 0, unused_count = 0;

    for (size_t i = 0; i < b->count; i++) {
        jpx_job *job = b->jobs[i];
        if (!job->pipeline || job->event.finish || !job->pipeline->hook || job->journal.count != job->event.step ||
            !roots[i] || roots[i]->aborting || jpx_root_final(roots[i]))
            continue;
        whose[count] = i;
        ids[count] = jpx_key_root_id(&job->event.key);
        const jpx_execution execution = execution_of(w, job);
        marks[count++] = record_of(w, &execution);
        job->hook_mark = marks[count - 1].id;
    }
    if (!count)
        return JP_OK;
    if (jpx_store_insert(session->store, JPX_TABLE_MARK, marks, count, NULL, err) != JP_OK ||
        jpx_load_roots(session, ids, count, again, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        roots[whose[i]] = again[i];
        if (again[i] && !again[i]->aborting && !jpx_root_final(again[i]))
            continue;
        b->jobs[whose[i]]->hook_mark = (jpx_bytes){0};
        unused[unused_count++] = marks[i].id;
    }
    return unused_count ? jpx_store_remove(session->store, JPX_TABLE_MARK, unused, unused_count, err) : JP_OK;
}

/* A repeat writes a mark as the last thing before its body, to be counted against the crash limit. A job that was
 * deferred never gets here: it has not started. */
jp_status jpx_mark_starts(jpx_worker *w, jpx_job **jobs, size_t count, jp_error *err)
{
    jpx_record *marks = jpx_alloc_array(w->role.session.arena, count, sizeof *marks);
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (jpx_job_is_repeat(jobs[i])) {
            jpx_execution execution = execution_of(w, jobs[i]);
            execution.begins = true;
            marks[n++] = record_of(w, &execution);
            jobs[i]->start_mark = marks[n - 1].id;
        }
    return n ? jpx_store_insert(w->role.session.store, JPX_TABLE_MARK, marks, n, NULL, err) : JP_OK;
}

/* Renews the marks of running bodies, with each heartbeat. Failures do not matter: a missing mark is one that does not
 * count. */
void jpx_mark_renew(jpx_worker *w)
{
    jpx_session *session = &w->role.session;
    jpx_bytes *ids = jpx_alloc_array(session->arena, w->held, sizeof *ids);
    jpx_record *marks = jpx_alloc_array(session->arena, w->held, sizeof *marks);
    jpx_record *found = jpx_alloc_array(session->arena, w->held, sizeof *found);
    size_t count = 0, n = 0;
    jp_error ignored;
    jpx_execution execution;

    for (size_t b = 0; b < JPX_JOB_BUCKETS; b++)
        for (jpx_job *job = w->buckets[b]; job; job = job->next)
            if (job->start_mark.data)
                ids[count++] = job->start_mark;
    if (!count || jpx_store_get(session->store, JPX_TABLE_MARK, ids, count, session->arena, found, &ignored) != JP_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        if (!found[i].doc.data || !jpx_execution_decode(found[i], session->arena, &execution))
            continue;
        execution.seen_ms = jpx_now(session->env);
        marks[n++] = jpx_execution_encode(&execution, ids[i].data + JPX_ENTRY_SIZE, session->arena);
    }
    if (jpx_store_remove(session->store, JPX_TABLE_MARK, ids, count, &ignored) == JP_OK && n)
        jpx_store_insert(session->store, JPX_TABLE_MARK, marks, n, NULL, &ignored);
}

/* ---- long bodies ---- */

/* The tickets that a running body may have handed out: its own, by the hash of the token, and those of promises, by the
 * generation that they will be in. reply.c needs them to recognize an early reply. */
static size_t mark_handouts(jpx_worker *w, const jpx_job *job, jpx_record *marks)
{
    uint8_t gen[JPX_GEN_SIZE], token[JPX_TOKEN_SIZE], tail[8];
    jpx_execution execution = execution_of(w, job);
    jpx_handout handout = {
        .since_ms = execution.since_ms, .worker = execution.worker, .by = job->event.key, .by_step = job->event.step};
    size_t n = 0;

    execution.ticketed = job->pipe->def.async;
    if (execution.ticketed) {
        jpx_secret_token(job->secret, JPX_OWN_TICKET, token);
        jpx_token_hash(token, execution.token_hash);
    }
    if (!is_marked(job) || execution.ticketed)
        marks[n++] = record_of(w, &execution);
    jpx_secret_generation(job->secret, gen);
    handout.generation = jpx_finish_key(jpx_key_root_id(&job->event.key), gen);
    jpx_random(w->role.session.env, tail, sizeof tail);
    marks[n++] = jpx_handout_encode(&handout, tail, w->role.session.arena);
    return n;
}

/* Shows bodies that have run for JPX_MARK_MS as running. Off the critical path: failures do not matter. */
void jpx_mark_long(jpx_worker *w)
{
    jpx_session *session = &w->role.session;
    jpx_running running[RUNNING_MAX];
    jpx_record marks[2 * RUNNING_MAX];
    size_t count = jpx_executor_running(w->executor, running, RUNNING_MAX), n = 0;
    jpx_outbox box = jpx_outbox_new(session);
    jp_error ignored;

    for (size_t i = 0; i < count; i++) {
        jpx_job *job = jpx_job_find(w, running[i].number_in_worker);
        if (!job || job->state != JPX_JOB_SUBMITTED || !running[i].since_ms || job->event.finish ||
            jpx_now(session->env) - running[i].since_ms < JPX_MARK_MS)
            continue;
        n += mark_handouts(w, job, marks + n);
        jpx_job_set(job, JPX_JOB_RUNNING);
        if (is_marked(job))
            continue;
        jpx_change change = {
            .what = "running", .key = job->event.key, .pipe = job->pipeline->pipe, .attempt = job->attempt};
        jpx_outbox_change(&box, &change);
    }
    if (n && jpx_store_insert(session->store, JPX_TABLE_MARK, marks, n, NULL, &ignored) == JP_OK)
        jpx_outbox_flush(&box, &ignored);
}
