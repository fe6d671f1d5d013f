/* inline.c -- bodies in this process, on the thread that polls: for tests and for trusted short pipes.
 *
 * No protection: a crash is the worker's crash, time-outs are not enforced, and poll() blocks while a body runs. It
 * returns after a millisecond of bodies at the latest, so that the caller's loop goes on. */
#include "exec/executor_impl.h"
#include <stdlib.h>
#include <string.h>

enum { TURN_NS = 1000000 };

struct job {
    struct job *next;
    jpx_attempt attempt; /* points into data */
    uint8_t data[];
};

struct inline_executor {
    jpx_executor base;
    const jpx_registry *registry;
    const jpx_env *env;
    struct job *first, **last;
    size_t pending;
    jpx_pace pace;
    const jpx_attempt *at_work; /* for a body that asks, by its own means, what runs */
    int64_t since_ms;
};

static struct inline_executor *self_of(jpx_executor *executor)
{
    return (struct inline_executor *)executor;
}

static size_t inline_room(jpx_executor *executor)
{
    struct inline_executor *self = self_of(executor);
    return self->pending < self->pace.window ? self->pace.window - self->pending : 0;
}

static jpx_bytes keep(uint8_t **at, jpx_bytes bytes)
{
    jpx_bytes kept = {*at, bytes.size};
    if (bytes.size)
        memcpy(*at, bytes.data, bytes.size);
    *at += (bytes.size + 15) / 16 * 16;
    return bytes.data ? kept : bytes;
}

static void inline_submit(jpx_executor *executor, const jpx_attempt *attempt)
{
    struct inline_executor *self = self_of(executor);
    jpx_bytes pipe = {(const uint8_t *)attempt->pipe, strlen(attempt->pipe) + 1};
    size_t size = pipe.size + attempt->args.size + attempt->reply.size + attempt->outputs.size + (size_t)4 * 16;

    struct job *job = malloc(sizeof *job + size);
    JPX_ASSERT(job != NULL);
    uint8_t *at = job->data;
    job->next = NULL;
    job->attempt = *attempt;
    job->attempt.args = keep(&at, attempt->args);
    job->attempt.reply = keep(&at, attempt->reply);
    job->attempt.outputs = keep(&at, attempt->outputs);
    job->attempt.pipe = (const char *)keep(&at, pipe).data;
    *self->last = job;
    self->last = &job->next;
    self->pending++;
}

static size_t inline_poll(jpx_executor *executor, jpx_arena *arena, jpx_outcome *out, size_t max, int64_t wait_ms)
{
    struct inline_executor *self = self_of(executor);
    int64_t begin = jpx_mono_ns(), now = begin;
    size_t count = 0;

    (void)wait_ms; /* nothing comes by itself */
    while (count < max && self->first && now - begin < TURN_NS) {
        struct job *job = self->first;
        int64_t begun = now;

        self->first = job->next;
        if (!self->first)
            self->last = &self->first;
        self->at_work = &job->attempt;
        self->since_ms = jpx_now(self->env);
        jpx_outcome *outcome = &out[count++];
        memset(outcome, 0, sizeof *outcome);
        jpx_body_run(self->registry, &job->attempt, arena, outcome);
        self->at_work = NULL;
        now = jpx_mono_ns();
        outcome->number_in_worker = job->attempt.number_in_worker;
        outcome->body_us = (now - begun) / 1000;
        jpx_pace_ended(&self->pace, outcome->body_us);
        self->pending--;
        free(job);
    }
    if (count)
        jpx_pace_batch(&self->pace);
    return count;
}

static int inline_fd(jpx_executor *executor)
{
    (void)executor;
    return -1;
}

static size_t inline_running(jpx_executor *executor, jpx_running *out, size_t max)
{
    struct inline_executor *self = self_of(executor);
    if (!self->at_work || max == 0)
        return 0;
    out[0] = (jpx_running){self->at_work->number_in_worker, self->since_ms};
    return 1;
}

static size_t inline_pending(jpx_executor *executor)
{
    return self_of(executor)->pending;
}

/* Nothing waits behind others: each poll() runs what there is, as far as its turn goes. */
static size_t inline_take_back(jpx_executor *executor, int64_t waited_ms, uint64_t *out, size_t max)
{
    (void)executor;
    (void)waited_ms;
    (void)out;
    (void)max;
    return 0;
}

static bool inline_broken(jpx_executor *executor)
{
    (void)executor;
    return false;
}

static void inline_close(jpx_executor *executor)
{
    struct inline_executor *self = self_of(executor);
    for (struct job *job = self->first, *next; job; job = next) {
        next = job->next;
        free(job);
    }
    free(self);
}

jp_status jpx_executor_inline(jpx_executor **out, const jpx_registry *registry, const jpx_env *env, jp_error *err)
{
    static const jpx_executor_verbs verbs = {inline_room,      inline_submit,  inline_poll,
                                             inline_fd,        inline_running, inline_pending,
                                             inline_take_back, inline_broken,  inline_close};
    struct inline_executor *self = calloc(1, sizeof *self);

    (void)err;
    JPX_ASSERT(self != NULL);
    self->base.verbs = &verbs;
    self->registry = registry;
    self->env = env;
    self->last = &self->first;
    self->pace.window = 1;
    *out = &self->base;
    return JP_OK;
}
