/* mongo_write.c -- inserts and removals, cut into commands that the server answers well within the
 * time a reader waits for it. Saying a command again after a lost answer does no harm; an insert may
 * then report its own first try as a duplicate, which callers treat like a lost race. */
#include "store/mongo.h"

static jp_status insert_once(jpx_mongo *m, jpx_table table, const jpx_record *records, size_t count, bool *dup,
                             jp_error *err)
{
    jpx_mongo_bulk bulk = jpx_mongo_bulk_new(m, table);

    for (size_t i = 0; i < count; i++) {
        jp_status status = jpx_mongo_bulk_insert(m, &bulk, records[i].doc, err);
        if (status != JP_OK) {
            mongoc_bulk_operation_destroy(bulk.ops);
            return status;
        }
    }
    return jpx_mongo_bulk_run(m, &bulk, "insert", dup, NULL, err);
}

jp_status jpx_mongo_insert(jpx_store *store, jpx_table table, const jpx_record *records, size_t count, bool *dup,
                           jp_error *err)
{
    jpx_mongo *m = jpx_mongo_begin(store);

    bool *scratch = jpx_alloc_array(m->scratch, JPX_MONGO_ROWS_MAX, sizeof *scratch);
    for (size_t from = 0, n; from < count; from += n) {
        size_t bytes = records[from].doc.size;
        jp_status status;

        for (n = 1; n < JPX_MONGO_ROWS_MAX && from + n < count; n++) {
            bytes += records[from + n].doc.size;
            if (bytes > JPX_MONGO_BYTES_MAX)
                break;
        }
        jpx_mongo_patience(m);
        do {
            status = insert_once(m, table, records + from, n, dup ? dup + from : scratch, err);
        } while (status != JP_OK && jpx_mongo_again(m));
        if (status != JP_OK)
            return status;
    }
    return JP_OK;
}

static jp_status delete_many(jpx_mongo *m, jpx_table table, const bson_t *filter, jp_error *err)
{
    bson_error_t error;
    jp_status status;

    jpx_mongo_patience(m);
    do {
        status = mongoc_collection_delete_many(m->tables[table], filter, NULL, NULL, &error)
                     ? JP_OK
                     : jpx_mongo_fail(m, "remove records", &error, err);
    } while (status != JP_OK && jpx_mongo_again(m));
    return status;
}

jp_status jpx_mongo_remove(jpx_store *store, jpx_table table, const jpx_bytes *ids, size_t count, jp_error *err)
{
    jpx_mongo *m = jpx_mongo_begin(store);
    jp_status status = JP_OK;

    for (size_t from = 0; from < count && status == JP_OK; from += JPX_MONGO_ROWS_MAX) {
        bson_t filter = BSON_INITIALIZER;
        jpx_mongo_append_ids(&filter, "_id", ids + from,
                             count - from < JPX_MONGO_ROWS_MAX ? count - from : JPX_MONGO_ROWS_MAX);
        status = delete_many(m, table, &filter, err);
        bson_destroy(&filter);
    }
    return status;
}

/* The last of the first `limit` ids of the range, and how many they are. The projection is answered
 * from the index alone. */
static jp_status find_last(jpx_mongo *m, jpx_table table, const bson_t *filter, size_t limit, jpx_bytes *last,
                           size_t *count, jp_error *err)
{
    bson_t *opts = BCON_NEW("projection", "{", "_id", BCON_INT32(1), "}", "sort", "{", "_id", BCON_INT32(1), "}",
                            "limit", BCON_INT64((int64_t)limit), "batchSize", BCON_INT32(JPX_MONGO_ROWS_MAX));
    jp_status status;

    jpx_mongo_patience(m);
    do {
        mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(m->tables[table], filter, opts, NULL);
        const bson_t *found;
        bson_error_t error;
        bson_iter_t it;

        status = JP_OK;
        for (*count = 0; mongoc_cursor_next(cursor, &found); (*count)++) {
            bson_subtype_t subtype;
            const uint8_t *id;
            uint32_t size;
            JPX_ASSERT(bson_iter_init_find(&it, found, "_id") &&
                       BSON_ITER_HOLDS_BINARY(&it)); /* the filter's bounds are binary */
            bson_iter_binary(&it, &subtype, &size, &id);
            if (*count + 1 == limit)
                *last = jpx_copy(m->scratch, id, size);
        }
        if (mongoc_cursor_error(cursor, &error))
            status = jpx_mongo_fail(m, "read", &error, err);
        mongoc_cursor_destroy(cursor);
    } while (status != JP_OK && jpx_mongo_again(m));
    bson_destroy(opts);
    return status;
}

jp_status jpx_mongo_remove_range(jpx_store *store, jpx_table table, jpx_bytes lo, jpx_bytes hi, size_t limit,
                                 size_t *removed, jp_error *err)
{
    jpx_mongo *m = jpx_mongo_begin(store);

    /* What was found is what is told, not what the delete counted: after a lost answer the second
     * delete counts less, and 0 would say that the range is empty. */
    *removed = 0;
    while (*removed < limit) {
        size_t want = limit - *removed < JPX_MONGO_ROWS_MAX ? limit - *removed : JPX_MONGO_ROWS_MAX, found;
        bson_t filter = BSON_INITIALIZER;
        jpx_bytes last = hi;

        jpx_mongo_append_range(&filter, "_id", lo, hi);
        jp_status status = find_last(m, table, &filter, want, &last, &found, err);
        bson_reinit(&filter);
        jpx_mongo_append_range(&filter, "_id", lo, last);
        if (status == JP_OK && found > 0)
            status = delete_many(m, table, &filter, err);
        bson_destroy(&filter);
        if (status != JP_OK)
            return status;
        *removed += found;
        if (found < want)
            break;
    }
    return JP_OK;
}
