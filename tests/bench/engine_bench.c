/* engine_bench.c -- measures the whole engine on a store and a bus: W1 a chain of 1,000 steps, W2 10,000 children and
 * their join, W3 500 AddTwo at once. All roles run in this process, one thread each; bodies run in forked processes.
 *
 *     engine_bench STORE BUS [RUNS]      for example: engine_bench sqlite:/tmp/bench.db nats://127.0.0.1:4222 5
 *
 * Prints the median of RUNS (5). Compare only figures of the same machine and hour: shared machines drift. */
#include "engine/role.h"
#include <jetpipe.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROLES = 3, RUNS_MAX = 101, STEPS = 1000, CHILDREN = 10000, ROOTS = 500 };

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(AddTwo, p, .takes = "int64 n", .gives = "int64")
{
    jp_future one = jp_yield(p, AddOne, jp_arg(p, "n"));
    return jp_return(p, jp_yield(p, AddOne, one));
}

JP_PIPE(Sum, p, .takes = "int64... n", .gives = "int64")
{
    int64_t total = 0;
    for (size_t i = 0; i < jp_count(p, "n"); i++)
        total += jp_int64_at(p, "n", i);
    return jp_return(p, total);
}

JP_PIPE(Chain, p, .takes = "int64 steps", .gives = "int64")
{
    jp_future last = jp_yield(p, AddOne, 0);
    for (int64_t i = 1; i < jp_int64(p, "steps"); i++)
        last = jp_yield(p, AddOne, last);
    return jp_return(p, last);
}

JP_PIPE(Join, p, .takes = "int64 children", .gives = "int64")
{
    jp_list *parts = jp_list_new(p);
    for (int64_t i = 0; i < jp_int64(p, "children"); i++)
        jp_push(parts, jp_yield(p, AddOne, i));
    return jp_return(p, jp_yield_list(p, Sum, parts));
}

static const jp_def *const pipes[] = {&AddOne, &AddTwo, &Sum, &Chain, &Join, NULL};

static atomic_bool stop;
static jpx_env env;
static jpx_bus *bus;
static jpx_store *store;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check(jp_status status, const jp_error *err)
{
    if (status == JP_OK)
        return;
    fprintf(stderr, "engine_bench: %s\n", err->text);
    exit(1);
}

static void *role_loop(void *role)
{
    while (!atomic_load(&stop))
        jpx_role_step(role, 100);
    return NULL;
}

/* Starts `roots` roots and waits for all; returns the seconds from the first trigger to the last end. */
static double timed(const char *pipe, const char *json, size_t roots, int run)
{
    jpx_arena *arena = jpx_arena_new();
    jpx_message *messages = jpx_alloc_array(arena, roots, sizeof *messages);
    jp_error err;
    double begun;

    for (size_t i = 0; i < roots; i++)
        messages[i] = (jpx_message){.subject = jpx_format(arena, "%s.start.%s", jpx_bus_prefix(bus), pipe),
                                    .data = {(const uint8_t *)json, strlen(json)},
                                    .key = jpx_format(arena, "%s-%d-%d-%zu", pipe, (int)getpid(), run, i)};
    begun = seconds();
    check(jpx_bus_publish(bus, messages, roots, 30000, &err), &err);
    for (size_t i = 0; i < roots; i++) {
        for (;;) {
            jpx_record record;
            jpx_arena *mine = jpx_arena_new();
            check(jpx_store_root_by_key(store, messages[i].key, mine, &record, &err), &err);
            bool done = record.doc.data && memmem(record.doc.data, record.doc.size, "done", 5);
            jpx_arena_free(mine);
            if (done)
                break;
            poll(NULL, 0, 2);
        }
    }
    double took = seconds() - begun;
    jpx_arena_free(arena);
    return took;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static void measure(const char *name, const char *pipe, const char *json, size_t roots, double pipelines, int runs)
{
    static int number;
    double took[RUNS_MAX];

    timed(pipe, json, roots, ++number); /* warm-up */
    for (int i = 0; i < runs; i++)
        took[i] = timed(pipe, json, roots, ++number);
    qsort(took, (size_t)runs, sizeof *took, ascending);
    printf("%-34s median %8.1f ms  (%.1f .. %.1f)  %9.0f pipelines/s\n", name, took[runs / 2] * 1e3, took[0] * 1e3,
           took[runs - 1] * 1e3, pipelines / took[runs / 2]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int runs = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 5;
    jpx_registry *registry;
    jpx_zygote *zygote;
    jpx_role *roles[ROLES];
    pthread_t threads[ROLES];
    jp_error err = {0};

    if (argc < 3 || runs < 1 || runs > RUNS_MAX)
        return fprintf(stderr, "usage: engine_bench STORE BUS [RUNS]\n"), 2;
    env = jpx_env_system(JPX_WARN);
    check(jpx_registry_new(&registry, pipes, &err), &err);
    check(jpx_zygote_start(&zygote, registry, &env, &err), &err);
    char prefix[32];
    snprintf(prefix, sizeof prefix, "bench%d", (int)getpid());
    check(jpx_store_open(&store, argv[1], prefix, &env, &err), &err);
    check(jpx_bus_open(&bus, argv[2], prefix, "bench", 5000, &env, &err), &err);
    check(jpx_bus_setup(bus, (const char *const[]){"default"}, 1, &err), &err);
    jpx_parts parts = {
        .env = &env, .registry = registry, .store = store, .bus = bus, .zygote = zygote, .worker = "bench"};
    for (int i = 0; i < ROLES; i++) {
        check(jpx_role_open(&roles[i], (jpx_role_kind)i, &parts, NULL, &err), &err);
        pthread_create(&threads[i], NULL, role_loop, roles[i]);
    }
    printf("%s, %s, %d runs\n", argv[1], argv[2], runs);
    measure("W1 chain of 1,000 steps", "Chain", "[1000]", 1, STEPS + 1, runs);
    measure("W2 10,000 children and their join", "Join", "[10000]", 1, CHILDREN + 2, runs);
    measure("W3 500 AddTwo at once", "AddTwo", "[40]", ROOTS, ROOTS * 3, runs);
    measure("   AddTwo alone", "AddTwo", "[40]", 1, 3, runs * 4 < RUNS_MAX ? runs * 4 : runs);
    atomic_store(&stop, true);
    for (int i = 0; i < ROLES; i++) {
        pthread_join(threads[i], NULL);
        jpx_role_close(roles[i]);
    }
    jpx_bus_close(bus);
    jpx_store_close(store);
    jpx_zygote_stop(zygote);
    jpx_registry_free(registry);
    return 0;
}
