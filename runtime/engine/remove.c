/* remove.c -- removes all records of a root, children of failed attempts included: one range in each table. The root
 * itself goes last, so that a removal that was cut is found again. */
#include "engine/load.h"
#include "engine/root.h"

jp_status jpx_remove_root(jpx_session *session, const jpx_root_id *root, size_t *budget, bool *done, jp_error *err)
{
    static const jpx_table tables[] = {JPX_TABLE_PIPELINE, JPX_TABLE_ENTRY, JPX_TABLE_BARRIER,
                                       JPX_TABLE_VALUE,    JPX_TABLE_FILL,  JPX_TABLE_MARK};
    jpx_bytes id = jpx_id(root->b, JPX_ROOT_SIZE);
    size_t removed = 0;

    *done = false;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        uint8_t lo[JPX_VALUE_SIZE], hi[JPX_VALUE_SIZE];
        size_t size = jpx_table_id_size(tables[t]);
        jpx_id_bounds(lo, hi, size, root->b, root->b, JPX_ROOT_SIZE);
        if (jpx_store_remove_range(session->store, tables[t], jpx_id(lo, size), jpx_id(hi, size), *budget, &removed,
                                   err) != JP_OK)
            return err->status;
        *budget -= removed < *budget ? removed : *budget;
        if (*budget == 0)
            return JP_OK;
    }
    *done = true;
    return jpx_store_remove(session->store, JPX_TABLE_ROOT, &id, 1, err);
}
