/* write.h -- BSON written straight into an arena, and values read out of it. Everything that this library stores is
 * written here, so the rules about values hold everywhere: integers are int64, strings are valid UTF-8 without NUL, no
 * types but the nine of SEMANTICS 3.1, bounded depth.
 *
 * A writer whose `bad` is set goes on writing and keeps its first complaint; whoever made it looks at the end. */
#ifndef JPX_WRITE_H
#define JPX_WRITE_H

#include "base/base.h"
#include <bson/bson.h>

enum { JPX_DEPTH_MAX = 64 }; /* documents in documents; MongoDB takes 100, our records add a few */
#define JPX_TOO_LARGE_MEND "split it, or store it elsewhere and pass its name"

typedef struct jpx_writer {
    jpx_arena *arena;
    uint8_t *data;
    size_t size, cap;
    /* Why the value cannot be stored, and the mend: a clause without a subject, "holds text that is not UTF-8: make it
     * a binary"; NULL = fine. */
    const char *bad;
} jpx_writer;

/* The outermost document is begun and ended like every other, with key NULL. */
void jpx_writer_init(jpx_writer *, jpx_arena *);
size_t jpx_write_begin(jpx_writer *, bson_type_t document_or_array, const char *key);
void jpx_write_end(jpx_writer *, size_t begun);
jpx_bytes jpx_writer_bytes(const jpx_writer *); /* valid until the next write */

void jpx_write_null(jpx_writer *, const char *key);
void jpx_write_bool(jpx_writer *, const char *key, bool);
void jpx_write_int64(jpx_writer *, const char *key, int64_t);
void jpx_write_double(jpx_writer *, const char *key, double);
void jpx_write_string(jpx_writer *, const char *key, const char *);
void jpx_write_datetime(jpx_writer *, const char *key, int64_t ms);
void jpx_write_binary(jpx_writer *, const char *key, const void *data, size_t size);
/* A copy of an element, with its integers made int64 and the rules checked; depth 0 = outermost. */
void jpx_write_iter(jpx_writer *, const char *key, const bson_iter_t *, int depth);
/* A whole document or array given as bytes. */
void jpx_write_document(jpx_writer *, const char *key, bson_type_t, jpx_bytes);
/* Any value but a future or a list that holds one. */
void jpx_write_value(jpx_writer *, const char *key, jp_value);

/* "0", "1", ...; the text is in `out`. */
enum { JPX_INDEX_TEXT = 24 };
const char *jpx_index_text(char out[JPX_INDEX_TEXT], size_t i);

#endif
