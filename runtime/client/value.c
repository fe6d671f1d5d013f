/* value.c -- see value.h. libbson writes each value as the only member of a document, since it knows the JSON of every
 * type; the value is then cut out of that text. No I/O. */
#include "client/value.h"
#include "client/json.h"
#include <bson/bson.h>
#include <string.h>

static jp_status append(bson_t *doc, const jp_value *value, jp_error *err)
{
    bson_t inner;
    bool done = false;

    switch (value->type) {
    case JP_NULL:
        done = bson_append_null(doc, "v", 1);
        break;
    case JP_BOOL:
        done = bson_append_bool(doc, "v", 1, value->as.b);
        break;
    case JP_INT64:
        done = bson_append_int64(doc, "v", 1, value->as.i64);
        break;
    case JP_DOUBLE:
        done = bson_append_double(doc, "v", 1, value->as.f64);
        break;
    case JP_STRING:
        if (!bson_utf8_validate(value->as.str, strlen(value->as.str), false))
            return jpx_fail(err, JP_E_INVALID, "a string is not UTF-8");
        done = bson_append_utf8(doc, "v", 1, value->as.str, -1);
        break;
    case JP_DATETIME:
        done = bson_append_date_time(doc, "v", 1, value->as.i64);
        break;
    case JP_BINARY:
        if (value->as.bytes.size > JPX_VALUE_MAX)
            return jpx_fail(err, JP_E_TOO_LARGE, "a binary has %zu bytes; at most %d are allowed", value->as.bytes.size,
                            JPX_VALUE_MAX);
        done =
            bson_append_binary(doc, "v", 1, BSON_SUBTYPE_BINARY, value->as.bytes.data, (uint32_t)value->as.bytes.size);
        break;
    case JP_DOC:
    case JP_ARRAY:
        if (!value->as.doc.data || !bson_init_static(&inner, value->as.doc.data, value->as.doc.size) ||
            !bson_validate(&inner, BSON_VALIDATE_UTF8, NULL))
            return jpx_fail(err, JP_E_INVALID, "a document is not valid BSON");
        done =
            value->type == JP_DOC ? bson_append_document(doc, "v", 1, &inner) : bson_append_array(doc, "v", 1, &inner);
        break;
    case JP_LIST:
    case JP_FUTURE:
        return jpx_fail(err, JP_E_INVALID, "a %s exists only inside a body; pass its values instead",
                        value->type == JP_LIST ? "list" : "future");
    }
    return done ? JP_OK : jpx_fail(err, JP_E_TOO_LARGE, "a value is larger than a BSON document may be");
}

jp_status jpx_values_to_json(const jp_value *values, size_t count, jpx_arena *arena, const char **out, jp_error *err)
{
    jpx_text text = jpx_text_new(arena);
    jp_status status = JP_OK;

    jpx_text_puts(&text, "[");
    for (size_t i = 0; status == JP_OK && i < count; i++) {
        bson_t doc = BSON_INITIALIZER;
        const jpx_json *json = NULL;
        jp_error unseen;
        size_t size;
        if ((status = append(&doc, &values[i], err)) == JP_OK) {
            char *written = bson_as_relaxed_extended_json(&doc, &size);
            JPX_ASSERT(written != NULL);
            status = jpx_json_read((jpx_bytes){(uint8_t *)written, size}, arena, &json, &unseen);
            if (status == JP_OK) {
                jpx_text_puts(&text, i ? "," : "");
                jpx_json_put(&text, jpx_json_get(json, "v"));
            } else {
                jpx_fail(err, status = JP_E_INVALID, "a document is nested too deeply to be written as JSON");
            }
            bson_free(written);
        }
        bson_destroy(&doc);
    }
    jpx_text_puts(&text, "]");
    *out = text.s;
    return status;
}
