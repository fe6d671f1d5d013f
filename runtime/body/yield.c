/* yield.c -- children: planned by jp_yield and its sisters, named by futures. Lives in the attempt's arena. */
#include "body/context.h"
#include <string.h>

#define NO_FUTURE ((jp_future){JPX_NO_CHILD, 0, 0})

const jpx_planned *jpx_child_at(const jp_ctx *p, uint32_t child)
{
    JPX_ASSERT(child < p->children);
    return &p->chunks[child / JPX_CHUNK][child % JPX_CHUNK];
}

static jpx_planned *add_child(jp_ctx *p)
{
    if (p->children % JPX_CHUNK == 0)
        JPX_PUSH(p->arena, p->chunks, p->chunks_count, p->chunks_cap) =
            jpx_alloc_array(p->arena, JPX_CHUNK, sizeof(jpx_planned));
    return &p->chunks[p->chunks_count - 1][p->children++ % JPX_CHUNK];
}

bool jpx_future_check(jp_ctx *p, jp_future future, const char *at)
{
    if (p->wrong)
        return false;
    if (future.body_ == p->nonce && future.child_ < p->children &&
        future.slot_ <= jpx_child_at(p, future.child_)->pipe->fills_count)
        return true;
    if (future.body_ == 0)
        jpx_wrong(p, at, "it uses a future that no jp_yield has given: take it from a jp_yield before");
    else
        jpx_wrong(
            p, at,
            "it uses a future of another body or attempt: only the body that yielded a child can use it, pass the "
            "value on as an argument");
    return false;
}

const char *jpx_future_slot(const jp_ctx *p, jp_future future)
{
    return future.slot_ ? jpx_child_at(p, future.child_)->pipe->fills[future.slot_ - 1].name : "default";
}

jpx_kind jpx_slot_kind(const jp_ctx *p, uint32_t child, const char *slot, bool *optional)
{
    const jpx_planned *planned = jpx_child_at(p, child);
    const jpx_pipe *pipe = planned->pipe;
    jpx_kind promised;

    if (pipe->promise && jpx_promise_kind((jpx_bytes){planned->args, planned->args_size}, &promised, optional))
        return promised;
    for (size_t i = 0; i < pipe->fills_count; i++) {
        if (strcmp(pipe->fills[i].name, slot) == 0) {
            *optional = pipe->fills[i].optional;
            return pipe->fills[i].kind;
        }
    }
    *optional = pipe->gives_optional;
    return pipe->gives;
}

jp_future jp_slot_of(jp_ctx *p, jp_future future, const char *name, const char *at)
{
    if (!jpx_future_check(p, future, at))
        return NO_FUTURE;
    const jpx_pipe *pipe = jpx_child_at(p, future.child_)->pipe;
    if (strcmp(name, "default") == 0)
        return (jp_future){future.child_, 0, future.body_};
    for (uint32_t i = 0; i < pipe->fills_count; i++)
        if (strcmp(pipe->fills[i].name, name) == 0)
            return (jp_future){future.child_, i + 1, future.body_};
    jpx_wrong(p, at, "%s has no output %s: its .fills names %s%s%s", pipe->name, name,
              pipe->fills_count ? "\"" : "none", pipe->fills_count ? pipe->def.fills : "",
              pipe->fills_count ? "\", add it or ask for another" : ", add it");
    return NO_FUTURE;
}

bool jpx_may_plan(jp_ctx *p, const char *what, const char *at)
{
    if (p->attempt->call == JPX_CALL_RUN || p->attempt->call == JPX_CALL_REPLY)
        return true;
    jpx_wrong(p, at, "it cannot %s in %s, where its outcome is decided: do that in the body", what,
              p->attempt->call == JPX_CALL_FINISHED ? "on_finished" : "on_cancel");
    return false;
}

/* What a definition is registered as; a body mostly yields the same one again. */
static const jpx_pipe *find_pipe(jp_ctx *p, const jp_def *def)
{
    const char *name = jpx_pipe_name(def);

    if (def == p->last_def && name == p->last_name)
        return p->last_pipe;
    const jpx_pipe *pipe = name ? jpx_registry_find(p->registry, name) : NULL;
    if (pipe) {
        p->last_def = def;
        p->last_name = name;
        p->last_pipe = pipe;
    }
    return pipe;
}

jp_value jpx_gathered(jp_ctx *p, jp_value value, const char *at)
{
    if (value.type != JP_LIST || value.as.list->runs_count == 0)
        return value;
    return jp_v_future(jp_yield_l(p, &jpx_gather, value.as.list, at));
}

/* Items of a "type... name" argument: a reference fills one of them, it does not reach into a list that is one. */
static const jp_value *gather_rest(jp_ctx *p, size_t first, size_t count, const jp_value *values, const char *at)
{
    jp_value *gathered = NULL;

    for (size_t i = first; i < count; i++) {
        if (values[i].type != JP_LIST || values[i].as.list->runs_count == 0)
            continue;
        if (!gathered) {
            gathered = jpx_alloc_array(p->arena, count, sizeof *gathered);
            memcpy(gathered, values, count * sizeof *gathered);
        }
        gathered[i] = jpx_gathered(p, values[i], at);
    }
    return gathered ? gathered : values;
}

static jp_future yield(jp_ctx *p, const jp_options *options, const jp_def *def, size_t count, const jp_value *values,
                       const jp_list *list, const char *at)
{
    if (p->wrong || !jpx_may_plan(p, "yield", at))
        return NO_FUTURE;
    const jpx_pipe *pipe = find_pipe(p, def);
    if (!pipe) {
        jpx_wrong(p, at, "%s is not registered: put it into the list of pipes that the program registers",
                  jpx_pipe_name(def) ? jpx_pipe_name(def) : "a pipe without a name");
        return NO_FUTURE;
    }
    if (p->children >= JPX_CHILDREN_MAX) {
        jpx_wrong(p, at, "it yields more than %d children: let children yield the rest", JPX_CHILDREN_MAX);
        return NO_FUTURE;
    }
    if (pipe->takes_count && pipe->takes[pipe->takes_count - 1].rest && !list)
        values = gather_rest(p, pipe->takes_count - 1, count, values, at);
    if (p->wrong)
        return NO_FUTURE;
    jpx_bound bound = jpx_bind(p, pipe, count, values, list, at, p->arena);
    if (bound.wrong) {
        if (*bound.wrong)
            jpx_wrong(p, at, "%s: %s", bound.wrong, bound.mend);
        return NO_FUTURE;
    }
    if (bound.unstorable)
        jpx_unstorable(p, at, "%s", bound.unstorable);

    const uint32_t number = p->children;
    jpx_planned *child = add_child(p);
    *child = (jpx_planned){.pipe = pipe,
                           .at = jpx_place(at),
                           .args = bound.args.data,
                           .args_size = (uint32_t)bound.args.size,
                           .refs = bound.refs,
                           .refs_count = (uint32_t)bound.refs_count,
                           .options = options};
    if (!pipe->promise) /* it takes its reply from the first moment on, whatever scope it stands in */
        child->waits = jpx_scope_waits(p, number, &child->waits_count);
    return (jp_future){number, 0, p->nonce};
}

jp_future jp_yield_v(jp_ctx *p, const jp_def *def, size_t count, const jp_value *values, const char *at)
{
    return yield(p, NULL, def, count, values, NULL, at);
}

jp_future jp_yield_l(jp_ctx *p, const jp_def *def, const jp_list *list, const char *at)
{
    return yield(p, NULL, def, 0, NULL, list, at);
}

static bool check_options(jp_ctx *p, const jp_options *options, const char *at)
{
    const char *bad = jpx_policy_bad(&options->retry, options->timeout_ms, p->arena);

    if (bad)
        jpx_wrong(p, at, "its options say %s", bad);
    return !bad;
}

jp_future jp_yield_with_v(jp_ctx *p, jp_options options, const jp_def *def, size_t count, const jp_value *values,
                          const char *at)
{
    if (p->wrong || !check_options(p, &options, at))
        return NO_FUTURE;
    jp_options *kept = jpx_alloc(p->arena, sizeof *kept);
    *kept = options;
    return yield(p, kept, def, count, values, NULL, at);
}

/* ---- the plan, as the engine wants it ---- */

static jp_retry_policy policy(const jpx_pipe *pipe, const jp_options *options)
{
    jp_retry_policy all = pipe->def.retry, one = options->retry;

    if (one.attempts)
        all.attempts = one.attempts;
    if (one.first_ms)
        all.first_ms = one.first_ms;
    if (one.factor != 0)
        all.factor = one.factor;
    if (one.limit_ms)
        all.limit_ms = one.limit_ms;
    if (one.jitter != 0)
        all.jitter = one.jitter == JP_NO_JITTER ? 0 : one.jitter;
    return all;
}

jpx_child *jpx_children(const jp_ctx *p, size_t *count)
{
    jpx_child *children = jpx_alloc_array(p->arena, (size_t)p->children + 1, sizeof *children);

    for (uint32_t i = 0; i < p->children; i++) {
        const jpx_planned *planned = jpx_child_at(p, i);
        jpx_child *child = &children[i];
        child->pipe = planned->pipe->name;
        child->queue = planned->pipe->queue;
        child->at = planned->at;
        child->args = (jpx_bytes){planned->args, planned->args_size};
        child->refs = (jpx_ref *)planned->refs;
        child->refs_count = planned->refs_count;
        child->waits = (jpx_wait *)planned->waits;
        child->waits_count = planned->waits_count;
        if (planned->options) {
            child->has_options = true;
            child->retry = policy(planned->pipe, planned->options);
            child->timeout_ms =
                planned->options->timeout_ms ? planned->options->timeout_ms : planned->pipe->def.timeout_ms;
        }
    }
    *count = p->children;
    return children;
}
