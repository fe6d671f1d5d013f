/* commit.c -- collects the outcomes of bodies and hooks from the executor and makes them durable, in groups.
 *
 * Order: large values, children and barriers; a second look at the abort flag where children are to be adopted; the
 * entries, in one insert that reports its duplicates; what follows from each entry (the winner's, whoever wrote it);
 * the events; the acks. A crash between any two of these costs repetition only.
 *
 * If store or broker are away, the outcomes are kept and committed again later. Nothing new is collected meanwhile, so
 * JPX_BATCH_MAX places are enough. Committing waits for store and broker. */
#include "base/text.h"
#include "worker/worker.h"

enum { BACKOFF_MS = 50, BACKOFF_MAX_MS = 2000 };

typedef struct group { /* what is committed together */
    jpx_session *session;
    jpx_commitment *items;
    size_t count;
} group;

/* ---- collecting ---- */

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
        if (jpx_executor_broken(w->executor)) { /* not an attempt: there was no process to run it */
            jpx_job_ack_or_nak(w, job, true, JPX_NAK_MS);
            continue;
        }
        jpx_job_set(job, JPX_JOB_ENDED);
        w->ended[w->ended_count++] = (jpx_ended){job, w->outcomes[i]};
    }
}

/* If this is the end of on_cancel, runs on_finished next. An on_cancel that failed runs again later instead, as
 * on_finished does. */
static bool goes_on(jpx_worker *w, const jpx_ended *ended)
{
    jpx_job *job = ended->job;

    if (!job->event.finish || job->call.call != JPX_CALL_CANCEL || jpx_hook_runs_again(ended))
        return false;
    job->cancelled = true;
    if (!job->pipe->def.on_finished)
        return false;
    if (ended->outcome.end != JPX_END_RETURN)
        jpx_hook_log_failure(&w->role.session, ended); /* its entry will be that of on_finished */
    jpx_job_submit(w, job, JPX_CALL_FINISHED);
    return true;
}

/* ---- writing ---- */

typedef struct pile { /* records of all items, for one insert */
    jpx_record *items;
    size_t count, cap;
} pile;

static void add(pile *to, const jpx_records *from, jpx_arena *arena)
{
    for (size_t i = 0; i < from->count; i++)
        JPX_PUSH(arena, to->items, to->count, to->cap) = from->items[i];
}

static jp_status insert_pile(jpx_session *session, jpx_table table, const pile *p, jp_error *err)
{
    return p->count ? jpx_store_insert(session->store, table, p->items, p->count, NULL, err) : JP_OK;
}

/* Everything that an entry points to must be durable before the entry. */
static jp_status write_generations(group *g, jp_error *err)
{
    pile pipelines = {0}, barriers = {0}, values = {0};

    for (size_t i = 0; i < g->count; i++) {
        add(&values, &g->items[i].generation.values, g->session->arena);
        add(&pipelines, &g->items[i].generation.pipelines, g->session->arena);
        add(&barriers, &g->items[i].generation.barriers, g->session->arena);
    }
    if (insert_pile(g->session, JPX_TABLE_VALUE, &values, err) != JP_OK ||
        insert_pile(g->session, JPX_TABLE_PIPELINE, &pipelines, err) != JP_OK)
        return err->status;
    return insert_pile(g->session, JPX_TABLE_BARRIER, &barriers, err);
}

/* No generation is adopted once the abort flag is up (SEMANTICS 7.2). */
static jp_status check_abort(group *g, jp_error *err)
{
    jpx_root_id *ids = jpx_alloc_array(g->session->arena, g->count, sizeof *ids);
    jpx_root **roots = jpx_alloc_array(g->session->arena, g->count, sizeof *roots);
    size_t *whose = jpx_alloc_array(g->session->arena, g->count, sizeof *whose);
    size_t count = 0;

    for (size_t i = 0; i < g->count; i++)
        if (g->items[i].has_entry && g->items[i].entry.kind == JPX_ENTRY_PLANNED) {
            whose[count] = i;
            ids[count++] = jpx_key_root_id(&g->items[i].entry.key);
        }
    if (!count)
        return JP_OK;
    if (jpx_load_roots(g->session, ids, count, roots, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++)
        if (!roots[i] || roots[i]->aborting || jpx_root_final(roots[i]))
            g->items[whose[i]].has_entry = false;
    return JP_OK;
}

static jp_status write_entries(group *g, jp_error *err)
{
    jpx_record *records = jpx_alloc_array(g->session->arena, g->count, sizeof *records);
    bool *dup = jpx_alloc_array(g->session->arena, g->count, sizeof *dup);
    size_t count = 0, at = 0;

    for (size_t i = 0; i < g->count; i++)
        if (g->items[i].has_entry)
            records[count++] = jpx_entry_encode(&g->items[i].entry, g->session->arena);
    if (!count)
        return JP_OK;
    if (jpx_store_insert(g->session->store, JPX_TABLE_ENTRY, records, count, dup, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < g->count; i++)
        if (g->items[i].has_entry)
            g->items[i].lost = dup[at++];
    return JP_OK;
}

/* If our insert lost, we go on from the winner's entry, never from our own (docs/protocol.md, trap 4). */
static jp_status read_winners(group *g, jp_error *err)
{
    for (size_t i = 0; i < g->count; i++) {
        jpx_commitment *c = &g->items[i];
        uint8_t id[JPX_ENTRY_SIZE];
        jpx_bytes ids = {id, sizeof id};
        jpx_record record;
        if (!c->lost)
            continue;
        jpx_entry_id(id, &c->entry.key, c->entry.step);
        if (jpx_store_get(g->session->store, JPX_TABLE_ENTRY, &ids, 1, g->session->arena, &record, err) != JP_OK)
            return err->status;
        if (record.doc.data && jpx_record_is_newer(record.doc))
            return jpx_newer_record(g->session, "entry", &c->entry.key, err);
        if (!record.doc.data || !jpx_entry_decode(record.doc, g->session->arena, &c->entry)) {
            c->has_entry = false;
            continue;
        }
        if (c->ended->job->event.finish && c->entry.kind != JPX_ENTRY_FINISHED) {
            c->has_entry = false; /* another entry was appended meanwhile: decide again */
            c->nak = true;
        }
    }
    return JP_OK;
}

static jp_status commit(group *g, bool retry, jp_error *err)
{
    jpx_outbox box = jpx_outbox_new(g->session);

    if (write_generations(g, err) != JP_OK || check_abort(g, err) != JP_OK || write_entries(g, err) != JP_OK ||
        read_winners(g, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < g->count; i++) {
        jpx_commitment *c = &g->items[i];
        bool own = !c->lost && !retry;
        if (c->has_entry && jpx_entry_effects(g->session, &box, c->ended->job->pipeline, &c->entry,
                                              own ? &c->generation : NULL, !own, err) != JP_OK)
            return err->status;
    }
    return jpx_outbox_flush(&box, err);
}

/* ---- the worker's part ---- */

static void keep(jpx_worker *w, const jp_error *err)
{
    jpx_session *session = &w->role.session;

    w->retry = true;
    w->backoff_ms = w->backoff_ms ? w->backoff_ms * 2 : BACKOFF_MS;
    if (w->backoff_ms > BACKOFF_MAX_MS)
        w->backoff_ms = BACKOFF_MAX_MS;
    w->retry_at_ms = jpx_now(session->env) + w->backoff_ms;
    jpx_log(session->env, JPX_WARN, "outcomes kept", "count=%zu retry_in_ms=%lld error=%s", w->ended_count,
            (long long)w->backoff_ms, jpx_json_text(session->arena, err->text));
}

bool jpx_worker_commit(jpx_worker *w)
{
    jpx_session *session = &w->role.session;
    group g = {.session = session};
    jp_error err = {0};
    size_t kept = 0;

    for (size_t i = 0; i < w->ended_count; i++)
        if (!goes_on(w, &w->ended[i]))
            w->ended[kept++] = w->ended[i];
    w->ended_count = kept;
    if (!kept)
        return true;
    jpx_arena_reset(session->arena);
    g.items = jpx_alloc_array(session->arena, w->ended_count, sizeof *g.items);
    for (; g.count < w->ended_count; g.count++)
        jpx_outcome_entry(session, &w->ended[g.count], &g.items[g.count]);
    if (commit(&g, w->retry, &err) != JP_OK) {
        keep(w, &err);
        return false;
    }
    for (size_t i = 0; i < g.count; i++) {
        uint32_t deliveries = w->ended[i].job->delivery->deliveries;
        jpx_job_ack_or_nak(w, w->ended[i].job, g.items[i].nak,
                           (int64_t)JPX_NAK_MS << (deliveries < 6 ? deliveries - 1 : 6));
    }
    w->ended_count = 0;
    w->retry = false;
    w->backoff_ms = 0;
    jpx_arena_reset(w->collected);
    return true;
}
