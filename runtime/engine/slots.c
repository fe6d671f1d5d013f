/* slots.c -- slots with their values: through forwarded slots to the entry that has the value, and to the record of a
 * large one. Waits for the store. */
#include "engine/load.h"

typedef struct source { /* where a slot's value is */
    const jpx_out *out;
    const jpx_entry *forwarded_by; /* the entry that forwarded it */
} source;

static jp_status load_large(jpx_session *session, jpx_slot *slots, const source *sources, size_t count, jp_error *err)
{
    size_t n = 0;
    jpx_bytes *ids = jpx_alloc_array(session->arena, count, sizeof *ids);
    size_t *whose = jpx_alloc_array(session->arena, count, sizeof *whose);

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

/* The slot event of a fill may be handled after those of the end, or be lost. The value of an ended pipeline is stored
 * all the same: follow the forwarded slots down to the entry that has it. */
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

/* A forwarded slot: its record `fill` names the filler, and the filler's entry has the value. */
static jp_status load_forwarded(jpx_session *session, jpx_slot *slots, source *sources, const size_t *which,
                                size_t count, jp_error *err)
{
    jpx_bytes *ids = jpx_alloc_array(session->arena, count, sizeof *ids);
    jpx_record *found = jpx_alloc_array(session->arena, count, sizeof *found);
    jpx_fill *fills = jpx_alloc_array(session->arena, count, sizeof *fills);
    jpx_record *entries = jpx_alloc_array(session->arena, count, sizeof *entries);
    size_t *whose = jpx_alloc_array(session->arena, count, sizeof *whose);
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        uint8_t *id = jpx_alloc(session->arena, JPX_FILL_SIZE);
        jpx_fill_id(id, &slots[which[i]].key, slots[which[i]].name);
        ids[i] = jpx_id(id, JPX_FILL_SIZE);
    }
    if (jpx_load_records(session, JPX_TABLE_FILL, ids, count, found, err) != JP_OK)
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
            jpx_log_damaged(session, "fill", &slots[which[i]].key);
            continue;
        }
        uint8_t *id = jpx_alloc(session->arena, JPX_ENTRY_SIZE);
        jpx_entry_id(id, &fills[n].filler, fills[n].step);
        ids[n] = jpx_id(id, JPX_ENTRY_SIZE);
        whose[n++] = which[i];
    }
    if (jpx_load_records(session, JPX_TABLE_ENTRY, ids, n, entries, err) != JP_OK)
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
    jpx_key *keys = jpx_alloc_array(session->arena, count, sizeof *keys);
    uint32_t *upto = jpx_alloc_array(session->arena, count, sizeof *upto);
    jpx_journal *journals = jpx_alloc_array(session->arena, count, sizeof *journals);
    source *sources = jpx_alloc_array(session->arena, count, sizeof *sources);
    size_t *forwarded = jpx_alloc_array(session->arena, count, sizeof *forwarded);
    size_t forwarded_count = 0;

    for (size_t i = 0; i < count; i++)
        keys[i] = slots[i].key;
    /* Most pipelines end with their first entry, so only that one is read at first. */
    if (jpx_load_entries(session, keys, upto, count, journals, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        const jpx_entry *ending = jpx_journal_ending(&journals[i]);
        if (!ending && journals[i].count) {
            if (jpx_load_entries(session, &keys[i], NULL, 1, &journals[i], err) != JP_OK)
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
