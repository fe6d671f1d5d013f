/* commit.c -- what bodies ended with becomes durable, in groups.
 *
 * Order: large values, children and barriers; a second look at the abort flag where children are to be adopted; the
 * entries, in one insert whose duplicates tell who lost; what follows from each entry (the winner's, whoever wrote it);
 * the events; the acks. A cut between any two of these costs repetition only. */
#include "worker/worker.h"
#include <string.h>

enum { RECORD_MAX = 15 * 1024 * 1024 };

typedef struct commitment {
    jpx_ended *ended;
    jpx_entry entry;
    jpx_generation generation;
    jpx_plan_input plan;
    bool has_entry; /* false: nothing to write, ack or nak as `nak` says */
    bool lost;      /* somebody else's entry is there */
} commitment;

typedef struct group {
    jpx_session *session;
    commitment *items;
    size_t count;
    bool *nak;
} group;

/* ---- from an outcome to an entry ---- */

static const char *clipped(jpx_arena *arena, const char *text)
{
    if (!text)
        return NULL;
    size_t size = strnlen(text, JPX_REASON_MAX);
    while (size && size == JPX_REASON_MAX && ((unsigned char)text[size] & 0xC0) == 0x80)
        size--; /* not within a UTF-8 sequence */
    char *copy = jpx_strndup(arena, text, size);
    if (!bson_utf8_validate(copy, size, false)) /* it may come from a process with a corrupted heap */
        for (size_t i = 0; i < size; i++)
            if ((unsigned char)copy[i] >= 0x80)
                copy[i] = '?';
    return copy;
}

static void set_failure(jpx_session *session, jpx_entry *entry, const jpx_outcome *outcome)
{
    entry->failure_class = outcome->class_ ? clipped(session->arena, outcome->class_) : "unknown";
    entry->failure_text = outcome->reason ? clipped(session->arena, outcome->reason) : "no reason given";
    entry->failure_trace = clipped(session->arena, outcome->trace);
}

static void set_retry(jpx_session *session, commitment *c)
{
    const jpx_job *job = c->ended->job;
    const jpx_outcome *outcome = &c->ended->outcome;
    jp_retry_policy policy = jpx_policy(job->pipeline, job->pipe);
    int64_t delay = jpx_retry_delay_ms(&policy, job->attempt, jpx_random_unit(session->env));

    set_failure(session, &c->entry, outcome);
    if (delay == INT64_MAX) {
        c->entry.kind = JPX_ENTRY_FAILED;
        c->entry.failure_text = jpx_format(session->arena, "after %d attempt%s: %s", job->attempt,
                                           job->attempt == 1 ? "" : "s", c->entry.failure_text);
        return;
    }
    c->entry.kind = JPX_ENTRY_RETRY;
    c->entry.due_ms = c->entry.at_ms + (outcome->retry_in_ms >= 0 ? outcome->retry_in_ms : delay);
}

/* Outputs that were filled before the wait belong to its end. */
static void carry_outputs(jpx_session *session, const jpx_job *job, jpx_entry *entry)
{
    for (uint32_t i = 0; i < job->journal.count; i++) {
        const jpx_entry *waiting = &job->journal.entries[i];
        if (waiting->kind != JPX_ENTRY_WAITING || i + 1 >= job->journal.count ||
            job->journal.entries[i + 1].kind != JPX_ENTRY_REPLIED || i + 2 != job->journal.count)
            continue;
        jpx_out *outs = jpx_alloc_array(session->arena, entry->outs_count + waiting->outs_count + 1, sizeof *outs);
        size_t count = entry->outs_count;
        memcpy(outs, entry->outs, count * sizeof *outs);
        for (size_t o = 0; o < waiting->outs_count; o++)
            if (!jpx_entry_out(entry, waiting->outs[o].slot))
                outs[count++] = waiting->outs[o];
        entry->outs = outs;
        entry->outs_count = count;
    }
}

/* A promise has had its ticket since it was planned. */
static void token_hash_of(const jpx_job *job, uint8_t out[JPX_TOKEN_HASH_SIZE])
{
    uint8_t token[JPX_TOKEN_SIZE];

    if (job->pipeline->promised) {
        memcpy(out, job->pipeline->token_hash, JPX_TOKEN_HASH_SIZE);
        return;
    }
    jpx_secret_token(job->secret, JPX_OWN_TICKET, token);
    jpx_token_hash(token, out);
}

static void promise_hash(void *secret, uint32_t child, uint8_t out[JPX_TOKEN_HASH_SIZE])
{
    uint8_t token[JPX_TOKEN_SIZE];

    jpx_secret_token(secret, child, token);
    jpx_token_hash(token, out);
}

static void set_waiting(jpx_session *session, commitment *c)
{
    const jpx_job *job = c->ended->job;
    int64_t timeout = jpx_timeout_ms(job->pipeline, job->pipe);

    c->entry.kind = JPX_ENTRY_WAITING;
    c->entry.due_ms = timeout ? c->entry.at_ms + timeout : 0;
    if (c->ended->outcome.end == JPX_END_RETURN) { /* jp_return_in */
        c->entry.completes = true;
        c->entry.due_ms = c->entry.at_ms + c->ended->outcome.retry_in_ms;
    }
    token_hash_of(job, c->entry.token_hash);
    c->plan.outcome = &c->ended->outcome;
    jpx_plan_outputs(&c->plan, session->arena, &c->entry, &c->generation);
    carry_outputs(session, job, &c->entry); /* also those of an earlier wait of this attempt */
}

static void set_wrong(jpx_session *session, commitment *c, const char *class_, const char *reason)
{
    c->ended->outcome.end = JPX_END_WRONG;
    c->ended->outcome.class_ = class_;
    c->ended->outcome.reason = reason;
    c->generation = (jpx_generation){0};
    c->entry.kind = JPX_ENTRY_FAILED;
    c->entry.outs_count = 0;
    set_failure(session, &c->entry, &c->ended->outcome);
}

/* The delay is over: what was to come is there. */
static void set_completed(commitment *c)
{
    const jpx_entry *waiting = jpx_journal_last(&c->ended->job->journal);

    c->entry.kind = JPX_ENTRY_REPLIED;
    c->entry.outs = waiting->outs;
    c->entry.outs_count = waiting->outs_count;
    c->entry.reply = (jpx_out){.slot = "reply"};
}

static void set_returned(jpx_session *session, commitment *c)
{
    const jpx_outcome *outcome = &c->ended->outcome;
    jp_error err;

    c->entry.kind = outcome->children_count ? JPX_ENTRY_PLANNED : JPX_ENTRY_RETURNED;
    if (outcome->children_count) {
        jpx_secret_generation(c->ended->job->secret, c->plan.gen);
        memcpy(c->entry.gen, c->plan.gen, sizeof c->entry.gen);
        c->entry.children = (uint32_t)outcome->children_count;
        if (jpx_plan_children(&c->plan, session->arena, &c->generation, &err) != JP_OK) {
            set_wrong(session, c, "program", jpx_strdup(c->ended->job->memory->arena, err.text));
            return;
        }
    }
    jpx_plan_outputs(&c->plan, session->arena, &c->entry, &c->generation);
    carry_outputs(session, c->ended->job, &c->entry);
}

bool jpx_hook_runs_again(const jpx_ended *ended)
{
    const jpx_end end = ended->outcome.end;
    return end != JPX_END_RETURN && end != JPX_END_WRONG && ended->job->delivery->deliveries < JPX_FINISH_TRIES;
}

void jpx_hook_log_failure(jpx_session *session, const jpx_ended *ended)
{
    const jpx_root_id id = jpx_key_root_id(&ended->job->event.key);
    const char *reason = clipped(session->arena, ended->outcome.reason);
    const bool again = jpx_hook_runs_again(ended);
    char root[JPX_ROOT_TEXT];

    jpx_log(session->env, again ? JPX_WARN : JPX_ERROR, "hook failed", "root=%s pipe=%s again=%s reason=%s",
            jpx_root_text(root, &id), ended->job->pipeline->pipe, again ? "true" : "false",
            jpx_json_text(session->arena, reason ? reason : "no reason given"));
}

static void set_finished(jpx_session *session, commitment *c, bool *nak)
{
    const jpx_job *job = c->ended->job;
    const jpx_outcome *outcome = &c->ended->outcome;

    c->entry.kind = JPX_ENTRY_FINISHED;
    c->entry.aborted = job->aborted;
    if (outcome->end == JPX_END_RETURN)
        return;
    const bool again = jpx_hook_runs_again(c->ended);
    set_failure(session, &c->entry, outcome);
    jpx_hook_log_failure(session, c->ended);
    if (again) {
        c->has_entry = false;
        *nak = true;
    }
}

static void prepare(group *g, size_t i, jpx_ended *ended)
{
    commitment *c = &g->items[i];
    const jpx_job *job = ended->job;
    jpx_outcome *outcome = &ended->outcome;
    jp_error err;

    *c = (commitment){.ended = ended, .has_entry = true};
    c->entry = (jpx_entry){.key = job->event.key,
                           .step = job->event.step,
                           .at_ms = jpx_now(g->session->env),
                           .attempt = job->attempt ? job->attempt : 1,
                           .body_us = outcome->body_us};
    c->plan = (jpx_plan_input){.self = job->pipeline,
                               .step = job->event.step,
                               .outcome = outcome,
                               .now_ms = c->entry.at_ms,
                               .random = jpx_random_fn,
                               .random_ctx = (void *)g->session->env,
                               .facts = jpx_registry_facts,
                               .facts_ctx = (void *)g->session->parts->registry,
                               .promise_hash = promise_hash,
                               .secret = (void *)job->secret};
    if (job->event.finish) {
        set_finished(g->session, c, &g->nak[i]);
        return;
    }
    if (jpx_plan_check(outcome, &err) != JP_OK) {
        outcome->end = JPX_END_RETRY;
        outcome->class_ = "crash";
        outcome->reason = jpx_format(job->memory->arena, "its result made no sense (%s): a corrupted heap?", err.text);
        outcome->retry_in_ms = -1;
    }
    if (jpx_output_types_check(job->pipeline, outcome, &err) != JP_OK) {
        set_wrong(g->session, c, "program", jpx_strdup(job->memory->arena, err.text));
        jpx_tickets_tell(g->session->parts, job, outcome, &c->entry);
        return;
    }
    switch (outcome->end) {
    case JPX_END_RETURN:
        if (job->completing)
            set_completed(c);
        else if (outcome->retry_in_ms > 0)
            set_waiting(g->session, c);
        else
            set_returned(g->session, c);
        break;
    case JPX_END_WAIT:
        set_waiting(g->session, c);
        break;
    case JPX_END_RETRY:
        set_retry(g->session, c);
        break;
    case JPX_END_ABORT:
    case JPX_END_WRONG:
        c->entry.kind = JPX_ENTRY_FAILED;
        set_failure(g->session, &c->entry, outcome);
        break;
    }
    jpx_tickets_tell(g->session->parts, job, outcome, &c->entry);
}

/* A record that no store takes would hold up everything behind it: it is a failure of its own pipeline. */
static size_t largest(const jpx_records *records)
{
    size_t max = 0;
    for (size_t i = 0; i < records->count; i++)
        max = records->items[i].doc.size > max ? records->items[i].doc.size : max;
    return max;
}

static void refuse_too_large(group *g, commitment *c)
{
    size_t size = largest(&c->generation.pipelines), values = largest(&c->generation.values);

    size = values > size ? values : size;
    if (c->has_entry) {
        size_t entry = jpx_entry_encode(&c->entry, g->session->arena).doc.size;
        size = entry > size ? entry : size;
    }
    if (size > RECORD_MAX)
        set_wrong(
            g->session, c, "value",
            jpx_format(c->ended->job->memory->arena,
                       "%s, %s: a record of its plan would have more than %d MiB: pass fewer or smaller values, or "
                       "futures in the order in which they were yielded",
                       c->ended->job->pipeline->pipe, c->ended->job->pipe ? c->ended->job->pipe->def.at : "?",
                       RECORD_MAX / 1024 / 1024));
}

/* ---- writing ---- */

typedef struct pile {
    jpx_record *items;
    size_t count, cap;
} pile;

static void heap(pile *to, const jpx_records *from, jpx_arena *arena)
{
    for (size_t i = 0; i < from->count; i++)
        JPX_PUSH(arena, to->items, to->count, to->cap) = from->items[i];
}

static jp_status insert_pile(jpx_session *session, jpx_table table, const pile *p, jp_error *err)
{
    return p->count ? jpx_store_insert(session->store, table, p->items, p->count, NULL, err) : JP_OK;
}

/* Everything an entry will point to must be durable before it. */
static jp_status write_generations(group *g, jp_error *err)
{
    pile pipelines = {0}, barriers = {0}, values = {0};

    for (size_t i = 0; i < g->count; i++) {
        heap(&values, &g->items[i].generation.values, g->session->arena);
        heap(&pipelines, &g->items[i].generation.pipelines, g->session->arena);
        heap(&barriers, &g->items[i].generation.barriers, g->session->arena);
    }
    if (insert_pile(g->session, JPX_TABLE_VALUE, &values, err) != JP_OK ||
        insert_pile(g->session, JPX_TABLE_PIPELINE, &pipelines, err) != JP_OK)
        return err->status;
    return insert_pile(g->session, JPX_TABLE_BARRIER, &barriers, err);
}

/* No generation is adopted after the abort flag is up (SEMANTICS 7.2). */
static jp_status look_at_flags(group *g, jp_error *err)
{
    jpx_root_id *ids = jpx_alloc_array(g->session->arena, g->count + 1, sizeof *ids);
    jpx_root **roots = jpx_alloc_array(g->session->arena, g->count + 1, sizeof *roots);
    size_t *whose = jpx_alloc_array(g->session->arena, g->count + 1, sizeof *whose);
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
    jpx_record *records = jpx_alloc_array(g->session->arena, g->count + 1, sizeof *records);
    bool *dup = jpx_alloc_array(g->session->arena, g->count + 1, sizeof *dup);
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

/* Who lost the insert goes on from the winner's entry, never from its own (PROTOCOL 4). */
static jp_status read_winners(group *g, jp_error *err)
{
    for (size_t i = 0; i < g->count; i++) {
        commitment *c = &g->items[i];
        uint8_t id[JPX_ENTRY_SIZE];
        jpx_bytes ids = {id, sizeof id};
        jpx_record record;
        if (!c->lost)
            continue;
        jpx_entry_id(id, &c->entry.key, c->entry.step);
        if (jpx_store_get(g->session->store, JPX_TABLE_ENTRY, &ids, 1, g->session->arena, &record, err) != JP_OK)
            return err->status;
        if (!record.doc.data || !jpx_entry_decode(record.doc, g->session->arena, &c->entry)) {
            c->has_entry = false;
            continue;
        }
        if (c->ended->job->event.finish && c->entry.kind != JPX_ENTRY_FINISHED) {
            c->has_entry = false; /* something else was appended meanwhile: look again */
            g->nak[i] = true;
        }
    }
    return JP_OK;
}

jp_status jpx_commit(jpx_session *session, jpx_ended *ended, size_t count, bool retry, bool *nak, jp_error *err)
{
    group g = {.session = session,
               .items = jpx_alloc_array(session->arena, count + 1, sizeof(commitment)),
               .count = count,
               .nak = nak};
    jpx_outbox box = jpx_outbox_new(session);

    for (size_t i = 0; i < count; i++) {
        prepare(&g, i, &ended[i]);
        refuse_too_large(&g, &g.items[i]);
    }
    if (write_generations(&g, err) != JP_OK || look_at_flags(&g, err) != JP_OK || write_entries(&g, err) != JP_OK ||
        read_winners(&g, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        commitment *c = &g.items[i];
        bool own = !c->lost && !retry;
        if (c->has_entry && jpx_entry_effects(session, &box, ended[i].job->pipeline, &c->entry,
                                              own ? &c->generation : NULL, !own, err) != JP_OK)
            return err->status;
    }
    return jpx_outbox_flush(&box, err);
}
