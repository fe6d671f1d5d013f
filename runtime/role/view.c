/* view.c -- what people see of a root: status, result, tree. Read from the records; a damaged record is a row that says
 * so. */
#include "role/nodes.h"
#include <string.h>

static void append_time(bson_t *out, const char *name, int64_t ms)
{
    char text[32];
    if (!ms)
        return;
    jpx_time_text(text, ms);
    bson_append_utf8(out, name, -1, text, -1);
}

/* ---- status ---- */

typedef struct counting {
    const jpx_root *root;
    int64_t of[JPX_STATUSES];
    int64_t damaged;
} counting;

/* A root's outcome is decided in its root, not in its counter. */
static jpx_status_kind status_of(const jpx_root *root, const jpx_node *node)
{
    jpx_status_kind status = jpx_node_status(node);
    if (!jpx_key_is_root(&node->pipeline.key))
        return status;
    if (jpx_root_final(root))
        return strcmp(root->status, "done") == 0 ? JPX_IS_DONE : JPX_IS_ABORTED;
    return jpx_status_final(status) ? JPX_IS_RUNNING : status;
}

static jp_status count_nodes(void *ctx, jpx_desk *desk, jpx_node *nodes, size_t count, jp_error *err)
{
    counting *c = ctx;
    for (size_t i = 0; i < count; i++) {
        const jpx_entry *planned = jpx_node_planned(&nodes[i]);
        if (nodes[i].damaged)
            c->damaged++;
        else
            c->of[status_of(c->root, &nodes[i])]++;
        if (planned && jpx_visit_generation(desk, jpx_key_root_id(&nodes[i].pipeline.key), planned->gen,
                                            planned->children, count_nodes, c, err) != JP_OK)
            return err->status;
    }
    return JP_OK;
}

static void append_counts(bson_t *out, const char *name, const counting *c)
{
    bson_t counts;
    bson_append_document_begin(out, name, -1, &counts);
    for (int s = 0; s < JPX_STATUSES; s++)
        if (c->of[s])
            bson_append_int64(&counts, jpx_status_name((jpx_status_kind)s), -1, c->of[s]);
    if (c->damaged)
        bson_append_int64(&counts, "damaged", 7, c->damaged);
    bson_append_document_end(out, &counts);
}

/* The status of a root as shown: that of its pipeline until it is final. */
static const char *shown_status(const jpx_root *root, const jpx_node *node)
{
    if (!node || node->damaged)
        return root->status;
    return jpx_status_name(status_of(root, node));
}

static void append_head(bson_t *out, const jpx_root *root, const char *status)
{
    char id[JPX_ROOT_TEXT];
    bson_append_utf8(out, "root", 4, jpx_root_text(id, &root->id), -1);
    bson_append_utf8(out, "pipe", 4, root->pipe, -1);
    if (root->key)
        bson_append_utf8(out, "key", 3, root->key, -1);
    bson_append_utf8(out, "status", 6, status, -1);
    append_time(out, "started", root->started_ms);
    append_time(out, "ended", root->ended_ms);
    if (root->reason)
        bson_append_utf8(out, "reason", 6, root->reason, -1);
}

jp_status jpx_view_status(jpx_desk *desk, const jpx_root *root, bool counts, bson_t *out, jp_error *err)
{
    jpx_key key = jpx_key_root(root->id);
    counting c = {.root = root};
    jpx_node *node;

    if (!counts) {
        append_head(out, root, root->status);
        return JP_OK;
    }
    if (jpx_load_root_node(desk, root->id, &node, err) != JP_OK)
        return err->status;
    append_head(out, root, shown_status(root, node));
    if (jpx_visit_generation(desk, root->id, jpx_key_gen(&key), 1, count_nodes, &c, err) != JP_OK)
        return err->status;
    append_counts(out, "pipelines", &c);
    return JP_OK;
}

jp_status jpx_view_result(jpx_desk *desk, const jpx_root *root, bson_t *out, jp_error *err)
{
    jpx_slot slot = {.key = jpx_key_root(root->id), .name = "default", .ended = root->decided || jpx_root_final(root)};
    jpx_node *node;

    if (jpx_load_root_node(desk, root->id, &node, err) != JP_OK || jpx_load_slots(desk, &slot, 1, true, err) != JP_OK)
        return err->status;
    append_head(out, root, shown_status(root, node));
    if (slot.filled)
        jpx_append_value(out, "result", slot.value);
    return JP_OK;
}

/* ---- tree ---- */

enum {
    TREE_BYTES_MAX = 700 * 1024,
    VALUE_BYTES_MAX = 2048,
    DEPTH_MAX = 40 /* libbson writes no JSON below 100 levels */
};

typedef struct viewing {
    const jpx_root *root;
    unsigned depth;
    size_t limit; /* nodes still to be shown */
    size_t shown, total;
    bson_t *array; /* children of the node at hand */
    uint32_t index;
    counting folded;
    size_t folded_count;
} viewing;

static void append_short_value(bson_t *out, const char *name, jpx_bytes value)
{
    bson_t note;
    if (value.size <= VALUE_BYTES_MAX) {
        jpx_append_value(out, name, value);
        return;
    }
    bson_append_document_begin(out, name, -1, &note);
    bson_append_int64(&note, "bytes", 5, (int64_t)value.size);
    bson_append_document_end(out, &note);
}

static void append_args(bson_t *out, const jpx_pipeline *p, jpx_arena *arena)
{
    bson_t array, ref, range;
    bson_iter_t iter;
    const char *key;
    char name[16], range_name[16];

    bson_append_array_begin(out, "args", 4, &array);
    for (uint32_t arg = 0; jpx_doc_iter(p->args, &iter) && arg < JPX_PARAMS_MAX; arg++) {
        bool slot = false;
        uint32_t steps = arg + 1;
        while (steps && bson_iter_next(&iter))
            steps--;
        if (steps)
            break;
        bson_uint32_to_string(arg, &key, name, sizeof name);
        for (size_t r = 0; r < p->refs_count && !slot; r++) {
            const char *inner;
            if (p->refs[r].arg != arg)
                continue;
            slot = true;
            bson_append_document_begin(&array, key, -1, &ref);
            bson_append_utf8(&ref, "slot", 4, p->refs[r].slot, -1);
            bson_append_array_begin(&ref, "of", 2, &range);
            bson_uint32_to_string(0, &inner, range_name, sizeof range_name);
            bson_append_int64(&range, inner, -1, p->refs[r].child);
            bson_uint32_to_string(1, &inner, range_name, sizeof range_name);
            bson_append_int64(&range, inner, -1, p->refs[r].count);
            bson_append_array_end(&ref, &range);
            bson_append_document_end(&array, &ref);
        }
        if (!slot)
            append_short_value(&array, key, jpx_value_of(&iter, arena));
    }
    bson_append_array_end(out, &array);
}

static void append_outputs(bson_t *out, const jpx_node *node, jpx_arena *arena)
{
    const jpx_entry *ending = jpx_journal_ending(&node->journal);
    bson_t outputs, one;
    char text[JPX_KEY_TEXT];

    (void)arena;
    if (!ending || !ending->outs_count)
        return;
    bson_append_document_begin(out, "outputs", 7, &outputs);
    for (size_t i = 0; i < ending->outs_count; i++) {
        const jpx_out *slot = &ending->outs[i];
        bson_append_document_begin(&outputs, slot->slot, -1, &one);
        if (slot->handed) {
            jpx_key by = jpx_key_make(jpx_key_root_id(&node->pipeline.key), ending->gen, slot->child);
            bson_append_utf8(&one, "by", 2, jpx_key_text(text, &by), -1);
        } else if (slot->large) {
            bson_append_bool(&one, "large", 5, true);
        } else {
            append_short_value(&one, "value", slot->value);
        }
        bson_append_document_end(&outputs, &one);
    }
    bson_append_document_end(out, &outputs);
}

static void append_failure(bson_t *out, const jpx_node *node)
{
    bson_t failure;
    for (uint32_t i = node->journal.count; i-- > 0;) {
        const jpx_entry *entry = &node->journal.entries[i];
        if (!entry->failure_text)
            continue;
        bson_append_document_begin(out, "failure", 7, &failure);
        bson_append_utf8(&failure, "class", 5, entry->failure_class, -1);
        bson_append_utf8(&failure, "text", 4, entry->failure_text, -1);
        bson_append_int64(&failure, "attempt", 7, entry->attempt);
        if (entry->failure_trace)
            bson_append_utf8(&failure, "trace", 5, entry->failure_trace, -1);
        bson_append_document_end(out, &failure);
        return;
    }
}

static int64_t ended_ms(const jpx_node *node)
{
    const jpx_entry *last = jpx_journal_last(&node->journal);
    return last && jpx_status_final(jpx_node_status(node)) && !jpx_node_planned(node) ? last->at_ms : 0;
}

static void append_node(bson_t *out, const jpx_root *root, const jpx_node *node, jpx_arena *arena)
{
    const jpx_entry *last = jpx_journal_last(&node->journal);
    char text[JPX_KEY_TEXT];

    bson_append_utf8(out, "pipeline", 8, jpx_key_text(text, &node->pipeline.key), -1);
    if (node->damaged) {
        bson_append_utf8(out, "error", 5, "the record of this pipeline is damaged", -1);
        return;
    }
    bson_append_utf8(out, "pipe", 4, node->pipeline.pipe, -1);
    if (node->pipeline.at)
        bson_append_utf8(out, "at", 2, node->pipeline.at, -1);
    bson_append_utf8(out, "status", 6, jpx_status_name(status_of(root, node)), -1);
    bson_append_int64(out, "attempt", 7, jpx_journal_attempt(&node->journal));
    append_args(out, &node->pipeline, arena);
    append_outputs(out, node, arena);
    append_time(out, "planned", node->pipeline.planned_ms);
    if (node->since_ms)
        append_time(out, "started", node->since_ms);
    else if (last && last->kind != JPX_ABORTED)
        append_time(out, "started", node->journal.entries[0].at_ms - node->journal.entries[0].body_us / 1000);
    append_time(out, "ended", ended_ms(node));
    if (last && (last->kind == JPX_RETRY || last->kind == JPX_WAITING))
        append_time(out, "due", last->due_ms);
    if (node->worker)
        bson_append_utf8(out, "worker", 6, node->worker, -1);
    append_failure(out, node);
}

static jp_status view_children(viewing *v, jpx_desk *desk, const jpx_node *node, bson_t *out, jp_error *err);

static jp_status view_nodes(void *ctx, jpx_desk *desk, jpx_node *nodes, size_t count, jp_error *err)
{
    viewing *v = ctx;
    for (size_t i = 0; i < count; i++) {
        bson_t child;
        char name[16];
        const char *key;
        v->total++;
        if (!v->limit || v->depth > DEPTH_MAX || v->array->len > TREE_BYTES_MAX) {
            v->folded.of[jpx_node_status(&nodes[i])]++;
            v->folded_count++;
            continue;
        }
        v->limit--;
        v->shown++;
        bson_uint32_to_string(v->index++, &key, name, sizeof name);
        bson_append_document_begin(v->array, key, -1, &child);
        append_node(&child, v->root, &nodes[i], desk->arena);
        jp_status status = view_children(v, desk, &nodes[i], &child, err);
        bson_append_document_end(v->array, &child);
        if (status != JP_OK)
            return status;
    }
    return JP_OK;
}

static jp_status view_children(viewing *v, jpx_desk *desk, const jpx_node *node, bson_t *out, jp_error *err)
{
    const jpx_entry *planned = jpx_node_planned(node);
    viewing inner = {.root = v->root, .depth = v->depth + 1, .limit = v->limit, .shown = v->shown, .total = v->total};
    bson_t array, folded;
    jp_status status = JP_OK;

    bson_append_array_begin(out, "children", 8, &array);
    inner.array = &array;
    if (planned)
        status = jpx_visit_generation(desk, jpx_key_root_id(&node->pipeline.key), planned->gen, planned->children,
                                      view_nodes, &inner, err);
    bson_append_array_end(out, &array);
    if (inner.folded_count) {
        bson_append_document_begin(out, "folded", 6, &folded);
        bson_append_int64(&folded, "total", 5, (int64_t)inner.folded_count);
        for (int s = 0; s < JPX_STATUSES; s++)
            if (inner.folded.of[s])
                bson_append_int64(&folded, jpx_status_name((jpx_status_kind)s), -1, inner.folded.of[s]);
        bson_append_document_end(out, &folded);
    }
    v->limit = inner.limit;
    v->shown = inner.shown;
    v->total = inner.total;
    return status;
}

jp_status jpx_view_tree(jpx_desk *desk, const jpx_root *root, size_t limit, bson_t *out, jp_error *err)
{
    viewing v = {.root = root, .limit = limit ? limit - 1 : 0, .shown = 1, .total = 1};
    jpx_node *node;
    bson_t tree;

    if (jpx_load_root_node(desk, root->id, &node, err) != JP_OK)
        return err->status;
    append_head(out, root, shown_status(root, node));
    bson_append_document_begin(out, "tree", 4, &tree);
    if (node) {
        append_node(&tree, root, node, desk->arena);
        if (view_children(&v, desk, node, &tree, err) != JP_OK)
            return err->status;
    } else {
        bson_append_utf8(&tree, "error", 5, "the record of the root's pipeline is missing", -1);
    }
    bson_append_document_end(out, &tree);
    bson_append_int64(out, "shown", 5, (int64_t)v.shown);
    bson_append_int64(out, "total", 5, (int64_t)v.total);
    return JP_OK;
}
