/* json.h -- reads JSON (RFC 8259, strictly) into a tree of nodes that point into the text. No recursion, no I/O.
 *
 * Why not libbson, with which the engine reads values: an answer of `tree` nests as deep as the pipelines, and libbson
 * stops at 100 levels. libbson accepts `1},{"x":2` as one value, so an argument could write members of the request
 * around it. And the client passes JSON on byte for byte, large numbers included: only the api judges values. */
#ifndef JPX_JSON_H
#define JPX_JSON_H

#include "base/text.h"

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
    const char *at; /* the text, at[0 .. size - 1]; not NUL-terminated */
    uint32_t size;
    jpx_json_type type;
    const char *name;      /* of a member of an object, decoded; else NULL   */
    const char *string;    /* STRING, decoded, with U+FFFD for NUL; else NULL */
    const jpx_json *first; /* ARRAY, OBJECT: the elements, in order          */
    const jpx_json *next;
};

/* `text` must outlive the nodes. JP_E_INVALID: the error names the place and what was expected there. JP_E_TOO_LARGE:
 * nested deeper than JPX_JSON_DEPTH_MAX. */
jp_status jpx_json_read(jpx_bytes text, jpx_arena *, const jpx_json **out, jp_error *err);

/* These accept NULL for a missing object, and return `otherwise` for a member that is missing or has another type, so
 * that answers of older and newer versions can be read. */
const jpx_json *jpx_json_get(const jpx_json *object, const char *name); /* NULL = none */
const char *jpx_json_string(const jpx_json *object, const char *name, const char *otherwise);
int64_t jpx_json_int(const jpx_json *object, const char *name, int64_t otherwise);
bool jpx_json_bool(const jpx_json *object, const char *name, bool otherwise);
bool jpx_json_is_int(const jpx_json *, int64_t *out);
size_t jpx_json_count(const jpx_json *);

/* The text of the node, without the blanks between its parts. */
void jpx_json_put(jpx_text *, const jpx_json *);

#endif
