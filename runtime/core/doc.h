/* doc.h -- BSON in and out of arenas, and the corrections to libbson's JSON: what all encoders share. */
#ifndef JPX_DOC_H
#define JPX_DOC_H

#include "base/base.h"
#include <bson/bson.h>

jpx_bytes jpx_doc_take(bson_t *, jpx_arena *);   /* copies the bytes and destroys the bson_t */
bool jpx_doc_iter(jpx_bytes doc, bson_iter_t *); /* false: not BSON */
bool jpx_doc_find(jpx_bytes doc, const char *field, bson_iter_t *);
/* Is every element valid, and are the keys "0", "1", ...? A store would renumber others. */
bool jpx_doc_is_array(jpx_bytes doc);

/* A value document is {"v": value}. */
jpx_bytes jpx_value_of(const bson_iter_t *, jpx_arena *);
bool jpx_value_iter(jpx_bytes value_doc, bson_iter_t *);
void jpx_append_value(bson_t *, const char *name, jpx_bytes value_doc);

void jpx_append_id(bson_t *, const char *name, const void *id, size_t size);
/* False (NULL) if the element has another type or size: the record is damaged. */
bool jpx_iter_id(const bson_iter_t *, void *out, size_t size);
char *jpx_iter_text(const bson_iter_t *, jpx_arena *);
bool jpx_iter_u32(const bson_iter_t *, uint32_t *out);
size_t jpx_array_count(const bson_iter_t *array);

/* Makes libbson's JSON short, in place: no spaces between tokens, doubles with the fewest digits that read back as the
 * same double. Returns the new length. */
size_t jpx_json_compact(char *json);
/* Returns an error text if the JSON contains an integer that does not fit in 64 bits, else NULL. libbson would silently
 * truncate it. */
const char *jpx_json_beyond(const char *json, size_t size, jpx_arena *);

#endif
