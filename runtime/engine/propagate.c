/* propagate.c -- from facts to counters, run events, finished pipelines and done roots.
 *
 * Facts are "a slot is filled", "a subtree has ended", "a pipeline is finished". They are applied in rounds, one level
 * of the tree each: read the pipelines they are about, write the `fill` records of forwarded slots, count down the
 * barriers of whoever waits, and go on with what reached zero. A round costs a few reads and one bulk of guarded
 * updates, however many facts it has. The number of rounds is bounded; the rest of a deep cascade is published as
 * facts.
 *
 * Every operation is idempotent. A fact that may be a repeat carries that along, and what would follow from it is
 * looked up before it is published (docs/protocol.md, trap 14). */
#include "engine/effects.h"
#include "engine/load.h"
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 32 };

typedef struct item { /* one fact about one pipeline */
    jpx_fact_kind kind;
    jpx_key key;
    const char *slot;
    jpx_repeat repeat;
    jpx_key filler; /* FILLED: the pipeline that filled it, this one or a descendant */
    uint32_t filler_step;
    const char *filler_slot;
} item;

typedef struct target { /* one bit of one barrier */
    jpx_key at;         /* the barrier's key */
    uint32_t part, bit; /* bit in part */
    uint32_t bits;      /* of the whole barrier */
    jpx_key then;       /* at zero this pipeline is ready (start barrier) or has ended (finish counter) */
    bool finish;
    jpx_repeat repeat;
} target;

typedef struct hook_call { /* a pipeline whose hooks are due */
    jpx_key key;
    const jpx_pipeline *pipeline;
    jpx_repeat repeat;
} hook_call;

typedef struct propagation {
    jpx_session *session;
    jpx_outbox *box;
    bool one_level; /* the caller visits parents itself */
    item *items, *next;
    size_t items_count, items_cap, next_count, next_cap;
    target *targets;
    size_t targets_count, targets_cap;
    jpx_ready *ready;
    size_t ready_count, ready_cap;
    hook_call *hooks;
    size_t hooks_count, hooks_cap;
    jpx_record *fills;
    size_t fills_count, fills_cap;
    jpx_root_change *changes;
    size_t changes_count, changes_cap;
} propagation;

static void push_next(propagation *s, item next)
{
    JPX_PUSH(s->session->arena, s->next, s->next_count, s->next_cap) = next;
}

static void push_target(propagation *s, const jpx_key *at, uint32_t bits, uint32_t bit, const jpx_key *then,
                        bool finish, jpx_repeat repeat)
{
    target t = {.at = *at, .bits = bits, .then = *then, .finish = finish, .repeat = repeat};
    t.part = jpx_barrier_part(bits, bit, &t.bit);
    JPX_PUSH(s->session->arena, s->targets, s->targets_count, s->targets_cap) = t;
}

/* ---- what one fact means ---- */

static void release_waiters(propagation *s, const item *it, const jpx_pipeline *p, const char *slot)
{
    for (size_t i = 0; i < p->waiters_count; i++) {
        const jpx_waiter *waiter = &p->waiters[i];
        if (slot ? !waiter->slot || strcmp(waiter->slot, slot) != 0 : waiter->slot != NULL)
            continue;
        for (uint32_t c = 0; c < waiter->count; c++) {
            jpx_key consumer = jpx_key_make(jpx_key_root_id(&it->key), jpx_key_gen(&it->key), waiter->consumer + c);
            if (waiter->bits == 1) {
                jpx_ready ready = {consumer, it->repeat};
                JPX_PUSH(s->session->arena, s->ready, s->ready_count, s->ready_cap) = ready;
            } else {
                push_target(s, &consumer, waiter->bits, waiter->bit, &consumer, false, it->repeat);
            }
        }
    }
}

static jp_status on_filled(propagation *s, const item *it, const jpx_pipeline *p, jp_error *err)
{
    item from = *it;

    release_waiters(s, it, p, it->slot);
    if (jpx_key_is_root(&it->key) && !it->repeat.maybe) {
        jpx_change change = {.what = "filled", .key = it->key, .pipe = p->pipe, .root = true};
        jpx_outbox_change(s->box, &change);
    }
    for (size_t i = 0; i < p->links_count; i++) {
        const jpx_link *link = &p->links[i];
        if (strcmp(link->slot, it->slot) != 0)
            continue;
        if (from.filler_step == JPX_STEP_FILL) {
            jpx_slot slot = {.key = it->key, .name = it->slot};
            uint8_t id[JPX_FILL_SIZE];
            jpx_bytes ids = {id, sizeof id};
            jpx_record record;
            jpx_fill fill;
            jpx_fill_id(id, &slot.key, slot.name);
            if (jpx_store_get(s->session->store, JPX_TABLE_FILL, &ids, 1, s->session->arena, &record, err) != JP_OK)
                return err->status;
            if (!record.doc.data || !jpx_fill_decode(record.doc, s->session->arena, &fill))
                return JP_OK; /* not filled: the fact is stale */
            from.filler = fill.filler;
            from.filler_step = fill.step;
            from.filler_slot = fill.filler_slot;
        }
        jpx_fill fill = {.owner = link->owner,
                         .slot = link->owner_slot,
                         .filler = from.filler,
                         .step = from.filler_step,
                         .filler_slot = from.filler_slot};
        jpx_record record = jpx_fill_encode(&fill, s->session->arena);
        JPX_PUSH(s->session->arena, s->fills, s->fills_count, s->fills_cap) = record;
        from.key = link->owner;
        from.slot = link->owner_slot;
        push_next(s, from);
        from.key = it->key;
    }
    return JP_OK;
}

static void change_root(propagation *s, const item *it, jpx_root_op op)
{
    jpx_root_change change = {
        .id = jpx_copy(s->session->arena, it->key.b, JPX_ROOT_SIZE), .op = op, .at_ms = jpx_now(s->session->env)};
    JPX_PUSH(s->session->arena, s->changes, s->changes_count, s->changes_cap) = change;
}

static void on_finished(propagation *s, const item *it, const jpx_pipeline *p)
{
    if (!it->repeat.maybe) {
        jpx_change change = {.what = "done", .key = it->key, .pipe = p->pipe};
        jpx_outbox_change(s->box, &change);
    }
    if (jpx_key_is_root(&it->key)) {
        change_root(s, it, JPX_ROOT_DONE);
        return;
    }
    release_waiters(s, it, p, NULL);
    jpx_key finish = jpx_finish_key(jpx_key_root_id(&it->key), jpx_key_gen(&it->key));
    push_target(s, &finish, p->siblings, jpx_key_index(&it->key), &p->parent, true, it->repeat);
}

static void on_ended(propagation *s, const item *it, const jpx_pipeline *p)
{
    if (!p->hook) {
        item done = *it;
        done.kind = JPX_FACT_FINISHED;
        on_finished(s, &done, p);
    } else if (jpx_key_is_root(&it->key)) {
        /* A root's outcome is decided in the root record, before its hook (docs/protocol.md, trap 5). */
        change_root(s, it, JPX_ROOT_DECIDE);
    } else {
        hook_call hook = {it->key, p, it->repeat};
        JPX_PUSH(s->session->arena, s->hooks, s->hooks_count, s->hooks_cap) = hook;
    }
}

/* ---- one round ---- */

static int target_order(const void *left, const void *right)
{
    const target *a = left, *b = right;
    int order = memcmp(a->at.b, b->at.b, JPX_PIPELINE_SIZE);
    return order ? order : (a->part > b->part) - (a->part < b->part);
}

/* Of two reports of one thing: a repeat if one of them is, since the later time. */
static jpx_repeat later(jpx_repeat a, jpx_repeat b)
{
    return (jpx_repeat){a.maybe || b.maybe, a.since_ms > b.since_ms ? a.since_ms : b.since_ms};
}

/* Counts all targets down. A part of a wide barrier that reaches zero counts in its top. */
static jp_status count_down(propagation *s, jp_error *err)
{
    jpx_arena *arena = s->session->arena;

    while (s->targets_count) {
        target *targets = s->targets;
        size_t count = s->targets_count, n = 0;
        jpx_count *counts = jpx_alloc_array(arena, count, sizeof *counts);
        size_t *first = jpx_alloc_array(arena, count, sizeof *first);
        jpx_repeat *repeat = jpx_alloc_array(arena, count, sizeof *repeat);

        s->targets = NULL;
        s->targets_count = s->targets_cap = 0;
        qsort(targets, count, sizeof *targets, target_order);
        for (size_t i = 0; i < count; n++) {
            uint64_t *mask = jpx_alloc_array(arena, JPX_PART_WORDS, sizeof *mask);
            uint8_t *id = jpx_alloc(arena, JPX_BARRIER_SIZE);
            uint32_t low = UINT32_MAX, high = 0;
            first[n] = i;
            for (; i < count && target_order(&targets[first[n]], &targets[i]) == 0; i++) {
                uint32_t word = targets[i].bit / JPX_WORD_BITS;
                mask[word] |= (uint64_t)1 << targets[i].bit % JPX_WORD_BITS;
                low = word < low ? word : low;
                high = word > high ? word : high;
                repeat[n] = later(repeat[n], targets[i].repeat);
            }
            jpx_barrier_id(id, &targets[first[n]].at, targets[first[n]].part);
            counts[n] = (jpx_count){
                .id = jpx_id(id, JPX_BARRIER_SIZE), .mask = mask + low, .first_word = low, .words = high - low + 1};
        }
        if (jpx_store_count(s->session->store, counts, n, err) != JP_OK)
            return err->status;
        for (size_t i = 0; i < n; i++) {
            const target *t = &targets[first[i]];
            jpx_repeat then = repeat[i].maybe || !counts[i].repeated ? repeat[i] : JPX_REPEAT;
            if (!counts[i].found || counts[i].aborted || counts[i].left != 0)
                continue;
            if (t->part != JPX_TOP_PART) {
                target top = {.at = t->at,
                              .part = JPX_TOP_PART,
                              .bit = t->part,
                              .bits = t->bits,
                              .then = t->then,
                              .finish = t->finish,
                              .repeat = then};
                JPX_PUSH(arena, s->targets, s->targets_count, s->targets_cap) = top;
            } else if (t->finish) {
                if (!s->one_level)
                    push_next(s, (item){.kind = JPX_FACT_ENDED, .key = t->then, .repeat = then});
            } else {
                jpx_ready ready = {t->then, then};
                JPX_PUSH(arena, s->ready, s->ready_count, s->ready_cap) = ready;
            }
        }
    }
    return JP_OK;
}

/* Roots whose tree has ended become decided or done, unless an abort came first. */
static jp_status close_roots(propagation *s, jp_error *err)
{
    jpx_root_id *ids = jpx_alloc_array(s->session->arena, s->changes_count, sizeof *ids);
    jpx_root **roots = jpx_alloc_array(s->session->arena, s->changes_count, sizeof *roots);
    jpx_key *keys = jpx_alloc_array(s->session->arena, s->changes_count, sizeof *keys);
    jpx_pipeline **pipelines = jpx_alloc_array(s->session->arena, s->changes_count, sizeof *pipelines);

    if (!s->changes_count)
        return JP_OK;
    if (jpx_store_change_roots(s->session->store, s->changes, s->changes_count, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < s->changes_count; i++) {
        memcpy(ids[i].b, s->changes[i].id.data, JPX_ROOT_SIZE);
        keys[i] = jpx_key_root(ids[i]);
    }
    if (jpx_load_roots(s->session, ids, s->changes_count, roots, err) != JP_OK ||
        jpx_load_pipelines(s->session, keys, s->changes_count, pipelines, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < s->changes_count; i++) {
        if (!roots[i] || !pipelines[i])
            continue;
        if (s->changes[i].op == JPX_ROOT_DONE && s->changes[i].changed) {
            jpx_change change = {.what = "done", .key = keys[i], .pipe = roots[i]->pipe, .root = true};
            jpx_outbox_change(s->box, &change);
        } else if (s->changes[i].op == JPX_ROOT_DECIDE && roots[i]->decided && !jpx_root_final(roots[i])) {
            jpx_run_event event = {.key = keys[i], .finish = true};
            jpx_outbox_run(s->box, &event, pipelines[i]->pipe, pipelines[i]->queue,
                           s->changes[i].changed ? JPX_FIRST : JPX_REPEAT);
        }
    }
    return JP_OK;
}

static jp_status propagate_round(propagation *s, jp_error *err)
{
    jpx_key *keys = jpx_alloc_array(s->session->arena, s->items_count, sizeof *keys);
    jpx_pipeline **pipelines = jpx_alloc_array(s->session->arena, s->items_count, sizeof *pipelines);

    for (size_t i = 0; i < s->items_count; i++)
        keys[i] = s->items[i].key;
    if (jpx_load_pipelines(s->session, keys, s->items_count, pipelines, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < s->items_count; i++) {
        const item *it = &s->items[i];
        if (!pipelines[i])
            continue; /* cleaned up */
        if (it->kind == JPX_FACT_FILLED) {
            if (on_filled(s, it, pipelines[i], err) != JP_OK)
                return err->status;
        } else if (it->kind == JPX_FACT_ENDED) {
            on_ended(s, it, pipelines[i]);
        } else {
            on_finished(s, it, pipelines[i]);
        }
    }
    /* Fills first: a consumer of a forwarded slot reads its value through them. */
    if (s->fills_count &&
        jpx_store_insert(s->session->store, JPX_TABLE_FILL, s->fills, s->fills_count, NULL, err) != JP_OK)
        return err->status;
    if (count_down(s, err) != JP_OK || close_roots(s, err) != JP_OK)
        return err->status;
    s->fills_count = s->changes_count = 0;
    return JP_OK;
}

/* A repeat is looked up first: hooks that have run are not called again (docs/protocol.md, trap 14). */
static jp_status publish_hooks(propagation *s, jp_error *err)
{
    jpx_key *keys = jpx_alloc_array(s->session->arena, s->hooks_count, sizeof *keys);
    jpx_journal *journals = jpx_alloc_array(s->session->arena, s->hooks_count, sizeof *journals);
    size_t look = 0;

    for (size_t i = 0; i < s->hooks_count; i++)
        if (s->hooks[i].repeat.maybe)
            keys[look++] = s->hooks[i].key;
    if (look && jpx_load_entries(s->session, keys, NULL, look, journals, err) != JP_OK)
        return err->status;
    look = 0;
    for (size_t i = 0; i < s->hooks_count; i++) {
        const hook_call *hook = &s->hooks[i];
        jpx_run_event event = {.key = hook->key, .finish = true};
        if (!hook->repeat.maybe || !jpx_journal_find(&journals[look++], JPX_ENTRY_FINISHED))
            jpx_outbox_run(s->box, &event, hook->pipeline->pipe, hook->pipeline->queue, hook->repeat);
    }
    return JP_OK;
}

jp_status jpx_propagate(jpx_session *session, jpx_outbox *box, jpx_fact *facts, size_t count, bool one_level,
                        jp_error *err)
{
    propagation s = {.session = session, .box = box, .one_level = one_level};

    for (size_t i = 0; i < count; i++)
        for (uint32_t c = 0; c < facts[i].count; c++) {
            jpx_key key = jpx_key_make(jpx_key_root_id(&facts[i].key), jpx_key_gen(&facts[i].key),
                                       jpx_key_index(&facts[i].key) + c);
            push_next(&s, (item){.kind = facts[i].kind,
                                 .key = key,
                                 .slot = facts[i].slot,
                                 .repeat = facts[i].repeat,
                                 .filler = key,
                                 .filler_step = facts[i].step,
                                 .filler_slot = facts[i].slot});
        }
    for (int round = 0; s.next_count && round < ROUNDS_MAX; round++) {
        s.items = s.next;
        s.items_count = s.next_count;
        s.next = NULL;
        s.next_count = s.next_cap = 0;
        if (propagate_round(&s, err) != JP_OK)
            return err->status;
    }
    for (size_t i = 0; i < s.next_count; i++) {
        const item *it = &s.next[i];
        jpx_fact fact = {.kind = it->kind,
                         .key = it->key,
                         .count = 1,
                         .slot = it->slot,
                         .step = jpx_key_equal(&it->key, &it->filler) ? it->filler_step : JPX_STEP_FILL,
                         .repeat = it->repeat};
        jpx_outbox_fact(box, &fact);
    }
    if (publish_hooks(&s, err) != JP_OK)
        return err->status;
    return jpx_publish_ready(session, box, s.ready, s.ready_count, err);
}
