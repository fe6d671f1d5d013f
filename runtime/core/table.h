/* table.h -- the tables of the store, and a record: an id and its document. What stands in the documents is in
 * record.h; how they are kept is the store's business (store/store.h). */
#ifndef JPX_TABLE_H
#define JPX_TABLE_H

#include "base/base.h"

/* name (also the collection's), length of its ids in bytes */
#define JPX_TABLE_MAP(X)                                                                                               \
    X(ROOT, "root", 12)                                                                                                \
    X(PIPELINE, "pipeline", 24)                                                                                        \
    X(ENTRY, "entry", 28)                                                                                              \
    X(BARRIER, "barrier", 28)                                                                                          \
    X(TIMER, "timer", 36)                                                                                              \
    X(VALUE, "value", 36)                                                                                              \
    X(FILL, "fill", 32)                                                                                                \
    X(MARK, "mark", 36)

typedef enum jpx_table {
#define JPX_TABLE_ENUM_(name, text, size) JPX_TABLE_##name,
    JPX_TABLE_MAP(JPX_TABLE_ENUM_)
#undef JPX_TABLE_ENUM_
        JPX_TABLES
} jpx_table;

const char *jpx_table_name(jpx_table);
size_t jpx_table_id_size(jpx_table);

typedef struct jpx_record {
    jpx_bytes id;
    jpx_bytes doc; /* data is NULL where get() found nothing */
} jpx_record;

typedef struct jpx_records {
    jpx_record *items;
    size_t count;
} jpx_records;

/* Bits in one word of a barrier: the counters are words of a signed 64-bit integer, kept positive. */
enum { JPX_WORD_BITS = 63 };

#endif
