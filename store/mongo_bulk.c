/* mongo_bulk.c -- many single writes as one unordered command: one round trip and one wait for the
 * journal. A bulk here is always one command on the wire, so its answer is either an error of the
 * whole command or complete lists of errors. Blocks on the network. */
#include "store/mongo.h"

/* Before MongoDB 8 the answer to a bulk of updates has only the number of matches. */
static size_t number(const bson_t *reply, const char *field)
{
    bson_iter_t it;
    int64_t n = bson_iter_init_find(&it, reply, field) ? bson_iter_as_int64(&it) : 0;
    return n > 0 ? (size_t)n : 0;
}

jpx_mongo_bulk jpx_mongo_bulk_new(jpx_mongo *m, jpx_table table)
{
    bson_t opts = BSON_INITIALIZER;
    jpx_mongo_bulk bulk = {0};

    BSON_APPEND_BOOL(&opts, "ordered", false);
    bulk.ops = mongoc_collection_create_bulk_operation_with_opts(m->tables[table], &opts);
    bson_destroy(&opts);
    return bulk;
}

/* Documents are not checked again: our encoder made them, and the driver would refuse empty names of fields. */
static bool append_unchecked(bson_t *opts)
{
    return BSON_APPEND_BOOL(opts, "validate", false);
}

jp_status jpx_mongo_bulk_insert(jpx_mongo *m, jpx_mongo_bulk *bulk, jpx_bytes doc, jp_error *err)
{
    bson_t record, opts = BSON_INITIALIZER;
    bson_error_t error;

    JPX_ASSERT(bulk->count < JPX_MONGO_ROWS_MAX);
    JPX_ASSERT(bson_init_static(&record, doc.data, doc.size));
    append_unchecked(&opts);
    bool ok = mongoc_bulk_operation_insert_with_opts(bulk->ops, &record, &opts, &error);
    bson_destroy(&opts);
    if (!ok)
        return jpx_mongo_fail(m, "insert", &error, err);
    bulk->count++;
    return JP_OK;
}

jp_status jpx_mongo_bulk_update(jpx_mongo *m, jpx_mongo_bulk *bulk, const bson_t *filter, const bson_t *update,
                                jp_error *err)
{
    bson_t opts = BSON_INITIALIZER;
    bson_error_t error;

    JPX_ASSERT(bulk->count < JPX_MONGO_ROWS_MAX);
    append_unchecked(&opts);
    bool ok = mongoc_bulk_operation_update_one_with_opts(bulk->ops, filter, update, &opts, &error);
    bson_destroy(&opts);
    if (!ok)
        return jpx_mongo_fail(m, "update", &error, err);
    bulk->count++;
    return JP_OK;
}

/* One item of writeErrors or writeConcernErrors: {index, code, errmsg}. */
static void read_error(const bson_iter_t *item, bson_error_t *error, size_t *index)
{
    bson_iter_t it;

    *error = (bson_error_t){.domain = MONGOC_ERROR_SERVER};
    *index = SIZE_MAX;
    if (!BSON_ITER_HOLDS_DOCUMENT(item) || !bson_iter_recurse(item, &it))
        return;
    while (bson_iter_next(&it)) {
        if (BSON_ITER_IS_KEY(&it, "index"))
            *index = (size_t)bson_iter_as_int64(&it);
        else if (BSON_ITER_IS_KEY(&it, "code"))
            error->code = (uint32_t)bson_iter_as_int64(&it);
        else if (BSON_ITER_IS_KEY(&it, "errmsg") && BSON_ITER_HOLDS_UTF8(&it))
            bson_strncpy(error->message, bson_iter_utf8(&it, NULL), sizeof error->message);
    }
}

/* True when the list holds an error that is not a duplicate; duplicates are noted. */
static bool find_error(const bson_t *reply, const char *list, bool *dup, size_t count, bson_error_t *error,
                       size_t *duplicates)
{
    bson_iter_t it, item;
    size_t index;

    if (!bson_iter_init_find(&it, reply, list) || !BSON_ITER_HOLDS_ARRAY(&it) || !bson_iter_recurse(&it, &item))
        return false;
    while (bson_iter_next(&item)) {
        read_error(&item, error, &index);
        if (error->code != MONGOC_ERROR_DUPLICATE_KEY || !dup)
            return true;
        JPX_ASSERT(index < count);
        dup[index] = true;
        (*duplicates)++;
    }
    return false;
}

jp_status jpx_mongo_bulk_run(jpx_mongo *m, jpx_mongo_bulk *bulk, const char *what, bool *dup, size_t *matched,
                             jp_error *err)
{
    bson_error_t error, single;
    bson_t reply;
    size_t duplicates = 0;
    jp_status status = JP_OK;

    if (dup)
        for (size_t i = 0; i < bulk->count; i++)
            dup[i] = false;
    bool ok = mongoc_bulk_operation_execute(bulk->ops, &reply, &error) != 0;
    if (find_error(&reply, "writeErrors", dup, bulk->count, &single, &duplicates) ||
        find_error(&reply, "writeConcernErrors", NULL, 0, &single, &duplicates))
        status = jpx_mongo_fail(m, what, &single, err);
    else if (!ok && duplicates == 0)
        status = jpx_mongo_fail(m, what, &error, err);
    if (matched)
        *matched = number(&reply, "nMatched");
    bson_destroy(&reply);
    mongoc_bulk_operation_destroy(bulk->ops);
    *bulk = (jpx_mongo_bulk){0};
    return status;
}
