/* role.c -- opens, steps, drains and closes a role of any kind. */
#include "engine/session.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

jp_status jpx_role_open(jpx_role **out, jpx_role_kind kind, const jpx_parts *parts, const jpx_role_options *options,
                        jp_error *err)
{
    static jp_status (*const opens[])(jpx_role **, jp_error *) = {
        [JPX_ROLE_API] = jpx_api_open, [JPX_ROLE_BARRIER] = jpx_barrier_open, [JPX_ROLE_WORKER] = jpx_worker_open};
    jpx_role base = {.kind = kind, .parts = *parts};
    jpx_role *role = &base;

    if (options)
        base.options = *options;
    if (!base.options.batch || base.options.batch > JPX_BATCH_MAX)
        base.options.batch = JPX_BATCH_MAX;
    if (!base.options.processes) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        base.options.processes = processors > 0 ? (size_t)processors : 1;
    }
    base.session = (jpx_session){.env = parts->env, .bus = parts->bus, .arena = jpx_arena_new()};
    jp_status status = jpx_store_clone(&base.session.store, parts->store, err);
    if (status == JP_OK)
        status = opens[kind](&role, err);
    if (status != JP_OK) {
        jpx_store_close(base.session.store);
        jpx_arena_free(base.session.arena);
        return status;
    }
    role->session.parts = &role->parts;
    *out = role;
    return JP_OK;
}

size_t jpx_role_step(jpx_role *role, int64_t wait_ms)
{
    return role->step(role, wait_ms);
}

bool jpx_role_drain(jpx_role *role)
{
    role->draining = true;
    return role->drain(role);
}

int64_t jpx_role_next_ms(jpx_role *role)
{
    return role->next_ms(role);
}

void jpx_role_close(jpx_role *role)
{
    if (!role)
        return;
    jpx_store *store = role->session.store;
    jpx_arena *arena = role->session.arena;
    role->close(role); /* frees the role itself */
    jpx_store_close(store);
    jpx_arena_free(arena);
}

const char *const *jpx_role_queues(const jpx_registry *registry, jpx_arena *arena, size_t *count)
{
    size_t pipes = jpx_registry_count(registry);
    const char **queues = jpx_alloc_array(arena, pipes + 1, sizeof *queues);

    queues[0] = "default";
    *count = 1;
    for (size_t i = 0; i < pipes; i++) {
        const char *queue = jpx_registry_at(registry, i)->queue;
        bool known = false;
        for (size_t q = 0; q < *count && !known; q++)
            known = strcmp(queues[q], queue) == 0;
        if (!known)
            queues[(*count)++] = queue;
    }
    return queues;
}
