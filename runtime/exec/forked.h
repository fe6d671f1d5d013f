/* forked.h -- the forked executor's state, shared by forked.c (giving, waiting, the interface) and
 * forked_watch.c (collecting, looking after processes, their ends).
 *
 * Invariant: a job is in exactly one of the queue or one process's table, until its outcome is handed to the caller;
 * `pending` counts both. */
#ifndef JPX_EXECUTOR_FORKED_H
#define JPX_EXECUTOR_FORKED_H

#include "exec/process.h"

enum { JPX_SURPLUS_BELOW_US = 5000 }; /* bodies shorter than this should find the next attempt waiting */

typedef struct jpx_forked {
    jpx_executor base;
    const jpx_env *env;
    jpx_forked_options options;
    int connection, epoll, timer;
    jpx_process *processes; /* options.processes of them */
    jpx_submitted *queue, **queue_end;
    size_t pending;
    uint32_t next_tag;
    bool broken;                        /* the zygote is gone */
    int64_t spawn_at_ns, spawn_wait_ns; /* not before; doubles with each process that died before its first body */
    int64_t timer_ns;                   /* when the timer goes off; INT64_MAX = never */
    jpx_trace *trace;
    jpx_arena *scratch;
} jpx_forked;

void jpx_forked_queue_front(jpx_forked *, jpx_submitted *list);
jpx_submitted *jpx_forked_queue_take(jpx_forked *); /* the queue is not empty */
void jpx_forked_spawn_later(jpx_forked *, int64_t now_ns);
void jpx_forked_signal(jpx_forked *, const jpx_process *, int sig);

/* All outcomes that are there, at most `max`; takes back, ends and settles what is due. May read debug information. */
size_t jpx_forked_collect(jpx_forked *, int64_t now_ns, jpx_arena *, jpx_outcome *out, size_t max);

static inline int64_t jpx_earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

#endif
