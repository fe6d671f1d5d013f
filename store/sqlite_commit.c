/* sqlite_commit.c -- the one writer of a file: group commit.
 *
 * What a commit costs is the sync of the log, whatever is in it. So the changes of all threads go through one
 * connection: a thread queues its job; the first one leads, takes all jobs that are queued when it has the write lock,
 * runs them in one transaction, and after the sync wakes their threads. Jobs that came meanwhile are the next group,
 * led by the first of them.
 *
 *   idle --job--> leading: BEGIN IMMEDIATE, take the group, COMMIT, wake it, maybe copy the log back
 *    ^                |  ^
 *    |  queue empty   |  | queue not empty: its first thread leads
 *    +----------------+--+
 *
 * Invariants:
 *  1. The connection is used by the leader only; there is at most one (`leading`).
 *  2. A job is answered once, after the COMMIT that holds it. When a job or the COMMIT fails, all is rolled back and
 *     each job of the group is run again in a transaction of its own, so that nobody fails by another's fault.
 *  3. Every job waits about JPX_SQL_WAIT_MS at most for locks, its time in the queue included.
 *  4. The queue holds at most one job of each handle.
 *
 * The log (-wal) is copied back by the leader when it is long: that costs some ms in a few hundred commits, and leaves
 * the log to be written from its start again, which is faster than making it longer. Readers can keep the log from
 * being begun again; it is then tried again each LOG_PAGES_MORE pages, and from LOG_PAGES_LONG on the leader waits a
 * moment for the readers. */
#include "store/sqlite.h"
#include <stdlib.h>
#include <string.h>

enum {
    GROUP_MAX = 64,
    LOG_PAGES = 2000, /* 8 MiB: then it is copied back */
    LOG_PAGES_MORE = LOG_PAGES / 2,
    LOG_PAGES_LONG = 4 * LOG_PAGES,
    READERS_WAIT_MS = 200
};

typedef struct jpx_sql_job jpx_sql_job;

struct jpx_sql_job {
    jpx_sql_work *work;
    void *args;
    jp_error *err;
    jp_status status;
    int64_t deadline_ms;
    bool done, leads;
    pthread_cond_t wake;
    jpx_sql_job *next;
};

struct jpx_sql_file {
    pthread_mutex_t mutex; /* guards all but the connection */
    size_t handles;
    bool leading;
    jpx_sql_job *first, **end;

    jpx_sql sql;       /* the leader's */
    int log_pages;     /* of the log, as of the last commit */
    int checkpoint_at; /* pages */
    bool log_warned;
    const jpx_env *env;
};

static int log_grew(void *arg, sqlite3 *db, const char *name, int pages)
{
    jpx_sql_file *file = arg;
    (void)db, (void)name;
    if (pages < file->log_pages) /* begun again */
        file->checkpoint_at = LOG_PAGES;
    file->log_pages = pages;
    return SQLITE_OK;
}

/* ---- the transaction ---- */

static jp_status begin(jpx_sql_file *file, int64_t deadline_ms, jp_error *err)
{
    file->sql.deadline_ms = deadline_ms;
    return jpx_sql_exec(&file->sql, "BEGIN IMMEDIATE", err);
}

static jp_status commit(jpx_sql_file *file, jp_status status, jp_error *err)
{
    if (status == JP_OK)
        status = jpx_sql_exec(&file->sql, "COMMIT", err);
    if (!sqlite3_get_autocommit(file->sql.db)) /* SQLite rolls back by itself after some failures */
        sqlite3_exec(file->sql.db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* The transaction is open. Afterwards it is not, and every job of the group has its answer. */
static void run_group(jpx_sql_file *file, jpx_sql_job *group)
{
    jp_error err = {0};
    jp_status status = JP_OK;
    jpx_sql_job *job;

    for (job = group; job && status == JP_OK; job = job->next)
        status = job->work(&file->sql, job->args, &err);
    status = commit(file, status, &err);
    if (!group->next) {
        group->status = status;
        if (status != JP_OK && group->err)
            *group->err = err;
        return;
    }
    for (job = group; job; job = job->next) {
        job->status = status;
        if (status == JP_OK)
            continue;
        job->status = begin(file, job->deadline_ms, job->err);
        if (job->status == JP_OK)
            job->status = commit(file, job->work(&file->sql, job->args, job->err), job->err);
    }
}

static void checkpoint(jpx_sql_file *file)
{
    int mode = file->log_pages > LOG_PAGES_LONG ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;

    file->sql.deadline_ms = jpx_mono_ms() + READERS_WAIT_MS;
    int code = sqlite3_wal_checkpoint_v2(file->sql.db, NULL, mode, NULL, NULL);
    bool failed = code != SQLITE_OK && code != SQLITE_BUSY;
    if (failed && !file->log_warned) { /* what is committed is durable, but the log grows until this works */
        jp_error err;
        jpx_sql_failed(&file->sql, &err);
        jpx_log(file->env, JPX_WARN, "store log not copied back", "pages=%d reason=\"%s\"", file->log_pages, err.text);
    }
    file->log_warned = failed;
    file->checkpoint_at = file->log_pages + LOG_PAGES_MORE;
}

/* ---- leading ---- */

static jpx_sql_job *take_group(jpx_sql_file *file)
{
    jpx_sql_job *group = file->first, **end = &file->first;

    for (int i = 0; i < GROUP_MAX && *end; i++)
        end = &(*end)->next;
    file->first = *end;
    if (!file->first)
        file->end = &file->first;
    *end = NULL;
    return group;
}

/* `own` is the first of the queue. Called and left with the mutex held. */
static void lead(jpx_sql_file *file, jpx_sql_job *own)
{
    jpx_sql_job *group;

    pthread_mutex_unlock(&file->mutex);
    jp_status status = begin(file, own->deadline_ms, own->err);
    pthread_mutex_lock(&file->mutex);

    if (status != JP_OK) { /* its time is over; the next one may have some left */
        file->first = own->next;
        if (!file->first)
            file->end = &file->first;
        own->status = status;
        own->done = true;
    } else {
        group = take_group(file);
        pthread_mutex_unlock(&file->mutex);
        run_group(file, group);
        pthread_mutex_lock(&file->mutex);
        for (jpx_sql_job *job = group, *next; job; job = next) {
            next = job->next; /* once it is done it may be gone */
            job->done = true;
            if (job != own)
                pthread_cond_signal(&job->wake);
        }
        if (file->log_pages >= file->checkpoint_at) {
            pthread_mutex_unlock(&file->mutex);
            checkpoint(file);
            pthread_mutex_lock(&file->mutex);
        }
    }

    file->leading = file->first != NULL;
    if (file->first) {
        file->first->leads = true;
        pthread_cond_signal(&file->first->wake);
    }
}

jp_status jpx_sql_file_write(jpx_sql_file *file, jpx_sql_work *work, void *args, jp_error *err)
{
    jpx_sql_job job = {.work = work, .args = args, .err = err, .deadline_ms = jpx_mono_ms() + JPX_SQL_WAIT_MS};

    pthread_mutex_lock(&file->mutex);
    *file->end = &job;
    file->end = &job.next;
    if (!file->leading) {
        file->leading = job.leads = true;
    } else {
        pthread_cond_init(&job.wake, NULL);
        while (!job.done && !job.leads)
            pthread_cond_wait(&job.wake, &file->mutex);
        pthread_cond_destroy(&job.wake);
    }
    if (!job.done)
        lead(file, &job);
    pthread_mutex_unlock(&file->mutex);
    return job.status;
}

/* ---- the file ---- */

jp_status jpx_sql_file_open(jpx_sql_file **out, const char *path, const char *prefix, const jpx_env *env, jp_error *err)
{
    jpx_sql_file *file = calloc(1, sizeof *file);
    jp_status status;

    JPX_ASSERT(file != NULL);
    file->handles = 1;
    file->env = env;
    file->end = &file->first;
    file->checkpoint_at = LOG_PAGES;
    pthread_mutex_init(&file->mutex, NULL);
    status = jpx_sql_open(&file->sql, path, JPX_SQL_WRITER, err);
    if (status == JP_OK)
        status = jpx_sql_schema(&file->sql, prefix, err);
    if (status != JP_OK) {
        jpx_sql_file_release(file);
        return status;
    }
    sqlite3_wal_hook(file->sql.db, log_grew, file);
    *out = file;
    return JP_OK;
}

jpx_sql_file *jpx_sql_file_share(jpx_sql_file *file)
{
    pthread_mutex_lock(&file->mutex);
    file->handles++;
    pthread_mutex_unlock(&file->mutex);
    return file;
}

void jpx_sql_file_release(jpx_sql_file *file)
{
    pthread_mutex_lock(&file->mutex);
    bool last = --file->handles == 0;
    pthread_mutex_unlock(&file->mutex);
    if (last) {
        jpx_sql_close(&file->sql);
        pthread_mutex_destroy(&file->mutex);
        free(file);
    }
}

const char *jpx_sql_file_path(const jpx_sql_file *file)
{
    return file->sql.path;
}
