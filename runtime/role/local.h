/* local.h -- all roles on one thread, stepped in turn: for trials of users' pipes, tests and the simulator. With a
 * virtual clock waiting costs nothing: when no role has work, the clock moves to the next moment one has. */
#ifndef JPX_LOCAL_H
#define JPX_LOCAL_H

#include "engine/role.h"

typedef struct jpx_local_options {
    const char *store, *bus, *prefix; /* NULL: "memory:", "memory:", "jetpipe" */
    bool virtual_time;                /* with the memory bus only */
    int64_t start_ms;                 /* virtual: what the clock shows first; 0 = 2026-01-01 */
    uint64_t seed;                    /* of the random source; 0 = the system's */
    jpx_zygote *zygote;               /* bodies run in forked processes, in real time; NULL: on this thread */
    void (*log)(void *ctx, jpx_log_level, const char *line);
    jpx_log_level level;
    void (*on_ticket)(void *ctx, const char *pipe, const char *ticket); /* as in jpx_parts; may publish a reply */
    void *on_ticket_ctx;
    /* Tests: decorators of the two seams, which inject faults. They own what they wrap. NULL = none. */
    jpx_store *(*wrap_store)(jpx_store *);
    jpx_bus *(*wrap_bus)(jpx_bus *);
} jpx_local_options;

typedef struct jpx_local jpx_local;
/* `registry` is borrowed. */
jp_status jpx_local_open(jpx_local **out, const jpx_registry *registry, const jpx_local_options *, jp_error *err);
void jpx_local_close(jpx_local *);
jpx_bus *jpx_local_bus(jpx_local *);
jpx_store *jpx_local_store(jpx_local *);
const jpx_env *jpx_local_env(jpx_local *);
/* Stops stepping this role, as if its process were stopped, or steps it again. */
void jpx_local_pause(jpx_local *, jpx_role_kind, bool pause);
/* Steps every role once; true if one of them did something. */
bool jpx_local_step(jpx_local *);
/* Lets time pass until the next moment a role has work, at most until `until_ms`; false: none ever has. */
bool jpx_local_pass(jpx_local *, int64_t until_ms);
/* Moves virtual time by `ms` without a step: a body that takes long, or a machine that was stopped. */
void jpx_local_advance(jpx_local *, int64_t ms);
/* The role dies with all it holds, and a new one takes its place. */
jp_status jpx_local_renew(jpx_local *, jpx_role_kind, jp_error *err);
/* Publishes a trigger; the root is found by `key`. */
jp_status jpx_local_start(jpx_local *, const char *pipe, const char *json, const char *key, jp_error *err);
/* Publishes a reply, given as JSON. */
jp_status jpx_local_reply(jpx_local *, const char *ticket, const char *json, jp_error *err);
/* Steps until the root with this key is final. JP_E_TIMEOUT: limit_ms have passed. */
jp_status jpx_local_finish(jpx_local *, const char *key, int64_t limit_ms, jp_error *err);
/* Sends the request `verb` and steps until the answer is there; *answer is in `arena`. An error answer is an answer. */
jp_status jpx_local_ask(jpx_local *, const char *verb, const char *json, jpx_arena *arena, const char **answer,
                        jp_error *err);

#endif
