/* mongo_read.c -- get, scan, and the two questions about roots. Everything is read from the primary
 * with read concern "majority" (set on the collections). Blocks on the network. */
#include "store/apply.h"
#include "store/mongo.h"
#include <stdlib.h>
#include <string.h>

enum { SCAN_BATCH_MAX = 10000, GET_MAX = 1024 /* ids in one query */ };

int jpx_mongo_compare(jpx_bytes a, jpx_bytes b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

void jpx_mongo_append_id(bson_t *doc, const char *field, jpx_bytes id)
{
    BSON_APPEND_BINARY(doc, field, BSON_SUBTYPE_BINARY, id.data, (uint32_t)id.size);
}

void jpx_mongo_append_ids(bson_t *doc, const char *field, const jpx_bytes *ids, size_t count)
{
    bson_t in, list = BSON_INITIALIZER;
    char buffer[16];
    const char *key;

    for (size_t i = 0; i < count; i++) {
        bson_uint32_to_string((uint32_t)i, &key, buffer, sizeof buffer);
        jpx_mongo_append_id(&list, key, ids[i]);
    }
    BSON_APPEND_DOCUMENT_BEGIN(doc, field, &in);
    BSON_APPEND_ARRAY(&in, "$in", &list);
    bson_append_document_end(doc, &in);
    bson_destroy(&list);
}

void jpx_mongo_append_range(bson_t *doc, const char *field, jpx_bytes lo, jpx_bytes hi)
{
    bson_t range;

    BSON_APPEND_DOCUMENT_BEGIN(doc, field, &range);
    jpx_mongo_append_id(&range, "$gte", lo);
    jpx_mongo_append_id(&range, "$lte", hi);
    bson_append_document_end(doc, &range);
}

/* The id points into the document, which lives as long. */
static bool read_record(jpx_table table, const bson_t *found, jpx_arena *arena, jpx_record *out)
{
    bson_iter_t it;
    bson_subtype_t subtype;
    uint32_t size;
    const uint8_t *id;

    if (!bson_iter_init_find(&it, found, "_id") || !BSON_ITER_HOLDS_BINARY(&it))
        return false;
    bson_iter_binary(&it, &subtype, &size, &id);
    if (subtype != BSON_SUBTYPE_BINARY || size != jpx_table_id_size(table))
        return false;
    out->doc = jpx_copy(arena, bson_get_data(found), found->len);
    out->id = (jpx_bytes){out->doc.data + (id - bson_get_data(found)), size};
    return true;
}

/* Barriers and roots carry the field `call`, which belongs to this store (mongo_count.c, mongo_root.c) and not to the
 * record: callers get the bytes that every other store would give them. */
static void hide_call(jpx_table table, jpx_arena *arena, jpx_record *records, size_t count)
{
    if (table != JPX_TABLE_BARRIER && table != JPX_TABLE_ROOT)
        return;
    for (size_t i = 0; i < count; i++) {
        bson_t whole, part = BSON_INITIALIZER;

        if (!records[i].doc.data || !bson_init_static(&whole, records[i].doc.data, records[i].doc.size))
            continue;
        if (bson_has_field(&whole, "call")) {
            bson_copy_to_excluding_noinit(&whole, &part, "call", NULL);
            ptrdiff_t id = records[i].id.data - records[i].doc.data; /* _id stays in front */
            records[i].doc = jpx_copy(arena, bson_get_data(&part), part.len);
            records[i].id.data = records[i].doc.data + id;
        }
        bson_destroy(&part);
    }
}

/* One query, with patience. What was found before a failure is forgotten. */
static jp_status find(jpx_mongo *m, jpx_table table, const bson_t *filter, const bson_t *opts, jpx_arena *arena,
                      jpx_records *out, jp_error *err)
{
    jp_status status;

    do {
        size_t cap = 0;
        const bson_t *found;
        bson_error_t error;

        *out = (jpx_records){0};
        status = JP_OK;
        mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(m->tables[table], filter, opts, NULL);
        while (status == JP_OK && mongoc_cursor_next(cursor, &found)) {
            jpx_record record;
            if (read_record(table, found, arena, &record))
                JPX_PUSH(arena, out->items, out->count, cap) = record;
            else
                status = jpx_fail(err, JP_E_DAMAGED,
                                  "collection '%s' of database '%s' in MongoDB at %s holds a document whose _id is not "
                                  "ours; remove it",
                                  jpx_table_name(table), m->shared->database, m->shared->hosts);
        }
        if (status != JP_OK)
            m->transient = false;
        else if (mongoc_cursor_error(cursor, &error))
            status = jpx_mongo_fail(m, "read", &error, err);
        mongoc_cursor_destroy(cursor);
    } while (status != JP_OK && jpx_mongo_again(m));
    return status;
}

static void append_limit(bson_t *opts, size_t limit)
{
    /* The first batch holds everything, as far as the server's 16 MB go: no second round trip. */
    BSON_APPEND_INT64(opts, "limit", (int64_t)limit);
    BSON_APPEND_INT32(opts, "batchSize", (int32_t)(limit < SCAN_BATCH_MAX ? limit : SCAN_BATCH_MAX));
}

/* ---- by ids ---- */

typedef struct place { /* where an id stands in the question */
    jpx_bytes id;
    size_t at;
} place;

static int by_id(const void *a, const void *b)
{
    const place *left = a, *right = b;
    return jpx_mongo_compare(left->id, right->id);
}

static void answer(const place *places, size_t count, const jpx_record *record, jpx_record *out)
{
    size_t lo = 0, hi = count;

    while (lo < hi) { /* the first place that is not below */
        size_t middle = lo + (hi - lo) / 2;
        if (jpx_mongo_compare(places[middle].id, record->id) < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    for (; lo < count && jpx_mongo_compare(places[lo].id, record->id) == 0; lo++)
        out[places[lo].at] = *record;
}

jp_status jpx_mongo_fetch(jpx_mongo *m, jpx_table table, const jpx_bytes *ids, size_t count, jpx_arena *arena,
                          jpx_record *out, jp_error *err)
{
    place *places = jpx_alloc_array(m->scratch, count, sizeof *places);
    jpx_bytes *asked = jpx_alloc_array(m->scratch, count, sizeof *asked);
    size_t distinct = 0;

    for (size_t i = 0; i < count; i++) {
        out[i] = (jpx_record){.id = ids[i]};
        places[i] = (place){ids[i], i};
    }
    qsort(places, count, sizeof *places, by_id);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || jpx_mongo_compare(places[i].id, places[i - 1].id) != 0)
            asked[distinct++] = places[i].id;
    for (size_t from = 0; from < distinct; from += GET_MAX) {
        bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER;
        size_t n = distinct - from < GET_MAX ? distinct - from : GET_MAX;
        jpx_records found;

        jpx_mongo_append_ids(&filter, "_id", asked + from, n);
        append_limit(&opts, n);
        jpx_mongo_patience(m);
        jp_status status = find(m, table, &filter, &opts, arena, &found, err);
        bson_destroy(&filter);
        bson_destroy(&opts);
        if (status != JP_OK)
            return status;
        for (size_t i = 0; i < found.count; i++)
            answer(places, count, &found.items[i], out);
    }
    return JP_OK;
}

jp_status jpx_mongo_get(jpx_store *store, jpx_table table, const jpx_bytes *ids, size_t count, jpx_arena *arena,
                        jpx_record *out, jp_error *err)
{
    jp_status status = jpx_mongo_fetch(jpx_mongo_begin(store), table, ids, count, arena, out, err);

    if (status == JP_OK)
        hide_call(table, arena, out, count);
    return status;
}

/* ---- by range ---- */

jp_status jpx_mongo_scan(jpx_store *store, jpx_table table, jpx_bytes lo, jpx_bytes hi, size_t limit, bool backwards,
                         jpx_arena *arena, jpx_records *out, jp_error *err)
{
    jpx_mongo *m = jpx_mongo_begin(store);
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER, sort;

    *out = (jpx_records){0};
    if (limit == 0) /* for MongoDB 0 means no limit */
        return JP_OK;
    jpx_mongo_append_range(&filter, "_id", lo, hi);
    BSON_APPEND_DOCUMENT_BEGIN(&opts, "sort", &sort);
    BSON_APPEND_INT32(&sort, "_id", backwards ? -1 : 1);
    bson_append_document_end(&opts, &sort);
    append_limit(&opts, limit);
    jp_status status = find(m, table, &filter, &opts, arena, out, err);
    hide_call(table, arena, out->items, out->count);
    bson_destroy(&filter);
    bson_destroy(&opts);
    return status;
}

/* ---- roots ---- */

jp_status jpx_mongo_root_by_key(jpx_store *store, const char *key, jpx_arena *arena, jpx_record *out, jp_error *err)
{
    jpx_mongo *m = jpx_mongo_begin(store);
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER;
    jpx_records found;

    *out = (jpx_record){0};
    BSON_APPEND_UTF8(&filter, "key", key);
    append_limit(&opts, 1);
    jp_status status = find(m, JPX_TABLE_ROOT, &filter, &opts, arena, &found, err);
    hide_call(JPX_TABLE_ROOT, arena, found.items, found.count);
    if (status == JP_OK && found.count > 0)
        *out = found.items[0];
    bson_destroy(&filter);
    bson_destroy(&opts);
    return status;
}

jp_status jpx_mongo_list_roots(jpx_store *store, const jpx_root_filter *want, jpx_arena *arena, jpx_records *out,
                               jp_error *err)
{
    jpx_mongo *m = jpx_mongo_begin(store);
    bson_t filter = BSON_INITIALIZER, opts = BSON_INITIALIZER, below;
    uint8_t bound[JPX_ROOT_BOUND];
    bool bounded;

    JPX_ASSERT(want->limit > 0);
    if (want->pipe)
        BSON_APPEND_UTF8(&filter, "pipe", want->pipe);
    if (want->status)
        BSON_APPEND_UTF8(&filter, "status", want->status);
    jpx_root_bound(want, bound, &bounded);
    if (bounded) {
        BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &below);
        jpx_mongo_append_id(&below, "$lt", (jpx_bytes){bound, sizeof bound});
        bson_append_document_end(&filter, &below);
    }
    if (want->older_ms != 0) {
        BSON_APPEND_DOCUMENT_BEGIN(&filter, "ended", &below);
        BSON_APPEND_DATE_TIME(&below, "$lt", want->older_ms);
        bson_append_document_end(&filter, &below);
    }
    BSON_APPEND_DOCUMENT_BEGIN(&opts, "sort", &below);
    BSON_APPEND_INT32(&below, "_id", -1);
    bson_append_document_end(&opts, &below);
    append_limit(&opts, want->limit);
    jp_status status = find(m, JPX_TABLE_ROOT, &filter, &opts, arena, out, err);
    hide_call(JPX_TABLE_ROOT, arena, out->items, out->count);
    bson_destroy(&filter);
    bson_destroy(&opts);
    return status;
}
