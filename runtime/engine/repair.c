/* repair.c -- walks over the live tree of a root: to abort it, to repair it, to remove it.
 *
 * Only adopted generations are walked: what an attempt planned that was not adopted is inert everywhere. A walk can be
 * cut anywhere and done again: it only inserts entries once, and publishes with a look or under new message ids. */
#include "engine/tree_nodes.h"
#include <string.h>

/* ---- abort: append `aborted` to whatever is not final ---- */

typedef struct jpx_abort {
    jpx_tree_walk walk;
    const jpx_root *root;
    size_t pending; /* hooks still to run */
    size_t lost;    /* appended to by somebody else meanwhile: the next walk sees what */
    bool up;        /* on the way up */
} aborting;

static bool can_be_aborted(const jpx_tree_node *node)
{
    const jpx_entry *last = jpx_journal_last(&node->journal);
    if (jpx_tree_node_planned(node))
        return false;
    return !last || last->kind == JPX_ENTRY_RETRY || last->kind == JPX_ENTRY_WAITING ||
           (last->kind == JPX_ENTRY_REPLIED && last->hooked);
}

static void call_hooks(jpx_outbox *box, const jpx_pipeline *p)
{
    jpx_run_event event = {.key = p->key, .finish = true};
    jpx_outbox_run(box, &event, p->pipe, p->queue, JPX_REPEAT);
}

/* A status is told when it is final: of a pipeline with hooks that are to run, when they have (effects.c); of the
 * root's own, with the root. */
static void tell_aborted(jpx_outbox *box, const jpx_pipeline *p, const jpx_root *root)
{
    jpx_change change = {.what = "aborted", .key = p->key, .pipe = p->pipe, .reason = root->reason};
    jpx_outbox_change(box, &change);
}

/* Has a body begun, although there is no entry? Pipes with the finishing hook leave a mark (PROTOCOL 9). The mark is
 * read again here, after the flag. */
static jp_status was_begun(jpx_session *session, const jpx_tree_node *node, bool *begun, jp_error *err)
{
    const uint8_t *key = node->pipeline.key.b;
    uint8_t lo[JPX_MARK_SIZE], hi[JPX_MARK_SIZE];
    jpx_records found;

    *begun = node->journal.count > 0;
    if (*begun || !node->pipeline.hook)
        return JP_OK;
    jpx_id_bounds(lo, hi, sizeof lo, key, key, JPX_PIPELINE_SIZE);
    if (jpx_store_scan(session->store, JPX_TABLE_MARK, jpx_id(lo, sizeof lo), jpx_id(hi, sizeof hi), 1, false,
                       session->arena, &found, err) != JP_OK)
        return err->status;
    *begun = found.count > 0;
    return JP_OK;
}

/* The attempt that has begun last; 0: none has. */
static int begun_attempt(const jpx_tree_node *node, bool begun)
{
    const jpx_entry *last = jpx_journal_last(&node->journal);
    if (node->evidence.marked || (begun && !last))
        return jpx_journal_attempt(&node->journal);
    return last ? last->attempt : 0;
}

static jp_status append_aborted(aborting *a, jpx_session *session, jpx_outbox *box, jpx_tree_node **nodes, size_t count,
                                jp_error *err)
{
    jpx_record *records = jpx_alloc_array(session->arena, count + 1, sizeof *records);
    bool *dup = jpx_alloc_array(session->arena, count + 1, sizeof *dup);

    for (size_t i = 0; i < count; i++) {
        jpx_journal *journal = &nodes[i]->journal;
        jpx_entry *entries = jpx_alloc_array(session->arena, journal->count + 1, sizeof *entries);
        bool begun;
        if (journal->count)
            memcpy(entries, journal->entries, journal->count * sizeof *entries);
        journal->entries = entries;
        if (was_begun(session, nodes[i], &begun, err) != JP_OK)
            return err->status;
        entries[journal->count] = (jpx_entry){.key = nodes[i]->pipeline.key,
                                              .step = journal->count,
                                              .kind = JPX_ENTRY_ABORTED,
                                              .at_ms = jpx_now(session->env),
                                              .attempt = begun_attempt(nodes[i], begun),
                                              .begun = begun,
                                              .failure_class = "abort",
                                              .failure_text = a->root->reason ? a->root->reason : "aborted"};
        records[i] = jpx_entry_encode(&entries[journal->count], session->arena);
    }
    if (!count)
        return JP_OK;
    if (jpx_store_insert(session->store, JPX_TABLE_ENTRY, records, count, dup, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        if (dup[i]) {
            a->lost++;
            continue;
        }
        nodes[i]->journal.count++;
        if (jpx_key_is_root(&nodes[i]->pipeline.key))
            continue; /* close_root sees to it */
        if (jpx_journal_wants_finish(&nodes[i]->journal, true)) {
            call_hooks(box, &nodes[i]->pipeline);
            a->pending++;
        } else {
            tell_aborted(box, &nodes[i]->pipeline, a->root);
        }
    }
    return JP_OK;
}

/* On the way down: whatever waits, or is about to run, ends here. */
static jp_status abort_open(void *ctx, jpx_session *session, jpx_tree_node *nodes, size_t count, jp_error *err)
{
    aborting *a = ctx;
    jpx_outbox box = jpx_outbox_new(session);
    jpx_tree_node **open = jpx_alloc_array(session->arena, count + 1, sizeof *open);
    size_t open_count = 0;

    for (size_t i = 0; i < count; i++) {
        const jpx_entry *last = jpx_journal_last(&nodes[i].journal);
        if (nodes[i].newer)
            return jpx_newer_record(session, "pipeline or entry", &nodes[i].pipeline.key, err);
        nodes[i].skip = nodes[i].damaged;
        if (nodes[i].damaged || jpx_tree_node_planned(&nodes[i]))
            continue;
        if (can_be_aborted(&nodes[i])) {
            open[open_count++] = &nodes[i];
        } else if (!jpx_key_is_root(&nodes[i].pipeline.key) &&
                   jpx_journal_wants_finish(&nodes[i].journal,
                                            last->kind == JPX_ENTRY_FAILED || last->kind == JPX_ENTRY_ABORTED)) {
            call_hooks(&box, &nodes[i].pipeline); /* perhaps lost: said again (PROTOCOL 12) */
            a->pending++;
        }
    }
    if (append_aborted(a, session, &box, open, open_count, err) != JP_OK)
        return err->status;
    return jpx_outbox_flush(&box, err);
}

/* On the way up: a generator's end is decided in its finish counter, zero or aborted, whichever update comes first. */
static jp_status abort_generators(void *ctx, jpx_session *session, jpx_tree_node *nodes, size_t count, jp_error *err)
{
    aborting *a = ctx;
    jpx_outbox box = jpx_outbox_new(session);
    jpx_bytes *ids = jpx_alloc_array(session->arena, count + 1, sizeof *ids);
    jpx_tree_node **whose = jpx_alloc_array(session->arena, count + 1, sizeof *whose);
    jpx_record *found = jpx_alloc_array(session->arena, count + 1, sizeof *found);
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        const jpx_entry *planned = jpx_tree_node_planned(&nodes[i]);
        uint8_t *id;
        if (nodes[i].damaged || !planned || jpx_key_is_root(&nodes[i].pipeline.key))
            continue; /* a root's outcome is decided in the root */
        jpx_key finish = jpx_finish_key(a->root->id, planned->gen);
        id = jpx_alloc(session->arena, JPX_BARRIER_SIZE);
        jpx_barrier_id(id, &finish, JPX_TOP_PART);
        whose[n] = &nodes[i];
        ids[n++] = jpx_id(id, JPX_BARRIER_SIZE);
    }
    if (!n)
        return JP_OK;
    if (jpx_store_abort_barriers(session->store, ids, n, err) != JP_OK ||
        jpx_store_get(session->store, JPX_TABLE_BARRIER, ids, n, session->arena, found, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < n; i++) {
        const jpx_pipeline *p = &whose[i]->pipeline;
        jpx_barrier counter;
        if (!found[i].doc.data || !jpx_barrier_decode(found[i].doc, &counter))
            return jpx_fail(err, JP_E_DAMAGED, "the finish counter of %s is missing", p->pipe);
        if (jpx_journal_wants_finish(&whose[i]->journal, counter.aborted)) {
            call_hooks(&box, p);
            a->pending++;
        } else if (counter.aborted && !whose[i]->evidence.counter_aborted) {
            tell_aborted(&box, p, a->root);
        }
    }
    return jpx_outbox_flush(&box, err);
}

/* The root becomes aborted last. */
static jp_status close_root(aborting *a, jpx_session *session, jpx_outbox *box, jp_error *err)
{
    jpx_tree_node *node;
    jpx_root_change change = {
        .id = jpx_id(a->root->id.b, JPX_ROOT_SIZE), .op = JPX_ROOT_ABORTED, .at_ms = jpx_now(session->env)};

    if (jpx_load_root_node(session, a->root->id, &node, err) != JP_OK)
        return err->status;
    if (node && !node->damaged && jpx_journal_wants_finish(&node->journal, true)) {
        call_hooks(box, &node->pipeline);
        a->pending++;
        return JP_OK;
    }
    if (jpx_store_change_roots(session->store, &change, 1, err) != JP_OK)
        return err->status;
    if (change.changed) {
        jpx_change told = {
            .what = "aborted", .key = jpx_key_root(a->root->id), .pipe = a->root->pipe, .reason = a->root->reason};
        jpx_outbox_change(box, &told);
        told.root = true;
        jpx_outbox_change(box, &told);
    }
    return JP_OK;
}

jpx_abort *jpx_abort_new(const jpx_root *root, jpx_arena *arena)
{
    jpx_abort *a = jpx_alloc(arena, sizeof *a);
    *a = (jpx_abort){.walk = {.root = root->id, .arena = arena}, .root = root};
    return a;
}

jp_status jpx_abort_some(jpx_session *session, jpx_abort *a, bool *more, size_t *pending, jp_error *err)
{
    jpx_outbox box = jpx_outbox_new(session);
    jp_status status = a->up ? jpx_tree_walk_up_some(session, &a->walk, abort_generators, a, more, err)
                             : jpx_tree_walk_down_some(session, &a->walk, abort_open, a, more, err);

    if (status != JP_OK || *more)
        return status;
    /* With nothing lost the tree is as the walk saw it and stays so: nothing in it can be appended to any more. */
    if (!a->up && a->lost == 0) {
        jpx_tree_walk_turn(&a->walk);
        a->up = *more = true;
        return JP_OK;
    }
    a->pending += a->lost;
    if (a->pending == 0 && (close_root(a, session, &box, err) != JP_OK || jpx_outbox_flush(&box, err) != JP_OK))
        return err->status;
    *pending = a->pending;
    return JP_OK;
}

/* ---- repair: everything that follows from the entries is said again ---- */

/* A generator whose children are all counted; its counter was read after they were visited. */
static bool has_ended(const jpx_tree_node *node)
{
    return jpx_journal_last(&node->journal)->kind == JPX_ENTRY_PLANNED && node->evidence.counter_found &&
           !node->evidence.counter_aborted && node->evidence.left == 0;
}

static jp_status skip_damaged(void *ctx, jpx_session *session, jpx_tree_node *nodes, size_t count, jp_error *err)
{
    (void)ctx;
    (void)session;
    (void)err;
    for (size_t i = 0; i < count; i++)
        nodes[i].skip = nodes[i].damaged;
    return JP_OK;
}

static jp_status repair_nodes(void *ctx, jpx_session *session, jpx_tree_node *nodes, size_t count, jp_error *err)
{
    jpx_outbox box = jpx_outbox_new(session);
    jpx_fact *facts;
    size_t facts_count;

    box.backlog = ctx;

    for (size_t i = 0; i < count; i++) {
        const jpx_entry *last = jpx_journal_last(&nodes[i].journal);
        const jpx_entry *ending = jpx_journal_ending(&nodes[i].journal);
        if (nodes[i].damaged || !last)
            continue;
        if (ending && jpx_entry_effects(session, &box, &nodes[i].pipeline, ending, NULL, true, err) != JP_OK)
            return err->status;
        if (last != ending && jpx_entry_effects(session, &box, &nodes[i].pipeline, last, NULL, true, err) != JP_OK)
            return err->status;
        if (has_ended(&nodes[i])) {
            jpx_fact fact = {.kind = JPX_FACT_ENDED, .key = nodes[i].pipeline.key, .count = 1, .repeat = JPX_REPEAT};
            jpx_outbox_fact(&box, &fact);
        }
    }
    /* The facts are settled here, so that one walk repairs a whole tree. Each level sees for itself whether its
     * generators have ended by now: a cascade from each leaf to the top would make a deep tree cost its depth squared.
     */
    facts = box.facts;
    facts_count = box.facts_count;
    box.facts = NULL;
    box.facts_count = box.facts_cap = 0;
    if (facts_count && jpx_propagate(session, &box, facts, facts_count, true, err) != JP_OK)
        return err->status;
    return jpx_outbox_flush(&box, err);
}

jp_status jpx_repair_root(jpx_session *session, jpx_outbox *box, const jpx_root *root, jpx_queue_age *backlog,
                          jp_error *err)
{
    jpx_ready start = {jpx_key_root(root->id), {true, root->started_ms}};
    jpx_tree_walk walk = {.root = root->id};

    if (root->aborting) {
        jpx_key key = jpx_key_root(root->id);
        jpx_outbox_abort(box, &key, root->by ? root->by : "", root->reason ? root->reason : "");
        return JP_OK;
    }
    if (jpx_tree_walk_down(session, &walk, skip_damaged, NULL, err) != JP_OK ||
        jpx_tree_walk_up(session, &walk, repair_nodes, backlog, err) != JP_OK)
        return err->status;
    box->backlog = backlog;
    return jpx_publish_ready(session, box, &start, 1, err);
}

/* ---- removal ---- */

jp_status jpx_remove_root(jpx_session *session, const jpx_root_id *root, size_t *budget, bool *done, jp_error *err)
{
    static const jpx_table tables[] = {JPX_TABLE_PIPELINE, JPX_TABLE_ENTRY, JPX_TABLE_BARRIER,
                                       JPX_TABLE_VALUE,    JPX_TABLE_FILL,  JPX_TABLE_MARK};
    jpx_bytes id = jpx_id(root->b, JPX_ROOT_SIZE);
    size_t removed = 0;

    *done = false;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        uint8_t lo[JPX_VALUE_SIZE], hi[JPX_VALUE_SIZE];
        size_t size = jpx_table_id_size(tables[t]);
        jpx_id_bounds(lo, hi, size, root->b, root->b, JPX_ROOT_SIZE);
        if (jpx_store_remove_range(session->store, tables[t], jpx_id(lo, size), jpx_id(hi, size), *budget, &removed,
                                   err) != JP_OK)
            return err->status;
        *budget -= removed < *budget ? removed : *budget;
        if (*budget == 0)
            return JP_OK;
    }
    *done = true;
    return jpx_store_remove(session->store, JPX_TABLE_ROOT, &id, 1, err);
}
