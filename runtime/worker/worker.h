/* worker.h -- what the files of the worker role share. README.md says which file does what.
 *
 * A job is one run event that this worker holds: received, not yet acked. Its state says what happens to it next:
 *
 *     NEW ------> DONE        nothing is left to do: ack
 *      |--------> DEFERRED    another suspect is running: nack with a delay
 *      |--------> ENDED       needs no call (a timeout, a promise, a wrong argument)
 *      v
 *     SUBMITTED <-----------.
 *      |   `----> RUNNING   |   has run for JPX_MARK_MS: marked, and shown as running
 *      v            v       |
 *     ENDED <-------'       |   its outcome waits for the commit: then ack, or nack if a hook is to run again
 *      `--------------------'   on_finished after on_cancel
 *
 * jpx_job_set makes each of these steps, and asserts that it is one of them. jpx_job_ack_or_nak ends a job: an ack
 * needs DONE or ENDED, a nack is possible in every state. */
#ifndef JPX_WORKER_H
#define JPX_WORKER_H

#include "engine/effects.h"
#include "engine/load.h"

enum { JPX_JOB_BUCKETS = 1024, JPX_NAK_MS = 1000 };
enum { JPX_FINISH_TRIES = 10 }; /* deliveries of a finish event; if its hook fails at the last, it is finished anyway */

/* The memory of the jobs that were fetched together: events, records, arguments. jpx_worker_take makes it, and it goes
 * with the last of these jobs, so one slow body keeps the memory of its whole batch. While jpx_worker_take handles the
 * batch, session->arena is this arena; what a job keeps must be allocated then, for the arena that the session has
 * between batches is reset by every step and by every try of a commit. */
typedef struct jpx_job_memory {
    jpx_arena *arena;
    size_t users; /* its jobs, and jpx_worker_take while it runs */
} jpx_job_memory;

typedef struct jpx_queue_sub { /* a queue and its subscription */
    jpx_sub *sub;
    size_t held;  /* jobs that came from it */
    size_t limit; /* last passed to jpx_sub_limit */
} jpx_queue_sub;

typedef enum jpx_job_state {
    JPX_JOB_NEW,
    JPX_JOB_DONE,
    JPX_JOB_DEFERRED,
    JPX_JOB_SUBMITTED,
    JPX_JOB_RUNNING,
    JPX_JOB_ENDED,
    JPX_JOB_STATES
} jpx_job_state;

typedef struct jpx_job {
    uint64_t number;
    jpx_job_state state;
    jpx_job_memory *memory; /* the job itself is in it */
    jpx_queue_sub *queue_sub;
    jpx_delivery *delivery;
    jpx_run_event event;
    const jpx_pipeline *pipeline;
    const jpx_pipe *pipe; /* NULL: not registered here */
    jpx_journal journal;
    uint8_t secret[JPX_SECRET_SIZE];
    int attempt;
    jpx_attempt call;                 /* what was submitted last */
    jpx_bytes hook_mark;              /* id of the mark written before the abort flag was checked; no data: none */
    jpx_bytes start_mark;             /* id of the mark written as the last thing before the body; no data: none */
    bool suspect;                     /* one start before the crash limit: never run two suspects at once */
    bool aborted;                     /* finish events: what on_finished is called with */
    bool cancelled;                   /* finish events: on_cancel has run */
    struct jpx_job *next, *next_same; /* in its hash buckets: by number, by key */
} jpx_job;

typedef struct jpx_ended { /* a job in state ENDED */
    jpx_job *job;
    jpx_outcome outcome; /* never changed: a failed commit starts from it again */
} jpx_ended;

typedef struct jpx_worker {
    jpx_role role;
    jpx_executor *executor;
    jpx_queue_sub queue_subs[JPX_QUEUES_MAX];
    size_t queue_subs_count, next_queue_sub;
    jpx_job *buckets[JPX_JOB_BUCKETS], *same[JPX_JOB_BUCKETS]; /* all jobs, by number and by key */
    size_t held;
    uint64_t numbers;
    int64_t heartbeat_ms; /* the last one */
    int64_t looked_ms;    /* the last look for events to return (credit.c) */
    jpx_arena *collected; /* memory of `outcomes`; reset when none of them waits */
    jpx_outcome outcomes[JPX_BATCH_MAX];
    jpx_ended ended[JPX_BATCH_MAX]; /* to be committed */
    size_t ended_count;
    bool retry; /* the last commit failed; the next try is at retry_at_ms */
    int64_t backoff_ms, retry_at_ms;
} jpx_worker;

typedef struct jpx_batch { /* jobs that are handled together */
    jpx_job **jobs;
    size_t count;
} jpx_batch;

/* ---- held.c ---- */
void jpx_job_set(jpx_job *, jpx_job_state); /* the one way to change a job's state */
bool jpx_job_is_held(jpx_worker *, const jpx_run_event *);
void jpx_job_hold(jpx_worker *, jpx_job *); /* gives the job its number */
bool jpx_job_other_suspect(jpx_worker *, const jpx_job *);
jpx_job *jpx_job_find(jpx_worker *, uint64_t number);
/* Acks or nacks the delivery and forgets the job. */
void jpx_job_ack_or_nak(jpx_worker *, jpx_job *, bool nak, int64_t delay_ms);
void jpx_job_memory_drop(jpx_job_memory *); /* one user less; frees it after the last */
/* Extends the ack deadlines of all jobs, when it is time to; returns whether it was. */
bool jpx_jobs_heartbeat(jpx_worker *);

/* ---- dispatch.c ---- */
/* Handles all that was fetched from a queue. Afterwards each job is SUBMITTED or ENDED, or acked or nacked. */
void jpx_worker_take(jpx_worker *, jpx_queue_sub *, jpx_delivery **, size_t count);

/* ---- invoke.c ---- */
/* For messages: the yield of this pipeline, or where its pipe is defined if a trigger started it. */
const char *jpx_job_place(const jpx_job *);
/* Ends a job without a call. The texts must live as long as the job. */
void jpx_job_end(jpx_worker *, jpx_job *, jpx_end, const char *class_, const char *reason);
void jpx_job_submit(jpx_worker *, jpx_job *, jpx_call);
jp_status jpx_bodies_start(jpx_worker *, jpx_job **, size_t count, jp_error *err);
/* For a finish event: loads what its hooks are called with. DONE if the end is not decided yet, or needs no hook. */
jp_status jpx_finish_prepare(jpx_worker *, jpx_job *, const jpx_root *, jp_error *err);
void jpx_finish_run(jpx_worker *, jpx_job *);

/* ---- executions.c ---- */
/* May a body have been started for this event before? */
bool jpx_job_is_repeat(const jpx_job *);
/* Has this attempt been started JPX_DELIVERIES_MAX times without ending? Also finds suspects. */
bool jpx_crash_limit(jpx_worker *, jpx_job *);
jp_status jpx_mark_hooked(jpx_worker *, jpx_batch *, jpx_root **roots, jp_error *err);
jp_status jpx_mark_starts(jpx_worker *, jpx_job **, size_t count, jp_error *err);
void jpx_mark_renew(jpx_worker *);
void jpx_mark_long(jpx_worker *);

/* ---- credit.c ---- */
void jpx_worker_limit(jpx_worker *);     /* sets the credit of each subscription */
void jpx_worker_give_back(jpx_worker *); /* nacks events that have waited here too long */

/* ---- outcome.c ---- */
typedef struct jpx_commitment { /* an outcome on its way into the store */
    jpx_ended *ended;
    jpx_outcome outcome; /* a copy, as it counts in the end: an invalid result has become a failure */
    jpx_entry entry;
    jpx_generation generation;
    bool has_entry; /* false: there is nothing to write */
    bool lost;      /* another entry was there first; `entry` is that one */
    bool nak;       /* after the commit: the event must be redelivered */
} jpx_commitment;
/* Fills in *c, which points to `ended` and into the session's arena; returns c. */
jpx_commitment *jpx_outcome_entry(jpx_session *, jpx_ended *, jpx_commitment *c);

/* Did this hook fail, and will it run again? Not after a programming error, which would be the same each time. */
bool jpx_hook_runs_again(const jpx_ended *);
void jpx_hook_log_failure(jpx_session *, const jpx_ended *);

/* ---- commit.c ---- */
/* Moves outcomes from the executor to `ended`, waiting at most wait_ms for the first. */
void jpx_worker_collect(jpx_worker *, int64_t wait_ms);
/* Commits `ended` and acks the jobs. False: nothing is lost, and they must be committed again, at retry_at_ms. */
bool jpx_worker_commit(jpx_worker *);

/* ---- tickets.c ---- */
/* Passes the tickets that this entry brings into the world to parts->on_ticket. */
void jpx_tickets_report(const jpx_parts *, const jpx_job *, const jpx_outcome *, const jpx_entry *);

#endif
