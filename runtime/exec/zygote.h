/* zygote.h -- the zygote: a process forked while the worker was still small and single-threaded, from which all
 * executor processes are forked.
 *
 * Who talks to whom. The worker holds the main connection; each executor joins with a connection of its own (a
 * SOCK_SEQPACKET pair whose other end went through the main one), so executors on different threads share nothing. On
 * its connection an executor orders processes by tag, and is told what became of them. Only the zygote uses process
 * ids: it is their parent, and a process that has not been reaped keeps its id, so that a signal can never hit a
 * stranger.
 *
 * What ends when. An executor's connection closes: its processes are killed. The main connection closes (stop, or the
 * worker died, even by SIGKILL): all are killed, with everything that bodies left behind, and the zygote leaves. The
 * zygote dies: the kernel kills the executor processes (PR_SET_PDEATHSIG). */
#ifndef JPX_ZYGOTE_H
#define JPX_ZYGOTE_H

#include "exec/executor.h"
#include <sys/types.h>

enum {
    JPX_EXECUTORS_MAX = 256,  /* connections of one zygote */
    JPX_PROCESSES_MAX = 1024, /* of one executor           */
    JPX_ORDER_FDS = 2
};

typedef enum jpx_order_kind {
    JPX_ORDER_JOIN,  /* main connection only; fd: the new connection      */
    JPX_ORDER_SPAWN, /* fds: the shared page, the bell                    */
    JPX_ORDER_SIGNAL /* to the body's thread of the process with this tag */
} jpx_order_kind;

typedef struct jpx_order {
    jpx_order_kind kind;
    uint32_t tag; /* chosen by the executor, unique on its connection */
    int signal;
    size_t memory_bytes; /* RLIMIT_AS, 0 = none */
} jpx_order;

typedef enum jpx_report_kind {
    JPX_REPORT_SPAWNED,
    JPX_REPORT_FAILED, /* no process could be forked; `error` says why */
    JPX_REPORT_ENDED   /* it is gone and reaped, and so is its process group */
} jpx_report_kind;

typedef struct jpx_report {
    jpx_report_kind kind;
    uint32_t tag;
    pid_t pid;
    int error;
    int status; /* as from wait() */
    int64_t max_rss_kb;
} jpx_report;

/* The worker's side. */
jp_status jpx_zygote_join(jpx_zygote *, int *out_connection, jp_error *err);
bool jpx_order_send(int connection, const jpx_order *, const int *fds, size_t fds_count);
/* 1 = a report, 0 = none now, -1 = the zygote is gone. Does not wait. */
int jpx_report_take(int connection, jpx_report *);

/* The zygote's side: never returns. */
_Noreturn void jpx_zygote_loop(int main_connection, const jpx_registry *);

#endif
