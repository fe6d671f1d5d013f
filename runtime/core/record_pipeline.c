/* record_pipeline.c -- the record of a pipeline: what it is. Field names are short, because a million children repeat
 * them. Pure. */
#include "core/record.h"
#include <string.h>

uint32_t jpx_pipeline_bits(const jpx_pipeline *p)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < p->deps_count; i++)
        bits += p->deps[i].count;
    return bits;
}

static void append_refs(bson_t *doc, const jpx_pipeline *p)
{
    bson_t array, item;
    char name[16];
    const char *key;

    if (!p->refs_count)
        return;
    bson_append_array_begin(doc, "refs", 4, &array);
    for (size_t i = 0; i < p->refs_count; i++) {
        const jpx_ref *ref = &p->refs[i];
        size_t size = bson_uint32_to_string((uint32_t)i, &key, name, sizeof name);
        bson_append_document_begin(&array, key, (int)size, &item);
        bson_append_int64(&item, "arg", 3, ref->arg);
        if (ref->at != JPX_WHOLE)
            bson_append_int64(&item, "at", 2, ref->at);
        bson_append_int64(&item, "child", 5, ref->child);
        if (ref->count != 1)
            bson_append_int64(&item, "count", 5, ref->count);
        bson_append_utf8(&item, "slot", 4, ref->slot, -1);
        bson_append_document_end(&array, &item);
    }
    bson_append_array_end(doc, &array);
}

static void append_large(bson_t *doc, const jpx_pipeline *p)
{
    bson_t array, item;
    char name[16];
    const char *key;

    if (!p->large_count)
        return;
    bson_append_array_begin(doc, "large", 5, &array);
    for (size_t i = 0; i < p->large_count; i++) {
        size_t size = bson_uint32_to_string((uint32_t)i, &key, name, sizeof name);
        bson_append_document_begin(&array, key, (int)size, &item);
        bson_append_int64(&item, "arg", 3, p->large[i].arg);
        jpx_append_id(&item, "value", p->large[i].id, JPX_VALUE_SIZE);
        bson_append_document_end(&array, &item);
    }
    bson_append_array_end(doc, &array);
}

static void append_deps(bson_t *doc, const jpx_pipeline *p)
{
    bson_t array, item;
    char name[16];
    const char *key;

    if (!p->deps_count)
        return;
    bson_append_array_begin(doc, "deps", 4, &array);
    for (size_t i = 0; i < p->deps_count; i++) {
        const jpx_dep *dep = &p->deps[i];
        size_t size = bson_uint32_to_string((uint32_t)i, &key, name, sizeof name);
        bson_append_document_begin(&array, key, (int)size, &item);
        if (dep->slot)
            bson_append_utf8(&item, "slot", 4, dep->slot, -1);
        bson_append_int64(&item, "child", 5, dep->child);
        if (dep->count != 1)
            bson_append_int64(&item, "count", 5, dep->count);
        bson_append_document_end(&array, &item);
    }
    bson_append_array_end(doc, &array);
}

static void append_waiters(bson_t *doc, const jpx_pipeline *p)
{
    bson_t array, item;
    char name[16];
    const char *key;

    if (!p->waiters_count)
        return;
    bson_append_array_begin(doc, "waiters", 7, &array);
    for (size_t i = 0; i < p->waiters_count; i++) {
        const jpx_waiter *waiter = &p->waiters[i];
        size_t size = bson_uint32_to_string((uint32_t)i, &key, name, sizeof name);
        bson_append_document_begin(&array, key, (int)size, &item);
        if (waiter->slot)
            bson_append_utf8(&item, "slot", 4, waiter->slot, -1);
        bson_append_int64(&item, "child", 5, waiter->consumer);
        if (waiter->count != 1)
            bson_append_int64(&item, "count", 5, waiter->count);
        if (waiter->bits != 1) {
            bson_append_int64(&item, "bit", 3, waiter->bit);
            bson_append_int64(&item, "bits", 4, waiter->bits);
        }
        bson_append_document_end(&array, &item);
    }
    bson_append_array_end(doc, &array);
}

static void append_links(bson_t *doc, const jpx_pipeline *p)
{
    bson_t array, item;
    char name[16];
    const char *key;

    if (!p->links_count)
        return;
    bson_append_array_begin(doc, "links", 5, &array);
    for (size_t i = 0; i < p->links_count; i++) {
        size_t size = bson_uint32_to_string((uint32_t)i, &key, name, sizeof name);
        bson_append_document_begin(&array, key, (int)size, &item);
        bson_append_utf8(&item, "slot", 4, p->links[i].slot, -1);
        jpx_append_id(&item, "owner", p->links[i].owner.b, JPX_PIPELINE_SIZE);
        bson_append_utf8(&item, "of", 2, p->links[i].owner_slot, -1);
        if (p->links[i].type)
            bson_append_utf8(&item, "type", 4, p->links[i].type, -1);
        bson_append_document_end(&array, &item);
    }
    bson_append_array_end(doc, &array);
}

static void append_options(bson_t *doc, const jpx_pipeline *p)
{
    bson_t item;

    if (!p->has_options)
        return;
    bson_append_document_begin(doc, "options", 7, &item);
    bson_append_int64(&item, "attempts", 8, p->retry.attempts);
    bson_append_int64(&item, "first_ms", 8, p->retry.first_ms);
    bson_append_double(&item, "factor", 6, p->retry.factor);
    bson_append_int64(&item, "limit_ms", 8, p->retry.limit_ms);
    bson_append_double(&item, "jitter", 6, p->retry.jitter);
    bson_append_int64(&item, "timeout_ms", 10, p->timeout_ms);
    bson_append_document_end(doc, &item);
}

jpx_record jpx_pipeline_encode(const jpx_pipeline *p, jpx_arena *arena)
{
    bson_t doc = BSON_INITIALIZER, array;

    jpx_append_id(&doc, "_id", p->key.b, JPX_PIPELINE_SIZE);
    bson_append_int32(&doc, "v", 1, JPX_RECORD_WRITTEN);
    bson_append_utf8(&doc, "pipe", 4, p->pipe, -1);
    if (strcmp(p->queue, "default") != 0)
        bson_append_utf8(&doc, "queue", 5, p->queue, -1);
    if (p->at)
        bson_append_utf8(&doc, "at", 2, p->at, -1);
    bson_append_date_time(&doc, "planned", 7, p->planned_ms);
    if (!jpx_key_is_root(&p->key)) {
        jpx_append_id(&doc, "parent", p->parent.b, JPX_PIPELINE_SIZE);
        bson_append_int64(&doc, "siblings", 8, p->siblings);
    }
    if (bson_init_static(&array, p->args.data, p->args.size))
        bson_append_array(&doc, "args", 4, &array);
    append_refs(&doc, p);
    append_large(&doc, p);
    append_deps(&doc, p);
    append_waiters(&doc, p);
    append_links(&doc, p);
    if (p->hook)
        bson_append_bool(&doc, "hook", 4, true);
    if (p->cancel)
        bson_append_bool(&doc, "cancel", 6, true);
    if (p->promised)
        jpx_append_id(&doc, "token", p->token_hash, sizeof p->token_hash);
    append_options(&doc, p);
    return (jpx_record){jpx_copy(arena, p->key.b, JPX_PIPELINE_SIZE), jpx_doc_take(&doc, arena)};
}

static bool read_ref(bson_iter_t *item, jpx_arena *arena, void *out)
{
    jpx_ref *ref = out;
    bool good = true;

    *ref = (jpx_ref){.at = JPX_WHOLE, .count = 1};
    while (bson_iter_next(item)) {
        const char *name = bson_iter_key(item);
        if (strcmp(name, "arg") == 0)
            good &= jpx_iter_u32(item, &ref->arg);
        else if (strcmp(name, "at") == 0)
            good &= jpx_iter_u32(item, &ref->at);
        else if (strcmp(name, "child") == 0)
            good &= jpx_iter_u32(item, &ref->child);
        else if (strcmp(name, "count") == 0)
            good &= jpx_iter_u32(item, &ref->count);
        else if (strcmp(name, "slot") == 0)
            good &= (ref->slot = jpx_iter_text(item, arena)) != NULL;
    }
    return good && !item->err_off && ref->slot;
}

static bool read_large(bson_iter_t *item, jpx_arena *arena, void *out)
{
    jpx_large *large = out;
    bool good = true;

    (void)arena;
    while (bson_iter_next(item)) {
        const char *name = bson_iter_key(item);
        if (strcmp(name, "arg") == 0)
            good &= jpx_iter_u32(item, &large->arg);
        else if (strcmp(name, "value") == 0)
            good &= jpx_iter_id(item, large->id, JPX_VALUE_SIZE);
    }
    return good && !item->err_off;
}

static bool read_dep(bson_iter_t *item, jpx_arena *arena, void *out)
{
    jpx_dep *dep = out;
    bool good = true;

    *dep = (jpx_dep){.count = 1};
    while (bson_iter_next(item)) {
        const char *name = bson_iter_key(item);
        if (strcmp(name, "slot") == 0)
            good &= (dep->slot = jpx_iter_text(item, arena)) != NULL;
        else if (strcmp(name, "child") == 0)
            good &= jpx_iter_u32(item, &dep->child);
        else if (strcmp(name, "count") == 0)
            good &= jpx_iter_u32(item, &dep->count);
    }
    return good && !item->err_off;
}

static bool read_waiter(bson_iter_t *item, jpx_arena *arena, void *out)
{
    jpx_waiter *waiter = out;
    bool good = true;

    *waiter = (jpx_waiter){.count = 1, .bits = 1};
    while (bson_iter_next(item)) {
        const char *name = bson_iter_key(item);
        if (strcmp(name, "slot") == 0)
            good &= (waiter->slot = jpx_iter_text(item, arena)) != NULL;
        else if (strcmp(name, "child") == 0)
            good &= jpx_iter_u32(item, &waiter->consumer);
        else if (strcmp(name, "count") == 0)
            good &= jpx_iter_u32(item, &waiter->count);
        else if (strcmp(name, "bit") == 0)
            good &= jpx_iter_u32(item, &waiter->bit);
        else if (strcmp(name, "bits") == 0)
            good &= jpx_iter_u32(item, &waiter->bits);
    }
    return good && !item->err_off && waiter->bit < waiter->bits && waiter->bits <= JPX_DEPS_MAX;
}

static bool read_link(bson_iter_t *item, jpx_arena *arena, void *out)
{
    jpx_link *link = out;
    bool good = true;

    while (bson_iter_next(item)) {
        const char *name = bson_iter_key(item);
        if (strcmp(name, "slot") == 0)
            good &= (link->slot = jpx_iter_text(item, arena)) != NULL;
        else if (strcmp(name, "owner") == 0)
            good &= jpx_iter_id(item, link->owner.b, JPX_PIPELINE_SIZE);
        else if (strcmp(name, "of") == 0)
            good &= (link->owner_slot = jpx_iter_text(item, arena)) != NULL;
        else if (strcmp(name, "type") == 0)
            good &= (link->type = jpx_iter_text(item, arena)) != NULL;
    }
    return good && !item->err_off && link->slot && link->owner_slot;
}

typedef bool (*reader)(bson_iter_t *item, jpx_arena *, void *out);

static bool read_items(bson_iter_t *array, jpx_arena *arena, reader read, size_t size, void **items, size_t *count)
{
    bson_iter_t iter, item;
    size_t i = 0;

    if (!BSON_ITER_HOLDS_ARRAY(array) || !bson_iter_recurse(array, &iter))
        return false;
    *count = jpx_array_count(array);
    *items = jpx_alloc_array(arena, *count, size);
    for (; bson_iter_next(&iter); i++)
        if (!BSON_ITER_HOLDS_DOCUMENT(&iter) || !bson_iter_recurse(&iter, &item) ||
            !read(&item, arena, (uint8_t *)*items + i * size))
            return false;
    return !iter.err_off;
}

static bool read_options(bson_iter_t *iter, jpx_pipeline *p)
{
    bson_iter_t item;

    if (!BSON_ITER_HOLDS_DOCUMENT(iter) || !bson_iter_recurse(iter, &item))
        return false;
    p->has_options = true;
    while (bson_iter_next(&item)) {
        const char *name = bson_iter_key(&item);
        if (strcmp(name, "attempts") == 0)
            p->retry.attempts = (int)bson_iter_as_int64(&item);
        else if (strcmp(name, "first_ms") == 0)
            p->retry.first_ms = bson_iter_as_int64(&item);
        else if (strcmp(name, "factor") == 0)
            p->retry.factor = bson_iter_as_double(&item);
        else if (strcmp(name, "limit_ms") == 0)
            p->retry.limit_ms = bson_iter_as_int64(&item);
        else if (strcmp(name, "jitter") == 0)
            p->retry.jitter = bson_iter_as_double(&item);
        else if (strcmp(name, "timeout_ms") == 0)
            p->timeout_ms = bson_iter_as_int64(&item);
    }
    return !item.err_off;
}

bool jpx_pipeline_decode(jpx_bytes doc, jpx_arena *arena, jpx_pipeline *p)
{
    bson_iter_t iter;
    bool good = true, id = false;
    const uint8_t *data;
    uint32_t size;

    *p = (jpx_pipeline){.queue = "default", .siblings = 1};
    if (!jpx_doc_iter(doc, &iter))
        return false;
    while (good && bson_iter_next(&iter)) {
        const char *name = bson_iter_key(&iter);
        if (strcmp(name, "_id") == 0)
            good = id = jpx_iter_id(&iter, p->key.b, JPX_PIPELINE_SIZE);
        else if (strcmp(name, "v") == 0)
            good = jpx_record_version_is_read(&iter);
        else if (strcmp(name, "pipe") == 0)
            good = (p->pipe = jpx_iter_text(&iter, arena)) != NULL;
        else if (strcmp(name, "queue") == 0)
            good = (p->queue = jpx_iter_text(&iter, arena)) != NULL;
        else if (strcmp(name, "at") == 0)
            good = (p->at = jpx_iter_text(&iter, arena)) != NULL;
        else if (strcmp(name, "planned") == 0)
            p->planned_ms = bson_iter_date_time(&iter);
        else if (strcmp(name, "parent") == 0)
            good = jpx_iter_id(&iter, p->parent.b, JPX_PIPELINE_SIZE);
        else if (strcmp(name, "siblings") == 0)
            good = jpx_iter_u32(&iter, &p->siblings);
        else if (strcmp(name, "args") == 0) {
            good = BSON_ITER_HOLDS_ARRAY(&iter);
            if (good) {
                bson_iter_array(&iter, &size, &data);
                p->args = (jpx_bytes){data, size}; /* borrowed from `doc` */
                good = jpx_doc_is_array(p->args);
            }
        } else if (strcmp(name, "refs") == 0)
            good = read_items(&iter, arena, read_ref, sizeof *p->refs, (void **)&p->refs, &p->refs_count);
        else if (strcmp(name, "large") == 0)
            good = read_items(&iter, arena, read_large, sizeof *p->large, (void **)&p->large, &p->large_count);
        else if (strcmp(name, "deps") == 0)
            good = read_items(&iter, arena, read_dep, sizeof *p->deps, (void **)&p->deps, &p->deps_count);
        else if (strcmp(name, "waiters") == 0)
            good = read_items(&iter, arena, read_waiter, sizeof *p->waiters, (void **)&p->waiters, &p->waiters_count);
        else if (strcmp(name, "links") == 0)
            good = read_items(&iter, arena, read_link, sizeof *p->links, (void **)&p->links, &p->links_count);
        else if (strcmp(name, "hook") == 0)
            p->hook = bson_iter_as_bool(&iter);
        else if (strcmp(name, "cancel") == 0)
            p->cancel = bson_iter_as_bool(&iter);
        else if (strcmp(name, "token") == 0)
            good = p->promised = jpx_iter_id(&iter, p->token_hash, sizeof p->token_hash);
        else if (strcmp(name, "options") == 0)
            good = read_options(&iter, p);
    }
    return good && !iter.err_off && id && p->pipe && p->args.data;
}
