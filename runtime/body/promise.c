/* promise.c -- values promised to the outside. A promise is a child of a pipe that the library itself registers: it has
 * no body, its first and only entry is the wait for the reply. Its ticket can be told before it is planned, because all
 * of it is known by then: the generation and the token come out of the attempt's secret, the number is that of the
 * yield, and the wait is entry 0. */
#include "body/context.h"
#include "body/signature.h"
#include <string.h>

#define NO_FUTURE ((jp_future){JPX_NO_CHILD, 0, 0})

/* The body of a promise that somebody starts as a root; those that are planned never run it. */
JP_PIPE(jpx_promise, p, .as = "Promise", .takes = "string gives", .retry = {.attempts = 1}, .async = true)
{
    return jp_abort(p, "a promise cannot be started: bodies make them, with jp_promise");
}

bool jpx_promise_kind(jpx_bytes args, jpx_kind *kind, bool *optional)
{
    bson_iter_t iter;
    jp_error ignored;

    return args.data && bson_iter_init_from_data(&iter, args.data, args.size) && bson_iter_next(&iter) &&
           BSON_ITER_HOLDS_UTF8(&iter) &&
           jpx_gives_parse(bson_iter_utf8(&iter, NULL), kind, optional, &ignored) == JP_OK;
}

jp_future jp_promise_v(jp_ctx *p, const char *gives, int64_t ms, const char *at)
{
    const jp_value type = jp_v_string(gives ? gives : "any");
    bool optional;
    jpx_kind kind;
    jp_error err;

    if (p->wrong || !jpx_may_plan(p, "make a promise", at))
        return NO_FUTURE;
    if (jpx_gives_parse(type.as.str, &kind, &optional, &err) != JP_OK) {
        jpx_wrong(p, at, "the type of a promise: %s", err.text);
        return NO_FUTURE;
    }
    if (ms < 0 || ms > JPX_DELAY_MAX_MS) {
        jpx_wrong(p, at, "jp_promise_within was given %lld ms: give 0 to ten years, of which 0 is no limit",
                  (long long)ms);
        return NO_FUTURE;
    }
    return jp_yield_with_v(p, (jp_options){.timeout_ms = ms}, &jpx_promise, 1, &type, at);
}

const char *jp_promise_ticket_of(jp_ctx *p, jp_future future, const char *at)
{
    char *text = jpx_alloc(p->arena, JPX_TICKET_TEXT);
    uint8_t gen[JPX_GEN_SIZE], token[JPX_TOKEN_SIZE];

    if (p->wrong || !jpx_future_check(p, future, at))
        return text;
    const jpx_pipe *pipe = jpx_child_at(p, future.child_)->pipe;
    if (!pipe->promise) {
        jpx_wrong(p, at, "it asks for the ticket of %s: give jp_promise_ticket a future that jp_promise gave",
                  pipe->name);
        return text;
    }
    jpx_secret_generation(p->attempt->secret, gen);
    jpx_secret_token(p->attempt->secret, future.child_, token);
    const jpx_key key = jpx_key_make(jpx_key_root_id(&p->attempt->key), gen, future.child_);
    jpx_ticket_text(text, &key, 0, token);
    return text;
}
