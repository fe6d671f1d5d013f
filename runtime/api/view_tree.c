/* view_tree.c -- the tree of a root: the root's own members stand beside the answer's head, its children below. The
 * nodes that are shown, their bytes and their levels are bounded; what is left out is counted by status. Values above
 * 2 KiB are left out, and their records are not read. A damaged record is a row that says so. */
#include "api/view.h"
#include <string.h>

enum {
    TREE_BYTES_MAX = 700 * 1024,
    VALUE_BYTES_MAX = 2048,
    WAITS_MAX = 8,
    DEPTH_MAX = 40 /* libbson writes no JSON below 100 levels */
};

typedef struct viewing {
    const jpx_root *root;
    unsigned depth;
    size_t limit; /* nodes still to be shown */
    size_t shown, total, bytes;
    bson_t *array; /* children of the node at hand */
    uint32_t index;
    int64_t folded[JPX_STATUSES + 1]; /* the last one: damaged */
    int64_t folded_count;
    int64_t ended_ms; /* of the last child that ended; 0: not known */
    bool open;        /* one of them has not ended, or is not shown */
} viewing;

/* ---- values ---- */

static void append_large(bson_t *out, const char *name, size_t bytes)
{
    bson_t note;
    bson_append_document_begin(out, name, -1, &note);
    bson_append_bool(&note, "large", 5, true);
    if (bytes)
        bson_append_int64(&note, "bytes", 5, (int64_t)bytes);
    bson_append_document_end(out, &note);
}

static void append_short_value(bson_t *out, const char *name, jpx_bytes value)
{
    if (value.size <= VALUE_BYTES_MAX)
        jpx_append_value(out, name, value);
    else
        append_large(out, name, value.size);
}

static void append_slot(bson_t *out, const char *name, const jpx_ref *ref)
{
    bson_t doc, range;
    bson_append_document_begin(out, name, -1, &doc);
    bson_append_utf8(&doc, "slot", 4, ref->slot, -1);
    bson_append_array_begin(&doc, "of", 2, &range);
    bson_append_int64(&range, "0", 1, ref->child);
    bson_append_int64(&range, "1", 1, ref->count);
    bson_append_array_end(&doc, &range);
    bson_append_document_end(out, &doc);
}

/* A list whose places `arg` slots fill: its items in order, a range of slots as one of them. */
static void append_list(bson_t *out, const char *name, const bson_iter_t *literal, const jpx_pipeline *p, uint32_t arg)
{
    bson_t list;
    bson_iter_t item;
    uint32_t place = 0, index = 0; /* in the final list, in what is shown */
    bool more = BSON_ITER_HOLDS_ARRAY(literal) && bson_iter_recurse(literal, &item) && bson_iter_next(&item);
    size_t r = 0;
    char text[16];
    const char *key;

    bson_append_array_begin(out, name, -1, &list);
    for (;;) {
        while (r < p->refs_count && p->refs[r].arg != arg)
            r++;
        if (r == p->refs_count && !more)
            break;
        bson_uint32_to_string(index++, &key, text, sizeof text);
        if (list.len > VALUE_BYTES_MAX) {
            bson_append_utf8(&list, key, -1, "...", 3);
            break;
        }
        if (r < p->refs_count && (p->refs[r].at <= place || !more)) {
            append_slot(&list, key, &p->refs[r]);
            place += p->refs[r++].count;
        } else {
            bson_append_iter(&list, key, -1, &item);
            more = bson_iter_next(&item);
            place++;
        }
    }
    bson_append_array_end(out, &list);
}

static void append_args(bson_t *out, const jpx_pipeline *p, jpx_arena *arena)
{
    bson_t array;
    bson_iter_t iter;

    bson_append_array_begin(out, "args", 4, &array);
    bool some = jpx_doc_iter(p->args, &iter);
    for (uint32_t arg = 0; some && bson_iter_next(&iter); arg++) {
        const char *key = bson_iter_key(&iter);
        const jpx_ref *ref = NULL;
        bool large = false;
        for (size_t r = 0; r < p->refs_count && !ref; r++)
            ref = p->refs[r].arg == arg ? &p->refs[r] : NULL;
        for (size_t l = 0; l < p->large_count && !large; l++)
            large = p->large[l].arg == arg;
        if (large)
            append_large(&array, key, 0);
        else if (ref && ref->at == JPX_WHOLE)
            append_slot(&array, key, ref);
        else if (ref)
            append_list(&array, key, &iter, p, arg);
        else
            append_short_value(&array, key, jpx_value_of(&iter, arena));
    }
    bson_append_array_end(out, &array);
}

/* Of an aborted pipeline nothing is told to come from a child that never gave it. */
static jp_status append_outputs(bson_t *out, jpx_session *session, const jpx_tree_node *node, bool aborted,
                                jp_error *err)
{
    const jpx_entry *ending = jpx_journal_ending(&node->journal);
    bson_t outputs = BSON_INITIALIZER, one;
    char text[JPX_KEY_TEXT];
    jp_status status = JP_OK;

    for (size_t i = 0; ending && i < ending->outs_count; i++) {
        const jpx_out *slot = &ending->outs[i];
        jpx_slot given = {.key = node->pipeline.key, .name = slot->slot, .ended = true};
        if (slot->forwarded && aborted) {
            status = jpx_load_slots(session, &given, 1, false, err);
            if (status != JP_OK)
                break;
            if (!given.filled)
                continue;
        }
        bson_append_document_begin(&outputs, slot->slot, -1, &one);
        if (slot->forwarded) {
            jpx_key by = jpx_key_make(jpx_key_root_id(&node->pipeline.key), ending->gen, slot->child);
            bson_append_utf8(&one, "by", 2, jpx_key_text(text, &by), -1);
            bson_append_utf8(&one, "slot", 4, slot->child_slot, -1);
        } else if (slot->large) {
            bson_append_bool(&one, "large", 5, true);
        } else {
            append_short_value(&one, "value", slot->value);
        }
        bson_append_document_end(&outputs, &one);
    }
    if (status == JP_OK && !bson_empty(&outputs))
        bson_append_document(out, "outputs", 7, &outputs);
    bson_destroy(&outputs);
    return status;
}

/* ---- one node ---- */

static void append_failure(bson_t *out, const jpx_tree_node *node)
{
    bson_t failure;
    for (uint32_t i = node->journal.count; i-- > 0;) {
        const jpx_entry *entry = &node->journal.entries[i];
        if (!entry->failure_text)
            continue;
        bson_append_document_begin(out, "failure", 7, &failure);
        bson_append_utf8(&failure, "class", 5, entry->failure_class ? entry->failure_class : "", -1);
        bson_append_utf8(&failure, "text", 4, entry->failure_text, -1);
        bson_append_int64(&failure, "attempt", 7, entry->attempt);
        jpx_view_time(&failure, "at", entry->at_ms);
        if (entry->failure_trace)
            bson_append_utf8(&failure, "trace", 5, entry->failure_trace, -1);
        bson_append_document_end(out, &failure);
        return;
    }
}

/* Does sibling `child` still keep back who waits for `slot` (NULL: for its end)? One outside of `nodes` is not known.
 */
static bool keeps_back(const jpx_tree_node *nodes, size_t count, uint32_t child, const char *slot,
                       const jpx_tree_node **out)
{
    uint32_t first = jpx_key_index(&nodes[0].pipeline.key);

    *out = child >= first && child - first < count ? &nodes[child - first] : NULL;
    if (*out && jpx_key_index(&(*out)->pipeline.key) != child) /* a record is missing in between */
        *out = NULL;
    if (!*out || (*out)->damaged)
        return true;
    if (jpx_status_final(jpx_tree_node_status(*out)))
        return false;
    const jpx_entry *ending = slot ? jpx_journal_ending(&(*out)->journal) : NULL;
    const jpx_out *filled = ending ? jpx_entry_out(ending, slot) : NULL;
    return !filled || filled->forwarded;
}

/* What a waiting pipeline waits for: "for AddOne #3", "for AddOne #3 to be finished". */
static void append_waits(bson_t *out, const jpx_tree_node *node, const jpx_tree_node *nodes, size_t count,
                         jpx_arena *arena)
{
    const jpx_pipeline *p = &node->pipeline;
    const jpx_entry *last = jpx_journal_last(&node->journal);
    uint32_t lines = 0, more = 0;
    bson_t array;

    if (last && last->kind == JPX_ENTRY_WAITING && jpx_tree_node_status(node) == JPX_IS_RUNNING) {
        bson_append_array_begin(out, "waits", 5, &array);
        bson_append_utf8(&array, "0", 1, last->completes ? "for its time" : "for a reply", -1);
        bson_append_array_end(out, &array);
    }
    if (jpx_tree_node_status(node) != JPX_IS_WAITING)
        return;
    bson_append_array_begin(out, "waits", 5, &array);
    for (size_t d = 0; d < p->deps_count; d++)
        for (uint32_t c = 0; c < p->deps[d].count; c++) {
            const jpx_tree_node *sibling;
            char name[16];
            const char *key;
            uint32_t child = p->deps[d].child + c;
            if (!keeps_back(nodes, count, child, p->deps[d].slot, &sibling))
                continue;
            if (lines == WAITS_MAX) {
                more++;
                continue;
            }
            bson_uint32_to_string(lines++, &key, name, sizeof name);
            const char *text = jpx_format(arena, "for %s%s#%u%s", sibling ? sibling->pipeline.pipe : "",
                                          sibling ? " " : "", child, p->deps[d].slot ? "" : " to be finished");
            bson_append_utf8(&array, key, -1, text, -1);
        }
    if (more)
        bson_append_utf8(&array, "8", 1, jpx_format(arena, "for %u more", more), -1);
    bson_append_array_end(out, &array);
}

/* Its own members; those of a root that stand in the answer's head are left out. */
static jp_status append_node(bson_t *out, jpx_session *session, const jpx_root *root, const jpx_tree_node *node,
                             jp_error *err)
{
    const jpx_entry *last = jpx_journal_last(&node->journal);
    const jpx_status_kind status = jpx_view_status_of(root, node);
    const bool top = jpx_key_is_root(&node->pipeline.key), begun = last || node->evidence.marked;
    char text[JPX_KEY_TEXT];

    bson_append_utf8(out, "pipeline", 8, jpx_key_text(text, &node->pipeline.key), -1);
    if (node->damaged) {
        bson_append_utf8(out, "error", 5,
                         node->newer ? "a record of this pipeline was written by a newer version of jetpipe"
                                     : "the record of this pipeline is damaged",
                         -1);
        return JP_OK;
    }
    if (!top)
        bson_append_utf8(out, "pipe", 4, node->pipeline.pipe, -1);
    if (node->pipeline.at)
        bson_append_utf8(out, "at", 2, node->pipeline.at, -1);
    if (!top)
        bson_append_utf8(out, "status", 6, jpx_status_name(status), -1);
    bson_append_int64(out, "attempt", 7, begun ? jpx_journal_attempt(&node->journal) : 0);
    append_args(out, &node->pipeline, session->arena);
    if (append_outputs(out, session, node, status == JPX_IS_ABORTED, err) != JP_OK)
        return err->status;
    jpx_view_time(out, "planned", node->pipeline.planned_ms);
    if (!top && node->since_ms)
        jpx_view_time(out, "started", node->since_ms);
    else if (!top && last && last->kind != JPX_ENTRY_ABORTED)
        jpx_view_time(out, "started", node->journal.entries[0].at_ms - node->journal.entries[0].body_us / 1000);
    if (last && (last->kind == JPX_ENTRY_RETRY || last->kind == JPX_ENTRY_WAITING))
        jpx_view_time(out, "due", last->due_ms);
    if (node->worker)
        bson_append_utf8(out, "worker", 6, node->worker, -1);
    append_failure(out, node);
    return JP_OK;
}

/* ---- all of them ---- */

static jp_status view_children(viewing *v, jpx_session *session, const jpx_tree_node *node, bson_t *out, jp_error *err);

static jp_status view_nodes(void *ctx, jpx_session *session, jpx_tree_node *nodes, size_t count, jp_error *err)
{
    viewing *v = ctx;
    for (size_t i = 0; i < count; i++) {
        bson_t child;
        char name[16];
        const char *key;
        v->total++;
        if (!v->limit || v->depth > DEPTH_MAX || v->bytes > TREE_BYTES_MAX) {
            v->folded[nodes[i].damaged ? JPX_STATUSES : (int)jpx_tree_node_status(&nodes[i])]++;
            v->folded_count++;
            v->open = true;
            continue;
        }
        v->limit--;
        v->shown++;
        bson_uint32_to_string(v->index++, &key, name, sizeof name);
        bson_append_document_begin(v->array, key, -1, &child);
        jp_status status = append_node(&child, session, v->root, &nodes[i], err);
        append_waits(&child, &nodes[i], nodes, count, session->arena);
        v->bytes += child.len;
        if (status == JP_OK)
            status = view_children(v, session, &nodes[i], &child, err);
        bson_append_document_end(v->array, &child);
        if (status != JP_OK)
            return status;
    }
    return JP_OK;
}

/* A pipeline has ended when its last child has, or with its own last entry (a hook's). */
static void append_ended(viewing *v, const viewing *inner, const jpx_tree_node *node, bson_t *out)
{
    const jpx_entry *last = jpx_journal_last(&node->journal);
    bool known = !node->damaged && last && jpx_status_final(jpx_tree_node_status(node)) && !inner->open;
    int64_t ended = known ? last->at_ms : 0;

    if (ended && inner->ended_ms > ended)
        ended = inner->ended_ms;
    if (!ended)
        v->open = true;
    if (ended > v->ended_ms)
        v->ended_ms = ended;
    if (!jpx_key_is_root(&node->pipeline.key))
        jpx_view_time(out, "ended", ended);
}

static jp_status view_children(viewing *v, jpx_session *session, const jpx_tree_node *node, bson_t *out, jp_error *err)
{
    const jpx_entry *planned = jpx_tree_node_planned(node);
    viewing inner = {.root = v->root,
                     .depth = v->depth + 1,
                     .limit = v->limit,
                     .shown = v->shown,
                     .total = v->total,
                     .bytes = v->bytes};
    bson_t array, folded;
    jp_status status = JP_OK;

    bson_append_array_begin(out, "children", 8, &array);
    inner.array = &array;
    if (planned)
        status = jpx_visit_generation(session, jpx_key_root_id(&node->pipeline.key), planned->gen, planned->children,
                                      view_nodes, &inner, NULL, err);
    bson_append_array_end(out, &array);
    if (inner.folded_count) {
        bson_append_document_begin(out, "folded", 6, &folded);
        bson_append_int64(&folded, "total", 5, inner.folded_count);
        for (int s = 0; s <= JPX_STATUSES; s++)
            if (inner.folded[s])
                bson_append_int64(&folded, s == JPX_STATUSES ? "damaged" : jpx_status_name((jpx_status_kind)s), -1,
                                  inner.folded[s]);
        bson_append_document_end(out, &folded);
    }
    v->limit = inner.limit;
    v->shown = inner.shown;
    v->total = inner.total;
    v->bytes = inner.bytes;
    append_ended(v, &inner, node, out);
    return status;
}

jp_status jpx_view_tree(jpx_session *session, const jpx_root *root, size_t limit, bson_t *out, jp_error *err)
{
    viewing v = {.root = root, .limit = limit ? limit - 1 : 0, .shown = 1, .total = 1};
    jpx_tree_node *node;

    if (jpx_load_root_node(session, root->id, &node, err) != JP_OK)
        return err->status;
    jpx_view_head(out, root, jpx_view_shown(root, node));
    if (node) {
        if (append_node(out, session, root, node, err) != JP_OK)
            return err->status;
        append_waits(out, node, node, 1, session->arena);
        if (view_children(&v, session, node, out, err) != JP_OK)
            return err->status;
    } else {
        bson_append_utf8(out, "error", 5, "the record of the root's pipeline is missing", -1);
    }
    bson_append_int64(out, "shown", 5, (int64_t)v.shown);
    bson_append_int64(out, "total", 5, (int64_t)v.total);
    return JP_OK;
}
