/* store_suite.h -- what the contract tests of the store share: the places to test, and makers of records.
 *
 * Every test of the suite is a loop test over suite_places(): memory, SQLite in a temporary folder, and MongoDB when
 * JETPIPE_TEST_MONGO is set to the URI of a replica set without a database name, as
 *     JETPIPE_TEST_MONGO='mongodb://127.0.0.1:27017/?replicaSet=rs0' ctest -R contract_store
 * Each case has a store of its own: a fresh file, or a fresh database named after a fresh prefix and dropped after. */
#ifndef STORE_SUITE_H
#define STORE_SUITE_H

#include "store/store.h"
#include <bson/bson.h>
#include <check.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef JETPIPE_MONGODB
#include <mongoc/mongoc.h>
#endif

enum { SUITE_MEMORY, SUITE_SQLITE, SUITE_MONGO };

typedef struct suite_case {
    int place;
    jpx_env env;
    jpx_arena *arena;
    jpx_store *store;
    char prefix[32], folder[64], uri[512];
    uint64_t seed;
    jp_error err;
} suite_case;

/* The places to test, found out before the first test; test i of a loop is for suite_list[i]. */
static int suite_list[3];

static inline int suite_places(void)
{
    int count = 0;

    suite_list[count++] = SUITE_MEMORY;
#ifdef JETPIPE_SQLITE
    suite_list[count++] = SUITE_SQLITE;
#else
    printf("sqlite: skipped; to run it, build with -DJETPIPE_SQLITE=ON\n");
#endif
#ifdef JETPIPE_MONGODB
    if (getenv("JETPIPE_TEST_MONGO"))
        suite_list[count++] = SUITE_MONGO;
    else
        printf("mongodb: skipped; to run it, set JETPIPE_TEST_MONGO to the URI of a replica set\n");
#else
    printf("mongodb: skipped; to run it, build with -DJETPIPE_MONGODB=ON\n");
#endif
    return count;
}

#define suite_ok(c, call)                                                                                              \
    do {                                                                                                               \
        jp_status status_ = (call);                                                                                    \
        ck_assert_msg(status_ == JP_OK, "%s: %s: %s", (c)->uri, #call, (c)->err.text);                                 \
    } while (0)

static inline void suite_reopen(suite_case *c)
{
    jpx_store_close(c->store);
    c->store = NULL;
    suite_ok(c, jpx_store_open(&c->store, c->uri, c->prefix, &c->env, &c->err));
}

static inline void suite_begin_at(suite_case *c, int place)
{
    uint8_t bytes[8];
    char hex[17];

    *c = (suite_case){.place = place, .env = jpx_env_system(JPX_WARN), .arena = jpx_arena_new(), .seed = 1};
    jpx_random(&c->env, bytes, sizeof bytes);
    jpx_hex(hex, bytes, sizeof bytes);
    snprintf(c->prefix, sizeof c->prefix, "jpt%s", hex);
    if (place == SUITE_MEMORY) {
        snprintf(c->uri, sizeof c->uri, "memory:");
    } else if (place == SUITE_SQLITE) {
        snprintf(c->folder, sizeof c->folder, "/tmp/jetpipe-test-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(c->folder));
        snprintf(c->uri, sizeof c->uri, "sqlite:%s/store.db", c->folder);
    } else {
        snprintf(c->uri, sizeof c->uri, "%s", getenv("JETPIPE_TEST_MONGO"));
    }
    suite_reopen(c);
}

/* Test number `test` of a loop over suite_places(). */
static inline void suite_begin(suite_case *c, int test)
{
    suite_begin_at(c, suite_list[test]);
}

static inline void suite_begin_sqlite(suite_case *c)
{
    suite_begin_at(c, SUITE_SQLITE);
}

/* A path in the folder of a SQLite store; the store itself is "store.db". */
static inline void suite_in_folder(const suite_case *c, char out[256], const char *name)
{
    snprintf(out, 256, "%s/%s", c->folder, name);
}

static inline int suite_unlink(const char *path, const struct stat *st, int flag, struct FTW *at)
{
    (void)st, (void)flag, (void)at;
    return remove(path);
}

static inline void suite_end(suite_case *c)
{
    jpx_store_close(c->store);
    jpx_arena_free(c->arena);
    if (c->place == SUITE_SQLITE)
        nftw(c->folder, suite_unlink, 8, FTW_DEPTH | FTW_PHYS);
#ifdef JETPIPE_MONGODB
    if (c->place == SUITE_MONGO) {
        mongoc_client_t *client = mongoc_client_new(c->uri);
        mongoc_database_t *db = mongoc_client_get_database(client, c->prefix);
        mongoc_database_drop(db, NULL);
        mongoc_database_destroy(db);
        mongoc_client_destroy(client);
    }
#endif
}

/* Same numbers in every run, so that a failure comes again. */
static inline uint64_t suite_random(uint64_t *seed)
{
    *seed += 0x9e3779b97f4a7c15u;
    uint64_t z = *seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* ---- records ---- */

/* Ids in the order of n: a time of 2023, then n; as long as the table wants. */
static inline jpx_bytes suite_id(jpx_arena *arena, jpx_table table, uint64_t n)
{
    static const uint8_t start[] = {0x01, 0x8b, 0xcf, 0xe5};
    size_t size = jpx_table_id_size(table);
    uint8_t *id = jpx_alloc(arena, size);

    memcpy(id, start, sizeof start);
    for (size_t i = 0; i < 8; i++)
        id[4 + i] = (uint8_t)(n >> (56 - 8 * i));
    for (size_t i = 12; i < size; i++)
        id[i] = (uint8_t)(n * 7 + i); /* any, but the same for the same n */
    return (jpx_bytes){id, size};
}

static inline jpx_bytes suite_take(jpx_arena *arena, bson_t *doc)
{
    jpx_bytes copy = jpx_copy(arena, bson_get_data(doc), doc->len);
    bson_destroy(doc);
    return copy;
}

static inline void suite_start(bson_t *doc, jpx_bytes id)
{
    bson_init(doc);
    BSON_APPEND_BINARY(doc, "_id", BSON_SUBTYPE_BINARY, id.data, (uint32_t)id.size);
}

static inline jpx_record suite_root(jpx_arena *arena, uint64_t n, const char *pipe, const char *key)
{
    jpx_bytes id = suite_id(arena, JPX_TABLE_ROOT, n);
    bson_t doc;

    suite_start(&doc, id);
    BSON_APPEND_INT32(&doc, "v", 1);
    BSON_APPEND_UTF8(&doc, "pipe", pipe);
    if (key)
        BSON_APPEND_UTF8(&doc, "key", key);
    BSON_APPEND_INT64(&doc, "n", (int64_t)n);
    BSON_APPEND_UTF8(&doc, "status", "running");
    return (jpx_record){id, suite_take(arena, &doc)};
}

static inline jpx_record suite_barrier(jpx_arena *arena, uint64_t n, uint32_t bits)
{
    jpx_bytes id = suite_id(arena, JPX_TABLE_BARRIER, n);
    bson_t doc, w;
    char name[16];

    suite_start(&doc, id);
    BSON_APPEND_BINARY(&doc, "of", BSON_SUBTYPE_BINARY, id.data, 24);
    BSON_APPEND_INT64(&doc, "left", bits);
    BSON_APPEND_BOOL(&doc, "aborted", false);
    BSON_APPEND_DOCUMENT_BEGIN(&doc, "w", &w);
    for (uint32_t i = 0; i < (bits + JPX_WORD_BITS - 1) / JPX_WORD_BITS; i++) {
        snprintf(name, sizeof name, "%u", i);
        BSON_APPEND_INT64(&w, name, 0);
    }
    bson_append_document_end(&doc, &w);
    return (jpx_record){id, suite_take(arena, &doc)};
}

/* A record of any table, with `pad` further bytes. */
static inline jpx_record suite_record(jpx_arena *arena, jpx_table table, uint64_t n, size_t pad)
{
    if (table == JPX_TABLE_ROOT && !pad)
        return suite_root(arena, n, "Any", NULL);
    if (table == JPX_TABLE_BARRIER && !pad)
        return suite_barrier(arena, n, 10);

    jpx_bytes id = suite_id(arena, table, n);
    uint8_t *fill = jpx_alloc(arena, pad + 1);
    bson_t doc;

    memset(fill, (int)(n & 0xff), pad);
    suite_start(&doc, id);
    BSON_APPEND_INT64(&doc, "n", (int64_t)n);
    BSON_APPEND_UTF8(&doc, "pipe", "Any");
    BSON_APPEND_UTF8(&doc, "status", "running");
    BSON_APPEND_BINARY(&doc, "pad", BSON_SUBTYPE_BINARY, fill, (uint32_t)pad);
    return (jpx_record){id, suite_take(arena, &doc)};
}

static inline void suite_insert(suite_case *c, jpx_table table, jpx_record record)
{
    bool dup = true;
    suite_ok(c, jpx_store_insert(c->store, table, &record, 1, &dup, &c->err));
    ck_assert(!dup);
}

static inline jpx_bytes suite_get(suite_case *c, jpx_table table, jpx_bytes id)
{
    jpx_record out;
    suite_ok(c, jpx_store_get(c->store, table, &id, 1, c->arena, &out, &c->err));
    return out.doc;
}

static inline void suite_same(jpx_bytes a, jpx_bytes b)
{
    ck_assert_ptr_nonnull(a.data);
    ck_assert_uint_eq(a.size, b.size);
    ck_assert_mem_eq(a.data, b.data, a.size);
}

/* ---- threads ---- */

enum { SUITE_THREADS = 8 };

typedef struct suite_thread {
    suite_case *c;
    jpx_store *store; /* a clone of its own */
    jpx_arena *arena;
    int number;
    void *test;
    jp_error err;
    long made; /* what the test counts */
} suite_thread;

/* Runs `run` in SUITE_THREADS threads, each with a clone; returns the sum of what they made. */
static inline long suite_race(suite_case *c, void *(*run)(void *), void *test)
{
    suite_thread threads[SUITE_THREADS];
    pthread_t ids[SUITE_THREADS];
    long sum = 0;

    for (int i = 0; i < SUITE_THREADS; i++) {
        threads[i] = (suite_thread){.c = c, .arena = jpx_arena_new(), .number = i, .test = test};
        suite_ok(c, jpx_store_clone(&threads[i].store, c->store, &c->err));
    }
    for (int i = 0; i < SUITE_THREADS; i++)
        ck_assert_int_eq(pthread_create(&ids[i], NULL, run, &threads[i]), 0);
    for (int i = 0; i < SUITE_THREADS; i++) {
        pthread_join(ids[i], NULL);
        ck_assert_msg(threads[i].err.status == JP_OK, "thread %d: %s", i, threads[i].err.text);
        sum += threads[i].made;
        jpx_store_close(threads[i].store);
        jpx_arena_free(threads[i].arena);
    }
    return sum;
}

static inline int suite_run(const char *name, TCase *cases)
{
    Suite *suite = suite_create(name);
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
