/* forked.c -- the forked executor: which process gets which attempt, when one is started, what is waited for.
 *
 * The story of an attempt. submit() encodes it into a job and gives it to the process with the least to do, starting
 * one while there are fewer than allowed; what no process has room for stays in the queue. Short bodies are given in
 * windows (jpx_pace), so that none pays for a round trip. poll() waits for bells, reports and the timer, and collects
 * (forked_watch.c).
 *
 * One thread at a time. poll() waits in epoll, and for libdw when it has to explain a crash; nothing else blocks. */
#include "exec/forked.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    RECYCLE_AFTER = 100000,
    SPAWN_WAIT_NS = 20000000, /* after a process that died before its first body; doubles */
    SPAWN_WAIT_MAX_NS = 1000000000,
    CLOSE_PATIENCE_MS = 5000,
    EVENTS_MAX = 64
};
enum { EVENT_REPORT = JPX_PROCESSES_MAX, EVENT_TIMER }; /* below: the index of a process */

static jpx_forked *self_of(jpx_executor *executor)
{
    return (jpx_forked *)executor;
}

/* ---- the queue ---- */

static void queue_back(jpx_forked *self, jpx_submitted *job)
{
    job->next = NULL;
    *self->queue_end = job;
    self->queue_end = &job->next;
}

void jpx_forked_queue_front(jpx_forked *self, jpx_submitted *list)
{
    jpx_submitted *last = list;

    if (!list)
        return;
    while (last->next)
        last = last->next;
    if (!self->queue)
        self->queue_end = &last->next;
    last->next = self->queue;
    self->queue = list;
}

jpx_submitted *jpx_forked_queue_take(jpx_forked *self)
{
    jpx_submitted *job = self->queue;

    self->queue = job->next;
    if (!self->queue)
        self->queue_end = &self->queue;
    job->next = NULL;
    return job;
}

/* ---- giving ---- */

void jpx_forked_spawn_later(jpx_forked *self, int64_t now)
{
    self->spawn_wait_ns = self->spawn_wait_ns ? self->spawn_wait_ns * 2 : SPAWN_WAIT_NS;
    if (self->spawn_wait_ns > SPAWN_WAIT_MAX_NS)
        self->spawn_wait_ns = SPAWN_WAIT_MAX_NS;
    self->spawn_at_ns = now + self->spawn_wait_ns;
}

void jpx_forked_signal(jpx_forked *self, const jpx_process *process, int sig)
{
    jpx_order_send(self->connection, &(jpx_order){.kind = JPX_ORDER_SIGNAL, .tag = process->tag, .signal = sig}, NULL,
                   0);
}

static bool start(jpx_forked *self, jpx_process *process, int64_t now)
{
    jp_error err;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)(process - self->processes)};

    if (jpx_process_start(process, self->next_tag++, self->connection, self->options.memory_bytes, &err) != JP_OK) {
        jpx_log(self->env, JPX_ERROR, "executor not started", "error=\"%s\"", err.text);
        jpx_forked_spawn_later(self, now);
        return false;
    }
    /* Without the bell the process is still looked at every now and then. */
    if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, process->bell, &event) != 0)
        jpx_log(self->env, JPX_WARN, "executor without bell", "error=\"%s\"", strerror(errno));
    return true;
}

static bool takes(const jpx_forked *self, jpx_process *process, const jpx_submitted *job)
{
    return process->bodies + process->live < (uint64_t)self->options.recycle_after && jpx_process_takes(process, job);
}

static void dispatch(jpx_forked *self, int64_t now)
{
    while (self->queue && !self->broken) {
        jpx_process *best = NULL, *vacant = NULL;
        for (size_t i = 0; i < self->options.processes && !(best && best->live == 0); i++) {
            jpx_process *process = &self->processes[i];
            if (process->state == JPX_VACANT && !vacant)
                vacant = process;
            else if ((!best || process->live < best->live) && takes(self, process, self->queue))
                best = process;
        }
        if (!(best && best->live == 0) && vacant && now >= self->spawn_at_ns && start(self, vacant, now))
            best = vacant;
        if (!best)
            return;
        jpx_process_give(best, jpx_forked_queue_take(self), now);
    }
}

static void forked_submit(jpx_executor *executor, const jpx_attempt *attempt)
{
    jpx_forked *self = self_of(executor);
    jpx_bytes bytes = jpx_attempt_encode(attempt, self->scratch);
    jpx_submitted *job = malloc(sizeof *job + bytes.size);

    JPX_ASSERT(job != NULL && bytes.size > 0 && bytes.size <= JPX_FRAME_MAX);
    *job = (jpx_submitted){NULL, attempt->number_in_worker, attempt->timeout_ms, jpx_mono_ns(), (uint32_t)bytes.size};
    memcpy(job->data, bytes.data, bytes.size);
    jpx_arena_reset(self->scratch);
    queue_back(self, job);
    self->pending++;
    if (!job->next && self->queue == job)
        dispatch(self, jpx_mono_ns());
}

/* ---- waiting ---- */

static void take_reports(jpx_forked *self)
{
    jpx_report report;
    int got;

    while ((got = jpx_report_take(self->connection, &report)) > 0)
        for (size_t i = 0; i < self->options.processes; i++) {
            jpx_process *process = &self->processes[i];
            if (process->state == JPX_VACANT || process->tag != report.tag)
                continue;
            process->pid = report.pid;
            if (report.kind == JPX_REPORT_SPAWNED)
                break;
            process->state = JPX_ENDED;
            process->status = report.status;
            process->spawn_error = report.error;
            process->max_rss_kb = report.max_rss_kb;
            break;
        }
    if (got == 0 || self->broken)
        return;
    self->broken = true;
    epoll_ctl(self->epoll, EPOLL_CTL_DEL, self->connection, NULL);
    jpx_log(self->env, JPX_ERROR, "zygote is gone", "hint=\"no bodies can run any more; restart the worker\"");
    for (size_t i = 0; i < self->options.processes; i++)
        if (self->processes[i].state != JPX_VACANT && self->processes[i].state != JPX_ENDED) {
            self->processes[i].state = JPX_ENDED;
            self->processes[i].lost = true;
        }
}

static void clear_bell(jpx_forked *self, size_t i)
{
    char bytes[64];
    jpx_process *process = &self->processes[i];

    if (process->state == JPX_VACANT)
        return;
    ssize_t got = recv(process->bell, bytes, sizeof bytes, MSG_DONTWAIT);
    while (got == (ssize_t)sizeof bytes)
        got = recv(process->bell, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got == 0) /* closed by a body or by its end; the report tells which */
        epoll_ctl(self->epoll, EPOLL_CTL_DEL, process->bell, NULL);
}

static void take_events(jpx_forked *self, int wait_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(self->epoll, events, EVENTS_MAX, wait_ms);
    uint64_t unused;

    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == EVENT_REPORT)
            take_reports(self);
        else if (events[i].data.u64 != EVENT_TIMER)
            clear_bell(self, (size_t)events[i].data.u64);
        else if (read(self->timer, &unused, sizeof unused) > 0)
            self->timer_ns = INT64_MAX;
    }
}

static void set_timer(jpx_forked *self, int64_t at_ns)
{
    struct itimerspec spec = {{0, 0}, {at_ns / 1000000000, at_ns % 1000000000}};

    if (at_ns >= self->timer_ns)
        return; /* goes off in time; once too often does no harm */
    self->timer_ns = at_ns;
    timerfd_settime(self->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* Before sleeping, or returning to a caller who sleeps on our descriptor: every process with work shall ring its bell,
 * the timer shall go off when something is due. True = something is due now. */
static bool reap_all(jpx_forked *self)
{
    int64_t next = self->queue && !self->broken && self->spawn_at_ns > jpx_mono_ns() ? self->spawn_at_ns : INT64_MAX;
    bool news = self->broken && self->pending > 0;

    for (size_t i = 0; i < self->options.processes; i++) {
        jpx_process *process = &self->processes[i];
        if (process->state == JPX_VACANT)
            continue;
        if (process->live && process->state == JPX_LIVE &&
            !atomic_load_explicit(&process->page->armed, memory_order_relaxed))
            atomic_store(&process->page->armed, 1);
        next = jpx_earlier(next, process->look_ns);
        news = news || process->state == JPX_ENDED;
    }
    /* Armed first, looked second; the process puts first and looks second: nothing falls between. */
    for (size_t i = 0; i < self->options.processes && !news; i++)
        news = self->processes[i].state != JPX_VACANT && jpx_process_has_news(&self->processes[i]);
    set_timer(self, news ? 1 : next);
    return news;
}

static size_t forked_poll(jpx_executor *executor, jpx_arena *arena, jpx_outcome *out, size_t max, int64_t wait_ms)
{
    jpx_forked *self = self_of(executor);
    int64_t end = wait_ms > 0 ? jpx_mono_ns() + wait_ms * 1000000 : 0;
    int wait = 0;

    for (;;) {
        take_events(self, wait);
        int64_t now = jpx_mono_ns();
        size_t count = jpx_forked_collect(self, now, arena, out, max);
        dispatch(self, now);
        bool news = reap_all(self);
        int64_t left = end ? end - jpx_mono_ns() : 0;
        if (count || max == 0 || left <= 0 || (self->pending == 0 && self->broken))
            return count;
        wait = news ? 0 : (int)jpx_earlier((left + 999999) / 1000000, 60000);
    }
}

/* ---- the rest of the interface ---- */

static size_t forked_room(jpx_executor *executor)
{
    jpx_forked *self = self_of(executor);
    size_t room = 0;

    for (size_t i = 0; i < self->options.processes && !self->broken; i++) {
        const jpx_process *process = &self->processes[i];
        bool live = process->state == JPX_LIVE;
        room += live ? process->pace.window : 1;
        room += live && process->bodies && process->pace.window == 1 && process->pace.mean_us < JPX_SURPLUS_BELOW_US;
    }
    return room > self->pending ? room - self->pending : 0;
}

static int forked_fd(jpx_executor *executor)
{
    return self_of(executor)->epoll;
}

static size_t forked_running(jpx_executor *executor, jpx_running *out, size_t max)
{
    jpx_forked *self = self_of(executor);
    int64_t mono = jpx_mono_ns(), now_ms = jpx_now(self->env), begun;
    size_t count = 0;
    uint32_t seq;

    for (size_t i = 0; i < self->options.processes && count < max; i++) {
        jpx_process *process = &self->processes[i];
        const jpx_submitted *job = process->state == JPX_LIVE ? jpx_process_at_work(process, &seq, &begun) : NULL;
        if (job)
            out[count++] = (jpx_running){job->number, now_ms - (begun < mono ? (mono - begun) / 1000000 : 0)};
    }
    return count;
}

static size_t forked_pending(jpx_executor *executor)
{
    return self_of(executor)->pending;
}

static size_t forked_take_back(jpx_executor *executor, int64_t waited_ms, uint64_t *out, size_t max)
{
    jpx_forked *self = self_of(executor);
    int64_t before = jpx_mono_ns() - waited_ms * 1000000;
    size_t count = 0;
    jpx_submitted **at = &self->queue;

    while (*at) {
        jpx_submitted *job = *at;
        if (job->since_ns > before || count == max) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        out[count++] = job->number;
        free(job);
    }
    self->queue_end = at;
    self->pending -= count;
    return count;
}

static bool forked_broken(jpx_executor *executor)
{
    return self_of(executor)->broken;
}

static bool any_alive(const jpx_forked *self)
{
    for (size_t i = 0; i < self->options.processes; i++)
        if (self->processes[i].state == JPX_LIVE || self->processes[i].state == JPX_LEAVING)
            return true;
    return false;
}

static void free_list(jpx_submitted *job)
{
    for (jpx_submitted *next; job; job = next) {
        next = job->next;
        free(job);
    }
}

static void forked_close(jpx_executor *executor)
{
    jpx_forked *self = self_of(executor);
    struct pollfd report = {.fd = self->connection, .events = POLLIN};
    int64_t end = jpx_mono_ns() + (int64_t)CLOSE_PATIENCE_MS * 1000000;

    for (size_t i = 0; i < self->options.processes; i++)
        if (self->processes[i].state == JPX_LIVE || self->processes[i].state == JPX_LEAVING)
            jpx_forked_signal(self, &self->processes[i], SIGKILL);
    while (!self->broken && any_alive(self) && jpx_mono_ns() < end) {
        poll(&report, 1, 100);
        take_reports(self);
    }
    close(self->connection); /* the zygote kills what may be left */
    for (size_t i = 0; i < self->options.processes; i++)
        if (self->processes[i].state != JPX_VACANT) {
            free_list(jpx_process_take_back(&self->processes[i]));
            jpx_process_free(&self->processes[i]);
        }
    free_list(self->queue);
    close(self->epoll);
    close(self->timer);
    jpx_trace_free(self->trace);
    jpx_arena_free(self->scratch);
    free(self->processes);
    free(self);
}

jp_status jpx_executor_forked(jpx_executor **out, jpx_zygote *zygote, const jpx_forked_options *options,
                              const jpx_env *env, jp_error *err)
{
    static const jpx_executor_verbs verbs = {forked_room,      forked_submit,  forked_poll,
                                             forked_fd,        forked_running, forked_pending,
                                             forked_take_back, forked_broken,  forked_close};
    struct epoll_event report = {.events = EPOLLIN, .data.u64 = EVENT_REPORT};
    struct epoll_event timer = {.events = EPOLLIN, .data.u64 = EVENT_TIMER};
    int connection;

    *out = NULL;
    if (options->processes < 1 || options->processes > JPX_PROCESSES_MAX)
        return jpx_fail(err, JP_E_INVALID, "%zu processes for bodies; use 1 to %d", options->processes,
                        JPX_PROCESSES_MAX);
    if (jpx_zygote_join(zygote, &connection, err) != JP_OK)
        return err->status;
    jpx_forked *self = calloc(1, sizeof *self);
    JPX_ASSERT(self != NULL);
    self->base.verbs = &verbs;
    self->env = env;
    self->options = *options;
    self->connection = connection;
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    self->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    self->options.recycle_after = options->recycle_after > 0 ? options->recycle_after : RECYCLE_AFTER;
    self->processes = calloc(options->processes, sizeof *self->processes);
    JPX_ASSERT(self->processes != NULL);
    self->queue_end = &self->queue;
    self->timer_ns = INT64_MAX;
    self->trace = jpx_trace_new();
    self->scratch = jpx_arena_new();
    if (self->epoll < 0 || self->timer < 0 || epoll_ctl(self->epoll, EPOLL_CTL_ADD, connection, &report) != 0 ||
        epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->timer, &timer) != 0) {
        jpx_fail(err, JP_E_UNAVAILABLE, "no descriptors for the executor: %s; raise the limit of open files",
                 strerror(errno));
        forked_close(&self->base);
        return err->status;
    }
    *out = &self->base;
    return JP_OK;
}
