/* sqlite_db.c -- one connection to the file: its settings, its prepared statements, how long it waits for locks, and
 * what its failures mean.
 *
 * A connection belongs to one thread at a time. It never gives SQLITE_BUSY before its deadline: WAL readers wait only
 * while another process recovers the log, and the writer waits in BEGIN IMMEDIATE alone. */
#include "store/sqlite.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    BUSY_SLEEP_US = 200,
    WRITER_CACHE_KIB = 32 * 1024,
    READER_CACHE_KIB = 4 * 1024,      /* small: it is empty again after each write of others */
    WAL_KEPT_BYTES = 64 * 1024 * 1024 /* of a log that a giant transaction made longer than that */
};

/* ---- failures ---- */

static jp_status failed_io(const jpx_sql *sql, int os, jp_error *err)
{
    struct stat st;

    if (stat(sql->path, &st) == 0 && !S_ISREG(st.st_mode))
        return jpx_fail(
            err, JP_E_INVALID,
            "the store %.200s is %s, not a file; give the path of a file, as sqlite:/var/lib/jetpipe/store.db",
            sql->path, S_ISDIR(st.st_mode) ? "a folder" : "a device or pipe");
    if (os == ENOSPC || os == EDQUOT)
        return jpx_fail(err, JP_E_FULL,
                        "the disk of the store %.200s is full (%s); free some space, and the work goes on by itself",
                        sql->path, strerror(os));
    if (os == EACCES || os == EPERM || os == EROFS)
        return jpx_fail(err, JP_E_DENIED,
                        "the store %.200s cannot be written (%s); let this user write the file and its folder, for "
                        "the files -wal and -shm beside it",
                        sql->path, strerror(os));
    if (os == EMFILE || os == ENFILE)
        return jpx_fail(err, JP_E_UNAVAILABLE,
                        "the store %.200s cannot be opened (%s); raise the limit of open files (ulimit -n)", sql->path,
                        strerror(os));
    return jpx_fail(err, JP_E_UNAVAILABLE,
                    "the store %.200s cannot be read or written (%s: %s); look at its disk and the system's log",
                    sql->path, sqlite3_errmsg(sql->db), strerror(os));
}

static bool folder_is_there(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    struct stat st;
    bool there = folder && stat(folder, &st) == 0 && S_ISDIR(st.st_mode);

    free(folder);
    return there;
}

static jp_status failed_open(const jpx_sql *sql, int os, jp_error *err)
{
    if ((os == ENOENT || os == ENOTDIR) && !folder_is_there(sql->path))
        return jpx_fail(err, JP_E_INVALID, "the folder of the store %.200s does not exist; make it first", sql->path);
    /* refused the right to make the file, SQLite tries to read it, and finds none */
    return failed_io(sql, os == ENOENT || os == 0 ? EACCES : os, err);
}

jp_status jpx_sql_failed(jpx_sql *sql, jp_error *err)
{
    int code = sqlite3_extended_errcode(sql->db), os = sqlite3_system_errno(sql->db);

    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return jpx_fail(err, JP_E_UNAVAILABLE,
                        "the store %.200s has been locked by another process for %d s; see who has it open (fuser -v "
                        "%.100s) and whether it hangs",
                        sql->path, JPX_SQL_WAIT_MS / 1000, sql->path);
    case SQLITE_FULL:
        return failed_io(sql, os == EDQUOT ? EDQUOT : ENOSPC, err);
    case SQLITE_CORRUPT:
        return jpx_fail(err, JP_E_DAMAGED,
                        "the store %.200s is damaged (%s); stop all that use it, then restore a copy, or save what is "
                        "left with: sqlite3 FILE .recover",
                        sql->path, sqlite3_errmsg(sql->db));
    case SQLITE_NOTADB:
        return jpx_fail(err, JP_E_INVALID,
                        "the file %.200s is not an SQLite database, or its first page is overwritten; give another "
                        "path or restore a copy",
                        sql->path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        if (code == SQLITE_READONLY_DBMOVED)
            return jpx_fail(
                err, JP_E_UNAVAILABLE,
                "the store %.200s was moved or deleted while in use; put it back, or restart to begin a new "
                "one",
                sql->path);
        return failed_io(sql, os == EROFS || os == EPERM ? os : EACCES, err);
    case SQLITE_CANTOPEN:
        return failed_open(sql, os, err);
    case SQLITE_IOERR:
        return failed_io(sql, os ? os : EIO, err);
    case SQLITE_NOMEM:
        return jpx_fail(err, JP_E_UNAVAILABLE, "not enough memory for the store %.200s", sql->path);
    case SQLITE_TOOBIG:
        return jpx_fail(err, JP_E_TOO_LARGE, "a record is too large for the store %.200s; pass smaller values",
                        sql->path);
    default:
        return jpx_fail(err, JP_E_INTERNAL, "SQLite refused a statement on the store %.200s (%d: %s); please report it",
                        sql->path, code, sqlite3_errmsg(sql->db));
    }
}

jp_status jpx_sql_damaged(jpx_sql *sql, jpx_table table, jpx_bytes id, jp_error *err)
{
    char hex[128];
    jpx_hex(hex, id.data, id.size);
    return jpx_fail(err, JP_E_DAMAGED,
                    "the record %s in the table %s of the store %.200s is not what its table holds; restore a copy or "
                    "remove the record",
                    hex, jpx_table_name(table), sql->path);
}

/* ---- statements ---- */

jp_status jpx_sql_exec(jpx_sql *sql, const char *text, jp_error *err)
{
    return sqlite3_exec(sql->db, text, NULL, NULL, NULL) == SQLITE_OK ? JP_OK : jpx_sql_failed(sql, err);
}

static void statement_text(char *out, size_t size, jpx_sql_text text, jpx_table table)
{
    static const char *const texts[] = {
        [JPX_SQL_GET] = "SELECT doc FROM %s WHERE id = ?",
        [JPX_SQL_SCAN_UP] = "SELECT id, doc FROM %s WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?",
        [JPX_SQL_SCAN_DOWN] = "SELECT id, doc FROM %s WHERE id >= ? AND id <= ? ORDER BY id DESC LIMIT ?",
        [JPX_SQL_INSERT] = "INSERT INTO %s (id, doc) VALUES (?, ?) ON CONFLICT DO NOTHING",
        [JPX_SQL_REMOVE] = "DELETE FROM %s WHERE id = ?",
        [JPX_SQL_REMOVE_RANGE] =
            "DELETE FROM %s WHERE id IN (SELECT id FROM %s WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?)",
        [JPX_SQL_UPDATE] = "UPDATE %s SET doc = ?2 WHERE id = ?1",
        [JPX_SQL_ROOT_BY_KEY] = "SELECT id, doc FROM root WHERE key = ?",
    };
    const char *name = jpx_table_name(table);

    if (text >= JPX_SQL_LIST_ROOTS) {
        int by = (int)text - (int)JPX_SQL_LIST_ROOTS;
        snprintf(out, size, "SELECT id, doc FROM root WHERE id < ?1%s%s%s ORDER BY id DESC LIMIT ?2",
                 by & JPX_SQL_BY_PIPE ? " AND pipe = ?3" : "", by & JPX_SQL_BY_STATUS ? " AND status = ?4" : "",
                 by & JPX_SQL_BY_ENDED ? " AND ended < ?5" : "");
    } else if (table == JPX_TABLE_ROOT && text == JPX_SQL_INSERT) {
        snprintf(
            out, size,
            "INSERT INTO root (id, doc, pipe, status, key, ended) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    } else if (table == JPX_TABLE_ROOT && text == JPX_SQL_UPDATE) {
        snprintf(out, size, "UPDATE root SET doc = ?2, status = ?3, ended = ?4 WHERE id = ?1");
    } else {
        const char *rest = texts[text], *hole;
        size_t used = 0;
        for (; (hole = strstr(rest, "%s")) != NULL; rest = hole + 2)
            used += (size_t)snprintf(out + used, size - used, "%.*s%s", (int)(hole - rest), rest, name);
        snprintf(out + used, size - used, "%s", rest);
    }
}

sqlite3_stmt *jpx_sql_statement(jpx_sql *sql, jpx_sql_text text, jpx_table table, jp_error *err)
{
    sqlite3_stmt **statement = &sql->statements[text][table];
    char sentence[256];

    if (!*statement) {
        statement_text(sentence, sizeof sentence, text, table);
        if (sqlite3_prepare_v3(sql->db, sentence, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK)
            jpx_sql_failed(sql, err);
    }
    return *statement;
}

void jpx_sql_bind(sqlite3_stmt *statement, int at, jpx_bytes bytes)
{
    JPX_ASSERT(sqlite3_bind_blob64(statement, at, bytes.data, bytes.size, SQLITE_STATIC) == SQLITE_OK);
}

jp_status jpx_sql_finish(jpx_sql *sql, sqlite3_stmt *statement, jp_error *err)
{
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        ;
    jp_status status = code == SQLITE_DONE ? JP_OK : jpx_sql_failed(sql, err);
    sqlite3_reset(statement);
    return status;
}

/* ---- open ---- */

/* SQLite has no queue for its write lock: who asks at the right moment has it. Asking often, and not all at the same
 * pace, gives everyone a chance between two transactions of one that writes without a pause: measured against one to
 * six such processes on a busy machine, the worst of 10,000 small writes waited 0.8 s. (A turnstile of file locks
 * before SQLite's own was tried: no better at its worst, and slower.) */
static int wait_for_lock(void *arg, int tries)
{
    const jpx_sql *sql = arg;

    if (jpx_mono_ms() >= sql->deadline_ms)
        return 0;
    long us = tries < 4 ? BUSY_SLEEP_US >> (4 - tries) : BUSY_SLEEP_US;
    us += ((long)((uintptr_t)sql >> 6 & 0xffff) + tries * 37L) % us;
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
    return 1;
}

static jp_status configure(jpx_sql *sql, jpx_sql_kind kind, jp_error *err)
{
    char text[256];

    sqlite3_extended_result_codes(sql->db, 1);
    sqlite3_busy_handler(sql->db, wait_for_lock, sql);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* the log is copied back by sqlite_commit.c */
    snprintf(text, sizeof text,
             "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY;"
             "PRAGMA cache_size = -%d; PRAGMA journal_size_limit = %d",
             kind == JPX_SQL_WRITER ? WRITER_CACHE_KIB : READER_CACHE_KIB, WAL_KEPT_BYTES);
    return jpx_sql_exec(sql, text, err);
}

jp_status jpx_sql_open(jpx_sql *sql, const char *path, jpx_sql_kind kind, jp_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    jp_status status;

    *sql = (jpx_sql){.path = strdup(path), .deadline_ms = jpx_mono_ms() + JPX_SQL_WAIT_MS};
    JPX_ASSERT(sql->path != NULL);
    if (kind == JPX_SQL_WRITER)
        flags |= SQLITE_OPEN_CREATE;
    status = sqlite3_open_v2(path, &sql->db, flags, NULL) == SQLITE_OK ? JP_OK : jpx_sql_failed(sql, err);
    if (status == JP_OK && sqlite3_db_readonly(sql->db, "main") == 1) /* SQLite is content with less than we asked */
        status = failed_io(sql, EACCES, err);
    if (status == JP_OK)
        status = configure(sql, kind, err);
    if (status != JP_OK)
        jpx_sql_close(sql);
    return status;
}

void jpx_sql_close(jpx_sql *sql)
{
    for (size_t i = 0; i < JPX_SQL_TEXTS; i++)
        for (size_t k = 0; k < JPX_TABLES; k++)
            sqlite3_finalize(sql->statements[i][k]);
    JPX_ASSERT(sqlite3_close(sql->db) == SQLITE_OK);
    free(sql->path);
    *sql = (jpx_sql){0};
}
