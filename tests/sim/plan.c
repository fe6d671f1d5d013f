/* plan.c -- the plan of a body: see plan.h. */
#include "plan.h"
#include <string.h>

enum { LARGE = 70000, NULL_WISH = 11 };

const char *const plan_slots[PLAN_SLOTS] = {"default", "x"};

uint64_t plan_mix(uint64_t a, uint64_t b)
{
    uint64_t x = a * 0x9e3779b97f4a7c15u + b + 0x632be59bd9b4e019u;
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* ---- values ---- */

uint64_t plan_digest_int(int64_t n)
{
    return plan_mix(1, (uint64_t)n);
}

uint64_t plan_digest_text(const char *text, size_t size)
{
    return plan_mix(2, jpx_hash(text, size < 64 ? size : 64) + size);
}

static uint64_t digest_null(void)
{
    return plan_mix(3, 3);
}

uint64_t plan_digest_iter(const bson_iter_t *iter)
{
    bson_iter_t inside;
    uint32_t size;

    switch (bson_iter_type(iter)) {
    case BSON_TYPE_INT64:
        return plan_digest_int(bson_iter_int64(iter));
    case BSON_TYPE_UTF8: {
        const char *text = bson_iter_utf8(iter, &size);
        return plan_digest_text(text, size);
    }
    case BSON_TYPE_ARRAY: {
        uint64_t all = 4;
        if (bson_iter_recurse(iter, &inside))
            while (bson_iter_next(&inside))
                all = plan_mix(all, plan_digest_iter(&inside));
        return all;
    }
    case BSON_TYPE_NULL:
        return digest_null();
    default:
        return 0;
    }
}

uint64_t plan_digest(jp_value value)
{
    bson_iter_t iter;
    uint64_t all = 4;

    switch (value.type) {
    case JP_INT64:
        return plan_digest_int(value.as.i64);
    case JP_STRING:
        return plan_digest_text(value.as.str, strlen(value.as.str));
    case JP_ARRAY:
        if (bson_iter_init_from_data(&iter, value.as.doc.data, value.as.doc.size))
            while (bson_iter_next(&iter))
                all = plan_mix(all, plan_digest_iter(&iter));
        return all;
    case JP_NULL:
        return digest_null();
    default:
        return 0;
    }
}

/* One wish in 60 is a large value, one in 7 a text, one in 11 null; the others are numbers. */
enum { HEAD = 64 };

static void head_of(uint64_t wish, char head[HEAD])
{
    memset(head, 'v', HEAD);
    for (int i = 0; i < 16; i++)
        head[i] = "0123456789abcdef"[wish >> 4 * i & 15];
}

uint64_t plan_digest_of(uint64_t wish)
{
    char head[HEAD];

    head_of(wish, head);
    if (wish % 60 == 0)
        return plan_mix(2, jpx_hash(head, HEAD) + LARGE);
    if (wish % 7 == 0)
        return plan_digest_text(head, 16);
    if (wish % 11 == 0)
        return digest_null();
    return plan_digest_int((int64_t)wish);
}

jp_value plan_value_of(jp_ctx *p, uint64_t wish)
{
    char *text, head[HEAD];

    head_of(wish, head);
    if (wish % 60 == 0) {
        text = jp_alloc(p, LARGE + 1);
        memset(text, 'v', LARGE);
        memcpy(text, head, HEAD);
        return jp_v_string(text);
    }
    if (wish % 7 == 0)
        return jp_v_string(jp_format(p, "%.16s", head));
    if (wish % 11 == 0)
        return jp_v_null();
    return jp_v_int64((int64_t)wish);
}

int64_t plan_reply(uint64_t seed, const jpx_key *key, uint32_t step)
{
    return (int64_t)(plan_mix(plan_mix(seed, jpx_hash(key->b, JPX_PIPELINE_SIZE)), step) >> 2);
}

/* ---- plans ---- */

typedef struct dice {
    uint64_t state;
} dice;

static uint32_t roll(dice *d, uint32_t below)
{
    d->state = plan_mix(d->state, 7);
    return (uint32_t)(d->state >> 33) % below;
}

static void make_child(const plan_case *c, dice *d, plan *out, uint32_t i)
{
    plan_child *child = &out->children[i];

    child->pipe = roll(d, 12) ? (plan_pipe)roll(d, PLAN_PIPES) : PLAN_PROMISE;
    child->path = (int64_t)(plan_mix(plan_mix((uint64_t)c->path, (uint64_t)c->attempt * 2 + c->reply), i) >> 2);
    child->depth = c->depth - 1;
    child->listed = roll(d, 4) == 0;
    for (uint32_t n = child->pipe == PLAN_PROMISE ? 0 : roll(d, PLAN_INPUTS + 1); n > 0; n--) {
        plan_input *input = &child->inputs[child->inputs_count++];
        *input = (plan_input){.number = (int64_t)roll(d, 100)};
        if (i > 0 && roll(d, 3)) {
            input->future = true;
            input->child = roll(d, i);
            input->slot = out->children[input->child].pipe == PLAN_PROMISE ? 0 : (int)roll(d, PLAN_SLOTS);
        }
    }
    for (uint32_t sibling = 0; sibling < i; sibling++)
        if (roll(d, 6) == 0)
            child->after |= 1u << sibling;
}

static void make_outputs(const plan_case *c, dice *d, plan *out)
{
    for (int slot = 0; slot < PLAN_SLOTS; slot++) {
        plan_output *output = &out->outputs[slot];
        uint64_t wish = plan_mix(plan_mix(plan_mix(d->state, c->given), (uint64_t)slot), 11) >> 2;
        output->filled = true;
        output->forwarded = out->children_count && roll(d, 5) < 3;
        output->child = output->forwarded ? roll(d, out->children_count) : 0;
        output->slot =
            output->forwarded && out->children[output->child].pipe == PLAN_PROMISE ? 0 : (int)roll(d, PLAN_SLOTS);
        output->wish = wish;
    }
}

static bool may_wait(plan_pipe pipe)
{
    return pipe == PLAN_WAITS || pipe == PLAN_REPLIES;
}

void plan_make(const plan_case *c, plan *out)
{
    dice d = {plan_mix(plan_mix(c->seed, (uint64_t)c->path), (uint64_t)c->attempt * 2 + c->reply)};
    uint32_t fate = roll(&d, 100);

    if (c->reply)
        d.state = plan_mix(d.state, c->given);
    *out = (plan){.end = PLAN_RETURN};
    if (c->attempt < 3 && fate < 10) {
        out->end = PLAN_RETRY;
        out->delay_ms = roll(&d, 2) ? (int64_t)roll(&d, 200) : -1;
        return;
    }
    if (c->attempt < 3 && fate < 13 && !(c->reply && c->x_filled)) {
        out->end = PLAN_MISSING;
        return;
    }
    if (fate == 99 && roll(&d, 3) == 0) {
        out->end = roll(&d, 2) ? PLAN_ABORT : PLAN_RETRY; /* on the third attempt this is the end, too */
        out->delay_ms = -1;
        return;
    }
    if (may_wait(c->pipe) && roll(&d, 10) < (c->reply ? 2 : c->depth > 0 ? 4 : 7)) {
        out->end = PLAN_WAIT;
    } else if (roll(&d, 12) == 0) {
        out->end = PLAN_RETURN_IN;
        out->delay_ms = 1 + (int64_t)roll(&d, 400);
    } else if (roll(&d, 12) == 0) {
        out->end = PLAN_DONE;
    }
    if (c->depth > 0 && (out->end == PLAN_RETURN || out->end == PLAN_DONE) && roll(&d, 10) < 9) {
        out->children_count = 1 + roll(&d, PLAN_CHILDREN);
        out->in_order = roll(&d, 5) == 0;
        out->ordered = roll(&d, out->children_count);
        for (uint32_t i = 0; i < out->children_count; i++)
            make_child(c, &d, out, i);
    }
    make_outputs(c, &d, out);
    if (out->end == PLAN_DONE)
        out->outputs[0] = (plan_output){.filled = true, .wish = NULL_WISH};
    if (out->end == PLAN_WAIT) {
        out->outputs[0].filled = false; /* the reply, or what on_reply ends with */
        out->outputs[1].filled = c->pipe == PLAN_WAITS || roll(&d, 2);
    }
    if (c->reply && c->x_filled)
        out->outputs[1].filled = false; /* it was filled before the wait */
}
