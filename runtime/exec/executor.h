/* executor.h -- where bodies run. Two implementations behind one interface: in this process (tests, trusted
 * short pipes), or in pre-forked processes, so that a body that crashes, hangs, exits, leaks or corrupts its heap costs
 * one attempt of one pipeline (DESIGN 1.6).
 *
 * submit() never blocks for long and never runs a body in the forked kind; outcomes are fetched by poll(). Every
 * attempt that was submitted and not taken back comes back exactly once: as what its body ended with, or as RETRY with
 * class "crash" (signal, function, file and line; exit code) or "timeout". Attempts that were queued behind a body that
 * crashed are run elsewhere, without a trace. */
#ifndef JPX_EXECUTOR_H
#define JPX_EXECUTOR_H

#include "body/body.h"

typedef struct jpx_executor jpx_executor;

typedef struct jpx_running { /* a body at work */
    uint64_t number_in_worker;
    int64_t since_ms; /* as of env's clock; 0 = not begun yet */
} jpx_running;

/* Bodies run on the thread that polls, for a millisecond at a time; a crash is the worker's, time-outs are not
 * enforced. */
jp_status jpx_executor_inline(jpx_executor **out, const jpx_registry *, const jpx_env *, jp_error *err);

/* The zygote must be forked before the process has threads, connections or open stores: early in main. It forks the
 * executors on demand and reaps them; it ends when the last handle is closed or the parent dies. One zygote serves any
 * number of executors. */
typedef struct jpx_zygote jpx_zygote;
jp_status jpx_zygote_start(jpx_zygote **out, const jpx_registry *, const jpx_env *, jp_error *err);
void jpx_zygote_stop(jpx_zygote *);

typedef struct jpx_forked_options {
    size_t processes;      /* at most so many bodies side by side; >= 1 */
    size_t memory_bytes;   /* limit of one process (RLIMIT_AS), 0 = none */
    int64_t recycle_after; /* bodies; a process is replaced after so many (leaks); 0 = 100,000 */
} jpx_forked_options;
jp_status jpx_executor_forked(jpx_executor **out, jpx_zygote *, const jpx_forked_options *, const jpx_env *,
                              jp_error *err);

/* How many more attempts should be submitted now (free bodies, and a window for short ones). */
size_t jpx_executor_room(jpx_executor *);
/* Takes a copy of the attempt. */
void jpx_executor_submit(jpx_executor *, const jpx_attempt *);
/* Outcomes that are there, at most `max`, waiting at most wait_ms for the first; memory in `arena`. Also enforces
 * time-outs. */
size_t jpx_executor_poll(jpx_executor *, jpx_arena *arena, jpx_outcome *out, size_t max, int64_t wait_ms);
/* Readable while poll() would return or do something; -1 = none (inline). */
int jpx_executor_fd(jpx_executor *);
/* The bodies that have begun and not ended, at most max. */
size_t jpx_executor_running(jpx_executor *, jpx_running *out, size_t max);
size_t jpx_executor_pending(jpx_executor *); /* submitted and not fetched */
/* Takes back attempts that have waited here for so long behind those that every process has: at most `max`; their
 * numbers in `out`. None of them has begun, and none comes back from poll(). */
size_t jpx_executor_take_back(jpx_executor *, int64_t waited_ms, uint64_t *out, size_t max);
/* The zygote is gone: nothing can run here any more. What was submitted comes back with class "executor", which says
 * nothing about the bodies; the worker should not record it but end, so that others get the events. room() is 0 then.
 */
bool jpx_executor_broken(jpx_executor *);
void jpx_executor_close(jpx_executor *); /* ends the processes; NULL is fine */

#endif
