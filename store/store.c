/* store.c -- what all stores share: the checks of what callers pass. A wrong call is a bug of ours and stops the
 * program here, the same for every implementation; a document that is too large may come from outside and is an
 * error. */
#include "store/store.h"
#include <string.h>

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
    *out = (jpx_records){0};
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
        check_id(JPX_TABLE_BARRIER, items[i].id);
        for (uint32_t k = 0; k < items[i].words; k++)
            JPX_ASSERT(items[i].mask[k] >> JPX_WORD_BITS == 0);
        items[i].found = items[i].aborted = items[i].fresh = items[i].repeated = false;
        items[i].left = 0;
    }
    return count ? store->ops->count(store, items, count, err) : JP_OK;
}

jp_status jpx_store_abort_barriers(jpx_store *store, const jpx_bytes *ids, size_t count, jp_error *err)
{
    check_ids(JPX_TABLE_BARRIER, ids, count);
    return count ? store->ops->abort_barriers(store, ids, count, err) : JP_OK;
}

jp_status jpx_store_change_roots(jpx_store *store, jpx_root_change *changes, size_t count, jp_error *err)
{
    for (size_t i = 0; i < count; i++) {
        check_id(JPX_TABLE_ROOT, changes[i].id);
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
        check_id(JPX_TABLE_ROOT, filter->before);
    *out = (jpx_records){0};
    return store->ops->list_roots(store, filter, arena, out, err);
}
