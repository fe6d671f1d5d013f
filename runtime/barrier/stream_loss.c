/* stream_loss.c -- which streams were walked for: that a stream is another one than before is evidence of a loss, and
 * who noticed it may die before it has walked. So what the streams are is kept in the store, once that is done, and
 * looked at when a barrier role begins. Written once for each: a mark that stands outside all roots. */
#include "engine/engine.h"
#include <string.h>

static jpx_record record_of(jpx_session *session, int64_t stream_created_ns)
{
    uint8_t tail[8];
    jpx_mark mark = {.since_ms = jpx_now(session->env), .worker = "streams"};

    jpx_put64(tail, (uint64_t)stream_created_ns);
    return jpx_mark_encode(&mark, tail, session->arena);
}

jp_status jpx_stream_loss_repaired(jpx_session *session, int64_t stream_created_ns, jp_error *err)
{
    jpx_record record = record_of(session, stream_created_ns);

    return stream_created_ns ? jpx_store_insert(session->store, JPX_TABLE_MARK, &record, 1, NULL, err) : JP_OK;
}

jp_status jpx_stream_loss_find(jpx_session *session, int64_t stream_created_ns, bool *lost, jp_error *err)
{
    static const jpx_key nowhere;
    jpx_record found;
    jpx_mark *known;
    size_t count;

    *lost = false;
    if (!stream_created_ns)
        return JP_OK;
    jpx_bytes id = record_of(session, stream_created_ns).id;
    if (jpx_store_get(session->store, JPX_TABLE_MARK, &id, 1, session->arena, &found, err) != JP_OK)
        return err->status;
    if (found.doc.data)
        return JP_OK;
    if (jpx_load_marks(session, &nowhere, 0, &known, &count, err) != JP_OK)
        return err->status;
    *lost = count > 0;
    return *lost ? JP_OK
                 : jpx_stream_loss_repaired(session, stream_created_ns, err); /* a new store has no streams of before */
}
