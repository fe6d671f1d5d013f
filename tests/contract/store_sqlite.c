/* store_sqlite.c -- what only the SQLite store promises: files that are refused with a clear sentence, a full disk, a
 * damaged file, several processes on one file, a process killed at work, and a log that stays short. */
#include "contract/store_suite.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static suite_case c;

static void begin(void)
{
    for (int i = 0; i < 3; i++)
        if (suite_list[i] == SUITE_SQLITE)
            suite_begin(&c, i);
}

static void end(void)
{
    suite_end(&c);
}

static void in_folder(char *out, const char *name)
{
    snprintf(out, 256, "%s/%s", c.folder, name);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Opening the file must fail with `status` and a sentence that holds `word` and the path. */
static void refused(const char *path, jp_status status, const char *word)
{
    char uri[300];
    jpx_store *store;

    snprintf(uri, sizeof uri, "sqlite:%s", path);
    jp_status got = jpx_store_open(&store, uri, c.prefix, &c.env, &c.err);
    ck_assert_msg(got == status, "%s: %s, not %s: %s", path, jp_status_text(got), jp_status_text(status),
                  got ? c.err.text : "opened");
    ck_assert_ptr_null(store);
    ck_assert_msg(strstr(c.err.text, word) && strstr(c.err.text, path), "does not say \"%s\" and where: %s", word,
                  c.err.text);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void sql(const char *path, const char *text)
{
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK, "%s: %s", text, sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* ---- files that are refused ---- */

START_TEST(wrong_paths)
{
    char path[256];

    begin();
    refused(c.folder, JP_E_INVALID, "is a folder");
    in_folder(path, "none/store.db");
    refused(path, JP_E_INVALID, "does not exist");
    in_folder(path, "store.db/below");
    refused(path, JP_E_INVALID, "does not exist");
    in_folder(path, "fifo");
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    refused(path, JP_E_INVALID, "not a file");

    in_folder(path, "text.db");
    write_file(path, "This is a letter and no database at all. It has more than a hundred characters, which is what a "
                     "header of SQLite has.\n");
    refused(path, JP_E_INVALID, "not an SQLite database");
    in_folder(path, "other.db");
    sql(path, "CREATE TABLE songs (name)");
    refused(path, JP_E_INVALID, "another program");
    end();
}
END_TEST

START_TEST(newer_versions)
{
    char path[256];

    begin();
    in_folder(path, "store.db");
    jpx_store_close(c.store);
    c.store = NULL;
    sql(path, "UPDATE meta SET value = 2 WHERE name = 'version'");
    refused(path, JP_E_REFUSED, "newer jetpipe");
    sql(path, "UPDATE meta SET value = 1 WHERE name = 'version'");
    suite_reopen(&c);
    end();
}
END_TEST

START_TEST(no_permission)
{
    char path[256], folder[128];

    begin();
    in_folder(path, "store.db");
    suite_insert(&c, JPX_ENTRY, suite_record(c.arena, JPX_ENTRY, 1, 0));
    jpx_store_close(c.store);
    c.store = NULL;
    snprintf(folder, sizeof folder, "%s/locked", c.folder);
    mkdir(folder, 0555);
    chmod(path, 0444);
    chmod(c.folder, 0555);
    if (geteuid() == 0 && seteuid(65534) != 0) {
        printf("skip: permissions: cannot become another user\n");
    } else {
        refused(path, JP_E_DENIED, "let this user write");
        in_folder(path, "locked/new.db");
        refused(path, JP_E_DENIED, "let this user write");
    }
    if (geteuid() != getuid())
        ck_assert_int_eq(seteuid(getuid()), 0);
    in_folder(path, "store.db");
    chmod(c.folder, 0755);
    chmod(path, 0666);
    suite_reopen(&c); /* and mended as it says */
    end();
}
END_TEST

/* The file may be written, but nothing can be made beside it. */
START_TEST(folder_without_permission)
{
    char path[256];

    begin();
    in_folder(path, "store.db");
    jpx_store_close(c.store);
    c.store = NULL;
    chmod(path, 0666);
    chmod(c.folder, 0555);
    if (geteuid() == 0 && seteuid(65534) != 0)
        printf("skip: permissions: cannot become another user\n");
    else
        refused(path, JP_E_DENIED, "folder");
    if (geteuid() != getuid())
        ck_assert_int_eq(seteuid(getuid()), 0);
    chmod(c.folder, 0755);
    end();
}
END_TEST

/* ---- damage ---- */

START_TEST(damaged_pages)
{
    enum { N = 2000, PAGE = 4096 };
    char path[256], junk[PAGE];
    int said = 0, lost = 0;
    struct stat st;

    begin();
    in_folder(path, "store.db");
    for (uint64_t n = 0; n < N; n += 100) {
        jpx_record items[100];
        for (uint64_t i = 0; i < 100; i++)
            items[i] = suite_record(c.arena, JPX_ENTRY, n + i, 200);
        suite_ok(&c, jpx_store_insert(c.store, JPX_ENTRY, items, 100, NULL, &c.err));
    }
    jpx_store_close(c.store); /* copies the log back */
    c.store = NULL;
    ck_assert_int_eq(stat(path, &st), 0);
    memset(junk, 0xa5, sizeof junk);
    int fd = open(path, O_WRONLY);
    for (off_t page = 40; page < st.st_size / PAGE; page += 3)
        ck_assert_int_eq(pwrite(fd, junk, PAGE, page * PAGE), PAGE);
    close(fd);

    suite_reopen(&c); /* what is whole can still be read */
    for (uint64_t n = 0; n < N; n++) {
        jpx_bytes id = suite_id(c.arena, JPX_ENTRY, n);
        jpx_record got;
        jp_status status = jpx_store_get(c.store, JPX_ENTRY, &id, 1, c.arena, &got, &c.err);
        if (status == JP_OK && got.doc.data)
            suite_same(got.doc, suite_record(c.arena, JPX_ENTRY, n, 200).doc);
        else if (status == JP_OK)
            lost++;
        else {
            ck_assert_int_eq(status, JP_E_DAMAGED);
            ck_assert_msg(strstr(c.err.text, path) && strstr(c.err.text, ".recover"), "%s", c.err.text);
            said++;
        }
    }
    ck_assert_int_gt(said, 0);
    ck_assert_int_lt(said, N);
    ck_assert_int_eq(lost, 0); /* never silently */
    end();
}
END_TEST

START_TEST(damaged_records)
{
    char path[256];
    uint64_t mask = 1;
    jpx_record bad, good;

    begin();
    in_folder(path, "store.db");
    bad = suite_barrier(c.arena, 1, 10), good = suite_barrier(c.arena, 2, 10);
    suite_insert(&c, JPX_BARRIER, bad);
    suite_insert(&c, JPX_BARRIER, good);
    suite_insert(&c, JPX_ROOT, suite_root(c.arena, 3, "A", NULL));
    sql(path, "UPDATE barrier SET doc = x'00112233' WHERE id = (SELECT min(id) FROM barrier);"
              "UPDATE root SET doc = x''");

    jpx_count items[] = {{.id = good.id, .mask = &mask, .words = 1}, {.id = bad.id, .mask = &mask, .words = 1}};
    ck_assert_int_eq(jpx_store_count(c.store, items, 2, &c.err), JP_E_DAMAGED);
    ck_assert_ptr_nonnull(strstr(c.err.text, "barrier"));
    ck_assert_int_eq(jpx_store_abort_barriers(c.store, &bad.id, 1, &c.err), JP_E_DAMAGED);
    suite_ok(&c, jpx_store_count(c.store, items, 1, &c.err)); /* the other one is as it was */
    ck_assert(items[0].fresh && !items[0].repeated);
    suite_ok(&c, jpx_store_remove(c.store, JPX_BARRIER, &bad.id, 1, &c.err));
    end();
}
END_TEST

/* Jobs of many threads are committed together; one that fails must not take others with it. */
static void *count_good_or_bad(void *arg)
{
    suite_thread *t = arg;
    jpx_bytes *ids = t->test;
    for (int i = 0; i < 60; i++) {
        uint64_t mask = (uint64_t)1 << i;
        jpx_count item = {.id = ids[t->number], .mask = &mask, .words = 1};
        jp_error err;
        jp_status status = jpx_store_count(t->store, &item, 1, &err);
        if (t->number == 0 ? status != JP_E_DAMAGED : status != JP_OK || !item.fresh || item.repeated)
            jpx_fail(&t->err, JP_E_INTERNAL, "thread %d, bit %d: %s", t->number, i, jp_status_text(status));
    }
    return NULL;
}

START_TEST(nobody_fails_by_anothers_fault)
{
    jpx_bytes ids[SUITE_THREADS];
    char path[256];

    begin();
    in_folder(path, "store.db");
    for (uint64_t i = 0; i < SUITE_THREADS; i++) {
        jpx_record record = suite_barrier(c.arena, i, 60);
        suite_insert(&c, JPX_BARRIER, record);
        ids[i] = record.id;
    }
    sql(path, "UPDATE barrier SET doc = x'00112233' WHERE id = (SELECT min(id) FROM barrier)");
    suite_race(&c, count_good_or_bad, ids);
    end();
}
END_TEST

/* ---- a full disk ---- */

/* A file system of 8 MiB of our own; false: this user may not. */
static bool small_disk(const char *folder)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return mount("tmpfs", folder, "tmpfs", 0, "size=8m") == 0;
}

START_TEST(full_disk)
{
    enum { MOST = 400, SIZE = 50000 };
    char path[256], filler[256];
    uint64_t n = 0;
    jp_status status = JP_OK;
    jpx_record more;

    begin();
    jpx_store_close(c.store);
    c.store = NULL;
    if (!small_disk(c.folder)) {
        printf("skip: full disk: cannot mount a file system here (%s)\n", strerror(errno));
        end();
        return;
    }
    in_folder(filler, "filler");
    int fd = open(filler, O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 80; i++)
        ck_assert_int_eq(write(fd, filler, sizeof filler), sizeof filler);
    ck_assert_int_eq(posix_fallocate(fd, 0, 3 << 20), 0);
    close(fd);

    suite_reopen(&c);
    for (; n < MOST; n++) {
        jpx_record record = suite_record(c.arena, JPX_VALUE, n, SIZE);
        if ((status = jpx_store_insert(c.store, JPX_VALUE, &record, 1, NULL, &c.err)) != JP_OK)
            break;
    }
    ck_assert_msg(status == JP_E_FULL, "after %d records: %s", (int)n, status ? c.err.text : "no failure");
    ck_assert_msg(strstr(c.err.text, "full") && strstr(c.err.text, c.folder), "%s", c.err.text);
    ck_assert_uint_gt(n, 10);
    for (uint64_t i = 0; i < n; i++) /* all that was acknowledged can be read on the full disk */
        suite_same(suite_get(&c, JPX_VALUE, suite_id(c.arena, JPX_VALUE, i)),
                   suite_record(c.arena, JPX_VALUE, i, SIZE).doc);
    more = suite_record(c.arena, JPX_VALUE, n + 1, SIZE);
    ck_assert_int_eq(jpx_store_insert(c.store, JPX_VALUE, &more, 1, NULL, &c.err), JP_E_FULL);
    in_folder(path, "second.db"); /* nor can a new one be made when not a byte is left */
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    while (write(fd, filler, sizeof filler) > 0)
        ;
    close(fd);
    in_folder(path, "third.db");
    refused(path, JP_E_FULL, "full");

    ck_assert_int_eq(unlink(filler), 0);
    suite_insert(&c, JPX_VALUE, suite_record(c.arena, JPX_VALUE, n, SIZE)); /* without reopening */
    suite_reopen(&c);
    for (uint64_t i = 0; i <= n; i++)
        suite_same(suite_get(&c, JPX_VALUE, suite_id(c.arena, JPX_VALUE, i)),
                   suite_record(c.arena, JPX_VALUE, i, SIZE).doc);
    jpx_store_close(c.store);
    c.store = NULL;
    umount(c.folder);
    end();
}
END_TEST

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
    jpx_bytes id = suite_id(t->arena, JPX_BARRIER, 1);
    uint64_t seed = (uint64_t)getpid() * 100 + (uint64_t)t->number;
    uint64_t from = suite_random(&seed) % PROCESS_BITS;

    for (uint64_t i = 0; i < PROCESS_BITS; i++) {
        uint64_t bit = (from + i * 7) % PROCESS_BITS, mask = (uint64_t)1 << bit % JPX_WORD_BITS;
        jpx_count item = {.id = id, .mask = &mask, .first_word = (uint32_t)(bit / JPX_WORD_BITS), .words = 1};
        jpx_record record = suite_record(t->arena, JPX_ENTRY, bit, 300);
        bool dup;
        if (jpx_store_count(t->store, &item, 1, &t->err) != JP_OK ||
            jpx_store_insert(t->store, JPX_ENTRY, &record, 1, &dup, &t->err) != JP_OK)
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
    suite_insert(&c, JPX_BARRIER, suite_barrier(c.arena, 1, PROCESS_BITS));
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
    jpx_bytes doc = suite_get(&c, JPX_BARRIER, suite_id(c.arena, JPX_BARRIER, 1));
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
    for (int round = 0; round < 10; round++) {
        snprintf(c.uri, sizeof c.uri, "sqlite:%s/new-%d.db", c.folder, round);
        for (uint64_t i = 0; i < 8; i++) {
            if ((pids[i] = fork()) == 0) {
                child_open();
                suite_insert(&c, JPX_ENTRY, suite_record(c.arena, JPX_ENTRY, i, 0));
                jpx_store_close(c.store);
                _exit(0);
            }
        }
        for (int i = 0; i < 8; i++)
            wait_well(pids[i]);
        suite_reopen(&c);
        for (uint64_t i = 0; i < 8; i++)
            ck_assert_ptr_nonnull(suite_get(&c, JPX_ENTRY, suite_id(c.arena, JPX_ENTRY, i)).data);
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
                items[i] = suite_record(c.arena, JPX_VALUE, i, 500);
            suite_ok(&c, jpx_store_insert(c.store, JPX_VALUE, items, BATCH, NULL, &c.err));
            suite_ok(&c, jpx_store_remove_range(c.store, JPX_VALUE, items[0].id, items[BATCH - 1].id, BATCH,
                                                &(size_t){0}, &c.err));
            if (n == 0)
                ck_assert_int_eq(write(ready[1], "r", 1), 1);
        }
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    suite_reopen(&c);
    for (uint64_t n = 0; n < 30; n++) {
        started = seconds();
        suite_insert(&c, JPX_ENTRY, suite_record(c.arena, JPX_ENTRY, n, 0));
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
                    items[i] = suite_record(c.arena, JPX_ENTRY, (uint64_t)round << 32 | (n * 20 + i), 400);
                suite_ok(&c, jpx_store_insert(c.store, JPX_ENTRY, items, 20, NULL, &c.err));
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
        ck_assert_uint_gt(acknowledged, 10);
        suite_reopen(&c);
        for (n = 1; n <= acknowledged; n++)
            for (uint64_t i = 0; i < 20; i++) {
                uint64_t number = (uint64_t)round << 32 | (n * 20 + i);
                suite_same(suite_get(&c, JPX_ENTRY, suite_id(c.arena, JPX_ENTRY, number)),
                           suite_record(c.arena, JPX_ENTRY, number, 400).doc);
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
    in_folder(path, "store.db");
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
        record = suite_record(c.arena, JPX_ENTRY, (uint64_t)i, 0);
        jp_status status = jpx_store_insert(c.store, JPX_ENTRY, &record, 1, NULL, &c.err);
        double took = seconds() - started;
        if (for_ever) {
            ck_assert_int_eq(status, JP_E_UNAVAILABLE);
            ck_assert_msg(strstr(c.err.text, "locked") && strstr(c.err.text, path), "%s", c.err.text);
            ck_assert_msg(took > 4.5 && took < 6.5, "it took %.1f s", took);
            ck_assert_ptr_null(suite_get(&c, JPX_ENTRY, record.id).data); /* readers do not wait */
            kill(pid, SIGKILL);
        } else {
            ck_assert_msg(status == JP_OK, "%s", c.err.text);
            ck_assert_msg(took > 2.0 && took < 4.5, "it took %.1f s", took);
        }
        waitpid(pid, NULL, 0);
    }
    suite_insert(&c, JPX_ENTRY, record); /* works again */
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

    if (t->number > 3) { /* four of them scan without a pause, so that at no time nobody reads; the others write */
        for (uint64_t n = 0; n < 200; n++) {
            jpx_record items[40];
            for (uint64_t i = 0; i < 40; i++)
                items[i] = suite_record(t->arena, JPX_ENTRY, (uint64_t)t->number << 32 | (n * 40 + i), 1500);
            if (jpx_store_insert(t->store, JPX_ENTRY, items, 40, NULL, &t->err) != JP_OK)
                break;
            jpx_arena_reset(t->arena);
        }
        __atomic_store_n(&test->stop, true, __ATOMIC_RELAXED);
        return NULL;
    }
    while (!__atomic_load_n(&test->stop, __ATOMIC_RELAXED)) {
        jpx_records out;
        if (jpx_store_scan(t->store, JPX_ENTRY, suite_id(t->arena, JPX_ENTRY, 0),
                           suite_id(t->arena, JPX_ENTRY, UINT64_MAX), 2000, false, t->arena, &out, &t->err) != JP_OK)
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
    in_folder(path, "store.db");
    ck_assert_int_eq(stat(path, &st), 0);
    in_folder(path, "store.db-wal");
    ck_assert_int_eq(stat(path, &log), 0);
    ck_assert_msg(log.st_size < 48 << 20, "a log of %ld MiB", (long)(log.st_size >> 20));
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
    const TTest *const tests[] = {
        wrong_paths,     newer_versions, no_permission,          folder_without_permission,
        damaged_pages,   damaged_records, nobody_fails_by_anothers_fault, full_disk,
        processes_share_a_file, processes_make_a_file, a_greedy_process, killed_at_work,
        locked_by_another, the_log_stays_short,
    };
    TCase *cases = tcase_create("sqlite");

    suite_places();
#ifndef JETPIPE_SQLITE
    return 77;
#endif
    tcase_set_timeout(cases, 120);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(cases, tests[i]);
    return suite_run("store_sqlite", cases);
}
