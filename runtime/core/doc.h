/* doc.h -- BSON in and out of arenas: what all record encoders share. */
#ifndef JPX_DOC_H
#define JPX_DOC_H

#include "base/base.h"
#include <bson/bson.h>

jpx_bytes jpx_doc_take(bson_t *, jpx_arena *);   /* copies the bytes and destroys the bson_t */
bool jpx_doc_iter(jpx_bytes doc, bson_iter_t *); /* false: not BSON */
bool jpx_doc_find(jpx_bytes doc, const char *field, bson_iter_t *);
/* BSON all through, and its keys are "0", "1", ...: a store would make something else of any others. */
bool jpx_doc_is_array(jpx_bytes doc);

/* Value documents are {"v": value}. */
jpx_bytes jpx_value_of(const bson_iter_t *, jpx_arena *);
bool jpx_value_iter(jpx_bytes value_doc, bson_iter_t *);
void jpx_append_value(bson_t *, const char *name, jpx_bytes value_doc);
jpx_bytes jpx_value_null(jpx_arena *);

void jpx_append_id(bson_t *, const char *name, const void *id, size_t size);
/* These are false (NULL) when the element is of another type or size: the record is damaged. */
bool jpx_iter_id(const bson_iter_t *, void *out, size_t size);
char *jpx_iter_text(const bson_iter_t *, jpx_arena *);
bool jpx_iter_u32(const bson_iter_t *, uint32_t *out);
size_t jpx_array_count(const bson_iter_t *array);

/* Removes the blanks that libbson puts between tokens, in place; returns the new length. */
size_t jpx_json_compact(char *json);
/* NULL, or what is wrong with a number in a JSON text that does not fit into 64 bits. libbson's parser takes those of
 * 20 digits and more for others, by what is left of them in 64 bits. */
const char *jpx_json_beyond(const char *json, size_t size, jpx_arena *);

#endif
