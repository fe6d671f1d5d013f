/* write.c -- the BSON writer. Owns nothing: its bytes are the arena's. Never blocks. */
#include "body/write.h"
#include "body/list.h"
#include <string.h>

void jpx_writer_init(jpx_writer *w, jpx_arena *arena)
{
    *w = (jpx_writer){.arena = arena};
}

static void complain(jpx_writer *w, const char *bad)
{
    if (!w->bad)
        w->bad = bad;
}

static uint8_t *room(jpx_writer *w, size_t size)
{
    if (w->cap - w->size < size) {
        size_t cap = w->cap ? w->cap * 2 : 128;
        while (cap - w->size < size)
            cap *= 2;
        uint8_t *grown = jpx_alloc(w->arena, cap);
        if (w->size)
            memcpy(grown, w->data, w->size);
        w->data = grown;
        w->cap = cap;
    }
    w->size += size;
    return w->data + w->size - size;
}

static void put(jpx_writer *w, const void *data, size_t size)
{
    if (size)
        memcpy(room(w, size), data, size);
}

static void put_le32(jpx_writer *w, size_t value)
{
    const uint32_t le = BSON_UINT32_TO_LE((uint32_t)value);
    put(w, &le, sizeof le);
}

static void put_le64(jpx_writer *w, uint64_t value)
{
    const uint64_t le = BSON_UINT64_TO_LE(value);
    put(w, &le, sizeof le);
}

static void put_head(jpx_writer *w, bson_type_t type, const char *key)
{
    *room(w, 1) = (uint8_t)type;
    put(w, key, strlen(key) + 1);
}

size_t jpx_write_begin(jpx_writer *w, bson_type_t type, const char *key)
{
    if (key)
        put_head(w, type, key);
    size_t begun = w->size;
    put_le32(w, 0);
    return begun;
}

void jpx_write_end(jpx_writer *w, size_t begun)
{
    *room(w, 1) = 0;
    size_t size = w->size - begun;
    if (size > INT32_MAX) {
        complain(w, "is larger than 8 MiB: " JPX_TOO_LARGE_MEND);
        size = INT32_MAX;
    }
    const uint32_t le = BSON_UINT32_TO_LE((uint32_t)size);
    memcpy(w->data + begun, &le, sizeof le);
}

jpx_bytes jpx_writer_bytes(const jpx_writer *w)
{
    return (jpx_bytes){w->data, w->size};
}

void jpx_write_null(jpx_writer *w, const char *key)
{
    put_head(w, BSON_TYPE_NULL, key);
}

void jpx_write_bool(jpx_writer *w, const char *key, bool value)
{
    put_head(w, BSON_TYPE_BOOL, key);
    *room(w, 1) = value;
}

void jpx_write_int64(jpx_writer *w, const char *key, int64_t value)
{
    put_head(w, BSON_TYPE_INT64, key);
    put_le64(w, (uint64_t)value);
}

void jpx_write_double(jpx_writer *w, const char *key, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_head(w, BSON_TYPE_DOUBLE, key);
    put_le64(w, bits);
}

static void write_text(jpx_writer *w, const char *key, const char *text, size_t size)
{
    if (size > (size_t)INT32_MAX - 1) {
        complain(w, "is larger than 8 MiB: " JPX_TOO_LARGE_MEND);
        size = 0;
    }
    if (!bson_utf8_validate(text, size, true))
        complain(w, "holds text that is not UTF-8: make it a binary, with jp_v_binary");
    else if (memchr(text, 0, size))
        complain(w, "holds text with a NUL character: make it a binary, with jp_v_binary");
    put_head(w, BSON_TYPE_UTF8, key);
    put_le32(w, size + 1);
    put(w, text, size);
    *room(w, 1) = 0;
}

void jpx_write_string(jpx_writer *w, const char *key, const char *text)
{
    write_text(w, key, text, strlen(text));
}

void jpx_write_datetime(jpx_writer *w, const char *key, int64_t ms)
{
    put_head(w, BSON_TYPE_DATE_TIME, key);
    put_le64(w, (uint64_t)ms);
}

void jpx_write_binary(jpx_writer *w, const char *key, const void *data, size_t size)
{
    if (size > INT32_MAX) {
        complain(w, "is larger than 8 MiB: " JPX_TOO_LARGE_MEND);
        size = 0;
    }
    put_head(w, BSON_TYPE_BINARY, key);
    put_le32(w, size);
    *room(w, 1) = BSON_SUBTYPE_BINARY;
    put(w, data, size);
}

static void write_members(jpx_writer *w, bson_iter_t *iter, bool array, int depth)
{
    char index[JPX_INDEX_TEXT];
    size_t count = 0;

    while (bson_iter_next(iter)) {
        const char *key = array ? jpx_index_text(index, count++) : bson_iter_key(iter);
        if (!array && !bson_utf8_validate(key, strlen(key), false))
            complain(w, "holds a key that is not UTF-8: keys are text");
        jpx_write_iter(w, key, iter, depth);
    }
    if (iter->err_off)
        complain(w, "is not valid BSON: a jp_doc is the bytes of one whole document");
}

void jpx_write_iter(jpx_writer *w, const char *key, const bson_iter_t *iter, int depth)
{
    const bson_type_t type = bson_iter_type(iter);

    switch ((int)type) {
    case BSON_TYPE_NULL:
        jpx_write_null(w, key);
        return;
    case BSON_TYPE_BOOL:
        jpx_write_bool(w, key, bson_iter_bool(iter));
        return;
    case BSON_TYPE_INT32:
    case BSON_TYPE_INT64:
        jpx_write_int64(w, key, bson_iter_as_int64(iter));
        return;
    case BSON_TYPE_DOUBLE: /* by its bits: a NaN keeps its payload */
        put_head(w, type, key);
        put(w, iter->raw + iter->d1, sizeof(double));
        return;
    case BSON_TYPE_UTF8: {
        uint32_t size;
        const char *text = bson_iter_utf8(iter, &size);
        write_text(w, key, text, size);
        return;
    }
    case BSON_TYPE_DATE_TIME:
        jpx_write_datetime(w, key, bson_iter_date_time(iter));
        return;
    case BSON_TYPE_BINARY: { /* as it is, whatever its subtype */
        put_head(w, type, key);
        put(w, iter->raw + iter->d1, iter->next_off - iter->d1);
        return;
    }
    case BSON_TYPE_DOCUMENT:
    case BSON_TYPE_ARRAY: {
        bson_iter_t members;
        size_t begun = jpx_write_begin(w, type, key);
        if (depth >= JPX_DEPTH_MAX)
            complain(w, "is nested deeper than 64 levels: make it flatter");
        else if (!bson_iter_recurse(iter, &members))
            complain(w, "is not valid BSON: a jp_doc is the bytes of one whole document");
        else
            write_members(w, &members, type == BSON_TYPE_ARRAY, depth + 1);
        jpx_write_end(w, begun);
        return;
    }
    default:
        complain(w,
                 "holds a BSON type other than null, bool, int64, double, string, datetime, binary, document, array");
        jpx_write_null(w, key);
    }
}

void jpx_write_document(jpx_writer *w, const char *key, bson_type_t type, jpx_bytes bytes)
{
    bson_iter_t members;
    size_t begun = jpx_write_begin(w, type, key);

    if (!bytes.data || !bson_iter_init_from_data(&members, bytes.data, bytes.size))
        complain(w, "is not valid BSON: a jp_doc is the bytes of one whole document");
    else
        write_members(w, &members, type == BSON_TYPE_ARRAY, 1);
    jpx_write_end(w, begun);
}

void jpx_write_value(jpx_writer *w, const char *key, jp_value value)
{
    switch (value.type) {
    case JP_NULL:
        jpx_write_null(w, key);
        return;
    case JP_BOOL:
        jpx_write_bool(w, key, value.as.b);
        return;
    case JP_INT64:
        jpx_write_int64(w, key, value.as.i64);
        return;
    case JP_DOUBLE:
        jpx_write_double(w, key, value.as.f64);
        return;
    case JP_STRING:
        jpx_write_string(w, key, value.as.str);
        return;
    case JP_DATETIME:
        jpx_write_datetime(w, key, value.as.i64);
        return;
    case JP_BINARY:
        jpx_write_binary(w, key, value.as.bytes.data, value.as.bytes.size);
        return;
    case JP_DOC:
    case JP_ARRAY:
        jpx_write_document(w, key, value.type == JP_DOC ? BSON_TYPE_DOCUMENT : BSON_TYPE_ARRAY,
                           (jpx_bytes){value.as.doc.data, value.as.doc.size});
        return;
    case JP_LIST:
        if (value.as.list->runs_count == 0) {
            jpx_write_document(w, key, BSON_TYPE_ARRAY, jpx_list_literals(value.as.list, w->arena));
            return;
        }
        break;
    case JP_FUTURE:
        break;
    }
    complain(w, "is not a value");
    jpx_write_null(w, key);
}

const char *jpx_index_text(char out[JPX_INDEX_TEXT], size_t i)
{
    char *end = out + JPX_INDEX_TEXT - 1;
    *end = '\0';
    do {
        *--end = (char)('0' + i % 10);
        i /= 10;
    } while (i);
    return end;
}
