/* local.c -- all roles on one thread. No locks: whoever owns it calls it from one thread. */
#include "role/local.h"
#include "bus/memory.h"
#include "engine/load.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { ROLES = 3, IDLE_MS = 50, ASK_MS = 10000 };

struct jpx_local {
    jpx_env env;
    jpx_env system;
    bool virtual_time;
    int64_t now_ms;
    uint64_t random;
    void (*log)(void *, jpx_log_level, const char *);
    jpx_store *store;
    jpx_bus *bus, *inner_bus; /* `inner_bus` has no decorator */
    bool memory_bus;
    jpx_parts parts;
    jpx_role *roles[ROLES];
    bool paused[ROLES];
    jpx_arena *arena;
};

static int64_t local_now(void *ctx)
{
    jpx_local *l = ctx;
    return l->virtual_time ? l->now_ms : jpx_now(&l->system);
}

static void local_random(void *ctx, void *out, size_t size)
{
    jpx_local *l = ctx;
    uint8_t *bytes = out;

    if (!l->random) {
        jpx_random(&l->system, out, size);
        return;
    }
    for (size_t i = 0; i < size; i++) { /* xorshift64*: the same seed gives the same run */
        l->random ^= l->random >> 12;
        l->random ^= l->random << 25;
        l->random ^= l->random >> 27;
        bytes[i] = (uint8_t)((l->random * 2685821657736338717u) >> 56);
    }
}

static void local_log(void *ctx, jpx_log_level level, const char *line)
{
    jpx_local *l = ctx;
    if (l->log)
        l->log(NULL, level, line);
}

jp_status jpx_local_open(jpx_local **out, const jpx_registry *registry, const jpx_local_options *options, jp_error *err)
{
    const char *prefix = options->prefix ? options->prefix : "jetpipe";
    const char *bus = options->bus ? options->bus : "memory:";
    jpx_local *l = calloc(1, sizeof *l);
    size_t queues_count;

    JPX_ASSERT(l != NULL);
    l->system = jpx_env_system(options->level);
    l->env = (jpx_env){local_now, local_random, local_log, l, options->level};
    l->virtual_time = options->virtual_time;
    l->now_ms = options->start_ms ? options->start_ms : 1767225600000;
    l->random = options->seed;
    l->log = options->log;
    l->memory_bus = strcmp(bus, "memory:") == 0;
    l->arena = jpx_arena_new();
    const char *const *queues = jpx_role_queues(registry, l->arena, &queues_count);
    if (jpx_store_open(&l->store, options->store ? options->store : "memory:", prefix, &l->env, err) != JP_OK ||
        jpx_bus_open(&l->bus, bus, prefix, "jetpipe/local", 5000, &l->env, err) != JP_OK ||
        jpx_bus_setup(l->bus, queues, queues_count, err) != JP_OK)
        goto failed;
    l->inner_bus = l->bus;
    if (options->wrap_store)
        l->store = options->wrap_store(l->store);
    if (options->wrap_bus)
        l->bus = options->wrap_bus(l->bus);
    l->parts = (jpx_parts){.env = &l->env,
                           .registry = registry,
                           .store = l->store,
                           .bus = l->bus,
                           .worker = "local",
                           .zygote = options->zygote,
                           .on_ticket = options->on_ticket,
                           .on_ticket_ctx = options->on_ticket_ctx};
    for (size_t i = 0; i < ROLES; i++)
        if (jpx_role_open(&l->roles[i], (jpx_role_kind)i, &l->parts, NULL, err) != JP_OK)
            goto failed;
    *out = l;
    return JP_OK;
failed:
    jpx_local_close(l);
    return err->status;
}

void jpx_local_close(jpx_local *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < ROLES; i++)
        jpx_role_close(l->roles[i]);
    if (l->bus)
        jpx_bus_close(l->bus);
    if (l->store)
        jpx_store_close(l->store);
    jpx_arena_free(l->arena);
    free(l);
}

jpx_bus *jpx_local_bus(jpx_local *l)
{
    return l->bus;
}

jpx_store *jpx_local_store(jpx_local *l)
{
    return l->store;
}

const jpx_env *jpx_local_env(jpx_local *l)
{
    return &l->env;
}

void jpx_local_pause(jpx_local *l, jpx_role_kind kind, bool pause)
{
    l->paused[kind] = pause;
}

bool jpx_local_step(jpx_local *l)
{
    size_t did = 0;
    for (size_t i = 0; i < ROLES; i++)
        if (!l->paused[i])
            did += jpx_role_step(l->roles[i], 0);
    return did > 0;
}

bool jpx_local_pass(jpx_local *l, int64_t until_ms)
{
    int64_t next = INT64_MAX;

    if (!l->virtual_time) {
        poll(NULL, 0, 1);
        return jpx_now(&l->env) < until_ms;
    }
    l->now_ms += IDLE_MS; /* timers may have been set since they were read */
    if (jpx_local_step(l))
        return true;
    for (size_t i = 0; i < ROLES; i++) {
        int64_t due = l->paused[i] ? INT64_MAX : jpx_role_next_ms(l->roles[i]);
        next = due < next ? due : next;
    }
    if (l->memory_bus) {
        int64_t due = jpx_memory_bus_next_ms(l->inner_bus);
        next = due < next ? due : next;
    }
    if (next == INT64_MAX || l->now_ms >= until_ms)
        return false;
    if (next > l->now_ms)
        l->now_ms = next < until_ms ? next : until_ms;
    return true;
}

jp_status jpx_local_renew(jpx_local *l, jpx_role_kind kind, jp_error *err)
{
    jpx_role_close(l->roles[kind]);
    l->roles[kind] = NULL;
    return jpx_role_open(&l->roles[kind], kind, &l->parts, NULL, err);
}

void jpx_local_advance(jpx_local *l, int64_t ms)
{
    JPX_ASSERT(l->virtual_time && ms >= 0);
    l->now_ms += ms;
}

static jp_status publish(jpx_local *l, const char *what, const char *name, const char *json, const char *key,
                         jp_error *err)
{
    jpx_arena *arena = jpx_arena_new();
    jpx_message message = {.subject = jpx_format(arena, "%s.%s.%s", jpx_bus_prefix(l->bus), what, name),
                           .data = {(const uint8_t *)json, strlen(json)},
                           .key = key};
    jp_status status = jpx_bus_publish(l->bus, &message, 1, JPX_PUBLISH_MS, err);
    jpx_arena_free(arena);
    return status;
}

jp_status jpx_local_start(jpx_local *l, const char *pipe, const char *json, const char *key, jp_error *err)
{
    return publish(l, "start", pipe, json, key, err);
}

jp_status jpx_local_reply(jpx_local *l, const char *ticket, const char *json, jp_error *err)
{
    return publish(l, "reply", ticket, json, NULL, err);
}

jp_status jpx_local_finish(jpx_local *l, const char *key, int64_t limit_ms, jp_error *err)
{
    int64_t until = jpx_now(&l->env) + limit_ms;
    jpx_arena *arena = jpx_arena_new();
    jp_status status = JP_OK;

    for (;;) {
        jpx_record record;
        jpx_root root;
        while (jpx_local_step(l) && jpx_now(&l->env) < until)
            ;
        jpx_arena_reset(arena);
        status = jpx_store_root_by_key(l->store, key, arena, &record, err);
        if (status != JP_OK)
            break;
        if (record.doc.data && jpx_root_decode(record.doc, arena, &root) && jpx_root_final(&root))
            break;
        if (!jpx_local_pass(l, until)) {
            status = jpx_fail(err, JP_E_TIMEOUT, "root %s is not final, and nothing is left to happen within %lld ms",
                              key, (long long)limit_ms);
            break;
        }
    }
    jpx_arena_free(arena);
    return status;
}

jp_status jpx_local_ask(jpx_local *l, const char *verb, const char *json, jpx_arena *arena, const char **answer,
                        jp_error *err)
{
    const char *inbox = jpx_bus_inbox(l->bus, arena);
    int64_t until = jpx_now(&l->env) + ASK_MS;
    jpx_delivery *delivery;
    jpx_sub *sub;

    if (jpx_bus_listen(&sub, l->bus, inbox, NULL, err) != JP_OK)
        return err->status;
    /* a plain message with a reply subject, for the api role's listener */
    jpx_message message = {.subject = jpx_format(arena, "%s.api.%s", jpx_bus_prefix(l->bus), verb),
                           .data = {(const uint8_t *)json, strlen(json)},
                           .reply_to = inbox};
    jpx_bus_tell(l->bus, &message, 1);
    for (;;) {
        bool did = jpx_local_step(l);
        if (jpx_sub_fetch(sub, &delivery, 1, 0)) {
            *answer = jpx_strndup(arena, (const char *)delivery->data.data, delivery->data.size);
            jpx_sub_drop(sub, &delivery, 1);
            jpx_sub_close(sub);
            return JP_OK;
        }
        if (!did && !jpx_local_pass(l, until))
            break;
    }
    jpx_sub_close(sub);
    return jpx_fail(err, JP_E_TIMEOUT, "the api role did not answer %s", verb);
}
