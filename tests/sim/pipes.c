/* pipes.c -- the pipes of the simulation: bodies and hooks that do what plan.c says and write down what they saw. */
#include "body/context.h"
#include "sim.h"
#include <string.h>

static sim *the_sim(void)
{
    return the_world->ctx;
}

/* A dead process runs no bodies. */
static bool is_dead(void)
{
    return the_world->current && the_world->current->dead;
}

static uint64_t inputs_digest(jp_ctx *p)
{
    uint64_t lot = 4, in = 4;
    for (size_t i = 0; i < jp_count(p, "lot"); i++)
        lot = plan_mix(lot, plan_digest(jp_arg_at(p, "lot", i)));
    for (size_t i = 0; i < jp_count(p, "in"); i++)
        in = plan_mix(in, plan_digest(jp_arg_at(p, "in", i)));
    return plan_mix(lot, in);
}

static jp_future future_of(jp_ctx *p, jp_future child, int slot)
{
    return slot ? jp_slot(p, child, plan_slots[slot]) : child;
}

/* The outside knows it from now on. */
static void give_ticket(sim *s, const char *text)
{
    sim_ticket ticket = {.text = jpx_strdup(s->w->arena, text)};
    uint8_t token[JPX_TOKEN_SIZE];

    JPX_ASSERT(jpx_ticket_parse(text, &ticket.key, &ticket.step, token));
    JPX_PUSH(s->w->arena, s->tickets, s->tickets_count, s->tickets_cap) = ticket;
}

static jp_future yield_one(jp_ctx *p, const plan_child *child, const jp_future *futures)
{
    jp_list *lot = jp_list_new(p);
    jp_value values[3 + PLAN_INPUTS] = {jp_v_int64(child->path), jp_v_int64(child->depth)};
    size_t count = 3;

    if (child->pipe == PLAN_PROMISE) {
        jp_future promised = jp_promise(p, "int64");
        give_ticket(the_sim(), jp_promise_ticket(p, promised));
        return promised;
    }
    for (size_t i = 0; i < child->inputs_count; i++) {
        const plan_input *input = &child->inputs[i];
        jp_value value =
            input->future ? jp_v_future(future_of(p, futures[input->child], input->slot)) : jp_v_int64(input->number);
        if (child->listed)
            jp_push(lot, value);
        else
            values[count++] = value;
    }
    values[2] = jp_v_list(lot);
    return jp_yield_v(p, plan_pipes[child->pipe], count, values, JP_AT);
}

static void yield_child(jp_ctx *p, const plan_child *child, jp_future *futures, uint32_t i)
{
    jp_list *waited = jp_list_new(p);

    for (uint32_t sibling = 0; sibling < i; sibling++)
        if (child->after >> sibling & 1)
            jp_push(waited, futures[sibling]);
    jp_after (p, waited)
        futures[i] = yield_one(p, child, futures);
}

static void yield_children(jp_ctx *p, const plan *what, jp_future *futures)
{
    uint32_t i = 0;
    uint32_t loose = what->in_order ? what->ordered : what->children_count;

    for (; i < loose; i++)
        yield_child(p, &what->children[i], futures, i);
    jp_in_order (p)
        for (; i < what->children_count; i++)
            yield_child(p, &what->children[i], futures, i);
}

static jp_value output_value(jp_ctx *p, const plan_output *output, const jp_future *futures)
{
    if (output->forwarded)
        return jp_v_future(future_of(p, futures[output->child], output->slot));
    return plan_value_of(p, output->wish);
}

static jp_end carry_out(jp_ctx *p, const plan_case *c)
{
    jp_future futures[PLAN_CHILDREN];
    sim *s = the_sim();
    plan what;

    plan_make(c, &what);
    yield_children(p, &what, futures);
    if (what.outputs[1].filled)
        jp_fill(p, "x", output_value(p, &what.outputs[1], futures));
    switch (what.end) {
    case PLAN_WAIT:
        give_ticket(s, jp_ticket(p));
        sim_turn_inside(s); /* the answer may be faster than the entry */
        return jp_wait(p);
    case PLAN_RETURN_IN:
        return jp_return_in(p, what.delay_ms, output_value(p, &what.outputs[0], futures));
    case PLAN_DONE:
        return jp_done(p);
    case PLAN_RETRY:
        return what.delay_ms < 0 ? jp_retry(p, "as planned") : jp_retry_in(p, what.delay_ms, "as planned");
    case PLAN_ABORT:
        return jp_abort(p, "as planned");
    case PLAN_MISSING:
        return jp_return(p, 0);
    case PLAN_RETURN:
        break;
    }
    return jp_return(p, output_value(p, &what.outputs[0], futures));
}

static jp_end at_work(jp_ctx *p, plan_pipe pipe, bool reply, uint64_t given)
{
    sim *s = the_sim();
    bson_iter_t x;
    bool filled = reply && p->attempt->outputs.size &&
                  bson_iter_init_from_data(&x, p->attempt->outputs.data, p->attempt->outputs.size) &&
                  bson_iter_find(&x, "x");
    plan_case c = {.seed = s->seed,
                   .pipe = pipe,
                   .path = jp_int64(p, "path"),
                   .depth = jp_int64(p, "depth"),
                   .attempt = jp_attempt(p),
                   .reply = reply,
                   .x_filled = filled,
                   .given = given};
    sim_begin begin = {.key = p->attempt->key, .attempt = c.attempt, .reply = reply, .given = given};

    if (is_dead())
        return jp_retry(p, "its process is dead");
    JPX_PUSH(s->w->arena, s->begins, s->begins_count, s->begins_cap) = begin;
    world_say(s->w, "%s %lld attempt %d", reply ? "on_reply" : "body", (long long)c.path, c.attempt);
    sim_check_begin(s, &begin.key, reply);
    sim_turn_inside(s);
    return carry_out(p, &c);
}

static void hooked(jp_ctx *p, bool cancel, bool aborted)
{
    sim *s = the_sim();
    sim_hook hook = {.key = p->attempt->key, .cancel = cancel, .aborted = aborted};

    if (is_dead())
        return;
    world_say(s->w, "%s %lld%s", cancel ? "on_cancel" : "on_finished", (long long)jp_int64(p, "path"),
              aborted ? " aborted" : "");
    if (s->wild && s->limits.hooks_failed > 0 && sim_chance(s, s->limits.hook_fails)) {
        s->limits.hooks_failed--;
        jp_hook_failed(p, "by chance");
        return;
    }
    for (int slot = 0; slot < PLAN_SLOTS && !cancel; slot++)
        hook.outputs[slot] = plan_digest(jp_output(p, plan_slots[slot]));
    JPX_PUSH(s->w->arena, s->hooks, s->hooks_count, s->hooks_cap) = hook;
}

static void on_finished(jp_ctx *p, bool aborted)
{
    hooked(p, false, aborted);
}

static void on_cancel(jp_ctx *p)
{
    hooked(p, true, true);
}

#define TAKES "int64 path, int64 depth, list lot, any... in"
#define AGAIN                                                                                                          \
    {                                                                                                                  \
        .attempts = 3, .first_ms = 20, .factor = 3                                                                     \
    }

JP_PIPE(plain, p, .takes = TAKES, .gives = "any?", .fills = "any? x", .retry = AGAIN)
{
    return at_work(p, PLAN_PLAIN, false, inputs_digest(p));
}

JP_PIPE(hooky, p, .takes = TAKES, .gives = "any?", .fills = "any? x", .retry = AGAIN, .on_finished = on_finished)
{
    return at_work(p, PLAN_HOOKED, false, inputs_digest(p));
}

JP_PIPE(waits, p, .takes = TAKES, .gives = "any?", .fills = "any? x", .retry = AGAIN, .async = true,
        .on_cancel = on_cancel)
{
    return at_work(p, PLAN_WAITS, false, inputs_digest(p));
}

static jp_end on_reply(jp_ctx *p, jp_value reply)
{
    return at_work(p, PLAN_REPLIES, true, plan_digest(reply));
}

JP_PIPE(replies, p, .takes = TAKES, .gives = "any?", .fills = "any? x", .timeout_ms = 3000, .retry = AGAIN,
        .async = true, .on_reply = on_reply, .on_finished = on_finished, .on_cancel = on_cancel)
{
    return at_work(p, PLAN_REPLIES, false, inputs_digest(p));
}

const jp_def *const plan_pipes[PLAN_PIPES + 1] = {&plain, &hooky, &waits, &replies, NULL};
