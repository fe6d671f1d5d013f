/* json.h -- reads JSON (RFC 8259, strictly) into a tree of nodes that point into the text.
 *
 * Why not libbson, which the engine reads values with: an answer of `tree` nests as deep as the
 * pipelines do, and libbson ends at 100 levels; it takes `1},{"x":2` for the inside of one object, which
 * would let an argument write members of the request around it; and what people wrote is passed on
 * here byte for byte, big numbers included, so that the api alone judges values. No recursion. */
#ifndef JPX_JSON_H
#define JPX_JSON_H

#include "client/text.h"

enum { JPX_JSON_DEPTH_MAX = 10000 };

typedef enum jpx_json_type {
    JPX_JSON_NULL,
    JPX_JSON_BOOL,
    JPX_JSON_NUMBER,
    JPX_JSON_STRING,
    JPX_JSON_ARRAY,
    JPX_JSON_OBJECT
} jpx_json_type;

typedef struct jpx_json jpx_json;
struct jpx_json {
    const char *at; /* as it came: at[0 .. size - 1]; not NUL-terminated */
    uint32_t size;
    jpx_json_type type;
    const char *name;      /* of a member of an object, decoded; else NULL */
    const char *string;    /* STRING, decoded; a NUL in it is shown as U+FFFD; else NULL */
    const jpx_json *first; /* ARRAY, OBJECT: the elements, in order */
    const jpx_json *next;
};

/* `text` must live as long as the nodes. JP_E_INVALID tells the place and what was expected there. */
jp_status jpx_json_read(jpx_bytes text, jpx_arena *, const jpx_json **out, jp_error *err);

/* The readers below take NULL for a missing object and answer `otherwise` for a missing member or one
 * of another type: answers of newer and older versions are read with them. */
const jpx_json *jpx_json_get(const jpx_json *object, const char *name); /* NULL = none */
const char *jpx_json_string(const jpx_json *object, const char *name, const char *otherwise);
int64_t jpx_json_int(const jpx_json *object, const char *name, int64_t otherwise);
bool jpx_json_bool(const jpx_json *object, const char *name, bool otherwise);
bool jpx_json_is_int(const jpx_json *, int64_t *out);
size_t jpx_json_count(const jpx_json *);

/* The node as it came, without the blanks between its parts. */
void jpx_json_put(jpx_text *, const jpx_json *);

#endif
