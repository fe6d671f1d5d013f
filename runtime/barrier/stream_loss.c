/* stream_loss.c -- which streams were walked for: that a stream is another one than before is evidence of a loss, and who
 * noticed it may die before it has walked. So what the streams are is kept in the store, once that is done, and looked
 * at when a barrier role begins. Written once for each: a mark that stands outside all roots. */
#include "engine/engine.h"
#include <string.h>

static jpx_record record_of(jpx_desk *desk, int64_t born_ns)
{
    uint8_t tail[8];
    jpx_mark mark = {.since_ms = jpx_now(desk->env), .worker = "streams"};

    jpx_put64(tail, (uint64_t)born_ns);
    return jpx_mark_encode(&mark, tail, desk->arena);
}

jp_status jpx_losses_walked(jpx_desk *desk, int64_t born_ns, jp_error *err)
{
    jpx_record record = record_of(desk, born_ns);

    return born_ns ? jpx_store_insert(desk->store, JPX_MARK, &record, 1, NULL, err) : JP_OK;
}

jp_status jpx_losses_look(jpx_desk *desk, int64_t born_ns, bool *lost, jp_error *err)
{
    static const jpx_key nowhere;
    jpx_record found;
    jpx_mark *known;
    size_t count;

    *lost = false;
    if (!born_ns)
        return JP_OK;
    jpx_bytes id = record_of(desk, born_ns).id;
    if (jpx_store_get(desk->store, JPX_MARK, &id, 1, desk->arena, &found, err) != JP_OK)
        return err->status;
    if (found.doc.data)
        return JP_OK;
    if (jpx_load_marks(desk, &nowhere, 0, &known, &count, err) != JP_OK)
        return err->status;
    *lost = count > 0;
    return *lost ? JP_OK : jpx_losses_walked(desk, born_ns, err); /* a new store has no streams of before */
}
