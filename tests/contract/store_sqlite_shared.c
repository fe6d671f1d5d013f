/* store_sqlite_shared.c -- several processes on one SQLite file: they take turns, one that is killed loses nothing that
 * was acknowledged, one that holds the lock is waited for but not for ever, and the log stays short. */
#include "contract/store_suite.h"
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static suite_case c;

static void begin(void)
{
    suite_begin_sqlite(&c);
}

static void end(void)
{
    suite_end(&c);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- several processes ---- */

/* In a child: its own store on the same file. */
static void child_open(void)
{
    c.store = NULL; /* the parent's: not ours to touch */
    suite_reopen(&c);
}

static void wait_well(pid_t pid)
{
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child ended with status %x", (unsigned)status);
}

enum { PROCESSES = 3, PROCESS_BITS = 600 };

/* Every process and thread sets every bit, each in an order of its own; the records as well. */
static void *count_and_insert(void *arg)
{
    suite_thread *t = arg;
    jpx_bytes id = suite_id(t->arena, JPX_TABLE_BARRIER, 1);
    uint64_t seed = (uint64_t)getpid() * 100 + (uint64_t)t->number;
    uint64_t from = suite_random(&seed) % PROCESS_BITS;

    for (uint64_t i = 0; i < PROCESS_BITS; i++) {
        uint64_t bit = (from + i * 7) % PROCESS_BITS, mask = (uint64_t)1 << bit % JPX_WORD_BITS;
        jpx_count item = {.id = id, .mask = &mask, .first_word = (uint32_t)(bit / JPX_WORD_BITS), .words = 1};
        jpx_record record = suite_record(t->arena, JPX_TABLE_ENTRY, bit, 300);
        bool dup;
        if (jpx_store_count(t->store, &item, 1, &t->err) != JP_OK ||
            jpx_store_insert(t->store, JPX_TABLE_ENTRY, &record, 1, &dup, &t->err) != JP_OK)
            return NULL;
        t->made += item.fresh + (dup ? 0 : 100000);
    }
    return NULL;
}

START_TEST(processes_share_a_file)
{
    int result[2];
    long sum = 0, one;

    begin();
    suite_insert(&c, JPX_TABLE_BARRIER, suite_barrier(c.arena, 1, PROCESS_BITS));
    jpx_store_close(c.store); /* the children begin together, with recovery and all */
    c.store = NULL;
    ck_assert_int_eq(pipe(result), 0);
    pid_t pids[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        if ((pids[i] = fork()) == 0) {
            child_open();
            one = suite_race(&c, count_and_insert, NULL);
            jpx_store_close(c.store);
            _exit(write(result[1], &one, sizeof one) == sizeof one ? 0 : 1);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        wait_well(pids[i]);
        ck_assert_int_eq(read(result[0], &one, sizeof one), sizeof one);
        sum += one;
    }
    ck_assert_int_eq(sum, PROCESS_BITS + 100000L * PROCESS_BITS); /* each bit and each record had one winner */
    suite_reopen(&c);
    jpx_bytes doc = suite_get(&c, JPX_TABLE_BARRIER, suite_id(c.arena, JPX_TABLE_BARRIER, 1));
    bson_iter_t it;
    ck_assert(bson_iter_init_from_data(&it, doc.data, doc.size) && bson_iter_find(&it, "left"));
    ck_assert_int_eq(bson_iter_int64(&it), 0);
    end();
}
END_TEST

/* Processes that make the file at the same time. */
START_TEST(processes_make_a_file)
{
    pid_t pids[8];

    begin();
    jpx_store_close(c.store);
    c.store = NULL;
    for (int round = 0; round < 40; round++) {
        snprintf(c.uri, sizeof c.uri, "sqlite:%s/new-%d.db", c.folder, round);
        for (uint64_t i = 0; i < 8; i++) {
            if ((pids[i] = fork()) == 0) {
                child_open();
                suite_insert(&c, JPX_TABLE_ENTRY, suite_record(c.arena, JPX_TABLE_ENTRY, i, 0));
                jpx_store_close(c.store);
                _exit(0);
            }
        }
        for (int i = 0; i < 8; i++)
            wait_well(pids[i]);
        suite_reopen(&c);
        for (uint64_t i = 0; i < 8; i++)
            ck_assert_ptr_nonnull(suite_get(&c, JPX_TABLE_ENTRY, suite_id(c.arena, JPX_TABLE_ENTRY, i)).data);
        jpx_store_close(c.store);
        c.store = NULL;
    }
    end();
}
END_TEST

/* One process writes large batches without a pause; another one's small writes must get their turn. */
START_TEST(a_greedy_process)
{
    enum { BATCH = 5000 };
    double longest = 0, started;
    int ready[2];
    char byte;

    begin();
    ck_assert_int_eq(pipe(ready), 0);
    jpx_store_close(c.store);
    c.store = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        jpx_record *items = jpx_alloc_array(c.arena, BATCH, sizeof *items);
        child_open();
        for (uint64_t n = 0;; n += BATCH) {
            for (uint64_t i = 0; n == 0 && i < BATCH; i++)
                items[i] = suite_record(c.arena, JPX_TABLE_VALUE, i, 500);
            suite_ok(&c, jpx_store_insert(c.store, JPX_TABLE_VALUE, items, BATCH, NULL, &c.err));
            suite_ok(&c, jpx_store_remove_range(c.store, JPX_TABLE_VALUE, items[0].id, items[BATCH - 1].id, BATCH,
                                                &(size_t){0}, &c.err));
            if (n == 0)
                ck_assert_int_eq(write(ready[1], "r", 1), 1);
        }
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    suite_reopen(&c);
    for (uint64_t n = 0; n < 30; n++) {
        started = seconds();
        suite_insert(&c, JPX_TABLE_ENTRY, suite_record(c.arena, JPX_TABLE_ENTRY, n, 0));
        longest = seconds() - started > longest ? seconds() - started : longest;
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ck_assert_msg(longest < 2.0, "a small write waited %.3f s", longest);
    end();
}
END_TEST

/* What was acknowledged before kill -9 is there after it. */
START_TEST(killed_at_work)
{
    begin();
    jpx_store_close(c.store);
    c.store = NULL;
    for (int round = 0; round < 8; round++) {
        int said[2];
        uint64_t n, acknowledged = 0;
        ck_assert_int_eq(pipe(said), 0);
        pid_t pid = fork();
        if (pid == 0) {
            child_open();
            for (n = 1;; n++) {
                jpx_record items[20];
                for (uint64_t i = 0; i < 20; i++)
                    items[i] = suite_record(c.arena, JPX_TABLE_ENTRY, (uint64_t)round << 32 | (n * 20 + i), 400);
                suite_ok(&c, jpx_store_insert(c.store, JPX_TABLE_ENTRY, items, 20, NULL, &c.err));
                if (write(said[1], &n, sizeof n) != sizeof n)
                    _exit(1);
                jpx_arena_reset(c.arena);
            }
        }
        close(said[1]);
        nanosleep(&(struct timespec){.tv_nsec = 150000000 + round * 17000000}, NULL); /* some checkpoints long */
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        while (read(said[0], &n, sizeof n) == sizeof n)
            acknowledged = n;
        close(said[0]);
        ck_assert_uint_gt(acknowledged, 0);
        suite_reopen(&c);
        for (n = 1; n <= acknowledged; n++)
            for (uint64_t i = 0; i < 20; i++) {
                uint64_t number = (uint64_t)round << 32 | (n * 20 + i);
                suite_same(suite_get(&c, JPX_TABLE_ENTRY, suite_id(c.arena, JPX_TABLE_ENTRY, number)),
                           suite_record(c.arena, JPX_TABLE_ENTRY, number, 400).doc);
                jpx_arena_reset(c.arena);
            }
        jpx_store_close(c.store);
        c.store = NULL;
    }
    end();
}
END_TEST

/* Another program holds the write lock: for 3 s it is waited for, for ever it is not. */
START_TEST(locked_by_another)
{
    char path[256];
    sqlite3 *db;
    double started;
    jpx_record record;

    begin();
    suite_in_folder(&c, path, "store.db");
    for (int i = 0; i < 2; i++) {
        bool for_ever = i == 1;
        int ready[2];
        char byte;
        ck_assert_int_eq(pipe(ready), 0);
        pid_t pid = fork();
        if (pid == 0) {
            if (sqlite3_open(path, &db) != SQLITE_OK ||
                sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK || write(ready[1], "r", 1) != 1)
                _exit(1);
            nanosleep(&(struct timespec){.tv_sec = for_ever ? 100 : 3}, NULL);
            _exit(0);
        }
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
        started = seconds();
        record = suite_record(c.arena, JPX_TABLE_ENTRY, (uint64_t)i, 0);
        jp_status status = jpx_store_insert(c.store, JPX_TABLE_ENTRY, &record, 1, NULL, &c.err);
        double took = seconds() - started;
        if (for_ever) {
            ck_assert_int_eq(status, JP_E_UNAVAILABLE);
            ck_assert_msg(strstr(c.err.text, "locked") && strstr(c.err.text, path), "%s", c.err.text);
            ck_assert_msg(took > 4.5 && took < 6.5, "it took %.1f s", took);
            ck_assert_ptr_null(suite_get(&c, JPX_TABLE_ENTRY, record.id).data); /* readers do not wait */
            kill(pid, SIGKILL);
        } else {
            ck_assert_msg(status == JP_OK, "%s", c.err.text);
            ck_assert_msg(took > 2.0 && took < 4.5, "it took %.1f s", took);
        }
        waitpid(pid, NULL, 0);
    }
    suite_insert(&c, JPX_TABLE_ENTRY, record); /* works again */
    end();
}
END_TEST

/* ---- the log ---- */

struct log_test {
    bool stop;
};

static void *scan_on(void *arg)
{
    suite_thread *t = arg;
    struct log_test *test = t->test;

    if (t->number >
        3) { /* four of them scan without a pause, so that there is no time when nobody reads; the others write */
        for (uint64_t n = 0; n < 200; n++) {
            jpx_record items[40];
            for (uint64_t i = 0; i < 40; i++)
                items[i] = suite_record(t->arena, JPX_TABLE_ENTRY, (uint64_t)t->number << 32 | (n * 40 + i), 1500);
            if (jpx_store_insert(t->store, JPX_TABLE_ENTRY, items, 40, NULL, &t->err) != JP_OK)
                break;
            jpx_arena_reset(t->arena);
        }
        __atomic_store_n(&test->stop, true, __ATOMIC_RELAXED);
        return NULL;
    }
    while (!__atomic_load_n(&test->stop, __ATOMIC_RELAXED)) {
        jpx_records out;
        if (jpx_store_scan(t->store, JPX_TABLE_ENTRY, suite_id(t->arena, JPX_TABLE_ENTRY, 0),
                           suite_id(t->arena, JPX_TABLE_ENTRY, UINT64_MAX), 500, false, t->arena, &out,
                           &t->err) != JP_OK)
            break;
        jpx_arena_reset(t->arena);
    }
    return NULL;
}

START_TEST(the_log_stays_short)
{
    struct log_test test = {false};
    char path[256];
    struct stat st, log;

    begin();
    suite_race(&c, scan_on, &test);
    suite_in_folder(&c, path, "store.db");
    ck_assert_int_eq(stat(path, &st), 0);
    suite_in_folder(&c, path, "store.db-wal");
    ck_assert_int_eq(stat(path, &log), 0);
    /* written: 170 MiB; a slow reader may hold it up for a while, not for ever */
    ck_assert_msg(log.st_size < 100 << 20, "a log of %ld MiB", (long)(log.st_size >> 20));
    ck_assert_msg(st.st_size > 30 << 20, "only %ld MiB were copied back", (long)(st.st_size >> 20));

    suite_reopen(&c); /* the last one out leaves one file and no log */
    jpx_store_close(c.store);
    c.store = NULL;
    ck_assert_int_eq(stat(path, &log), -1);
    end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {processes_share_a_file, processes_make_a_file, a_greedy_process,
                                  killed_at_work,         locked_by_another,     the_log_stays_short};
    TCase *cases = tcase_create("processes");

    tcase_set_timeout(cases, 120);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(cases, tests[i]);
    return suite_run("store_sqlite_shared", cases);
}
