/* stream_loss.c -- remembers which streams we have already repaired for.
 *
 * When a stream was recreated, all live roots must be repaired. The process that notices may die first, so the creation
 * time of the streams is recorded in the store after a completed repair, and a starting barrier role compares it. One
 * record for each, of kind "stream" (docs/records.md). */
#include "barrier/barrier.h"

jp_status jpx_stream_loss_repaired(jpx_session *session, int64_t stream_created_ns, jp_error *err)
{
    jpx_record record = jpx_stream_mark_encode(stream_created_ns, jpx_now(session->env), session->arena);

    return stream_created_ns ? jpx_store_insert(session->store, JPX_TABLE_MARK, &record, 1, NULL, err) : JP_OK;
}

/* Has any stream been recorded? All of them lie between two keys. */
static jp_status any_known(jpx_session *session, bool *known, jp_error *err)
{
    jpx_bytes lo = jpx_stream_mark_encode(0, 0, session->arena).id;
    jpx_bytes hi = jpx_stream_mark_encode(-1, 0, session->arena).id;
    jpx_records found;

    if (jpx_store_scan(session->store, JPX_TABLE_MARK, lo, hi, 1, false, session->arena, &found, err) != JP_OK)
        return err->status;
    *known = found.count > 0;
    return JP_OK;
}

jp_status jpx_stream_loss_find(jpx_session *session, int64_t stream_created_ns, bool *lost, jp_error *err)
{
    jpx_record found;

    *lost = false;
    if (!stream_created_ns)
        return JP_OK;
    jpx_bytes id = jpx_stream_mark_encode(stream_created_ns, 0, session->arena).id;
    if (jpx_store_get(session->store, JPX_TABLE_MARK, &id, 1, session->arena, &found, err) != JP_OK)
        return err->status;
    if (found.doc.data)
        return JP_OK;
    if (any_known(session, lost, err) != JP_OK)
        return err->status;
    /* A new store has repaired for no streams: there is nothing to repair, and these are the first. */
    return *lost ? JP_OK : jpx_stream_loss_repaired(session, stream_created_ns, err);
}
