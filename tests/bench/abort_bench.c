/* abort_bench.c -- measures the abort of a root with many waiting children, and how long a request about another root
 * waits meanwhile. All roles run in this process, one thread each.
 *
 *     abort_bench STORE BUS [CHILDREN]      for example: abort_bench sqlite:/tmp/bench.db memory: 200000
 *
 * Compare only figures of the same machine and hour: shared machines drift. */
#include "engine/role.h"
#include <jetpipe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROLES = 3 };

JP_PIPE(Wait, p, .gives = "any", .async = true)
{
    return jp_wait(p);
}

JP_PIPE(After, p, .takes = "any value", .gives = "any")
{
    return jp_return(p, jp_arg(p, "value"));
}

JP_PIPE(Many, p, .takes = "int64 children")
{
    jp_future waiting = jp_yield(p, Wait);
    for (int64_t i = 0; i < jp_int64(p, "children"); i++)
        jp_yield(p, After, waiting);
    return jp_done(p);
}

JP_PIPE(One, p)
{
    return jp_done(p);
}

static const jp_def *const pipes[] = {&Wait, &After, &Many, &One, NULL};

static atomic_bool stop;
static jpx_env env;
static jpx_bus *bus;
static jpx_arena *arena;
static jp_error err;
static char prefix[32];

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check(jp_status status)
{
    if (status == JP_OK)
        return;
    fprintf(stderr, "abort_bench: %s\n", err.text);
    exit(1);
}

static void *role_loop(void *role)
{
    while (!atomic_load(&stop))
        jpx_role_step(role, 50);
    return NULL;
}

static const char *ask(const char *verb, const char *json)
{
    jpx_bytes reply;
    check(jpx_bus_request(bus, jpx_format(arena, "%s.api.%s", prefix, verb),
                          (jpx_bytes){(const uint8_t *)json, strlen(json)}, 600000, arena, &reply, &err));
    return jpx_strndup(arena, (const char *)reply.data, reply.size);
}

static bool is(const char *root, const char *text)
{
    return strstr(ask("status", root), text) != NULL;
}

int main(int argc, char **argv)
{
    const char *children = argc > 3 ? argv[3] : "200000";
    jpx_role *roles[ROLES];
    pthread_t threads[ROLES];
    jpx_registry *registry;
    jpx_store *store;
    size_t queues_count;

    if (argc < 3) {
        fprintf(stderr, "usage: abort_bench STORE BUS [CHILDREN]\n");
        return 2;
    }
    env = jpx_env_system(JPX_WARN);
    arena = jpx_arena_new();
    snprintf(prefix, sizeof prefix, "abort%d", (int)getpid());
    check(jpx_registry_new(&registry, pipes, &err));
    check(jpx_bus_open(&bus, argv[2], prefix, "abort_bench", 5000, &env, &err));
    check(jpx_store_open(&store, argv[1], prefix, &env, &err));
    const char *const *queues = jpx_role_queues(registry, arena, &queues_count);
    check(jpx_bus_setup(bus, queues, queues_count, &err));
    for (size_t i = 0; i < ROLES; i++) {
        jpx_parts parts = {.env = &env, .registry = registry, .store = store, .bus = bus, .worker = "bench"};
        check(jpx_role_open(&roles[i], (jpx_role_kind)i, &parts, NULL, &err));
        if (pthread_create(&threads[i], NULL, role_loop, roles[i]) != 0)
            return 1;
    }
    ask("start", "{\"pipe\":\"One\",\"key\":\"one\",\"args\":[]}");
    ask("start", jpx_format(arena, "{\"pipe\":\"Many\",\"key\":\"many\",\"args\":[%s]}", children));
    while (!is("one", "\"done\"") || !is("many", "\"waiting\":"))
        usleep(100000);
    double began = seconds(), longest = 0;
    ask("abort", "many");
    size_t asked = 0;
    for (bool last = false; !last;) {
        double asked_at = seconds();
        is("one", "\"done\"");
        longest = seconds() - asked_at > longest ? seconds() - asked_at : longest;
        asked++;
        usleep(20000);
        asked_at = seconds();
        last = strstr(ask("result", "{\"root\":\"many\",\"value\":false}"), "\"aborted\"") != NULL;
        longest = seconds() - asked_at > longest ? seconds() - asked_at : longest;
        usleep(20000);
    }
    printf("%s children on %s: aborted in %.1f s; the slowest of %zu requests about roots took %.2f s\n", children,
           argv[1], seconds() - began, asked, longest);
    atomic_store(&stop, true);
    for (size_t i = 0; i < ROLES; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < ROLES; i++)
        jpx_role_close(roles[i]);
    jpx_bus_close(bus);
    jpx_store_close(store);
    jpx_registry_free(registry);
    jpx_arena_free(arena);
    return 0;
}
