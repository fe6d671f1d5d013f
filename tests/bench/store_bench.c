/* store_bench.c -- measures a store, for any URI that jetpipe takes.
 *
 *     store_bench URI [RUNS]        (default: 5 runs; prints the median of each figure)
 *
 * All writes are durable. It uses its own prefix and removes its records at the end; a MongoDB database named
 * jpbench... is left behind, empty. */
#include "core/key.h" /* sizes only */
#include "store/store.h"
#include <bson/bson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RUNS_MAX = 101, BATCH_MAX = 1000, WORDS = 3, CASES_MAX = 32 };

typedef struct bench {
    jpx_store *store;
    jpx_env env;
    jpx_arena *arena;
    jp_error err;
    uint8_t root[JPX_ROOT_SIZE];
    uint64_t next; /* the next record's number: 0 .. next - 1 were inserted */
} bench;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void check(bench *b, jp_status status, const char *what)
{
    if (status == JP_OK)
        return;
    fprintf(stderr, "store_bench: %s: %s\n", what, b->err.text);
    exit(1);
}

/* ---- records ---- */

static void put64(uint8_t *out, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(n >> (56 - 8 * i));
}

static void make_id(const bench *b, jpx_table table, uint64_t n, uint8_t *out)
{
    size_t size = jpx_table_id_size(table);

    memset(out, 0, size);
    if (table == JPX_TABLE_ROOT) { /* the number is the time */
        put64(out, n << 16);
        return;
    }
    memcpy(out, b->root, sizeof b->root);
    put64(out + sizeof b->root, n);
}

static jpx_bytes id_of(bench *b, jpx_table table, uint64_t n)
{
    uint8_t id[64];
    make_id(b, table, n, id);
    return jpx_copy(b->arena, id, jpx_table_id_size(table));
}

static jpx_record make(bench *b, jpx_table table, uint64_t n)
{
    static const uint8_t noise[96] = "a value of a size that is common";
    jpx_record record = {.id = id_of(b, table, n)};
    bson_t doc = BSON_INITIALIZER, words;

    BSON_APPEND_BINARY(&doc, "_id", BSON_SUBTYPE_BINARY, record.id.data, (uint32_t)record.id.size);
    if (table == JPX_TABLE_BARRIER) {
        BSON_APPEND_BINARY(&doc, "of", BSON_SUBTYPE_BINARY, record.id.data, JPX_PIPELINE_SIZE);
        BSON_APPEND_INT64(&doc, "left", WORDS * JPX_WORD_BITS);
        BSON_APPEND_BOOL(&doc, "aborted", false);
        BSON_APPEND_DOCUMENT_BEGIN(&doc, "w", &words);
        for (int i = 0; i < WORDS; i++) {
            char word[8];
            snprintf(word, sizeof word, "%d", i);
            BSON_APPEND_INT64(&words, word, 0);
        }
        bson_append_document_end(&doc, &words);
    } else if (table == JPX_TABLE_ROOT) {
        BSON_APPEND_INT32(&doc, "v", 1);
        BSON_APPEND_UTF8(&doc, "pipe", "Bench");
        BSON_APPEND_UTF8(&doc, "status", "running");
        BSON_APPEND_BINARY(&doc, "args", BSON_SUBTYPE_BINARY, noise, sizeof noise);
    } else {
        BSON_APPEND_INT32(&doc, "v", 1);
        BSON_APPEND_UTF8(&doc, "kind", "returned");
        BSON_APPEND_DATE_TIME(&doc, "at", (int64_t)n);
        BSON_APPEND_BINARY(&doc, "out", BSON_SUBTYPE_BINARY, noise, sizeof noise);
    }
    record.doc = jpx_copy(b->arena, bson_get_data(&doc), doc.len);
    bson_destroy(&doc);
    return record;
}

/* ---- cases: each does `count` operations in calls of `batch` and returns the time of the calls alone ---- */

static int64_t insert(bench *b, jpx_table table, int count, int batch)
{
    int64_t took = 0;

    for (int done = 0; done < count; done += batch) {
        jpx_record records[BATCH_MAX];
        bool dup[BATCH_MAX];

        jpx_arena_reset(b->arena);
        for (int i = 0; i < batch; i++)
            records[i] = make(b, table, b->next++);
        int64_t from = now_us();
        check(b, jpx_store_insert(b->store, table, records, (size_t)batch, dup, &b->err), "insert");
        took += now_us() - from;
    }
    return took;
}

static int64_t entries(bench *b, int count, int batch)
{
    return insert(b, JPX_TABLE_ENTRY, count, batch);
}

static int64_t get(bench *b, int count, int batch)
{
    int64_t took = 0;
    uint64_t first = b->next;

    insert(b, JPX_TABLE_ENTRY, BATCH_MAX, BATCH_MAX);
    for (int done = 0; done < count; done += batch) {
        jpx_bytes ids[BATCH_MAX];
        jpx_record out[BATCH_MAX];

        jpx_arena_reset(b->arena);
        for (int i = 0; i < batch; i++)
            ids[i] = id_of(b, JPX_TABLE_ENTRY, first + (uint64_t)((done + i) * 7 % BATCH_MAX));
        int64_t from = now_us();
        check(b, jpx_store_get(b->store, JPX_TABLE_ENTRY, ids, (size_t)batch, b->arena, out, &b->err), "get");
        took += now_us() - from;
    }
    return took;
}

static int64_t scan(bench *b, int count, int batch)
{
    int64_t took = 0;
    uint64_t first = b->next;

    insert(b, JPX_TABLE_ENTRY, BATCH_MAX, BATCH_MAX);
    for (int done = 0; done < count; done += batch) {
        jpx_records out;

        jpx_arena_reset(b->arena);
        jpx_bytes lo = id_of(b, JPX_TABLE_ENTRY, first), hi = id_of(b, JPX_TABLE_ENTRY, b->next);
        int64_t from = now_us();
        check(b, jpx_store_scan(b->store, JPX_TABLE_ENTRY, lo, hi, (size_t)batch, false, b->arena, &out, &b->err),
              "scan");
        took += now_us() - from;
        if (out.count != (size_t)batch)
            check(b, jpx_fail(&b->err, JP_E_DAMAGED, "found %zu of %d records", out.count, batch), "scan");
    }
    return took;
}

/* Sets bits in `words` words of barriers that no other call touches, as finishes of small generators do. */
static int64_t count_words(bench *b, int count, int batch, uint32_t words, bool repeat)
{
    int64_t took = 0;

    for (int done = 0; done < count; done += batch) {
        static const uint64_t mask[WORDS] = {0x5, 0x11, 0x3};
        uint64_t first = b->next;
        jpx_count items[BATCH_MAX];

        insert(b, JPX_TABLE_BARRIER, batch, batch);
        for (int i = 0; i < batch; i++)
            items[i] =
                (jpx_count){.id = id_of(b, JPX_TABLE_BARRIER, first + (uint64_t)i), .mask = mask, .words = words};
        if (repeat)
            check(b, jpx_store_count(b->store, items, (size_t)batch, &b->err), "count");
        int64_t from = now_us();
        check(b, jpx_store_count(b->store, items, (size_t)batch, &b->err), "count");
        took += now_us() - from;
    }
    return took;
}

static int64_t count_1(bench *b, int count, int batch)
{
    return count_words(b, count, batch, 1, false);
}

static int64_t count_3(bench *b, int count, int batch)
{
    return count_words(b, count, batch, WORDS, false);
}

static int64_t count_again(bench *b, int count, int batch)
{
    return count_words(b, count, batch, 1, true);
}

static int64_t roots(bench *b, int count, int batch)
{
    return insert(b, JPX_TABLE_ROOT, count, batch);
}

static int64_t change_roots(bench *b, int count, int batch)
{
    int64_t took = 0;

    for (int done = 0; done < count; done += batch) {
        uint64_t first = b->next;
        jpx_root_change changes[BATCH_MAX];

        insert(b, JPX_TABLE_ROOT, batch, batch);
        for (int i = 0; i < batch; i++)
            changes[i] = (jpx_root_change){
                .id = id_of(b, JPX_TABLE_ROOT, first + (uint64_t)i), .op = JPX_ROOT_DONE, .at_ms = jpx_now(&b->env)};
        int64_t from = now_us();
        check(b, jpx_store_change_roots(b->store, changes, (size_t)batch, &b->err), "change roots");
        took += now_us() - from;
    }
    return took;
}

static int64_t list_roots(bench *b, int count, int batch)
{
    int64_t took = 0;

    insert(b, JPX_TABLE_ROOT, BATCH_MAX, BATCH_MAX);
    for (int done = 0; done < count; done += batch) {
        jpx_root_filter filter = {.pipe = "Bench", .status = "running", .limit = (size_t)batch};
        jpx_records out;

        jpx_arena_reset(b->arena);
        int64_t from = now_us();
        check(b, jpx_store_list_roots(b->store, &filter, b->arena, &out, &b->err), "list roots");
        took += now_us() - from;
    }
    return took;
}

static int64_t remove_range(bench *b, int count, int batch)
{
    int64_t took = 0;

    insert(b, JPX_TABLE_ENTRY, count, batch);
    for (int done = 0; done < count; done += batch) {
        uint8_t lo[JPX_ENTRY_SIZE] = {0}, hi[JPX_ENTRY_SIZE];
        size_t removed;

        memset(hi, 0xff, sizeof hi);
        int64_t from = now_us();
        check(b,
              jpx_store_remove_range(b->store, JPX_TABLE_ENTRY, (jpx_bytes){lo, sizeof lo}, (jpx_bytes){hi, sizeof hi},
                                     (size_t)batch, &removed, &b->err),
              "remove a range");
        took += now_us() - from;
    }
    return took;
}

static const struct {
    const char *name;
    int64_t (*run)(bench *, int count, int batch);
    int count, batch;
} cases[] = {
    {"insert an entry", entries, 1000, 1},
    {"insert entries", entries, 6400, 64},
    {"insert entries", entries, 20480, 512},
    {"insert entries", entries, 20000, 1000},
    {"insert roots", roots, 5120, 512},
    {"get by ids", get, 1000, 1},
    {"get by ids", get, 51200, 512},
    {"scan", scan, 51200, 512},
    {"count, 1 word", count_1, 500, 1},
    {"count, 1 word", count_1, 3200, 64},
    {"count, 1 word", count_1, 5120, 512},
    {"count, 3 words", count_3, 5120, 512},
    {"count again, 1 word", count_again, 5120, 512},
    {"change roots", change_roots, 300, 1},
    {"change roots", change_roots, 5000, 500},
    {"list roots", list_roots, 5000, 50},
    {"remove a range", remove_range, 10000, 1000},
};

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void clean_up(bench *b)
{
    for (int table = 0; table < JPX_TABLES; table++) {
        uint8_t lo[64] = {0}, hi[64];
        size_t size = jpx_table_id_size((jpx_table)table), removed = 1;

        memset(hi, 0xff, sizeof hi);
        while (removed > 0)
            check(b,
                  jpx_store_remove_range(b->store, (jpx_table)table, (jpx_bytes){lo, size}, (jpx_bytes){hi, size},
                                         10000, &removed, &b->err),
                  "clean up");
    }
}

int main(int argc, char **argv)
{
    long runs = argc > 2 ? strtol(argv[2], NULL, 10) : 5;
    char prefix[32], hex[17];
    uint8_t random[8];
    bench b = {.env = jpx_env_system(JPX_WARN), .arena = jpx_arena_new()};

    if (argc < 2 || runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr, "usage: store_bench URI [RUNS], with 1 to %d runs\n", RUNS_MAX);
        return 2;
    }
    jpx_random(&b.env, random, sizeof random);
    jpx_random(&b.env, b.root, sizeof b.root);
    jpx_hex(hex, random, sizeof random);
    snprintf(prefix, sizeof prefix, "jpbench%s", hex);
    check(&b, jpx_store_open(&b.store, argv[1], prefix, &b.env, &b.err), "open");

    printf("%-22s %6s %12s %12s   (median of %ld runs)\n", "", "batch", "per second", "ms a call", runs);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t took[RUNS_MAX];

        for (long run = 0; run < runs; run++)
            took[run] = cases[i].run(&b, cases[i].count, cases[i].batch);
        qsort(took, (size_t)runs, sizeof took[0], by_time);
        double seconds = (double)(took[runs / 2] ? took[runs / 2] : 1) / 1e6;
        printf("%-22s %6d %12.0f %12.3f\n", cases[i].name, cases[i].batch, cases[i].count / seconds,
               seconds * 1000 * cases[i].batch / cases[i].count);
        fflush(stdout);
    }
    clean_up(&b);
    jpx_store_close(b.store);
    jpx_arena_free(b.arena);
    return 0;
}
