/* load.c -- records by key. Reads in bounded chunks; waits for the store. */
#include "engine/load.h"
#include <string.h>

jpx_bytes jpx_id(const void *data, size_t size)
{
    return (jpx_bytes){data, size};
}

jp_status jpx_load_records(jpx_session *session, jpx_table table, const jpx_bytes *ids, size_t count, jpx_record *out,
                           jp_error *err)
{
    for (size_t at = 0; at < count; at += JPX_READ_CHUNK) {
        size_t part = count - at < JPX_READ_CHUNK ? count - at : JPX_READ_CHUNK;
        if (jpx_store_get(session->store, table, ids + at, part, session->arena, out + at, err) != JP_OK)
            return err->status;
    }
    return JP_OK;
}

void jpx_log_damaged(jpx_session *session, const char *record, const jpx_key *key)
{
    jpx_log_pipeline(session, JPX_ERROR, "damaged record", key, NULL, 0, "record=%s", record);
}

jp_status jpx_load_pipelines(jpx_session *session, const jpx_key *keys, size_t count, jpx_pipeline **out, jp_error *err)
{
    jpx_bytes *ids = jpx_alloc_array(session->arena, count, sizeof *ids);
    jpx_record *found = jpx_alloc_array(session->arena, count, sizeof *found);

    for (size_t i = 0; i < count; i++)
        ids[i] = jpx_id(keys[i].b, JPX_PIPELINE_SIZE);
    if (jpx_load_records(session, JPX_TABLE_PIPELINE, ids, count, found, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        out[i] = NULL;
        if (!found[i].doc.data)
            continue;
        if (jpx_record_is_newer(found[i].doc))
            return jpx_newer_record(session, "pipeline", &keys[i], err);
        out[i] = jpx_alloc(session->arena, sizeof **out);
        if (!jpx_pipeline_decode(found[i].doc, session->arena, out[i])) {
            jpx_log_damaged(session, "pipeline", &keys[i]);
            out[i] = NULL;
        }
    }
    return JP_OK;
}

jp_status jpx_load_roots(jpx_session *session, const jpx_root_id *roots, size_t count, jpx_root **out, jp_error *err)
{
    jpx_bytes *ids = jpx_alloc_array(session->arena, count, sizeof *ids);
    jpx_record *found = jpx_alloc_array(session->arena, count, sizeof *found);

    for (size_t i = 0; i < count; i++)
        ids[i] = jpx_id(roots[i].b, JPX_ROOT_SIZE);
    if (jpx_load_records(session, JPX_TABLE_ROOT, ids, count, found, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        out[i] = NULL;
        if (!found[i].doc.data)
            continue;
        jpx_key key = jpx_key_root(roots[i]);
        if (jpx_record_is_newer(found[i].doc))
            return jpx_newer_record(session, "root", &key, err);
        out[i] = jpx_alloc(session->arena, sizeof **out);
        if (!jpx_root_decode(found[i].doc, session->arena, out[i])) {
            jpx_log_damaged(session, "root", &key);
            out[i] = NULL;
        }
    }
    return JP_OK;
}

/* ---- entries ---- */

/* Appends the rest of a journal to the entries that were read. */
static jp_status scan_entries(jpx_session *session, const jpx_key *key, jpx_journal *journal, jp_error *err)
{
    uint8_t lo[JPX_ENTRY_SIZE], hi[JPX_ENTRY_SIZE];
    jpx_records found;

    jpx_entry_id(hi, key, UINT32_MAX);
    for (;;) {
        jpx_entry_id(lo, key, journal->count);
        if (jpx_store_scan(session->store, JPX_TABLE_ENTRY, jpx_id(lo, sizeof lo), jpx_id(hi, sizeof hi),
                           JPX_SCAN_CHUNK, false, session->arena, &found, err) != JP_OK)
            return err->status;
        jpx_entry *entries = jpx_alloc_array(session->arena, journal->count + found.count, sizeof *entries);
        if (journal->count)
            memcpy(entries, journal->entries, journal->count * sizeof *entries);
        journal->entries = entries;
        for (size_t i = 0; i < found.count; i++) {
            jpx_entry *entry = &entries[journal->count];
            if (jpx_record_is_newer(found.items[i].doc))
                return jpx_newer_record(session, "entry", key, err);
            if (!jpx_entry_decode(found.items[i].doc, session->arena, entry) || entry->step != journal->count) {
                jpx_log_damaged(session, "entry", key);
                return JP_OK;
            }
            journal->count++;
        }
        if (found.count < JPX_SCAN_CHUNK)
            return JP_OK;
    }
}

jp_status jpx_load_entries(jpx_session *session, const jpx_key *keys, const uint32_t *upto, size_t count,
                           jpx_journal *out, jp_error *err)
{
    size_t total = 0, at = 0;

    /* Most journals are short: their first entries are read by id, all at once, and only the long ones are scanned. */
    for (size_t i = 0; i < count; i++)
        total += upto ? (upto[i] < 8 ? upto[i] + 1 : 1) : 2;
    jpx_bytes *ids = jpx_alloc_array(session->arena, total, sizeof *ids);
    jpx_record *found = jpx_alloc_array(session->arena, total, sizeof *found);
    for (size_t i = 0; i < count; i++) {
        uint32_t want = upto ? (upto[i] < 8 ? upto[i] + 1 : 1) : 2;
        for (uint32_t step = 0; step < want; step++) {
            uint8_t *id = jpx_alloc(session->arena, JPX_ENTRY_SIZE);
            jpx_entry_id(id, &keys[i], step);
            ids[at++] = jpx_id(id, JPX_ENTRY_SIZE);
        }
    }
    if (jpx_load_records(session, JPX_TABLE_ENTRY, ids, total, found, err) != JP_OK)
        return err->status;
    at = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t want = upto ? (upto[i] < 8 ? upto[i] + 1 : 1) : 2;
        jpx_journal *journal = &out[i];
        journal->count = 0;
        journal->entries = jpx_alloc_array(session->arena, want, sizeof *journal->entries);
        for (uint32_t step = 0; step < want; step++) {
            if (!found[at + step].doc.data || journal->count < step)
                continue;
            if (jpx_record_is_newer(found[at + step].doc))
                return jpx_newer_record(session, "entry", &keys[i], err);
            if (!jpx_entry_decode(found[at + step].doc, session->arena, &journal->entries[step])) {
                jpx_log_damaged(session, "entry", &keys[i]);
                continue;
            }
            journal->count++;
        }
        at += want;
        bool more = upto ? upto[i] >= 8 : journal->count == want;
        if (more && journal->count == want && scan_entries(session, &keys[i], journal, err) != JP_OK)
            return err->status;
    }
    return JP_OK;
}

/* All marks of one step of a pipeline, or of another key of that form. */
static jp_status scan_marks(jpx_session *session, const jpx_key *key, uint32_t step, jpx_records *found, jp_error *err)
{
    uint8_t entry[JPX_ENTRY_SIZE], lo[JPX_MARK_SIZE], hi[JPX_MARK_SIZE];

    jpx_entry_id(entry, key, step);
    jpx_id_bounds(lo, hi, sizeof lo, entry, entry, sizeof entry);
    return jpx_store_scan(session->store, JPX_TABLE_MARK, jpx_id(lo, sizeof lo), jpx_id(hi, sizeof hi), JPX_SCAN_CHUNK,
                          false, session->arena, found, err);
}

jp_status jpx_load_executions(jpx_session *session, const jpx_key *key, uint32_t step, jpx_execution **out,
                              size_t *count, jp_error *err)
{
    jpx_records found;

    *count = 0;
    if (scan_marks(session, key, step, &found, err) != JP_OK)
        return err->status;
    *out = jpx_alloc_array(session->arena, found.count, sizeof **out);
    for (size_t i = 0; i < found.count; i++)
        *count += jpx_execution_decode(found.items[i], session->arena, &(*out)[*count]);
    return JP_OK;
}

jp_status jpx_load_handouts(jpx_session *session, const jpx_key *generation, jpx_handout **out, size_t *count,
                            jp_error *err)
{
    jpx_records found;

    *count = 0;
    if (scan_marks(session, generation, 0, &found, err) != JP_OK)
        return err->status;
    *out = jpx_alloc_array(session->arena, found.count, sizeof **out);
    for (size_t i = 0; i < found.count; i++)
        *count += jpx_handout_decode(found.items[i], session->arena, &(*out)[*count]);
    return JP_OK;
}
