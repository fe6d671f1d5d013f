/* store_roots.c -- the contract of store.h for roots: unique keys, guarded changes, lists. */
#include "contract/store_suite.h"

static suite_case c;

static void end(void)
{
    suite_end(&c);
}

static jpx_bytes root(uint64_t n)
{
    jpx_record record = suite_root(c.arena, n, "Any", NULL);
    suite_insert(&c, JPX_TABLE_ROOT, record);
    return record.id;
}

static bool change(jpx_bytes id, jpx_root_op op, int64_t at_ms)
{
    jpx_root_change one = {.id = id, .op = op, .at_ms = at_ms, .reason = "enough", .by = "operator"};
    suite_ok(&c, jpx_store_change_roots(c.store, &one, 1, &c.err));
    ck_assert(one.found);
    return one.changed;
}

static bool find(jpx_bytes id, const char *path, bson_iter_t *out)
{
    jpx_bytes doc = suite_get(&c, JPX_TABLE_ROOT, id);
    bson_iter_t it;
    ck_assert(bson_iter_init_from_data(&it, doc.data, doc.size));
    return bson_iter_find_descendant(&it, path, out);
}

static void check_text(jpx_bytes id, const char *path, const char *want)
{
    bson_iter_t it;
    if (!want) {
        ck_assert_msg(!find(id, path, &it), "%s is there", path);
        return;
    }
    ck_assert_msg(find(id, path, &it) && BSON_ITER_HOLDS_UTF8(&it), "%s is not there", path);
    ck_assert_str_eq(bson_iter_utf8(&it, NULL), want);
}

static void check_time(jpx_bytes id, const char *path, int64_t want)
{
    bson_iter_t it;
    ck_assert_msg(find(id, path, &it) && BSON_ITER_HOLDS_DATE_TIME(&it), "%s is not there", path);
    ck_assert_int_eq(bson_iter_date_time(&it), want);
}

/* ---- keys ---- */

START_TEST(keys_are_unique)
{
    suite_begin(&c, _i);
    jpx_record items[] = {
        suite_root(c.arena, 1, "A", "order-17"),
        suite_root(c.arena, 2, "A", NULL),
        suite_root(c.arena, 3, "A", NULL), /* no key: no conflict */
        suite_root(c.arena, 4, "A", "order-18"),
    };
    jpx_record again[] = {suite_root(c.arena, 5, "B", "order-17"), suite_root(c.arena, 6, "B", "order-19"),
                          suite_root(c.arena, 7, "B", "order-19")};
    jpx_record found;
    bool dup[4];

    suite_ok(&c, jpx_store_insert(c.store, JPX_TABLE_ROOT, items, 4, dup, &c.err));
    for (int i = 0; i < 4; i++)
        ck_assert(!dup[i]);
    suite_ok(&c, jpx_store_insert(c.store, JPX_TABLE_ROOT, again, 3, dup, &c.err));
    ck_assert(dup[0] && dup[1] != dup[2]); /* the last two share a key: one is in */
    ck_assert_ptr_null(suite_get(&c, JPX_TABLE_ROOT, again[0].id).data);

    suite_ok(&c, jpx_store_root_by_key(c.store, "order-17", c.arena, &found, &c.err));
    suite_same(found.id, items[0].id);
    suite_same(found.doc, items[0].doc);
    suite_ok(&c, jpx_store_root_by_key(c.store, "order-1", c.arena, &found, &c.err));
    ck_assert_ptr_null(found.doc.data);

    suite_ok(&c, jpx_store_remove(c.store, JPX_TABLE_ROOT, &items[0].id, 1, &c.err)); /* cleanup frees the key */
    suite_ok(&c, jpx_store_root_by_key(c.store, "order-17", c.arena, &found, &c.err));
    ck_assert_ptr_null(found.doc.data);
    suite_insert(&c, JPX_TABLE_ROOT, again[0]);
    suite_ok(&c, jpx_store_root_by_key(c.store, "order-17", c.arena, &found, &c.err));
    suite_same(found.id, again[0].id);
    end();
}
END_TEST

START_TEST(keys_of_any_text)
{
    suite_begin(&c, _i);
    char longest[JPX_KEY_MAX + 1];
    const char *keys[] = {"", "x", "X", "gr\xc3\xbc\xc3\x9f", "$where", "a.b", "'; drop table root; --", longest};

    memset(longest, 'k', JPX_KEY_MAX);
    longest[JPX_KEY_MAX] = '\0';
    for (uint64_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        jpx_record record = suite_root(c.arena, i, "A", keys[i]), found;
        suite_insert(&c, JPX_TABLE_ROOT, record);
        suite_ok(&c, jpx_store_root_by_key(c.store, keys[i], c.arena, &found, &c.err));
        suite_same(found.id, record.id);
        suite_same(found.doc, record.doc);
    }
    end();
}
END_TEST

static void *insert_one_key(void *arg)
{
    suite_thread *t = arg;
    for (int i = 0; i < 30; i++) {
        char key[32];
        bool dup;
        snprintf(key, sizeof key, "key-%d", i);
        jpx_record record = suite_root(t->arena, 1000 * (uint64_t)t->number + (uint64_t)i, "A", key), found;
        if (jpx_store_insert(t->store, JPX_TABLE_ROOT, &record, 1, &dup, &t->err) != JP_OK ||
            jpx_store_root_by_key(t->store, key, t->arena, &found, &t->err) != JP_OK)
            return NULL;
        if (!found.doc.data || (memcmp(found.id.data, record.id.data, record.id.size) == 0) == dup)
            jpx_fail(&t->err, JP_E_INTERNAL, "the holder of %s is not who won it", key);
        t->made += !dup;
    }
    return NULL;
}

START_TEST(one_root_for_each_key)
{
    suite_begin(&c, _i);
    ck_assert_int_eq(suite_race(&c, insert_one_key, NULL), 30);
    end();
}
END_TEST

/* ---- changes ---- */

START_TEST(done)
{
    suite_begin(&c, _i);
    jpx_bytes id = root(1);

    ck_assert(!change(id, JPX_ROOT_ABORTED, 1)); /* nobody has asked for an abort */
    ck_assert(change(id, JPX_ROOT_DECIDE, 5));
    check_text(id, "decided", "done");
    check_text(id, "status", "running");
    ck_assert(!change(id, JPX_ROOT_DECIDE, 6));
    ck_assert(!change(id, JPX_ROOT_ABORT, 7)); /* too late */
    check_text(id, "abort.reason", NULL);
    ck_assert(change(id, JPX_ROOT_DONE, 1700000000123));
    check_text(id, "status", "done");
    check_text(id, "pipe", "Any");
    check_time(id, "ended", 1700000000123);
    for (jpx_root_op op = JPX_ROOT_ABORT; op <= JPX_ROOT_ABORTED; op++)
        ck_assert(!change(id, op, 9)); /* final */
    check_time(id, "ended", 1700000000123);
    end();
}
END_TEST

START_TEST(done_without_decision)
{
    suite_begin(&c, _i);
    jpx_bytes id = root(1);
    ck_assert(change(id, JPX_ROOT_DONE, 8));
    check_text(id, "status", "done");
    check_text(id, "decided", NULL);
    end();
}
END_TEST

START_TEST(aborted)
{
    suite_begin(&c, _i);
    jpx_bytes id = root(1), pipeline = suite_id(c.arena, JPX_TABLE_PIPELINE, 4);
    jpx_root_change one = {.id = id,
                           .op = JPX_ROOT_ABORT,
                           .at_ms = 1600000000001,
                           .reason = "gr\xc3\xbcnde \"x\" $y",
                           .by = "pipe Fails",
                           .pipeline = pipeline};
    bson_iter_t it;
    uint32_t size;
    const uint8_t *data;

    suite_ok(&c, jpx_store_change_roots(c.store, &one, 1, &c.err));
    ck_assert(one.found && one.changed);
    check_text(id, "status", "running");
    check_text(id, "abort.reason", "gr\xc3\xbcnde \"x\" $y");
    check_text(id, "abort.by", "pipe Fails");
    check_time(id, "abort.at", 1600000000001);
    ck_assert(find(id, "abort.pipeline", &it) && BSON_ITER_HOLDS_BINARY(&it));
    bson_iter_binary(&it, NULL, &size, &data);
    suite_same((jpx_bytes){data, size}, pipeline);

    ck_assert(!change(id, JPX_ROOT_ABORT, 2)); /* the first reason stays */
    check_text(id, "abort.by", "pipe Fails");
    ck_assert(!change(id, JPX_ROOT_DECIDE, 3));
    ck_assert(!change(id, JPX_ROOT_DONE, 4));
    check_text(id, "decided", NULL);
    ck_assert(change(id, JPX_ROOT_ABORTED, 5));
    check_text(id, "status", "aborted");
    check_time(id, "ended", 5);
    check_text(id, "abort.by", "pipe Fails");
    ck_assert(!change(id, JPX_ROOT_ABORTED, 6));
    check_time(id, "ended", 5);

    jpx_bytes second = root(2);
    ck_assert(change(second, JPX_ROOT_ABORT, 2));
    ck_assert(!find(second, "abort.pipeline", &it)); /* none was given */
    end();
}
END_TEST

START_TEST(changes_come_in_batches)
{
    suite_begin(&c, _i);
    enum { N = 500 };
    jpx_root_change *changes = jpx_alloc_array(c.arena, N, sizeof *changes);

    for (uint64_t i = 0; i < N; i++)
        changes[i] = (jpx_root_change){.id = i % 5 ? root(i) : suite_id(c.arena, JPX_TABLE_ROOT, i),
                                       .op = JPX_ROOT_DONE,
                                       .at_ms = 1000 + (int64_t)i};
    ck_assert(change(changes[7].id, JPX_ROOT_ABORT, 1));
    suite_ok(&c, jpx_store_change_roots(c.store, changes, N, &c.err));
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(changes[i].found, i % 5 != 0);
        ck_assert_int_eq(changes[i].changed, i % 5 != 0 && i != 7);
    }
    check_text(changes[499].id, "status", "done");
    check_time(changes[499].id, "ended", 1499);
    check_text(changes[7].id, "status", "running");
    ck_assert_ptr_null(suite_get(&c, JPX_TABLE_ROOT, changes[5].id).data);
    suite_ok(&c, jpx_store_change_roots(c.store, NULL, 0, &c.err));
    end();
}
END_TEST

static void *decide_or_abort(void *arg)
{
    suite_thread *t = arg;
    jpx_bytes *ids = t->test;
    for (int i = 0; i < 40; i++) {
        jpx_root_change one = {.id = ids[i],
                               .op = t->number % 2 ? JPX_ROOT_ABORT
                                     : i % 2       ? JPX_ROOT_DONE
                                                   : JPX_ROOT_DECIDE,
                               .at_ms = t->number + 1,
                               .reason = "race",
                               .by = t->number == 1   ? "one"
                                     : t->number == 3 ? "three"
                                                      : "more"};
        if (jpx_store_change_roots(t->store, &one, 1, &t->err) != JP_OK)
            return NULL;
        t->made += one.changed;
    }
    return NULL;
}

/* Threads that want it done against threads that want it aborted: exactly one of them all is told that it won. */
START_TEST(one_decision_for_each_root)
{
    suite_begin(&c, _i);
    jpx_bytes ids[40];
    for (uint64_t i = 0; i < 40; i++)
        ids[i] = root(i);
    ck_assert_int_eq(suite_race(&c, decide_or_abort, ids), 40);
    for (int i = 0; i < 40; i++) {
        bson_iter_t it;
        int outcomes = find(ids[i], "decided", &it) + find(ids[i], "abort", &it) + find(ids[i], "ended", &it);
        ck_assert_int_eq(outcomes, 1);
    }
    end();
}
END_TEST

/* ---- lists ---- */

/* Root n has pipe "A" or "B"; ends (done) at n seconds after it began when n is a multiple of 3; is aborting when of 5.
 */
static const int64_t began_ms = 0x018bcfe50000; /* as suite_id() makes them: all in one millisecond */

static void list(const jpx_root_filter *filter, uint64_t from, uint64_t step, size_t count)
{
    jpx_records out;
    suite_ok(&c, jpx_store_list_roots(c.store, filter, c.arena, &out, &c.err));
    ck_assert_uint_eq(out.count, count);
    for (uint64_t i = 0; i < count; i++) {
        suite_same(out.items[i].id, suite_id(c.arena, JPX_TABLE_ROOT, from - i * step));
        suite_same(out.items[i].doc, suite_get(&c, JPX_TABLE_ROOT, out.items[i].id));
    }
}

START_TEST(lists)
{
    suite_begin(&c, _i);
    enum { N = 300 };
    jpx_root_filter none = {.limit = 1000};

    list(&none, 0, 1, 0);
    for (uint64_t n = 1; n <= N; n++) {
        suite_insert(&c, JPX_TABLE_ROOT, suite_root(c.arena, n, n % 2 ? "A" : "B", NULL));
        if (n % 3 == 0)
            ck_assert(change(suite_id(c.arena, JPX_TABLE_ROOT, n), JPX_ROOT_DONE, began_ms + 1000 * (int64_t)n));
        else if (n % 5 == 0) {
            ck_assert(change(suite_id(c.arena, JPX_TABLE_ROOT, n), JPX_ROOT_ABORT, 1));
            ck_assert(change(suite_id(c.arena, JPX_TABLE_ROOT, n), JPX_ROOT_ABORTED, began_ms + 1000 * (int64_t)n));
        }
    }
    list(&none, 300, 1, 300); /* newest first */
    list(&(jpx_root_filter){.limit = 7}, 300, 1, 7);
    list(&(jpx_root_filter){.limit = 1000, .pipe = "A"}, 299, 2, 150);
    list(&(jpx_root_filter){.limit = 10, .pipe = "B"}, 300, 2, 10);
    list(&(jpx_root_filter){.limit = 10, .pipe = "C"}, 0, 0, 0);
    list(&(jpx_root_filter){.limit = 1000, .status = "done"}, 300, 3, 100);
    list(&(jpx_root_filter){.limit = 5, .status = "done", .pipe = "A"}, 297, 6, 5);
    list(&(jpx_root_filter){.limit = 1000, .status = "paused"}, 0, 0, 0);
    list(&(jpx_root_filter){.limit = 5, .before = suite_id(c.arena, JPX_TABLE_ROOT, 100)}, 99, 1, 5);
    list(&(jpx_root_filter){.limit = 5, .status = "done", .before = suite_id(c.arena, JPX_TABLE_ROOT, 99)}, 96, 3, 5);
    list(&(jpx_root_filter){.limit = 5, .before = suite_id(c.arena, JPX_TABLE_ROOT, 1)}, 0, 1, 0);
    list(&(jpx_root_filter){.limit = 100, .status = "done", .older_ms = began_ms + 1000 * 150}, 147, 3, 49);
    list(&(jpx_root_filter){.limit = 1000, .older_ms = began_ms}, 0, 0, 0);
    list(&(jpx_root_filter){.limit = 1,
                            .older_ms = began_ms + 1000 * 10,
                            .before = suite_id(c.arena, JPX_TABLE_ROOT, 6)},
         5, 1, 1);
    end();
}
END_TEST

START_TEST(pages_meet)
{
    suite_begin(&c, _i);
    enum { N = 95 };
    jpx_bytes before = {NULL, 0};
    uint64_t next = N;

    for (uint64_t n = 1; n <= N; n++)
        root(n);
    for (int page = 0; page < 20; page++) {
        jpx_records out;
        suite_ok(&c,
                 jpx_store_list_roots(c.store, &(jpx_root_filter){.limit = 10, .status = "running", .before = before},
                                      c.arena, &out, &c.err));
        for (size_t i = 0; i < out.count; i++)
            suite_same(out.items[i].id, suite_id(c.arena, JPX_TABLE_ROOT, next--));
        if (!out.count)
            break;
        before = out.items[out.count - 1].id;
    }
    ck_assert_uint_eq(next, 0);
    end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        keys_are_unique, keys_of_any_text,        one_root_for_each_key,      done,  done_without_decision,
        aborted,         changes_come_in_batches, one_decision_for_each_root, lists, pages_meet,
    };
    int places = suite_places();
    TCase *cases = tcase_create("roots");

    tcase_set_timeout(cases, 120);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(cases, tests[i], 0, places);
    return suite_run("store_roots", cases);
}
