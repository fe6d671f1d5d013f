/* record_mark.c -- the four kinds of records in the table `mark`. Release 0.1 wrote no `kind`: the key of such a record
 * says what it is, and a handout differs from an execution by the field `by`. Pure. */
#include "core/record.h"
#include <string.h>

static bson_t begin_mark(const uint8_t id[JPX_MARK_SIZE], const char *kind, int64_t since_ms, const char *worker)
{
    bson_t doc = BSON_INITIALIZER;

    jpx_append_id(&doc, "_id", id, JPX_MARK_SIZE);
    bson_append_utf8(&doc, "kind", 4, kind, -1);
    bson_append_date_time(&doc, "since", 5, since_ms);
    bson_append_utf8(&doc, "worker", 6, worker, -1);
    return doc;
}

static jpx_record end_mark(const uint8_t id[JPX_MARK_SIZE], bson_t *doc, jpx_arena *arena)
{
    return (jpx_record){jpx_copy(arena, id, JPX_MARK_SIZE), jpx_doc_take(doc, arena)};
}

/* Reads the fields of all kinds. False: the record is of another kind, or damaged. */
static bool read_mark(jpx_record record, const char *kind, int64_t *since_ms, const char **worker, jpx_arena *arena)
{
    bson_iter_t iter;

    if (record.id.size != JPX_MARK_SIZE)
        return false;
    if (jpx_doc_find(record.doc, "kind", &iter) &&
        !(BSON_ITER_HOLDS_UTF8(&iter) && strcmp(bson_iter_utf8(&iter, NULL), kind) == 0))
        return false;
    *since_ms = jpx_doc_find(record.doc, "since", &iter) ? bson_iter_date_time(&iter) : 0;
    *worker = jpx_doc_find(record.doc, "worker", &iter) ? jpx_iter_text(&iter, arena) : NULL;
    return *worker != NULL;
}

/* ---- executions ---- */

jpx_record jpx_execution_encode(const jpx_execution *e, const uint8_t tail[8], jpx_arena *arena)
{
    uint8_t id[JPX_MARK_SIZE];

    jpx_tail_id(id, &e->key, e->step, tail);
    bson_t doc = begin_mark(id, "execution", e->since_ms, e->worker);
    if (e->seen_ms)
        bson_append_date_time(&doc, "seen", 4, e->seen_ms);
    if (e->ticketed)
        jpx_append_id(&doc, "token", e->token_hash, sizeof e->token_hash);
    if (e->begins)
        bson_append_bool(&doc, "begins", 6, true);
    return end_mark(id, &doc, arena);
}

bool jpx_execution_decode(jpx_record record, jpx_arena *arena, jpx_execution *e)
{
    bson_iter_t iter;

    *e = (jpx_execution){0};
    if (!read_mark(record, "execution", &e->since_ms, &e->worker, arena) || jpx_doc_find(record.doc, "by", &iter))
        return false;
    memcpy(e->key.b, record.id.data, JPX_PIPELINE_SIZE);
    e->step = jpx_get32(record.id.data + JPX_PIPELINE_SIZE);
    e->seen_ms = jpx_doc_find(record.doc, "seen", &iter) ? bson_iter_date_time(&iter) : 0;
    e->begins = jpx_doc_find(record.doc, "begins", &iter);
    e->ticketed = jpx_doc_find(record.doc, "token", &iter) && jpx_iter_id(&iter, e->token_hash, sizeof e->token_hash);
    return true;
}

/* ---- handouts ---- */

jpx_record jpx_handout_encode(const jpx_handout *h, const uint8_t tail[8], jpx_arena *arena)
{
    uint8_t id[JPX_MARK_SIZE], by[JPX_ENTRY_SIZE];

    jpx_tail_id(id, &h->generation, 0, tail);
    jpx_entry_id(by, &h->by, h->by_step);
    bson_t doc = begin_mark(id, "handout", h->since_ms, h->worker);
    jpx_append_id(&doc, "by", by, sizeof by);
    return end_mark(id, &doc, arena);
}

bool jpx_handout_decode(jpx_record record, jpx_arena *arena, jpx_handout *h)
{
    uint8_t by[JPX_ENTRY_SIZE];
    bson_iter_t iter;

    *h = (jpx_handout){0};
    if (!read_mark(record, "handout", &h->since_ms, &h->worker, arena) || !jpx_doc_find(record.doc, "by", &iter) ||
        !jpx_iter_id(&iter, by, sizeof by))
        return false;
    memcpy(h->generation.b, record.id.data, JPX_PIPELINE_SIZE);
    memcpy(h->by.b, by, JPX_PIPELINE_SIZE);
    h->by_step = jpx_get32(by + JPX_PIPELINE_SIZE);
    return true;
}

/* ---- tombstones ---- */

void jpx_tombstone_id(uint8_t out[JPX_MARK_SIZE], const jpx_root_id *root)
{
    memset(out, 0, JPX_MARK_SIZE);
    for (size_t i = 0; i < JPX_ROOT_SIZE; i++)
        out[i] = (uint8_t)~root->b[i];
}

jpx_record jpx_tombstone_encode(const jpx_root_id *root, int64_t since_ms, jpx_arena *arena)
{
    uint8_t id[JPX_MARK_SIZE];

    jpx_tombstone_id(id, root);
    bson_t doc = begin_mark(id, "tombstone", since_ms, "cleanup");
    return end_mark(id, &doc, arena);
}

bool jpx_tombstone_decode(jpx_record record, jpx_arena *arena, int64_t *since_ms)
{
    const char *worker;
    return read_mark(record, "tombstone", since_ms, &worker, arena);
}

/* ---- streams ---- */

jpx_record jpx_stream_mark_encode(int64_t created_ns, int64_t since_ms, jpx_arena *arena)
{
    static const jpx_key nowhere;
    uint8_t id[JPX_MARK_SIZE], tail[8];

    jpx_put64(tail, (uint64_t)created_ns);
    jpx_tail_id(id, &nowhere, 0, tail);
    bson_t doc = begin_mark(id, "stream", since_ms, "streams");
    return end_mark(id, &doc, arena);
}
