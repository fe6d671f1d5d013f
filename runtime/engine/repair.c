/* repair.c -- publishes again whatever follows from the entries of a live root.
 *
 * Only adopted generations are visited: children of an attempt that was not adopted are inert. A repair can be cut
 * anywhere and done again: it looks before it publishes, or publishes under new message ids. */
#include "engine/root.h"
#include "engine/tree_nodes.h"

/* Are all children of this generator counted? Its counter was read after they were visited. */
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

    box.queue_age = ctx;

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
    /* The facts are applied here, so that one pass repairs a whole tree, and each level checks for itself whether its
     * generators have ended: a cascade from each leaf to the top would cost a deep tree the square of its depth. */
    facts = box.facts;
    facts_count = box.facts_count;
    box.facts = NULL;
    box.facts_count = box.facts_cap = 0;
    if (facts_count && jpx_propagate(session, &box, facts, facts_count, true, err) != JP_OK)
        return err->status;
    return jpx_outbox_flush(&box, err);
}

jp_status jpx_repair_root(jpx_session *session, jpx_outbox *box, const jpx_root *root, jpx_queue_age *age,
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
        jpx_tree_walk_up(session, &walk, repair_nodes, age, err) != JP_OK)
        return err->status;
    box->queue_age = age;
    return jpx_publish_ready(session, box, &start, 1, err);
}
