/* tombstone.c -- what is left of a root that was cleaned up, for some minutes: that its trigger was handled. A broker
 * may deliver a message again long after it was acked (SUBSTRATE C.2: a kill -9 forgets acks); a root's id comes from
 * its trigger, so without it the whole run would be done once more. It is a mark that stands outside the root's own
 * range, of which nothing is left; the sweep that follows a cleanup removes it. */
#include "engine/engine.h"
#include <string.h>

static void tombstone_id(uint8_t out[JPX_MARK_SIZE], const jpx_root_id *root)
{
    memset(out, 0, JPX_MARK_SIZE);
    for (size_t i = 0; i < JPX_ROOT_SIZE; i++)
        out[i] = (uint8_t)~root->b[i];
}

jp_status jpx_tombstone_put(jpx_session *session, const jpx_root_id *root, jp_error *err)
{
    uint8_t id[JPX_MARK_SIZE];
    static const uint8_t tail[8];
    jpx_mark mark = {.since_ms = jpx_now(session->env), .worker = "cleanup"};

    tombstone_id(id, root);
    memcpy(mark.key.b, id, JPX_PIPELINE_SIZE);
    jpx_record record = jpx_mark_encode(&mark, tail, session->arena);
    return jpx_store_insert(session->store, JPX_TABLE_MARK, &record, 1, NULL, err);
}

jp_status jpx_tombstone_remove(jpx_session *session, const jpx_root_id *root, jp_error *err)
{
    uint8_t id[JPX_MARK_SIZE];
    jpx_bytes ids = {id, sizeof id};

    tombstone_id(id, root);
    return jpx_store_remove(session->store, JPX_TABLE_MARK, &ids, 1, err);
}

jp_status jpx_tombstone_find(jpx_session *session, const jpx_root_id *roots, size_t count, bool *buried, jp_error *err)
{
    jpx_bytes *ids = jpx_alloc_array(session->arena, count + 1, sizeof *ids);
    jpx_record *found = jpx_alloc_array(session->arena, count + 1, sizeof *found);

    for (size_t i = 0; i < count; i++) {
        uint8_t *id = jpx_alloc(session->arena, JPX_MARK_SIZE);
        tombstone_id(id, &roots[i]);
        ids[i] = jpx_id(id, JPX_MARK_SIZE);
    }
    if (count && jpx_store_get(session->store, JPX_TABLE_MARK, ids, count, session->arena, found, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++)
        buried[i] = found[i].doc.data != NULL;
    return JP_OK;
}

jp_status jpx_tombstone_time(jpx_session *session, const jpx_root_id *root, int64_t *ms, jp_error *err)
{
    uint8_t id[JPX_MARK_SIZE];
    jpx_bytes ids = {id, sizeof id};
    jpx_record found;
    jpx_mark mark;

    *ms = 0;
    tombstone_id(id, root);
    if (jpx_store_get(session->store, JPX_TABLE_MARK, &ids, 1, session->arena, &found, err) != JP_OK)
        return err->status;
    if (found.doc.data && jpx_mark_decode(found, session->arena, &mark))
        *ms = mark.since_ms;
    return JP_OK;
}
