/* forked_watch.c -- what the forked executor's processes have done: their outcomes, bodies that take long, how they
 * ended.
 *
 * A process is looked at when a job has waited 2 ms in it: if a body is at work since then, everything behind it is
 * taken back and given to others. A body over its time-out is asked where it is, then killed. When the zygote has
 * reported the end of a process, the job whose body was at work comes back as a crash or a time-out; all others go to
 * the head of the queue, they had not begun. What the page says about a body is believed once: a body that scribbles
 * over it does not get more time.
 *
 * The executor's thread; blocks only for libdw, when a death has to be explained. */
#include "exec/forked.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* So long a process may do nothing with what it has while no body is at work. */
static const int64_t STUCK_NS = 15000000000;

/* ---- looking after a process ---- */

/* Asks a body over its time where it is, then kills it. Returns when to look again. */
static int64_t end_body(jpx_forked *self, jpx_process *process, uint32_t seq, int64_t now)
{
    if (!process->over_time || process->over_seq != seq) {
        process->over_time = true;
        process->over_seq = seq;
        process->kill_ns = now + (int64_t)JPX_CRASH_ENDURE_MS * 1000000;
        atomic_store(&process->page->watch.asked, seq + 1);
        jpx_forked_signal(self, process, JPX_HANG_SIGNAL);
    } else if (now >= process->kill_ns && !process->killed) {
        process->killed = true;
        jpx_forked_signal(self, process, SIGKILL);
    }
    return process->killed ? now + JPX_LOOK_MAX_NS : process->kill_ns;
}

/* It neither begins what it has nor hands over what has ended. What has not begun will be run elsewhere. */
static void kill_stuck(jpx_forked *self, jpx_process *process)
{
    if (process->killed)
        return;
    jpx_log(self->env, JPX_WARN, "executor is stuck", "process=%d", (int)process->pid);
    process->killed = true;
    jpx_forked_signal(self, process, SIGKILL);
}

static void look(jpx_forked *self, jpx_process *process, int64_t now)
{
    uint32_t seq;
    int64_t begun, next = INT64_MAX;
    const jpx_submitted *job = jpx_process_at_work(process, &seq, &begun);

    if (!job) {
        if (process->live && now - process->news_ns > STUCK_NS)
            kill_stuck(self, process);
        process->look_step_ns = jpx_earlier(process->look_step_ns * 2, JPX_LOOK_MAX_NS);
        process->look_ns = process->live ? now + process->look_step_ns : INT64_MAX;
        return;
    }
    if (now - begun < JPX_LOOK_NS) {
        next = begun + JPX_LOOK_NS;
    } else {
        process->pace.window = 1;
        if (process->pace.mean_us < JPX_SURPLUS_BELOW_US)
            process->pace.mean_us = JPX_SURPLUS_BELOW_US; /* nobody knows how long it takes: nothing waits for it */
        if (process->live > 1) {
            jpx_forked_queue_front(self, jpx_process_revoke(process));
            next = process->live > 1 ? now + JPX_LOOK_NS : next; /* the next one has just begun */
        }
    }
    if (job->timeout_ms > 0 && job->timeout_ms < INT64_MAX / 1000000 - begun / 1000000 - 1) {
        int64_t end = begun + job->timeout_ms * 1000000;
        next = jpx_earlier(next, now < end ? end : end_body(self, process, seq, now));
    }
    process->look_ns = next;
}

/* ---- how a process ended ---- */

static void outcome_of_nobody(const jpx_submitted *job, jpx_arena *arena, jpx_outcome *out)
{
    *out = (jpx_outcome){.number_in_worker = job->number, .end = JPX_END_RETRY, .retry_in_ms = -1};
    out->class_ = "executor";
    out->reason = jpx_strdup(arena, "the zygote, which forks the executors, is gone; restart the worker");
}

static void explain(jpx_forked *self, jpx_process *process, const jpx_submitted *job, bool over_time, bool ended,
                    jpx_arena *arena, jpx_outcome *out)
{
    jpx_death death = {.status = process->status, .max_rss_kb = process->max_rss_kb, .garbage = process->garbage};
    jpx_crash *crash = jpx_alloc(arena, sizeof *crash);

    memcpy(crash, &process->page->crash, sizeof *crash);
    death.timeout_ms = over_time ? job->timeout_ms : 0;
    death.ended = ended;
    death.memory_bytes = self->options.memory_bytes;
    *out = (jpx_outcome){.number_in_worker = job->number};
    jpx_crash_explain(self->trace, crash, &death, arena, out);
}

/* Gives back all that a dead process had. False = there is no place for its outcome yet. */
static bool reap(jpx_forked *self, jpx_process *process, int64_t now, jpx_arena *arena, jpx_outcome *out, size_t *count,
                 size_t max)
{
    uint32_t seq;
    int64_t begun = now;
    bool ended = false;

    if (*count == max)
        return false;
    bool at_work = jpx_process_at_work(process, &seq, &begun) != NULL;
    /* Killed for the body before this one, which ended at the last moment: that is no failure of this one. */
    bool mistaken = at_work && process->killed && process->over_time && process->over_seq != seq && !process->garbage;
    jpx_submitted *job = mistaken ? NULL : jpx_process_victim(process, &seq, &ended);
    if (job && process->lost)
        outcome_of_nobody(job, arena, &out[(*count)++]);
    else if (job) {
        jpx_outcome *outcome = &out[(*count)++];
        explain(self, process, job, process->over_time && process->over_seq == seq, ended, arena, outcome);
        outcome->body_us = begun < now ? (now - begun) / 1000 : 0;
    }
    self->pending -= job != NULL;
    free(job);
    jpx_forked_queue_front(self, jpx_process_take_back(process));
    if (process->spawn_error)
        jpx_log(self->env, JPX_ERROR, "executor not forked", "error=\"%s\"", strerror(process->spawn_error));
    else if (!process->began && !process->lost)
        jpx_log(self->env, JPX_ERROR, "executor died early",
                "process=%d status=0x%x hint=\"is its memory limit too low?\"", (int)process->pid,
                (unsigned)process->status);
    if (process->began)
        self->spawn_wait_ns = 0;
    else
        jpx_forked_spawn_later(self, now);
    jpx_process_free(process);
    return true;
}

/* ---- collecting ---- */

static size_t collect_from(jpx_process *process, jpx_forked *self, int64_t now, jpx_arena *arena, jpx_outcome *out,
                           size_t max)
{
    size_t count = 0;
    jpx_submitted *job;

    while (count < max && (job = jpx_process_outcome(process, arena, &out[count]))) {
        free(job);
        count++;
    }
    if (count) {
        jpx_pace_batch(&process->pace);
        process->look_step_ns = JPX_LOOK_NS;
        process->look_ns = process->live ? now + JPX_LOOK_NS : INT64_MAX;
    }
    self->pending -= count;
    return count;
}

size_t jpx_forked_collect(jpx_forked *self, int64_t now, jpx_arena *arena, jpx_outcome *out, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < self->options.processes; i++) {
        jpx_process *process = &self->processes[i];
        if (process->state == JPX_VACANT)
            continue;
        if (jpx_process_has_news(process)) {
            process->news_ns = now;
            count += collect_from(process, self, now, arena, out + count, max - count);
        }
        if (process->garbage && !process->killed && process->state != JPX_ENDED) {
            process->killed = true;
            jpx_forked_signal(self, process, SIGKILL);
        }
        jpx_process_feed(process);
        if (process->state == JPX_ENDED && !(count == max && jpx_process_has_news(process)))
            reap(self, process, now, arena, out, &count, max);
        else if (process->state == JPX_LIVE && now >= process->look_ns)
            look(self, process, now);
        if (process->state == JPX_LIVE && process->live == 0 &&
            process->bodies >= (uint64_t)self->options.recycle_after)
            jpx_process_leave(process);
    }
    while (self->broken && self->queue && count < max) {
        jpx_submitted *job = jpx_forked_queue_take(self);
        outcome_of_nobody(job, arena, &out[count++]);
        self->pending--;
        free(job);
    }
    return count;
}
