/* zygote_loop.c -- the zygote's side; see zygote.h. Runs in the zygote, single-threaded, and never runs a user's code.
 *
 * Invariants: it never waits for one executor (a report that cannot be sent stays with its process until it can);
 * a process stays in the table until it is reaped and its end was reported; the group of a process is killed before it
 * is reaped, while the number of the group still belongs to it. */
#include "exec/child.h"
#include "exec/zygote.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STOP_PATIENCE_MS = 10000, STOP_STEP_MS = 20 };

struct process {
    uint32_t tag;
    int connection; /* -1 = its executor is gone */
    pid_t pid;
    bool begun_told, ended;
    jpx_report end;
};

static struct zygote {
    const jpx_registry *registry;
    pid_t pid;
    int signals;                              /* signalfd for SIGCHLD */
    struct pollfd fds[JPX_EXECUTORS_MAX + 2]; /* signals, the main connection, the executors' */
    size_t fds_count;
    struct process *processes;
    size_t count, cap;
} self;

enum { FD_SIGNALS, FD_MAIN, FD_FIRST };

static struct process *find(int connection, uint32_t tag)
{
    for (size_t i = 0; i < self.count; i++)
        if (self.processes[i].connection == connection && self.processes[i].tag == tag)
            return &self.processes[i];
    return NULL;
}

static bool report(int connection, const jpx_report *what)
{
    return send(connection, what, sizeof *what, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
           (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ENOBUFS);
}

/* Sends what is due; true = nothing is left to say and the entry may go. */
static bool tell(struct process *process)
{
    jpx_report spawned = {.kind = JPX_REPORT_SPAWNED, .tag = process->tag, .pid = process->pid};

    if (process->connection < 0)
        return process->ended;
    if (!process->begun_told)
        process->begun_told = report(process->connection, &spawned);
    if (!process->begun_told || !process->ended)
        return false;
    return report(process->connection, &process->end);
}

static void tell_all(void)
{
    for (size_t i = self.count; i-- > 0;)
        if (tell(&self.processes[i]))
            self.processes[i] = self.processes[--self.count];
    for (size_t f = FD_FIRST; f < self.fds_count; f++)
        self.fds[f].events = POLLIN;
    for (size_t i = 0; i < self.count; i++)
        for (size_t f = FD_FIRST; f < self.fds_count; f++)
            if (self.fds[f].fd == self.processes[i].connection &&
                (self.processes[i].ended || !self.processes[i].begun_told))
                self.fds[f].events = POLLIN | POLLOUT;
}

static void reap(void)
{
    for (;;) {
        siginfo_t info = {0};
        struct rusage usage;
        struct process *process = NULL;
        int status;

        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return;
        for (size_t i = 0; i < self.count && !process; i++)
            if (self.processes[i].pid == info.si_pid && !self.processes[i].ended)
                process = &self.processes[i];
        if (process)
            kill(-info.si_pid, SIGKILL); /* what its bodies left behind */
        if (wait4(info.si_pid, &status, 0, &usage) == info.si_pid && process) {
            process->ended = true;
            process->end = (jpx_report){JPX_REPORT_ENDED, process->tag, process->pid, 0, status, usage.ru_maxrss};
        }
    }
}

static void close_own(void)
{
    for (size_t i = 0; i < self.fds_count; i++)
        close(self.fds[i].fd);
}

static struct process *add(int connection, uint32_t tag)
{
    if (self.count == self.cap) {
        self.cap = self.cap ? self.cap * 2 : 64;
        self.processes = reallocarray(self.processes, self.cap, sizeof *self.processes);
        JPX_ASSERT(self.processes != NULL);
    }
    self.processes[self.count] = (struct process){.tag = tag, .connection = connection};
    return &self.processes[self.count++];
}

static void add_failed(int connection, uint32_t tag, int error)
{
    struct process *process = add(connection, tag);

    process->begun_told = process->ended = true;
    process->end = (jpx_report){.kind = JPX_REPORT_FAILED, .tag = tag, .error = error};
}

static void spawn(int connection, const jpx_order *order, const int *fds)
{
    pid_t pid = fork();

    if (pid == 0) {
        close_own();
        jpx_child_main(self.registry, fds[0], fds[1], self.pid, order->memory_bytes);
    }
    if (pid < 0) {
        add_failed(connection, order->tag, errno);
        return;
    }
    setpgid(pid, pid); /* here as well as there: the group exists before either goes on */
    add(connection, order->tag)->pid = pid;
}

static void signal_process(int connection, const jpx_order *order)
{
    struct process *process = find(connection, order->tag);

    if (!process || process->ended)
        return;
    if (order->signal == SIGKILL)
        kill(process->pid, SIGKILL);
    else
        syscall(SYS_tgkill, process->pid, process->pid, order->signal);
}

static void join(int fd)
{
    if (self.fds_count == sizeof self.fds / sizeof self.fds[0]) {
        close(fd); /* the executor sees the end of its connection */
        return;
    }
    self.fds[self.fds_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* One order; false = there is none, or the connection is closed (*closed). */
static bool take(int connection, bool *closed)
{
    union {
        char bytes[CMSG_SPACE(JPX_ORDER_FDS * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    jpx_order order;
    struct iovec part = {.iov_base = &order, .iov_len = sizeof order};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    int fds[JPX_ORDER_FDS] = {-1, -1};

    ssize_t got = recvmsg(connection, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got <= 0) {
        *closed = got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
        return false;
    }
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (rights && rights->cmsg_type == SCM_RIGHTS && rights->cmsg_len <= CMSG_LEN(sizeof fds))
        memcpy(fds, CMSG_DATA(rights), rights->cmsg_len - CMSG_LEN(0));
    if (got != (ssize_t)sizeof order)
        order.kind = JPX_ORDER_SIGNAL, order.tag = UINT32_MAX;
    if (order.kind == JPX_ORDER_JOIN && connection == self.fds[FD_MAIN].fd && fds[0] >= 0) {
        join(fds[0]);
        return true;
    }
    if (order.kind == JPX_ORDER_SPAWN && fds[0] >= 0 && fds[1] >= 0)
        spawn(connection, &order, fds);
    else if (order.kind == JPX_ORDER_SPAWN)
        add_failed(connection, order.tag, EMFILE);
    else if (order.kind == JPX_ORDER_SIGNAL)
        signal_process(connection, &order);
    for (size_t i = 0; i < JPX_ORDER_FDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return true;
}

static void leave_executor(size_t f)
{
    for (size_t i = 0; i < self.count; i++) {
        if (self.processes[i].connection != self.fds[f].fd)
            continue;
        if (!self.processes[i].ended)
            kill(self.processes[i].pid, SIGKILL);
        self.processes[i].connection = -1;
    }
    close(self.fds[f].fd);
    self.fds[f] = self.fds[--self.fds_count];
}

/* Kills all children: the executors, and orphans of bodies, which came to us as the subreaper. */
static void kill_children(void)
{
    char text[64 * 1024];
    int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;

    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    for (char *at = text, *end; *at; at = end) {
        long pid = strtol(at, &end, 10);
        if (end == at || pid <= 0)
            break;
        kill((pid_t)pid, SIGKILL);
        if (*end == ' ')
            end++;
    }
    for (size_t i = 0; i < self.count; i++)
        if (!self.processes[i].ended)
            kill(self.processes[i].pid, SIGKILL);
}

static _Noreturn void stop(void)
{
    for (int waited = 0; waited < STOP_PATIENCE_MS; waited += STOP_STEP_MS) {
        struct signalfd_siginfo unused;
        struct pollfd child = {.fd = self.signals, .events = POLLIN};

        kill_children();
        if (poll(&child, 1, STOP_STEP_MS) > 0 && read(self.signals, &unused, sizeof unused) < 0)
            continue;
        reap();
        if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
            break;
    }
    _exit(0);
}

static void become(int main_connection, const jpx_registry *registry)
{
    sigset_t all, child;

    self.registry = registry;
    self.pid = getpid();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGCHLD, SIG_DFL); /* ignored, it would reap by itself */
    setpgid(0, 0);            /* the terminal's Ctrl-C is for the worker, which lets bodies end */
    prctl(PR_SET_NAME, "jetpipe-zygote");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int null = open("/dev/null", O_RDONLY);
    if (null > 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    self.signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    JPX_ASSERT(self.signals >= 0);
    self.fds[FD_SIGNALS] = (struct pollfd){.fd = self.signals, .events = POLLIN};
    self.fds[FD_MAIN] = (struct pollfd){.fd = main_connection, .events = POLLIN};
    self.fds_count = FD_FIRST;
}

void jpx_zygote_loop(int main_connection, const jpx_registry *registry)
{
    become(main_connection, registry);
    for (;;) {
        tell_all();
        if (poll(self.fds, self.fds_count, -1) < 0)
            continue;
        if (self.fds[FD_SIGNALS].revents) {
            struct signalfd_siginfo unused[8];
            if (read(self.signals, unused, sizeof unused) > 0)
                reap();
        }
        for (size_t f = self.fds_count; f-- > FD_MAIN;) {
            bool closed = false;
            if (!(self.fds[f].revents & (POLLIN | POLLHUP | POLLERR)))
                continue;
            while (take(self.fds[f].fd, &closed))
                ;
            if (closed && f == FD_MAIN)
                stop();
            if (closed)
                leave_executor(f);
        }
    }
}
