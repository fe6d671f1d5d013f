/* deep.c -- trees that are as deep as they have pipelines: they run, wait, abort, are repaired, counted and shown, at a
 * cost that grows with their depth, on a small stack. DESIGN 1.4. */
#include "kit.h"
#include <pthread.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED /* slower by a factor of ten, with larger frames */
enum { DEPTH = 2000, STACK_BYTES = 1024 * 1024 };
#else
enum { DEPTH = 20000, STACK_BYTES = 256 * 1024 };
#endif
enum { GROUNDS_HERE = 2 /* memory and SQLite */ };

static int64_t logged;

JP_PIPE(log_it, p, .takes = "int64 n")
{
    logged += jp_int64(p, "n");
    return jp_done(p);
}

/* f(n) = f(n-1) = ... = f(0) = 7: every output is handed down to the last. */
JP_PIPE(f, p, .takes = "int64 n", .gives = "int64")
{
    int64_t n = jp_int64(p, "n");
    if (n == 0)
        return jp_return(p, 7);
    return jp_return(p, jp_yield(p, f, n - 1));
}

/* The same, but each level waits for the value below it. */
JP_PIPE(g, p, .takes = "int64 n", .gives = "int64")
{
    int64_t n = jp_int64(p, "n");
    if (n == 0)
        return jp_return(p, 1);
    jp_future v = jp_yield(p, g, n - 1);
    jp_yield(p, log_it, v);
    return jp_return(p, v);
}

static char ticket[128];

/* As g, and the last one waits for the outside. */
JP_PIPE(h, p, .takes = "int64 n", .gives = "int64", .async = true)
{
    int64_t n = jp_int64(p, "n");
    if (n == 0) {
        snprintf(ticket, sizeof ticket, "%s", jp_ticket(p));
        return jp_wait(p);
    }
    jp_future v = jp_yield(p, h, n - 1);
    jp_yield(p, log_it, v);
    return jp_return(p, v);
}

static const jp_def *const pipes[] = {&log_it, &f, &g, &h, NULL};

/* Scenarios of this file run on a stack that a recursion as deep as the tree would overflow. */
typedef struct small {
    void (*scenario)(kit *);
    int ground;
} small;

static void *run_small(void *arg)
{
    const small *s = arg;
    kit *k = kit_open(s->ground, pipes);
    logged = 0;
    if (k) {
        s->scenario(k);
        kit_close(k);
    }
    return NULL;
}

static void on_small_stack(void (*scenario)(kit *), int ground)
{
    small s = {scenario, ground};
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    ck_assert_int_eq(pthread_create(&thread, &attributes, run_small, &s), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

#define START_DEEP(name)                                                                                               \
    static void name##_scenario(kit *k);                                                                               \
    START_TEST(name)                                                                                                   \
    {                                                                                                                  \
        on_small_stack(name##_scenario, _i);                                                                           \
    }                                                                                                                  \
    END_TEST                                                                                                           \
    static void name##_scenario(kit *k)

static const char *depth(kit *k)
{
    return jpx_format(k->arena, "[%d]", DEPTH);
}

static const char *count(kit *k, const char *key, const char *state)
{
    return kit_field(k, "status", key, jpx_format(k->arena, "pipelines.%s", state));
}

START_DEEP(forwarded_down)
{
    const char *key = kit_run(k, "f", depth(k));
    kit_assert_json(kit_result(k, key), "7");
    kit_assert_json(count(k, key, "done"), jpx_format(k->arena, "%d", DEPTH + 1));
    kit_assert_json(kit_tree(k, key, "children.0.children.0.status"), "done");
}

START_DEEP(awaited_at_each_level)
{
    const char *key = kit_run(k, "g", depth(k));
    kit_assert_json(kit_result(k, key), "1");
    ck_assert_int_eq(logged, DEPTH);
    kit_assert_json(count(k, key, "done"), jpx_format(k->arena, "%d", 2 * DEPTH + 1));
}

/* Streams are lost while the last one waits, and again while its value goes up. */
START_DEEP(repaired)
{
    const char *key = kit_start(k, "h", depth(k));
    kit_run_until_idle(k);
    ck_assert_int_ne(ticket[0], '\0');
    jpx_memory_bus_lose(jpx_local_bus(k->local), JPX_STREAM_RUN);
    jpx_memory_bus_lose(jpx_local_bus(k->local), JPX_STREAM_SLOT);
    kit_run_until_idle(k);
    kit_ask(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":1}", ticket));
    for (int i = 0; i < 200; i++)
        jpx_local_step(k->local);
    jpx_memory_bus_lose(jpx_local_bus(k->local), JPX_STREAM_RUN);
    jpx_memory_bus_lose(jpx_local_bus(k->local), JPX_STREAM_SLOT);
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "1");
    ck_assert_int_eq(logged, DEPTH);
    kit_assert_json(count(k, key, "done"), jpx_format(k->arena, "%d", 2 * DEPTH + 1));
}

START_DEEP(aborted)
{
    const char *key = kit_start(k, "h", depth(k));
    kit_run_until_idle(k);
    /* the cause first, then those nearest to it */
    ck_assert_ptr_nonnull(strstr(kit_field(k, "why", key, "why.0.line"), "h #0 waits for a reply"));
    ck_assert_ptr_nonnull(
        strstr(kit_field(k, "why", key, "why.1.line"), "log_it #1 waits for h #0, which waits for a"));
    kit_assert_json(count(k, key, "waiting"), jpx_format(k->arena, "%d", DEPTH));
    kit_ask(k, "abort", key);
    kit_finish(k, key);
    kit_assert_json(kit_status(k, key), "aborted");
    kit_assert_json(count(k, key, "aborted"), jpx_format(k->arena, "%d", 2 * DEPTH + 1));
    ck_assert_int_eq(logged, 0);
}

static void add_case(Suite *suite, const char *name, const TTest *test, int first_ground)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, test, first_ground, GROUNDS_HERE);
    suite_add_tcase(suite, tcase);
}

int main(void)
{
    Suite *suite = suite_create("deep");
    setenv("TMPDIR", "/dev/shm", 0); /* the disk is not what is measured here */
    add_case(suite, "handed_down", forwarded_down, 0);
    add_case(suite, "awaited_at_each_level", awaited_at_each_level, 0);
    add_case(suite, "repaired", repaired, 1);
    add_case(suite, "aborted", aborted, 1);
    return kit_main(suite);
}
