/* record_small.c -- barriers, roots, timers, fills, values, marks. */
#include "core/record.h"
#include <string.h>

bool jpx_record_is_newer(jpx_bytes doc)
{
    return jpx_doc_version(doc) > JPX_RECORD_VERSION;
}

/* ---- barriers ---- */

jpx_key jpx_finish_key(jpx_root_id root, const uint8_t gen[JPX_GEN_SIZE])
{
    return jpx_key_make(root, gen, JPX_FINISH_INDEX);
}

uint32_t jpx_barrier_top_bits(uint32_t bits)
{
    return bits <= JPX_PART_BITS ? bits : (bits + JPX_PART_BITS - 1) / JPX_PART_BITS;
}

uint32_t jpx_barrier_part(uint32_t bits, uint32_t bit, uint32_t *bit_in_part)
{
    if (bits <= JPX_PART_BITS) {
        *bit_in_part = bit;
        return JPX_TOP_PART;
    }
    *bit_in_part = bit % JPX_PART_BITS;
    return bit / JPX_PART_BITS;
}

static jpx_record barrier_record(const jpx_key *at, uint32_t part, const jpx_key *of, uint32_t bits, jpx_arena *arena)
{
    bson_t doc = BSON_INITIALIZER, words;
    uint8_t id[JPX_BARRIER_SIZE];
    char name[16];
    const char *key;

    JPX_ASSERT(bits <= JPX_PART_BITS);
    jpx_barrier_id(id, at, part);
    jpx_append_id(&doc, "_id", id, sizeof id);
    jpx_append_id(&doc, "of", of->b, JPX_PIPELINE_SIZE);
    bson_append_int64(&doc, "left", 4, bits);
    bson_append_bool(&doc, "aborted", 7, false);
    bson_append_document_begin(&doc, "w", 1, &words);
    for (uint32_t i = 0; i * JPX_WORD_BITS < bits; i++) {
        size_t size = bson_uint32_to_string(i, &key, name, sizeof name);
        bson_append_int64(&words, key, (int)size, 0);
    }
    bson_append_document_end(&doc, &words);
    return (jpx_record){jpx_copy(arena, id, sizeof id), jpx_doc_take(&doc, arena)};
}

void jpx_barrier_records(const jpx_key *at, const jpx_key *of, uint32_t bits, jpx_arena *arena, jpx_records *records)
{
    if (bits > JPX_PART_BITS)
        for (uint32_t part = 0; part * JPX_PART_BITS < bits; part++) {
            uint32_t rest = bits - part * JPX_PART_BITS;
            jpx_record record = barrier_record(at, part, of, rest < JPX_PART_BITS ? rest : JPX_PART_BITS, arena);
            JPX_PUSH(arena, records->items, records->count, records->cap) = record;
        }
    jpx_record top = barrier_record(at, JPX_TOP_PART, of, jpx_barrier_top_bits(bits), arena);
    JPX_PUSH(arena, records->items, records->count, records->cap) = top;
}

bool jpx_barrier_decode(jpx_bytes doc, jpx_barrier *barrier)
{
    bson_iter_t iter;

    *barrier = (jpx_barrier){0};
    if (!jpx_doc_find(doc, "of", &iter) || !jpx_iter_id(&iter, barrier->of.b, JPX_PIPELINE_SIZE))
        return false;
    if (!jpx_doc_find(doc, "left", &iter) || !BSON_ITER_HOLDS_INT(&iter))
        return false;
    barrier->left = bson_iter_as_int64(&iter);
    barrier->aborted = jpx_doc_find(doc, "aborted", &iter) && bson_iter_as_bool(&iter);
    return true;
}

/* ---- roots ---- */

jpx_record jpx_root_encode(const jpx_root *root, jpx_arena *arena)
{
    bson_t doc = BSON_INITIALIZER;

    jpx_append_id(&doc, "_id", root->id.b, JPX_ROOT_SIZE);
    bson_append_int32(&doc, "v", 1, JPX_RECORD_VERSION);
    bson_append_utf8(&doc, "pipe", 4, root->pipe, -1);
    if (root->key)
        bson_append_utf8(&doc, "key", 3, root->key, -1);
    bson_append_date_time(&doc, "started", 7, root->started_ms);
    bson_append_utf8(&doc, "status", 6, root->status, -1);
    return (jpx_record){jpx_copy(arena, root->id.b, JPX_ROOT_SIZE), jpx_doc_take(&doc, arena)};
}

bool jpx_root_decode(jpx_bytes doc, jpx_arena *arena, jpx_root *root)
{
    bson_iter_t iter, abort_iter;
    bool good = true, id = false;

    *root = (jpx_root){0};
    if (!jpx_doc_iter(doc, &iter))
        return false;
    while (good && bson_iter_next(&iter)) {
        const char *name = bson_iter_key(&iter);
        if (strcmp(name, "_id") == 0)
            good = id = jpx_iter_id(&iter, root->id.b, JPX_ROOT_SIZE);
        else if (strcmp(name, "v") == 0)
            good = bson_iter_as_int64(&iter) == JPX_RECORD_VERSION;
        else if (strcmp(name, "pipe") == 0)
            good = (root->pipe = jpx_iter_text(&iter, arena)) != NULL;
        else if (strcmp(name, "key") == 0)
            good = (root->key = jpx_iter_text(&iter, arena)) != NULL;
        else if (strcmp(name, "started") == 0)
            root->started_ms = bson_iter_date_time(&iter);
        else if (strcmp(name, "ended") == 0)
            root->ended_ms = bson_iter_date_time(&iter);
        else if (strcmp(name, "status") == 0)
            good = (root->status = jpx_iter_text(&iter, arena)) != NULL;
        else if (strcmp(name, "decided") == 0)
            root->decided = true;
        else if (strcmp(name, "abort") == 0 && BSON_ITER_HOLDS_DOCUMENT(&iter) &&
                 bson_iter_recurse(&iter, &abort_iter)) {
            root->aborting = true;
            while (bson_iter_next(&abort_iter)) {
                if (strcmp(bson_iter_key(&abort_iter), "reason") == 0)
                    root->reason = jpx_iter_text(&abort_iter, arena);
                else if (strcmp(bson_iter_key(&abort_iter), "by") == 0)
                    root->by = jpx_iter_text(&abort_iter, arena);
                else if (strcmp(bson_iter_key(&abort_iter), "at") == 0)
                    root->abort_ms = bson_iter_date_time(&abort_iter);
            }
        }
    }
    return good && !iter.err_off && id && root->pipe && root->status;
}

bool jpx_root_final(const jpx_root *root)
{
    return strcmp(root->status, "running") != 0;
}

/* ---- timers ---- */

jpx_record jpx_timer_encode(int64_t due_ms, const jpx_key *key, uint32_t step, const char *pipe, const char *queue,
                            jpx_arena *arena)
{
    bson_t doc = BSON_INITIALIZER;
    uint8_t id[JPX_TIMER_SIZE];

    jpx_timer_id(id, due_ms, key, step);
    jpx_append_id(&doc, "_id", id, sizeof id);
    bson_append_date_time(&doc, "due", 3, due_ms);
    bson_append_utf8(&doc, "pipe", 4, pipe, -1);
    bson_append_utf8(&doc, "queue", 5, queue, -1);
    return (jpx_record){jpx_copy(arena, id, sizeof id), jpx_doc_take(&doc, arena)};
}

bool jpx_timer_decode(jpx_record record, jpx_arena *arena, jpx_timer *timer)
{
    bson_iter_t iter;

    if (record.id.size != JPX_TIMER_SIZE)
        return false;
    timer->due_ms = (int64_t)jpx_get64(record.id.data);
    memcpy(timer->key.b, record.id.data + 8, JPX_PIPELINE_SIZE);
    timer->step = jpx_get32(record.id.data + 8 + JPX_PIPELINE_SIZE);
    timer->pipe = jpx_doc_find(record.doc, "pipe", &iter) ? jpx_iter_text(&iter, arena) : NULL;
    timer->queue = jpx_doc_find(record.doc, "queue", &iter) ? jpx_iter_text(&iter, arena) : NULL;
    return timer->pipe && timer->queue;
}

/* ---- fills ---- */

jpx_record jpx_fill_encode(const jpx_fill *fill, jpx_arena *arena)
{
    bson_t doc = BSON_INITIALIZER;
    uint8_t id[JPX_FILL_SIZE];

    jpx_fill_id(id, &fill->owner, fill->slot);
    jpx_append_id(&doc, "_id", id, sizeof id);
    bson_append_utf8(&doc, "slot", 4, fill->slot, -1);
    jpx_append_id(&doc, "by", fill->filler.b, JPX_PIPELINE_SIZE);
    bson_append_int64(&doc, "step", 4, fill->step);
    bson_append_utf8(&doc, "of", 2, fill->filler_slot, -1);
    return (jpx_record){jpx_copy(arena, id, sizeof id), jpx_doc_take(&doc, arena)};
}

bool jpx_fill_decode(jpx_bytes doc, jpx_arena *arena, jpx_fill *fill)
{
    bson_iter_t iter;
    uint8_t id[JPX_FILL_SIZE];

    if (!jpx_doc_find(doc, "_id", &iter) || !jpx_iter_id(&iter, id, sizeof id))
        return false;
    memcpy(fill->owner.b, id, JPX_PIPELINE_SIZE);
    if (!jpx_doc_find(doc, "by", &iter) || !jpx_iter_id(&iter, fill->filler.b, JPX_PIPELINE_SIZE))
        return false;
    if (!jpx_doc_find(doc, "step", &iter) || !jpx_iter_u32(&iter, &fill->step))
        return false;
    fill->slot = jpx_doc_find(doc, "slot", &iter) ? jpx_iter_text(&iter, arena) : NULL;
    fill->filler_slot = jpx_doc_find(doc, "of", &iter) ? jpx_iter_text(&iter, arena) : NULL;
    return fill->slot && fill->filler_slot;
}

/* ---- values ---- */

jpx_record jpx_value_encode(const uint8_t id[JPX_VALUE_SIZE], jpx_bytes value, jpx_arena *arena)
{
    bson_t doc = BSON_INITIALIZER;

    jpx_append_id(&doc, "_id", id, JPX_VALUE_SIZE);
    jpx_append_value(&doc, "v", value);
    return (jpx_record){jpx_copy(arena, id, JPX_VALUE_SIZE), jpx_doc_take(&doc, arena)};
}
