/* role.h -- the interface of the three roles. A role is an object with a step: it takes what its subscriptions hold,
 * handles it as one batch, and returns. `serve` runs one thread for each role; trials and tests step all of them in
 * turn on one thread, with virtual time. */
#ifndef JPX_ROLE_H
#define JPX_ROLE_H

#include "bus/bus.h"
#include "exec/executor.h"
#include "store/store.h"

typedef enum jpx_role_kind {
    JPX_ROLE_API,     /* triggers, replies, control, the api verbs */
    JPX_ROLE_BARRIER, /* slot events, counters, timers, repair     */
    JPX_ROLE_WORKER   /* run events, bodies                        */
} jpx_role_kind;

typedef struct jpx_parts { /* borrowed; must outlive the roles */
    const jpx_env *env;
    const jpx_registry *registry;
    jpx_store *store; /* each role clones it */
    jpx_bus *bus;
    jpx_zygote *zygote; /* NULL: bodies run in this process, unprotected */
    const char *worker; /* "host/pid", as executions name it */
    /* Trials: called with the ticket of each wait for a reply, just before the wait is durable. NULL: not wanted. */
    void (*on_ticket)(void *ctx, const char *pipe, const char *ticket);
    void *on_ticket_ctx;
} jpx_parts;

typedef struct jpx_role_options {
    size_t processes;    /* WORKER: bodies at the same time; 0 = number of processors */
    size_t batch;        /* events handled together; 0 = JPX_BATCH_MAX */
    size_t memory_bytes; /* WORKER: limit of one body's process; 0 = none */
} jpx_role_options;

typedef struct jpx_role jpx_role;
jp_status jpx_role_open(jpx_role **out, jpx_role_kind, const jpx_parts *, const jpx_role_options *, jp_error *err);
/* Handles what has arrived, waiting at most wait_ms for something. Returns the number of events handled and bodies
 * ended. */
size_t jpx_role_step(jpx_role *, int64_t wait_ms);
/* Takes no new work from now on; step() goes on with what is held. True when nothing is held. */
bool jpx_role_drain(jpx_role *);
/* When step() has work without a new message, as when a timer is due, in ms since 1970; INT64_MAX = never. */
int64_t jpx_role_next_ms(jpx_role *);
void jpx_role_close(jpx_role *); /* gives back what it holds; NULL is fine */

/* The queues of all registered pipes, "default" included; for jpx_bus_setup. */
const char *const *jpx_role_queues(const jpx_registry *, jpx_arena *, size_t *count);

#endif
