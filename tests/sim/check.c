/* check.c -- the oracle: reads the records of a run, follows the adopted attempts, and computes for each what it must
 * have been given and how it must have ended, and whether it started, finished and was hooked as promised. */
#include "sim.h"
#include <string.h>

enum { SKEW_MAX_MS = 1000 }; /* two clocks differ by that at most */

typedef struct node {
    jpx_key key;
    jpx_pipeline *pipeline;
    jpx_journal journal;
    const jpx_entry *planned, *ending;
    struct node *children;
    uint32_t children_count;
    int64_t left;
    bool counter_aborted;
    plan what; /* of the execution that was adopted */
    bool done, aborted;
    bool given_there;
    uint64_t given;
} node;

typedef struct check {
    sim *s;
    jpx_session session;
} check;

static const char *name_of(check *c, const jpx_key *key)
{
    char *text = jpx_alloc(c->s->w->arena, JPX_KEY_TEXT);
    return jpx_key_text(text, key);
}

#define DEMAND(c, node_, cond, ...)                                                                                    \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            world_failed((c)->s->w, "%s (%s): %s", name_of((c), &(node_)->key), (node_)->pipeline->pipe,               \
                         jpx_format((c)->s->w->arena, __VA_ARGS__));                                                   \
    } while (0)

/* ---- reading ---- */

static void read_counter(check *c, node *n)
{
    jpx_key finish = jpx_finish_key(jpx_key_root_id(&n->key), n->planned->gen);
    uint8_t id[JPX_BARRIER_SIZE];
    jpx_bytes ids = {id, sizeof id};
    jpx_record record;
    jpx_barrier counter;
    bson_iter_t iter, words;
    int64_t set = 0;
    jp_error err;

    jpx_barrier_id(id, &finish, JPX_TOP_PART);
    DEMAND(c, n, jpx_store_get(c->session.store, JPX_TABLE_BARRIER, &ids, 1, c->session.arena, &record, &err) == JP_OK,
           "%s", err.text);
    DEMAND(c, n, record.doc.data && jpx_barrier_decode(record.doc, &counter), "its finish counter is missing");
    if (jpx_doc_find(record.doc, "w", &iter) && bson_iter_recurse(&iter, &words))
        while (bson_iter_next(&words))
            set += __builtin_popcountll((uint64_t)bson_iter_int64(&words));
    DEMAND(c, n, set + counter.left == n->planned->children, "its finish counter has %lld bits and %lld left of %u",
           (long long)set, (long long)counter.left, n->planned->children);
    n->left = counter.left;
    n->counter_aborted = counter.aborted;
}

static void read_tree(check *c, node *n, const jpx_key *key)
{
    jp_error err;

    n->key = *key;
    if (jpx_load_pipelines(&c->session, key, 1, &n->pipeline, &err) != JP_OK ||
        jpx_load_entries(&c->session, key, NULL, 1, &n->journal, &err) != JP_OK)
        world_failed(c->s->w, "%s", err.text);
    if (!n->pipeline)
        world_failed(c->s->w, "%s: its record is missing", name_of(c, key));
    n->journal.pipeline = n->pipeline;
    n->planned = jpx_journal_find(&n->journal, JPX_ENTRY_PLANNED);
    n->ending = jpx_journal_ending(&n->journal);
    if (!n->planned)
        return;
    read_counter(c, n);
    n->children_count = n->planned->children;
    n->children = jpx_alloc_array(c->session.arena, n->children_count, sizeof *n->children);
    for (uint32_t i = 0; i < n->children_count; i++) {
        jpx_key child = jpx_key_make(jpx_key_root_id(key), n->planned->gen, i);
        read_tree(c, &n->children[i], &child);
    }
}

static uint64_t value_digest(check *c, const node *n, const jpx_out *out)
{
    jpx_bytes value = out->value;
    bson_iter_t iter;
    jp_error err;

    if (out->large)
        DEMAND(c, n, jpx_load_value(&c->session, out->large_id, &value, &err) == JP_OK, "%s", err.text);
    DEMAND(c, n, jpx_value_iter(value, &iter), "its output %s is no value", out->slot);
    return plan_digest_iter(&iter);
}

static int slot_number(const char *slot)
{
    return strcmp(slot, plan_slots[1]) == 0;
}

/* The value of a slot, through forwarded ones, from the entries alone. */
static bool slot_digest(check *c, const node *n, int slot, uint64_t *digest)
{
    const jpx_out *out = n->ending ? jpx_entry_out(n->ending, plan_slots[slot]) : NULL;

    if (!out)
        return false;
    if (out->forwarded)
        return slot_digest(c, &n->children[out->child], slot_number(out->child_slot), digest);
    *digest = value_digest(c, n, out);
    return true;
}

/* ---- statuses, from the records alone ---- */

static void decide(check *c, node *n)
{
    const jpx_entry *last = jpx_journal_last(&n->journal);
    const jpx_entry *finished = jpx_journal_find(&n->journal, JPX_ENTRY_FINISHED);
    bool all = true;

    for (uint32_t i = 0; i < n->children_count; i++) {
        decide(c, &n->children[i]);
        all &= n->children[i].done;
    }
    n->done = n->planned ? n->left == 0 && all : n->ending != NULL;
    n->aborted = n->planned ? n->counter_aborted
                            : last && (last->kind == JPX_ENTRY_FAILED || last->kind == JPX_ENTRY_ABORTED ||
                                       (finished && finished->aborted));
    if (n->pipeline->hook && n->done && !(finished && !finished->aborted))
        n->done = false;
    DEMAND(c, n, !(n->planned && n->left == 0 && !all), "its finish counter is zero and not all children are done");
    DEMAND(c, n, !(n->done && n->aborted), "it is done and aborted");
}

/* ---- what it must have ended with ---- */

static bool one_of(const char *text, const char *a, const char *b)
{
    return text && (strcmp(text, a) == 0 || (b && strcmp(text, b) == 0));
}

static void check_outputs(check *c, node *n, const jpx_entry *e, const plan *what, const jpx_entry *carried)
{
    for (int slot = 0; slot < PLAN_SLOTS; slot++) {
        const plan_output *wanted = &what->outputs[slot];
        const jpx_out *out = jpx_entry_out(e, plan_slots[slot]);
        if (!wanted->filled) {
            DEMAND(c, n, !out || (carried && jpx_entry_out(carried, plan_slots[slot])), "step %u fills %s", e->step,
                   plan_slots[slot]);
            continue;
        }
        DEMAND(c, n, out != NULL, "step %u does not fill %s", e->step, plan_slots[slot]);
        DEMAND(c, n, out->forwarded == wanted->forwarded, "step %u: %s is%s handed", e->step, plan_slots[slot],
               out->forwarded ? "" : " not");
        if (out->forwarded)
            DEMAND(c, n, out->child == wanted->child && slot_number(out->child_slot) == wanted->slot,
                   "step %u: %s is handed to %u", e->step, plan_slots[slot], out->child);
        else
            DEMAND(c, n, value_digest(c, n, out) == plan_digest_of(wanted->wish), "step %u: %s has another value",
                   e->step, plan_slots[slot]);
    }
}

static void check_execution(check *c, node *n, const jpx_entry *e, const plan *what, const jpx_entry *carried)
{
    const char *class_ = e->failure_class;

    switch (e->kind) {
    case JPX_ENTRY_RETRY:
        DEMAND(c, n,
               (what->end == PLAN_RETRY && one_of(class_, "retry", NULL)) ||
                   (what->end == PLAN_MISSING && one_of(class_, "outputs", NULL)) || one_of(class_, "crash", NULL),
               "step %u: attempt %d was not to fail: %s", e->step, e->attempt, e->failure_text);
        break;
    case JPX_ENTRY_FAILED:
        DEMAND(c, n,
               (what->end == PLAN_ABORT && one_of(class_, "abort", NULL)) ||
                   (e->attempt == 3 &&
                    (one_of(class_, "crash", NULL) || (what->end == PLAN_RETRY && one_of(class_, "retry", NULL)))),
               "step %u: attempt %d was not to fail for good: %s", e->step, e->attempt, e->failure_text);
        break;
    case JPX_ENTRY_WAITING:
        DEMAND(c, n, what->end == (e->completes ? PLAN_RETURN_IN : PLAN_WAIT), "step %u: it was not to wait", e->step);
        check_outputs(c, n, e, what, carried);
        break;
    case JPX_ENTRY_RETURNED:
    case JPX_ENTRY_PLANNED:
        DEMAND(c, n, what->end == PLAN_RETURN || what->end == PLAN_DONE, "step %u: it was not to return", e->step);
        DEMAND(c, n, (e->kind == JPX_ENTRY_PLANNED ? e->children : 0) == what->children_count,
               "step %u: it has %u children", e->step, e->children);
        check_outputs(c, n, e, what, carried);
        n->what = *what;
        break;
    default:
        DEMAND(c, n, false, "step %u is out of turn", e->step);
    }
}

/* A promise waits for its reply, has it, or is aborted. */
static void check_promise(check *c, node *n)
{
    DEMAND(c, n, n->pipeline->promised && strcmp(n->pipeline->pipe, "Promise") == 0, "it was to be a promise");
    for (uint32_t i = 0; i < n->journal.count; i++) {
        const jpx_entry *e = &n->journal.entries[i];
        bool waits = i == 0 && e->kind == JPX_ENTRY_WAITING && !e->completes;
        bool replied = i == 1 && e->kind == JPX_ENTRY_REPLIED && !e->hooked &&
                       value_digest(c, n, &e->reply) == plan_digest_int(plan_reply(c->s->seed, &n->key, 0));
        DEMAND(c, n, waits || replied || (e->kind == JPX_ENTRY_ABORTED && i + 1 == n->journal.count),
               "step %u of a promise", e->step);
    }
}

static void check_journal(check *c, node *n, plan_case at)
{
    const jpx_entry *before = NULL, *carried = NULL;
    bool ended = false;

    at.attempt = 1;
    for (uint32_t i = 0; i < n->journal.count; i++) {
        const jpx_entry *e = &n->journal.entries[i];
        plan what;
        if (e->kind == JPX_ENTRY_FINISHED) {
            DEMAND(c, n, i + 1 == n->journal.count, "something follows its end");
            continue;
        }
        DEMAND(c, n, !ended, "step %u follows its end", e->step);
        ended =
            e->kind != JPX_ENTRY_RETRY && e->kind != JPX_ENTRY_WAITING && !(e->kind == JPX_ENTRY_REPLIED && e->hooked);
        DEMAND(c, n, e->kind == JPX_ENTRY_ABORTED || e->attempt == at.attempt, "step %u: attempt %d instead of %d",
               e->step, e->attempt, at.attempt);
        if (e->kind == JPX_ENTRY_ABORTED)
            continue;
        if (before && before->kind == JPX_ENTRY_WAITING && e->kind == JPX_ENTRY_REPLIED) {
            bool completed = before->completes && !e->hooked && e->at_ms + SKEW_MAX_MS >= before->due_ms;
            DEMAND(c, n, completed || !before->completes, "step %u: it came too early, or was replied to", e->step);
            if (!completed && !e->hooked)
                DEMAND(c, n,
                       value_digest(c, n, &e->reply) == plan_digest_int(plan_reply(c->s->seed, &n->key, e->step - 1)),
                       "step %u: another reply was taken", e->step);
            if (!before->completes)
                DEMAND(c, n, e->hooked == (at.pipe == PLAN_REPLIES), "step %u: the hook is forgotten", e->step);
        } else if (before && before->kind == JPX_ENTRY_WAITING) {
            DEMAND(c, n,
                   (e->kind == JPX_ENTRY_RETRY || (e->kind == JPX_ENTRY_FAILED && e->attempt == 3)) &&
                       one_of(e->failure_class, "timeout", NULL) && before->due_ms &&
                       e->at_ms + SKEW_MAX_MS >= before->due_ms,
                   "step %u: no reply, no time-out", e->step);
        } else {
            plan_case now = at;
            now.reply = before && before->kind == JPX_ENTRY_REPLIED;
            now.given = n->given;
            if (now.reply) {
                carried = &n->journal.entries[i - 2];
                now.x_filled = jpx_entry_out(carried, plan_slots[1]) != NULL;
                now.given = value_digest(c, n, &before->reply);
            }
            plan_make(&now, &what);
            check_execution(c, n, e, &what, carried);
        }
        if (e->kind == JPX_ENTRY_RETRY) {
            at.attempt++;
            carried = NULL;
        }
        before = e;
    }
}

/* ---- the tree ---- */

static bool has_begun(const node *n)
{
    return n->journal.count && n->journal.entries[0].kind != JPX_ENTRY_ABORTED;
}

static void give(check *c, node *parent, uint32_t i)
{
    node *n = &parent->children[i];
    const plan_child *child = &parent->what.children[i];
    uint64_t items = 4;

    n->given_there = true;
    for (size_t a = 0; a < child->inputs_count; a++) {
        uint64_t digest = plan_digest_int(child->inputs[a].number);
        if (child->inputs[a].future &&
            !slot_digest(c, &parent->children[child->inputs[a].child], child->inputs[a].slot, &digest))
            n->given_there = false;
        items = plan_mix(items, digest);
    }
    n->given = child->listed ? plan_mix(items, 4) : plan_mix(4, items);
    for (uint32_t w = 0; w < i && child->pipe != PLAN_PROMISE; w++) {
        bool ordered = parent->what.in_order && w >= parent->what.ordered && i > parent->what.ordered &&
                       parent->what.children[w].pipe != PLAN_PROMISE; /* they take no part in an order */
        if ((child->after >> w & 1) || ordered)
            DEMAND(c, n, !has_begun(n) || parent->children[w].done, "it began although %u was not finished", w);
    }
    DEMAND(c, n, !has_begun(n) || n->given_there, "it began although an argument was missing");
}

static int64_t number_in(jpx_bytes args, const char *index)
{
    bson_iter_t iter;
    return jpx_doc_find(args, index, &iter) ? bson_iter_int64(&iter) : -1;
}

static void check_hooks(check *c, node *n)
{
    size_t finished = 0, aborted = 0, cancelled = 0, begins = 0;
    bool waited = false;

    for (size_t i = 0; i < c->s->hooks_count; i++) {
        const sim_hook *hook = &c->s->hooks[i];
        if (!jpx_key_equal(&hook->key, &n->key))
            continue;
        cancelled += hook->cancel;
        aborted += !hook->cancel && hook->aborted;
        finished += !hook->cancel && !hook->aborted;
        for (int slot = 0; slot < PLAN_SLOTS && !hook->cancel && !hook->aborted; slot++) {
            uint64_t digest;
            DEMAND(c, n, slot_digest(c, n, slot, &digest) && digest == hook->outputs[slot],
                   "on_finished saw another %s", plan_slots[slot]);
        }
    }
    for (size_t i = 0; i < c->s->begins_count; i++)
        begins += jpx_key_equal(&c->s->begins[i].key, &n->key);
    if (n->pipeline->hook) {
        DEMAND(c, n, n->done ? finished > 0 && !aborted : !finished, "on_finished was called %zu times, %zu aborted",
               finished, aborted);
        DEMAND(c, n, !n->aborted || !begins || aborted, "it had begun and was aborted without a word");
        DEMAND(c, n, !aborted || begins || n->journal.entries[0].begun, "on_finished of one that had not begun");
    } else {
        DEMAND(c, n, !finished && !aborted, "it has no on_finished");
    }
    for (uint32_t i = 0; i + 1 < n->journal.count; i++)
        waited |=
            n->journal.entries[i].kind == JPX_ENTRY_WAITING && n->journal.entries[i + 1].kind == JPX_ENTRY_ABORTED;
    if (n->pipeline->cancel)
        DEMAND(c, n, waited ? cancelled > 0 : !cancelled, "on_cancel was called %zu times", cancelled);
}

/* A crash counted for five starts needs bodies that started; a process may die between its mark and the body. */
static void check_crashes(check *c, node *n)
{
    for (uint32_t i = 0; i < n->journal.count; i++) {
        const jpx_entry *e = &n->journal.entries[i];
        size_t begins = 0;
        for (size_t b = 0; b < c->s->begins_count; b++)
            begins += c->s->begins[b].attempt == e->attempt && jpx_key_equal(&c->s->begins[b].key, &n->key);
        DEMAND(c, n, !one_of(e->failure_class, "crash", NULL) || 2 * begins >= (size_t)JPX_DELIVERIES_MAX,
               "step %u: taken for a crash after %zu beginnings", e->step, begins);
    }
}

static void check_begins(check *c, node *n)
{
    for (size_t i = 0; i < c->s->begins_count; i++) {
        const sim_begin *begin = &c->s->begins[i];
        if (!begin->reply && jpx_key_equal(&begin->key, &n->key))
            DEMAND(c, n, n->given_there && begin->given == n->given,
                   "attempt %d was given something else (%llx, not %llx)", begin->attempt,
                   (unsigned long long)begin->given, (unsigned long long)n->given);
    }
}

static void check_node(check *c, node *n, plan_pipe pipe, int64_t path, int64_t depth)
{
    plan_case at = {.seed = c->s->seed, .pipe = pipe, .path = path, .depth = depth};

    if (pipe == PLAN_PROMISE) {
        check_promise(c, n);
        DEMAND(c, n, n->done || n->aborted, "it is not final");
        return;
    }
    DEMAND(c, n, strcmp(n->pipeline->pipe, plan_pipes[pipe]->name) == 0, "it was to be %s", plan_pipes[pipe]->name);
    DEMAND(c, n, number_in(n->pipeline->args, "0") == path && number_in(n->pipeline->args, "1") == depth,
           "it has another path");
    check_journal(c, n, at);
    check_begins(c, n);
    check_crashes(c, n);
    DEMAND(c, n, n->done || n->aborted || jpx_key_is_root(&n->key), "it is not final");
    for (uint32_t i = 0; i < n->children_count; i++) {
        const plan_child *child = &n->what.children[i];
        give(c, n, i);
        check_node(c, &n->children[i], child->pipe, child->path, child->depth);
    }
}

static bool in_tree(const node *n, const jpx_key *key)
{
    if (jpx_key_equal(&n->key, key))
        return true;
    for (uint32_t i = 0; i < n->children_count; i++)
        if (in_tree(&n->children[i], key))
            return true;
    return false;
}

static void check_tree_hooks(check *c, node *n)
{
    check_hooks(c, n);
    for (uint32_t i = 0; i < n->children_count; i++)
        check_tree_hooks(c, &n->children[i]);
}

static void check_root(check *c, size_t number)
{
    sim *s = c->s;
    jpx_root *root = world_root(s->w, s->keys[number]);
    node top = {0};

    if (!root)
        world_failed(s->w, "root %zu was never written", number);
    jpx_key key = jpx_key_root(root->id);
    if (!jpx_root_final(root))
        world_failed(s->w, "root %zu is not final: %s", number, root->aborting ? "aborting" : "running");
    read_tree(c, &top, &key);
    decide(c, &top);
    top.given = plan_mix(4, 4);
    top.given_there = true;
    check_node(c, &top, s->pipes[number], s->paths[number], s->depths[number]);
    if (strcmp(root->status, "done") == 0) {
        DEMAND(c, &top, top.done && !root->aborting, "its root is done, it is not");
    } else {
        DEMAND(c, &top, root->aborting, "aborted and nobody asked for it");
        /* what ended before the abort keeps its end, but the root's outcome is that of the root record */
        top.done = false;
        top.aborted = true;
        DEMAND(c, &top, !root->decided, "decided as done, then aborted");
    }
    check_tree_hooks(c, &top);
    for (size_t i = 0; i < s->begins_count; i++)
        if (memcmp(s->begins[i].key.b, key.b, JPX_ROOT_SIZE) == 0 && !in_tree(&top, &s->begins[i].key))
            world_failed(s->w, "%s began and was never adopted", name_of(c, &s->begins[i].key));
    for (size_t i = 0; i < s->hooks_count; i++)
        if (memcmp(s->hooks[i].key.b, key.b, JPX_ROOT_SIZE) == 0 && !in_tree(&top, &s->hooks[i].key))
            world_failed(s->w, "%s was hooked and was never adopted", name_of(c, &s->hooks[i].key));
}

static void check_leftovers(check *c)
{
    static const struct {
        jpx_stream stream;
        const char *name;
    } work[] = {{JPX_STREAM_START, "START"}, {JPX_STREAM_SLOT, "SLOT"}, {JPX_STREAM_RUN, "RUN"}};
    uint8_t lo[JPX_TIMER_SIZE] = {0}, hi[JPX_TIMER_SIZE];
    jpx_records found;
    jp_error err;

    for (size_t i = 0; i < sizeof work / sizeof *work; i++) {
        jpx_memory_item *items;
        if (jpx_memory_bus_list(c->s->w->bus, work[i].stream, c->session.arena, &items))
            world_failed(c->s->w, "something is left in %s: %s %.*s", work[i].name, items->subject,
                         (int)items->data.size, (const char *)items->data.data);
    }
    memset(hi, 0xff, sizeof hi);
    if (jpx_store_scan(c->session.store, JPX_TABLE_TIMER, jpx_id(lo, sizeof lo), jpx_id(hi, sizeof hi), 10, false,
                       c->session.arena, &found, &err) != JP_OK ||
        found.count)
        world_failed(c->s->w, "%zu timers are left, the first one due in %lld ms", found.count,
                     found.count ? (long long)jpx_get64(found.items[0].id.data) - (long long)c->s->w->now_ms : 0);
}

/* Nothing is left of a root that was cleaned up, even if its trigger was delivered again. */
static void check_removed(check *c, const jpx_root_id *id)
{
    static const jpx_table tables[] = {JPX_TABLE_ROOT,  JPX_TABLE_PIPELINE, JPX_TABLE_ENTRY, JPX_TABLE_BARRIER,
                                       JPX_TABLE_VALUE, JPX_TABLE_FILL,     JPX_TABLE_MARK};
    jp_error err;

    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        uint8_t lo[JPX_VALUE_SIZE] = {0}, hi[JPX_VALUE_SIZE];
        size_t size = jpx_table_id_size(tables[t]);
        jpx_records found;
        memset(hi, 0xff, sizeof hi);
        memcpy(lo, id->b, JPX_ROOT_SIZE);
        memcpy(hi, id->b, JPX_ROOT_SIZE);
        if (jpx_store_scan(c->session.store, tables[t], jpx_id(lo, size), jpx_id(hi, size), 10, false, c->session.arena,
                           &found, &err) != JP_OK ||
            found.count)
            world_failed(c->s->w, "%zu records of a root that was cleaned up are left in %s", found.count,
                         jpx_table_name(tables[t]));
    }
}

void sim_check_root(sim *s, size_t number)
{
    check c = {.s = s, .session = world_session(s->w)};
    check_root(&c, number);
}

void sim_check_end(sim *s)
{
    check c = {.s = s, .session = world_session(s->w)};

    for (size_t i = 0; i < s->roots_count; i++)
        check_root(&c, i);
    for (size_t i = 0; i < s->removed_count; i++)
        check_removed(&c, &s->removed[i]);
    check_leftovers(&c);
}

/* ---- while it runs ---- */

static bool finished_now(check *c, const jpx_key *key)
{
    node n = {0};
    read_tree(c, &n, key);
    decide(c, &n);
    return n.done;
}

void sim_check_begin(sim *s, const jpx_key *key, bool reply)
{
    check c = {.s = s, .session = world_session(s->w)};
    jpx_pipeline *p, *self;
    jp_error err;

    if (sim_is_removed(s, key->b))
        return; /* taken before the cleanup; it has no effect */
    c.session.arena = jpx_arena_new();
    if (jpx_load_pipelines(&c.session, key, 1, &self, &err) != JP_OK || !self)
        world_failed(s->w, "a body of a pipeline without a record begins");
    for (p = self; !jpx_key_is_root(&p->key);) {
        jpx_journal journal;
        jpx_key parent = p->parent;
        if (jpx_load_entries(&c.session, &parent, NULL, 1, &journal, &err) != JP_OK)
            world_failed(s->w, "%s", err.text);
        const jpx_entry *planned = jpx_journal_find(&journal, JPX_ENTRY_PLANNED);
        if (!planned || memcmp(planned->gen, jpx_key_gen(&p->key), JPX_GEN_SIZE) != 0)
            world_failed(s->w, "%s begins and is not adopted", name_of(&c, key));
        if (jpx_load_pipelines(&c.session, &parent, 1, &p, &err) != JP_OK || !p)
            world_failed(s->w, "%s: its parent has no record", name_of(&c, key));
    }
    for (size_t i = 0; i < self->deps_count && !reply; i++)
        for (uint32_t n = 0; n < self->deps[i].count && !self->deps[i].slot; n++) {
            jpx_key before = jpx_key_make(jpx_key_root_id(key), jpx_key_gen(key), self->deps[i].child + n);
            if (!finished_now(&c, &before))
                world_failed(s->w, "%s begins before %s is finished", name_of(&c, key), name_of(&c, &before));
        }
    for (size_t i = 0; i < s->late_count; i++)
        if (s->late[i].who == s->w->current && jpx_key_equal(&s->late[i].key, key))
            world_failed(s->w, "%s begins although its event was taken after the abort flag was up", name_of(&c, key));
    jpx_arena_free(c.session.arena);
}

void sim_check_adoption(sim *s, actor *a, const seam_call *call)
{
    jpx_arena *arena = jpx_arena_new();

    for (size_t i = 0; i < call->count; i++) {
        jpx_entry entry;
        if (!jpx_entry_decode(call->records[i].doc, arena, &entry) || entry.kind != JPX_ENTRY_PLANNED)
            continue;
        int root = sim_root_of(s, entry.key.b);
        if (root >= 0 && s->flag_tick[root] && s->flag_seen[a->number][root])
            world_failed(s->w, "a generation is adopted by one who has seen the abort flag");
    }
    jpx_arena_free(arena);
}
