/* tree_nodes.c -- loads the pipelines of a generation with their entries, executions and counters. Waits for the
 * store. */
#include "engine/tree_nodes.h"
#include "engine/load.h"
#include <string.h>

const jpx_entry *jpx_tree_node_planned(const jpx_tree_node *node)
{
    return jpx_journal_find(&node->journal, JPX_ENTRY_PLANNED);
}

jpx_status_kind jpx_tree_node_status(const jpx_tree_node *node)
{
    return jpx_journal_status(&node->journal, &node->evidence);
}

/* All records of a table between two keys, however many. */
static jp_status scan_all(jpx_session *session, jpx_table table, const uint8_t *lo, const uint8_t *hi, size_t size,
                          jpx_records *out, jp_error *err)
{
    uint8_t *from = (uint8_t *)jpx_copy(session->arena, lo, size).data;
    jpx_record *items = NULL;
    size_t count = 0, cap = 0;

    for (;;) {
        jpx_records found;
        if (jpx_store_scan(session->store, table, jpx_id(from, size), jpx_id(hi, size), JPX_SCAN_CHUNK, false,
                           session->arena, &found, err) != JP_OK)
            return err->status;
        for (size_t i = 0; i < found.count; i++)
            JPX_PUSH(session->arena, items, count, cap) = found.items[i];
        if (found.count < JPX_SCAN_CHUNK)
            break;
        memcpy(from, found.items[found.count - 1].id.data, size);
        for (size_t i = size; i-- > 0 && ++from[i] == 0;) /* the next id */
            ;
    }
    *out = (jpx_records){items, count, count};
    return JP_OK;
}

static jpx_tree_node *node_of(jpx_tree_node *nodes, size_t count, const uint8_t *key)
{
    size_t lo = 0, hi = count;
    while (lo < hi) {
        size_t middle = (lo + hi) / 2;
        int order = memcmp(nodes[middle].pipeline.key.b, key, JPX_PIPELINE_SIZE);
        if (order == 0)
            return &nodes[middle];
        if (order < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return NULL;
}

static jp_status load_journals(jpx_session *session, const jpx_key *lo, const jpx_key *hi, jpx_tree_node *nodes,
                               size_t count, jp_error *err)
{
    uint8_t first[JPX_ENTRY_SIZE], last[JPX_ENTRY_SIZE], mark_lo[JPX_MARK_SIZE], mark_hi[JPX_MARK_SIZE];
    jpx_records found;

    jpx_entry_id(first, lo, 0);
    jpx_entry_id(last, hi, UINT32_MAX);
    if (scan_all(session, JPX_TABLE_ENTRY, first, last, JPX_ENTRY_SIZE, &found, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < found.count;) {
        jpx_tree_node *node = node_of(nodes, count, found.items[i].id.data);
        size_t n = i;
        while (n < found.count && memcmp(found.items[n].id.data, found.items[i].id.data, JPX_PIPELINE_SIZE) == 0)
            n++;
        if (node) {
            node->journal.entries = jpx_alloc_array(session->arena, n - i, sizeof(jpx_entry));
            for (size_t e = i; e < n; e++) {
                jpx_entry *entry = &node->journal.entries[node->journal.count];
                if (!jpx_entry_decode(found.items[e].doc, session->arena, entry) ||
                    entry->step != node->journal.count) {
                    node->damaged = true;
                    node->newer = jpx_record_is_newer(found.items[e].doc);
                    break;
                }
                node->journal.count++;
            }
        }
        i = n;
    }
    jpx_id_bounds(mark_lo, mark_hi, sizeof mark_lo, lo->b, hi->b, JPX_PIPELINE_SIZE);
    if (scan_all(session, JPX_TABLE_MARK, mark_lo, mark_hi, JPX_MARK_SIZE, &found, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < found.count; i++) {
        jpx_execution execution;
        jpx_tree_node *node = node_of(nodes, count, found.items[i].id.data);
        if (!node || !jpx_execution_decode(found.items[i], session->arena, &execution) ||
            execution.step != node->journal.count)
            continue;
        node->evidence.marked = true;
        if (execution.since_ms >= node->since_ms) {
            node->since_ms = execution.since_ms;
            node->worker = execution.worker;
        }
    }
    return JP_OK;
}

/* Finish counters of adopted generations, and start barriers of pipelines without an entry. */
static jp_status load_counters(jpx_session *session, jpx_tree_node *nodes, size_t count, jp_error *err)
{
    jpx_bytes *ids = jpx_alloc_array(session->arena, count, sizeof *ids);
    jpx_tree_node **whose = jpx_alloc_array(session->arena, count, sizeof *whose);
    jpx_record *found = jpx_alloc_array(session->arena, count, sizeof *found);
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        const jpx_entry *planned = jpx_tree_node_planned(&nodes[i]);
        uint8_t *id;
        if (!planned && (nodes[i].journal.count || jpx_pipeline_bits(&nodes[i].pipeline) < 2))
            continue;
        id = jpx_alloc(session->arena, JPX_BARRIER_SIZE);
        jpx_key at =
            planned ? jpx_finish_key(jpx_key_root_id(&nodes[i].pipeline.key), planned->gen) : nodes[i].pipeline.key;
        jpx_barrier_id(id, &at, JPX_TOP_PART);
        whose[n] = &nodes[i];
        ids[n++] = jpx_id(id, JPX_BARRIER_SIZE);
    }
    if (n && jpx_store_get(session->store, JPX_TABLE_BARRIER, ids, n, session->arena, found, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < n; i++) {
        jpx_barrier barrier;
        if (!found[i].doc.data || !jpx_barrier_decode(found[i].doc, &barrier))
            continue;
        if (jpx_tree_node_planned(whose[i])) {
            whose[i]->evidence.counter_found = true;
            whose[i]->evidence.left = barrier.left;
            whose[i]->evidence.counter_aborted = barrier.aborted;
        } else {
            whose[i]->evidence.deps_open = barrier.left > 0;
        }
    }
    return JP_OK;
}

/* A single dependency has no barrier, so its producer is read. */
static jp_status load_single_deps(jpx_session *session, jpx_tree_node *nodes, size_t count, jp_error *err)
{
    jpx_slot *slots = jpx_alloc_array(session->arena, count, sizeof *slots);
    jpx_tree_node **whose = jpx_alloc_array(session->arena, count, sizeof *whose);
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        const jpx_pipeline *p = &nodes[i].pipeline;
        if (nodes[i].journal.count || jpx_pipeline_bits(p) != 1)
            continue;
        jpx_key producer = jpx_key_make(jpx_key_root_id(&p->key), jpx_key_gen(&p->key), p->deps[0].child);
        if (p->deps[0].slot) {
            whose[n] = &nodes[i];
            slots[n++] = (jpx_slot){.key = producer, .name = p->deps[0].slot};
        } else {
            jpx_tree_node *before = node_of(nodes, count, producer.b);
            size_t found = before != NULL;
            if (!before && jpx_load_tree_nodes(session, jpx_key_root_id(&p->key), jpx_key_gen(&p->key),
                                               p->deps[0].child, 1, &before, &found, err) != JP_OK)
                return err->status;
            nodes[i].evidence.deps_open = !found || jpx_tree_node_status(before) != JPX_IS_DONE;
        }
    }
    if (n && jpx_load_slots(session, slots, n, false, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < n; i++)
        whose[i]->evidence.deps_open = !slots[i].filled;
    return JP_OK;
}

jp_status jpx_load_tree_nodes(jpx_session *session, jpx_root_id root, const uint8_t gen[JPX_GEN_SIZE], uint32_t first,
                              uint32_t count, jpx_tree_node **out, size_t *found, jp_error *err)
{
    jpx_key lo = jpx_key_make(root, gen, first), hi = jpx_key_make(root, gen, first + count - 1);
    jpx_records records;

    if (scan_all(session, JPX_TABLE_PIPELINE, lo.b, hi.b, JPX_PIPELINE_SIZE, &records, err) != JP_OK)
        return err->status;
    jpx_tree_node *nodes = jpx_alloc_array(session->arena, records.count, sizeof *nodes);
    for (size_t i = 0; i < records.count; i++) {
        if (!jpx_pipeline_decode(records.items[i].doc, session->arena, &nodes[i].pipeline)) {
            nodes[i].damaged = true;
            nodes[i].newer = jpx_record_is_newer(records.items[i].doc);
            nodes[i].pipeline = (jpx_pipeline){.pipe = "damaged", .queue = "default"};
            memcpy(nodes[i].pipeline.key.b, records.items[i].id.data, JPX_PIPELINE_SIZE);
        }
        nodes[i].journal.pipeline = &nodes[i].pipeline;
    }
    if (load_journals(session, &lo, &hi, nodes, records.count, err) != JP_OK ||
        load_counters(session, nodes, records.count, err) != JP_OK ||
        load_single_deps(session, nodes, records.count, err) != JP_OK)
        return err->status;
    *out = nodes;
    *found = records.count;
    return JP_OK;
}

jp_status jpx_load_root_node(jpx_session *session, jpx_root_id root, jpx_tree_node **node, jp_error *err)
{
    jpx_key key = jpx_key_root(root);
    size_t found;

    if (jpx_load_tree_nodes(session, root, jpx_key_gen(&key), 0, 1, node, &found, err) != JP_OK)
        return err->status;
    if (!found)
        *node = NULL;
    return JP_OK;
}

jp_status jpx_visit_part(jpx_session *session, jpx_root_id root, const uint8_t gen[JPX_GEN_SIZE], uint32_t first,
                         uint32_t count, jpx_visit visit, void *ctx, jp_error *err)
{
    jpx_arena *before = session->arena;
    jpx_tree_node *nodes;
    size_t found;

    session->arena = jpx_arena_new();
    jp_status status = jpx_load_tree_nodes(session, root, gen, first, count, &nodes, &found, err);
    if (status == JP_OK)
        status = visit(ctx, session, nodes, found, err);
    jpx_arena_free(session->arena);
    session->arena = before;
    return status;
}

jp_status jpx_visit_generation(jpx_session *session, jpx_root_id root, const uint8_t gen[JPX_GEN_SIZE], uint32_t count,
                               jpx_visit visit, void *ctx, const bool *stop, jp_error *err)
{
    for (uint32_t first = 0; first < count && !(stop && *stop); first += JPX_SCAN_CHUNK) {
        uint32_t part = count - first < JPX_SCAN_CHUNK ? count - first : JPX_SCAN_CHUNK;
        if (jpx_visit_part(session, root, gen, first, part, visit, ctx, err) != JP_OK)
            return err->status;
    }
    return JP_OK;
}
