/* host.c -- see host.h. The thread of a role only steps it; a step waits for messages by itself. */
#include "cli/host.h"
#include "base/clock.h"
#include <signal.h>
#include <string.h>

enum { DRAIN_PAUSE_MS = 10 };

static const char *const names[JPX_HOST_ROLES] = {"api", "barrier", "worker"};

const char *jpx_host_role_name(jpx_role_kind kind)
{
    return names[kind];
}

jp_status jpx_host_roles(const char *text, unsigned *set, jp_error *err)
{
    *set = text ? 0 : JPX_HOST_ALL;
    for (const char *at = text; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t size = strcspn(at, ",");
        unsigned bit = 0;
        for (int i = 0; i < JPX_HOST_ROLES; i++)
            if (strlen(names[i]) == size && memcmp(names[i], at, size) == 0)
                bit = 1u << i;
        if (!bit)
            return jpx_fail(
                err, JP_E_INVALID,
                "there is no role '%.*s'; --role or JETPIPE_ROLE is a list of api, barrier, worker, with commas",
                size > 60 ? 60 : (int)size, at);
        if (*set & bit)
            return jpx_fail(err, JP_E_INVALID, "the role %.*s is given twice", (int)size, at);
        *set |= bit;
    }
    return JP_OK;
}

jp_status jpx_host_prepare(jpx_host *host, jpx_cli *cli, unsigned roles, jp_error *err)
{
    static const jp_def *const none[] = {NULL};
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

    memset(host, 0, sizeof *host);
    host->cli = cli;
    host->roles = roles;
    host->place = jpx_ask_place(cli->arena);
    jp_status status = jpx_registry_new(&host->registry, cli->pipes ? cli->pipes : none, err);
    if (status != JP_OK)
        return status;
    host->queues = jpx_role_queues(host->registry, cli->arena, &host->queues_count);
    if (!(roles & 1u << JPX_ROLE_WORKER))
        return JP_OK;
    /* Ctrl-C signals all processes of the terminal; those that run bodies must survive it while this one drains. */
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGINT, &ignore, &before);
    status = jpx_zygote_start(&host->zygote, host->registry, &cli->env, err);
    sigaction(SIGINT, &before, NULL);
    return status;
}

static jp_status open_roles(jpx_host *host, jp_error *err)
{
    jpx_cli *cli = host->cli;
    jpx_parts parts = {.env = &cli->env,
                       .registry = host->registry,
                       .store = host->store,
                       .bus = host->bus,
                       .zygote = host->zygote,
                       .worker = host->place};
    jpx_role_options options = {.processes = (size_t)cli->options.processes, .batch = (size_t)cli->options.batch};
    for (int i = 0; i < JPX_HOST_ROLES; i++) {
        struct jpx_host_role *one = &host->role[i];
        if (!(host->roles & 1u << i) || one->role)
            continue;
        if (jpx_role_open(&one->role, (jpx_role_kind)i, &parts, &options, err) != JP_OK) {
            one->role = NULL;
            return jpx_wrap(err, "the %s role", names[i]);
        }
    }
    return JP_OK;
}

jp_status jpx_host_open(jpx_host *host, const char *store, const char *nats, jp_error *err)
{
    jpx_cli *cli = host->cli;
    const char *prefix = cli->options.prefix;
    jp_status status;

    if (!host->store && (status = jpx_store_open(&host->store, store, prefix, &cli->env, err)) != JP_OK) {
        host->store = NULL;
        return status;
    }
    if (!host->bus) {
        char name[256];
        snprintf(name, sizeof name, "%s/%s/%s", prefix, cli->verb->name, host->place);
        status = jpx_bus_open(&host->bus, nats, prefix, name, 0, &cli->env, err);
        if (status != JP_OK) {
            host->bus = NULL;
            return status;
        }
    }
    if ((status = jpx_bus_setup(host->bus, host->queues, host->queues_count, err)) != JP_OK)
        return status;
    return open_roles(host, err);
}

static void *run_role(void *arg)
{
    struct jpx_host_role *one = arg;
    jpx_host *host = one->host;

    while (!atomic_load(&host->stopping)) {
        if (!atomic_load(&host->draining)) {
            int64_t wait = jpx_role_next_ms(one->role) - jpx_now(&host->cli->env);
            jpx_role_step(one->role, wait < 0 ? 0 : wait < host->step_ms ? wait : host->step_ms);
        } else if (jpx_role_drain(one->role)) {
            break;
        } else if (!jpx_role_step(one->role, DRAIN_PAUSE_MS)) {
            jpx_pause_ms(1); /* a draining role may return at once although it is not drained */
        }
    }
    atomic_store(&one->drained, true);
    return NULL;
}

void jpx_host_start(jpx_host *host, int64_t step_ms)
{
    sigset_t all, before;

    host->step_ms = step_ms;
    /* Signals go to the main thread, which waits for them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < JPX_HOST_ROLES; i++) {
        struct jpx_host_role *one = &host->role[i];
        if (!one->role)
            continue;
        one->host = host;
        one->running = true;
        JPX_ASSERT(pthread_create(&one->thread, NULL, run_role, one) == 0);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool jpx_host_drain(jpx_host *host, int64_t timeout_ms)
{
    int64_t end = jpx_now(&host->cli->env) + timeout_ms;
    bool drained = false;

    atomic_store(&host->draining, true);
    while (!drained) {
        drained = true;
        for (int i = 0; i < JPX_HOST_ROLES; i++)
            drained = drained && (!host->role[i].running || atomic_load(&host->role[i].drained));
        if (!drained && jpx_now(&host->cli->env) >= end)
            break;
        if (!drained)
            jpx_pause_ms(DRAIN_PAUSE_MS);
    }
    return drained;
}

void jpx_host_close(jpx_host *host)
{
    atomic_store(&host->stopping, true);
    for (int i = 0; i < JPX_HOST_ROLES; i++)
        if (host->role[i].running)
            pthread_join(host->role[i].thread, NULL);
    for (int i = 0; i < JPX_HOST_ROLES; i++)
        jpx_role_close(host->role[i].role);
    jpx_bus_close(host->bus);
    jpx_store_close(host->store);
    if (host->zygote)
        jpx_zygote_stop(host->zygote);
    jpx_registry_free(host->registry);
}

const char *jpx_host_shown(const char *uri, jpx_arena *arena)
{
    jpx_text text = jpx_text_new(arena);

    /* Several URIs may be joined by commas; a password may hold anything but '/', '@' and ','. */
    while (*uri) {
        size_t size = strcspn(uri, ",");
        const char *slashes = strstr(uri, "://"), *from = slashes && slashes < uri + size ? slashes + 3 : uri;
        const char *at = from;
        for (const char *p = from; p < uri + size && *p != '/'; p++)
            at = *p == '@' ? p : at;
        jpx_text_put(&text, uri, (size_t)(from - uri));
        if (*at == '@') {
            const char *colon = memchr(from, ':', (size_t)(at - from));
            jpx_text_put(&text, from, colon ? (size_t)(colon - from) : 0);
            jpx_text_puts(&text, colon ? ":***" : "***");
            from = at;
        }
        jpx_text_put(&text, from, (size_t)(uri + size - from));
        uri += size;
        if (*uri == ',') {
            jpx_text_puts(&text, ",");
            uri++;
        }
    }
    return text.s;
}
