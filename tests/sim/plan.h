/* plan.h -- what the bodies of the simulation do: a pure function of (seed, path, attempt, reply, inputs).
 *
 * A pipeline is known by its path, a number that its parent's attempt gives it; so the oracle can follow the adopted
 * attempts, and compute what each child must have been given and must have returned. A value is known by its digest.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "core/record.h"

enum { PLAN_CHILDREN = 5, PLAN_INPUTS = 4, PLAN_SLOTS = 2 };
extern const char *const plan_slots[PLAN_SLOTS]; /* "default", "x" */

typedef enum plan_pipe {
    PLAN_PLAIN,   /* nothing special */
    PLAN_HOOKED,  /* on_finished */
    PLAN_WAITS,   /* may wait; the reply is its output */
    PLAN_REPLIES, /* may wait; on_reply, on_cancel, on_finished, a time limit */
    PLAN_PIPES,
    PLAN_PROMISE = PLAN_PIPES /* jp_promise: a child without a body, which the outside completes */
} plan_pipe;
extern const jp_def *const plan_pipes[PLAN_PIPES + 1];

typedef enum plan_end {
    PLAN_RETURN,
    PLAN_RETURN_IN,
    PLAN_DONE,
    PLAN_WAIT,
    PLAN_RETRY,
    PLAN_MISSING, /* returns without filling x: a failed attempt */
    PLAN_ABORT
} plan_end;

typedef struct plan_input {
    bool future;
    uint32_t child; /* future: of which sibling */
    int slot;
    int64_t number; /* otherwise */
} plan_input;

typedef struct plan_child {
    plan_pipe pipe;
    int64_t path, depth;
    plan_input inputs[PLAN_INPUTS];
    size_t inputs_count;
    bool listed;    /* all inputs in one list */
    uint32_t after; /* bit set of the siblings that it waits for */
} plan_child;

typedef struct plan_output {
    bool filled, forwarded;
    uint32_t child;
    int slot;
    uint64_t wish; /* the value, if not forwarded: plan_value_of */
} plan_output;

typedef struct plan {
    plan_end end;
    int64_t delay_ms;
    plan_child children[PLAN_CHILDREN];
    uint32_t children_count;
    bool in_order; /* the children from `ordered` on */
    uint32_t ordered;
    plan_output outputs[PLAN_SLOTS];
} plan;

typedef struct plan_case { /* what decides */
    uint64_t seed;
    plan_pipe pipe;
    int64_t path, depth;
    int attempt;
    bool reply;     /* on_reply, not the body */
    bool x_filled;  /* reply: before the wait */
    uint64_t given; /* digest of the inputs; reply: of the reply */
} plan_case;

void plan_make(const plan_case *, plan *out);
int64_t plan_reply(uint64_t seed, const jpx_key *, uint32_t step); /* what the outside answers */

uint64_t plan_mix(uint64_t a, uint64_t b);
uint64_t plan_digest_int(int64_t);
uint64_t plan_digest_text(const char *text, size_t size);
uint64_t plan_digest_iter(const bson_iter_t *); /* of any value that the simulation uses */
uint64_t plan_digest(jp_value);
/* A value is asked for by a number; large ones, texts and null among them. */
jp_value plan_value_of(jp_ctx *, uint64_t wish);
uint64_t plan_digest_of(uint64_t wish);

#endif
