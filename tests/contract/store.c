/* store.c -- the contract of store.h for records: insert, get, scan, remove, and what a handle promises. */
#include "contract/store_suite.h"
#include <math.h>
#include <signal.h>

static suite_case c;

static void end(void)
{
    suite_end(&c);
}

START_TEST(inserts_once)
{
    suite_begin(&c, _i);
    for (jpx_table table = 0; table < JPX_TABLES; table++) {
        jpx_record first = suite_record(c.arena, table, 1, 0), other = suite_record(c.arena, table, 1, 100);
        jpx_record three[] = {suite_record(c.arena, table, 2, 0), other, suite_record(c.arena, table, 3, 0)};
        bool dup[3] = {true, false, true};

        suite_insert(&c, table, first);
        suite_ok(&c, jpx_store_insert(c.store, table, three, 3, dup, &c.err));
        ck_assert(!dup[0] && dup[1] && !dup[2]);
        suite_same(suite_get(&c, table, first.id), first.doc); /* the second has not changed it */
        suite_same(suite_get(&c, table, three[2].id), three[2].doc);

        suite_ok(&c, jpx_store_insert(c.store, table, three, 3, NULL, &c.err));
        suite_ok(&c, jpx_store_insert(c.store, table, NULL, 0, NULL, &c.err));
    }
    end();
}
END_TEST

START_TEST(twice_in_one_call)
{
    suite_begin(&c, _i);
    jpx_record a = suite_record(c.arena, JPX_TABLE_ENTRY, 1, 0), b = suite_record(c.arena, JPX_TABLE_ENTRY, 2, 0);
    jpx_record items[] = {a, b, a, a, b};
    bool dup[5];

    suite_ok(&c, jpx_store_insert(c.store, JPX_TABLE_ENTRY, items, 5, dup, &c.err));
    ck_assert_int_eq(dup[0] + dup[2] + dup[3], 2); /* one of them is the first, in no order */
    ck_assert_int_eq(dup[1] + dup[4], 1);
    suite_same(suite_get(&c, JPX_TABLE_ENTRY, a.id), a.doc);
    end();
}
END_TEST

START_TEST(gets_with_absentees)
{
    suite_begin(&c, _i);
    enum { N = 1000 };
    jpx_bytes ids[N + 1];
    jpx_record out[N + 1];

    for (uint64_t n = 0; n < N; n++) {
        ids[n] = suite_id(c.arena, JPX_TABLE_PIPELINE, N - n); /* not in the order of ids */
        if ((N - n) % 3)
            suite_insert(&c, JPX_TABLE_PIPELINE, suite_record(c.arena, JPX_TABLE_PIPELINE, N - n, 0));
    }
    ids[N] = ids[2]; /* asked for twice */
    suite_ok(&c, jpx_store_get(c.store, JPX_TABLE_PIPELINE, ids, N + 1, c.arena, out, &c.err));
    for (uint64_t n = 0; n < N; n++) {
        ck_assert_mem_eq(out[n].id.data, ids[n].data, ids[n].size);
        if ((N - n) % 3)
            suite_same(out[n].doc, suite_record(c.arena, JPX_TABLE_PIPELINE, N - n, 0).doc);
        else
            ck_assert_ptr_null(out[n].doc.data);
    }
    suite_same(out[N].doc, out[2].doc);
    suite_ok(&c, jpx_store_get(c.store, JPX_TABLE_PIPELINE, NULL, 0, c.arena, NULL, &c.err));
    end();
}
END_TEST

static void check_scan(jpx_table table, uint64_t lo, uint64_t hi, size_t limit, bool backwards, uint64_t first,
                       size_t count)
{
    jpx_records out;
    suite_ok(&c, jpx_store_scan(c.store, table, suite_id(c.arena, table, lo), suite_id(c.arena, table, hi), limit,
                                backwards, c.arena, &out, &c.err));
    ck_assert_uint_eq(out.count, count);
    for (size_t i = 0; i < count; i++) {
        jpx_record want = suite_record(c.arena, table, backwards ? first - 2 * i : first + 2 * i, 0);
        suite_same(out.items[i].id, want.id);
        suite_same(out.items[i].doc, want.doc);
    }
}

START_TEST(scans)
{
    suite_begin(&c, _i);
    for (jpx_table table = 0; table < JPX_TABLES; table++) {
        jpx_record items[200];

        check_scan(table, 0, 1000, 10, false, 0, 0); /* an empty table */
        check_scan(table, 0, 1000, 10, true, 0, 0);
        for (uint64_t i = 0; i < 200; i++) /* the even numbers of 2..400 */
            items[i] = suite_record(c.arena, table, 2 * ((i * 77) % 200) + 2, 0);
        suite_ok(&c, jpx_store_insert(c.store, table, items, 200, NULL, &c.err));

        check_scan(table, 0, 1000, 1000, false, 2, 200);
        check_scan(table, 0, 1000, 1000, true, 400, 200);
        check_scan(table, 10, 20, 1000, false, 10, 6); /* both bounds are in */
        check_scan(table, 10, 20, 1000, true, 20, 6);
        check_scan(table, 9, 21, 1000, false, 10, 6); /* bounds that are not there */
        check_scan(table, 9, 21, 1000, true, 20, 6);
        check_scan(table, 9, 21, 2, false, 10, 2);
        check_scan(table, 9, 21, 2, true, 20, 2);
        check_scan(table, 10, 10, 5, false, 10, 1);
        check_scan(table, 11, 11, 5, false, 0, 0);
        check_scan(table, 20, 10, 5, false, 0, 0); /* lo above hi */
        check_scan(table, 20, 10, 5, true, 0, 0);
        check_scan(table, 401, 1000, 5, false, 0, 0);
        check_scan(table, 0, 1, 5, true, 0, 0);
    }
    end();
}
END_TEST

START_TEST(removes)
{
    suite_begin(&c, _i);
    jpx_bytes ids[] = {suite_id(c.arena, JPX_TABLE_TIMER, 1), suite_id(c.arena, JPX_TABLE_TIMER, 9),
                       suite_id(c.arena, JPX_TABLE_TIMER, 3)};

    for (uint64_t n = 1; n <= 4; n++)
        suite_insert(&c, JPX_TABLE_TIMER, suite_record(c.arena, JPX_TABLE_TIMER, n, 0));
    suite_ok(&c, jpx_store_remove(c.store, JPX_TABLE_TIMER, ids, 3, &c.err));
    suite_ok(&c, jpx_store_remove(c.store, JPX_TABLE_TIMER, ids, 3, &c.err)); /* again: not an error */
    ck_assert_ptr_null(suite_get(&c, JPX_TABLE_TIMER, ids[0]).data);
    ck_assert_ptr_nonnull(suite_get(&c, JPX_TABLE_TIMER, suite_id(c.arena, JPX_TABLE_TIMER, 2)).data);
    ck_assert_ptr_null(suite_get(&c, JPX_TABLE_TIMER, ids[2]).data);
    suite_insert(&c, JPX_TABLE_TIMER, suite_record(c.arena, JPX_TABLE_TIMER, 1, 0)); /* the id is free again */
    end();
}
END_TEST

START_TEST(removes_ranges_in_batches)
{
    suite_begin(&c, _i);
    jpx_bytes lo = suite_id(c.arena, JPX_TABLE_VALUE, 11), hi = suite_id(c.arena, JPX_TABLE_VALUE, 90);
    jpx_record items[100];
    size_t removed = 99, sum = 0;
    int calls = 0;

    suite_ok(&c, jpx_store_remove_range(c.store, JPX_TABLE_VALUE, lo, hi, 10, &removed, &c.err));
    ck_assert_uint_eq(removed, 0);
    for (uint64_t n = 1; n <= 100; n++)
        items[n - 1] = suite_record(c.arena, JPX_TABLE_VALUE, n, 20);
    suite_ok(&c, jpx_store_insert(c.store, JPX_TABLE_VALUE, items, 100, NULL, &c.err));
    do {
        suite_ok(&c, jpx_store_remove_range(c.store, JPX_TABLE_VALUE, lo, hi, 32, &removed, &c.err));
        ck_assert_uint_le(removed, 32);
        sum += removed;
    } while (removed && ++calls < 50);
    ck_assert_uint_eq(sum, 80);
    for (uint64_t n = 1; n <= 100; n++)
        ck_assert((suite_get(&c, JPX_TABLE_VALUE, items[n - 1].id).data != NULL) == (n < 11 || n > 90));
    end();
}
END_TEST

/* All kinds of values, also odd ones; every byte must come back. */
START_TEST(keeps_every_byte)
{
    suite_begin(&c, _i);
    jpx_bytes id = suite_id(c.arena, JPX_TABLE_ENTRY, 1);
    bson_t doc, sub;
    bson_oid_t oid;
    bson_decimal128_t decimal;

    bson_oid_init_from_string(&oid, "0123456789abcdef01234567");
    bson_decimal128_from_string("1.500", &decimal);
    suite_start(&doc, id);
    BSON_APPEND_NULL(&doc, "null");
    BSON_APPEND_BOOL(&doc, "true", true);
    BSON_APPEND_INT32(&doc, "int32", INT32_MIN);
    BSON_APPEND_INT64(&doc, "int64", INT64_MIN);
    BSON_APPEND_DOUBLE(&doc, "double", -0.0);
    BSON_APPEND_DOUBLE(&doc, "nan", (double)NAN);
    BSON_APPEND_UTF8(&doc, "utf8", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
    bson_append_utf8(&doc, "zero", -1, "a\0b", 3);
    BSON_APPEND_DATE_TIME(&doc, "time", -1);
    BSON_APPEND_TIMESTAMP(&doc, "stamp", 7, 8);
    BSON_APPEND_BINARY(&doc, "binary", BSON_SUBTYPE_USER, (const uint8_t *)"\0\1\2", 3);
    BSON_APPEND_BINARY(&doc, "nothing", BSON_SUBTYPE_BINARY, (const uint8_t *)"", 0);
    BSON_APPEND_OID(&doc, "oid", &oid);
    BSON_APPEND_DECIMAL128(&doc, "decimal", &decimal);
    BSON_APPEND_REGEX(&doc, "regex", "^a", "i");
    BSON_APPEND_CODE(&doc, "code", "1");
    BSON_APPEND_MINKEY(&doc, "min");
    BSON_APPEND_MAXKEY(&doc, "max");
    BSON_APPEND_DOCUMENT_BEGIN(&doc, "doc", &sub);
    BSON_APPEND_UTF8(&sub, "", "an empty name");
    BSON_APPEND_UTF8(&sub, "a.b", "a name with a dot");
    BSON_APPEND_UTF8(&sub, "$c", "a name with a dollar");
    bson_append_document_end(&doc, &sub);
    BSON_APPEND_ARRAY_BEGIN(&doc, "array", &sub);
    BSON_APPEND_UTF8(&sub, "0", "");
    BSON_APPEND_NULL(&sub, "1");
    bson_append_array_end(&doc, &sub);

    jpx_record record = {id, suite_take(c.arena, &doc)};
    suite_insert(&c, JPX_TABLE_ENTRY, record);
    suite_same(suite_get(&c, JPX_TABLE_ENTRY, id), record.doc);
    end();
}
END_TEST

START_TEST(large_documents)
{
    suite_begin(&c, _i);
    static const size_t sizes[] = {1000, 4096, 65536, 1 << 20, 8 << 20, 15 * 1024 * 1024 - 200};
    jpx_records out;
    size_t n = sizeof sizes / sizeof *sizes;

    for (size_t i = 0; i < n; i++) {
        jpx_record record = suite_record(c.arena, JPX_TABLE_VALUE, i, sizes[i]);
        suite_insert(&c, JPX_TABLE_VALUE, record);
        suite_same(suite_get(&c, JPX_TABLE_VALUE, record.id), record.doc);
    }
    suite_ok(&c, jpx_store_scan(c.store, JPX_TABLE_VALUE, suite_id(c.arena, JPX_TABLE_VALUE, 0),
                                suite_id(c.arena, JPX_TABLE_VALUE, 100), 100, true, c.arena, &out,
                                &c.err)); /* more than a reply of MongoDB holds */
    ck_assert_uint_eq(out.count, n);
    suite_same(out.items[0].doc, suite_record(c.arena, JPX_TABLE_VALUE, n - 1, sizes[n - 1]).doc);

    jpx_record giant = suite_record(c.arena, JPX_TABLE_VALUE, 50, JPX_DOC_MAX);
    ck_assert_int_eq(jpx_store_insert(c.store, JPX_TABLE_VALUE, &giant, 1, NULL, &c.err), JP_E_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(c.err.text, "value"));
    ck_assert_ptr_null(suite_get(&c, JPX_TABLE_VALUE, giant.id).data);
    end();
}
END_TEST

START_TEST(ten_thousand_in_one_call)
{
    suite_begin(&c, _i);
    enum { N = 10000 };
    jpx_record *items = jpx_alloc_array(c.arena, N, sizeof *items), *got = jpx_alloc_array(c.arena, N, sizeof *got);
    jpx_bytes *ids = jpx_alloc_array(c.arena, N, sizeof *ids);
    bool *dup = jpx_alloc_array(c.arena, N, sizeof *dup);
    jpx_records out;

    for (uint64_t i = 0; i < N; i++) {
        items[i] = suite_record(c.arena, JPX_TABLE_PIPELINE, (i * 7919) % N, 150);
        ids[i] = items[i].id;
    }
    suite_insert(&c, JPX_TABLE_PIPELINE, items[4321]);
    suite_ok(&c, jpx_store_insert(c.store, JPX_TABLE_PIPELINE, items, N, dup, &c.err));
    for (size_t i = 0; i < N; i++)
        ck_assert(dup[i] == (i == 4321));
    suite_ok(&c, jpx_store_get(c.store, JPX_TABLE_PIPELINE, ids, N, c.arena, got, &c.err));
    for (size_t i = 0; i < N; i++)
        suite_same(got[i].doc, items[i].doc);
    suite_ok(&c, jpx_store_scan(c.store, JPX_TABLE_PIPELINE, suite_id(c.arena, JPX_TABLE_PIPELINE, 0),
                                suite_id(c.arena, JPX_TABLE_PIPELINE, N), 2 * N, false, c.arena, &out, &c.err));
    ck_assert_uint_eq(out.count, N);
    for (size_t i = 1; i < N; i++)
        ck_assert_int_lt(memcmp(out.items[i - 1].id.data, out.items[i].id.data, out.items[i].id.size), 0);
    suite_ok(&c, jpx_store_remove(c.store, JPX_TABLE_PIPELINE, ids, N, &c.err));
    ck_assert_ptr_null(suite_get(&c, JPX_TABLE_PIPELINE, ids[0]).data);
    end();
}
END_TEST

/* ---- many threads ---- */

enum { RACE_IDS = 200 };

static void *insert_all(void *arg)
{
    suite_thread *t = arg;
    for (uint64_t n = 0; n < RACE_IDS; n += 4) {
        jpx_record four[4];
        bool dup[4];
        for (uint64_t k = 0; k < 4; k++)
            four[k] = suite_record(t->arena, JPX_TABLE_ENTRY, n + k, (size_t)t->number * 10);
        if (jpx_store_insert(t->store, JPX_TABLE_ENTRY, four, 4, dup, &t->err) != JP_OK)
            return NULL;
        for (int k = 0; k < 4; k++) {
            jpx_record mine;
            t->made += !dup[k];
            if (jpx_store_get(t->store, JPX_TABLE_ENTRY, &four[k].id, 1, t->arena, &mine, &t->err) != JP_OK)
                return NULL;
            bool same = mine.doc.size == four[k].doc.size && !memcmp(mine.doc.data, four[k].doc.data, mine.doc.size);
            if (same == dup[k]) /* who was told "new" must find its own, all others another's */
                jpx_fail(&t->err, JP_E_INTERNAL, "thread %d: entry %d is %s", t->number, (int)n + k,
                         same ? "mine, but I was told it was there" : "another's, but I was told it is mine");
        }
    }
    return NULL;
}

START_TEST(one_winner_for_each_id)
{
    suite_begin(&c, _i);
    ck_assert_int_eq(suite_race(&c, insert_all, NULL), RACE_IDS);
    end();
}
END_TEST

START_TEST(clones_see_each_other)
{
    suite_begin(&c, _i);
    jpx_store *clone;
    jpx_record record = suite_record(c.arena, JPX_TABLE_FILL, 1, 0), got;

    suite_ok(&c, jpx_store_clone(&clone, c.store, &c.err));
    suite_ok(&c, jpx_store_get(clone, JPX_TABLE_FILL, &record.id, 1, c.arena, &got, &c.err));
    ck_assert_ptr_null(got.doc.data);
    suite_insert(&c, JPX_TABLE_FILL, record);
    suite_ok(&c, jpx_store_get(clone, JPX_TABLE_FILL, &record.id, 1, c.arena, &got, &c.err));
    suite_same(got.doc, record.doc);

    jpx_store_close(c.store); /* the clone lives on */
    c.store = clone;
    suite_same(suite_get(&c, JPX_TABLE_FILL, record.id), record.doc);
    jpx_store_close(NULL);
    end();
}
END_TEST

START_TEST(survives_reopening)
{
    suite_begin(&c, _i);
    jpx_record record = suite_record(c.arena, JPX_TABLE_MARK, 1, 0);

    suite_insert(&c, JPX_TABLE_MARK, record);
    suite_reopen(&c);
    if (c.place == SUITE_MEMORY)
        ck_assert_ptr_null(suite_get(&c, JPX_TABLE_MARK, record.id).data); /* a new store */
    else
        suite_same(suite_get(&c, JPX_TABLE_MARK, record.id), record.doc);
    end();
}
END_TEST

START_TEST(refuses_another_prefix)
{
    suite_begin(&c, _i);
    if (c.place != SUITE_MEMORY) {
        char uri[768];
        jpx_store *other;
        const char *question = strchr(c.uri, '?');
        if (c.place == SUITE_SQLITE) /* the same file */
            snprintf(uri, sizeof uri, "%s", c.uri);
        else /* the same database, by its name */
            snprintf(uri, sizeof uri, "%.*s%s%s%s", (int)(question ? question - c.uri : (long)strlen(c.uri)), c.uri,
                     (question ? question[-1] : c.uri[strlen(c.uri) - 1]) == '/' ? "" : "/", c.prefix,
                     question ? question : "");
        ck_assert_int_eq(jpx_store_open(&other, uri, "another", &c.env, &c.err), JP_E_REFUSED);
        ck_assert_ptr_null(other);
        ck_assert_msg(strstr(c.err.text, c.prefix) != NULL, "does not name the owner: %s", c.err.text);
        ck_assert_msg(strstr(c.err.text, "another") != NULL, "does not name the asker: %s", c.err.text);
    }
    end();
}
END_TEST

/* ---- calls that are wrong ---- */

START_TEST(ids_have_one_length)
{
    suite_begin_at(&c, SUITE_MEMORY);
    jpx_bytes id = suite_id(c.arena, JPX_TABLE_PIPELINE, 1);
    jpx_record out;
    jpx_store_get(c.store, JPX_TABLE_ENTRY, &id, 1, c.arena, &out, &c.err);
}
END_TEST

START_TEST(documents_begin_with_their_id)
{
    suite_begin_at(&c, SUITE_MEMORY);
    jpx_record record = suite_record(c.arena, JPX_TABLE_ENTRY, 1, 0);
    record.id = suite_id(c.arena, JPX_TABLE_ENTRY, 2);
    jpx_store_insert(c.store, JPX_TABLE_ENTRY, &record, 1, NULL, &c.err);
}
END_TEST

START_TEST(uris_that_are_wrong)
{
    static const char *const wrong[] = {"",           "mysql://h/db", "sqlite:", "sqlite::memory:",  "memory:x",
                                        "/a/path.db", "mongo://h",    "sqlite",  "redis://:secret@h"};
    jpx_env env = jpx_env_system(JPX_ERROR);
    jpx_store *store;
    jp_error err;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(jpx_store_open(&store, wrong[i], "p", &env, &err), JP_E_INVALID);
        ck_assert_ptr_null(store);
        ck_assert_ptr_nonnull(strstr(err.text, "sqlite:"));
        ck_assert_ptr_null(strstr(err.text, "secret"));
    }
    ck_assert_int_eq(jpx_store_open(&store, "memory:", "", &env, &err), JP_E_INVALID);
    ck_assert_int_eq(jpx_store_open(&store, "memory:",
                                    "a234567890123456789012345678901234567890123456789012345678901234", &env, &err),
                     JP_E_INVALID);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        inserts_once,
        twice_in_one_call,
        gets_with_absentees,
        scans,
        removes,
        removes_ranges_in_batches,
        keeps_every_byte,
        large_documents,
        ten_thousand_in_one_call,
        one_winner_for_each_id,
        clones_see_each_other,
        survives_reopening,
        refuses_another_prefix,
    };
    int places = suite_places();
    TCase *cases = tcase_create("records");

    tcase_set_timeout(cases, 120);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(cases, tests[i], 0, places);
    tcase_add_test_raise_signal(cases, ids_have_one_length, SIGABRT);
    tcase_add_test_raise_signal(cases, documents_begin_with_their_id, SIGABRT);
    tcase_add_test(cases, uris_that_are_wrong);
    return suite_run("store", cases);
}
