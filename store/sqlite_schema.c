/* sqlite_schema.c -- what is in the file: the tables, the version, whose it is. Makes them in an empty file, and
 * refuses a file of another program, of a newer version, or of another prefix.
 *
 * To change the tables: raise JPX_SQL_VERSION, change the old tables where the version read is smaller, keep a file of
 * the old version as a test, then edit. */
#include "store/sqlite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Marks the file as ours, for file(1) and for us: "jetp". */
enum { APPLICATION = 0x6a657470 };

static jp_status read_number(jpx_sql *sql, const char *text, int64_t *out, jp_error *err)
{
    sqlite3_stmt *statement;
    jp_status status = JP_OK;

    if (sqlite3_prepare_v2(sql->db, text, -1, &statement, NULL) != SQLITE_OK)
        return jpx_sql_failed(sql, err);
    *out = 0;
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    else if (code != SQLITE_DONE)
        status = jpx_sql_failed(sql, err);
    sqlite3_finalize(statement);
    return status;
}

/* WAL: readers and the writer do not wait for each other, and a commit is one write and one sync of the log. */
static jp_status enter_wal(jpx_sql *sql, jp_error *err)
{
    sqlite3_stmt *statement;
    jp_status status = JP_OK;

    if (sqlite3_prepare_v2(sql->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL) != SQLITE_OK)
        return jpx_sql_failed(sql, err);
    if (sqlite3_step(statement) != SQLITE_ROW)
        status = jpx_sql_failed(sql, err);
    else if (strcmp((const char *)sqlite3_column_text(statement, 0), "wal") != 0)
        status = jpx_fail(err, JP_E_INVALID,
                          "the file system of the store %.200s has no shared memory, which SQLite's log needs; put it "
                          "on a local disk",
                          sql->path);
    sqlite3_finalize(statement);
    return status;
}

/* All in one transaction, so that a file is whole or empty; IF NOT EXISTS, because another process may be first. */
static jp_status make_tables(jpx_sql *sql, const char *prefix, jp_error *err)
{
    char text[512];
    sqlite3_stmt *statement;
    jp_status status;

    if ((status = jpx_sql_exec(sql, "BEGIN IMMEDIATE", err)) != JP_OK)
        return status;
    snprintf(text, sizeof text,
             "PRAGMA application_id = %d;"
             "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
             "INSERT INTO meta VALUES ('version', %d) ON CONFLICT DO NOTHING",
             APPLICATION, JPX_SQL_VERSION);
    status = jpx_sql_exec(sql, text, err);
    for (jpx_table table = 0; table < JPX_TABLES && status == JP_OK; table++) {
        snprintf(text, sizeof text,
                 "CREATE TABLE IF NOT EXISTS %s (id BLOB PRIMARY KEY, %sdoc BLOB NOT NULL) WITHOUT ROWID",
                 jpx_table_name(table),
                 table == JPX_TABLE_ROOT ? "pipe TEXT NOT NULL, status TEXT NOT NULL, key TEXT UNIQUE, ended INTEGER, "
                                         : "");
        status = jpx_sql_exec(sql, text, err);
    }
    if (status == JP_OK) /* the id is the last column of an index, so that lists come in order */
        status = jpx_sql_exec(sql,
                              "CREATE INDEX IF NOT EXISTS root_status ON root (status);"
                              "CREATE INDEX IF NOT EXISTS root_pipe ON root (pipe)",
                              err);
    if (status == JP_OK && sqlite3_prepare_v2(sql->db, "INSERT INTO meta VALUES ('prefix', ?) ON CONFLICT DO NOTHING",
                                              -1, &statement, NULL) != SQLITE_OK)
        status = jpx_sql_failed(sql, err);
    if (status == JP_OK) {
        sqlite3_bind_text(statement, 1, prefix, -1, SQLITE_STATIC);
        status = jpx_sql_finish(sql, statement, err);
        sqlite3_finalize(statement);
    }
    if (status == JP_OK)
        status = jpx_sql_exec(sql, "COMMIT", err);
    if (!sqlite3_get_autocommit(sql->db))
        sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

static jp_status check_owner(jpx_sql *sql, const char *prefix, jp_error *err)
{
    sqlite3_stmt *statement;
    int64_t version;
    jp_status status;

    if ((status = read_number(sql, "SELECT value FROM meta WHERE name = 'version'", &version, err)) != JP_OK)
        return status;
    if (version > JPX_SQL_VERSION)
        return jpx_fail(err, JP_E_REFUSED,
                        "the store %.200s was written by a newer jetpipe (version %lld of its tables, this program "
                        "knows %d); use the newer program",
                        sql->path, (long long)version, JPX_SQL_VERSION);
    if (version < 1)
        return jpx_fail(err, JP_E_DAMAGED, "the store %.200s does not say its version; restore a copy", sql->path);
    if (sqlite3_prepare_v2(sql->db, "SELECT value FROM meta WHERE name = 'prefix'", -1, &statement, NULL) != SQLITE_OK)
        return jpx_sql_failed(sql, err);
    const char *owner = sqlite3_step(statement) == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (!owner || strcmp(owner, prefix) != 0)
        status = jpx_fail(err, JP_E_REFUSED,
                          "the store %.200s belongs to the prefix \"%.64s\", not to \"%.64s\"; use another file or "
                          "another --prefix",
                          sql->path, owner ? owner : "", prefix);
    sqlite3_finalize(statement);
    return status;
}

static jp_status make_and_check(jpx_sql *sql, const char *prefix, jp_error *err)
{
    int64_t tables, application;
    jp_status status;

    if ((status = read_number(sql, "SELECT count(*) FROM sqlite_schema", &tables, err)) != JP_OK ||
        (status = read_number(sql, "PRAGMA application_id", &application, err)) != JP_OK)
        return status;
    if (tables > 0 && application != APPLICATION)
        return jpx_fail(err, JP_E_INVALID, "the file %.200s is the database of another program; give another path",
                        sql->path);
    if ((status = enter_wal(sql, err)) != JP_OK)
        return status;
    if (tables == 0 && (status = make_tables(sql, prefix, err)) != JP_OK)
        return status;
    return check_owner(sql, prefix, err);
}

/* While several processes turn a new file into one with a log, SQLite refuses some of them at once, without waiting:
 * two who wait for each other's locks would wait for ever. So the waiting is done here. */
jp_status jpx_sql_schema(jpx_sql *sql, const char *prefix, jp_error *err)
{
    enum { AGAIN_MS = 5 };
    int64_t deadline_ms = jpx_mono_ms() + JPX_SQL_WAIT_MS;
    jp_status status;

    sql->deadline_ms = deadline_ms;
    while ((status = make_and_check(sql, prefix, err)) != JP_OK && (sqlite3_errcode(sql->db) & 0xff) == SQLITE_BUSY &&
           jpx_mono_ms() < deadline_ms)
        nanosleep(&(struct timespec){.tv_nsec = AGAIN_MS * 1000000}, NULL);
    return status;
}
