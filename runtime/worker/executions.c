/* executions.c -- the marks that executions leave in the store: before bodies that may be told of again, and of long
 * ones.
 *
 * A mark that says it begins was written as the last thing before its body, and only such marks are counted: when their
 * worker has ceased to renew them. Pipes with the finishing hook leave theirs before the abort flag is looked at for
 * the last time. All of it waits for the store. */
#include "worker/worker.h"

enum { RUNNING_MAX = 64 };

static jpx_mark mark_of(const jpx_worker *w, const jpx_job *job)
{
    return (jpx_mark){.key = job->event.key,
                      .step = job->event.step,
                      .since_ms = jpx_now(w->role.session.env),
                      .worker = w->role.parts.worker ? w->role.parts.worker : "worker"};
}

static jpx_record record_of(jpx_worker *w, const jpx_mark *mark)
{
    uint8_t tail[8];
    jpx_random(w->role.session.env, tail, sizeof tail);
    return jpx_mark_encode(mark, tail, w->role.session.arena);
}

/* Was it told before? Then a body may have begun for it and taken its worker down. */
bool jpx_job_is_repeat(const jpx_job *job)
{
    return job->delivery->deliveries > 1 || job->event.again;
}

/* Five beginnings without an ending: all but the first have left a mark that says so. Marks that only say that a body
 * may have begun do not count: the store may have failed before it did. Nor do those of bodies that are at work
 * elsewhere, for after a loss the event of each is told several times: theirs are renewed with the beats, so that they
 * are never so old. What is told again because its worker died comes a whole ack deadline after the last beat. The last
 * beginning is a suspect's: bodies that were submitted beside the one that is to blame have as many marks as that one,
 * though they may not have begun. */
bool jpx_out_of_beginnings(jpx_worker *w, jpx_job *job, jp_error *err)
{
    const int64_t dead_ms = jpx_now(w->role.session.env) - jpx_ack_wait_ms() / 2;
    jpx_mark *marks;
    size_t count;
    int begun = 0;

    if (jpx_load_marks(&w->role.session, &job->event.key, job->event.step, &marks, &count, err) != JP_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        begun += marks[i].begins && (marks[i].seen_ms ? marks[i].seen_ms : marks[i].since_ms) <= dead_ms;
    job->suspect = begun == JPX_DELIVERIES_MAX - 2;
    return begun >= JPX_DELIVERIES_MAX - 1;
}

/* Pipes with the finishing hook leave their mark before the abort flag is looked at for the last time (PROTOCOL 9): the
 * walker reads the mark after the flag, and so finds every body that may have begun. One that does not begin because of
 * the flag leaves no mark, or takes it back. */
jp_status jpx_mark_hooked(jpx_worker *w, jpx_batch *b, jpx_root **roots, jp_error *err)
{
    jpx_session *session = &w->role.session;
    jpx_record *marks = jpx_alloc_array(session->arena, b->count + 1, sizeof *marks);
    jpx_root_id *ids = jpx_alloc_array(session->arena, b->count + 1, sizeof *ids);
    jpx_root **again = jpx_alloc_array(session->arena, b->count + 1, sizeof *again);
    jpx_bytes *taken_back = jpx_alloc_array(session->arena, b->count + 1, sizeof *taken_back);
    size_t *whose = jpx_alloc_array(session->arena, b->count + 1, sizeof *whose);
    size_t count = 0, taken_count = 0;

    for (size_t i = 0; i < b->count; i++) {
        jpx_job *job = b->jobs[i];
        if (!job->pipeline || job->event.finish || !job->pipeline->hook || job->journal.count != job->event.step ||
            !roots[i] || roots[i]->aborting || jpx_root_final(roots[i]))
            continue;
        whose[count] = i;
        ids[count] = jpx_key_root_id(&job->event.key);
        const jpx_mark mark = mark_of(w, job);
        marks[count++] = record_of(w, &mark);
        job->marked = true;
        job->marks[0] = marks[count - 1].id;
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
        b->jobs[whose[i]]->marked = false;
        b->jobs[whose[i]]->marks[0] = (jpx_bytes){0};
        taken_back[taken_count++] = marks[i].id;
    }
    return taken_count ? jpx_store_remove(session->store, JPX_TABLE_MARK, taken_back, taken_count, err) : JP_OK;
}

/* Events that come again leave a mark before their body, so that beginnings without an ending can be counted: as the
 * last thing before it, for what was put off before that has not begun. */
jp_status jpx_mark_beginnings(jpx_worker *w, jpx_job **jobs, size_t count, jp_error *err)
{
    jpx_record *marks = jpx_alloc_array(w->role.session.arena, count + 1, sizeof *marks);
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (jpx_job_is_repeat(jobs[i])) {
            jpx_mark mark = mark_of(w, jobs[i]);
            mark.begins = true;
            marks[n++] = record_of(w, &mark);
            jobs[i]->marked = true;
            jobs[i]->marks[1] = marks[n - 1].id;
        }
    return n ? jpx_store_insert(w->role.session.store, JPX_TABLE_MARK, marks, n, NULL, err) : JP_OK;
}

/* Beginnings that have not ended are said again, with the beats. Failures do not matter: a mark that is missing then is
 * one that is not counted. */
void jpx_mark_again(jpx_worker *w)
{
    jpx_session *session = &w->role.session;
    jpx_bytes *ids = jpx_alloc_array(session->arena, w->held + 1, sizeof *ids);
    jpx_record *marks = jpx_alloc_array(session->arena, w->held + 1, sizeof *marks);
    jpx_record *found = jpx_alloc_array(session->arena, w->held + 1, sizeof *found);
    size_t count = 0, n = 0;
    jp_error ignored;
    jpx_mark mark;

    for (size_t b = 0; b < JPX_JOB_BUCKETS; b++)
        for (jpx_job *job = w->buckets[b]; job; job = job->next)
            if (job->marks[1].data)
                ids[count++] = job->marks[1];
    if (!count || jpx_store_get(session->store, JPX_TABLE_MARK, ids, count, session->arena, found, &ignored) != JP_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        if (!found[i].doc.data || !jpx_mark_decode(found[i], session->arena, &mark))
            continue;
        mark.seen_ms = jpx_now(session->env);
        marks[n++] = jpx_mark_encode(&mark, ids[i].data + JPX_ENTRY_SIZE, session->arena);
    }
    if (jpx_store_remove(session->store, JPX_TABLE_MARK, ids, count, &ignored) == JP_OK && n)
        jpx_store_insert(session->store, JPX_TABLE_MARK, marks, n, NULL, &ignored);
}

/* What it may have handed out by now can be told from garbage as long as it is at work: its own ticket by the token,
 * those of promises by the generation that they are to be in (reply.c). */
static size_t mark_handouts(jpx_worker *w, const jpx_job *job, jpx_record *marks)
{
    const jpx_root_id root = jpx_key_root_id(&job->event.key);
    uint8_t gen[JPX_GEN_SIZE], token[JPX_TOKEN_SIZE];
    jpx_mark mark = mark_of(w, job);
    size_t n = 0;

    mark.ticketed = job->pipe->def.async;
    if (mark.ticketed) {
        jpx_secret_token(job->secret, JPX_OWN_TICKET, token);
        jpx_token_hash(token, mark.token_hash);
    }
    if (!job->marked || mark.ticketed)
        marks[n++] = record_of(w, &mark);
    jpx_secret_generation(job->secret, gen);
    mark = mark_of(w, job);
    mark.plans = true;
    mark.by = mark.key;
    mark.by_step = mark.step;
    mark.key = jpx_finish_key(root, gen);
    mark.step = 0;
    marks[n++] = record_of(w, &mark);
    return n;
}

/* Bodies at work for more than 100 ms are shown as running. Outside the critical path: failures do not matter. */
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
        if (!job || job->long_ || !running[i].since_ms || job->event.finish ||
            jpx_now(session->env) - running[i].since_ms < JPX_MARK_MS)
            continue;
        n += mark_handouts(w, job, marks + n);
        job->long_ = true;
        if (job->marked)
            continue;
        jpx_change change = {
            .what = "running", .key = job->event.key, .pipe = job->pipeline->pipe, .attempt = job->attempt};
        jpx_outbox_change(&box, &change);
    }
    if (n && jpx_store_insert(session->store, JPX_TABLE_MARK, marks, n, NULL, &ignored) == JP_OK)
        jpx_outbox_flush(&box, &ignored);
}
