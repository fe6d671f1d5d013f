/* tombstone.c -- what is left of a root that was cleaned up, for some minutes: that its trigger was handled. A broker may
 * deliver a message again long after it was acked (SUBSTRATE C.2: a kill -9 forgets acks); a root's id comes from its
 * trigger, so without it the whole run would be done once more. It is a mark that stands outside the root's own range,
 * of which nothing is left; the sweep that follows a cleanup removes it. */
#include "engine/engine.h"
#include <string.h>

static void grave_id(uint8_t out[JPX_MARK_SIZE], const jpx_root_id *root)
{
    memset(out, 0, JPX_MARK_SIZE);
    for (size_t i = 0; i < JPX_ROOT_SIZE; i++)
        out[i] = (uint8_t)~root->b[i];
}

jp_status jpx_grave_dig(jpx_desk *desk, const jpx_root_id *root, jp_error *err)
{
    uint8_t id[JPX_MARK_SIZE];
    static const uint8_t tail[8];
    jpx_mark mark = {.since_ms = jpx_now(desk->env), .worker = "cleanup"};

    grave_id(id, root);
    memcpy(mark.key.b, id, JPX_PIPELINE_SIZE);
    jpx_record record = jpx_mark_encode(&mark, tail, desk->arena);
    return jpx_store_insert(desk->store, JPX_MARK, &record, 1, NULL, err);
}

jp_status jpx_grave_level(jpx_desk *desk, const jpx_root_id *root, jp_error *err)
{
    uint8_t id[JPX_MARK_SIZE];
    jpx_bytes ids = {id, sizeof id};

    grave_id(id, root);
    return jpx_store_remove(desk->store, JPX_MARK, &ids, 1, err);
}

jp_status jpx_grave_look(jpx_desk *desk, const jpx_root_id *roots, size_t count, bool *buried, jp_error *err)
{
    jpx_bytes *ids = jpx_alloc_array(desk->arena, count + 1, sizeof *ids);
    jpx_record *found = jpx_alloc_array(desk->arena, count + 1, sizeof *found);

    for (size_t i = 0; i < count; i++) {
        uint8_t *id = jpx_alloc(desk->arena, JPX_MARK_SIZE);
        grave_id(id, &roots[i]);
        ids[i] = jpx_id(id, JPX_MARK_SIZE);
    }
    if (count && jpx_store_get(desk->store, JPX_MARK, ids, count, desk->arena, found, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++)
        buried[i] = found[i].doc.data != NULL;
    return JP_OK;
}

jp_status jpx_grave_dug(jpx_desk *desk, const jpx_root_id *root, int64_t *ms, jp_error *err)
{
    uint8_t id[JPX_MARK_SIZE];
    jpx_bytes ids = {id, sizeof id};
    jpx_record found;
    jpx_mark mark;

    *ms = 0;
    grave_id(id, root);
    if (jpx_store_get(desk->store, JPX_MARK, &ids, 1, desk->arena, &found, err) != JP_OK)
        return err->status;
    if (found.doc.data && jpx_mark_decode(found, desk->arena, &mark))
        *ms = mark.since_ms;
    return JP_OK;
}
