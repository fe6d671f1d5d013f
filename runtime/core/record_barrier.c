/* record_barrier.c -- the records of a barrier: one counter, or a tree of parts and a top. Pure. */
#include "core/record.h"

jpx_key jpx_finish_key(jpx_root_id root, const uint8_t gen[JPX_GEN_SIZE])
{
    return jpx_key_make(root, gen, JPX_FINISH_INDEX);
}

uint32_t jpx_barrier_top_bits(uint32_t bits)
{
    return bits <= JPX_PART_BITS ? bits : (bits + JPX_PART_BITS - 1) / JPX_PART_BITS;
}

uint32_t jpx_barrier_part(uint32_t bits, uint32_t bit, uint32_t *bit_in_part)
{
    if (bits <= JPX_PART_BITS) {
        *bit_in_part = bit;
        return JPX_TOP_PART;
    }
    *bit_in_part = bit % JPX_PART_BITS;
    return bit / JPX_PART_BITS;
}

static jpx_record barrier_record(const jpx_key *at, uint32_t part, const jpx_key *of, uint32_t bits, jpx_arena *arena)
{
    bson_t doc = BSON_INITIALIZER, words;
    uint8_t id[JPX_BARRIER_SIZE];
    char name[16];
    const char *key;

    JPX_ASSERT(bits <= JPX_PART_BITS);
    jpx_barrier_id(id, at, part);
    jpx_append_id(&doc, "_id", id, sizeof id);
    jpx_append_id(&doc, "of", of->b, JPX_PIPELINE_SIZE);
    bson_append_int64(&doc, "left", 4, bits);
    bson_append_bool(&doc, "aborted", 7, false);
    bson_append_document_begin(&doc, "w", 1, &words);
    for (uint32_t i = 0; i * JPX_WORD_BITS < bits; i++) {
        size_t size = bson_uint32_to_string(i, &key, name, sizeof name);
        bson_append_int64(&words, key, (int)size, 0);
    }
    bson_append_document_end(&doc, &words);
    return (jpx_record){jpx_copy(arena, id, sizeof id), jpx_doc_take(&doc, arena)};
}

void jpx_barrier_records(const jpx_key *at, const jpx_key *of, uint32_t bits, jpx_arena *arena, jpx_records *records)
{
    if (bits > JPX_PART_BITS)
        for (uint32_t part = 0; part * JPX_PART_BITS < bits; part++) {
            uint32_t rest = bits - part * JPX_PART_BITS;
            jpx_record record = barrier_record(at, part, of, rest < JPX_PART_BITS ? rest : JPX_PART_BITS, arena);
            JPX_PUSH(arena, records->items, records->count, records->cap) = record;
        }
    jpx_record top = barrier_record(at, JPX_TOP_PART, of, jpx_barrier_top_bits(bits), arena);
    JPX_PUSH(arena, records->items, records->count, records->cap) = top;
}

bool jpx_barrier_decode(jpx_bytes doc, jpx_barrier *barrier)
{
    bson_iter_t iter;

    *barrier = (jpx_barrier){0};
    if (!jpx_doc_find(doc, "of", &iter) || !jpx_iter_id(&iter, barrier->of.b, JPX_PIPELINE_SIZE))
        return false;
    if (!jpx_doc_find(doc, "left", &iter) || !BSON_ITER_HOLDS_INT(&iter))
        return false;
    barrier->left = bson_iter_as_int64(&iter);
    barrier->aborted = jpx_doc_find(doc, "aborted", &iter) && bson_iter_as_bool(&iter);
    return true;
}
