/* host.h -- the roles that run in this process: store, bus, zygote, and one thread for each role. For serve and run.
 *
 * Calls come in this order, on the main thread: prepare, open, start, drain, close. prepare forks the zygote, so there
 * must be no threads, connections or open stores before it. open and drain block. */
#ifndef JPX_HOST_H
#define JPX_HOST_H

#include "cli/cli.h"
#include "engine/role.h"
#include <pthread.h>
#include <stdatomic.h>

enum { JPX_HOST_ROLES = JPX_ROLE_WORKER + 1 };
#define JPX_HOST_ALL ((1u << JPX_HOST_ROLES) - 1)

typedef struct jpx_host {
    jpx_cli *cli;
    jpx_registry *registry;
    const char *place; /* "machine/pid" */
    const char *const *queues;
    size_t queues_count;
    jpx_zygote *zygote;
    jpx_store *store;
    jpx_bus *bus;
    int64_t step_ms; /* longest wait of one step, and so of jpx_host_close */
    unsigned roles;  /* 1 << JPX_ROLE_..., as requested */
    struct jpx_host_role {
        struct jpx_host *host;
        jpx_role *role; /* NULL = not opened */
        pthread_t thread;
        bool running;
        atomic_bool drained;
    } role[JPX_HOST_ROLES];
    atomic_bool draining, stopping;
} jpx_host;

/* "api,worker" -> set; NULL = all. JP_E_INVALID: an empty, unknown or repeated name. */
jp_status jpx_host_roles(const char *text, unsigned *set, jp_error *err);
const char *jpx_host_role_name(jpx_role_kind);

jp_status jpx_host_prepare(jpx_host *, jpx_cli *, unsigned roles, jp_error *err);
/* Opens what is not open yet. May be called again after an error, such as JP_E_UNAVAILABLE. */
jp_status jpx_host_open(jpx_host *, const char *store, const char *nats, jp_error *err);
void jpx_host_start(jpx_host *, int64_t step_ms);
/* Takes no new work from now on. True if the work in progress was done within the time. */
bool jpx_host_drain(jpx_host *, int64_t timeout_ms);
void jpx_host_close(jpx_host *); /* in any state */

/* A URI without its password, to be printed. */
const char *jpx_host_shown(const char *uri, jpx_arena *);

#endif
