/* store.c -- what all stores share: the choice by URI, the names of the tables, and the checks of what callers give.
 * A wrong call is a bug of ours and stops the program here, the same for every implementation; what can come from
 * outside (a URI, a document that is too large) is an error. */
#include "store/store.h"
#include <string.h>

static const struct {
    const char *name;
    size_t id_size;
} tables[JPX_TABLES] = {
#define TABLE(name, text, size) [JPX_##name] = {text, size},
    JPX_TABLE_MAP(TABLE)
#undef TABLE
};

const char *jpx_table_name(jpx_table table)
{
    JPX_ASSERT(table < JPX_TABLES);
    return tables[table].name;
}

size_t jpx_table_id_size(jpx_table table)
{
    JPX_ASSERT(table < JPX_TABLES);
    return tables[table].id_size;
}

/* ---- open ---- */

static const char *after(const char *uri, const char *scheme)
{
    size_t size = strlen(scheme);
    return strncmp(uri, scheme, size) == 0 ? uri + size : NULL;
}

static jp_status open_sqlite(jpx_store **out, const char *path, const char *prefix, const jpx_env *env, jp_error *err)
{
    if (path[0] == '\0' || path[0] == ':')
        return jpx_fail(err, JP_E_INVALID,
                        "the store \"sqlite:%s\" names no file; give a path, as sqlite:/var/lib/jetpipe/store.db, or "
                        "use memory: for a store that keeps nothing",
                        path);
#ifdef JETPIPE_SQLITE
    return jpx_store_open_sqlite(out, path, prefix, env, err);
#else
    (void)out, (void)prefix, (void)env;
    return jpx_fail(err, JP_E_INVALID,
                    "the store sqlite:%s needs SQLite and this program was built without it; build it with "
                    "-DJETPIPE_SQLITE=ON",
                    path);
#endif
}

static jp_status open_mongo(jpx_store **out, const char *uri, const char *prefix, const jpx_env *env, jp_error *err)
{
#ifdef JETPIPE_MONGODB
    return jpx_store_open_mongo(out, uri, prefix, env, err);
#else
    (void)out, (void)uri, (void)prefix, (void)env;
    return jpx_fail(err, JP_E_INVALID,
                    "a mongodb: store needs libmongoc and this program was built without it; build it with "
                    "-DJETPIPE_MONGODB=ON");
#endif
}

jp_status jpx_store_open(jpx_store **out, const char *uri, const char *prefix, const jpx_env *env, jp_error *err)
{
    const char *path;
    const int scheme = (int)strcspn(uri, ":/@") + 1;
    jp_status status;

    JPX_ASSERT(out && uri && prefix && env);
    *out = NULL;
    if (prefix[0] == '\0' || strlen(prefix) > JPX_NAME_MAX)
        return jpx_fail(err, JP_E_INVALID, "the prefix \"%.80s\" of the store %s; give one of 1 to %d characters",
                        prefix, prefix[0] ? "is too long" : "is empty", JPX_NAME_MAX);

    if (strcmp(uri, "memory:") == 0)
        status = jpx_store_open_memory(out, prefix, env, err);
    else if ((path = after(uri, "sqlite:")) != NULL)
        status = open_sqlite(out, path, prefix, env, err);
    else if (after(uri, "mongodb://") || after(uri, "mongodb+srv://"))
        status = open_mongo(out, uri, prefix, env, err);
    else /* only its scheme is repeated: it may hold a password */
        status = jpx_fail(err, JP_E_INVALID,
                          "the store URI that starts with \"%.*s\" is of no known kind; give mongodb://HOST/..., "
                          "sqlite:PATH or memory:",
                          scheme < 20 ? scheme : 20, uri);
    JPX_ASSERT((status == JP_OK) == (*out != NULL));
    return status;
}

jp_status jpx_store_clone(jpx_store **out, jpx_store *store, jp_error *err)
{
    *out = NULL;
    return store->ops->clone(out, store, err);
}

void jpx_store_close(jpx_store *store)
{
    if (store)
        store->ops->close(store);
}

/* ---- records ---- */

static void check_id(jpx_table table, jpx_bytes id)
{
    JPX_ASSERT(id.data && id.size == jpx_table_id_size(table));
}

static void check_ids(jpx_table table, const jpx_bytes *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_id(table, ids[i]);
}

/* The first element is `_id`, binary of subtype 0, and equal to the id: length of the document (4), type (1), name (4),
 * length (4), subtype (1), bytes. */
static void check_record(jpx_table table, const jpx_record *record)
{
    enum { ID_AT = 14 };
    static const uint8_t name[] = {0x05, '_', 'i', 'd', 0};

    check_id(table, record->id);
    JPX_ASSERT(record->doc.data && record->doc.size > ID_AT + record->id.size);
    JPX_ASSERT(memcmp(record->doc.data + 4, name, sizeof name) == 0);
    JPX_ASSERT(record->doc.data[9] == record->id.size && record->doc.data[13] == 0);
    JPX_ASSERT(memcmp(record->doc.data + ID_AT, record->id.data, record->id.size) == 0);
}

jp_status jpx_store_insert(jpx_store *store, jpx_table table, const jpx_record *records, size_t count, bool *dup,
                           jp_error *err)
{
    for (size_t i = 0; i < count; i++) {
        check_record(table, &records[i]);
        if (records[i].doc.size > JPX_DOC_MAX)
            return jpx_fail(err, JP_E_TOO_LARGE,
                            "a record of %zu bytes is too large for the table %s of the store, which takes %d; pass "
                            "smaller values",
                            records[i].doc.size, jpx_table_name(table), JPX_DOC_MAX);
    }
    if (dup)
        memset(dup, 0, count * sizeof *dup);
    return count ? store->ops->insert(store, table, records, count, dup, err) : JP_OK;
}

jp_status jpx_store_get(jpx_store *store, jpx_table table, const jpx_bytes *ids, size_t count, jpx_arena *arena,
                        jpx_record *out, jp_error *err)
{
    check_ids(table, ids, count);
    for (size_t i = 0; i < count; i++)
        out[i] = (jpx_record){.id = ids[i]};
    return count ? store->ops->get(store, table, ids, count, arena, out, err) : JP_OK;
}

jp_status jpx_store_scan(jpx_store *store, jpx_table table, jpx_bytes lo, jpx_bytes hi, size_t limit, bool backwards,
                         jpx_arena *arena, jpx_records *out, jp_error *err)
{
    check_id(table, lo);
    check_id(table, hi);
    JPX_ASSERT(limit > 0);
    *out = (jpx_records){NULL, 0};
    return store->ops->scan(store, table, lo, hi, limit, backwards, arena, out, err);
}

jp_status jpx_store_remove(jpx_store *store, jpx_table table, const jpx_bytes *ids, size_t count, jp_error *err)
{
    check_ids(table, ids, count);
    return count ? store->ops->remove(store, table, ids, count, err) : JP_OK;
}

jp_status jpx_store_remove_range(jpx_store *store, jpx_table table, jpx_bytes lo, jpx_bytes hi, size_t limit,
                                 size_t *removed, jp_error *err)
{
    check_id(table, lo);
    check_id(table, hi);
    JPX_ASSERT(limit > 0 && removed);
    *removed = 0;
    return store->ops->remove_range(store, table, lo, hi, limit, removed, err);
}

/* ---- barriers and roots ---- */

jp_status jpx_store_count(jpx_store *store, jpx_count *items, size_t count, jp_error *err)
{
    for (size_t i = 0; i < count; i++) {
        check_id(JPX_BARRIER, items[i].id);
        for (uint32_t k = 0; k < items[i].words; k++)
            JPX_ASSERT(items[i].mask[k] >> JPX_WORD_BITS == 0);
        items[i].found = items[i].aborted = items[i].fresh = items[i].repeated = false;
        items[i].left = 0;
    }
    return count ? store->ops->count(store, items, count, err) : JP_OK;
}

jp_status jpx_store_abort_barriers(jpx_store *store, const jpx_bytes *ids, size_t count, jp_error *err)
{
    check_ids(JPX_BARRIER, ids, count);
    return count ? store->ops->abort_barriers(store, ids, count, err) : JP_OK;
}

jp_status jpx_store_change_roots(jpx_store *store, jpx_root_change *changes, size_t count, jp_error *err)
{
    for (size_t i = 0; i < count; i++) {
        check_id(JPX_ROOT, changes[i].id);
        JPX_ASSERT(changes[i].op != JPX_ROOT_ABORT || (changes[i].reason && changes[i].by));
        changes[i].found = changes[i].changed = false;
    }
    return count ? store->ops->change_roots(store, changes, count, err) : JP_OK;
}

jp_status jpx_store_root_by_key(jpx_store *store, const char *key, jpx_arena *arena, jpx_record *out, jp_error *err)
{
    JPX_ASSERT(key);
    *out = (jpx_record){{NULL, 0}, {NULL, 0}};
    return store->ops->root_by_key(store, key, arena, out, err);
}

jp_status jpx_store_list_roots(jpx_store *store, const jpx_root_filter *filter, jpx_arena *arena, jpx_records *out,
                               jp_error *err)
{
    JPX_ASSERT(filter->limit > 0);
    if (filter->before.size)
        check_id(JPX_ROOT, filter->before);
    *out = (jpx_records){NULL, 0};
    return store->ops->list_roots(store, filter, arena, out, err);
}
