/* control.c -- stored messages that change something: replies, aborts, cleanups; starts whose arguments were uploaded.
 */
#include "role/api.h"
#include <openssl/crypto.h>
#include <string.h>

enum {
    EARLY_DELIVERIES = 40, /* of a reply that comes before its wait is durable (PROTOCOL 7) */
    ASKED_DELIVERIES = 16, /* the same where somebody waits for the answer */
    EARLY_MS = 250,
    ABORT_WALK_MS = 250,
    ABORT_WALK_MAX_MS = 5000,
    PUT_OFF_MS = 1000,
    SWEEP_MS = 60 * 1000, /* bodies in flight at a cleanup may still insert: the range is removed again after this */
    CLEANUP_ROOTS = 100,  /* removed by one message, at most */
    CLEANUP_RECORDS = 10 * JPX_SCAN_CHUNK
};

static void put_off(api *a, jpx_delivery *d, const jp_error *err)
{
    jpx_log(a->role.desk.env, JPX_WARN, "message put off", "subject=%s error=%s", d->subject,
            jpx_json_text(a->role.desk.arena, err->text));
    jpx_sub_nak(a->messages, d, PUT_OFF_MS);
}

/* Answers where somebody asked; keeps what nobody waits for as a dead letter. */
static void refuse(api *a, jpx_delivery *d, const char *kind, jp_status status, const char *text)
{
    jp_error err;
    if (d->reply_to) {
        jpx_api_error(a, d->reply_to, status, text);
    } else if (jpx_dead_letter(&a->role.desk, d, kind, text, &err) != JP_OK) {
        put_off(a, d, &err);
        return;
    }
    jpx_sub_ack(a->messages, &d, 1);
}

static void accept(api *a, jpx_delivery *d)
{
    bson_t doc = BSON_INITIALIZER;
    bson_append_bool(&doc, "accepted", 8, true);
    jpx_api_answer(a, d->reply_to, &doc);
    jpx_sub_ack(a->messages, &d, 1);
}

/* ---- replies ---- */

/* One plain answer for every bad ticket, whatever is wrong with it. */
static void refuse_ticket(api *a, jpx_delivery *d)
{
    refuse(a, d, "reply", JP_E_REFUSED, "this ticket cannot be used: it is unknown, was used, or its time is over");
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
    if (out->large && jpx_load_value(&a->role.desk, out->large_id, &stored, &ignored) != JP_OK)
        return false;
    return stored.size == value.size && memcmp(stored.data, value.data, value.size) == 0;
}

static jp_status write_reply(api *a, reply *r, const jpx_entry *waiting, bool *won, jp_error *err)
{
    jpx_desk *desk = &a->role.desk;
    jpx_output given = {.slot = "default", .value = r->value};
    jpx_outcome outcome = {.end = JPX_END_RETURN, .outputs = &given, .outputs_count = 1};
    jpx_plan_input plan = {.self = r->pipeline,
                           .step = r->step + 1,
                           .outcome = &outcome,
                           .random = jpx_random_fn,
                           .random_ctx = (void *)desk->env};
    jpx_generation generation = {0};
    jpx_entry entry = {.key = r->key,
                       .step = r->step + 1,
                       .kind = JPX_REPLIED,
                       .at_ms = jpx_now(desk->env),
                       .attempt = waiting->attempt,
                       .hooked = r->pipe->def.on_reply != NULL};
    jpx_outbox box = jpx_outbox_new(desk);
    bool dup = false;

    jpx_plan_outputs(&plan, desk->arena, &entry, &generation);
    entry.reply = entry.outs[0];
    entry.reply.slot = "reply";
    if (entry.hooked) {
        entry.outs_count = 0;
    } else { /* outputs that were filled before the wait belong to its end */
        jpx_out *outs = jpx_alloc_array(desk->arena, waiting->outs_count + 1, sizeof *outs);
        size_t count = 0;
        outs[count++] = entry.outs[0];
        for (size_t i = 0; i < waiting->outs_count; i++)
            if (strcmp(waiting->outs[i].slot, "default") != 0)
                outs[count++] = waiting->outs[i];
        entry.outs = outs;
        entry.outs_count = count;
    }
    jpx_record record = jpx_entry_encode(&entry, desk->arena);
    if (generation.values.count &&
        jpx_store_insert(desk->store, JPX_VALUE, generation.values.items, generation.values.count, NULL, err) != JP_OK)
        return err->status;
    if (jpx_store_insert(desk->store, JPX_ENTRY, &record, 1, &dup, err) != JP_OK)
        return err->status;
    *won = !dup;
    if (dup)
        return JP_OK;
    if (jpx_follow(desk, &box, r->pipeline, &entry, NULL, false, err) != JP_OK)
        return err->status;
    return jpx_outbox_flush(&box, err);
}

static jp_status load_reply(api *a, reply *r, jpx_root **root, jp_error *err)
{
    jpx_desk *desk = &a->role.desk;
    jpx_root_id id = jpx_key_root_id(&r->key);
    uint32_t upto = r->step < UINT32_MAX - 1 ? r->step + 1 : 0;

    if (jpx_load_roots(desk, &id, 1, root, err) != JP_OK ||
        jpx_load_pipelines(desk, &r->key, 1, &r->pipeline, err) != JP_OK)
        return err->status;
    if (!*root || !r->pipeline)
        return JP_OK;
    r->pipe = jpx_registry_find(a->role.parts.registry, r->pipeline->pipe);
    return jpx_load_entries(desk, &r->key, &upto, 1, &r->journal, err);
}

/* The wait a reply is for; NULL: refused, put off or accepted already, and the delivery is settled. */
static const jpx_entry *wait_of(api *a, reply *r, const jpx_root *root, jpx_delivery *d)
{
    const jpx_entry *waiting;

    if (!root || jpx_root_final(root) || root->aborting) {
        refuse_ticket(a, d);
        return NULL;
    }
    /* The answer was faster than the entry, or than the whole record of a promise: bounded patience. Whoever asked gets
     * an answer before he gives up. */
    if (r->step == r->journal.count) {
        if (d->deliveries < (d->reply_to ? ASKED_DELIVERIES : EARLY_DELIVERIES))
            jpx_sub_nak(a->messages, d, EARLY_MS);
        else
            refuse_ticket(a, d);
        return NULL;
    }
    waiting = r->step < r->journal.count ? &r->journal.entries[r->step] : NULL;
    if (!waiting || waiting->kind != JPX_WAITING || waiting->completes || !r->pipe ||
        CRYPTO_memcmp(waiting->token_hash, r->token_hash, sizeof r->token_hash) != 0) {
        refuse_ticket(a, d);
        return NULL;
    }
    if (r->step + 1 < r->journal.count) {
        const jpx_entry *next = &r->journal.entries[r->step + 1];
        if (next->kind == JPX_REPLIED && same_reply(a, &next->reply, r->value)) {
            jpx_outbox box = jpx_outbox_new(&a->role.desk); /* ours, from an earlier delivery */
            jp_error err;
            if (jpx_follow(&a->role.desk, &box, r->pipeline, next, NULL, true, &err) != JP_OK ||
                jpx_outbox_flush(&box, &err) != JP_OK)
                put_off(a, d, &err);
            else if (d->deliveries > 1)
                accept(a, d);
            else
                refuse_ticket(a, d);
        } else {
            refuse_ticket(a, d);
        }
        return NULL;
    }
    return waiting;
}

static bool type_fits(const reply *r, jp_error *err)
{
    bson_iter_t iter;
    jpx_kind gives = r->pipe->gives;
    bool optional = r->pipe->gives_optional;

    if (r->pipe->def.on_reply)
        return true;
    if (r->pipeline->promised && !jpx_promise_kind(r->pipeline->args, &gives, &optional)) {
        jpx_fail(err, JP_E_DAMAGED, "the record of this promise does not say what it gives");
        return false;
    }
    if (!jpx_value_iter(r->value, &iter))
        return false;
    if (jpx_kind_accepts(gives, bson_iter_type(&iter)) || (optional && bson_iter_type(&iter) == BSON_TYPE_NULL))
        return true;
    jpx_fail(err, JP_E_INVALID, "%s gives %s; the reply is of another type. The ticket can still be used",
             r->pipe->name, jpx_kind_text(gives));
    return false;
}

void jpx_api_reply(api *a, jpx_delivery *d, const char *ticket, jpx_bytes json)
{
    reply r = {0};
    jpx_root *root;
    uint8_t token[JPX_TOKEN_SIZE];
    const jpx_entry *waiting;
    jp_error err = {0};
    bool won;

    if (!ticket || !jpx_ticket_parse(ticket, &r.key, &r.step, token)) {
        refuse_ticket(a, d);
        return;
    }
    if (jpx_value_from_json(json, a->role.desk.arena, &r.value, &err) != JP_OK) {
        refuse(a, d, "reply", err.status, err.text);
        return;
    }
    jpx_token_hash(token, r.token_hash);
    if (load_reply(a, &r, &root, &err) != JP_OK) {
        put_off(a, d, &err);
        return;
    }
    waiting = wait_of(a, &r, root, d);
    if (!waiting)
        return;
    if (!type_fits(&r, &err)) {
        refuse(a, d, "reply", err.status, err.text);
        return;
    }
    if (write_reply(a, &r, waiting, &won, &err) != JP_OK)
        put_off(a, d, &err);
    else if (won)
        accept(a, d);
    else
        refuse_ticket(a, d);
}

/* ---- control ---- */

static const char *text_field(jpx_arena *arena, const bson_t *doc, const char *name)
{
    bson_iter_t iter;
    return bson_iter_init_find(&iter, doc, name) ? jpx_iter_text(&iter, arena) : NULL;
}

/* Carries an abort out; comes again until everything is final. */
static void aborting(api *a, jpx_delivery *d, const char *name)
{
    jpx_desk *desk = &a->role.desk;
    jpx_outbox box = jpx_outbox_new(desk);
    jpx_root *root;
    size_t pending = 0;
    jp_error err = {0};

    if (jpx_api_find_root(a, name, &root, &err) != JP_OK) {
        if (err.status == JP_E_NOT_FOUND)
            jpx_sub_ack(a->messages, &d, 1); /* cleaned up meanwhile */
        else
            put_off(a, d, &err);
        return;
    }
    if (!root->aborting || jpx_root_final(root)) {
        jpx_sub_ack(a->messages, &d, 1);
        return;
    }
    if (jpx_walk_abort(desk, &box, root, &pending, &err) != JP_OK || jpx_outbox_flush(&box, &err) != JP_OK) {
        put_off(a, d, &err);
    } else if (pending) {
        int64_t delay = (int64_t)ABORT_WALK_MS * d->deliveries;
        jpx_sub_nak(a->messages, d, delay < ABORT_WALK_MAX_MS ? delay : ABORT_WALK_MAX_MS);
    } else {
        jpx_sub_ack(a->messages, &d, 1);
    }
}

static void abort_root(api *a, jpx_delivery *d, const char *name, const char *reason)
{
    jpx_desk *desk = &a->role.desk;
    jpx_outbox box = jpx_outbox_new(desk);
    bson_t doc = BSON_INITIALIZER;
    char id[JPX_ROOT_TEXT];
    jpx_root *root;
    jpx_root_change change;
    jp_error err = {0};

    if (jpx_api_find_root(a, name, &root, &err) != JP_OK) {
        if (err.status == JP_E_NOT_FOUND)
            refuse(a, d, "control", err.status, err.text);
        else
            put_off(a, d, &err);
        bson_destroy(&doc);
        return;
    }
    change = (jpx_root_change){.id = jpx_id(root->id.b, JPX_ROOT_SIZE),
                               .op = JPX_ROOT_ABORT,
                               .at_ms = jpx_now(desk->env),
                               .reason = reason ? reason : "aborted by request",
                               .by = "request"};
    jpx_key key = jpx_key_root(root->id);
    bool ours = root->aborting && d->deliveries > 1;
    if (jpx_store_change_roots(desk->store, &change, 1, &err) != JP_OK)
        goto failed;
    if (change.changed || (root->aborting && !jpx_root_final(root))) { /* perhaps ours, from a delivery that was cut */
        jpx_outbox_abort(&box, &key, "request", change.reason);
        box.aborts_count = 0; /* the flag is up already */
        if (jpx_outbox_flush(&box, &err) != JP_OK)
            goto failed;
    }
    if (jpx_load_roots(desk, &root->id, 1, &root, &err) != JP_OK || !root)
        goto failed;
    bson_append_utf8(&doc, "root", 4, jpx_root_text(id, &root->id), -1);
    bson_append_utf8(&doc, "pipe", 4, root->pipe, -1);
    bson_append_utf8(&doc, "status", 6, root->status, -1);
    bson_append_bool(&doc, "accepted", 8, change.changed || ours);
    if (root->reason)
        bson_append_utf8(&doc, "reason", 6, root->reason, -1);
    if (!change.changed && !ours && jpx_root_final(root) && !root->aborting) {
        bson_destroy(&doc);
        refuse(a, d, "control", JP_E_REFUSED,
               jpx_format(desk->arena, "root %s is done already; nothing is left to abort", id));
        return;
    }
    jpx_api_answer(a, d->reply_to, &doc);
    jpx_sub_ack(a->messages, &d, 1);
    return;
failed:
    bson_destroy(&doc);
    put_off(a, d, &err);
}

/* ---- cleanup: in bounded steps, for other roots wait behind each of them ---- */

static jp_status remove_root(api *a, const jpx_root_id *root, size_t *budget, bool *done, jp_error *err)
{
    jpx_desk *desk = &a->role.desk;
    jpx_pipeline sweep = {.key = jpx_key_root(*root), .pipe = "cleanup", .queue = "cleanup"};
    jpx_outbox box = jpx_outbox_new(desk);

    jpx_outbox_timer(&box, jpx_now(desk->env) + SWEEP_MS, &sweep, UINT32_MAX);
    if (jpx_outbox_flush(&box, err) != JP_OK)
        return err->status;
    return jpx_walk_remove(desk, root, budget, done, err);
}

static void sweep(api *a, jpx_delivery *d, const char *name)
{
    jpx_root_id id;
    size_t budget = CLEANUP_RECORDS;
    bool done = true;
    jp_error err = {0};

    jpx_root *alive = NULL;
    if (jpx_root_parse(&id, name) && jpx_load_roots(&a->role.desk, &id, 1, &alive, &err) != JP_OK) {
        put_off(a, d, &err);
        return;
    }
    if (jpx_root_parse(&id, name) && !alive && /* a trigger that came again has made it anew: not ours to remove */
        jpx_walk_remove(&a->role.desk, &id, &budget, &done, &err) != JP_OK)
        put_off(a, d, &err);
    else if (!done)
        jpx_sub_nak(a->messages, d, 1);
    else
        jpx_sub_ack(a->messages, &d, 1);
}

/* Roots that ended before a time, the newest first, as far as the budget goes. */
static jp_status remove_some(api *a, const bson_t *doc, int64_t *removed, bool *more, jp_error *err)
{
    static const char *const finals[] = {"done", "aborted"};
    jpx_desk *desk = &a->role.desk;
    const char *status = text_field(desk->arena, doc, "status");
    bson_iter_t iter;
    int64_t older = bson_iter_init_find(&iter, doc, "older_ms") ? bson_iter_as_int64(&iter) : 0;
    int64_t now = jpx_now(desk->env);
    size_t budget = CLEANUP_RECORDS;

    older = older < 0 ? 0 : older > now ? now : older;
    for (size_t f = 0; f < 2; f++) {
        jpx_root_filter filter = {.status = finals[f], .older_ms = now - older + 1, .limit = CLEANUP_ROOTS};
        jpx_records found = {NULL, 0};
        if (status && strcmp(status, finals[f]) != 0)
            continue;
        if (jpx_store_list_roots(desk->store, &filter, desk->arena, &found, err) != JP_OK)
            return err->status;
        *more = *more || found.count == CLEANUP_ROOTS;
        for (size_t i = 0; i < found.count; i++) { /* also one whose record is damaged: its id is enough */
            jpx_root_id id;
            bool done = false;
            memcpy(id.b, found.items[i].id.data, JPX_ROOT_SIZE);
            if (budget && remove_root(a, &id, &budget, &done, err) != JP_OK)
                return err->status;
            *removed += done;
            *more = *more || !done;
        }
    }
    return JP_OK;
}

/* What is left over is asked for again by who asked; where nobody did, by another message. */
static void cleanup(api *a, jpx_delivery *d, const bson_t *doc, const char *name)
{
    jpx_desk *desk = &a->role.desk;
    bson_t answer = BSON_INITIALIZER;
    size_t budget = CLEANUP_RECORDS;
    jpx_root *root;
    int64_t removed = 0;
    bool more = false, done = false;
    jpx_message again = {.subject = d->subject, .data = d->data};
    jp_error err = {0};

    if (name) {
        if (jpx_api_find_root(a, name, &root, &err) != JP_OK)
            goto failed;
        if (!jpx_root_final(root)) {
            bson_destroy(&answer);
            refuse(a, d, "control", JP_E_REFUSED,
                   jpx_format(desk->arena, "root %.64s is still running; abort it first", name));
            return;
        }
        if (remove_root(a, &root->id, &budget, &done, &err) != JP_OK)
            goto failed;
        removed = done;
        more = !done;
    } else if (remove_some(a, doc, &removed, &more, &err) != JP_OK) {
        goto failed;
    }
    if (more && !d->reply_to && jpx_bus_publish(desk->bus, &again, 1, JPX_PUBLISH_MS, &err) != JP_OK)
        goto failed;
    bson_append_int64(&answer, "removed", 7, removed);
    bson_append_bool(&answer, "more", 4, more);
    jpx_api_answer(a, d->reply_to, &answer);
    jpx_sub_ack(a->messages, &d, 1);
    return;
failed:
    bson_destroy(&answer);
    if (err.status == JP_E_NOT_FOUND || err.status == JP_E_DAMAGED)
        refuse(a, d, "control", err.status, err.text);
    else
        put_off(a, d, &err);
}

/* ---- starts and replies whose value was uploaded ---- */

static void uploaded(api *a, jpx_delivery *d, const char *verb, const bson_t *doc)
{
    jpx_arena *arena = a->role.desk.arena;
    bson_iter_t iter;
    int64_t pieces = bson_iter_init_find(&iter, doc, "pieces") ? bson_iter_as_int64(&iter) : 0;
    bool start = strcmp(verb, "start") == 0;
    const char *of = text_field(arena, doc, start ? "pipe" : "ticket");
    jpx_bytes json;
    jp_error err = {0};

    jp_status status = jpx_api_uploaded(a, text_field(arena, doc, "upload"), pieces, &json, &err);
    if (status == JP_E_INVALID || status == JP_E_NOT_FOUND || status == JP_E_TOO_LARGE)
        refuse(a, d, verb, status, err.text);
    else if (status != JP_OK)
        put_off(a, d, &err);
    else if (start)
        jpx_api_start_uploaded(a, d, of ? of : "", json);
    else
        jpx_api_reply(a, d, of, json);
}

void jpx_api_control(api *a, jpx_delivery *d)
{
    jpx_arena *arena = a->role.desk.arena;
    const char *verb = jpx_api_subject(a, d->subject, "control.");
    bson_t doc;
    bson_error_t wrong;
    jp_error bad = {0};
    const char *name;

    if (!verb || !d->data.data ||
        !bson_init_from_json(&doc, (const char *)d->data.data, (ssize_t)d->data.size, &wrong)) {
        refuse(a, d, "control", JP_E_INVALID, "not a control message: a JSON object is wanted");
        return;
    }
    if ((strcmp(verb, "abort") == 0 || strcmp(verb, "cleanup") == 0) &&
        jpx_api_check_fields(verb, &doc, arena, &bad) != JP_OK) {
        refuse(a, d, "control", bad.status, bad.text);
        bson_destroy(&doc);
        return;
    }
    name = text_field(arena, &doc, "root");
    if (!name)
        name = text_field(arena, &doc, "key");
    if (name && strcmp(verb, "abort") == 0)
        abort_root(a, d, name, text_field(arena, &doc, "reason"));
    else if (name && strcmp(verb, "aborting") == 0)
        aborting(a, d, name);
    else if (name && strcmp(verb, "sweep") == 0)
        sweep(a, d, name);
    else if (strcmp(verb, "cleanup") == 0)
        cleanup(a, d, &doc, name);
    else if (strcmp(verb, "start") == 0 || strcmp(verb, "reply") == 0)
        uploaded(a, d, verb, &doc);
    else
        refuse(a, d, "control", JP_E_INVALID, "an unknown control verb, or no root named");
    bson_destroy(&doc);
}
