/* table.h -- the tables of the store, and what all records are: an id and a document. record.h has the fields of the
 * documents; store/store.h is about keeping them. */
#ifndef JPX_TABLE_H
#define JPX_TABLE_H

#include "base/base.h"

/* name of the table or collection, length of its ids in bytes */
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
    jpx_bytes doc; /* data is NULL if jpx_store_get() found none */
} jpx_record;

typedef struct jpx_records {
    jpx_record *items;
    size_t count, cap; /* cap: of JPX_PUSH */
} jpx_records;

/* Bits in one word of a barrier: an int64 that is never negative. */
enum { JPX_WORD_BITS = 63 };

#endif
