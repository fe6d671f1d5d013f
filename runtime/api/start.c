/* start.c -- triggers become roots.
 *
 * The root's id is made from the message itself, so that a redelivery finds what the first delivery wrote. Order: large
 * arguments and the root pipeline (inert without a root), then the root (its unique key decides between concurrent
 * duplicates), then the run event, then answers and acks. */
#include "api/api.h"
#include "base/text.h"
#include <string.h>

typedef struct start {
    jpx_delivery *delivery;
    const char *name; /* of the pipe */
    jpx_bytes json;   /* its arguments */
    const jpx_pipe *pipe;
    const char *key;
    jpx_bytes args;
    jpx_root_id root;
    bool good; /* is to be handled */
    bool existed;
    jp_error err;
} start;

const char *jpx_api_subject(const api *a, const char *subject, const char *kind)
{
    const char *prefix = jpx_bus_prefix(a->role.session.bus);
    size_t prefix_size = strlen(prefix), kind_size = strlen(kind);

    if (strncmp(subject, prefix, prefix_size) != 0 || subject[prefix_size] != '.' ||
        strncmp(subject + prefix_size + 1, kind, kind_size) != 0)
        return NULL;
    return subject + prefix_size + 1 + kind_size;
}

/* A key travels in a header: what that cannot carry as it is would make another key of it. */
jp_status jpx_api_check_key(const char *key, jp_error *err)
{
    size_t size = strlen(key);

    if (size == 0 || size > JPX_KEY_MAX)
        return jpx_fail(err, JP_E_INVALID, "the key has %zu bytes; 1 to %d are allowed", size, JPX_KEY_MAX);
    if (!bson_utf8_validate(key, size, false))
        return jpx_fail(err, JP_E_INVALID, "the key is not UTF-8");
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)key[i] < ' ' || key[i] == 0x7f)
            return jpx_fail(err, JP_E_INVALID, "the key has a control character in it, at byte %zu", i + 1);
    if (key[0] == ' ' || key[size - 1] == ' ')
        return jpx_fail(err, JP_E_INVALID, "the key begins or ends with a space");
    return JP_OK;
}

/* The same for every delivery of one message, different for any two messages. */
static jpx_root_id root_of(const jpx_delivery *d)
{
    uint8_t identity[16];
    uint64_t hash;

    jpx_put64(identity, d->sequence);
    jpx_put64(identity + 8, (uint64_t)d->published_ns);
    hash = jpx_hash(identity, sizeof identity) ^ jpx_hash(d->subject, strlen(d->subject));
    return jpx_root_new(d->published_ns / 1000000, (const uint8_t *)&hash);
}

static jp_status read_start(api *a, start *s)
{
    jpx_arena *arena = a->role.session.arena;
    s->root = root_of(s->delivery);
    s->key = s->delivery->key ? s->delivery->key : s->delivery->id;
    s->pipe = jpx_registry_find(a->role.parts.registry, s->name);
    if (!s->pipe)
        return jpx_fail(&s->err, JP_E_NOT_FOUND,
                        "no pipe named %.100s is registered here; `pipes` lists those that are", s->name);
    if (s->key && jpx_api_check_key(s->key, &s->err) != JP_OK)
        return s->err.status;
    return jpx_args_from_json(s->pipe, s->json, arena, &s->args, &s->err);
}

/* A trigger that cannot be understood is answered where somebody asked, and kept as a dead letter where not. */
static void reject(api *a, start *s)
{
    jp_error err;

    if (s->delivery->reply_to)
        jpx_api_error(a, s->delivery->reply_to, s->err.status, s->err.text);
    else if (jpx_dead_letter(&a->role.session, s->delivery, "start", s->err.text, &err) != JP_OK) {
        jpx_sub_nak(a->messages, s->delivery, 1000);
        return;
    }
    jpx_sub_ack(a->messages, &s->delivery, 1);
}

static jp_status remove_records(api *a, const start *s, jp_error *err)
{
    bool done = false;
    while (!done) {
        size_t budget = JPX_SCAN_CHUNK;
        if (jpx_remove_root(&a->role.session, &s->root, &budget, &done, err) != JP_OK)
            return err->status;
    }
    return JP_OK;
}

/* Another root has the key: it is the answer, and no record of the loser stays. Who has stood still since he looked may
 * be late: the winner was cleaned up, and the same trigger, told to another api after its deadline, has the key now. So
 * its root is looked for last. (To be removed all the same, it would have to be written within that one operation.) */
static jp_status has_lost(api *a, start *s, const jpx_record *winner, bool written, jp_error *err)
{
    jpx_root *alive;

    if (jpx_load_roots(&a->role.session, &s->root, 1, &alive, err) != JP_OK)
        return err->status;
    if (alive)
        return JP_OK;
    if (written && remove_records(a, s, err) != JP_OK)
        return err->status;
    memcpy(s->root.b, winner->id.data, JPX_ROOT_SIZE);
    s->existed = true;
    return JP_OK;
}

/* Who has the key already keeps it, whatever its state. */
static jp_status known_keys(api *a, start *starts, size_t count, jp_error *err)
{
    for (size_t i = 0; i < count; i++) {
        jpx_record record;
        if (!starts[i].good || !starts[i].key)
            continue;
        if (jpx_store_root_by_key(a->role.session.store, starts[i].key, a->role.session.arena, &record, err) != JP_OK)
            return err->status;
        if (record.doc.data && memcmp(record.id.data, starts[i].root.b, JPX_ROOT_SIZE) != 0 &&
            has_lost(a, &starts[i], &record, starts[i].delivery->deliveries > 1, err) != JP_OK)
            return err->status;
    }
    return JP_OK;
}

/* A trigger that comes again after its root was cleaned up starts nothing; what it may have written goes, also when a
 * delivery before this one wrote it. */
static jp_status drop_buried(api *a, start **starts, size_t count, jp_error *err)
{
    jpx_session *session = &a->role.session;
    jpx_root_id *ids = jpx_alloc_array(session->arena, count + 1, sizeof *ids);
    bool *buried = jpx_alloc_array(session->arena, count + 1, sizeof *buried);

    for (size_t i = 0; i < count; i++)
        ids[i] = starts[i]->root;
    if (jpx_tombstone_find(session, ids, count, buried, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        if (!buried[i])
            continue;
        if (remove_records(a, starts[i], err) != JP_OK) /* the tombstone stands for minutes: nobody begins it anew */
            return err->status;
        starts[i]->existed = true;
    }
    return JP_OK;
}

static jp_status write_roots(api *a, start *starts, size_t count, jpx_outbox *box, jp_error *err)
{
    jpx_session *session = &a->role.session;
    jpx_record *pipelines = jpx_alloc_array(session->arena, count + 1, sizeof *pipelines);
    jpx_record *roots = jpx_alloc_array(session->arena, count + 1, sizeof *roots);
    bool *dup = jpx_alloc_array(session->arena, count + 1, sizeof *dup);
    start **of = jpx_alloc_array(session->arena, count + 1, sizeof *of);
    size_t n = 0, again_count = 0;
    jpx_ready *again = jpx_alloc_array(session->arena, count + 1, sizeof *again);

    for (size_t i = 0; i < count; i++)
        if (starts[i].good && !starts[i].existed)
            of[n++] = &starts[i];
    if (drop_buried(a, of, n, err) != JP_OK)
        return err->status;
    n = 0;
    for (size_t i = 0; i < count; i++) {
        start *s = &starts[i];
        jpx_records values = {0};
        if (!s->good || s->existed)
            continue;
        jpx_root root = {.id = s->root,
                         .pipe = s->pipe->name,
                         .key = s->key,
                         .started_ms = jpx_now(session->env),
                         .status = "running"};
        jpx_root_plan plan = {.key = jpx_key_root(s->root),
                              .pipe = s->pipe->name,
                              .queue = s->pipe->queue,
                              .args = s->args,
                              .facts = jpx_registry_facts((void *)a->role.parts.registry, s->pipe->name),
                              .now_ms = root.started_ms,
                              .random = jpx_random_fn,
                              .random_ctx = (void *)session->env};
        pipelines[n] = jpx_plan_root(&plan, session->arena, &values);
        if (values.count &&
            jpx_store_insert(session->store, JPX_TABLE_VALUE, values.items, values.count, NULL, err) != JP_OK)
            return err->status;
        roots[n] = jpx_root_encode(&root, session->arena);
        of[n++] = s;
    }
    if (!n)
        return JP_OK;
    if (jpx_store_insert(session->store, JPX_TABLE_PIPELINE, pipelines, n, NULL, err) != JP_OK ||
        jpx_store_insert(session->store, JPX_TABLE_ROOT, roots, n, dup, err) != JP_OK ||
        drop_buried(a, of, n, err) != JP_OK) /* cleaned up in this moment */
        return err->status;
    for (size_t i = 0; i < n; i++) {
        start *s = of[i];
        if (s->existed)
            continue;
        jpx_key key = jpx_key_root(s->root);
        jpx_run_event event = {.key = key};
        jpx_record record;
        if (!dup[i]) {
            jpx_change change = {.what = "started", .key = key, .pipe = s->pipe->name, .root = true};
            jpx_outbox_change(box, &change);
            jpx_outbox_run(box, &event, s->pipe->name, s->pipe->queue, JPX_FIRST);
            continue;
        }
        if (s->key) {
            if (jpx_store_root_by_key(session->store, s->key, session->arena, &record, err) != JP_OK)
                return err->status;
            if (record.doc.data && memcmp(record.id.data, s->root.b, JPX_ROOT_SIZE) != 0 &&
                has_lost(a, s, &record, true, err) != JP_OK)
                return err->status;
            if (s->existed)
                continue;
            if (!record.doc.data) /* who held the key was cleaned up in this moment */
                return jpx_fail(err, JP_E_UNAVAILABLE, "key %.100s has just become free", s->key);
        }
        again[again_count++] = (jpx_ready){key, JPX_REPEAT}; /* a redelivery: the run event may not be out yet */
    }
    return jpx_publish_ready(session, box, again, again_count, err);
}

static void handle(api *a, start *starts, size_t count)
{
    jpx_session *session = &a->role.session;
    jpx_outbox box = jpx_outbox_new(session);
    char id[JPX_ROOT_TEXT];
    jp_error err = {0};

    for (size_t i = 0; i < count; i++) {
        starts[i].good = read_start(a, &starts[i]) == JP_OK;
        if (!starts[i].good)
            reject(a, &starts[i]);
    }
    if (known_keys(a, starts, count, &err) != JP_OK || write_roots(a, starts, count, &box, &err) != JP_OK ||
        jpx_outbox_flush(&box, &err) != JP_OK) {
        jpx_log(session->env, JPX_WARN, "triggers put off", "count=%zu error=%s", count,
                jpx_json_text(session->arena, err.text));
        for (size_t i = 0; i < count; i++)
            if (starts[i].good)
                jpx_sub_nak(a->messages, starts[i].delivery, 1000);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!starts[i].good)
            continue;
        if (starts[i].delivery->reply_to) {
            bson_t doc = BSON_INITIALIZER;
            bson_append_utf8(&doc, "root", 4, jpx_root_text(id, &starts[i].root), -1);
            bson_append_bool(&doc, "existed", 7, starts[i].existed);
            jpx_api_answer(a, starts[i].delivery->reply_to, &doc);
        }
        jpx_sub_ack(a->messages, &starts[i].delivery, 1);
    }
}

void jpx_api_starts(api *a, jpx_delivery **deliveries, size_t count)
{
    start *starts = jpx_alloc_array(a->role.session.arena, count, sizeof *starts);

    for (size_t i = 0; i < count; i++)
        starts[i] = (start){.delivery = deliveries[i],
                            .name = jpx_api_subject(a, deliveries[i]->subject, "start."),
                            .json = deliveries[i]->data};
    handle(a, starts, count);
}

void jpx_api_start_uploaded(api *a, jpx_delivery *delivery, const char *pipe, jpx_bytes args)
{
    start one = {.delivery = delivery, .name = pipe, .json = args};
    handle(a, &one, 1);
}
