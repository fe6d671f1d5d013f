/* world.h -- the engine in one process, as a test drives it: several roles of each kind on one memory store and one
 * memory bus, a clock that stands still unless it is moved, one random source.
 *
 * Interleaving is at the level of operations: `at` is called before and after each operation of a role on the store or
 * the bus. It may step other roles (nested, while the first one is stopped in the middle of its handler), kill roles,
 * let time pass, and it decides what happens to the operation. All operations of a killed role fail from then on; when
 * its step returns, the role object is closed and a new one is opened, as if its process had died.
 *
 * One world at a time: bodies have no other way to find it (`the_world`). */
#ifndef WORLD_H
#define WORLD_H

#include "api/view.h"
#include "bus/memory.h"
#include "engine/root.h"
#include "seams.h"

enum { ACTORS_MAX = 12, START_MS = 1767225600 };

typedef struct world world;

typedef struct actor { /* one role object */
    world *world;
    size_t number;
    jpx_role_kind kind;
    jpx_env env;
    int64_t skew_ms; /* how much its clock is ahead */
    seam seam;
    jpx_store *store;
    jpx_bus *bus;
    jpx_role *role;
    bool busy; /* its step is on the stack */
    bool dead;
} actor;

struct world {
    jpx_env env;
    int64_t now_ms;
    int64_t look_ns, looked_ns; /* what a read of the clock costs, and has cost so far */
    uint64_t random;            /* of the engine */
    uint64_t tick;              /* operations so far */
    const char *name;           /* for messages: the seed */
    jpx_registry *registry;
    jpx_store *store; /* undecorated, for the test */
    jpx_bus *bus;
    jpx_arena *arena; /* lives as long as the world */
    actor actors[ACTORS_MAX];
    size_t actors_count;
    actor *current; /* whose operation or body runs */
    int depth;
    seam_verdict (*at)(world *, actor *, const seam_call *);
    void *ctx; /* of `at` and of the bodies */
    bool verbose;
};
extern world *the_world;

typedef struct world_options {
    const jp_def *const *pipes;
    size_t apis, barriers, workers;
    uint64_t seed;
    const char *name;
    bool verbose;
} world_options;

world *world_open(const world_options *);
void world_close(world *);
/* Steps a role whose step is not on the stack; false: it did nothing, or cannot be stepped now. */
bool world_step(world *, actor *);
/* Abandons its step; what it held is redelivered. */
void world_kill(actor *);
/* Steps all roles in turn until none does anything; false: that never happens. */
bool world_run_until_idle(world *);
/* When a role has work without a new message; INT64_MAX = never. */
int64_t world_next_ms(world *);
/* Runs until idle and lets time pass until `ms` are over. */
void world_pass(world *, int64_t ms);
actor *world_actor(world *, jpx_role_kind, size_t number);

void world_publish(world *, const char *kind_and_name, const char *json, const char *key);
void world_start(world *, const char *pipe, const char *json, const char *key);
jpx_root *world_root(world *, const char *key); /* in the world's arena; NULL = none */
jpx_session world_session(world *);             /* for load.c and its like, undecorated */

/* Reports a broken promise and ends the process: `name` replays it. */
_Noreturn void world_failed(world *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void world_say(world *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *seam_text(world *, const seam_call *);

#endif
