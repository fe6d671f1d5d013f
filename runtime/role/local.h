/* local.h -- all roles in one thread, stepped in turn: for trials of users' pipes, for tests and the simulator. With a
 * virtual clock, waiting costs nothing: when nobody has anything to do, the clock goes on to the next moment somebody
 * has. */
#ifndef JPX_LOCAL_H
#define JPX_LOCAL_H

#include "engine/role.h"

typedef struct jpx_local_options {
    const char *store, *bus, *prefix; /* NULL: "memory:", "memory:", "jetpipe" */
    bool virtual_time;                /* with the memory bus only */
    int64_t start_ms;                 /* virtual: what the clock shows first; 0 = 2026-01-01 */
    uint64_t seed;                    /* of the random source; 0 = the system's */
    jpx_zygote *zygote;               /* bodies run in processes of their own, with real time; NULL: on this thread */
    void (*log)(void *ctx, jpx_log_level, const char *line);
    jpx_log_level level;
    void (*on_ticket)(void *ctx, const char *pipe, const char *ticket); /* as in jpx_parts; may publish a reply */
    void *on_ticket_ctx;
    /* Tests: decorators around the two seams, which inject faults. They own what they are given. NULL = none. */
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
/* From now on this role is not stepped, as if its process were stopped; or again. */
void jpx_local_pause(jpx_local *, jpx_role_kind, bool pause);
/* Steps every role once; true when one of them did something. */
bool jpx_local_step(jpx_local *);
/* Lets time pass until the next moment somebody has something to do, at most until `until_ms`; false: nothing ever. */
bool jpx_local_pass(jpx_local *, int64_t until_ms);
/* Virtual time goes on by `ms`, and nobody does anything meanwhile: a body that takes long, a machine that stood still.
 */
void jpx_local_advance(jpx_local *, int64_t ms);
/* The role dies with all it holds, and another one takes its place. */
jp_status jpx_local_renew(jpx_local *, jpx_role_kind, jp_error *err);
/* Publishes a trigger; the root is found by `key`. */
jp_status jpx_local_start(jpx_local *, const char *pipe, const char *json, const char *key, jp_error *err);
/* Publishes a reply, given as JSON. */
jp_status jpx_local_reply(jpx_local *, const char *ticket, const char *json, jp_error *err);
/* Steps until the root with this key is final, or limit_ms of (virtual) time are over: JP_E_TIMEOUT. */
jp_status jpx_local_finish(jpx_local *, const char *key, int64_t limit_ms, jp_error *err);
/* Request `verb` of the api, stepping meanwhile; *json is in `arena`. An error answer is returned as text too. */
jp_status jpx_local_ask(jpx_local *, const char *verb, const char *json, jpx_arena *arena, const char **answer,
                        jp_error *err);

#endif
