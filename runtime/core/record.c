/* record.c -- the versions of records, and the small ones: timers, fills and values. Pure. */
#include "core/record.h"
#include <string.h>

bool jpx_record_is_newer(jpx_bytes doc)
{
    bson_iter_t v;
    return jpx_doc_find(doc, "v", &v) && BSON_ITER_HOLDS_INT(&v) && bson_iter_as_int64(&v) > JPX_RECORD_VERSION;
}

bool jpx_record_version_is_read(const bson_iter_t *v)
{
    return bson_iter_as_int64(v) >= 1 && bson_iter_as_int64(v) <= JPX_RECORD_VERSION;
}

/* ---- timers ---- */

jpx_record jpx_timer_encode(const jpx_timer *timer, jpx_arena *arena)
{
    bson_t doc = BSON_INITIALIZER;
    uint8_t id[JPX_TIMER_SIZE];

    jpx_timer_id(id, timer->due_ms, &timer->key, timer->step);
    jpx_append_id(&doc, "_id", id, sizeof id);
    bson_append_date_time(&doc, "due", 3, timer->due_ms);
    bson_append_utf8(&doc, "pipe", 4, timer->pipe, -1);
    bson_append_utf8(&doc, "queue", 5, timer->queue, -1);
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
