/* memory.c -- the store that keeps nothing: "memory:". For runs in one process, unit tests of pipes, and the simulator.
 *
 * All handles of one store share its data under one mutex, held for one call; calls block on nothing else. The same
 * calls in the same order give the same answers: no clock, no random source, no addresses decide anything. The data
 * goes with the last handle. */
#include "store/apply.h"
#include "store/memory_tree.h"
#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct shared {
    pthread_mutex_t mutex;
    size_t handles;
    jpx_tree tables[JPX_TABLES];
    jpx_tree keys; /* SHA-256 of a root's key -> the root's id; the tree wants ids of one length */
};

struct memory {
    jpx_store base;
    struct shared *shared;
};

static const jpx_store_ops memory_ops;

static struct shared *enter(jpx_store *store)
{
    struct shared *shared = ((struct memory *)store)->shared;
    pthread_mutex_lock(&shared->mutex);
    return shared;
}

static jp_status leave(struct shared *shared, jp_status status)
{
    pthread_mutex_unlock(&shared->mutex);
    return status;
}

static jpx_store *handle_new(struct shared *shared, const jpx_env *env)
{
    struct memory *memory = malloc(sizeof *memory);
    JPX_ASSERT(memory != NULL);
    *memory = (struct memory){{&memory_ops, env}, shared};
    return &memory->base;
}

jp_status jpx_store_open_memory(jpx_store **out, const char *prefix, const jpx_env *env, jp_error *err)
{
    (void)prefix, (void)err;
    struct shared *shared = malloc(sizeof *shared);
    JPX_ASSERT(shared != NULL);
    pthread_mutex_init(&shared->mutex, NULL);
    shared->handles = 1;
    for (jpx_table table = 0; table < JPX_TABLES; table++)
        jpx_tree_init(&shared->tables[table], jpx_table_id_size(table));
    jpx_tree_init(&shared->keys, SHA256_DIGEST_LENGTH);
    *out = handle_new(shared, env);
    return JP_OK;
}

static jp_status memory_clone(jpx_store **out, jpx_store *store, jp_error *err)
{
    (void)err;
    struct shared *shared = enter(store);
    shared->handles++;
    *out = handle_new(shared, store->env);
    return leave(shared, JP_OK);
}

static void memory_close(jpx_store *store)
{
    struct shared *shared = enter(store);
    bool last = --shared->handles == 0;

    leave(shared, JP_OK);
    if (last) {
        for (jpx_table table = 0; table < JPX_TABLES; table++)
            jpx_tree_fini(&shared->tables[table]);
        jpx_tree_fini(&shared->keys);
        pthread_mutex_destroy(&shared->mutex);
        free(shared);
    }
    free(store);
}

/* ---- records ---- */

static jp_status damaged(jp_error *err, jpx_table table, jpx_bytes id)
{
    char hex[128];
    jpx_hex(hex, id.data, id.size);
    return jpx_fail(err, JP_E_DAMAGED, "the record %s in the table %s of the memory store is not what its table holds",
                    hex, jpx_table_name(table));
}

static void key_hash(uint8_t out[SHA256_DIGEST_LENGTH], const char *key)
{
    SHA256((const uint8_t *)key, strlen(key), out);
}

/* False: another root holds the key. */
static bool key_take(struct shared *shared, const jpx_record *root, const char *key)
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    key_hash(hash, key);
    return jpx_tree_insert(&shared->keys, hash, root->id);
}

static void remove_one(struct shared *shared, jpx_table table, const uint8_t *id)
{
    if (table == JPX_TABLE_ROOT) {
        jpx_tree_value *doc = jpx_tree_find(&shared->tables[table], id);
        jpx_root_facts facts;
        uint8_t hash[SHA256_DIGEST_LENGTH];
        if (doc && jpx_root_facts_read((jpx_bytes){doc->data, doc->size}, &facts) && facts.key) {
            key_hash(hash, facts.key);
            jpx_tree_remove(&shared->keys, hash);
        }
    }
    jpx_tree_remove(&shared->tables[table], id);
}

static bool insert_root(struct shared *shared, const jpx_record *root, const char *key)
{
    jpx_tree *tree = &shared->tables[JPX_TABLE_ROOT];
    if (jpx_tree_find(tree, root->id.data) || (key && !key_take(shared, root, key)))
        return false;
    return jpx_tree_insert(tree, root->id.data, root->doc);
}

static jp_status memory_insert(jpx_store *store, jpx_table table, const jpx_record *records, size_t count, bool *dup,
                               jp_error *err)
{
    struct shared *shared = enter(store);
    for (size_t i = 0; i < count; i++) {
        jpx_root_facts facts;
        bool fresh;
        if (table != JPX_TABLE_ROOT)
            fresh = jpx_tree_insert(&shared->tables[table], records[i].id.data, records[i].doc);
        else if (jpx_root_facts_read(records[i].doc, &facts))
            fresh = insert_root(shared, &records[i], facts.key);
        else
            return leave(shared, damaged(err, table, records[i].id));
        if (dup)
            dup[i] = !fresh;
    }
    return leave(shared, JP_OK);
}

static jp_status memory_get(jpx_store *store, jpx_table table, const jpx_bytes *ids, size_t count, jpx_arena *arena,
                            jpx_record *out, jp_error *err)
{
    (void)err;
    struct shared *shared = enter(store);
    for (size_t i = 0; i < count; i++) {
        const jpx_tree_value *value = jpx_tree_find(&shared->tables[table], ids[i].data);
        if (value)
            out[i].doc = jpx_copy(arena, value->data, value->size);
    }
    return leave(shared, JP_OK);
}

static jpx_record record_copy(const jpx_tree *tree, const jpx_tree_at *at, jpx_arena *arena)
{
    const jpx_tree_value *value = jpx_tree_doc(at);
    return (jpx_record){jpx_copy(arena, jpx_tree_id(tree, at), tree->id_size),
                        jpx_copy(arena, value->data, value->size)};
}

static jp_status memory_scan(jpx_store *store, jpx_table table, jpx_bytes lo, jpx_bytes hi, size_t limit,
                             bool backwards, jpx_arena *arena, jpx_records *out, jp_error *err)
{
    (void)err;
    struct shared *shared = enter(store);
    const jpx_tree *tree = &shared->tables[table];
    jpx_tree_at at = backwards ? jpx_tree_last_upto(tree, hi.data) : jpx_tree_first_from(tree, lo.data);
    const uint8_t *end = backwards ? lo.data : hi.data;
    size_t cap = 0;

    for (; at.leaf && out->count < limit; jpx_tree_step(&at, backwards)) {
        int past = memcmp(jpx_tree_id(tree, &at), end, tree->id_size);
        if (backwards ? past < 0 : past > 0)
            break;
        JPX_PUSH(arena, out->items, out->count, cap) = record_copy(tree, &at, arena);
    }
    return leave(shared, JP_OK);
}

static jp_status memory_remove(jpx_store *store, jpx_table table, const jpx_bytes *ids, size_t count, jp_error *err)
{
    (void)err;
    struct shared *shared = enter(store);
    for (size_t i = 0; i < count; i++)
        remove_one(shared, table, ids[i].data);
    return leave(shared, JP_OK);
}

static jp_status memory_remove_range(jpx_store *store, jpx_table table, jpx_bytes lo, jpx_bytes hi, size_t limit,
                                     size_t *removed, jp_error *err)
{
    (void)err;
    struct shared *shared = enter(store);
    const jpx_tree *tree = &shared->tables[table];
    for (; *removed < limit; ++*removed) {
        jpx_tree_at at = jpx_tree_first_from(tree, lo.data);
        uint8_t id[64];
        if (!at.leaf || memcmp(jpx_tree_id(tree, &at), hi.data, tree->id_size) > 0)
            break;
        memcpy(id, jpx_tree_id(tree, &at), tree->id_size); /* the tree moves its ids */
        remove_one(shared, table, id);
    }
    return leave(shared, JP_OK);
}

/* ---- barriers and roots ---- */

static jp_status memory_count(jpx_store *store, jpx_count *items, size_t count, jp_error *err)
{
    struct shared *shared = enter(store);
    for (size_t i = 0; i < count; i++) {
        const jpx_tree_value *value = jpx_tree_find(&shared->tables[JPX_TABLE_BARRIER], items[i].id.data);
        bool changed;
        if (value && !jpx_apply_count(value->data, value->size, &items[i], &changed))
            return leave(shared, damaged(err, JPX_TABLE_BARRIER, items[i].id));
    }
    return leave(shared, JP_OK);
}

static jp_status memory_abort_barriers(jpx_store *store, const jpx_bytes *ids, size_t count, jp_error *err)
{
    struct shared *shared = enter(store);
    for (size_t i = 0; i < count; i++) {
        const jpx_tree_value *value = jpx_tree_find(&shared->tables[JPX_TABLE_BARRIER], ids[i].data);
        bool changed;
        if (value && !jpx_apply_abort(value->data, value->size, &changed))
            return leave(shared, damaged(err, JPX_TABLE_BARRIER, ids[i]));
    }
    return leave(shared, JP_OK);
}

static jp_status change_root(struct shared *shared, jpx_root_change *change, jpx_arena *arena, jp_error *err)
{
    jpx_tree_value *value = jpx_tree_find(&shared->tables[JPX_TABLE_ROOT], change->id.data);
    jpx_bytes doc;

    if (!value)
        return JP_OK;
    if (!jpx_apply_root((jpx_bytes){value->data, value->size}, change, arena, &doc))
        return damaged(err, JPX_TABLE_ROOT, change->id);
    change->found = true;
    change->changed = doc.size > 0;
    if (change->changed)
        jpx_tree_replace(value, doc);
    return JP_OK;
}

static jp_status memory_change_roots(jpx_store *store, jpx_root_change *changes, size_t count, jp_error *err)
{
    struct shared *shared = enter(store);
    jpx_arena *arena = jpx_arena_new();
    jp_status status = JP_OK;
    for (size_t i = 0; i < count && status == JP_OK; i++)
        status = change_root(shared, &changes[i], arena, err);
    jpx_arena_free(arena);
    return leave(shared, status);
}

static jp_status memory_root_by_key(jpx_store *store, const char *key, jpx_arena *arena, jpx_record *out, jp_error *err)
{
    (void)err;
    struct shared *shared = enter(store);
    uint8_t hash[SHA256_DIGEST_LENGTH];
    key_hash(hash, key);
    const jpx_tree_value *id = jpx_tree_find(&shared->keys, hash);
    if (id) {
        const jpx_tree_value *doc = jpx_tree_find(&shared->tables[JPX_TABLE_ROOT], id->data);
        *out = (jpx_record){jpx_copy(arena, id->data, id->size), jpx_copy(arena, doc->data, doc->size)};
    }
    return leave(shared, JP_OK);
}

static jp_status memory_list_roots(jpx_store *store, const jpx_root_filter *filter, jpx_arena *arena, jpx_records *out,
                                   jp_error *err)
{
    (void)err;
    struct shared *shared = enter(store);
    const jpx_tree *tree = &shared->tables[JPX_TABLE_ROOT];
    uint8_t bound[JPX_ROOT_BOUND];
    bool bounded;
    size_t cap = 0;

    jpx_root_bound(filter, bound, &bounded);
    if (!bounded)
        memset(bound, 0xff, sizeof bound);
    for (jpx_tree_at at = jpx_tree_last_upto(tree, bound); at.leaf && out->count < filter->limit;
         jpx_tree_step(&at, true)) {
        const jpx_tree_value *value = jpx_tree_doc(&at);
        jpx_root_facts facts;
        if (bounded && memcmp(jpx_tree_id(tree, &at), bound, sizeof bound) == 0)
            continue; /* below the bound, not at it */
        if (jpx_root_facts_read((jpx_bytes){value->data, value->size}, &facts) && jpx_root_matches(&facts, filter))
            JPX_PUSH(arena, out->items, out->count, cap) = record_copy(tree, &at, arena);
    }
    return leave(shared, JP_OK);
}

static const jpx_store_ops memory_ops = {
    .clone = memory_clone,
    .close = memory_close,
    .insert = memory_insert,
    .get = memory_get,
    .scan = memory_scan,
    .remove = memory_remove,
    .remove_range = memory_remove_range,
    .count = memory_count,
    .abort_barriers = memory_abort_barriers,
    .change_roots = memory_change_roots,
    .root_by_key = memory_root_by_key,
    .list_roots = memory_list_roots,
};
