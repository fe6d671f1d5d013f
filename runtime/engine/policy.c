/* policy.c -- what a pipe's definition and its yield say about a pipeline: hooks, retries, time limits. */
#include "engine/session.h"

jpx_pipe_facts jpx_registry_facts(void *registry, const char *name)
{
    const jpx_pipe *pipe = jpx_registry_find(registry, name);
    if (!pipe)
        return (jpx_pipe_facts){.known = false};
    return (jpx_pipe_facts){.known = true,
                            .hook = pipe->def.on_finished != NULL,
                            .cancel = pipe->def.on_cancel != NULL,
                            .promise = pipe->promise};
}

void jpx_random_fn(void *env, void *out, size_t size)
{
    jpx_random(env, out, size);
}

double jpx_random_unit(const jpx_env *env)
{
    uint64_t bits;
    jpx_random(env, &bits, sizeof bits);
    return (double)(bits >> 11) / 9007199254740992.0;
}

jp_retry_policy jpx_policy(const jpx_pipeline *p, const jpx_pipe *pipe)
{
    static const jp_retry_policy standard = {
        .attempts = 3, .first_ms = 1000, .factor = 2.0, .limit_ms = 600000, .jitter = 0.1};
    if (p->has_options)
        return p->retry;
    return pipe ? pipe->def.retry : standard;
}

int64_t jpx_timeout_ms(const jpx_pipeline *p, const jpx_pipe *pipe)
{
    if (p->has_options && p->timeout_ms)
        return p->timeout_ms;
    return pipe ? pipe->def.timeout_ms : 0;
}

const char *jpx_span_text(jpx_arena *arena, int64_t ms)
{
    if (ms < 1000)
        return jpx_format(arena, "%lld ms", (long long)(ms < 0 ? 0 : ms));
    if (ms < 120 * 1000)
        return jpx_format(arena, ms % 1000 ? "%.1f s" : "%.0f s", (double)ms / 1000);
    if (ms < 120 * 60 * 1000)
        return jpx_format(arena, "%lld min", (long long)(ms / 60000));
    return jpx_format(arena, "%lld h", (long long)(ms / 3600000));
}
