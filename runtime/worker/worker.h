/* worker.h -- what the files of the worker role share: worker.c (the loop), dispatch.c and invoke.c (from events to
 * calls), held.c (what is held), executions.c, outcome.c and commit.c (from outcomes to entries). */
#ifndef JPX_WORKER_H
#define JPX_WORKER_H

#include "engine/engine.h"

enum { JPX_JOB_BUCKETS = 1024, JPX_NAK_MS = 1000 };
enum { JPX_FINISH_TRIES = 10 }; /* deliveries of a hook that fails, before the end is written all the same */

typedef struct jpx_job_memory { /* the memory of the jobs that were taken together */
    jpx_arena *arena;
    size_t jobs;
} jpx_job_memory;

typedef struct jpx_queue_sub { /* a queue */
    jpx_sub *sub;
    size_t held, limit; /* jobs of it; what its subscription was told last */
} jpx_queue_sub;

typedef struct jpx_job { /* one run event that is held */
    uint64_t number;
    jpx_job_memory *memory;
    jpx_queue_sub *queue_sub;
    jpx_delivery *delivery;
    jpx_run_event event;
    const jpx_pipeline *pipeline;
    const jpx_pipe *pipe;
    jpx_journal journal;
    uint8_t secret[JPX_SECRET_SIZE];
    int attempt;
    bool aborted;       /* finish events */
    bool cancelling;    /* finish events: on_cancel is at work, on_finished comes after it */
    bool called;        /* finish events: one of two hooks has run */
    bool marked;        /* this execution left its mark before its body */
    bool long_;         /* at work for so long that it has left another one */
    jpx_bytes marks[2]; /* ids of those that it left before its body began; no data: none */
    bool suspect;       /* one beginning is left: no other suspect is run beside it */
    bool deferred;      /* for that: it comes again */
    bool submitted;
    jpx_attempt call;
    struct jpx_job *next, *next_same; /* in its hash buckets: by number, by key */
} jpx_job;

typedef struct jpx_ended { /* a job with its outcome, to be committed */
    jpx_job *job;
    jpx_outcome outcome;
} jpx_ended;

typedef struct jpx_worker {
    jpx_role role;
    jpx_executor *executor;
    jpx_queue_sub queue_subs[JPX_QUEUES_MAX];
    size_t queue_subs_count, next_queue_sub;
    jpx_job *buckets[JPX_JOB_BUCKETS], *same[JPX_JOB_BUCKETS]; /* held jobs by number, by key */
    size_t held;
    uint64_t numbers;
    int64_t heartbeat_ms;
    int64_t looked_ms; /* for what is to go back */
    /* outcomes that wait to be committed */
    jpx_arena *collected;
    jpx_outcome outcomes[JPX_BATCH_MAX];
    jpx_ended ended[JPX_BATCH_MAX];
    size_t ended_count;
    bool retry;
    int64_t backoff_ms, retry_at_ms;
} jpx_worker;

typedef struct jpx_batch {
    jpx_job **jobs;
    size_t count;
    bool *done; /* handled: to be acked after the flush, or put off */
} jpx_batch;

/* ---- held.c ---- */
/* Is the same event at work here already? Then this one comes again later and finds the entry. */
bool jpx_job_at_work(jpx_worker *, const jpx_job *);
void jpx_job_hold(jpx_worker *, jpx_job *);            /* gives it its number */
bool jpx_job_suspected(jpx_worker *, const jpx_job *); /* is another suspect held? */
jpx_job *jpx_job_find(jpx_worker *, uint64_t number);
/* Acks or naks its delivery and lets it go; its memory may go with it. */
void jpx_job_ack_or_nak(jpx_worker *, jpx_job *, bool nak, int64_t delay_ms);
bool jpx_jobs_heartbeat(jpx_worker *); /* all that are held, when it is time */

/* ---- dispatch.c ---- */
/* Handles what was fetched from a queue, all of it: bodies are with the executor afterwards, the others settled or
 * ended.
 */
void jpx_worker_take(jpx_worker *, jpx_queue_sub *, jpx_delivery **, size_t count);

/* ---- invoke.c ---- */
/* Where to look for what is wrong with this call: its yield, or the definition when a trigger started it. */
const char *jpx_job_place(const jpx_job *);
void jpx_job_ended(jpx_worker *, jpx_job *, jpx_end, const char *class_, const char *reason); /* without a body */
void jpx_job_submit(jpx_worker *, jpx_job *, jpx_call);
jp_status jpx_bodies_start(jpx_worker *, jpx_job **, size_t count, jp_error *err);
/* A finish event: is the end decided, and which hooks are to be called? *wanted false: nothing to do. */
jp_status jpx_finish_prepare(jpx_worker *, jpx_job *, const jpx_root *, bool *wanted, jp_error *err);
jp_status jpx_finish_run(jpx_worker *, jpx_job *);

/* ---- executions.c ---- */
bool jpx_job_is_repeat(const jpx_job *); /* was it told before? */
bool jpx_out_of_beginnings(jpx_worker *, jpx_job *, jp_error *err);
jp_status jpx_mark_hooked(jpx_worker *, jpx_batch *, jpx_root **roots, jp_error *err);
jp_status jpx_mark_beginnings(jpx_worker *, jpx_job **, size_t count, jp_error *err);
void jpx_mark_again(jpx_worker *);
void jpx_mark_long(jpx_worker *);

/* ---- credit.c ---- */
void jpx_worker_limit(jpx_worker *);     /* tells the subscriptions how much there is room for */
void jpx_worker_give_back(jpx_worker *); /* what has waited here for long without beginning */

/* ---- outcome.c ---- */
typedef struct jpx_commitment { /* an outcome on its way into the store */
    jpx_ended *ended;
    jpx_outcome outcome; /* a copy, as it counts in the end: a result that makes no sense has become a failure */
    jpx_entry entry;
    jpx_generation generation;
    bool has_entry; /* false: there is nothing to write */
    bool lost;      /* another entry was there first; `entry` is that one */
    bool nak;       /* after the commit: the event must be redelivered */
} jpx_commitment;
/* Fills in *c, which points to `ended` and into the session's arena; returns c. */
jpx_commitment *jpx_outcome_entry(jpx_session *, jpx_ended *, jpx_commitment *c);

/* Did this call of a hook fail, and is it called again later? It is not an attempt. Not after a programming error,
 * which would be the same each time. */
bool jpx_hook_runs_again(const jpx_ended *);
/* Logs that it failed. */
void jpx_hook_log_failure(jpx_session *, const jpx_ended *);

/* ---- commit.c ---- */
void jpx_worker_collect(jpx_worker *, int64_t wait_ms); /* outcomes that are there, into `ended` */
bool jpx_worker_commit(jpx_worker *);                   /* false: they are kept, and committed again later */

/* ---- tickets.c ---- */
/* For parts->on_ticket: the tickets that come with this entry of a body's end. */
void jpx_tickets_tell(const jpx_parts *, const jpx_job *, const jpx_outcome *, const jpx_entry *);

#endif
