/* executor_forked.c -- the policy of the forked executor: which process gets which attempt, when one is started, when a body has
 * had its time.
 *
 * The story of an attempt. submit() encodes it into a job and gives it to the process with the least to do, starting one while
 * there are fewer than allowed; what no process has room for stays in the queue. Short bodies are given in windows (jpx_pace), so
 * that none pays for a round trip. poll() collects outcomes from the shared pages. A process is looked at (look()) when a
 * job has waited 2 ms in it: if a body is at work since then, everything behind it is taken back and given to others. A body
 * over its time-out is asked where it is, then killed. When the zygote reports the end of a process, the job whose body was at
 * work comes back as a crash or a time-out, all others go back to the head of the queue: they had not begun.
 *
 * Invariant: a job is in exactly one of the queue or one process's table, until its outcome is handed to the caller.
 * `pending` counts both.
 *
 * One thread at a time. poll() waits in epoll, and for libdw when it has to explain a crash; nothing else blocks. */
#include "body/executor_impl.h"
#include "body/executor_process.h"
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
    SURPLUS_BELOW_US = 5000,          /* bodies shorter than this should find the next attempt waiting */
    SPAWN_WAIT_NS = 20000000,         /* after a process that died before its first body; doubles */
    SPAWN_WAIT_MAX_NS = 1000000000,
    CLOSE_PATIENCE_MS = 5000,
    EVENTS_MAX = 64
};
static const int64_t STUCK_NS = 15000000000; /* a process that does nothing with what it has, though no body is at work */
enum { EVENT_REPORT = JPX_PROCESSES_MAX, EVENT_TIMER }; /* below: the index of a process */

typedef struct forked {
    jpx_executor base;
    const jpx_env *env;
    jpx_forked_options options;
    int connection, epoll, timer;
    jpx_process *processes; /* options.processes of them */
    jpx_job *queue, **queue_end;
    size_t pending;
    uint32_t next_tag;
    bool broken;
    int64_t spawn_at_ns, spawn_wait_ns;
    int64_t timer_ns; /* when the timer goes off; INT64_MAX = never */
    jpx_trace *trace;
    jpx_arena *scratch;
} forked;

static forked *self_of(jpx_executor *executor)
{
    return (forked *)executor;
}

/* ---- the queue ---- */

static void queue_back(forked *self, jpx_job *job)
{
    job->next = NULL;
    *self->queue_end = job;
    self->queue_end = &job->next;
}

static void queue_front(forked *self, jpx_job *list)
{
    jpx_job *last = list;

    if (!list)
        return;
    while (last->next)
        last = last->next;
    if (!self->queue)
        self->queue_end = &last->next;
    last->next = self->queue;
    self->queue = list;
}

static jpx_job *queue_take(forked *self)
{
    jpx_job *job = self->queue;

    self->queue = job->next;
    if (!self->queue)
        self->queue_end = &self->queue;
    job->next = NULL;
    return job;
}

/* ---- giving ---- */

static void spawn_later(forked *self, int64_t now)
{
    self->spawn_wait_ns = self->spawn_wait_ns ? self->spawn_wait_ns * 2 : SPAWN_WAIT_NS;
    if (self->spawn_wait_ns > SPAWN_WAIT_MAX_NS)
        self->spawn_wait_ns = SPAWN_WAIT_MAX_NS;
    self->spawn_at_ns = now + self->spawn_wait_ns;
}

static bool start(forked *self, jpx_process *process, int64_t now)
{
    jp_error err;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)(process - self->processes)};

    if (jpx_process_start(process, self->next_tag++, self->connection, self->options.memory_bytes, &err) != JP_OK) {
        jpx_log(self->env, JPX_ERROR, "executor not started", "error=\"%s\"", err.text);
        spawn_later(self, now);
        return false;
    }
    /* Without the bell the process is still looked at every now and then. */
    if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, process->bell, &event) != 0)
        jpx_log(self->env, JPX_WARN, "executor without bell", "error=\"%s\"", strerror(errno));
    return true;
}

static bool takes(const forked *self, jpx_process *process, const jpx_job *job)
{
    return process->bodies + process->live < (uint64_t)self->options.recycle_after && jpx_process_takes(process, job);
}

static void dispatch(forked *self, int64_t now)
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
        jpx_process_give(best, queue_take(self), now);
    }
}

static void forked_submit(jpx_executor *executor, const jpx_attempt *attempt)
{
    forked *self = self_of(executor);
    jpx_bytes bytes = jpx_attempt_encode(attempt, self->scratch);
    jpx_job *job = malloc(sizeof *job + bytes.size);

    JPX_ASSERT(job != NULL && bytes.size > 0 && bytes.size <= JPX_FRAME_MAX);
    *job = (jpx_job){NULL, attempt->number_in_worker, attempt->timeout_ms, (uint32_t)bytes.size};
    memcpy(job->data, bytes.data, bytes.size);
    jpx_arena_reset(self->scratch);
    queue_back(self, job);
    self->pending++;
    if (!job->next && self->queue == job)
        dispatch(self, jpx_mono_ns());
}

/* ---- looking after a process ---- */

static void order_signal(forked *self, const jpx_process *process, int sig)
{
    jpx_order_send(self->connection, &(jpx_order){.kind = JPX_ORDER_SIGNAL, .tag = process->tag, .signal = sig}, NULL, 0);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Asks a body over its time where it is, then kills it. Returns when to look again. */
static int64_t end_body(forked *self, jpx_process *process, uint32_t seq, int64_t now)
{
    if (!process->over_time || process->over_seq != seq) {
        process->over_time = true;
        process->over_seq = seq;
        process->kill_ns = now + (int64_t)JPX_CRASH_ENDURE_MS * 1000000;
        atomic_store(&process->page->watch.asked, seq + 1);
        order_signal(self, process, JPX_HANG_SIGNAL);
    } else if (now >= process->kill_ns && !process->killed) {
        process->killed = true;
        order_signal(self, process, SIGKILL);
    }
    return process->killed ? now + JPX_LOOK_MAX_NS : process->kill_ns;
}

/* It neither begins what it has nor hands over what has ended. What has not begun will be run elsewhere. */
static void kill_stuck(forked *self, jpx_process *process)
{
    if (process->killed)
        return;
    jpx_log(self->env, JPX_WARN, "executor is stuck", "process=%d", (int)process->pid);
    process->killed = true;
    order_signal(self, process, SIGKILL);
}

static void look(forked *self, jpx_process *process, int64_t now)
{
    uint32_t seq;
    int64_t begun, next = INT64_MAX;
    const jpx_job *job = jpx_process_at_work(process, &seq, &begun);

    if (!job) {
        if (process->live && now - process->news_ns > STUCK_NS)
            kill_stuck(self, process);
        process->look_step_ns = earlier(process->look_step_ns * 2, JPX_LOOK_MAX_NS);
        process->look_ns = process->live ? now + process->look_step_ns : INT64_MAX;
        return;
    }
    if (begun > now || begun < 0)
        begun = now; /* somebody wrote over it */
    if (now - begun < JPX_LOOK_NS) {
        next = begun + JPX_LOOK_NS;
    } else {
        process->pace.window = 1;
        if (process->live > 1) {
            queue_front(self, jpx_process_revoke(process));
            next = process->live > 1 ? now + JPX_LOOK_NS : next; /* the next one has just begun */
        }
    }
    if (job->timeout_ms > 0 && job->timeout_ms < INT64_MAX / 1000000 - begun / 1000000 - 1) {
        int64_t end = begun + job->timeout_ms * 1000000;
        next = earlier(next, now < end ? end : end_body(self, process, seq, now));
    }
    process->look_ns = next;
}

/* ---- how a process ended ---- */

static void outcome_of_nobody(const jpx_job *job, jpx_arena *arena, jpx_outcome *out)
{
    *out = (jpx_outcome){.number_in_worker = job->number, .end = JPX_END_RETRY, .retry_in_ms = -1};
    out->class_ = "executor";
    out->reason = jpx_strdup(arena, "the zygote, which forks the executors, is gone; restart the worker");
}

static void explain(forked *self, jpx_process *process, const jpx_job *job, bool ended, jpx_arena *arena, jpx_outcome *out)
{
    jpx_death death = {.status = process->status, .max_rss_kb = process->max_rss_kb, .garbage = process->garbage};
    jpx_crash *crash = jpx_alloc(arena, sizeof *crash);

    memcpy(crash, &process->page->crash, sizeof *crash);
    death.timeout_ms = process->over_time ? job->timeout_ms : 0;
    death.ended = ended;
    death.memory_bytes = self->options.memory_bytes;
    *out = (jpx_outcome){.number_in_worker = job->number};
    jpx_crash_explain(self->trace, crash, &death, arena, out);
}

/* Gives back all that a dead process had. False = there is no place for its outcome yet. */
static bool settle(forked *self, jpx_process *process, int64_t now, jpx_arena *arena, jpx_outcome *out, size_t *count, size_t max)
{
    uint32_t seq;
    int64_t begun = now;
    bool ended = false;

    if (*count == max)
        return false;
    bool at_work = jpx_process_at_work(process, &seq, &begun) != NULL;
    /* Asked or killed for the body before this one, which had just ended: that is no failure of this one. */
    bool mistaken = at_work && process->over_time && process->over_seq != seq && !process->lost;
    jpx_job *job = mistaken ? NULL : jpx_process_victim(process, &ended);
    if (job && process->lost)
        outcome_of_nobody(job, arena, &out[(*count)++]);
    else if (job) {
        jpx_outcome *outcome = &out[(*count)++];
        explain(self, process, job, ended, arena, outcome);
        outcome->body_us = begun >= 0 && begun < now ? (now - begun) / 1000 : 0;
    }
    self->pending -= job != NULL;
    free(job);
    queue_front(self, jpx_process_take_back(process));
    if (process->spawn_error)
        jpx_log(self->env, JPX_ERROR, "executor not forked", "error=\"%s\"", strerror(process->spawn_error));
    if (process->began)
        self->spawn_wait_ns = 0;
    else
        spawn_later(self, now);
    jpx_process_free(process);
    return true;
}

/* ---- collecting ---- */

static size_t collect_from(jpx_process *process, forked *self, int64_t now, jpx_arena *arena, jpx_outcome *out, size_t max)
{
    size_t count = 0;
    jpx_job *job;

    while (count < max && (job = jpx_process_outcome(process, arena, &out[count]))) {
        free(job);
        count++;
    }
    if (count) {
        jpx_pace_batch(&process->pace);
        process->over_time = false;
        process->news_ns = now;
        process->look_step_ns = JPX_LOOK_NS;
        process->look_ns = process->live ? now + JPX_LOOK_NS : INT64_MAX;
    }
    self->pending -= count;
    return count;
}

static size_t collect(forked *self, jpx_arena *arena, jpx_outcome *out, size_t max)
{
    int64_t now = jpx_mono_ns();
    size_t count = 0;

    for (size_t i = 0; i < self->options.processes; i++) {
        jpx_process *process = &self->processes[i];
        if (process->state == JPX_VACANT)
            continue;
        if (jpx_process_has_news(process))
            count += collect_from(process, self, now, arena, out + count, max - count);
        if (process->garbage && !process->killed && process->state != JPX_DEAD) {
            process->killed = true;
            order_signal(self, process, SIGKILL);
        }
        jpx_process_feed(process);
        if (process->state == JPX_DEAD && !(count == max && jpx_process_has_news(process)))
            settle(self, process, now, arena, out, &count, max);
        else if (process->state == JPX_LIVE && now >= process->look_ns)
            look(self, process, now);
        if (process->state == JPX_LIVE && process->live == 0 && process->bodies >= (uint64_t)self->options.recycle_after)
            jpx_process_leave(process);
    }
    while (self->broken && self->queue && count < max) {
        jpx_job *job = queue_take(self);
        outcome_of_nobody(job, arena, &out[count++]);
        self->pending--;
        free(job);
    }
    dispatch(self, now);
    return count;
}

/* ---- waiting ---- */

static void take_reports(forked *self)
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
            process->state = JPX_DEAD;
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
        if (self->processes[i].state != JPX_VACANT && self->processes[i].state != JPX_DEAD) {
            self->processes[i].state = JPX_DEAD;
            self->processes[i].lost = true;
        }
}

static void clear_bell(forked *self, size_t i)
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

static void take_events(forked *self, int wait_ms)
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

static void set_timer(forked *self, int64_t at_ns)
{
    struct itimerspec spec = {{0, 0}, {at_ns / 1000000000, at_ns % 1000000000}};

    if (at_ns >= self->timer_ns)
        return; /* goes off in time; once too often does no harm */
    self->timer_ns = at_ns;
    timerfd_settime(self->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* Before sleeping, or returning to a caller who sleeps on our descriptor: every process with work shall ring its bell, the
 * timer shall go off when something is due. True = something is due now. */
static bool settle_down(forked *self)
{
    int64_t next = self->queue && !self->broken && self->spawn_at_ns > jpx_mono_ns() ? self->spawn_at_ns : INT64_MAX;
    bool news = self->broken && self->pending > 0;

    for (size_t i = 0; i < self->options.processes; i++) {
        jpx_process *process = &self->processes[i];
        if (process->state == JPX_VACANT)
            continue;
        if (process->live && process->state == JPX_LIVE && !atomic_load_explicit(&process->page->armed, memory_order_relaxed))
            atomic_store(&process->page->armed, 1);
        next = earlier(next, process->look_ns);
        news = news || process->state == JPX_DEAD;
    }
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t i = 0; i < self->options.processes && !news; i++)
        news = self->processes[i].state != JPX_VACANT && jpx_process_has_news(&self->processes[i]);
    set_timer(self, news ? 1 : next);
    return news;
}

static size_t forked_poll(jpx_executor *executor, jpx_arena *arena, jpx_outcome *out, size_t max, int64_t wait_ms)
{
    forked *self = self_of(executor);
    int64_t end = wait_ms > 0 ? jpx_mono_ns() + wait_ms * 1000000 : 0;
    int wait = 0;

    for (;;) {
        take_events(self, wait);
        size_t count = collect(self, arena, out, max);
        bool news = settle_down(self);
        int64_t left = end ? end - jpx_mono_ns() : 0;
        if (count || max == 0 || left <= 0 || (self->pending == 0 && self->broken))
            return count;
        wait = news ? 0 : (int)earlier((left + 999999) / 1000000, 60000);
    }
}

/* ---- the rest of the interface ---- */

static size_t forked_room(jpx_executor *executor)
{
    forked *self = self_of(executor);
    size_t room = 0;

    for (size_t i = 0; i < self->options.processes && !self->broken; i++) {
        const jpx_process *process = &self->processes[i];
        bool live = process->state == JPX_LIVE;
        room += live ? process->pace.window : 1;
        room += live && process->bodies && process->pace.window == 1 && process->pace.mean_us < SURPLUS_BELOW_US;
    }
    return room > self->pending ? room - self->pending : 0;
}

static int forked_fd(jpx_executor *executor)
{
    return self_of(executor)->epoll;
}

static size_t forked_running(jpx_executor *executor, jpx_running *out, size_t max)
{
    forked *self = self_of(executor);
    int64_t mono = jpx_mono_ns(), now_ms = jpx_now(self->env), begun;
    size_t count = 0;
    uint32_t seq;

    for (size_t i = 0; i < self->options.processes && count < max; i++) {
        jpx_process *process = &self->processes[i];
        const jpx_job *job = process->state == JPX_LIVE ? jpx_process_at_work(process, &seq, &begun) : NULL;
        if (job)
            out[count++] = (jpx_running){job->number, now_ms - (begun < mono ? (mono - begun) / 1000000 : 0)};
    }
    return count;
}

static size_t forked_pending(jpx_executor *executor)
{
    return self_of(executor)->pending;
}

static bool forked_broken(jpx_executor *executor)
{
    return self_of(executor)->broken;
}

static bool any_alive(const forked *self)
{
    for (size_t i = 0; i < self->options.processes; i++)
        if (self->processes[i].state == JPX_LIVE || self->processes[i].state == JPX_LEAVING)
            return true;
    return false;
}

static void free_list(jpx_job *job)
{
    for (jpx_job *next; job; job = next) {
        next = job->next;
        free(job);
    }
}

static void forked_close(jpx_executor *executor)
{
    forked *self = self_of(executor);
    struct pollfd report = {.fd = self->connection, .events = POLLIN};
    int64_t end = jpx_mono_ns() + (int64_t)CLOSE_PATIENCE_MS * 1000000;

    for (size_t i = 0; i < self->options.processes; i++)
        if (self->processes[i].state == JPX_LIVE || self->processes[i].state == JPX_LEAVING)
            order_signal(self, &self->processes[i], SIGKILL);
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

jp_status jpx_executor_forked(jpx_executor **out, jpx_zygote *zygote, const jpx_forked_options *options, const jpx_env *env,
                              jp_error *err)
{
    static const jpx_executor_verbs verbs = {forked_room,    forked_submit,  forked_poll,   forked_fd,
                                             forked_running, forked_pending, forked_broken, forked_close};
    struct epoll_event report = {.events = EPOLLIN, .data.u64 = EVENT_REPORT};
    struct epoll_event timer = {.events = EPOLLIN, .data.u64 = EVENT_TIMER};
    int connection;

    *out = NULL;
    if (options->processes < 1 || options->processes > JPX_PROCESSES_MAX)
        return jpx_fail(err, JP_E_INVALID, "%zu processes for bodies; use 1 to %d", options->processes, JPX_PROCESSES_MAX);
    if (jpx_zygote_join(zygote, &connection, err) != JP_OK)
        return err->status;
    forked *self = calloc(1, sizeof *self);
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
        jpx_fail(err, JP_E_UNAVAILABLE, "no descriptors for the executor: %s; raise the limit of open files", strerror(errno));
        forked_close(&self->base);
        return err->status;
    }
    *out = &self->base;
    return JP_OK;
}
