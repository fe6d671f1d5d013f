/* record_entry.c -- the record of an entry: one thing that happened to a pipeline. Pure. */
#include "core/record.h"
#include <string.h>

static const char *const kind_texts[] = {
#define TEXT(name, text) text,
    JPX_ENTRY_MAP(TEXT)
#undef TEXT
};

const char *jpx_entry_text(jpx_entry_kind kind)
{
    return kind < JPX_ENTRY_KINDS ? kind_texts[kind] : "unknown";
}

const jpx_out *jpx_entry_out(const jpx_entry *entry, const char *slot)
{
    for (size_t i = 0; i < entry->outs_count; i++)
        if (strcmp(entry->outs[i].slot, slot) == 0)
            return &entry->outs[i];
    return NULL;
}

/* {slot, value} or {slot, large} or {slot, child, of} */
static void append_out(bson_t *parent, const char *name, const jpx_out *out)
{
    bson_t item;

    bson_append_document_begin(parent, name, -1, &item);
    bson_append_utf8(&item, "slot", 4, out->slot, -1);
    if (out->forwarded) {
        bson_append_int64(&item, "child", 5, out->child);
        bson_append_utf8(&item, "of", 2, out->child_slot, -1);
    } else if (out->large) {
        jpx_append_id(&item, "large", out->large_id, JPX_VALUE_SIZE);
    } else {
        jpx_append_value(&item, "value", out->value);
    }
    bson_append_document_end(parent, &item);
}

static bool read_out(const bson_iter_t *parent, jpx_arena *arena, jpx_out *out)
{
    bson_iter_t item;
    bool good = true, value = false;

    if (!BSON_ITER_HOLDS_DOCUMENT(parent) || !bson_iter_recurse(parent, &item))
        return false;
    *out = (jpx_out){0};
    while (bson_iter_next(&item)) {
        const char *name = bson_iter_key(&item);
        if (strcmp(name, "slot") == 0)
            good &= (out->slot = jpx_iter_text(&item, arena)) != NULL;
        else if (strcmp(name, "child") == 0) {
            good &= jpx_iter_u32(&item, &out->child);
            out->forwarded = true;
        } else if (strcmp(name, "of") == 0)
            good &= (out->child_slot = jpx_iter_text(&item, arena)) != NULL;
        else if (strcmp(name, "large") == 0)
            good &= out->large = jpx_iter_id(&item, out->large_id, JPX_VALUE_SIZE);
        else if (strcmp(name, "value") == 0) {
            out->value = jpx_value_of(&item, arena);
            value = true;
        }
    }
    return good && !item.err_off && out->slot && (value || out->large || (out->forwarded && out->child_slot));
}

static void append_outs(bson_t *doc, const jpx_entry *entry)
{
    bson_t array;
    char name[16];
    const char *key;

    if (!entry->outs_count)
        return;
    bson_append_array_begin(doc, "outputs", 7, &array);
    for (size_t i = 0; i < entry->outs_count; i++) {
        bson_uint32_to_string((uint32_t)i, &key, name, sizeof name);
        append_out(&array, key, &entry->outs[i]);
    }
    bson_append_array_end(doc, &array);
}

static bool read_outs(bson_iter_t *iter, jpx_arena *arena, jpx_entry *entry)
{
    bson_iter_t item;
    size_t i = 0;

    if (!BSON_ITER_HOLDS_ARRAY(iter) || !bson_iter_recurse(iter, &item))
        return false;
    entry->outs_count = jpx_array_count(iter);
    entry->outs = jpx_alloc_array(arena, entry->outs_count, sizeof *entry->outs);
    while (bson_iter_next(&item))
        if (!read_out(&item, arena, &entry->outs[i++]))
            return false;
    return !item.err_off;
}

static void append_failure(bson_t *doc, const jpx_entry *entry)
{
    bson_t item;

    if (!entry->failure_text)
        return;
    bson_append_document_begin(doc, "failure", 7, &item);
    bson_append_utf8(&item, "class", 5, entry->failure_class ? entry->failure_class : "unknown", -1);
    bson_append_utf8(&item, "text", 4, entry->failure_text, -1);
    if (entry->failure_trace)
        bson_append_utf8(&item, "trace", 5, entry->failure_trace, -1);
    bson_append_document_end(doc, &item);
}

static bool read_failure(bson_iter_t *iter, jpx_arena *arena, jpx_entry *entry)
{
    bson_iter_t item;

    if (!BSON_ITER_HOLDS_DOCUMENT(iter) || !bson_iter_recurse(iter, &item))
        return false;
    while (bson_iter_next(&item)) {
        const char *name = bson_iter_key(&item);
        if (strcmp(name, "class") == 0)
            entry->failure_class = jpx_iter_text(&item, arena);
        else if (strcmp(name, "text") == 0)
            entry->failure_text = jpx_iter_text(&item, arena);
        else if (strcmp(name, "trace") == 0)
            entry->failure_trace = jpx_iter_text(&item, arena);
    }
    return entry->failure_text && !item.err_off;
}

jpx_record jpx_entry_encode(const jpx_entry *entry, jpx_arena *arena)
{
    bson_t doc = BSON_INITIALIZER;
    uint8_t id[JPX_ENTRY_SIZE];

    jpx_entry_id(id, &entry->key, entry->step);
    jpx_append_id(&doc, "_id", id, sizeof id);
    bson_append_int32(&doc, "v", 1, JPX_RECORD_WRITTEN);
    bson_append_utf8(&doc, "entry", 5, jpx_entry_text(entry->kind), -1);
    bson_append_date_time(&doc, "at", 2, entry->at_ms);
    bson_append_int64(&doc, "attempt", 7, entry->attempt);
    if (entry->body_us)
        bson_append_int64(&doc, "body_us", 7, entry->body_us);
    append_outs(&doc, entry);
    if (entry->kind == JPX_ENTRY_PLANNED) {
        jpx_append_id(&doc, "generation", entry->gen, JPX_GEN_SIZE);
        bson_append_int64(&doc, "children", 8, entry->children);
    }
    if (entry->completes)
        bson_append_bool(&doc, "completes", 9, true);
    if (entry->kind == JPX_ENTRY_WAITING)
        jpx_append_id(&doc, "token", entry->token_hash, sizeof entry->token_hash);
    if (entry->due_ms)
        bson_append_date_time(&doc, "due", 3, entry->due_ms);
    if (entry->kind == JPX_ENTRY_REPLIED) {
        bson_append_bool(&doc, "hooked", 6, entry->hooked);
        append_out(&doc, "reply", &entry->reply);
    }
    if (entry->kind == JPX_ENTRY_ABORTED)
        bson_append_bool(&doc, "begun", 5, entry->begun);
    if (entry->kind == JPX_ENTRY_FINISHED)
        bson_append_bool(&doc, "aborted", 7, entry->aborted);
    append_failure(&doc, entry);
    return (jpx_record){jpx_copy(arena, id, sizeof id), jpx_doc_take(&doc, arena)};
}

static bool read_kind(bson_iter_t *iter, jpx_entry *entry)
{
    if (!BSON_ITER_HOLDS_UTF8(iter))
        return false;
    for (int i = 0; i < JPX_ENTRY_KINDS; i++)
        if (strcmp(bson_iter_utf8(iter, NULL), kind_texts[i]) == 0) {
            entry->kind = (jpx_entry_kind)i;
            return true;
        }
    return false;
}

bool jpx_entry_decode(jpx_bytes doc, jpx_arena *arena, jpx_entry *entry)
{
    bson_iter_t iter;
    bool good = true, kind = false, generation = false;
    uint8_t id[JPX_ENTRY_SIZE];

    *entry = (jpx_entry){.attempt = 1};
    if (!jpx_doc_iter(doc, &iter))
        return false;
    while (good && bson_iter_next(&iter)) {
        const char *name = bson_iter_key(&iter);
        if (strcmp(name, "_id") == 0) {
            good = jpx_iter_id(&iter, id, sizeof id);
            memcpy(entry->key.b, id, JPX_PIPELINE_SIZE);
            entry->step = jpx_get32(id + JPX_PIPELINE_SIZE);
        } else if (strcmp(name, "v") == 0)
            good = jpx_record_version_is_read(&iter);
        else if (strcmp(name, "entry") == 0)
            good = kind = read_kind(&iter, entry);
        else if (strcmp(name, "at") == 0)
            entry->at_ms = bson_iter_date_time(&iter);
        else if (strcmp(name, "attempt") == 0)
            entry->attempt = (int)bson_iter_as_int64(&iter);
        else if (strcmp(name, "body_us") == 0)
            entry->body_us = bson_iter_as_int64(&iter);
        else if (strcmp(name, "outputs") == 0)
            good = read_outs(&iter, arena, entry);
        else if (strcmp(name, "generation") == 0)
            good = generation = jpx_iter_id(&iter, entry->gen, JPX_GEN_SIZE);
        else if (strcmp(name, "children") == 0)
            good = jpx_iter_u32(&iter, &entry->children);
        else if (strcmp(name, "token") == 0)
            good = jpx_iter_id(&iter, entry->token_hash, sizeof entry->token_hash);
        else if (strcmp(name, "completes") == 0)
            entry->completes = bson_iter_as_bool(&iter);
        else if (strcmp(name, "due") == 0)
            entry->due_ms = bson_iter_date_time(&iter);
        else if (strcmp(name, "hooked") == 0)
            entry->hooked = bson_iter_as_bool(&iter);
        else if (strcmp(name, "reply") == 0)
            good = read_out(&iter, arena, &entry->reply);
        else if (strcmp(name, "begun") == 0)
            entry->begun = bson_iter_as_bool(&iter);
        else if (strcmp(name, "aborted") == 0)
            entry->aborted = bson_iter_as_bool(&iter);
        else if (strcmp(name, "failure") == 0)
            good = read_failure(&iter, arena, entry);
    }
    /* fields that the kind requires */
    good = good && !iter.err_off && (entry->kind != JPX_ENTRY_PLANNED || (generation && entry->children));
    return good && kind && (entry->kind != JPX_ENTRY_REPLIED || entry->reply.slot);
}
