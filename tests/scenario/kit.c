#include "kit.h"
#include <bson/bson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOURNAL_MAX = 64 * 1024, LIMIT_MS = 10 * 24 * 3600 * 1000, REAL_LIMIT_MS = 60 * 1000 };

jpx_store *(*kit_wrap_store)(jpx_store *);
jpx_bus *(*kit_wrap_bus)(jpx_bus *);
uint64_t kit_seed;
jpx_zygote *kit_zygote;
bool kit_real_time;
void (*kit_log)(void *ctx, jpx_log_level level, const char *line);

/* ---- the journal ---- */

static char notes[JOURNAL_MAX];

void kit_note(const char *fmt, ...)
{
    size_t used = strlen(notes);
    va_list args;
    if (used && used + 2 < sizeof notes) {
        memcpy(notes + used, ", ", 3);
        used += 2;
    }
    va_start(args, fmt);
    vsnprintf(notes + used, sizeof notes - used, fmt, args);
    va_end(args);
}

const char *kit_journal(void)
{
    return notes;
}

/* The place of `text` as a whole note at or after `from`; NULL = none. */
static const char *find_note(const char *from, const char *text)
{
    size_t size = strlen(text);
    for (const char *at = strstr(from, text); at; at = strstr(at + 1, text))
        if ((at == notes || at[-1] == ' ') && (at[size] == '\0' || at[size] == ','))
            return at;
    return NULL;
}

int kit_noted(const char *text)
{
    int count = 0;
    for (const char *at = find_note(notes, text); at; at = find_note(at + 1, text))
        count++;
    return count;
}

bool kit_before(const char *a, const char *b)
{
    const char *first_b = find_note(notes, b), *first_a = find_note(notes, a);
    return first_a && first_b && first_a < first_b && !find_note(first_b, a);
}

/* ---- grounds ---- */

static const struct {
    const char *name;
    bool sqlite, mongo, jetstream;
} grounds[KIT_GROUNDS] = {{"memory x memory", false, false, false},
                          {"sqlite x memory", true, false, false},
                          {"mongodb x memory", false, true, false},
                          {"sqlite x jetstream", true, false, true},
                          {"mongodb x jetstream", false, true, true}};

static void show_log(void *ctx, jpx_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    fprintf(stderr, "%s\n", line);
}

static const char *in_database(jpx_arena *arena, const char *uri, const char *database)
{
    const char *query = strchr(uri, '?'), *host = strstr(uri, "://");
    size_t base = query ? (size_t)(query - uri) : strlen(uri);
    const char *path = host ? memchr(host + 3, '/', base - (size_t)(host + 3 - uri)) : NULL;
    if (path)
        base = (size_t)(path - uri);
    return jpx_format(arena, "%.*s/%s%s", (int)base, uri, database, query ? query : "");
}

static char *path_of(const kit *k)
{
    return jpx_format(k->arena, "%s/%s.db", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", k->prefix);
}

static void remove_files(const kit *k)
{
    char *path = path_of(k);
    unlink(path);
    unlink(jpx_format(k->arena, "%s-wal", path));
    unlink(jpx_format(k->arena, "%s-shm", path));
}

bool kit_has(int ground)
{
    bool nats = getenv("JETPIPE_TEST_NATS") != NULL, mongo = getenv("JETPIPE_TEST_MONGO") != NULL;
    if ((nats || !grounds[ground].jetstream) && (mongo || !grounds[ground].mongo))
        return true;
    fprintf(stderr, "skip: %s: no server named by %s; sh tests/run.sh starts one\n", grounds[ground].name,
            grounds[ground].mongo && !mongo ? "JETPIPE_TEST_MONGO" : "JETPIPE_TEST_NATS");
    return false;
}

static int open_kits;

kit *kit_open(int ground, const jp_def *const *pipes)
{
    const char *nats = getenv("JETPIPE_TEST_NATS"), *mongo = getenv("JETPIPE_TEST_MONGO");
    static int number;
    kit *k;
    jp_error err = {0};

    if (!kit_has(ground))
        return NULL;
    k = calloc(1, sizeof *k);
    ck_assert_ptr_nonnull(k);
    k->arena = jpx_arena_new();
    k->ground = kit_seed ? jpx_format(k->arena, "%s, seed %llu", grounds[ground].name, (unsigned long long)kit_seed)
                         : grounds[ground].name;
    k->virtual_time = !grounds[ground].jetstream && !kit_real_time;
    k->ms = 1;
    notes[0] = '\0';
    /* A database is many files of the server, and belongs to a prefix: it is emptied at the end, and used again. */
    snprintf(k->prefix, sizeof k->prefix, "s%d-%d-%d", (int)getpid(), ground,
             grounds[ground].mongo ? open_kits : ++number);
    ck_assert_msg(jpx_registry_new(&k->registry, pipes, &err) == JP_OK, "%s", err.text);

    jpx_local_options options = {.prefix = k->prefix,
                                 .virtual_time = k->virtual_time,
                                 .seed = kit_seed,
                                 .zygote = kit_zygote,
                                 .log = getenv("KIT_LOG") ? show_log : kit_log,
                                 .level = JPX_DEBUG,
                                 .wrap_store = kit_wrap_store,
                                 .wrap_bus = kit_wrap_bus};
    remove_files(k); /* of a process that was killed and had this id */
    if (grounds[ground].sqlite)
        k->store = jpx_format(k->arena, "sqlite:%s", path_of(k));
    else if (grounds[ground].mongo)
        k->store = in_database(k->arena, mongo, k->prefix);
    open_kits++;
    options.store = k->store;
    if (grounds[ground].jetstream)
        options.bus = nats;
    ck_assert_msg(jpx_local_open(&k->local, k->registry, &options, &err) == JP_OK, "%s: %s", k->ground, err.text);
    return k;
}

/* Leaves nothing behind on the servers: they serve the other tests too. Over a connection of its own, once the roles
 * are closed: they make streams anew that they miss. */
void kit_remove_streams(kit *k)
{
    static const char *const streams[] = {"START", "SLOT", "RUN", "EVENT", "DEAD"};
    jpx_env env = jpx_env_system(JPX_ERROR);
    jpx_bus *bus;
    jp_error err;

    if (jpx_bus_open(&bus, getenv("JETPIPE_TEST_NATS"), k->prefix, "kit", 5000, &env, &err) != JP_OK)
        return;
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        char *subject = jpx_format(k->arena, "$JS.API.STREAM.DELETE.%s_%s", k->prefix, streams[i]);
        jpx_bytes reply;
        for (char *p = subject + strlen("$JS.API.STREAM.DELETE."); *p; p++)
            if (*p >= 'a' && *p <= 'z')
                *p = (char)(*p - 'a' + 'A');
        jpx_bus_request(bus, subject, (jpx_bytes){NULL, 0}, 2000, k->arena, &reply, &err);
    }
    jpx_bus_close(bus);
}

static void remove_records(kit *k)
{
    static const uint8_t low[64];
    uint8_t high[64];
    memset(high, 0xff, sizeof high);
    for (int t = 0; t < JPX_TABLES; t++) {
        size_t size = jpx_table_id_size((jpx_table)t), removed = 1;
        jp_error ignored;
        while (removed && jpx_store_remove_range(jpx_local_store(k->local), (jpx_table)t, (jpx_bytes){low, size},
                                                 (jpx_bytes){high, size}, 10000, &removed, &ignored) == JP_OK)
            ;
    }
}

void kit_close(kit *k)
{
    remove_records(k);
    jpx_local_close(k->local);
    if (strstr(k->ground, "jetstream"))
        kit_remove_streams(k);
    jpx_registry_free(k->registry);
    remove_files(k);
    jpx_arena_free(k->arena);
    free(k);
    open_kits--;
}

/* ---- running ---- */

int64_t kit_now(kit *k)
{
    return jpx_now(jpx_local_env(k->local));
}

const char *kit_start_with_key(kit *k, const char *pipe, const char *json, const char *key)
{
    jp_error err;
    ck_assert_msg(jpx_local_start(k->local, pipe, json, key, &err) == JP_OK, "%s", err.text);
    k->key = jpx_strdup(k->arena, key);
    return k->key;
}

const char *kit_start(kit *k, const char *pipe, const char *json)
{
    static int number;
    return kit_start_with_key(k, pipe, json, jpx_format(k->arena, "k%d", ++number));
}

void kit_finish(kit *k, const char *key)
{
    jp_error err = {0};
    jp_status status = jpx_local_finish(k->local, key, k->virtual_time ? LIMIT_MS : REAL_LIMIT_MS, &err);
    ck_assert_msg(status == JP_OK, "%s: %s: %s\n%s", k->ground, key, err.text,
                  status == JP_OK ? "" : kit_ask(k, "why", key));
}

const char *kit_run(kit *k, const char *pipe, const char *json)
{
    const char *key = kit_start(k, pipe, json);
    kit_finish(k, key);
    return key;
}

void kit_run_until_idle(kit *k)
{
    int64_t until = kit_now(k) + 10000, quiet = 0;

    if (k->virtual_time) {
        while (jpx_local_step(k->local))
            ;
        return;
    }
    while (quiet < 40 && kit_now(k) < until) { /* events are under way for a few ms */
        if (jpx_local_step(k->local))
            quiet = 0;
        else
            quiet++;
        jpx_local_pass(k->local, until);
    }
}

void kit_pass(kit *k, int64_t ms)
{
    int64_t until = kit_now(k) + ms;

    while (kit_now(k) < until) {
        while (jpx_local_step(k->local))
            ;
        if (!jpx_local_pass(k->local, until) && kit_now(k) >= until)
            break;
    }
    kit_run_until_idle(k);
}

/* ---- looking ---- */

const char *kit_ask(kit *k, const char *verb, const char *json)
{
    const char *answer;
    jp_error err;
    ck_assert_msg(jpx_local_ask(k->local, verb, json, k->arena, &answer, &err) == JP_OK, "%s", err.text);
    return answer;
}

static const char *member(kit *k, const char *json, const char *path)
{
    bson_t doc;
    bson_iter_t iter, found;
    bson_error_t wrong;
    const char *out = "";

    ck_assert_msg(bson_init_from_json(&doc, json, -1, &wrong), "no JSON: %s", json);
    if (bson_iter_init(&iter, &doc) && bson_iter_find_descendant(&iter, path, &found)) {
        if (BSON_ITER_HOLDS_UTF8(&found)) {
            out = jpx_strdup(k->arena, bson_iter_utf8(&found, NULL));
        } else {
            bson_t value = BSON_INITIALIZER;
            bson_append_iter(&value, "v", 1, &found);
            out = jpx_value_to_json((jpx_bytes){bson_get_data(&value), value.len}, k->arena);
            bson_destroy(&value);
        }
    }
    bson_destroy(&doc);
    return out;
}

const char *kit_field(kit *k, const char *verb, const char *key, const char *path)
{
    return member(k, kit_ask(k, verb, key), path);
}

const char *kit_result(kit *k, const char *key)
{
    bson_t doc;
    bson_error_t wrong;
    bson_iter_t iter;
    const char *json = kit_ask(k, "result", key), *out = "";

    ck_assert_msg(bson_init_from_json(&doc, json, -1, &wrong), "no JSON: %s", json);
    if (bson_iter_init_find(&iter, &doc, "result")) {
        bson_t value = BSON_INITIALIZER;
        bson_append_iter(&value, "v", 1, &iter);
        out = jpx_value_to_json((jpx_bytes){bson_get_data(&value), value.len}, k->arena);
        bson_destroy(&value);
    }
    bson_destroy(&doc);
    return out;
}

const char *kit_status(kit *k, const char *key)
{
    return kit_field(k, "status", key, "status");
}

const char *kit_reason(kit *k, const char *key)
{
    return kit_field(k, "status", key, "reason");
}

const char *kit_tree(kit *k, const char *key, const char *path)
{
    return member(k, kit_ask(k, "tree", key), path);
}

int kit_main(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- pipes ---- */

JP_PIPE(echo, p, .takes = "any... a")
{
    jp_list *all;
    if (jp_count(p, "a") == 0)
        return jp_done(p);
    if (jp_count(p, "a") == 1)
        return jp_return(p, jp_arg_at(p, "a", 0));
    all = jp_list_new(p);
    for (size_t i = 0; i < jp_count(p, "a"); i++)
        jp_push(all, jp_arg_at(p, "a", i));
    return jp_return(p, all);
}

static void rec_finished(jp_ctx *p, bool aborted)
{
    kit_note("fin %lld%s", (long long)jp_int64(p, "n"), aborted ? "A" : "");
}

JP_PIPE(rec, p, .takes = "int64 n", .gives = "int64", .on_finished = rec_finished)
{
    kit_note("run %lld", (long long)jp_int64(p, "n"));
    return jp_return(p, jp_arg(p, "n"));
}

JP_PIPE(slow, p, .takes = "int64 n, int64 ms", .gives = "int64", .async = true)
{
    kit_note("slow %lld", (long long)jp_int64(p, "n"));
    return jp_return_in(p, jp_int64(p, "ms"), jp_arg(p, "n"));
}

JP_PIPE(fail, p, .takes = "int64 k", .gives = "string")
{
    kit_note("try %d", jp_attempt(p));
    if (jp_attempt(p) < jp_int64(p, "k"))
        return jp_retry(p, "attempt %d failed", jp_attempt(p));
    return jp_return(p, "ok");
}
