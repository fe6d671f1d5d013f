/* sqlite_write.c -- the changes of the SQLite store, as work for the writer. Each runs inside a transaction that others
 * share, and may be run again: so it says all its answers anew. The document of a barrier or root is read, changed in
 * memory by apply.c, and written back; the transaction makes that one step. */
#include "store/apply.h"
#include "store/sqlite.h"
#include <stdlib.h>
#include <string.h>

/* ---- records ---- */

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    if (text)
        JPX_ASSERT(sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC) == SQLITE_OK);
    else
        sqlite3_bind_null(statement, at);
}

static void bind_ended(sqlite3_stmt *statement, int at, const jpx_root_facts *facts)
{
    if (facts->over)
        sqlite3_bind_int64(statement, at, facts->ended_ms);
    else
        sqlite3_bind_null(statement, at);
}

jp_status jpx_sql_insert(jpx_sql *sql, void *args, jp_error *err)
{
    const jpx_sql_insert_args *a = args;
    sqlite3_stmt *statement = jpx_sql_statement(sql, JPX_SQL_INSERT, a->table, err);

    if (!statement)
        return jpx_sql_failed(sql, err);
    for (size_t i = 0; i < a->count; i++) {
        jpx_root_facts facts;
        jpx_sql_bind(statement, 1, a->records[i].id);
        jpx_sql_bind(statement, 2, a->records[i].doc);
        if (a->table == JPX_TABLE_ROOT) {
            if (!jpx_root_facts_read(a->records[i].doc, &facts))
                return jpx_sql_damaged(sql, a->table, a->records[i].id, err);
            bind_text(statement, 3, facts.pipe);
            bind_text(statement, 4, facts.status);
            bind_text(statement, 5, facts.key);
            bind_ended(statement, 6, &facts);
        }
        jp_status status = jpx_sql_finish(sql, statement, err);
        if (status != JP_OK)
            return status;
        if (a->dup)
            a->dup[i] = sqlite3_changes(sql->db) == 0;
    }
    return JP_OK;
}

jp_status jpx_sql_remove(jpx_sql *sql, void *args, jp_error *err)
{
    const jpx_sql_ids_args *a = args;
    sqlite3_stmt *statement = jpx_sql_statement(sql, JPX_SQL_REMOVE, a->table, err);

    if (!statement)
        return jpx_sql_failed(sql, err);
    for (size_t i = 0; i < a->count; i++) {
        jpx_sql_bind(statement, 1, a->ids[i]);
        jp_status status = jpx_sql_finish(sql, statement, err);
        if (status != JP_OK)
            return status;
    }
    return JP_OK;
}

jp_status jpx_sql_remove_range(jpx_sql *sql, void *args, jp_error *err)
{
    const jpx_sql_range_args *a = args;
    sqlite3_stmt *statement = jpx_sql_statement(sql, JPX_SQL_REMOVE_RANGE, a->table, err);

    *a->removed = 0;
    if (!statement)
        return jpx_sql_failed(sql, err);
    jpx_sql_bind(statement, 1, a->lo);
    jpx_sql_bind(statement, 2, a->hi);
    sqlite3_bind_int64(statement, 3, a->limit < INT64_MAX ? (int64_t)a->limit : INT64_MAX);
    jp_status status = jpx_sql_finish(sql, statement, err);
    if (status == JP_OK)
        *a->removed = (size_t)sqlite3_changes(sql->db);
    return status;
}

/* ---- barriers ---- */

/* A copy of the document, which stays when the statement is used again; *doc is empty when there is none. */
struct scratch {
    uint8_t *data;
    size_t size, cap;
};

static jp_status load(jpx_sql *sql, jpx_table table, jpx_bytes id, struct scratch *doc, jp_error *err)
{
    sqlite3_stmt *statement = jpx_sql_statement(sql, JPX_SQL_GET, table, err);
    jp_status status = JP_OK;

    doc->size = 0;
    if (!statement)
        return jpx_sql_failed(sql, err);
    jpx_sql_bind(statement, 1, id);
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        const void *data = sqlite3_column_blob(statement, 0);
        doc->size = (size_t)sqlite3_column_bytes(statement, 0);
        if (doc->size > doc->cap) {
            doc->cap = 2 * doc->size;
            doc->data = realloc(doc->data, doc->cap);
            JPX_ASSERT(doc->data != NULL);
        }
        if (doc->size)
            memcpy(doc->data, data, doc->size);
    } else if (code != SQLITE_DONE) {
        status = jpx_sql_failed(sql, err);
    }
    sqlite3_reset(statement);
    return status;
}

static jp_status store_back(jpx_sql *sql, jpx_table table, jpx_bytes id, jpx_bytes doc, jp_error *err)
{
    sqlite3_stmt *statement = jpx_sql_statement(sql, JPX_SQL_UPDATE, table, err);

    if (!statement)
        return jpx_sql_failed(sql, err);
    jpx_sql_bind(statement, 1, id);
    jpx_sql_bind(statement, 2, doc);
    if (table == JPX_TABLE_ROOT) {
        jpx_root_facts facts;
        if (!jpx_root_facts_read(doc, &facts))
            return jpx_sql_damaged(sql, table, id, err);
        bind_text(statement, 3, facts.status);
        bind_ended(statement, 4, &facts);
    }
    return jpx_sql_finish(sql, statement, err);
}

jp_status jpx_sql_count_down(jpx_sql *sql, void *args, jp_error *err)
{
    const jpx_sql_count_args *a = args;
    struct scratch doc = {0};
    jp_status status = JP_OK;

    for (size_t i = 0; i < a->count && status == JP_OK; i++) {
        jpx_count *item = &a->items[i];
        bool changed = false;
        item->found = item->aborted = item->fresh = item->repeated = false;
        item->left = 0;
        status = load(sql, JPX_TABLE_BARRIER, item->id, &doc, err);
        if (status != JP_OK || !doc.size)
            continue;
        if (!jpx_apply_count(doc.data, doc.size, item, &changed))
            status = jpx_sql_damaged(sql, JPX_TABLE_BARRIER, item->id, err);
        else if (changed)
            status = store_back(sql, JPX_TABLE_BARRIER, item->id, (jpx_bytes){doc.data, doc.size}, err);
    }
    free(doc.data);
    return status;
}

jp_status jpx_sql_abort_barriers(jpx_sql *sql, void *args, jp_error *err)
{
    const jpx_sql_ids_args *a = args;
    struct scratch doc = {0};
    jp_status status = JP_OK;

    for (size_t i = 0; i < a->count && status == JP_OK; i++) {
        bool changed = false;
        status = load(sql, JPX_TABLE_BARRIER, a->ids[i], &doc, err);
        if (status != JP_OK || !doc.size)
            continue;
        if (!jpx_apply_abort(doc.data, doc.size, &changed))
            status = jpx_sql_damaged(sql, JPX_TABLE_BARRIER, a->ids[i], err);
        else if (changed)
            status = store_back(sql, JPX_TABLE_BARRIER, a->ids[i], (jpx_bytes){doc.data, doc.size}, err);
    }
    free(doc.data);
    return status;
}

/* ---- roots ---- */

jp_status jpx_sql_change_roots(jpx_sql *sql, void *args, jp_error *err)
{
    const jpx_sql_roots_args *a = args;
    struct scratch doc = {0};
    jpx_arena *arena = jpx_arena_new();
    jp_status status = JP_OK;

    for (size_t i = 0; i < a->count && status == JP_OK; i++) {
        jpx_root_change *change = &a->changes[i];
        jpx_bytes fresh;
        change->found = change->changed = false;
        status = load(sql, JPX_TABLE_ROOT, change->id, &doc, err);
        if (status != JP_OK || !doc.size)
            continue;
        if (!jpx_apply_root((jpx_bytes){doc.data, doc.size}, change, arena, &fresh)) {
            status = jpx_sql_damaged(sql, JPX_TABLE_ROOT, change->id, err);
            continue;
        }
        change->found = true;
        change->changed = fresh.size > 0;
        if (change->changed)
            status = store_back(sql, JPX_TABLE_ROOT, change->id, fresh, err);
        jpx_arena_reset(arena);
    }
    jpx_arena_free(arena);
    free(doc.data);
    return status;
}
