/* body.c -- one attempt from its arguments to its outcome. The body runs on the caller's thread and stack; nothing here
 * blocks, but a body may. */
#include "body/args.h"
#include <stdio.h>
#include <string.h>

/* A list with futures that is returned or filled is gathered by a child of this kind. */
JP_PIPE(jpx_gather, p, .as = "jetpipe-gather", .takes = "any... items", .gives = "list")
{
    return jp_return(p, jp_arg(p, "items"));
}

static const char *message(jp_ctx *p, const char *at, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
static const char *message(jp_ctx *p, const char *at, const char *fmt, va_list args)
{
    return jpx_format(p->arena, "%s%s%s: %s", p->attempt->pipe, at ? ", " : "", at ? jpx_place(at) : "",
                      jpx_vformat(p->arena, fmt, args));
}

void jpx_wrong(jp_ctx *p, const char *at, const char *fmt, ...)
{
    va_list args;

    if (p->wrong)
        return;
    va_start(args, fmt);
    p->wrong = message(p, at, fmt, args);
    va_end(args);
}

void jpx_unstorable(jp_ctx *p, const char *at, const char *fmt, ...)
{
    va_list args;

    if (p->failed)
        return;
    va_start(args, fmt);
    p->failed = message(p, at, fmt, args);
    va_end(args);
}

/* ---- what a body may ask of its attempt ---- */

int jp_attempt(const jp_ctx *p)
{
    return p->attempt->attempt;
}

const char *jp_key(jp_ctx *p)
{
    char *text = jpx_alloc(p->arena, 2 * JPX_PIPELINE_SIZE + 1);
    jpx_hex(text, p->attempt->key.b, JPX_PIPELINE_SIZE);
    return text;
}

const char *jp_ticket_of(jp_ctx *p, const char *at)
{
    char *text = jpx_alloc(p->arena, JPX_TICKET_TEXT);
    uint8_t token[JPX_TOKEN_SIZE];

    if (!p->pipe->def.async)
        jpx_wrong(p, at, "it asks for a ticket: define it with .async = true");
    else if (jpx_may_plan(p, "make a ticket", at)) {
        jpx_secret_token(p->attempt->secret, JPX_OWN_TICKET, token);
        jpx_ticket_text(text, &p->attempt->key, p->attempt->step, token);
    }
    return text;
}

void *jp_alloc(jp_ctx *p, size_t size)
{
    return jpx_alloc(p->arena, size);
}

const char *jp_format(jp_ctx *p, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = jpx_vformat(p->arena, fmt, args);
    va_end(args);
    return text;
}

/* ---- the outcome ---- */

static void fail(jp_ctx *p, jpx_outcome *out, jpx_end end, const char *class_, const char *reason)
{
    const uint64_t number = out->number_in_worker;
    *out = (jpx_outcome){.number_in_worker = number, .end = end, .retry_in_ms = -1, .class_ = class_};
    out->reason = jpx_clean_text(p->arena, reason, JPX_REASON_MAX);
}

static bool filled_before(const jp_ctx *p, const char *name)
{
    bson_iter_t iter;
    return p->attempt->call == JPX_CALL_REPLY && p->attempt->outputs.size &&
           bson_iter_init_from_data(&iter, p->attempt->outputs.data, p->attempt->outputs.size) &&
           bson_iter_find(&iter, name);
}

/* The named outputs that are filled; the names of the others. */
static const char *take_fills(jp_ctx *p, jpx_outcome *out)
{
    const char *missing = "";

    for (size_t i = 0; i < p->pipe->fills_count; i++) {
        const char *name = p->pipe->fills[i].name;
        if (p->fills[i].slot && filled_before(p, name))
            jpx_wrong(p, p->pipe->def.at,
                      "on_reply fills the output %s, which was filled before the wait: fill it in one of the two",
                      name);
        else if (p->fills[i].slot)
            out->outputs[out->outputs_count++] = p->fills[i];
        else if (!filled_before(p, name))
            missing = jpx_format(p->arena, "%s%s%s", missing, *missing ? ", " : "", name);
    }
    return missing;
}

static void take_ending(jp_ctx *p, jp_end end, jpx_outcome *out)
{
    if (end.body_ != p->nonce || end.verb_ == 0 || end.verb_ > p->endings_count) {
        jpx_wrong(p, p->pipe->def.at,
                  "it did not end with jp_return, jp_done, jp_wait, jp_retry or jp_abort of this attempt: return what "
                  "one of them gives here and now");
        return;
    }
    const jpx_ending *ending = &p->endings[end.verb_ - 1];
    switch (ending->end) {
    case JPX_END_RETRY:
        fail(p, out, JPX_END_RETRY, "retry", ending->reason);
        out->retry_in_ms = ending->retry_in_ms;
        return;
    case JPX_END_ABORT:
        fail(p, out, JPX_END_ABORT, "abort", ending->reason);
        return;
    case JPX_END_WAIT:
    case JPX_END_RETURN:
    case JPX_END_WRONG:
        break;
    }
    out->end = ending->end;
    if (ending->end == JPX_END_RETURN)
        out->retry_in_ms = ending->retry_in_ms;
    out->outputs = jpx_alloc_array(p->arena, p->pipe->fills_count + 1, sizeof *out->outputs);
    if (ending->end == JPX_END_RETURN)
        out->outputs[out->outputs_count++] = ending->output;
    const char *missing = take_fills(p, out);
    if (p->wrong)
        return;
    if (p->failed)
        fail(p, out, JPX_END_RETRY, "value", p->failed);
    else if (ending->end == JPX_END_RETURN && *missing)
        fail(p, out, JPX_END_RETRY, "outputs",
             jpx_format(p->arena,
                        "%s, %s: it ended without filling %s: call jp_fill before the end, or take the name out of "
                        ".fills",
                        p->pipe->name, jpx_place(ending->at), missing));
    else if (ending->end == JPX_END_WAIT && p->children)
        jpx_wrong(p, ending->at, "it has yielded children and ends with jp_wait: let a child do the waiting");
    else
        out->children = jpx_children(p, &out->children_count);
}

static void take_hook(jp_ctx *p, jpx_outcome *out)
{
    if (p->hook)
        fail(p, out, JPX_END_RETRY, "hook", p->hook);
    else if (p->failed)
        fail(p, out, JPX_END_RETRY, "value", p->failed);
    else
        out->end = JPX_END_RETURN;
}

/* ---- the run ---- */

/* Futures and endings of other attempts must not pass for ours; not a secret. */
static uint32_t make_nonce(const jpx_attempt *attempt)
{
    struct {
        jpx_key key;
        uint32_t step, call;
        uint64_t number, attempt;
    } all = {attempt->key, attempt->step, (uint32_t)attempt->call, attempt->number_in_worker,
             (uint64_t)attempt->attempt};
    const uint64_t hash = jpx_hash(&all, sizeof all);
    const uint32_t nonce = (uint32_t)(hash >> 32 ^ hash);
    return nonce ? nonce : 1;
}

static bool read_reply(const jp_ctx *p, jp_value *out)
{
    bson_iter_t iter;
    return p->attempt->reply.data && bson_iter_init_from_data(&iter, p->attempt->reply.data, p->attempt->reply.size) &&
           bson_iter_next(&iter) && jpx_value_read(&iter, out);
}

static void call_reply(jp_ctx *p, jpx_outcome *out)
{
    const jp_def *def = &p->pipe->def;
    jp_value reply;
    jp_error err;

    if (!read_reply(p, &reply))
        fail(p, out, JPX_END_RETRY, "value", "the reply is not a value document");
    else if (def->on_reply)
        take_ending(p, def->on_reply(p, reply), out);
    else if (jpx_reply_check(p->pipe, p->attempt->args, p->attempt->reply, &err) != JP_OK)
        fail(p, out, JPX_END_RETRY, "value", err.text);
    else
        take_ending(p, jp_return_v(p, reply, def->at), out);
}

static void call(jp_ctx *p, jpx_outcome *out)
{
    const jp_def *def = &p->pipe->def;

    switch (p->attempt->call) {
    case JPX_CALL_RUN:
        take_ending(p, def->run(p), out);
        return;
    case JPX_CALL_REPLY:
        call_reply(p, out);
        return;
    case JPX_CALL_FINISHED:
        if (def->on_finished)
            def->on_finished(p, p->attempt->aborted);
        take_hook(p, out);
        return;
    case JPX_CALL_CANCEL:
        if (def->on_cancel)
            def->on_cancel(p);
        take_hook(p, out);
        return;
    }
    jpx_wrong(p, def->at, "there is no call %d of a body", (int)p->attempt->call);
}

jp_status jpx_reply_check(const jpx_pipe *pipe, jpx_bytes args, jpx_bytes value_doc, jp_error *err)
{
    jpx_kind gives = pipe->gives;
    bool optional = pipe->gives_optional;
    bson_iter_t iter;
    jp_value value;

    if (!value_doc.data || !bson_iter_init_from_data(&iter, value_doc.data, value_doc.size) || !bson_iter_next(&iter) ||
        !jpx_value_read(&iter, &value))
        return jpx_fail(err, JP_E_INVALID, "the reply is not a value");
    if (value_doc.size > JPX_VALUE_MAX + JPX_ENVELOPE)
        return jpx_fail(err, JP_E_TOO_LARGE, "the reply is larger than 8 MiB (%zu bytes): " JPX_TOO_LARGE_MEND,
                        value_doc.size);
    if (pipe->promise && !jpx_promise_kind(args, &gives, &optional))
        return jpx_fail(err, JP_E_DAMAGED, "the record of this promise does not say what it gives");
    if (pipe->def.on_reply || (value.type == JP_NULL && optional) || jpx_kind_takes(gives, value.type))
        return JP_OK;
    return jpx_fail(err, JP_E_INVALID, "%s gives %s, the reply is %s", pipe->name, jpx_kind_text(gives),
                    jpx_type_phrase(value.type));
}

void jpx_body_run(const jpx_registry *registry, const jpx_attempt *attempt, jpx_arena *arena, jpx_outcome *out)
{
    jp_ctx *p = jpx_alloc(arena, sizeof *p);
    const bool hook = attempt->call == JPX_CALL_FINISHED || attempt->call == JPX_CALL_CANCEL;
    jp_error err;

    *out = (jpx_outcome){.number_in_worker = attempt->number_in_worker, .retry_in_ms = -1};
    p->registry = registry;
    p->attempt = attempt;
    p->arena = arena;
    p->nonce = make_nonce(attempt);
    p->pipe = jpx_registry_find(registry, attempt->pipe);
    jpx_writer_init(&p->scratch, arena);
    if (!p->pipe) {
        jpx_wrong(p, NULL,
                  "it is not registered in this program: put it into the list of pipes, or let workers that have it "
                  "run it");
    } else {
        p->fills = jpx_alloc_array(arena, p->pipe->fills_count + 1, sizeof *p->fills);
        if (!hook && jpx_args_check(p->pipe, attempt->args, &err) != JP_OK)
            jpx_wrong(p, p->pipe->def.at, "%s", err.text);
        else if (!jpx_args_open(p))
            jpx_wrong(p, p->pipe->def.at, "its arguments are not BSON");
        else
            call(p, out);
    }
    if (p->wrong)
        fail(p, out, JPX_END_WRONG, "program", p->wrong);
}
