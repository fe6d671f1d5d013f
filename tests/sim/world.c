/* world.c -- roles, clock and random source: see world.h. */
#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STEPS_MAX = 200000, IDLE_MS = 50, STRIDE_MS = 5000 };

world *the_world;

/* The monotonic clock is ours as well (linked with --wrap): how much a role does in one step must not depend on the
 * speed of this machine. Each read of it costs `look_ns`. */
int __real_clock_gettime(clockid_t, struct timespec *);
int __wrap_clock_gettime(clockid_t, struct timespec *);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    world *w = the_world;

    if (!w)
        return __real_clock_gettime(clock, out);
    w->looked_ns += w->look_ns;
    int64_t ns = w->now_ms * 1000000 + w->looked_ns;
    *out = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    return 0;
}

static int64_t world_now(void *ctx)
{
    return ((world *)ctx)->now_ms;
}

static int64_t actor_now(void *ctx)
{
    actor *a = ctx;
    return a->world->now_ms + a->skew_ms;
}

static void world_random(void *ctx, void *out, size_t size)
{
    world *w = ctx;
    uint8_t *bytes = out;

    for (size_t i = 0; i < size; i++) { /* xorshift64* */
        w->random ^= w->random >> 12;
        w->random ^= w->random << 25;
        w->random ^= w->random >> 27;
        bytes[i] = (uint8_t)((w->random * 2685821657736338717u) >> 56);
    }
}

static void actor_random(void *ctx, void *out, size_t size)
{
    world_random(((actor *)ctx)->world, out, size);
}

static void world_log(void *ctx, jpx_log_level level, const char *line)
{
    world *w = ctx;
    (void)level;
    if (w->verbose)
        fprintf(stderr, "%6llu %*s%s\n", (unsigned long long)w->tick, 2 * w->depth, "", strstr(line, "event="));
}

static void actor_log(void *ctx, jpx_log_level level, const char *line)
{
    world_log(((actor *)ctx)->world, level, line);
}

void world_say(world *w, const char *fmt, ...)
{
    va_list args;

    if (!w->verbose)
        return;
    fprintf(stderr, "%6llu %*s", (unsigned long long)w->tick, 2 * w->depth, "");
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void world_failed(world *w, const char *fmt, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "%s: ", w->name);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

const char *seam_text(world *w, const seam_call *call)
{
    static const char *const names[] = {"insert", "get",    "scan", "remove",  "remove_range", "count", "abort",
                                        "roots",  "by_key", "list", "publish", "fetch",        "ack",   "nak"};
    const char *what =
        call->op == SEAM_INSERT || call->op == SEAM_GET || call->op == SEAM_SCAN || call->op == SEAM_REMOVE
            ? jpx_table_name(call->table)
        : call->op == SEAM_PUBLISH ? call->messages[0].subject
                                   : "";
    char id[2 * JPX_TIMER_SIZE + 1] = "";
    if (call->op == SEAM_INSERT || call->op == SEAM_REMOVE) {
        const jpx_bytes *of = call->op == SEAM_INSERT ? &call->records[0].id : &call->ids[0];
        jpx_hex(id, of->data, of->size);
    }
    return jpx_format(w->arena, "%s %s%s x%zu %s%s", call->over ? "after" : "before", names[call->op],
                      *what ? jpx_format(w->arena, " %s", what) : "", call->count, id,
                      call->op == SEAM_PUBLISH && call->messages[0].id ? call->messages[0].id : "");
}

static seam_verdict actor_at(void *ctx, const seam_call *call)
{
    actor *a = ctx;
    world *w = a->world;
    actor *before = w->current;
    seam_verdict verdict = a->dead ? SEAM_FAIL : SEAM_GO_ON;

    w->tick++;
    if (w->verbose && call->op != SEAM_FETCH)
        world_say(w, "%zu: %s", a->number, seam_text(w, call));
    if (!a->dead && w->at && a->busy) {
        w->depth++;
        verdict = w->at(w, a, call);
        w->depth--;
        w->current = before;
        if (a->dead)
            verdict = SEAM_FAIL;
    }
    return verdict;
}

static void actor_open(actor *a)
{
    jpx_parts parts = {.env = &a->env,
                       .registry = a->world->registry,
                       .store = a->store,
                       .bus = a->bus,
                       .worker = jpx_format(a->world->arena, "actor-%zu", a->number)};
    jpx_role_options options = {.processes = 3};
    jp_error err;

    a->dead = false;
    if (jpx_role_open(&a->role, a->kind, &parts, &options, &err) != JP_OK)
        world_failed(a->world, "a role does not open: %s", err.text);
}

world *world_open(const world_options *options)
{
    world *w = calloc(1, sizeof *w);
    size_t counts[] = {options->apis, options->barriers, options->workers}, queues_count;
    jp_error err;

    JPX_ASSERT(w != NULL && !the_world);
    the_world = w;
    w->env = (jpx_env){world_now, world_random, world_log, w, options->verbose ? JPX_DEBUG : JPX_ERROR};
    w->now_ms = START_MS * INT64_C(1000);
    w->random = options->seed * 2654435761u + 1;
    w->name = options->name;
    w->verbose = options->verbose;
    w->arena = jpx_arena_new();
    if (jpx_registry_new(&w->registry, options->pipes, &err) != JP_OK)
        world_failed(w, "%s", err.text);
    const char *const *queues = jpx_role_queues(w->registry, w->arena, &queues_count);
    if (jpx_store_open(&w->store, "memory:", "sim", &w->env, &err) != JP_OK ||
        jpx_bus_open(&w->bus, "memory:", "sim", "sim", 0, &w->env, &err) != JP_OK ||
        jpx_bus_setup(w->bus, queues, queues_count, &err) != JP_OK)
        world_failed(w, "%s", err.text);
    for (jpx_role_kind kind = JPX_ROLE_API; kind <= JPX_ROLE_WORKER; kind++)
        for (size_t i = 0; i < counts[kind]; i++) {
            actor *a = &w->actors[w->actors_count];
            JPX_ASSERT(w->actors_count < ACTORS_MAX);
            *a = (actor){.world = w, .number = w->actors_count++, .kind = kind};
            a->env = (jpx_env){actor_now, actor_random, actor_log, a, w->env.level};
            a->seam = (seam){actor_at, a};
            if (jpx_store_clone(&a->store, w->store, &err) != JP_OK)
                world_failed(w, "%s", err.text);
            a->store = seam_store(a->store, &a->seam);
            a->bus = seam_bus(w->bus, &a->seam, false);
            actor_open(a);
        }
    return w;
}

void world_close(world *w)
{
    for (size_t i = 0; i < w->actors_count; i++) {
        actor *a = &w->actors[i];
        jpx_role_close(a->role);
        jpx_bus_close(a->bus);
        jpx_store_close(a->store);
    }
    jpx_bus_close(w->bus);
    jpx_store_close(w->store);
    jpx_registry_free(w->registry);
    jpx_arena_free(w->arena);
    free(w);
    the_world = NULL;
}

void world_kill(actor *a)
{
    world_say(a->world, "actor %zu is killed", a->number);
    a->dead = true;
    if (a->busy)
        return;
    jpx_role_close(a->role);
    actor_open(a);
}

bool world_step(world *w, actor *a)
{
    actor *before = w->current;

    if (a->busy)
        return false;
    a->busy = true;
    w->current = a;
    bool did = jpx_role_step(a->role, 0) > 0;
    a->busy = false;
    w->current = before;
    if (a->dead) {
        jpx_role_close(a->role);
        actor_open(a);
        did = true;
    }
    return did;
}

bool world_run_until_idle(world *w)
{
    bool did = true;

    for (int i = 0; did; i++) {
        did = false;
        for (size_t n = 0; n < w->actors_count; n++)
            did |= world_step(w, &w->actors[n]);
        if (i > STEPS_MAX)
            return false;
    }
    return true;
}

int64_t world_next_ms(world *w)
{
    int64_t next = jpx_memory_bus_next_ms(w->bus);

    for (size_t n = 0; n < w->actors_count; n++) {
        int64_t due = jpx_role_next_ms(w->actors[n].role);
        next = due < next ? due : next;
    }
    return next;
}

void world_pass(world *w, int64_t ms)
{
    int64_t until = w->now_ms + ms;

    while (world_run_until_idle(w) && w->now_ms < until) {
        int64_t next;
        w->now_ms += IDLE_MS; /* the barrier role reads the timers: they may have been set since */
        world_run_until_idle(w);
        next = world_next_ms(w);
        next = next < w->now_ms + STRIDE_MS ? next : w->now_ms + STRIDE_MS;
        if (next > w->now_ms)
            w->now_ms = next < until ? next : until;
    }
}

actor *world_actor(world *w, jpx_role_kind kind, size_t number)
{
    for (size_t n = 0; n < w->actors_count; n++)
        if (w->actors[n].kind == kind && number-- == 0)
            return &w->actors[n];
    return NULL;
}

void world_publish(world *w, const char *subject, const char *json, const char *key)
{
    jpx_message message = {
        .subject = jpx_format(w->arena, "sim.%s", subject), .data = {(const uint8_t *)json, strlen(json)}, .key = key};
    jp_error err;
    if (jpx_bus_publish(w->bus, &message, 1, 1000, &err) != JP_OK)
        world_failed(w, "%s", err.text);
}

void world_start(world *w, const char *pipe, const char *json, const char *key)
{
    world_publish(w, jpx_format(w->arena, "start.%s", pipe), json, key);
}

jpx_session world_session(world *w)
{
    return (jpx_session){.env = &w->env, .store = w->store, .bus = w->bus, .arena = w->arena};
}

jpx_root *world_root(world *w, const char *key)
{
    jpx_record record;
    jp_error err;
    jpx_root *root = jpx_alloc(w->arena, sizeof *root);

    if (jpx_store_root_by_key(w->store, key, w->arena, &record, &err) != JP_OK)
        world_failed(w, "%s", err.text);
    return record.doc.data && jpx_root_decode(record.doc, w->arena, root) ? root : NULL;
}
