/* levels.c -- walks over a whole live tree, level by level, without recursion. */
#include "role/nodes.h"
#include <string.h>

typedef struct descent {
    jpx_walk *walk;
    jpx_arena *arena;
    jpx_visit visit;
    void *ctx;
} descent;

static jp_status visit_and_note(void *ctx, jpx_desk *desk, jpx_node *nodes, size_t count, jp_error *err)
{
    descent *d = ctx;
    jpx_walk *walk = d->walk;

    if (d->visit && d->visit(d->ctx, desk, nodes, count, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        const jpx_entry *planned = jpx_node_planned(&nodes[i]);
        jpx_adopted adopted;
        if (!planned || nodes[i].skip)
            continue;
        memcpy(adopted.gen, planned->gen, sizeof adopted.gen);
        adopted.count = planned->children;
        JPX_PUSH(d->arena, walk->items, walk->count, walk->cap) = adopted;
    }
    return JP_OK;
}

jp_status jpx_walk_down(jpx_desk *desk, jpx_walk *walk, jpx_visit visit, void *ctx, jp_error *err)
{
    descent d = {.walk = walk, .arena = desk->arena, .visit = visit, .ctx = ctx};
    const jpx_key root = jpx_key_root(walk->root);
    jpx_adopted first = {.count = 1};

    memcpy(first.gen, jpx_key_gen(&root), sizeof first.gen);
    JPX_PUSH(desk->arena, walk->items, walk->count, walk->cap) = first;
    for (size_t at = 0; at < walk->count && !walk->stop; at++) {
        const jpx_adopted level = walk->items[at]; /* the list grows meanwhile */
        if (jpx_visit_generation(desk, walk->root, level.gen, level.count, visit_and_note, &d, &walk->stop, err) !=
            JP_OK)
            return err->status;
    }
    return JP_OK;
}

jp_status jpx_walk_up(jpx_desk *desk, jpx_walk *walk, jpx_visit visit, void *ctx, jp_error *err)
{
    for (size_t at = walk->count; at-- > 0 && !walk->stop;)
        if (jpx_visit_generation(desk, walk->root, walk->items[at].gen, walk->items[at].count, visit, ctx, &walk->stop,
                                 err) != JP_OK)
            return err->status;
    return JP_OK;
}
