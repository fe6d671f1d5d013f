/* plan.h -- from an outcome to records: what an attempt planned becomes a generation of pipelines with their barriers,
 * waiters and links; its outputs become those of its entry.
 *
 * Pure. The cost is linear in children and dependencies. Dependencies and argument lists are stored as ranges. */
#ifndef JPX_PLAN_H
#define JPX_PLAN_H

#include "core/record.h"

typedef struct jpx_pipe_facts { /* what the plan needs to know about a child's pipe */
    bool known;                 /* registered */
    bool hook, cancel;          /* has on_finished, on_cancel */
    bool promise;               /* the plan decides its ticket: jpx_plan_input.promise_hash */
} jpx_pipe_facts;

typedef struct jpx_plan_input {
    const jpx_pipeline *self;
    uint32_t step;
    const jpx_outcome *outcome;
    uint8_t gen[JPX_GEN_SIZE]; /* new for each execution */
    int64_t now_ms;
    void (*random)(void *ctx, void *out, size_t size);
    void *random_ctx;
    jpx_pipe_facts (*facts)(void *ctx, const char *pipe);
    void *facts_ctx;
    void (*promise_hash)(void *secret, uint32_t child, uint8_t out[32]); /* SHA-256 of the token of a promise */
    void *secret;
} jpx_plan_input;

typedef struct jpx_generation {
    jpx_records pipelines, barriers, values; /* must be durable before the entry is inserted */
    jpx_key *ready;                          /* children without dependencies */
    const char **ready_pipe, **ready_queue;
    size_t ready_count;
    jpx_key *waiting; /* the others */
    const char **waiting_pipe;
    size_t waiting_count;
} jpx_generation;

/* Is everything in the outcome within its bounds? JP_E_INVALID with the reason if not. */
jp_status jpx_plan_check(const jpx_outcome *, jp_error *err);

/* Fills in entry->outs from the outcome. Values that are too large for the entry go to out->values. */
void jpx_plan_outputs(const jpx_plan_input *, jpx_arena *, jpx_entry *entry, jpx_generation *out);

/* Plans the whole generation into *out, which must be zeroed. An unknown child pipe is JP_E_INVALID (a programming
 * error, SEMANTICS 2.7). */
jp_status jpx_plan_children(const jpx_plan_input *, jpx_arena *, jpx_generation *out, jp_error *err);

typedef struct jpx_root_plan {
    jpx_key key;
    const char *pipe, *queue;
    jpx_bytes args;
    jpx_pipe_facts facts;
    int64_t now_ms;
    void (*random)(void *ctx, void *out, size_t size);
    void *random_ctx;
} jpx_root_plan;
/* Returns the record of a root pipeline. Large arguments go to *values. */
jpx_record jpx_plan_root(const jpx_root_plan *, jpx_arena *, jpx_records *values);

#endif
