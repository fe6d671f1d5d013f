/* doc.c -- BSON in and out of arenas, and the corrections to libbson's JSON. Pure. */
#include "core/doc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

jpx_bytes jpx_doc_take(bson_t *doc, jpx_arena *arena)
{
    jpx_bytes bytes = jpx_copy(arena, bson_get_data(doc), doc->len);
    bson_destroy(doc);
    return bytes;
}

bool jpx_doc_iter(jpx_bytes doc, bson_iter_t *iter)
{
    return doc.data && doc.size >= 5 && bson_iter_init_from_data(iter, doc.data, doc.size);
}

bool jpx_doc_find(jpx_bytes doc, const char *field, bson_iter_t *iter)
{
    return jpx_doc_iter(doc, iter) && bson_iter_find(iter, field);
}

bool jpx_doc_is_array(jpx_bytes doc)
{
    bson_iter_t iter;
    bson_t view;
    char text[16];
    const char *key;

    if (!doc.data || !bson_init_static(&view, doc.data, doc.size) || !bson_validate(&view, BSON_VALIDATE_NONE, NULL) ||
        !bson_iter_init(&iter, &view))
        return false;
    for (uint32_t i = 0; bson_iter_next(&iter); i++) {
        bson_uint32_to_string(i, &key, text, sizeof text);
        if (strcmp(bson_iter_key(&iter), key) != 0)
            return false;
    }
    return true;
}

jpx_bytes jpx_value_of(const bson_iter_t *iter, jpx_arena *arena)
{
    bson_t doc = BSON_INITIALIZER;
    bson_append_iter(&doc, "v", 1, iter);
    return jpx_doc_take(&doc, arena);
}

bool jpx_value_iter(jpx_bytes value, bson_iter_t *iter)
{
    return jpx_doc_iter(value, iter) && bson_iter_next(iter);
}

void jpx_append_value(bson_t *doc, const char *name, jpx_bytes value)
{
    bson_iter_t iter;
    if (jpx_value_iter(value, &iter))
        bson_append_iter(doc, name, -1, &iter);
    else
        bson_append_null(doc, name, -1);
}

void jpx_append_id(bson_t *doc, const char *name, const void *id, size_t size)
{
    bson_append_binary(doc, name, -1, BSON_SUBTYPE_BINARY, id, (uint32_t)size);
}

bool jpx_iter_id(const bson_iter_t *iter, void *out, size_t size)
{
    const uint8_t *data;
    uint32_t found;
    bson_subtype_t subtype;

    if (!BSON_ITER_HOLDS_BINARY(iter))
        return false;
    bson_iter_binary(iter, &subtype, &found, &data);
    if (found != size)
        return false;
    memcpy(out, data, size);
    return true;
}

char *jpx_iter_text(const bson_iter_t *iter, jpx_arena *arena)
{
    uint32_t size;
    const char *text;

    if (!BSON_ITER_HOLDS_UTF8(iter))
        return NULL;
    text = bson_iter_utf8(iter, &size);
    return jpx_strndup(arena, text, size);
}

bool jpx_iter_u32(const bson_iter_t *iter, uint32_t *out)
{
    int64_t value;

    if (!BSON_ITER_HOLDS_INT(iter))
        return false;
    value = bson_iter_as_int64(iter);
    *out = (uint32_t)value;
    return value >= 0 && value <= UINT32_MAX;
}

size_t jpx_array_count(const bson_iter_t *array)
{
    bson_iter_t items;
    size_t count = 0;

    if (bson_iter_recurse(array, &items))
        while (bson_iter_next(&items))
            count++;
    return count;
}

/* libbson writes doubles with 20 digits; writes the shortest text that reads back as the same double instead. `*to` may
 * overlap `from`, because the text never gets longer. Returns the end of the number. */
static const char *shorten_number(const char *from, char **to)
{
    char digits[64];
    size_t size = strspn(from, "-+.0123456789eE");
    const char *end = from + size;

    if (size < sizeof digits && size > 17 && memchr(from, '.', size)) {
        memcpy(digits, from, size);
        digits[size] = '\0';
        double value = strtod(digits, NULL);
        for (int precision = 15; precision <= 17; precision++) {
            int used = snprintf(digits, sizeof digits, "%.*g", precision, value);
            if (strtod(digits, NULL) == value && used > 0 && (size_t)used <= size) {
                if (!strpbrk(digits, ".eE") && (size_t)used + 2 <= size)
                    memcpy(digits + used, ".0", 3); /* or it would be read back as an integer */
                size = strlen(digits);
                memmove(*to, digits, size);
                *to += size;
                return end;
            }
        }
    }
    size = (size_t)(end - from);
    memmove(*to, from, size);
    *to += size;
    return end;
}

size_t jpx_json_compact(char *json)
{
    char *to = json;
    bool text = false;

    for (const char *from = json; *from; from++) {
        if (!text && *from == ' ')
            continue;
        if (!text && (*from == '-' || (*from >= '0' && *from <= '9'))) {
            from = shorten_number(from, &to) - 1;
            continue;
        }
        if (*from == '"')
            text = !text;
        if (text && *from == '\\' && from[1])
            *to++ = *from++;
        *to++ = *from;
    }
    *to = '\0';
    return (size_t)(to - json);
}

const char *jpx_json_beyond(const char *json, size_t size, jpx_arena *arena)
{
    static const char most[] = "9223372036854775807", least[] = "9223372036854775808";
    const char *end = json + size;

    for (const char *at = json; at < end; at++) {
        if (*at == '"') {
            for (at++; at < end && *at != '"'; at++)
                at += *at == '\\';
            continue;
        }
        if (*at < '0' || *at > '9')
            continue;
        const char *first = at;
        while (at < end && *at >= '0' && *at <= '9')
            at++;
        size_t digits = (size_t)(at - first);
        if (at < end && strchr(".eE", *at) && *at) { /* a double */
            while (at < end && *at && strchr("0123456789.eE+-", *at))
                at++;
            continue;
        }
        bool negative = first > json && first[-1] == '-';
        if (digits > sizeof most - 1 ||
            (digits == sizeof most - 1 && memcmp(first, negative ? least : most, digits) > 0))
            return jpx_format(
                arena,
                "the number %s%.*s%s does not fit into 64 bits; write it as a string, or as a double with "
                "a point",
                negative ? "-" : "", digits > 40 ? 40 : (int)digits, first, digits > 40 ? "..." : "");
    }
    return NULL;
}
