/* reply.c -- replies to waits: whose ticket it is, whether it can be used, the entry that it becomes.
 *
 * One wait takes one reply: the entry after the wait's is inserted once. Every bad ticket gets the same plain answer. A
 * reply that is faster than its wait comes again for a bounded while, and as long as the body that gave its ticket out
 * is at work. Waits for store and broker. */
#include "api/api.h"
#include <openssl/crypto.h>
#include <string.h>

enum {
    EARLY_DELIVERIES = 40, /* of a reply that comes before its wait is durable (PROTOCOL 7) */
    ASKED_DELIVERIES = 16, /* the same where somebody waits for the answer */
    EARLY_MS = 250,
    AT_WORK_MS = 1000 /* the same as long as the body that gave the ticket out is at work */
};

/* One plain answer for every bad ticket, whatever is wrong with it. */
static void refuse_ticket(api *a, jpx_delivery *d)
{
    jpx_api_refuse(a, d, "reply", JP_E_REFUSED,
                   "this ticket cannot be used: it is unknown, was used, or its time is over");
}

typedef struct reply {
    jpx_key key;
    uint32_t step;
    uint8_t token_hash[32];
    jpx_pipeline *pipeline;
    jpx_journal journal;
    const jpx_pipe *pipe;
    jpx_bytes value;
} reply;

static bool same_reply(api *a, const jpx_out *out, jpx_bytes value)
{
    jpx_bytes stored = out->value;
    jp_error ignored;
    if (out->large && jpx_load_value(&a->role.session, out->large_id, &stored, &ignored) != JP_OK)
        return false;
    return stored.size == value.size && memcmp(stored.data, value.data, value.size) == 0;
}

/* A duplicate may be our own: a store that says an insert again, because the answer was lost, finds its first try. */
static jp_status is_there(jpx_session *session, const jpx_record *ours, bool *same, jp_error *err)
{
    jpx_record found;

    if (jpx_store_get(session->store, JPX_TABLE_ENTRY, &ours->id, 1, session->arena, &found, err) != JP_OK)
        return err->status;
    *same = found.doc.data && found.doc.size == ours->doc.size &&
            memcmp(found.doc.data, ours->doc.data, ours->doc.size) == 0;
    return JP_OK;
}

static jp_status write_reply(api *a, reply *r, const jpx_entry *waiting, bool *won, jp_error *err)
{
    jpx_session *session = &a->role.session;
    jpx_output given = {.slot = "default", .value = r->value};
    jpx_outcome outcome = {.end = JPX_END_RETURN, .outputs = &given, .outputs_count = 1};
    jpx_plan_input plan = {.self = r->pipeline,
                           .step = r->step + 1,
                           .outcome = &outcome,
                           .random = jpx_random_fn,
                           .random_ctx = (void *)session->env};
    jpx_generation generation = {0};
    jpx_entry entry = {.key = r->key,
                       .step = r->step + 1,
                       .kind = JPX_ENTRY_REPLIED,
                       .at_ms = jpx_now(session->env),
                       .attempt = waiting->attempt,
                       .hooked = r->pipe->def.on_reply != NULL};
    jpx_outbox box = jpx_outbox_new(session);
    bool dup = false;

    jpx_plan_outputs(&plan, session->arena, &entry, &generation);
    entry.reply = entry.outs[0];
    entry.reply.slot = "reply";
    if (entry.hooked)
        entry.outs_count = 0;
    else
        jpx_journal_carry(&r->journal, session->arena, &entry);
    jpx_record record = jpx_entry_encode(&entry, session->arena);
    if (generation.values.count && jpx_store_insert(session->store, JPX_TABLE_VALUE, generation.values.items,
                                                    generation.values.count, NULL, err) != JP_OK)
        return err->status;
    if (jpx_store_insert(session->store, JPX_TABLE_ENTRY, &record, 1, &dup, err) != JP_OK)
        return err->status;
    *won = true;
    if (dup && is_there(session, &record, won, err) != JP_OK)
        return err->status;
    if (!*won)
        return JP_OK;
    if (jpx_entry_effects(session, &box, r->pipeline, &entry, NULL, dup, err) != JP_OK)
        return err->status;
    return jpx_outbox_flush(&box, err);
}

static jp_status load_reply(api *a, reply *r, jpx_root **root, jp_error *err)
{
    jpx_session *session = &a->role.session;
    jpx_root_id id = jpx_key_root_id(&r->key);
    uint32_t upto = r->step < UINT32_MAX - 1 ? r->step + 1 : 0;

    if (jpx_load_roots(session, &id, 1, root, err) != JP_OK ||
        jpx_load_pipelines(session, &r->key, 1, &r->pipeline, err) != JP_OK)
        return err->status;
    if (!*root || !r->pipeline)
        return JP_OK;
    r->pipe = jpx_registry_find(a->role.parts.registry, r->pipeline->pipe);
    return jpx_load_entries(session, &r->key, &upto, 1, &r->journal, err);
}

/* A promise waits from when a worker has taken its run event, which may be far behind in its queue. The reply need not
 * wait for that: once the promise is adopted, and has nobody to wait for, its wait is written here. */
static jp_status open_promise(api *a, reply *r, const jpx_root *root, jp_error *err)
{
    jpx_session *session = &a->role.session;
    const jpx_pipeline *p = r->pipeline;
    jpx_outbox box = jpx_outbox_new(session);
    jpx_journal parent;
    uint32_t upto = 0;
    bool dup;

    if (!root || jpx_root_final(root) || root->aborting || !p || !p->promised || !r->pipe || p->deps_count ||
        r->journal.count || CRYPTO_memcmp(p->token_hash, r->token_hash, sizeof r->token_hash) != 0)
        return JP_OK;
    if (jpx_load_entries(session, &p->parent, NULL, 1, &parent, err) != JP_OK)
        return err->status;
    const jpx_entry *planned = jpx_journal_find(&parent, JPX_ENTRY_PLANNED);
    if (!planned || memcmp(planned->gen, jpx_key_gen(&p->key), JPX_GEN_SIZE) != 0)
        return JP_OK;
    const int64_t timeout = jpx_timeout_ms(p, r->pipe);
    jpx_entry wait = {.key = p->key, .kind = JPX_ENTRY_WAITING, .at_ms = jpx_now(session->env), .attempt = 1};
    wait.due_ms = timeout ? wait.at_ms + timeout : 0;
    memcpy(wait.token_hash, p->token_hash, sizeof wait.token_hash);
    jpx_record record = jpx_entry_encode(&wait, session->arena);
    if (jpx_store_insert(session->store, JPX_TABLE_ENTRY, &record, 1, &dup, err) != JP_OK ||
        (!dup && jpx_entry_effects(session, &box, p, &wait, NULL, false, err) != JP_OK) ||
        jpx_outbox_flush(&box, err) != JP_OK)
        return err->status;
    return jpx_load_entries(session, &r->key, &upto, 1, &r->journal, err);
}

/* Is a body running that may have handed out this ticket, which the store does not know yet? Long bodies leave records
 * of what they may hand out (worker/executions.c), so garbage is told from an early reply. */
static jp_status is_at_work(api *a, const reply *r, bool *yes, jp_error *err)
{
    jpx_session *session = &a->role.session;
    const jpx_key generation = jpx_finish_key(jpx_key_root_id(&r->key), jpx_key_gen(&r->key));
    jpx_execution *executions;
    jpx_handout *handouts;
    size_t count;

    *yes = false;
    if (jpx_load_executions(session, &r->key, r->step, &executions, &count, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) /* its own ticket */
        *yes |=
            executions[i].ticketed && CRYPTO_memcmp(executions[i].token_hash, r->token_hash, sizeof r->token_hash) == 0;
    if (*yes || r->step != 0)
        return JP_OK;
    if (jpx_load_handouts(session, &generation, &handouts, &count, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) { /* that of a promise: until its generation was adopted, or was not */
        jpx_journal by;
        if (jpx_load_entries(session, &handouts[i].by, &handouts[i].by_step, 1, &by, err) != JP_OK)
            return err->status;
        *yes |= by.count <= handouts[i].by_step;
    }
    return JP_OK;
}

/* A reply to a ticket that nothing is known of yet: bounded patience, and more only where its body is at work. Whoever
 * asked gets an answer before he gives up. */
static void be_patient(api *a, const reply *r, jpx_delivery *d)
{
    bool at_work;
    jp_error err;

    if (d->deliveries < (d->reply_to ? ASKED_DELIVERIES : EARLY_DELIVERIES))
        jpx_sub_nak(a->messages, d, EARLY_MS);
    else if (is_at_work(a, r, &at_work, &err) != JP_OK)
        jpx_api_defer(a, d, &err);
    else if (!at_work)
        refuse_ticket(a, d);
    else if (d->reply_to)
        jpx_api_refuse(a, d, "reply", JP_E_UNAVAILABLE,
                       "the body that gave this ticket out has not ended yet; the ticket can be used when it has");
    else
        jpx_sub_nak(a->messages, d, AT_WORK_MS);
}

/* The wait a reply is for; NULL: refused, put off or accepted already, and the delivery is settled. */
static const jpx_entry *wait_of(api *a, reply *r, const jpx_root *root, jpx_delivery *d)
{
    const jpx_entry *waiting;

    if (!root || jpx_root_final(root) || root->aborting) {
        refuse_ticket(a, d);
        return NULL;
    }
    if (r->step == r->journal.count) { /* faster than the entry, or than the whole record of a promise */
        be_patient(a, r, d);
        return NULL;
    }
    waiting = r->step < r->journal.count ? &r->journal.entries[r->step] : NULL;
    if (!waiting || waiting->kind != JPX_ENTRY_WAITING || waiting->completes || !r->pipe ||
        CRYPTO_memcmp(waiting->token_hash, r->token_hash, sizeof r->token_hash) != 0) {
        refuse_ticket(a, d);
        return NULL;
    }
    if (r->step + 1 < r->journal.count) {
        const jpx_entry *next = &r->journal.entries[r->step + 1];
        if (next->kind == JPX_ENTRY_REPLIED && same_reply(a, &next->reply, r->value)) {
            jpx_outbox box = jpx_outbox_new(&a->role.session); /* ours, from an earlier delivery */
            jp_error err;
            if (jpx_entry_effects(&a->role.session, &box, r->pipeline, next, NULL, true, &err) != JP_OK ||
                jpx_outbox_flush(&box, &err) != JP_OK)
                jpx_api_defer(a, d, &err);
            else if (d->deliveries > 1)
                jpx_api_accept(a, d);
            else
                refuse_ticket(a, d);
        } else {
            refuse_ticket(a, d);
        }
        return NULL;
    }
    return waiting;
}

static jp_status check_type(const reply *r, jp_error *err)
{
    jp_error cause;

    if (jpx_reply_check(r->pipe, r->pipeline->args, r->value, &cause) != JP_OK)
        return jpx_fail(err, cause.status, "%s; the ticket can still be used", cause.text);
    if (!r->pipe->def.on_reply && jpx_output_types_fit(r->pipeline, "default", r->value, &cause) != JP_OK)
        return jpx_fail(err, cause.status, "%s; the ticket can still be used", cause.text);
    return JP_OK;
}

void jpx_api_reply(api *a, jpx_delivery *d, const char *ticket, jpx_bytes json)
{
    reply r = {0};
    jpx_root *root;
    uint8_t token[JPX_TOKEN_SIZE];
    const jpx_entry *waiting;
    jp_error err = {0};
    bool won = false;

    if (!ticket || !jpx_ticket_parse(ticket, &r.key, &r.step, token)) {
        refuse_ticket(a, d);
        return;
    }
    if (!json.size)
        json = (jpx_bytes){(const uint8_t *)"null", 4};
    if (jpx_value_from_json(json, a->role.session.arena, &r.value, &err) != JP_OK) {
        jpx_api_refuse(a, d, "reply", err.status, err.text);
        return;
    }
    jpx_token_hash(token, r.token_hash);
    if (load_reply(a, &r, &root, &err) != JP_OK || open_promise(a, &r, root, &err) != JP_OK) {
        jpx_api_defer(a, d, &err);
        return;
    }
    waiting = wait_of(a, &r, root, d);
    if (!waiting)
        return;
    if (check_type(&r, &err) != JP_OK) {
        jpx_api_refuse(a, d, "reply", err.status, err.text);
        return;
    }
    if (write_reply(a, &r, waiting, &won, &err) != JP_OK)
        jpx_api_defer(a, d, &err);
    else if (won)
        jpx_api_accept(a, d);
    else
        refuse_ticket(a, d);
}
