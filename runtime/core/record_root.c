/* record_root.c -- the record of a root. The stores update it, so fields may come in any order. Pure. */
#include "core/record.h"
#include <string.h>

jpx_record jpx_root_encode(const jpx_root *root, jpx_arena *arena)
{
    bson_t doc = BSON_INITIALIZER;

    jpx_append_id(&doc, "_id", root->id.b, JPX_ROOT_SIZE);
    bson_append_int32(&doc, "v", 1, JPX_RECORD_WRITTEN);
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
            good = jpx_record_version_is_read(&iter);
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
