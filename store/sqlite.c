/* sqlite.c -- the SQLite store: its handles, and what reads. store/README.md tells the story of a write.
 *
 * A handle has a connection of its own for reading: in WAL mode it sees what was committed when its call began, and
 * neither waits for the writer nor makes it wait. Writes go to the file's one writer (sqlite_commit.c). All calls
 * block on the disk; a write also on the threads and processes before it. */
#include "store/sqlite.h"
#include "store/apply.h"
#include <stdlib.h>
#include <string.h>

struct handle {
    jpx_store base;
    jpx_sql_file *file;
    jpx_sql sql;
};

static const jpx_store_ops sqlite_ops;

static jpx_sql_file *file_of(jpx_store *store)
{
    return ((struct handle *)store)->file;
}

/* The handle's own connection, with time to wait. */
static jpx_sql *reader(jpx_store *store)
{
    jpx_sql *sql = &((struct handle *)store)->sql;
    sql->deadline_ms = jpx_mono_ms() + JPX_SQL_WAIT_MS;
    return sql;
}

/* Takes over one share of the file, also when it fails. */
static jp_status handle_new(jpx_store **out, jpx_sql_file *file, const jpx_env *env, jp_error *err)
{
    struct handle *handle = calloc(1, sizeof *handle);
    JPX_ASSERT(handle != NULL);
    handle->base = (jpx_store){&sqlite_ops, env};
    handle->file = file;
    jp_status status = jpx_sql_open(&handle->sql, jpx_sql_file_path(file), JPX_SQL_READER, err);
    if (status != JP_OK) {
        jpx_sql_file_release(file);
        free(handle);
        return status;
    }
    *out = &handle->base;
    return JP_OK;
}

jp_status jpx_store_open_sqlite(jpx_store **out, const char *path, const char *prefix, const jpx_env *env,
                                jp_error *err)
{
    jpx_sql_file *file;
    jp_status status = jpx_sql_file_open(&file, path, prefix, env, err);
    return status == JP_OK ? handle_new(out, file, env, err) : status;
}

static jp_status sqlite_clone(jpx_store **out, jpx_store *store, jp_error *err)
{
    return handle_new(out, jpx_sql_file_share(file_of(store)), store->env, err);
}

static void sqlite_close_handle(jpx_store *store)
{
    struct handle *handle = (struct handle *)store;
    jpx_sql_close(&handle->sql);
    jpx_sql_file_release(handle->file);
    free(handle);
}

/* ---- reads ---- */

static jpx_bytes column(sqlite3_stmt *statement, int at, jpx_arena *arena)
{
    const void *data = sqlite3_column_blob(statement, at);
    return jpx_copy(arena, data, (size_t)sqlite3_column_bytes(statement, at));
}

/* One read transaction around many statements: one look at the log instead of one each, and one moment for all. */
static jp_status sqlite_get(jpx_store *store, jpx_table table, const jpx_bytes *ids, size_t count, jpx_arena *arena,
                            jpx_record *out, jp_error *err)
{
    jpx_sql *sql = reader(store);
    sqlite3_stmt *statement = jpx_sql_statement(sql, JPX_SQL_GET, table, err);
    jp_status status = JP_OK;

    if (!statement)
        return jpx_sql_failed(sql, err);
    if (count > 1 && (status = jpx_sql_exec(sql, "BEGIN", err)) != JP_OK)
        return status;
    for (size_t i = 0; i < count && status == JP_OK; i++) {
        jpx_sql_bind(statement, 1, ids[i]);
        int code = sqlite3_step(statement);
        if (code == SQLITE_ROW)
            out[i].doc = column(statement, 0, arena);
        else if (code != SQLITE_DONE)
            status = jpx_sql_failed(sql, err);
        sqlite3_reset(statement);
    }
    if (!sqlite3_get_autocommit(sql->db))
        sqlite3_exec(sql->db, "COMMIT", NULL, NULL, NULL);
    return status;
}

/* All rows (id, doc) of a statement, which is reset then. */
static jp_status rows(jpx_sql *sql, sqlite3_stmt *statement, jpx_arena *arena, jpx_records *out, jp_error *err)
{
    size_t cap = 0;
    int code;

    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        jpx_bytes id = column(statement, 0, arena);
        JPX_PUSH(arena, out->items, out->count, cap) = (jpx_record){id, column(statement, 1, arena)};
    }
    jp_status status = code == SQLITE_DONE ? JP_OK : jpx_sql_failed(sql, err);
    sqlite3_reset(statement);
    return status;
}

static void bind_limit(sqlite3_stmt *statement, int at, size_t limit)
{
    sqlite3_bind_int64(statement, at, limit < INT64_MAX ? (int64_t)limit : INT64_MAX);
}

static jp_status sqlite_scan(jpx_store *store, jpx_table table, jpx_bytes lo, jpx_bytes hi, size_t limit,
                             bool backwards, jpx_arena *arena, jpx_records *out, jp_error *err)
{
    jpx_sql *sql = reader(store);
    sqlite3_stmt *statement = jpx_sql_statement(sql, backwards ? JPX_SQL_SCAN_DOWN : JPX_SQL_SCAN_UP, table, err);

    if (!statement)
        return jpx_sql_failed(sql, err);
    jpx_sql_bind(statement, 1, lo);
    jpx_sql_bind(statement, 2, hi);
    bind_limit(statement, 3, limit);
    return rows(sql, statement, arena, out, err);
}

static jp_status sqlite_root_by_key(jpx_store *store, const char *key, jpx_arena *arena, jpx_record *out, jp_error *err)
{
    jpx_sql *sql = reader(store);
    sqlite3_stmt *statement = jpx_sql_statement(sql, JPX_SQL_ROOT_BY_KEY, JPX_TABLE_ROOT, err);
    jpx_records found = {0};
    jp_status status;

    if (!statement)
        return jpx_sql_failed(sql, err);
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    status = rows(sql, statement, arena, &found, err);
    if (found.count)
        *out = found.items[0];
    return status;
}

static jp_status sqlite_list_roots(jpx_store *store, const jpx_root_filter *filter, jpx_arena *arena, jpx_records *out,
                                   jp_error *err)
{
    jpx_sql *sql = reader(store);
    int by = (filter->pipe ? JPX_SQL_BY_PIPE : 0) | (filter->status ? JPX_SQL_BY_STATUS : 0) |
             (filter->older_ms > 0 ? JPX_SQL_BY_ENDED : 0);
    sqlite3_stmt *statement = jpx_sql_statement(sql, (jpx_sql_text)(JPX_SQL_LIST_ROOTS + by), JPX_TABLE_ROOT, err);
    uint8_t bound[JPX_ROOT_BOUND + 1];
    bool bounded;

    if (!statement)
        return jpx_sql_failed(sql, err);
    jpx_root_bound(filter, bound, &bounded);
    if (!bounded) /* above every id, for it is longer */
        memset(bound, 0xff, sizeof bound);
    jpx_sql_bind(statement, 1, (jpx_bytes){bound, bounded ? JPX_ROOT_BOUND : sizeof bound});
    bind_limit(statement, 2, filter->limit);
    if (filter->pipe)
        sqlite3_bind_text(statement, 3, filter->pipe, -1, SQLITE_STATIC);
    if (filter->status)
        sqlite3_bind_text(statement, 4, filter->status, -1, SQLITE_STATIC);
    if (filter->older_ms > 0)
        sqlite3_bind_int64(statement, 5, filter->older_ms);
    return rows(sql, statement, arena, out, err);
}

/* ---- writes ---- */

static jp_status sqlite_insert(jpx_store *store, jpx_table table, const jpx_record *records, size_t count, bool *dup,
                               jp_error *err)
{
    jpx_sql_insert_args args = {table, records, count, dup};
    return jpx_sql_file_write(file_of(store), jpx_sql_insert, &args, err);
}

static jp_status sqlite_remove(jpx_store *store, jpx_table table, const jpx_bytes *ids, size_t count, jp_error *err)
{
    jpx_sql_ids_args args = {table, ids, count};
    return jpx_sql_file_write(file_of(store), jpx_sql_remove, &args, err);
}

static jp_status sqlite_remove_range(jpx_store *store, jpx_table table, jpx_bytes lo, jpx_bytes hi, size_t limit,
                                     size_t *removed, jp_error *err)
{
    jpx_sql_range_args args = {table, lo, hi, limit, removed};
    return jpx_sql_file_write(file_of(store), jpx_sql_remove_range, &args, err);
}

static jp_status sqlite_count(jpx_store *store, jpx_count *items, size_t count, jp_error *err)
{
    jpx_sql_count_args args = {items, count};
    return jpx_sql_file_write(file_of(store), jpx_sql_count_down, &args, err);
}

static jp_status sqlite_abort_barriers(jpx_store *store, const jpx_bytes *ids, size_t count, jp_error *err)
{
    jpx_sql_ids_args args = {JPX_TABLE_BARRIER, ids, count};
    return jpx_sql_file_write(file_of(store), jpx_sql_abort_barriers, &args, err);
}

static jp_status sqlite_change_roots(jpx_store *store, jpx_root_change *changes, size_t count, jp_error *err)
{
    jpx_sql_roots_args args = {changes, count};
    return jpx_sql_file_write(file_of(store), jpx_sql_change_roots, &args, err);
}

static const jpx_store_ops sqlite_ops = {
    .clone = sqlite_clone,
    .close = sqlite_close_handle,
    .insert = sqlite_insert,
    .get = sqlite_get,
    .scan = sqlite_scan,
    .remove = sqlite_remove,
    .remove_range = sqlite_remove_range,
    .count = sqlite_count,
    .abort_barriers = sqlite_abort_barriers,
    .change_roots = sqlite_change_roots,
    .root_by_key = sqlite_root_by_key,
    .list_roots = sqlite_list_roots,
};
