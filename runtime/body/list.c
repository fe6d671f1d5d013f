/* list.c -- jp_list. Lives in the arena of its attempt; only grows. */
#include "body/list.h"
#include "body/context.h"
#include <string.h>

jp_list *jp_list_new(jp_ctx *p)
{
    jp_list *list = jpx_alloc(p->arena, sizeof *list);
    list->p = p;
    jpx_writer_init(&list->literals, p->arena);
    jpx_write_begin(&list->literals, BSON_TYPE_ARRAY, NULL);
    return list;
}

jpx_bytes jpx_list_literals(const jp_list *list, jpx_arena *arena)
{
    const size_t size = list->literals.size + 1; /* the end, which the copy has already: it is zeroed */
    uint8_t *copy = jpx_alloc(arena, size);
    const uint32_t le = BSON_UINT32_TO_LE((uint32_t)size);

    memcpy(copy, list->literals.data, list->literals.size);
    memcpy(copy, &le, sizeof le);
    return (jpx_bytes){copy, size};
}

void jpx_runs_add(jpx_arena *arena, jpx_run **runs, size_t *count, size_t *cap, jpx_run run)
{
    jpx_run *last = *count ? &(*runs)[*count - 1] : NULL;

    if (last && last->at + last->count == run.at && last->child + last->count == run.child &&
        strcmp(last->slot, run.slot) == 0)
        last->count += run.count;
    else
        JPX_PUSH(arena, *runs, *count, *cap) = run;
}

static void push_literal(jp_list *list, jp_value value, const char *at)
{
    char index[JPX_INDEX_TEXT];
    jpx_writer *w = &list->literals;

    if (w->size > JPX_VALUE_MAX) /* told already, when it grew over it */
        return;
    jpx_write_value(w, jpx_index_text(index, list->literals_count), value);
    if (w->bad)
        jpx_unstorable(list->p, at, "item %u of a list %s", list->count, w->bad);
    else if (w->size > JPX_VALUE_MAX)
        jpx_unstorable(list->p, at, "a list is larger than 8 MiB with its item %u: " JPX_TOO_LARGE_MEND, list->count);
    w->bad = NULL;
    list->literals_count++;
    list->count++;
}

void jp_push_v(jp_list *list, jp_value value, const char *at)
{
    jp_ctx *p = list->p;

    value = jpx_gathered(p, value, at);
    if (p->wrong)
        return;
    if (list->count >= JPX_LIST_MAX) {
        jpx_wrong(p, at, "a list has more than %d items: make several", JPX_LIST_MAX);
    } else if (value.type == JP_FUTURE) {
        if (!jpx_future_check(p, value.as.future, at))
            return;
        jpx_run run = {list->count, value.as.future.child_, 1, jpx_future_slot(p, value.as.future)};
        jpx_runs_add(p->arena, &list->runs, &list->runs_count, &list->runs_cap, run);
        list->count++;
    } else {
        push_literal(list, value, at);
    }
}

jp_list *jp_array_v(jp_ctx *p, size_t count, const jp_value *values, const char *at)
{
    jp_list *list = jp_list_new(p);
    for (size_t i = 0; i < count; i++)
        jp_push_v(list, values[i], at);
    return list;
}

void jpx_list_cursor_init(jpx_list_cursor *cursor, const jp_list *list)
{
    *cursor = (jpx_list_cursor){.list = list};
    jpx_bytes literals = jpx_list_literals(list, list->p->arena);
    bool valid = bson_iter_init_from_data(&cursor->literals, literals.data, literals.size);
    JPX_ASSERT(valid);
}

bool jpx_list_next(jpx_list_cursor *cursor, uint32_t most, jpx_piece *out)
{
    const jp_list *list = cursor->list;

    *out = (jpx_piece){.count = 1};
    if (cursor->run < list->runs_count && list->runs[cursor->run].at <= cursor->at) {
        const jpx_run *run = &list->runs[cursor->run];
        const uint32_t done = cursor->at - run->at, left = run->count - done;
        out->futures = true;
        out->child = run->child + done;
        out->count = left < most ? left : most;
        out->slot = run->slot;
        if (out->count == left)
            cursor->run++;
    } else if (!bson_iter_next(&cursor->literals) || !jpx_value_read(&cursor->literals, &out->value)) {
        return false;
    }
    cursor->at += out->count;
    return true;
}
