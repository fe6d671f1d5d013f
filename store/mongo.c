/* mongo.c -- opening and closing: the URI, the pool that clones share, the collections and the mark
 * in `meta` that says whose database it is.
 *
 * The driver's own retries are off: mongo_error.c has the patience, and retryable writes would cost a record in
 * config.transactions for each update, a quarter of the speed of the counters (docs/decisions/0002-mongodb-store.md).
 * Blocks on the network, each step at most for the patience. */
#include "store/mongo.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void init_driver(void)
{
    /* The driver's log goes to stderr in a form of its own; what it has to say comes back as an error, too. */
    mongoc_log_set_handler(NULL, NULL);
    mongoc_init(); /* never undone: the program may use the driver, too */
}

/* ---- the URI ---- */

static void default_int(mongoc_uri_t *uri, const char *option, int32_t value)
{
    mongoc_uri_set_option_as_int32(uri, option, mongoc_uri_get_option_as_int32(uri, option, value));
}

static char *hosts_text(const mongoc_uri_t *uri)
{
    const mongoc_host_list_t *host = mongoc_uri_get_hosts(uri);
    char text[256] = "";
    size_t used = 0;

    for (; host && used < sizeof text - 1; host = host->next)
        used += (size_t)bson_snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", host->host_and_port);
    return bson_strdup(used ? text : "the hosts of its SRV record");
}

static jp_status parse_uri(mongoc_uri_t **out, const char *text, const char *prefix, jp_error *err)
{
    bson_error_t error;
    mongoc_uri_t *uri = mongoc_uri_new_with_error(text, &error);

    if (!uri) /* the URI itself is not shown: there may be a password in it */
        return jpx_fail(err, JP_E_INVALID,
                        "the store's URI is not a valid MongoDB URI (%.200s); write "
                        "mongodb://HOST[:PORT][/DATABASE][?options] and percent-encode special characters in user and "
                        "password",
                        error.message);
    if (!mongoc_uri_get_database(uri))
        mongoc_uri_set_database(uri, prefix);
    if (!mongoc_uri_get_appname(uri))
        mongoc_uri_set_appname(uri, "jetpipe");
    default_int(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, JPX_MONGO_PATIENCE_MS);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, false);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYREADS, false);
    default_int(uri, MONGOC_URI_CONNECTTIMEOUTMS, JPX_MONGO_CONNECT_MS);
    default_int(uri, MONGOC_URI_SOCKETTIMEOUTMS, JPX_MONGO_PATIENCE_MS);
    *out = uri;
    return JP_OK;
}

/* ---- a handle ---- */

static void release(jpx_mongo_shared *shared)
{
    if (atomic_fetch_sub(&shared->handles, 1) > 1)
        return;
    if (shared->pool)
        mongoc_client_pool_destroy(shared->pool);
    bson_free(shared->hosts);
    bson_free(shared->database);
    free(shared);
}

static void close_mongo(jpx_store *store)
{
    jpx_mongo *m = (jpx_mongo *)store;

    for (int i = 0; i < JPX_TABLES; i++)
        if (m->tables[i])
            mongoc_collection_destroy(m->tables[i]);
    if (m->client)
        mongoc_client_pool_push(m->shared->pool, m->client);
    release(m->shared);
    jpx_arena_free(m->scratch);
    free(m);
}

static jp_status clone_mongo(jpx_store **out, jpx_store *store, jp_error *err);

static const jpx_store_ops ops = {
    .clone = clone_mongo,
    .close = close_mongo,
    .insert = jpx_mongo_insert,
    .get = jpx_mongo_get,
    .scan = jpx_mongo_scan,
    .remove = jpx_mongo_remove,
    .remove_range = jpx_mongo_remove_range,
    .count = jpx_mongo_count,
    .abort_barriers = jpx_mongo_abort_barriers,
    .change_roots = jpx_mongo_change_roots,
    .root_by_key = jpx_mongo_root_by_key,
    .list_roots = jpx_mongo_list_roots,
};

static jpx_mongo *handle_new(jpx_mongo_shared *shared, const jpx_env *env)
{
    jpx_mongo *m = calloc(1, sizeof *m);

    JPX_ASSERT(m != NULL);
    m->store = (jpx_store){&ops, env};
    m->shared = shared;
    atomic_fetch_add(&shared->handles, 1);
    m->scratch = jpx_arena_new();
    jpx_mongo_patience(m);
    return m;
}

/* Takes a client of the pool for the handle's life. */
static jp_status connect_handle(jpx_mongo *m, jp_error *err)
{
    m->client = mongoc_client_pool_try_pop(m->shared->pool);
    if (!m->client)
        return jpx_fail(err, JP_E_REFUSED, "the store has %d handles open already; close some", JPX_MONGO_CLIENTS_MAX);

    mongoc_write_concern_t *write = mongoc_write_concern_new();
    mongoc_read_concern_t *read = mongoc_read_concern_new();
    mongoc_read_prefs_t *from = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
    mongoc_write_concern_set_wmajority(write, JPX_MONGO_PATIENCE_MS);
    mongoc_write_concern_set_journal(write, true); /* without it a replica set of one waits 100 ms for each write */
    mongoc_read_concern_set_level(read, MONGOC_READ_CONCERN_LEVEL_MAJORITY);
    for (int i = 0; i < JPX_TABLES; i++) {
        m->tables[i] = mongoc_client_get_collection(m->client, m->shared->database, jpx_table_name((jpx_table)i));
        mongoc_collection_set_write_concern(m->tables[i], write);
        mongoc_collection_set_read_concern(m->tables[i], read);
        mongoc_collection_set_read_prefs(m->tables[i], from);
    }
    mongoc_write_concern_destroy(write);
    mongoc_read_concern_destroy(read);
    mongoc_read_prefs_destroy(from);
    return JP_OK;
}

static jp_status clone_mongo(jpx_store **out, jpx_store *store, jp_error *err)
{
    jpx_mongo *m = handle_new(((jpx_mongo *)store)->shared, store->env);
    jp_status status = connect_handle(m, err);

    if (status == JP_OK)
        *out = &m->store;
    else
        close_mongo(&m->store);
    return status;
}

/* ---- what kind of server answers ---- */

static bool flag(const bson_t *doc, const char *field)
{
    bson_iter_t it;
    return bson_iter_init_find(&it, doc, field) && bson_iter_as_bool(&it);
}

/* Waits for a primary. A standalone server counts as one. */
static jp_status probe(jpx_mongo *m, jp_error *err)
{
    const char *hosts = m->shared->hosts;
    bson_t *hello = BCON_NEW("hello", BCON_INT32(1));
    bson_error_t error;
    jp_status status;

    jpx_mongo_patience(m);
    do {
        bson_t reply;

        if (!mongoc_client_command_simple(m->client, "admin", hello, NULL, &reply, &error)) {
            status = jpx_mongo_fail(m, "open the store", &error, err);
        } else if (flag(&reply, "isWritablePrimary")) {
            status = JP_OK;
        } else if (flag(&reply, "isreplicaset")) {
            m->transient = true;
            status = jpx_fail(err, JP_E_UNAVAILABLE,
                              "MongoDB at %s was started with --replSet but has no configuration yet; run "
                              "rs.initiate() once in mongosh",
                              hosts);
        } else {
            m->transient = true;
            status = jpx_fail(err, JP_E_UNAVAILABLE,
                              "MongoDB at %s is not the primary of its replica set; name the set in the store's URI "
                              "(?replicaSet=NAME) so that the primary is found, or wait for an election",
                              hosts);
        }
        bson_destroy(&reply);
    } while (status != JP_OK && jpx_mongo_again(m));
    bson_destroy(hello);
    return status;
}

/* ---- what must be there: collections, indexes, the mark ---- */

/* Runs a command in our database; `fine` is an error code that means "it is there already". */
static jp_status command(jpx_mongo *m, const bson_t *body, const char *what, uint32_t fine, jp_error *err)
{
    bson_error_t error;
    jp_status status;

    jpx_mongo_patience(m);
    do {
        bool ok = mongoc_client_command_simple(m->client, m->shared->database, body, NULL, NULL, &error);
        status = ok || error.code == fine ? JP_OK : jpx_mongo_fail(m, what, &error, err);
    } while (status != JP_OK && jpx_mongo_again(m));
    return status;
}

/* The first write to a collection that is not there costs an extra 10 to 50 ms: they are made up front. */
static jp_status create_collections(jpx_mongo *m, jp_error *err)
{
    enum { NAMESPACE_EXISTS = 48 };
    jp_status status = JP_OK;

    for (int i = 0; i < JPX_TABLES && status == JP_OK; i++) {
        bson_t *body = BCON_NEW("create", BCON_UTF8(jpx_table_name((jpx_table)i)), "writeConcern", "{", "w",
                                BCON_UTF8("majority"), "j", BCON_BOOL(true), "}");
        status = command(m, body, "create a collection", NAMESPACE_EXISTS, err);
        bson_destroy(body);
    }
    return status;
}

/* Only roots have indexes beside _id: one document in a tree, changed two or three times. */
static jp_status create_indexes(jpx_mongo *m, jp_error *err)
{
    bson_t *body =
        BCON_NEW("createIndexes", BCON_UTF8(jpx_table_name(JPX_TABLE_ROOT)), "indexes", "[",                      /**/
                 "{", "key", "{", "key", BCON_INT32(1), "}", "name", BCON_UTF8("key"), "unique", BCON_BOOL(true), /**/
                 "partialFilterExpression", "{", "key", "{", "$exists", BCON_BOOL(true), "}", "}", "}",           /**/
                 "{", "key", "{", "pipe", BCON_INT32(1), "_id", BCON_INT32(-1), "}", "name", BCON_UTF8("pipe"), "}",
                 "{", "key", "{", "status", BCON_INT32(1), "_id", BCON_INT32(-1), "}", "name", BCON_UTF8("status"), "}",
                 "]", "writeConcern", "{", "w", BCON_UTF8("majority"), "}");
    jp_status status = command(m, body, "create the indexes of roots", 0, err);
    bson_destroy(body);
    return status;
}

static jp_status check_mark(jpx_mongo *m, const bson_t *mark, const char *prefix, jp_error *err)
{
    const char *database = m->shared->database, *hosts = m->shared->hosts, *owner;
    bson_iter_t it;

    if (!bson_iter_init_find(&it, mark, "v") || !BSON_ITER_HOLDS_INT32(&it))
        return jpx_fail(err, JP_E_DAMAGED,
                        "database '%s' of MongoDB at %s has a collection 'meta' that is not ours; name another "
                        "database in the store's URI",
                        database, hosts);
    if (bson_iter_int32(&it) > JPX_MONGO_VERSION)
        return jpx_fail(err, JP_E_REFUSED,
                        "database '%s' of MongoDB at %s was written by a newer jetpipe (layout %d, this one knows %d); "
                        "use the newer program",
                        database, hosts, bson_iter_int32(&it), JPX_MONGO_VERSION);
    owner = bson_iter_init_find(&it, mark, "prefix") && BSON_ITER_HOLDS_UTF8(&it) ? bson_iter_utf8(&it, NULL) : "";
    if (strcmp(owner, prefix) != 0)
        return jpx_fail(err, JP_E_REFUSED,
                        "database '%s' of MongoDB at %s belongs to the prefix '%s', not to '%s'; give --prefix %s or "
                        "name another database in the store's URI",
                        database, hosts, owner, prefix, owner);
    return JP_OK;
}

/* The mark is written last: where it stands, the rest is there. *missing: it is not there yet. */
static jp_status read_mark(jpx_mongo *m, mongoc_collection_t *meta, const char *prefix, bool *missing, jp_error *err)
{
    bson_t *filter = BCON_NEW("_id", BCON_UTF8("jetpipe"));
    const bson_t *mark;
    bson_error_t error;
    jp_status status;

    jpx_mongo_patience(m);
    do {
        mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(meta, filter, NULL, NULL);
        *missing = false;
        status = JP_OK;
        if (mongoc_cursor_next(cursor, &mark))
            status = check_mark(m, mark, prefix, err);
        else if (mongoc_cursor_error(cursor, &error))
            status = jpx_mongo_fail(m, "open the store", &error, err);
        else
            *missing = true;
        mongoc_cursor_destroy(cursor);
    } while (status != JP_OK && jpx_mongo_again(m));
    bson_destroy(filter);
    return status;
}

static jp_status write_mark(jpx_mongo *m, mongoc_collection_t *meta, const char *prefix, jp_error *err)
{
    bson_t *mark =
        BCON_NEW("_id", BCON_UTF8("jetpipe"), "v", BCON_INT32(JPX_MONGO_VERSION), "prefix", BCON_UTF8(prefix));
    bson_error_t error;
    jp_status status;

    jpx_mongo_patience(m);
    do {
        bool ok = mongoc_collection_insert_one(meta, mark, NULL, NULL, &error);
        status =
            ok || error.code == MONGOC_ERROR_DUPLICATE_KEY ? JP_OK : jpx_mongo_fail(m, "write its mark", &error, err);
    } while (status != JP_OK && jpx_mongo_again(m));
    bson_destroy(mark);
    return status;
}

static jp_status prepare(jpx_mongo *m, const char *prefix, jp_error *err)
{
    mongoc_collection_t *meta = mongoc_client_get_collection(m->client, m->shared->database, "meta");
    bool missing;

    mongoc_collection_set_write_concern(meta, mongoc_collection_get_write_concern(m->tables[JPX_TABLE_ROOT]));
    mongoc_collection_set_read_concern(meta, mongoc_collection_get_read_concern(m->tables[JPX_TABLE_ROOT]));
    mongoc_collection_set_read_prefs(meta, mongoc_collection_get_read_prefs(m->tables[JPX_TABLE_ROOT]));
    jp_status status = read_mark(m, meta, prefix, &missing, err);
    if (status == JP_OK && missing) {
        status = create_collections(m, err);
        if (status == JP_OK)
            status = create_indexes(m, err);
        if (status == JP_OK)
            status = write_mark(m, meta, prefix, err);
        if (status == JP_OK) /* another process may have been first, with another prefix */
            status = read_mark(m, meta, prefix, &missing, err);
    }
    mongoc_collection_destroy(meta);
    return status;
}

jp_status jpx_store_open_mongo(jpx_store **out, const char *uri_text, const char *prefix, const jpx_env *env,
                               jp_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    mongoc_uri_t *uri = NULL;
    bson_error_t error;

    pthread_once(&once, init_driver);
    jp_status status = parse_uri(&uri, uri_text, prefix, err);
    if (status != JP_OK)
        return status;
    jpx_mongo_shared *shared = calloc(1, sizeof *shared);
    JPX_ASSERT(shared != NULL);
    shared->hosts = hosts_text(uri);
    shared->database = bson_strdup(mongoc_uri_get_database(uri));
    shared->pool = mongoc_client_pool_new_with_error(uri, &error);
    mongoc_uri_destroy(uri);
    jpx_mongo *m = handle_new(shared, env);

    if (shared->pool) {
        mongoc_client_pool_set_error_api(shared->pool, MONGOC_ERROR_API_VERSION_2);
        mongoc_client_pool_max_size(shared->pool, JPX_MONGO_CLIENTS_MAX);
        status = connect_handle(m, err);
    } else {
        status = jpx_fail(err, JP_E_INVALID, "the store's URI for MongoDB at %s cannot be used (%.200s); mend it",
                          shared->hosts, error.message);
    }
    if (status == JP_OK)
        status = probe(m, err);
    if (status == JP_OK)
        status = prepare(m, prefix, err);
    if (status == JP_OK)
        *out = &m->store;
    else
        close_mongo(&m->store);
    return status;
}
