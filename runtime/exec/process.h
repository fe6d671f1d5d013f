/* process.h -- one executor process as its worker sees it: the attempts it was given, its side of the shared
 * page, how it ended. The policy (who gets what, when to start one) is in forked.c.
 *
 * States: VACANT --start--> LIVE --leave--> LEAVING --report of its end--> DEAD --settled--> VACANT, and LIVE
 * --report--> DEAD. Used by the executor's thread only; nothing here blocks. */
#ifndef JPX_EXECUTOR_PROCESS_H
#define JPX_EXECUTOR_PROCESS_H

#include "exec/executor_impl.h"
#include "exec/zygote.h"

enum {
    JPX_LOOK_NS = 2000000,     /* so long an attempt may wait behind a body before it is taken back */
    JPX_LOOK_MAX_NS = 50000000 /* how seldom a process that has not begun is looked at */
};

/* An attempt that was submitted; kept until its outcome is there, so that it can be given to another process. */
typedef struct jpx_submitted {
    struct jpx_submitted *next;
    uint64_t number;
    int64_t timeout_ms;
    int64_t since_ns; /* submitted */
    uint32_t size;
    uint8_t data[]; /* encoded */
} jpx_submitted;

typedef enum jpx_process_state { JPX_VACANT, JPX_LIVE, JPX_LEAVING, JPX_ENDED } jpx_process_state;

typedef struct jpx_process {
    jpx_process_state state;
    uint32_t tag;
    pid_t pid; /* 0 = not told yet */
    jpx_page *page;
    int bell;
    jpx_ring_end in, out;

    jpx_submitted *jobs[JPX_WINDOW_MAX]; /* by seq modulo; NULL = revoked */
    uint32_t first, next;                /* seqs: the oldest it may still have, the next to be given */
    size_t live;                         /* jobs that are not NULL */
    const jpx_submitted *sending;        /* larger than the ring: goes in pieces, alone in its process */
    size_t sent;

    uint8_t *partial; /* an outcome larger than the ring, as far as it has come */
    size_t partial_size, partial_cap, partial_want;

    jpx_pace pace;
    uint64_t bodies;
    bool began;      /* it got as far as a body */
    int64_t look_ns; /* when to look at it, INT64_MAX = no need */
    int64_t look_step_ns;
    int64_t news_ns;   /* when it was last seen to get on */
    uint32_t seen_seq; /* the body that was last seen at work, and since when: the page may change its mind */
    bool seen;
    int64_t seen_ns;

    bool over_time; /* `over_seq` was asked where it is, and will be killed at kill_ns */
    uint32_t over_seq;
    int64_t kill_ns;
    bool killed, garbage, lost; /* lost = the zygote is gone, nobody reports its end */
    int spawn_error;
    int status;
    int64_t max_rss_kb;
} jpx_process;

/* Makes page and bell and orders the process. JP_E_UNAVAILABLE: no memory or descriptors. */
jp_status jpx_process_start(jpx_process *, uint32_t tag, int connection, size_t memory_bytes, jp_error *err);
void jpx_process_free(jpx_process *); /* page, bell and what is left of an outcome; becomes VACANT */

bool jpx_process_takes(jpx_process *, const jpx_submitted *); /* is there room for it now? */
void jpx_process_give(jpx_process *, jpx_submitted *, int64_t now_ns);
void jpx_process_feed(jpx_process *); /* more of a large attempt */
void jpx_process_leave(jpx_process *);

/* The next outcome, in order; NULL = none now. *out is decoded into `arena`. The job is the caller's. A damaged page
 * sets `garbage`. */
jpx_submitted *jpx_process_outcome(jpx_process *, jpx_arena *arena, jpx_outcome *out);
/* True when it has put something that was not taken. */
bool jpx_process_has_news(const jpx_process *);

/* Takes back what waits behind the body at work; returns a list in order. */
jpx_submitted *jpx_process_revoke(jpx_process *);
/* The body at work: its job, when it began and its number; NULL = none. */
const jpx_submitted *jpx_process_at_work(jpx_process *, uint32_t *seq, int64_t *begun_ns);
/* After its end: the job whose body was at work then, if any; the rest is for jpx_process_take_back(). */
jpx_submitted *jpx_process_victim(jpx_process *, uint32_t *seq, bool *ended);
jpx_submitted *jpx_process_take_back(jpx_process *);

#endif
