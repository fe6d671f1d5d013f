/* end.c -- outputs, and the five ways a body may end. An ending is only noted here; body.c takes the one that the body
 * returns. */
#include "body/context.h"
#include <string.h>

#define DELAY_MEND "give it 0 ms to ten years"

static jp_end note(jp_ctx *p, jpx_ending ending)
{
    if (p->endings_count == JPX_ENDINGS_MAX) {
        jpx_wrong(p, ending.at, "it has called jp_return and its sisters more than %d times: call one, and return it",
                  JPX_ENDINGS_MAX);
        return (jp_end){0, 0};
    }
    JPX_PUSH(p->arena, p->endings, p->endings_count, p->endings_cap) = ending;
    return (jp_end){(uint32_t)p->endings_count, p->nonce};
}

/* Fills in what an output is: a child's slot or a value. `declared` is how it was declared, "gives int64". */
static bool set_output(jp_ctx *p, jpx_output *out, const char *declared, jpx_kind kind, bool optional, jp_value value,
                       const char *at)
{
    const char *where = strcmp(out->slot, "default") == 0 ? ".gives" : ".fills";
    const char *bad;

    value = jpx_gathered(p, value, at);
    if (p->wrong)
        return false;
    if (value.type == JP_FUTURE) {
        const jp_future future = value.as.future;
        bool maybe_null;
        if (!jpx_future_check(p, future, at))
            return false;
        out->forwarded = true;
        out->child = future.child_;
        out->child_slot = jpx_future_slot(p, future);
        jpx_kind given = jpx_slot_kind(p, future.child_, out->child_slot, &maybe_null);
        out->type = NULL;
        if (kind != JPX_ANY && (given == JPX_ANY || (maybe_null && !optional))) /* what comes will be looked at */
            out->type = jpx_format(p->arena, "%s%s", jpx_kind_text(kind), optional ? "?" : "");
        if (kind == JPX_ANY || given == JPX_ANY || given == kind || (kind == JPX_DOUBLE && given == JPX_INT64))
            return true;
        jpx_wrong(p, at, "it %s, is given %s: hand on a child that gives %s, or change %s", declared,
                  jpx_kind_text(given), jpx_kind_text(kind), where);
        return false;
    }
    if (!(value.type == JP_NULL && optional) && !jpx_kind_takes(kind, value.type)) {
        jpx_wrong(p, at, "it %s, is given %s: %s, or change %s", declared, jpx_type_text(value.type),
                  jpx_pass_phrase(kind, value.type, p->arena), where);
        return false;
    }
    out->forwarded = false;
    out->value = jpx_value_doc(value, kind, p->arena, &bad);
    if (bad)
        jpx_unstorable(p, at, "its output %s %s", out->slot, bad);
    return true;
}

void jp_fill_v(jp_ctx *p, const char *name, jp_value value, const char *at)
{
    if (p->wrong || !jpx_may_plan(p, "fill an output", at))
        return;
    for (size_t i = 0; i < p->pipe->fills_count; i++) {
        const jpx_param *param = &p->pipe->fills[i];
        if (strcmp(param->name, name) != 0)
            continue;
        jpx_output output = {.slot = param->name};
        const char *declared =
            jpx_format(p->arena, "fills %s%s %s", jpx_kind_text(param->kind), param->optional ? "?" : "", param->name);
        if (set_output(p, &output, declared, param->kind, param->optional, value, at))
            p->fills[i] = output;
        return;
    }
    if (strcmp(name, "default") == 0)
        jpx_wrong(p, at, "it fills the output default: that is what jp_return is for");
    else
        jpx_wrong(p, at, "it fills the output %s, which it does not declare: add it to .fills = \"%s\"", name,
                  p->pipe->def.fills ? p->pipe->def.fills : "");
}

jp_end jp_return_v(jp_ctx *p, jp_value value, const char *at)
{
    jpx_ending ending = {.end = JPX_END_RETURN, .output.slot = "default", .at = at};
    const jpx_pipe *pipe = p->pipe;

    if (!p->wrong && jpx_may_plan(p, "return", at)) {
        const char *declared = jpx_format(p->arena, "gives %s%s", jpx_kind_text(pipe->gives),
                                          pipe->gives_optional && pipe->gives != JPX_ANY ? "?" : "");
        set_output(p, &ending.output, declared, pipe->gives, pipe->gives_optional, value, at);
    }
    return note(p, ending);
}

jp_end jp_return_in_v(jp_ctx *p, int64_t ms, jp_value value, const char *at)
{
    jp_end end = jp_return_v(p, value, at);

    if (p->children)
        jpx_wrong(p, at, "it has yielded children and ends with jp_return_in: let a child do the waiting");
    else if (ms < 0 || ms > JPX_DELAY_MAX_MS)
        jpx_wrong(p, at, "jp_return_in was given %lld ms: " DELAY_MEND, (long long)ms);
    if (p->endings_count)
        p->endings[p->endings_count - 1].retry_in_ms = ms;
    return end;
}

jp_end jp_done_at(jp_ctx *p, const char *at)
{
    return jp_return_v(p, jp_v_null(), at);
}

jp_end jp_wait_at(jp_ctx *p, const char *at)
{
    if (jpx_may_plan(p, "wait", at) && !p->pipe->def.async)
        jpx_wrong(p, at, "it ends with jp_wait: define it with .async = true");
    else if (p->children)
        jpx_wrong(p, at, "it has yielded children and ends with jp_wait: let a child do the waiting");
    return note(p, (jpx_ending){.end = JPX_END_WAIT, .at = at});
}

static jp_end note_failure(jp_ctx *p, jpx_end end, const int64_t *ms, const char *at, const char *fmt, va_list args)
{
    if (jpx_may_plan(p, end == JPX_END_ABORT ? "abort" : "be retried", at) && ms && (*ms < 0 || *ms > JPX_DELAY_MAX_MS))
        jpx_wrong(p, at, "jp_retry_in was given %lld ms: " DELAY_MEND, (long long)*ms);
    const char *reason = jpx_vformat(p->arena, fmt, args);
    return note(p, (jpx_ending){.end = end,
                                .retry_in_ms = ms ? *ms : -1, /* -1: by the policy */
                                .reason = *reason ? reason : "no reason given"});
}

jp_end jp_retry(jp_ctx *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    jp_end end = note_failure(p, JPX_END_RETRY, NULL, p->pipe->def.at, fmt, args);
    va_end(args);
    return end;
}

jp_end jp_retry_in_at(jp_ctx *p, int64_t ms, const char *at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    jp_end end = note_failure(p, JPX_END_RETRY, &ms, at, fmt, args);
    va_end(args);
    return end;
}

jp_end jp_abort(jp_ctx *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    jp_end end = note_failure(p, JPX_END_ABORT, NULL, p->pipe->def.at, fmt, args);
    va_end(args);
    return end;
}

void jp_hook_failed_at(jp_ctx *p, const char *at, const char *fmt, ...)
{
    va_list args;

    if (p->attempt->call != JPX_CALL_FINISHED && p->attempt->call != JPX_CALL_CANCEL) {
        jpx_wrong(p, at, "it calls jp_hook_failed in its body: end with jp_retry");
        return;
    }
    va_start(args, fmt);
    p->hook = jpx_vformat(p->arena, fmt, args);
    va_end(args);
}

jp_value jp_output_of(jp_ctx *p, const char *name, const char *at)
{
    bool declared = strcmp(name, "default") == 0;
    bson_iter_t iter;
    jp_value value = jp_v_null();

    for (size_t i = 0; i < p->pipe->fills_count; i++)
        declared = declared || strcmp(p->pipe->fills[i].name, name) == 0;
    if (p->attempt->call != JPX_CALL_FINISHED)
        jpx_wrong(p, at, "outputs can be read in on_finished only: pass the future of a child on to see its output");
    else if (!declared)
        jpx_wrong(p, at, "it has no output %s: ask for \"default\" or a name of .fills", name);
    else if (p->attempt->outputs.size &&
             bson_iter_init_from_data(&iter, p->attempt->outputs.data, p->attempt->outputs.size) &&
             bson_iter_find(&iter, name) && !jpx_value_read(&iter, &value))
        value = jp_v_null();
    return value;
}
