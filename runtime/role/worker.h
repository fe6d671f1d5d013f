/* worker.h -- between worker.c (takes events, feeds bodies) and commit.c (writes what bodies ended with). */
#ifndef JPX_WORKER_H
#define JPX_WORKER_H

#include "role/internal.h"

enum { JPX_FINISH_TRIES = 10 }; /* deliveries of a hook that fails, before the end is written all the same */

typedef struct jpx_intake { /* the memory of the jobs that were taken together */
    jpx_arena *arena;
    size_t jobs;
} jpx_intake;

typedef struct jpx_job { /* one run event that is held */
    uint64_t number;
    jpx_intake *intake;
    jpx_sub *sub;
    jpx_delivery *delivery;
    jpx_run_event event;
    const jpx_pipeline *pipeline;
    const jpx_pipe *pipe;
    jpx_journal journal;
    uint8_t secret[JPX_SECRET_SIZE];
    int attempt;
    bool aborted;    /* finish events */
    bool cancelling; /* finish events: on_cancel is at work, on_finished comes after it */
    bool completing; /* the delay of jp_return_in is over */
    bool marked;     /* this execution has left its mark */
    bool submitted;
    jpx_attempt call;
    struct jpx_job *next, *next_same; /* in its hash buckets: by number, by key */
} jpx_job;

typedef struct jpx_ended { /* a job with its outcome, to be committed */
    jpx_job *job;
    jpx_outcome outcome;
} jpx_ended;

/* Commits all: entries, what follows from them, events. JP_OK: the jobs are settled: to be acked, or to come again
 * where nak[i] is set. Otherwise nothing is lost, and all are to be committed again, with `retry` true. */
jp_status jpx_commit(jpx_desk *, jpx_ended *, size_t count, bool retry, bool *nak, jp_error *err);

/* Did this call of a hook fail, and is it called again later? It is not an attempt. Not after a programming error,
 * which would be the same each time. */
bool jpx_hook_again(const jpx_ended *);
/* Logs that it failed. */
void jpx_hook_tell(jpx_desk *, const jpx_ended *);

#endif
