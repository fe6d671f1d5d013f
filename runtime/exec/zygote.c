/* zygote.c -- the worker's side of the zygote: start, stop, join, orders and reports. See zygote.h.
 *
 * A handle may be used by several threads: every message is one packet, and the kernel keeps packets whole. Orders may
 * wait for the zygote to read earlier ones; it never waits for us. */
#include "exec/zygote.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct jpx_zygote {
    pid_t pid;
    int connection;
};

static jp_status no_pair(jp_error *err)
{
    return jpx_fail(err, JP_E_UNAVAILABLE, "no socket pair for the executors: %s; raise the limit of open files",
                    strerror(errno));
}

jp_status jpx_zygote_start(jpx_zygote **out, const jpx_registry *registry, const jpx_env *env, jp_error *err)
{
    struct stat tasks;
    sigset_t all, before;
    int pair[2];

    *out = NULL;
    if (stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 3)
        jpx_log(env, JPX_WARN, "zygote started late", "threads=%d hint=\"start it before the first thread\"",
                (int)tasks.st_nlink - 2);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return no_pair(err);
    fflush(NULL); /* what is buffered would be written twice */
    /* The child shares pipes and tables that our handlers write to: none of them may run in it. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        jpx_zygote_loop(pair[1], registry);
    }
    int why = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return jpx_fail(err, JP_E_UNAVAILABLE, "no process for the executors: fork: %s; raise the limit of processes",
                        strerror(why));
    }
    jpx_zygote *zygote = malloc(sizeof *zygote);
    JPX_ASSERT(zygote != NULL);
    *zygote = (jpx_zygote){pid, pair[0]};
    *out = zygote;
    return JP_OK;
}

void jpx_zygote_stop(jpx_zygote *zygote)
{
    if (!zygote)
        return;
    close(zygote->connection);
    while (waitpid(zygote->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(zygote);
}

jp_status jpx_zygote_join(jpx_zygote *zygote, int *out_connection, jp_error *err)
{
    jpx_order order = {.kind = JPX_ORDER_JOIN};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return no_pair(err);
    bool sent = jpx_order_send(zygote->connection, &order, &pair[1], 1);
    close(pair[1]);
    if (!sent) {
        close(pair[0]);
        return jpx_fail(err, JP_E_UNAVAILABLE,
                        "the zygote (process %d), which forks the executors, is gone; restart the worker",
                        (int)zygote->pid);
    }
    *out_connection = pair[0];
    return JP_OK;
}

bool jpx_order_send(int connection, const jpx_order *order, const int *fds, size_t fds_count)
{
    union {
        char bytes[CMSG_SPACE(JPX_ORDER_FDS * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)order, .iov_len = sizeof *order};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;

    JPX_ASSERT(fds_count <= JPX_ORDER_FDS);
    if (fds_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(fds_count * sizeof(int));
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds_count * sizeof(int));
        memcpy(CMSG_DATA(rights), fds, fds_count * sizeof(int));
    }
    do
        sent = sendmsg(connection, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof *order;
}

int jpx_report_take(int connection, jpx_report *report)
{
    ssize_t got;

    do
        got = recv(connection, report, sizeof *report, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got == (ssize_t)sizeof *report)
        return 1;
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}
