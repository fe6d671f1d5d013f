/* sim.h -- one simulated schedule: its dice, what bodies and hooks have seen, the tickets that were handed out. */
#ifndef SIM_H
#define SIM_H

#include "plan.h"
#include "world.h"

typedef struct sim_begin { /* a body or on_reply that began */
    jpx_key key;
    int attempt;
    bool reply;
    uint64_t given;
} sim_begin;

typedef struct sim_hook { /* a hook that was called and did not fail */
    jpx_key key;
    bool cancel, aborted;
    uint64_t outputs[PLAN_SLOTS];
} sim_hook;

typedef struct sim_ticket {
    const char *text;
    jpx_key key;
    uint32_t step;
} sim_ticket;

typedef struct sim_late { /* a run event that a worker took after the abort flag was up */
    const actor *who;
    jpx_key key;
} sim_late;

typedef struct sim_limits { /* how wild it is: chances in 10,000, and how often at most */
    uint32_t nest, kill, cut, lose, ack_lost, forget, split, hook_fails, body_nest;
    int kills, cuts, loss_count, acks_lost, hooks_failed;
    int depth;
} sim_limits;

enum { SIM_ROOTS_MAX = 3, SIM_REMOVED_MAX = 6 };

typedef struct sim {
    world *w;
    uint64_t seed, dice;
    sim_limits limits;
    bool wild;  /* faults and nested steps are on */
    bool over;  /* all roots are final */
    bool walks; /* live roots may be repaired although nothing was lost */
    bool lost;  /* a stream was lost in this run */
    uint64_t turns;
    sim_begin *begins;
    size_t begins_count, begins_cap;
    sim_hook *hooks;
    size_t hooks_count, hooks_cap;
    sim_ticket *tickets;
    size_t tickets_count, tickets_cap;
    const char *keys[SIM_ROOTS_MAX]; /* of the roots */
    int64_t paths[SIM_ROOTS_MAX], depths[SIM_ROOTS_MAX];
    plan_pipe pipes[SIM_ROOTS_MAX];
    size_t roots_count;
    sim_late *late;
    size_t late_count, late_cap;
    uint64_t flag_tick[SIM_ROOTS_MAX];         /* when the abort flag was seen up first; 0 = never */
    bool flag_seen[ACTORS_MAX][SIM_ROOTS_MAX]; /* which actors have read the root since */
    bool abort_asked[SIM_ROOTS_MAX];
    jpx_root_id removed[SIM_REMOVED_MAX]; /* cleaned up; their keys were used again */
    bool gone[SIM_REMOVED_MAX];           /* its record is */
    size_t removed_count;
} sim;

uint32_t sim_roll(sim *, uint32_t below);
bool sim_chance(sim *, uint32_t in_10000);
bool sim_is_removed(const sim *, const uint8_t *key);

/* Something happens: a role is stepped, time passes, a message arrives from outside. */
void sim_turn(sim *);
/* The same in the middle of a body. */
void sim_turn_inside(sim *);
int sim_root_of(sim *, const uint8_t *key); /* number of a root; -1: of none */

/* ---- check.c: the oracle ---- */
void sim_check_begin(sim *, const jpx_key *, bool reply); /* when a body begins */
void sim_check_root(sim *, size_t number);                /* as soon as it is final */
void sim_check_end(sim *);                                /* when nothing is left to happen */
void sim_check_adoption(sim *, actor *, const seam_call *);

#endif
