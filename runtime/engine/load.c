/* load.c -- records by key, and slots with their values. Reads in bounded chunks; blocks on the store. */
#include "engine/engine.h"
#include <string.h>

jpx_bytes jpx_id(const void *data, size_t size)
{
    return (jpx_bytes){data, size};
}

/* get() in chunks. */
static jp_status get_all(jpx_session *session, jpx_table table, const jpx_bytes *ids, size_t count, jpx_record *out,
                         jp_error *err)
{
    for (size_t at = 0; at < count; at += JPX_READ_CHUNK) {
        size_t part = count - at < JPX_READ_CHUNK ? count - at : JPX_READ_CHUNK;
        if (jpx_store_get(session->store, table, ids + at, part, session->arena, out + at, err) != JP_OK)
            return err->status;
    }
    return JP_OK;
}

static void damaged(jpx_session *session, const char *what, const jpx_key *key)
{
    char root[JPX_ROOT_TEXT], text[JPX_KEY_TEXT];
    jpx_root_id id = jpx_key_root_id(key);
    jpx_log(session->env, JPX_ERROR, "damaged record", "record=%s root=%s pipeline=%s", what, jpx_root_text(root, &id),
            jpx_key_text(text, key));
}

jp_status jpx_load_pipelines(jpx_session *session, const jpx_key *keys, size_t count, jpx_pipeline **out, jp_error *err)
{
    jpx_bytes *ids = jpx_alloc_array(session->arena, count + 1, sizeof *ids);
    jpx_record *found = jpx_alloc_array(session->arena, count + 1, sizeof *found);

    for (size_t i = 0; i < count; i++)
        ids[i] = jpx_id(keys[i].b, JPX_PIPELINE_SIZE);
    if (get_all(session, JPX_TABLE_PIPELINE, ids, count, found, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        out[i] = NULL;
        if (!found[i].doc.data)
            continue;
        if (jpx_record_is_newer(found[i].doc))
            return jpx_newer_record(session, "pipeline", &keys[i], err);
        out[i] = jpx_alloc(session->arena, sizeof **out);
        if (!jpx_pipeline_decode(found[i].doc, session->arena, out[i])) {
            damaged(session, "pipeline", &keys[i]);
            out[i] = NULL;
        }
    }
    return JP_OK;
}

jp_status jpx_load_roots(jpx_session *session, const jpx_root_id *roots, size_t count, jpx_root **out, jp_error *err)
{
    jpx_bytes *ids = jpx_alloc_array(session->arena, count + 1, sizeof *ids);
    jpx_record *found = jpx_alloc_array(session->arena, count + 1, sizeof *found);

    for (size_t i = 0; i < count; i++)
        ids[i] = jpx_id(roots[i].b, JPX_ROOT_SIZE);
    if (get_all(session, JPX_TABLE_ROOT, ids, count, found, err) != JP_OK)
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
            damaged(session, "root", &key);
            out[i] = NULL;
        }
    }
    return JP_OK;
}

/* ---- entries ---- */

/* The rest of a journal, from step `from` on, appended to what is there. */
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
        jpx_entry *entries = jpx_alloc_array(session->arena, journal->count + found.count + 1, sizeof *entries);
        if (journal->count)
            memcpy(entries, journal->entries, journal->count * sizeof *entries);
        journal->entries = entries;
        for (size_t i = 0; i < found.count; i++) {
            jpx_entry *entry = &entries[journal->count];
            if (jpx_record_is_newer(found.items[i].doc))
                return jpx_newer_record(session, "entry", key, err);
            if (!jpx_entry_decode(found.items[i].doc, session->arena, entry) || entry->step != journal->count) {
                damaged(session, "entry", key);
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

    /* Most journals are short: ask for their first entries by id, all in one read, and scan only the long ones. */
    for (size_t i = 0; i < count; i++)
        total += upto ? (upto[i] < 8 ? upto[i] + 1 : 1) : 2;
    jpx_bytes *ids = jpx_alloc_array(session->arena, total + 1, sizeof *ids);
    jpx_record *found = jpx_alloc_array(session->arena, total + 1, sizeof *found);
    for (size_t i = 0; i < count; i++) {
        uint32_t want = upto ? (upto[i] < 8 ? upto[i] + 1 : 1) : 2;
        for (uint32_t step = 0; step < want; step++) {
            uint8_t *id = jpx_alloc(session->arena, JPX_ENTRY_SIZE);
            jpx_entry_id(id, &keys[i], step);
            ids[at++] = jpx_id(id, JPX_ENTRY_SIZE);
        }
    }
    if (get_all(session, JPX_TABLE_ENTRY, ids, total, found, err) != JP_OK)
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
                damaged(session, "entry", &keys[i]);
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

/* ---- slots ---- */

typedef struct source { /* where a slot's value stands */
    const jpx_out *out;
    const jpx_entry *forwarded_by; /* the entry that handed it on */
} source;

static jp_status load_large(jpx_session *session, jpx_slot *slots, const source *sources, size_t count, jp_error *err)
{
    size_t n = 0;
    jpx_bytes *ids = jpx_alloc_array(session->arena, count + 1, sizeof *ids);
    size_t *whose = jpx_alloc_array(session->arena, count + 1, sizeof *whose);

    for (size_t i = 0; i < count; i++)
        if (sources[i].out && sources[i].out->large) {
            whose[n] = i;
            ids[n++] = jpx_id(sources[i].out->large_id, JPX_VALUE_SIZE);
        }
    for (size_t i = 0; i < n; i++) { /* one at a time: each may be 8 MiB */
        jpx_record found;
        bson_iter_t iter;
        if (jpx_store_get(session->store, JPX_TABLE_VALUE, &ids[i], 1, session->arena, &found, err) != JP_OK)
            return err->status;
        if (found.doc.data && jpx_doc_find(found.doc, "v", &iter)) {
            slots[whose[i]].value = jpx_value_of(&iter, session->arena);
            slots[whose[i]].filled = true;
        }
    }
    return JP_OK;
}

/* The event that tells of a fill may be handled after those that tell of the end, or be lost. The value of what has
 * ended is there all the same: down the handed slots, to the entry that has it. */
static jp_status chase(jpx_session *session, jpx_slot *slot, const jpx_out *out, const uint8_t gen[JPX_GEN_SIZE],
                       source *found, jp_error *err)
{
    while (out && out->forwarded) {
        jpx_key key = jpx_key_make(jpx_key_root_id(&slot->key), gen, out->child);
        jpx_journal journal;
        if (jpx_load_entries(session, &key, NULL, 1, &journal, err) != JP_OK)
            return err->status;
        const jpx_entry *ending = jpx_journal_ending(&journal);
        out = ending ? jpx_entry_out(ending, out->child_slot) : NULL;
        if (!out)
            return JP_OK;
        gen = ending->gen;
        slot->filler = key;
        slot->filler_step = ending->step;
    }
    found->out = out;
    return JP_OK;
}

/* Slots that were handed on: the fill names the filler, the filler's entry has the value. */
static jp_status load_forwarded(jpx_session *session, jpx_slot *slots, source *sources, const size_t *which,
                                size_t count, jp_error *err)
{
    jpx_bytes *ids = jpx_alloc_array(session->arena, count + 1, sizeof *ids);
    jpx_record *found = jpx_alloc_array(session->arena, count + 1, sizeof *found);
    jpx_fill *fills = jpx_alloc_array(session->arena, count + 1, sizeof *fills);
    jpx_record *entries = jpx_alloc_array(session->arena, count + 1, sizeof *entries);
    size_t *whose = jpx_alloc_array(session->arena, count + 1, sizeof *whose);
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        uint8_t *id = jpx_alloc(session->arena, JPX_FILL_SIZE);
        jpx_fill_id(id, &slots[which[i]].key, slots[which[i]].name);
        ids[i] = jpx_id(id, JPX_FILL_SIZE);
    }
    if (get_all(session, JPX_TABLE_FILL, ids, count, found, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        const jpx_entry *from = sources[which[i]].forwarded_by;
        if (!found[i].doc.data) {
            if (slots[which[i]].ended && chase(session, &slots[which[i]], jpx_entry_out(from, slots[which[i]].name),
                                               from->gen, &sources[which[i]], err) != JP_OK)
                return err->status;
            continue;
        }
        if (!jpx_fill_decode(found[i].doc, session->arena, &fills[n])) {
            damaged(session, "fill", &slots[which[i]].key);
            continue;
        }
        uint8_t *id = jpx_alloc(session->arena, JPX_ENTRY_SIZE);
        jpx_entry_id(id, &fills[n].filler, fills[n].step);
        ids[n] = jpx_id(id, JPX_ENTRY_SIZE);
        whose[n++] = which[i];
    }
    if (get_all(session, JPX_TABLE_ENTRY, ids, n, entries, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < n; i++) {
        jpx_entry *entry = jpx_alloc(session->arena, sizeof *entry);
        if (!entries[i].doc.data || !jpx_entry_decode(entries[i].doc, session->arena, entry))
            continue;
        jpx_slot *slot = &slots[whose[i]];
        sources[whose[i]].out = jpx_entry_out(entry, fills[i].filler_slot);
        slot->filler = fills[i].filler;
        slot->filler_step = fills[i].step;
    }
    return JP_OK;
}

jp_status jpx_load_slots(jpx_session *session, jpx_slot *slots, size_t count, bool with_values, jp_error *err)
{
    jpx_key *keys = jpx_alloc_array(session->arena, count + 1, sizeof *keys);
    uint32_t *upto = jpx_alloc_array(session->arena, count + 1, sizeof *upto);
    jpx_journal *journals = jpx_alloc_array(session->arena, count + 1, sizeof *journals);
    source *sources = jpx_alloc_array(session->arena, count + 1, sizeof *sources);
    size_t *forwarded = jpx_alloc_array(session->arena, count + 1, sizeof *forwarded);
    size_t forwarded_count = 0;

    for (size_t i = 0; i < count; i++)
        keys[i] = slots[i].key;
    /* First attempts that ended at once are the rule: their first entry is all there is to read. */
    if (jpx_load_entries(session, keys, upto, count, journals, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        const jpx_entry *ending = jpx_journal_ending(&journals[i]);
        if (!ending && journals[i].count) {
            if (scan_entries(session, &keys[i], &journals[i], err) != JP_OK)
                return err->status;
            ending = jpx_journal_ending(&journals[i]);
        }
        const jpx_out *out = ending ? jpx_entry_out(ending, slots[i].name) : NULL;
        if (!out)
            continue;
        sources[i].out = out;
        slots[i].filler = slots[i].key;
        slots[i].filler_step = ending->step;
        if (out->forwarded) {
            sources[i] = (source){.forwarded_by = ending};
            forwarded[forwarded_count++] = i;
        }
    }
    if (forwarded_count && load_forwarded(session, slots, sources, forwarded, forwarded_count, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++)
        if (sources[i].out && !sources[i].out->forwarded) {
            slots[i].filled = !sources[i].out->large || !with_values;
            slots[i].value = sources[i].out->value;
        }
    return with_values ? load_large(session, slots, sources, count, err) : JP_OK;
}

jp_status jpx_load_value(jpx_session *session, const uint8_t id[JPX_VALUE_SIZE], jpx_bytes *value, jp_error *err)
{
    jpx_bytes ids = jpx_id(id, JPX_VALUE_SIZE);
    jpx_record found;
    bson_iter_t iter;

    if (jpx_store_get(session->store, JPX_TABLE_VALUE, &ids, 1, session->arena, &found, err) != JP_OK)
        return err->status;
    if (!found.doc.data || !jpx_doc_find(found.doc, "v", &iter))
        return jpx_fail(err, JP_E_DAMAGED, "a large value is missing from the store");
    *value = jpx_value_of(&iter, session->arena);
    return JP_OK;
}
