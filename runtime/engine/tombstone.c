/* tombstone.c -- remembers for some minutes that a root was cleaned up, so that its trigger starts nothing when it is
 * delivered again.
 *
 * A broker may redeliver a message long after it was acked: a kill -9 makes it forget acks. A root's id comes from its
 * trigger, so without the tombstone the whole run would be done once more. The sweep that follows a cleanup removes
 * it. */
#include "engine/load.h"
#include "engine/root.h"

jp_status jpx_tombstone_put(jpx_session *session, const jpx_root_id *root, jp_error *err)
{
    jpx_record record = jpx_tombstone_encode(root, jpx_now(session->env), session->arena);
    return jpx_store_insert(session->store, JPX_TABLE_MARK, &record, 1, NULL, err);
}

jp_status jpx_tombstone_remove(jpx_session *session, const jpx_root_id *root, jp_error *err)
{
    uint8_t id[JPX_MARK_SIZE];
    jpx_bytes ids = {id, sizeof id};

    jpx_tombstone_id(id, root);
    return jpx_store_remove(session->store, JPX_TABLE_MARK, &ids, 1, err);
}

jp_status jpx_tombstone_find(jpx_session *session, const jpx_root_id *roots, size_t count, bool *cleaned, jp_error *err)
{
    jpx_bytes *ids = jpx_alloc_array(session->arena, count, sizeof *ids);
    jpx_record *found = jpx_alloc_array(session->arena, count, sizeof *found);

    for (size_t i = 0; i < count; i++) {
        uint8_t *id = jpx_alloc(session->arena, JPX_MARK_SIZE);
        jpx_tombstone_id(id, &roots[i]);
        ids[i] = jpx_id(id, JPX_MARK_SIZE);
    }
    if (count && jpx_store_get(session->store, JPX_TABLE_MARK, ids, count, session->arena, found, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++)
        cleaned[i] = found[i].doc.data != NULL;
    return JP_OK;
}

jp_status jpx_tombstone_time(jpx_session *session, const jpx_root_id *root, int64_t *ms, jp_error *err)
{
    uint8_t id[JPX_MARK_SIZE];
    jpx_bytes ids = {id, sizeof id};
    jpx_record found;

    *ms = 0;
    jpx_tombstone_id(id, root);
    if (jpx_store_get(session->store, JPX_TABLE_MARK, &ids, 1, session->arena, &found, err) != JP_OK)
        return err->status;
    if (found.doc.data && !jpx_tombstone_decode(found, session->arena, ms))
        *ms = 0;
    return JP_OK;
}
