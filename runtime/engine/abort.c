/* abort.c -- carries out an abort: appends `aborted` to every pipeline that is not final, then decides the generators.
 *
 * On the way down, whatever waits or is about to run gets its entry. On the way up, each generator's end is decided in
 * its finish counter. The root becomes aborted last. All of it can be cut anywhere and started anew: an entry is
 * inserted once, hooks are called again, the counter's update is guarded. A large tree is done in bounded parts. */
#include "engine/load.h"
#include "engine/root.h"
#include "engine/tree_nodes.h"
#include <string.h>

typedef struct jpx_abort {
    jpx_tree_walk walk;
    const jpx_root *root;
    size_t pending; /* hooks still to run */
    size_t lost;    /* entries that another process appended first: the next pass sees them */
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

/* A status is reported when it is final: after the hooks where there are any (effects.c), and that of the root pipeline
 * with the root. */
static void report_aborted(jpx_outbox *box, const jpx_pipeline *p, const jpx_root *root)
{
    jpx_change change = {.what = "aborted", .key = p->key, .pipe = p->pipe, .reason = root->reason};
    jpx_outbox_change(box, &change);
}

/* Has a body started, although there is no entry? Pipes with on_finished leave an execution before they check the flag,
 * and it is read here, after the flag was raised (docs/protocol.md, trap 9). */
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

/* The attempt that started last; 0: none has. */
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
    jpx_record *records = jpx_alloc_array(session->arena, count, sizeof *records);
    bool *dup = jpx_alloc_array(session->arena, count, sizeof *dup);

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
            continue; /* close_root does it */
        if (jpx_journal_wants_finish(&nodes[i]->journal, true)) {
            call_hooks(box, &nodes[i]->pipeline);
            a->pending++;
        } else {
            report_aborted(box, &nodes[i]->pipeline, a->root);
        }
    }
    return JP_OK;
}

/* On the way down: whatever waits or is about to run ends here. */
static jp_status abort_open(void *ctx, jpx_session *session, jpx_tree_node *nodes, size_t count, jp_error *err)
{
    aborting *a = ctx;
    jpx_outbox box = jpx_outbox_new(session);
    jpx_tree_node **open = jpx_alloc_array(session->arena, count, sizeof *open);
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
            call_hooks(&box, &nodes[i].pipeline); /* their event may be lost (docs/protocol.md, trap 12) */
            a->pending++;
        }
    }
    if (append_aborted(a, session, &box, open, open_count, err) != JP_OK)
        return err->status;
    return jpx_outbox_flush(&box, err);
}

/* On the way up: a generator's end is decided in its finish counter: zero or aborted, whichever update comes first. */
static jp_status abort_generators(void *ctx, jpx_session *session, jpx_tree_node *nodes, size_t count, jp_error *err)
{
    aborting *a = ctx;
    jpx_outbox box = jpx_outbox_new(session);
    jpx_bytes *ids = jpx_alloc_array(session->arena, count, sizeof *ids);
    jpx_tree_node **whose = jpx_alloc_array(session->arena, count, sizeof *whose);
    jpx_record *found = jpx_alloc_array(session->arena, count, sizeof *found);
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        const jpx_entry *planned = jpx_tree_node_planned(&nodes[i]);
        uint8_t *id;
        if (nodes[i].damaged || !planned || jpx_key_is_root(&nodes[i].pipeline.key))
            continue; /* the outcome of a root is decided in the root record */
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
        if (!found[i].doc.data || !jpx_barrier_decode(found[i].doc, &counter)) {
            jpx_fail(err, JP_E_DAMAGED, "the finish counter of %s is missing", p->pipe);
            return jpx_wrap_pipeline(err, &p->key);
        }
        if (jpx_journal_wants_finish(&whose[i]->journal, counter.aborted)) {
            call_hooks(&box, p);
            a->pending++;
        } else if (counter.aborted && !whose[i]->evidence.counter_aborted) {
            report_aborted(&box, p, a->root);
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
        jpx_change report = {
            .what = "aborted", .key = jpx_key_root(a->root->id), .pipe = a->root->pipe, .reason = a->root->reason};
        jpx_outbox_change(box, &report);
        report.root = true;
        jpx_outbox_change(box, &report);
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
    /* If no insert was lost, every pipeline has its last entry, and the tree cannot change any more. */
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
