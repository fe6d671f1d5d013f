/* plan.h -- from an outcome to records: what an attempt planned becomes a generation of pipelines with their
 * barriers, waiters and links; its outputs become those of its entry.
 *
 * Pure. Linear in children and dependencies: dependencies and argument lists are ranges, bits are indices. */
#ifndef JPX_PLAN_H
#define JPX_PLAN_H

#include "core/record.h"

typedef struct jpx_pipe_facts { /* what the plan must know of a child's pipe */
    bool known;
    bool hook, cancel;
    bool promise; /* its ticket is fixed with the plan */
} jpx_pipe_facts;

typedef struct jpx_plan_input {
    const jpx_pipeline *self;
    uint32_t step;
    const jpx_outcome *outcome;
    uint8_t gen[JPX_GEN_SIZE]; /* fresh */
    int64_t now_ms;
    void (*random)(void *ctx, void *out, size_t size);
    void *random_ctx;
    jpx_pipe_facts (*facts)(void *ctx, const char *pipe);
    void *facts_ctx;
    void (*promise_hash)(void *secret, uint32_t child, uint8_t out[32]); /* of the token of a promise */
    void *secret;
} jpx_plan_input;

typedef struct jpx_generation {
    jpx_records pipelines, barriers, values; /* to be durable before the entry is */
    jpx_key *ready;                          /* children that wait for nothing */
    const char **ready_pipe, **ready_queue;
    size_t ready_count;
    jpx_key *waiting; /* the others */
    const char **waiting_pipe;
    size_t waiting_count;
} jpx_generation;

/* Is everything in the outcome within its bounds? An outcome may come from a process with a corrupted heap.
 * JP_E_INVALID with what is wrong. */
jp_status jpx_plan_check(const jpx_outcome *, jp_error *err);

/* Fills entry->outs from the outcome; values too large for the entry go to *values. */
void jpx_plan_outputs(const jpx_plan_input *, jpx_arena *, jpx_entry *entry, jpx_generation *out);

/* The whole generation. An unknown child pipe is JP_E_INVALID (a programming error). */
jp_status jpx_plan_children(const jpx_plan_input *, jpx_arena *, jpx_generation *out, jp_error *err);

/* The record of a root pipeline, its large arguments moved to *values. */
jpx_record jpx_plan_root(const jpx_key *root, const char *pipe, const char *queue, jpx_bytes args, jpx_pipe_facts,
                         int64_t now_ms, void (*random)(void *, void *, size_t), void *random_ctx, jpx_arena *,
                         jpx_records *values);

#endif
