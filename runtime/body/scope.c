/* scope.c -- jp_after and jp_in_order: what children that are yielded inside have to wait for.
 *
 * A stack of open scopes. Each keeps the waits of all jp_after scopes around it and its own, sorted by child and
 * merged, so that its children share one array. Of scopes in each other at most one is in_order; a child in it waits
 * for the one before it, which is enough: that one has waited for all before. */
#include "body/context.h"
#include <stdlib.h>
#include <string.h>

static int by_child(const void *a, const void *b)
{
    const jpx_wait *one = a, *two = b;
    return one->child < two->child ? -1 : one->child > two->child;
}

/* Sorted, without overlaps and neighbours; in place, returns the new count. */
static uint32_t merge(jpx_wait *waits, size_t count)
{
    size_t kept = 0;

    if (count == 0)
        return 0;
    qsort(waits, count, sizeof *waits, by_child);
    for (size_t i = 1; i < count; i++) {
        jpx_wait *last = &waits[kept];
        const uint32_t end = last->child + last->count, other = waits[i].child + waits[i].count;
        if (waits[i].child > end)
            waits[++kept] = waits[i];
        else if (other > end)
            last->count = other - last->child;
    }
    return (uint32_t)kept + 1;
}

static jp_scope push(jp_ctx *p, jpx_open_scope scope, const char *at)
{
    if (p->scopes_count >= JPX_SCOPES_MAX)
        jpx_wrong(p, at, "more than %d scopes are open: let a child take the inner ones", JPX_SCOPES_MAX);
    else
        JPX_PUSH(p->arena, p->scopes, p->scopes_count, p->scopes_cap) = scope;
    return (jp_scope){.p_ = p, .depth_ = (uint32_t)p->scopes_count, .once_ = true};
}

static jpx_open_scope inherit(const jp_ctx *p)
{
    jpx_open_scope scope = {.last = JPX_NO_CHILD};
    if (p->scopes_count) {
        scope.waits = p->scopes[p->scopes_count - 1].waits;
        scope.waits_count = p->scopes[p->scopes_count - 1].waits_count;
    }
    return scope;
}

jp_scope jp_in_order_begin(jp_ctx *p, const char *at)
{
    jpx_open_scope scope = inherit(p);

    for (size_t i = 0; i < p->scopes_count; i++)
        if (p->scopes[i].in_order)
            jpx_wrong(
                p, at,
                "jp_in_order stands inside jp_in_order: take the inner one out, its children run in order already");
    scope.in_order = true;
    return push(p, scope, at);
}

static void add_wait(jp_ctx *p, jpx_wait **waits, size_t *count, size_t *cap, uint32_t child, uint32_t children)
{
    jpx_wait *last = *count ? &(*waits)[*count - 1] : NULL;
    if (last && last->child + last->count == child)
        last->count += children;
    else
        JPX_PUSH(p->arena, *waits, *count, *cap) = (jpx_wait){child, children};
}

jp_scope jp_after_begin(jp_ctx *p, size_t count, const jp_value *values, const char *at)
{
    jpx_open_scope scope = inherit(p);
    jpx_wait *waits = NULL;
    size_t waits_count = 0, cap = 0;

    for (uint32_t i = 0; i < scope.waits_count; i++)
        JPX_PUSH(p->arena, waits, waits_count, cap) = scope.waits[i];
    for (size_t i = 0; i < count; i++) {
        const jp_list *list = values[i].type == JP_LIST ? values[i].as.list : NULL;
        if (values[i].type == JP_FUTURE && jpx_future_check(p, values[i].as.future, at))
            add_wait(p, &waits, &waits_count, &cap, values[i].as.future.child_, 1);
        if (list && list->literals_count)
            jpx_wrong(p, at, "jp_after was given a list with values in it: push futures alone, nothing else ends");
        for (size_t j = 0; list && j < list->runs_count; j++)
            add_wait(p, &waits, &waits_count, &cap, list->runs[j].child, list->runs[j].count);
    }
    scope.waits = waits;
    scope.waits_count = merge(waits, waits_count);
    return push(p, scope, at);
}

void jp_scope_end(jp_scope *scope)
{
    if (scope->depth_ && scope->p_->scopes_count >= scope->depth_)
        scope->p_->scopes_count = scope->depth_ - 1;
}

const jpx_wait *jpx_scope_waits(jp_ctx *p, uint32_t child, uint32_t *count)
{
    const jpx_open_scope *top = p->scopes_count ? &p->scopes[p->scopes_count - 1] : NULL;
    jpx_open_scope *in_order = NULL;

    *count = 0;
    if (!top)
        return NULL;
    for (size_t i = 0; i < p->scopes_count; i++)
        if (p->scopes[i].in_order)
            in_order = &p->scopes[i];

    const uint32_t before = in_order ? in_order->last : JPX_NO_CHILD;
    if (in_order)
        in_order->last = child;
    *count = top->waits_count;
    if (before == JPX_NO_CHILD)
        return top->waits;

    jpx_wait *waits = jpx_alloc_array(p->arena, top->waits_count + 1, sizeof *waits);
    if (top->waits_count)
        memcpy(waits, top->waits, top->waits_count * sizeof *waits);
    waits[top->waits_count] = (jpx_wait){before, 1};
    *count = merge(waits, (size_t)top->waits_count + 1);
    return waits;
}
