/* store_sqlite.c -- what the SQLite store says of files that are wrong: each is refused with a clear sentence, damage
 * is never silent, and a full disk loses nothing. */
#include "contract/store_suite.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>

static suite_case c;

static void begin(void)
{
    suite_begin_sqlite(&c);
}

static void end(void)
{
    suite_end(&c);
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
    suite_in_folder(&c, path, "none/store.db");
    refused(path, JP_E_INVALID, "does not exist");
    suite_in_folder(&c, path, "store.db/below");
    refused(path, JP_E_INVALID, "does not exist");
    suite_in_folder(&c, path, "fifo");
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    refused(path, JP_E_INVALID, "not a file");

    suite_in_folder(&c, path, "text.db");
    write_file(path, "This is a letter and no database at all. It has more than a hundred characters, which is what a "
                     "header of SQLite has.\n");
    refused(path, JP_E_INVALID, "not an SQLite database");
    suite_in_folder(&c, path, "other.db");
    sql(path, "CREATE TABLE songs (name)");
    refused(path, JP_E_INVALID, "another program");
    end();
}
END_TEST

START_TEST(newer_versions)
{
    char path[256];

    begin();
    suite_in_folder(&c, path, "store.db");
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
    suite_in_folder(&c, path, "store.db");
    suite_insert(&c, JPX_TABLE_ENTRY, suite_record(c.arena, JPX_TABLE_ENTRY, 1, 0));
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
        suite_in_folder(&c, path, "locked/new.db");
        refused(path, JP_E_DENIED, "let this user write");
    }
    if (geteuid() != getuid())
        ck_assert_int_eq(seteuid(getuid()), 0);
    suite_in_folder(&c, path, "store.db");
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
    suite_in_folder(&c, path, "store.db");
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
    suite_in_folder(&c, path, "store.db");
    for (uint64_t n = 0; n < N; n += 100) {
        jpx_record items[100];
        for (uint64_t i = 0; i < 100; i++)
            items[i] = suite_record(c.arena, JPX_TABLE_ENTRY, n + i, 200);
        suite_ok(&c, jpx_store_insert(c.store, JPX_TABLE_ENTRY, items, 100, NULL, &c.err));
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
        jpx_bytes id = suite_id(c.arena, JPX_TABLE_ENTRY, n);
        jpx_record got;
        jp_status status = jpx_store_get(c.store, JPX_TABLE_ENTRY, &id, 1, c.arena, &got, &c.err);
        if (status == JP_OK && got.doc.data)
            suite_same(got.doc, suite_record(c.arena, JPX_TABLE_ENTRY, n, 200).doc);
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
    suite_in_folder(&c, path, "store.db");
    bad = suite_barrier(c.arena, 1, 10), good = suite_barrier(c.arena, 2, 10);
    suite_insert(&c, JPX_TABLE_BARRIER, bad);
    suite_insert(&c, JPX_TABLE_BARRIER, good);
    suite_insert(&c, JPX_TABLE_ROOT, suite_root(c.arena, 3, "A", NULL));
    sql(path, "UPDATE barrier SET doc = x'00112233' WHERE id = (SELECT min(id) FROM barrier);"
              "UPDATE root SET doc = x''");

    jpx_count items[] = {{.id = good.id, .mask = &mask, .words = 1}, {.id = bad.id, .mask = &mask, .words = 1}};
    ck_assert_int_eq(jpx_store_count(c.store, items, 2, &c.err), JP_E_DAMAGED);
    ck_assert_ptr_nonnull(strstr(c.err.text, "barrier"));
    ck_assert_int_eq(jpx_store_abort_barriers(c.store, &bad.id, 1, &c.err), JP_E_DAMAGED);
    suite_ok(&c, jpx_store_count(c.store, items, 1, &c.err)); /* the other one is as it was */
    ck_assert(items[0].fresh && !items[0].repeated);
    suite_ok(&c, jpx_store_remove(c.store, JPX_TABLE_BARRIER, &bad.id, 1, &c.err));
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
    suite_in_folder(&c, path, "store.db");
    for (uint64_t i = 0; i < SUITE_THREADS; i++) {
        jpx_record record = suite_barrier(c.arena, i, 60);
        suite_insert(&c, JPX_TABLE_BARRIER, record);
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
    suite_in_folder(&c, filler, "filler");
    int fd = open(filler, O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 80; i++)
        ck_assert_int_eq(write(fd, filler, sizeof filler), sizeof filler);
    ck_assert_int_eq(posix_fallocate(fd, 0, 3 << 20), 0);
    close(fd);

    suite_reopen(&c);
    for (; n < MOST; n++) {
        jpx_record record = suite_record(c.arena, JPX_TABLE_VALUE, n, SIZE);
        if ((status = jpx_store_insert(c.store, JPX_TABLE_VALUE, &record, 1, NULL, &c.err)) != JP_OK)
            break;
    }
    ck_assert_msg(status == JP_E_FULL, "after %d records: %s", (int)n, status ? c.err.text : "no failure");
    ck_assert_msg(strstr(c.err.text, "full") && strstr(c.err.text, c.folder), "%s", c.err.text);
    ck_assert_uint_gt(n, 10);
    for (uint64_t i = 0; i < n; i++) /* all that was acknowledged can be read on the full disk */
        suite_same(suite_get(&c, JPX_TABLE_VALUE, suite_id(c.arena, JPX_TABLE_VALUE, i)),
                   suite_record(c.arena, JPX_TABLE_VALUE, i, SIZE).doc);
    more = suite_record(c.arena, JPX_TABLE_VALUE, n + 1, SIZE);
    ck_assert_int_eq(jpx_store_insert(c.store, JPX_TABLE_VALUE, &more, 1, NULL, &c.err), JP_E_FULL);
    suite_in_folder(&c, path, "second.db"); /* nor can a new one be made when not a byte is left */
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    while (write(fd, filler, sizeof filler) > 0)
        ;
    close(fd);
    suite_in_folder(&c, path, "third.db");
    refused(path, JP_E_FULL, "full");

    ck_assert_int_eq(unlink(filler), 0);
    suite_insert(&c, JPX_TABLE_VALUE, suite_record(c.arena, JPX_TABLE_VALUE, n, SIZE)); /* without reopening */
    suite_reopen(&c);
    for (uint64_t i = 0; i <= n; i++)
        suite_same(suite_get(&c, JPX_TABLE_VALUE, suite_id(c.arena, JPX_TABLE_VALUE, i)),
                   suite_record(c.arena, JPX_TABLE_VALUE, i, SIZE).doc);
    jpx_store_close(c.store);
    c.store = NULL;
    umount(c.folder);
    end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {wrong_paths,
                                  newer_versions,
                                  no_permission,
                                  folder_without_permission,
                                  damaged_pages,
                                  damaged_records,
                                  nobody_fails_by_anothers_fault,
                                  full_disk};
    TCase *cases = tcase_create("files");

    tcase_set_timeout(cases, 120);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(cases, tests[i]);
    return suite_run("store_sqlite", cases);
}
