/* args.c -- replaces every slot among the arguments of a pipeline by its value, before its body runs (SEMANTICS 3.4).
 * Waits for the store. */
#include "engine/load.h"
#include <string.h>

/* The literal items of a list, with the values of slots inserted in their places. */
static void append_list(bson_t *array, const char *name, const bson_iter_t *literal, const jpx_ref *refs, size_t count,
                        const jpx_slot *const *slots)
{
    bson_iter_t items;
    bool more = literal && BSON_ITER_HOLDS_ARRAY(literal) && bson_iter_recurse(literal, &items);
    bson_t list;
    char text[16];
    const char *key;
    uint32_t at = 0;

    bson_append_array_begin(array, name, -1, &list);
    more = more && bson_iter_next(&items);
    for (size_t r = 0; r <= count; r++) {
        uint32_t until = r < count ? refs[r].at : UINT32_MAX;
        for (; more && at < until; at++) {
            size_t size = bson_uint32_to_string(at, &key, text, sizeof text);
            bson_append_iter(&list, key, (int)size, &items);
            more = bson_iter_next(&items);
        }
        for (uint32_t c = 0; r < count && c < refs[r].count; c++, at++) {
            bson_uint32_to_string(at, &key, text, sizeof text);
            jpx_append_value(&list, key, slots[r][c].value);
        }
    }
    bson_append_array_end(array, &list);
}

static int ref_order(const jpx_ref *a, const jpx_ref *b)
{
    if (a->arg != b->arg)
        return a->arg < b->arg ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

static jpx_bytes assemble(const jpx_pipeline *p, const jpx_slot *slots, const jpx_bytes *large, jpx_arena *arena)
{
    jpx_ref *refs = jpx_alloc_array(arena, p->refs_count, sizeof *refs);
    const jpx_slot **of = jpx_alloc_array(arena, p->refs_count, sizeof *of);
    bson_t array = BSON_INITIALIZER;
    bson_iter_t iter, value;
    size_t next = 0;

    for (size_t r = 0; r < p->refs_count; r++) { /* insertion sort: they are usually in order */
        size_t to = r;
        for (; to > 0 && ref_order(&refs[to - 1], &p->refs[r]) > 0; to--) {
            refs[to] = refs[to - 1];
            of[to] = of[to - 1];
        }
        refs[to] = p->refs[r];
        of[to] = slots;
        slots += p->refs[r].count;
    }
    if (!jpx_doc_iter(p->args, &iter)) {
        bson_destroy(&array);
        return (jpx_bytes){NULL, 0};
    }
    for (uint32_t arg = 0; bson_iter_next(&iter); arg++) {
        const char *name = bson_iter_key(&iter);
        const bson_iter_t *literal = &iter;
        size_t first = next;
        for (size_t l = 0; l < p->large_count; l++)
            if (p->large[l].arg == arg && jpx_value_iter(large[l], &value))
                literal = &value;
        while (next < p->refs_count && refs[next].arg == arg)
            next++;
        if (first == next)
            bson_append_iter(&array, name, -1, literal);
        else if (refs[first].at == JPX_WHOLE)
            jpx_append_value(&array, name, of[first]->value);
        else
            append_list(&array, name, literal, refs + first, next - first, of + first);
    }
    return jpx_doc_take(&array, arena);
}

jp_status jpx_load_args(jpx_session *session, jpx_pipeline *const *pipelines, size_t count, jpx_bytes *args,
                        jp_error *err)
{
    size_t total = 0, cap = 0;
    jpx_slot *slots = NULL;

    for (size_t i = 0; i < count; i++)
        for (size_t r = 0; pipelines[i] && r < pipelines[i]->refs_count; r++) {
            const jpx_ref *ref = &pipelines[i]->refs[r];
            for (uint32_t c = 0; c < ref->count; c++) {
                jpx_slot slot = {.key = jpx_key_make(jpx_key_root_id(&pipelines[i]->key),
                                                     jpx_key_gen(&pipelines[i]->key), ref->child + c),
                                 .name = ref->slot};
                JPX_PUSH(session->arena, slots, total, cap) = slot;
            }
        }
    if (total && jpx_load_slots(session, slots, total, true, err) != JP_OK)
        return err->status;
    for (size_t i = 0, at = 0; i < count; i++) {
        jpx_pipeline *p = pipelines[i];
        bool missing = false;
        size_t used = 0;
        args[i] = (jpx_bytes){NULL, 0};
        if (!p)
            continue;
        for (size_t r = 0; r < p->refs_count; r++)
            used += p->refs[r].count;
        for (size_t s = 0; s < used; s++)
            missing |= !slots[at + s].filled;
        if (p->refs_count == 0 && p->large_count == 0) {
            args[i] = p->args;
        } else if (!missing) {
            jpx_bytes *large = jpx_alloc_array(session->arena, p->large_count, sizeof *large);
            for (size_t l = 0; l < p->large_count; l++)
                if (jpx_load_value(session, p->large[l].id, &large[l], err) != JP_OK) {
                    if (err->status != JP_E_DAMAGED)
                        return err->status;
                    missing = true; /* fails this pipeline only */
                }
            if (!missing)
                args[i] = assemble(p, slots + at, large, session->arena);
        }
        at += used;
    }
    return JP_OK;
}
