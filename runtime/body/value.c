/* value.c -- jp_value: made of C values, read out of BSON, named in messages. No state. */
#include "body/context.h"
#include <string.h>

jp_value jp_v_null(void)
{
    return (jp_value){.type = JP_NULL};
}

jp_value jp_v_bool(bool b)
{
    return (jp_value){.type = JP_BOOL, .as.b = b};
}

jp_value jp_v_int64(int64_t i64)
{
    return (jp_value){.type = JP_INT64, .as.i64 = i64};
}

jp_value jp_v_double(double f64)
{
    return (jp_value){.type = JP_DOUBLE, .as.f64 = f64};
}

jp_value jp_v_string(const char *str)
{
    return str ? (jp_value){.type = JP_STRING, .as.str = str} : jp_v_null();
}

jp_value jp_v_datetime(int64_t ms)
{
    return (jp_value){.type = JP_DATETIME, .as.i64 = ms};
}

jp_value jp_v_binary(const void *data, size_t size)
{
    return jp_v_bytes((jp_bytes){data, size});
}

jp_value jp_v_bytes(jp_bytes bytes)
{
    return (jp_value){.type = JP_BINARY, .as.bytes = bytes};
}

jp_value jp_v_doc(jp_doc doc)
{
    return (jp_value){.type = JP_DOC, .as.doc = doc};
}

jp_value jp_v_list(const jp_list *list)
{
    return list ? (jp_value){.type = JP_LIST, .as.list = list} : jp_v_null();
}

jp_value jp_v_future(jp_future future)
{
    return (jp_value){.type = JP_FUTURE, .as.future = future};
}

jp_value jp_v_value(jp_value value)
{
    return value;
}

bool jpx_value_read(const bson_iter_t *iter, jp_value *out)
{
    *out = jp_v_null();
    switch ((int)bson_iter_type(iter)) {
    case BSON_TYPE_NULL:
        return true;
    case BSON_TYPE_BOOL:
        *out = jp_v_bool(bson_iter_bool(iter));
        return true;
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
        *out = jp_v_int64(bson_iter_as_int64(iter));
        return true;
    case BSON_TYPE_DOUBLE:
        *out = jp_v_double(bson_iter_double(iter));
        return true;
    case BSON_TYPE_UTF8:
        *out = jp_v_string(bson_iter_utf8(iter, NULL));
        return true;
    case BSON_TYPE_DATE_TIME:
        *out = jp_v_datetime(bson_iter_date_time(iter));
        return true;
    case BSON_TYPE_BINARY: {
        const uint8_t *data;
        uint32_t size;
        bson_iter_binary(iter, NULL, &size, &data);
        *out = jp_v_binary(data, size);
        return true;
    }
    case BSON_TYPE_DOCUMENT:
        out->type = JP_DOC;
        bson_iter_document(iter, &out->as.doc.size, &out->as.doc.data);
        return out->as.doc.data != NULL;
    case BSON_TYPE_ARRAY:
        out->type = JP_ARRAY;
        bson_iter_array(iter, &out->as.doc.size, &out->as.doc.data);
        return out->as.doc.data != NULL;
    default:
        return false;
    }
}

bson_type_t jpx_value_type(jp_value value)
{
    switch (value.type) {
    case JP_BOOL:
        return BSON_TYPE_BOOL;
    case JP_INT64:
        return BSON_TYPE_INT64;
    case JP_DOUBLE:
        return BSON_TYPE_DOUBLE;
    case JP_STRING:
        return BSON_TYPE_UTF8;
    case JP_DATETIME:
        return BSON_TYPE_DATE_TIME;
    case JP_BINARY:
        return BSON_TYPE_BINARY;
    case JP_DOC:
        return BSON_TYPE_DOCUMENT;
    case JP_ARRAY:
    case JP_LIST:
        return BSON_TYPE_ARRAY;
    case JP_NULL:
    case JP_FUTURE:
        break;
    }
    return BSON_TYPE_NULL;
}

bool jpx_kind_takes(jpx_kind kind, jp_type type)
{
    return jpx_kind_accepts(kind, jpx_value_type((jp_value){.type = type}));
}

/* With its article; the word alone starts behind it. */
const char *jpx_type_phrase(jp_type type)
{
    switch (type) {
    case JP_NULL:
        return "null";
    case JP_BOOL:
        return "a bool";
    case JP_INT64:
        return "an int64";
    case JP_DOUBLE:
        return "a double";
    case JP_STRING:
        return "a string";
    case JP_DATETIME:
        return "a datetime";
    case JP_BINARY:
        return "a binary";
    case JP_DOC:
        return "a doc";
    case JP_ARRAY:
    case JP_LIST:
        return "a list";
    case JP_FUTURE:
        return "a future";
    }
    return "nothing known";
}

const char *jpx_type_text(jp_type type)
{
    const char *phrase = jpx_type_phrase(type), *space = strchr(phrase, ' ');
    return space ? space + 1 : phrase;
}

const char *jpx_kind_phrase(jpx_kind kind)
{
    switch (kind) {
    case JPX_ANY:
        return "any value";
    case JPX_BOOL:
        return "a bool";
    case JPX_INT64:
        return "an int64";
    case JPX_DOUBLE:
        return "a double";
    case JPX_STRING:
        return "a string";
    case JPX_DATETIME:
        return "a datetime";
    case JPX_BINARY:
        return "a binary";
    case JPX_DOC:
        return "a doc";
    case JPX_LIST:
        return "a list";
    }
    return "a value";
}

const char *jpx_getter(const char *type, jpx_arena *arena)
{
    if (strcmp(type, "doc") == 0 || strcmp(type, "list") == 0)
        return "jp_document";
    if (strcmp(type, "any") == 0 || strcmp(type, "null") == 0)
        return "jp_arg";
    return jpx_format(arena, "jp_%s", type);
}

const char *jpx_pass_phrase(jpx_kind wanted, jp_type given, jpx_arena *arena)
{
    if (wanted == JPX_BOOL && given == JP_INT64)
        return "in C11 true is an int, write (bool)true";
    if (given == JP_NULL)
        return jpx_format(arena, "pass %s, write \"%s?\" where null may stand", jpx_kind_phrase(wanted),
                          jpx_kind_text(wanted));
    return jpx_format(arena, "pass %s", jpx_kind_phrase(wanted));
}

jpx_bytes jpx_value_doc(jp_value value, jpx_kind kind, jpx_arena *arena, const char **bad)
{
    jpx_writer w;

    jpx_writer_init(&w, arena);
    size_t begun = jpx_write_begin(&w, BSON_TYPE_DOCUMENT, NULL);
    if (kind == JPX_DOUBLE && value.type == JP_INT64)
        value = jp_v_double((double)value.as.i64);
    jpx_write_value(&w, "v", value);
    jpx_write_end(&w, begun);
    *bad = w.bad;
    if (!w.bad && w.size > JPX_VALUE_MAX + JPX_ENVELOPE)
        *bad = jpx_format(arena, "is larger than 8 MiB (%zu bytes): " JPX_TOO_LARGE_MEND, w.size);
    return jpx_writer_bytes(&w);
}

bool jpx_value_suits(jp_value value, jpx_kind wanted)
{
    return jpx_kind_takes(wanted, value.type) || (wanted == JPX_DOC && value.type == JP_ARRAY);
}

double jpx_as_double(jp_value value)
{
    return value.type == JP_INT64 ? (double)value.as.i64 : value.as.f64;
}

jp_doc jpx_empty_doc(void)
{
    static const uint8_t empty[] = {5, 0, 0, 0, 0};
    return (jp_doc){empty, sizeof empty};
}

const char *jpx_clean_text(jpx_arena *arena, const char *text, size_t most)
{
    size_t size = strnlen(text, most);

    while (size > 0 && text[size] != '\0' && ((uint8_t)text[size] & 0xc0) == 0x80)
        size--; /* not in the middle of a character */
    char *out = jpx_strndup(arena, text, size);
    if (!bson_utf8_validate(out, size, false))
        for (size_t i = 0; i < size; i++)
            if ((uint8_t)out[i] >= 0x80)
                out[i] = '?';
    return out;
}
