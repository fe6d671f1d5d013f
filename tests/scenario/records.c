#include "records.h"

static jpx_records all(kit *k, jpx_table table)
{
    static const uint8_t low[64];
    uint8_t high[64];
    size_t size = jpx_table_id_size(table);
    jpx_records found = {0};
    jp_error err;

    memset(high, 0xff, sizeof high);
    ck_assert_msg(jpx_store_scan(jpx_local_store(k->local), table, (jpx_bytes){low, size}, (jpx_bytes){high, size},
                                 1000000, false, k->arena, &found, &err) == JP_OK,
                  "%s", err.text);
    return found;
}

size_t kit_records(kit *k, jpx_table table)
{
    return all(k, table).count;
}

static size_t look_for(kit *k, const char *pipe, size_t which, jpx_pipeline *out)
{
    jpx_records found = all(k, JPX_TABLE_PIPELINE);
    size_t count = 0;

    for (size_t i = 0; i < found.count; i++) {
        jpx_pipeline one;
        ck_assert(jpx_pipeline_decode(found.items[i].doc, k->arena, &one));
        if (strcmp(one.pipe, pipe) == 0 && count++ == which)
            *out = one;
    }
    return count;
}

size_t kit_pipelines_of(kit *k, const char *pipe)
{
    jpx_pipeline ignored;
    return look_for(k, pipe, SIZE_MAX, &ignored);
}

const jpx_pipeline *kit_pipeline_of(kit *k, const char *pipe, size_t which)
{
    jpx_pipeline *out = jpx_alloc(k->arena, sizeof *out);
    size_t count = look_for(k, pipe, which, out);

    ck_assert_msg(which < count, "%s: %zu pipelines of %s, number %zu was asked for", k->ground, count, pipe, which);
    return out;
}

static const jpx_pipeline *load(kit *k, const jpx_key *key)
{
    jpx_bytes id = {key->b, sizeof key->b};
    jpx_record record;
    jp_error err;
    jpx_pipeline *out = jpx_alloc(k->arena, sizeof *out);

    ck_assert_msg(jpx_store_get(jpx_local_store(k->local), JPX_TABLE_PIPELINE, &id, 1, k->arena, &record, &err) ==
                      JP_OK,
                  "%s", err.text);
    ck_assert(record.doc.data && jpx_pipeline_decode(record.doc, k->arena, out));
    return out;
}

const jpx_pipeline *kit_pipeline_of_root(kit *k, const char *key)
{
    jpx_key of = jpx_key_root(kit_root_of(k, key).id);
    return load(k, &of);
}

const jpx_pipeline *kit_child_of_root(kit *k, const char *key, uint32_t child)
{
    jpx_journal found = kit_journal_of(k, kit_pipeline_of_root(k, key));
    const jpx_entry *planned = jpx_journal_find(&found, JPX_ENTRY_PLANNED);

    ck_assert_msg(planned && child < planned->children, "%s: root %s has no child %u", k->ground, key, child);
    jpx_key of = jpx_key_make(kit_root_of(k, key).id, planned->gen, child);
    return load(k, &of);
}

jpx_journal kit_journal_of(kit *k, const jpx_pipeline *p)
{
    uint8_t lo[JPX_ENTRY_SIZE], hi[JPX_ENTRY_SIZE];
    jpx_records found = {0};
    jp_error err;

    jpx_entry_id(lo, &p->key, 0);
    jpx_entry_id(hi, &p->key, UINT32_MAX);
    ck_assert_msg(jpx_store_scan(jpx_local_store(k->local), JPX_TABLE_ENTRY, (jpx_bytes){lo, sizeof lo},
                                 (jpx_bytes){hi, sizeof hi}, 10000, false, k->arena, &found, &err) == JP_OK,
                  "%s", err.text);
    jpx_entry *entries = jpx_alloc_array(k->arena, found.count + 1, sizeof *entries);
    for (size_t i = 0; i < found.count; i++)
        ck_assert(jpx_entry_decode(found.items[i].doc, k->arena, &entries[i]));
    return (jpx_journal){.pipeline = p, .entries = entries, .count = (uint32_t)found.count};
}

const char *kit_steps_of(kit *k, const jpx_pipeline *p)
{
    jpx_journal found = kit_journal_of(k, p);
    const char *out = "";

    for (uint32_t i = 0; i < found.count; i++)
        out = jpx_format(k->arena, "%s%s%s", out, i ? " " : "", jpx_entry_text(found.entries[i].kind));
    return out;
}

jpx_root kit_root_of(kit *k, const char *key)
{
    jpx_record record;
    jpx_root root;
    jp_error err;

    ck_assert_msg(jpx_store_root_by_key(jpx_local_store(k->local), key, k->arena, &record, &err) == JP_OK, "%s",
                  err.text);
    ck_assert_msg(record.doc.data != NULL, "%s: no root has the key %s", k->ground, key);
    ck_assert(jpx_root_decode(record.doc, k->arena, &root));
    return root;
}

void kit_send_run(kit *k, const jpx_pipeline *p, uint32_t step, bool due)
{
    jpx_run_event event = {.key = p->key, .step = step, .due = due};
    jpx_message message = {
        .subject = jpx_format(k->arena, "%s.run.%s.%s", k->prefix, p->queue ? p->queue : "default", p->pipe),
        .data = jpx_run_event_encode(&event, p->pipe, kit_now(k), k->arena)};
    jp_error err;
    ck_assert_msg(jpx_bus_publish(jpx_local_bus(k->local), &message, 1, 5000, &err) == JP_OK, "%s", err.text);
}
