/* view.c -- what people see of a root: status and result. Read from the records. */
#include "api/view.h"
#include <string.h>

void jpx_view_time(bson_t *out, const char *name, int64_t ms)
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
    int64_t of[JPX_STATUSES], damaged;
} counting;

jpx_status_kind jpx_view_status_of(const jpx_root *root, const jpx_tree_node *node)
{
    jpx_status_kind status = jpx_tree_node_status(node);
    if (!jpx_key_is_root(&node->pipeline.key))
        return status;
    if (jpx_root_final(root))
        return strcmp(root->status, "done") == 0 ? JPX_IS_DONE : JPX_IS_ABORTED;
    return jpx_status_final(status) ? JPX_IS_RUNNING : status;
}

static jp_status count_nodes(void *ctx, jpx_session *session, jpx_tree_node *nodes, size_t count, jp_error *err)
{
    counting *c = ctx;

    (void)session;
    (void)err;
    for (size_t i = 0; i < count; i++)
        if (nodes[i].damaged)
            c->damaged++;
        else
            c->of[jpx_view_status_of(c->root, &nodes[i])]++;
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

const char *jpx_view_shown(const jpx_root *root, const jpx_tree_node *node)
{
    if (!node || node->damaged)
        return root->status;
    return jpx_status_name(jpx_view_status_of(root, node));
}

void jpx_view_head(bson_t *out, const jpx_root *root, const char *status)
{
    char id[JPX_ROOT_TEXT];
    bson_append_utf8(out, "root", 4, jpx_root_text(id, &root->id), -1);
    bson_append_utf8(out, "pipe", 4, root->pipe, -1);
    if (root->key)
        bson_append_utf8(out, "key", 3, root->key, -1);
    bson_append_utf8(out, "status", 6, status, -1);
    jpx_view_time(out, "started", root->started_ms);
    jpx_view_time(out, "ended", root->ended_ms);
    if (root->reason)
        bson_append_utf8(out, "reason", 6, root->reason, -1);
}

jp_status jpx_view_status(jpx_session *session, const jpx_root *root, bool counts, bson_t *out, jp_error *err)
{
    jpx_tree_walk walk = {.root = root->id};
    counting c = {.root = root};
    jpx_tree_node *node;

    if (!counts) {
        jpx_view_head(out, root, root->status);
        return JP_OK;
    }
    if (jpx_load_root_node(session, root->id, &node, err) != JP_OK)
        return err->status;
    jpx_view_head(out, root, jpx_view_shown(root, node));
    if (jpx_tree_walk_down(session, &walk, count_nodes, &c, err) != JP_OK)
        return err->status;
    append_counts(out, "pipelines", &c);
    return JP_OK;
}

jp_status jpx_view_result(jpx_session *session, const jpx_root *root, bson_t *out, jpx_bytes *value, jp_error *err)
{
    jpx_slot slot = {.key = jpx_key_root(root->id), .name = "default", .ended = root->decided || jpx_root_final(root)};
    jpx_tree_node *node;

    if (jpx_load_root_node(session, root->id, &node, err) != JP_OK ||
        (value && jpx_load_slots(session, &slot, 1, true, err) != JP_OK))
        return err->status;
    jpx_view_head(out, root, jpx_view_shown(root, node));
    if (value)
        *value = slot.filled ? slot.value : (jpx_bytes){0};
    return JP_OK;
}
