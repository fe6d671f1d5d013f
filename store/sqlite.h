/* sqlite.h -- the parts of the SQLite store, for each other:
 *
 *   sqlite.c         the handles, and what reads
 *   sqlite_write.c   what changes, as jobs
 *   sqlite_commit.c  the one writer of a file: jobs of all threads, gathered into one durable transaction
 *   sqlite_db.c      one connection: statements, waiting for locks, errors as sentences
 *   sqlite_schema.c  making, checking and refusing a file
 *
 * Every handle reads through a connection of its own; all handles of a file write through one connection. */
#ifndef JPX_SQLITE_H
#define JPX_SQLITE_H

#include "base/clock.h"
#include "store/store.h"
#include <pthread.h>
#include <sqlite3.h>

enum {
    JPX_SQL_WAIT_MS = 5000, /* for locks of others; then JP_E_UNAVAILABLE */
    JPX_SQL_VERSION = 1     /* of the tables; a file of a newer one is refused */
};

/* ---- one connection ---- */

/* For a table each (the names are filled in), then those of roots. */
typedef enum jpx_sql_text {
    JPX_SQL_GET,
    JPX_SQL_SCAN_UP,
    JPX_SQL_SCAN_DOWN,
    JPX_SQL_INSERT,
    JPX_SQL_REMOVE,
    JPX_SQL_REMOVE_RANGE,
    JPX_SQL_UPDATE,
    JPX_SQL_ROOT_BY_KEY,
    JPX_SQL_LIST_ROOTS, /* and the seven after it: JPX_SQL_BY_* or-ed */
    JPX_SQL_TEXTS = JPX_SQL_LIST_ROOTS + 8
} jpx_sql_text;
enum { JPX_SQL_BY_PIPE = 1, JPX_SQL_BY_STATUS = 2, JPX_SQL_BY_ENDED = 4 };

typedef struct jpx_sql {
    sqlite3 *db;
    char *path;
    int64_t deadline_ms; /* on the monotonic clock: until then it waits for locks */
    sqlite3_stmt *statements[JPX_SQL_TEXTS][JPX_TABLES];
} jpx_sql;

typedef enum jpx_sql_kind { JPX_SQL_READER, JPX_SQL_WRITER } jpx_sql_kind;

jp_status jpx_sql_open(jpx_sql *, const char *path, jpx_sql_kind, jp_error *);
void jpx_sql_close(jpx_sql *); /* also one that was never opened */

/* Borrowed, reset, without values; NULL on failure. */
sqlite3_stmt *jpx_sql_statement(jpx_sql *, jpx_sql_text, jpx_table, jp_error *);
/* Runs text without results. */
jp_status jpx_sql_exec(jpx_sql *, const char *text, jp_error *);
/* Binds in order, from 1 on; memory stays the caller's until the statement is reset. */
void jpx_sql_bind(sqlite3_stmt *, int at, jpx_bytes);
/* Steps to the end and resets. */
jp_status jpx_sql_finish(jpx_sql *, sqlite3_stmt *, jp_error *);
/* What the last failure of the connection means, as a status and a sentence. */
jp_status jpx_sql_failed(jpx_sql *, jp_error *);
jp_status jpx_sql_damaged(jpx_sql *, jpx_table, jpx_bytes id, jp_error *);

/* ---- the file ---- */

/* Makes the tables where there are none; refuses what is not ours. */
jp_status jpx_sql_schema(jpx_sql *, const char *prefix, jp_error *);

/* ---- the writer ---- */

typedef struct jpx_sql_file jpx_sql_file;

/* Runs inside a transaction, maybe more than once; must say all its answers again each time. */
typedef jp_status jpx_sql_work(jpx_sql *, void *args, jp_error *);

jp_status jpx_sql_file_open(jpx_sql_file **, const char *path, const char *prefix, const jpx_env *, jp_error *);
jpx_sql_file *jpx_sql_file_share(jpx_sql_file *);
void jpx_sql_file_release(jpx_sql_file *);
const char *jpx_sql_file_path(const jpx_sql_file *);
/* Blocks until the work is durable, or has failed. */
jp_status jpx_sql_file_write(jpx_sql_file *, jpx_sql_work *, void *args, jp_error *);

/* ---- the changes, as jobs; `args` are these ---- */

typedef struct jpx_sql_insert_args {
    jpx_table table;
    const jpx_record *records;
    size_t count;
    bool *dup;
} jpx_sql_insert_args;
typedef struct jpx_sql_ids_args {
    jpx_table table;
    const jpx_bytes *ids;
    size_t count;
} jpx_sql_ids_args;
typedef struct jpx_sql_range_args {
    jpx_table table;
    jpx_bytes lo, hi;
    size_t limit, *removed;
} jpx_sql_range_args;
typedef struct jpx_sql_count_args {
    jpx_count *items;
    size_t count;
} jpx_sql_count_args;
typedef struct jpx_sql_roots_args {
    jpx_root_change *changes;
    size_t count;
} jpx_sql_roots_args;

jpx_sql_work jpx_sql_insert, jpx_sql_remove, jpx_sql_remove_range, jpx_sql_count_down, jpx_sql_abort_barriers,
    jpx_sql_change_roots;

#endif
