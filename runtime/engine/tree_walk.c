/* tree_walk.c -- visits a whole live tree, level by level and without recursion, in bounded parts if the caller wants.
 * The position is kept in the walk, not on the stack. Each part waits for the store. */
#include "engine/tree_nodes.h"
#include <string.h>

typedef struct descent {
    jpx_tree_walk *walk;
    jpx_visit visit;
    void *ctx;
} descent;

static jp_status visit_and_note(void *ctx, jpx_session *session, jpx_tree_node *nodes, size_t count, jp_error *err)
{
    descent *d = ctx;
    jpx_tree_walk *walk = d->walk;

    if (d->visit && d->visit(d->ctx, session, nodes, count, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        const jpx_entry *planned = jpx_tree_node_planned(&nodes[i]);
        jpx_adopted adopted;
        if (!planned || nodes[i].skip)
            continue;
        memcpy(adopted.gen, planned->gen, sizeof adopted.gen);
        adopted.count = planned->children;
        JPX_PUSH(walk->arena, walk->items, walk->count, walk->cap) = adopted;
    }
    return JP_OK;
}

/* Moves to the next part of the current generation; false: that was the last. */
static jp_status visit_next(jpx_session *session, jpx_tree_walk *walk, size_t at, jpx_visit visit, void *ctx,
                            size_t *visited, bool *more, jp_error *err)
{
    const jpx_adopted level = walk->items[at]; /* a copy: the list grows */
    uint32_t left = level.count - walk->first, part = left < JPX_SCAN_CHUNK ? left : JPX_SCAN_CHUNK;

    if (part && jpx_visit_part(session, walk->root, level.gen, walk->first, part, visit, ctx, err) != JP_OK)
        return err->status;
    *visited += part + 1;
    *more = part < left;
    walk->first = *more ? walk->first + part : 0;
    return JP_OK;
}

jp_status jpx_tree_walk_down_some(jpx_session *session, jpx_tree_walk *walk, jpx_visit visit, void *ctx, bool *more,
                                  jp_error *err)
{
    descent d = {.walk = walk, .visit = visit, .ctx = ctx};
    const jpx_key root = jpx_key_root(walk->root);
    jpx_adopted top = {.count = 1};
    size_t visited = 0;
    bool same = false;

    if (!walk->arena)
        walk->arena = session->arena;
    if (!walk->count) {
        memcpy(top.gen, jpx_key_gen(&root), sizeof top.gen);
        JPX_PUSH(walk->arena, walk->items, walk->count, walk->cap) = top;
    }
    while (walk->at < walk->count && visited < JPX_SCAN_CHUNK && !walk->stop) {
        if (visit_next(session, walk, walk->at, visit_and_note, &d, &visited, &same, err) != JP_OK)
            return err->status;
        walk->at += !same;
    }
    *more = walk->at < walk->count && !walk->stop;
    return JP_OK;
}

jp_status jpx_tree_walk_up_some(jpx_session *session, jpx_tree_walk *walk, jpx_visit visit, void *ctx, bool *more,
                                jp_error *err)
{
    size_t visited = 0;
    bool same = false;

    while (walk->at > 0 && visited < JPX_SCAN_CHUNK && !walk->stop) {
        if (visit_next(session, walk, walk->at - 1, visit, ctx, &visited, &same, err) != JP_OK)
            return err->status;
        walk->at -= !same;
    }
    *more = walk->at > 0 && !walk->stop;
    return JP_OK;
}

void jpx_tree_walk_turn(jpx_tree_walk *walk)
{
    walk->at = walk->count;
    walk->first = 0;
}

jp_status jpx_tree_walk_down(jpx_session *session, jpx_tree_walk *walk, jpx_visit visit, void *ctx, jp_error *err)
{
    bool more = true;
    while (more)
        if (jpx_tree_walk_down_some(session, walk, visit, ctx, &more, err) != JP_OK)
            return err->status;
    return JP_OK;
}

jp_status jpx_tree_walk_up(jpx_session *session, jpx_tree_walk *walk, jpx_visit visit, void *ctx, jp_error *err)
{
    bool more = true;
    jpx_tree_walk_turn(walk);
    while (more)
        if (jpx_tree_walk_up_some(session, walk, visit, ctx, &more, err) != JP_OK)
            return err->status;
    return JP_OK;
}
