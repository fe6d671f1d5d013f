/* plan.c -- checks an outcome, and makes records of its outputs, its children, their dependencies and links. Pure. */
#include "core/plan.h"
#include <stdlib.h>
#include <string.h>

/* ---- checks: nothing from a body's process is trusted ---- */

static bool is_document(jpx_bytes doc)
{
    bson_t view;
    return doc.data && bson_init_static(&view, doc.data, doc.size) && bson_validate(&view, BSON_VALIDATE_NONE, NULL);
}

static bool range_good(uint32_t child, uint32_t count, size_t limit)
{
    return count > 0 && child < limit && count <= limit - child;
}

static jp_status check_child(const jpx_outcome *outcome, size_t i, jp_error *err)
{
    const jpx_child *child = &outcome->children[i];
    size_t deps = 0;

    if (!jpx_is_name(child->pipe) || !jpx_is_name(child->queue) || !jpx_doc_is_array(child->args))
        return jpx_fail(err, JP_E_INVALID, "child %zu of the plan has no pipe, queue or arguments", i);
    for (size_t r = 0; r < child->refs_count; r++) {
        if (!jpx_is_name(child->refs[r].slot) || !range_good(child->refs[r].child, child->refs[r].count, i))
            return jpx_fail(err, JP_E_INVALID, "child %zu (%s) waits for a slot that no earlier sibling has", i,
                            child->pipe);
        deps += child->refs[r].count;
    }
    for (size_t w = 0; w < child->waits_count; w++) {
        if (!range_good(child->waits[w].child, child->waits[w].count, i))
            return jpx_fail(err, JP_E_INVALID, "child %zu (%s) waits for a sibling that is not an earlier one", i,
                            child->pipe);
        deps += child->waits[w].count;
    }
    if (deps > JPX_DEPS_MAX)
        return jpx_fail(err, JP_E_INVALID, "child %zu (%s) waits for %zu slots and siblings; the limit is %d", i,
                        child->pipe, deps, JPX_DEPS_MAX);
    return JP_OK;
}

jp_status jpx_plan_check(const jpx_outcome *outcome, jp_error *err)
{
    if (outcome->children_count > JPX_CHILDREN_MAX)
        return jpx_fail(err, JP_E_INVALID, "%zu children in one plan; the limit is %d", outcome->children_count,
                        JPX_CHILDREN_MAX);
    for (size_t i = 0; i < outcome->children_count; i++)
        if (check_child(outcome, i, err) != JP_OK)
            return err->status;
    for (size_t i = 0; i < outcome->outputs_count; i++) {
        const jpx_output *output = &outcome->outputs[i];
        if (!jpx_is_name(output->slot))
            return jpx_fail(err, JP_E_INVALID, "output %zu of the plan has no name", i);
        if (output->forwarded ? !jpx_is_name(output->child_slot) || output->child >= outcome->children_count
                              : !is_document(output->value))
            return jpx_fail(err, JP_E_INVALID, "output %s of the plan has neither a value nor a child", output->slot);
    }
    return JP_OK;
}

/* ---- large values ---- */

typedef struct large_values { /* where they go */
    void (*random)(void *ctx, void *out, size_t size);
    void *random_ctx;
    jpx_arena *arena;
    jpx_records *records;
} large_values;

static void spill(const large_values *to, const jpx_key *key, uint32_t step, jpx_bytes value,
                  uint8_t id[JPX_VALUE_SIZE])
{
    uint8_t tail[8];

    /* New for each execution: under a fixed id, the entry of one could point to the value of another (docs/protocol.md,
     * trap 3). */
    to->random(to->random_ctx, tail, sizeof tail);
    jpx_tail_id(id, key, step, tail);
    jpx_record record = jpx_value_encode(id, value, to->arena);
    JPX_PUSH(to->arena, to->records->items, to->records->count, to->records->cap) = record;
}

/* Moves large arguments into value records and leaves null in their places. */
static void spill_args(const large_values *to, jpx_pipeline *p)
{
    bson_iter_t iter;
    bson_t kept = BSON_INITIALIZER;
    size_t cap = 0;
    uint32_t arg = 0;

    if (p->args.size <= JPX_INLINE_MAX || !jpx_doc_iter(p->args, &iter)) {
        bson_destroy(&kept);
        return;
    }
    for (; bson_iter_next(&iter); arg++) {
        jpx_bytes value = jpx_value_of(&iter, to->arena);
        bool inside = p->refs_count != 0 && bson_iter_type(&iter) == BSON_TYPE_ARRAY;
        if (value.size <= JPX_INLINE_MAX / 8 || (inside && value.size <= JPX_INLINE_MAX)) {
            bson_append_iter(&kept, bson_iter_key(&iter), -1, &iter);
            continue;
        }
        jpx_large large = {.arg = arg};
        spill(to, &p->key, UINT32_MAX, value, large.id);
        JPX_PUSH(to->arena, p->large, p->large_count, cap) = large;
        bson_append_null(&kept, bson_iter_key(&iter), -1);
    }
    p->args = jpx_doc_take(&kept, to->arena);
}

void jpx_plan_outputs(const jpx_plan_input *in, jpx_arena *arena, jpx_entry *entry, jpx_generation *out)
{
    const jpx_outcome *outcome = in->outcome;
    const large_values values = {in->random, in->random_ctx, arena, &out->values};
    size_t inline_size = 0;

    entry->outs = jpx_alloc_array(arena, outcome->outputs_count, sizeof *entry->outs);
    entry->outs_count = outcome->outputs_count;
    for (size_t i = 0; i < outcome->outputs_count; i++) {
        const jpx_output *from = &outcome->outputs[i];
        jpx_out *to = &entry->outs[i];
        *to = (jpx_out){
            .slot = from->slot, .forwarded = from->forwarded, .child = from->child, .child_slot = from->child_slot};
        if (from->forwarded)
            continue;
        if (from->value.size > JPX_INLINE_MAX || inline_size + from->value.size > 2 * JPX_INLINE_MAX) {
            to->large = true;
            spill(&values, &in->self->key, in->step, from->value, to->large_id);
        } else {
            to->value = from->value;
            inline_size += from->value.size;
        }
    }
}

/* ---- dependencies ---- */

typedef struct pair { /* one dependency of one consumer */
    const char *slot; /* NULL: until finished */
    uint32_t child;
} pair;

static int slot_order(const char *a, const char *b)
{
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    return a == b ? 0 : strcmp(a, b);
}

static int pair_order(const void *left, const void *right)
{
    const pair *a = left, *b = right;
    int order = slot_order(a->slot, b->slot);
    return order ? order : (a->child > b->child) - (a->child < b->child);
}

/* Collects the dependencies of a child, sorted, each once: a future that is used three times is one bit (SEMANTICS
 * 3.3). *pairs is reused for the next child; the caller frees it. */
static size_t gather(const jpx_child *child, pair **pairs, size_t *cap)
{
    size_t total = 0, count = 0, kept = 0;
    bool sorted = true;

    for (size_t i = 0; i < child->refs_count; i++)
        total += child->refs[i].count;
    for (size_t i = 0; i < child->waits_count; i++)
        total += child->waits[i].count;
    if (total > *cap) {
        *cap = total * 2;
        free(*pairs);
        *pairs = malloc(*cap * sizeof **pairs);
        JPX_ASSERT(*pairs != NULL);
    }
    for (size_t i = 0; i < child->waits_count; i++)
        for (uint32_t c = 0; c < child->waits[i].count; c++)
            (*pairs)[count++] = (pair){NULL, child->waits[i].child + c};
    for (size_t i = 0; i < child->refs_count; i++)
        for (uint32_t c = 0; c < child->refs[i].count; c++)
            (*pairs)[count++] = (pair){child->refs[i].slot, child->refs[i].child + c};
    for (size_t i = 1; i < count && sorted; i++)
        sorted = pair_order(&(*pairs)[i - 1], &(*pairs)[i]) < 0;
    if (sorted)
        return count;
    qsort(*pairs, count, sizeof **pairs, pair_order);
    for (size_t i = 0; i < count; i++)
        if (!kept || pair_order(&(*pairs)[kept - 1], &(*pairs)[i]) != 0)
            (*pairs)[kept++] = (*pairs)[i];
    return kept;
}

static void set_deps(jpx_pipeline *p, const pair *pairs, size_t count, jpx_arena *arena)
{
    size_t cap = 0;

    for (size_t i = 0; i < count; i++) {
        jpx_dep *last = p->deps_count ? &p->deps[p->deps_count - 1] : NULL;
        if (last && slot_order(last->slot, pairs[i].slot) == 0 && last->child + last->count == pairs[i].child) {
            last->count++;
            continue;
        }
        JPX_PUSH(arena, p->deps, p->deps_count, cap) = (jpx_dep){pairs[i].slot, pairs[i].child, 1};
    }
}

static void add_waiter(jpx_pipeline *producer, size_t *cap, jpx_waiter added, jpx_arena *arena)
{
    for (size_t i = producer->waiters_count; i-- > 0 && i + 4 > producer->waiters_count;) {
        jpx_waiter *waiter = &producer->waiters[i];
        if (slot_order(waiter->slot, added.slot) == 0 && waiter->bit == added.bit && waiter->bits == added.bits &&
            waiter->consumer + waiter->count == added.consumer) {
            waiter->count++;
            return;
        }
    }
    JPX_PUSH(arena, producer->waiters, producer->waiters_count, *cap) = added;
}

/* ---- outputs forwarded to children: one link to the nearest ancestor slot that somebody waits for ---- */

static bool is_awaited(const jpx_pipeline *p, const char *slot)
{
    if (jpx_key_is_root(&p->key) || p->hook)
        return true;
    for (size_t i = 0; i < p->waiters_count; i++)
        if (p->waiters[i].slot && strcmp(p->waiters[i].slot, slot) == 0)
            return true;
    return false;
}

/* The type that the child's value must have, or NULL. If both the output and the link of its parent name one, the
 * parent declares "int64?" and the link asks for "int64": so the value must not be null. */
static const char *forwarded_type(const jpx_pipeline *self, const jpx_output *output, jpx_arena *arena)
{
    for (size_t l = 0; l < self->links_count; l++) {
        if (!self->links[l].type || strcmp(self->links[l].slot, output->slot) != 0)
            continue;
        return output->type ? jpx_format(arena, "%.*s", (int)strcspn(output->type, "?"), output->type)
                            : self->links[l].type;
    }
    return output->type;
}

static void link_outputs(const jpx_plan_input *in, jpx_pipeline *children, size_t *caps, jpx_arena *arena)
{
    const jpx_pipeline *self = in->self;

    for (size_t i = 0; i < in->outcome->outputs_count; i++) {
        const jpx_output *output = &in->outcome->outputs[i];
        if (!output->forwarded)
            continue;
        jpx_pipeline *child = &children[output->child];
        size_t *cap = &caps[output->child];
        const char *type = forwarded_type(self, output, arena);
        if (is_awaited(self, output->slot)) {
            JPX_PUSH(arena, child->links, child->links_count, *cap) =
                (jpx_link){output->child_slot, self->key, output->slot, type};
            continue;
        }
        for (size_t l = 0; l < self->links_count; l++)
            if (strcmp(self->links[l].slot, output->slot) == 0)
                JPX_PUSH(arena, child->links, child->links_count, *cap) =
                    (jpx_link){output->child_slot, self->links[l].owner, self->links[l].owner_slot, type};
    }
}

/* ---- the generation ---- */

static jp_status describe(const jpx_plan_input *in, jpx_pipeline *p, uint32_t index, jp_error *err)
{
    const jpx_child *child = &in->outcome->children[index];
    jpx_pipe_facts facts = in->facts(in->facts_ctx, child->pipe);

    if (!facts.known)
        return jpx_fail(err, JP_E_INVALID, "%s: %s is not registered; add it to the list given to jp_main",
                        child->at ? child->at : "a yield", child->pipe);
    *p = (jpx_pipeline){.key = jpx_key_make(jpx_key_root_id(&in->self->key), in->gen, index),
                        .pipe = child->pipe,
                        .queue = child->queue,
                        .at = child->at,
                        .planned_ms = in->now_ms,
                        .parent = in->self->key,
                        .siblings = (uint32_t)in->outcome->children_count,
                        .args = child->args,
                        .refs = child->refs,
                        .refs_count = child->refs_count,
                        .hook = facts.hook,
                        .cancel = facts.cancel,
                        .has_options = child->has_options,
                        .retry = child->retry,
                        .timeout_ms = child->timeout_ms,
                        .promised = facts.promise};
    if (facts.promise)
        in->promise_hash(in->secret, index, p->token_hash);
    return JP_OK;
}

jp_status jpx_plan_children(const jpx_plan_input *in, jpx_arena *arena, jpx_generation *out, jp_error *err)
{
    uint32_t n = (uint32_t)in->outcome->children_count;
    jpx_pipeline *children = jpx_alloc_array(arena, n, sizeof *children);
    size_t *waiter_caps = jpx_alloc_array(arena, n, sizeof *waiter_caps);
    size_t *link_caps = jpx_alloc_array(arena, n, sizeof *link_caps);
    const large_values values = {in->random, in->random_ctx, arena, &out->values};
    size_t pairs_cap = 0;
    pair *pairs = NULL;

    for (uint32_t i = 0; i < n; i++)
        if (describe(in, &children[i], i, err) != JP_OK)
            return err->status;

    out->ready = jpx_alloc_array(arena, n, sizeof *out->ready);
    out->ready_pipe = jpx_alloc_array(arena, n, sizeof *out->ready_pipe);
    out->ready_queue = jpx_alloc_array(arena, n, sizeof *out->ready_queue);
    out->waiting = jpx_alloc_array(arena, n, sizeof *out->waiting);
    out->waiting_pipe = jpx_alloc_array(arena, n, sizeof *out->waiting_pipe);
    for (uint32_t i = 0; i < n; i++) {
        size_t bits = gather(&in->outcome->children[i], &pairs, &pairs_cap);
        set_deps(&children[i], pairs, bits, arena);
        for (size_t b = 0; b < bits; b++)
            add_waiter(&children[pairs[b].child], &waiter_caps[pairs[b].child],
                       (jpx_waiter){pairs[b].slot, i, 1, (uint32_t)b, (uint32_t)bits}, arena);
        if (bits > 1) /* a single dependency needs no counter: its fill makes the child ready */
            jpx_barrier_records(&children[i].key, &children[i].key, (uint32_t)bits, arena, &out->barriers);
        if (bits == 0) {
            out->ready[out->ready_count] = children[i].key;
            out->ready_pipe[out->ready_count] = children[i].pipe;
            out->ready_queue[out->ready_count++] = children[i].queue;
        } else {
            out->waiting[out->waiting_count] = children[i].key;
            out->waiting_pipe[out->waiting_count++] = children[i].pipe;
        }
    }
    free(pairs);
    link_outputs(in, children, link_caps, arena);

    /* The finish counter belongs to the generation. Even one child has one (docs/protocol.md, trap 1). */
    jpx_key finish = jpx_finish_key(jpx_key_root_id(&in->self->key), in->gen);
    jpx_barrier_records(&finish, &in->self->key, n, arena, &out->barriers);

    out->pipelines.items = jpx_alloc_array(arena, n, sizeof *out->pipelines.items);
    out->pipelines.count = n;
    for (uint32_t i = 0; i < n; i++) {
        spill_args(&values, &children[i]);
        out->pipelines.items[i] = jpx_pipeline_encode(&children[i], arena);
    }
    return JP_OK;
}

jpx_record jpx_plan_root(const jpx_root_plan *plan, jpx_arena *arena, jpx_records *values)
{
    const large_values to = {plan->random, plan->random_ctx, arena, values};
    jpx_pipeline p = {.key = plan->key,
                      .pipe = plan->pipe,
                      .queue = plan->queue,
                      .planned_ms = plan->now_ms,
                      .siblings = 1,
                      .args = plan->args,
                      .hook = plan->facts.hook,
                      .cancel = plan->facts.cancel};

    spill_args(&to, &p);
    return jpx_pipeline_encode(&p, arena);
}
