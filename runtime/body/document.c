/* document.c -- documents and lists in a body: read by dotted path, walked, made. */
#include "body/context.h"
#include <string.h>

/* ---- where a document came from, for messages ---- */

static bool covers(jp_doc whole, const uint8_t *data)
{
    return data >= whole.data && data < whole.data + whole.size;
}

/* "args.options.lines" of the document at `data` somewhere in `whole`; NULL when it is not in there. */
static const char *path_to(jp_ctx *p, jp_doc whole, const uint8_t *data, const char *path, int depth)
{
    bson_iter_t iter;
    jp_value value;
    size_t i = 0;

    if (depth > JPX_DEPTH_MAX || !covers(whole, data) || !bson_iter_init_from_data(&iter, whole.data, whole.size))
        return NULL;
    for (; bson_iter_next(&iter); i++) {
        if (!jpx_value_read(&iter, &value) || (value.type != JP_DOC && value.type != JP_ARRAY) ||
            !covers(value.as.doc, data))
            continue;
        const char *here;
        if (depth > 0)
            here = jpx_format(p->arena, "%s.%s", path, bson_iter_key(&iter));
        else if (strcmp(path, "args") == 0)
            here = jpx_format(p->arena, "args.%s", i < p->pipe->takes_count ? p->pipe->takes[i].name : "?");
        else if (strcmp(path, "reply") == 0)
            here = path;
        else
            here = jpx_format(p->arena, "%s.%s", path, bson_iter_key(&iter));
        return value.as.doc.data == data ? here : path_to(p, value.as.doc, data, here, depth + 1);
    }
    return NULL;
}

const char *jpx_origin(jp_ctx *p, jp_value doc)
{
    const struct {
        const char *name;
        jpx_bytes bytes;
    } places[] = {{"args", p->attempt->args}, {"reply", p->attempt->reply}, {"outputs", p->attempt->outputs}};

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        jp_doc whole = {places[i].bytes.data, (uint32_t)places[i].bytes.size};
        const char *path = whole.data ? path_to(p, whole, doc.as.doc.data, places[i].name, 0) : NULL;
        if (path)
            return path;
    }
    return "";
}

jp_value jpx_readable(jp_ctx *p, jp_value value)
{
    if (value.type == JP_LIST && value.as.list->runs_count == 0) {
        jpx_bytes array = jpx_list_literals(value.as.list, p->arena);
        value.type = JP_ARRAY;
        value.as.doc = (jp_doc){array.data, (uint32_t)array.size};
    }
    return value;
}

static bool walkable(jp_value doc)
{
    return doc.type == JP_DOC || doc.type == JP_ARRAY;
}

/* ---- by path ---- */

static bool find(jp_value doc, const char *path, jp_value *out)
{
    for (;;) {
        const size_t size = strcspn(path, ".");
        bson_iter_t iter;
        if (!walkable(doc) || !bson_iter_init_from_data(&iter, doc.as.doc.data, doc.as.doc.size) ||
            !bson_iter_find_w_len(&iter, path, (int)size) || !jpx_value_read(&iter, out))
            return false;
        if (path[size] == '\0')
            return true;
        doc = *out;
        path += size + 1;
    }
}

/* "WordCount, wc.c:31: args.options.limit is a string, not an int64: ..." */
static void complain(jp_ctx *p, jp_value doc, const char *path, const char *what, const char *at)
{
    const char *origin = walkable(doc) ? jpx_origin(p, doc) : "";
    jpx_wrong(p, at, "%s%s%s %s", origin, *origin ? "." : "", path, what);
}

static bool find_typed(jp_ctx *p, jp_value doc, const char *path, jpx_kind wanted, jp_value *out, const char *at)
{
    doc = jpx_readable(p, doc);
    if (!walkable(doc)) {
        complain(p, doc, path,
                 doc.type == JP_FUTURE || doc.type == JP_LIST
                     ? "was asked of a future, whose value no body sees that yields it: yield a child that takes it, "
                       "and ask there"
                     : jpx_format(p->arena, "was asked of %s, which has no members: ask a doc or a list",
                                  jpx_type_phrase(doc.type)),
                 at);
        return false;
    }
    if (!find(doc, path, out)) {
        complain(p, doc, path, "is not there: ask jp_has first", at);
        return false;
    }
    if (wanted == JPX_ANY || jpx_value_suits(*out, wanted))
        return true;
    complain(p, doc, path,
             jpx_format(p->arena, "is %s, not %s: ask jp_get what type it has first", jpx_type_phrase(out->type),
                        jpx_kind_phrase(wanted)),
             at);
    return false;
}

#define GETTER(suffix, type, kind, member, zero)                                                                       \
    type jp_path_##suffix(jp_ctx *p, jp_value doc, const char *path, const char *at)                                   \
    {                                                                                                                  \
        jp_value v;                                                                                                    \
        return find_typed(p, doc, path, kind, &v, at) ? member : zero;                                                 \
    }
JPX_GETTER_MAP(GETTER)
#undef GETTER

jp_value jp_path_value(jp_ctx *p, jp_value doc, const char *path, const char *at)
{
    jp_value value;
    return find_typed(p, doc, path, JPX_ANY, &value, at) ? value : jp_v_null();
}

bool jp_path_has(jp_ctx *p, jp_value doc, const char *path)
{
    jp_value value;
    return find(jpx_readable(p, doc), path, &value) && value.type != JP_NULL;
}

/* ---- all of it ---- */

jp_iter jp_each_begin(jp_ctx *p, jp_value doc, const char *at)
{
    jp_iter it = {.p_ = p, .doc_ = jpx_empty_doc(), .offset_ = 4}; /* behind the length */

    doc = jpx_readable(p, doc);
    if (walkable(doc))
        it.doc_ = doc.as.doc;
    else if (doc.type != JP_NULL)
        jpx_wrong(p, at, "%s was given where a list or a doc is wanted: %s", jpx_type_phrase(doc.type),
                  doc.type == JP_FUTURE || doc.type == JP_LIST ? "yield a child that takes it, and look at it there"
                                                               : "jp_each and jp_size take those alone");
    return it;
}

bool jp_each_next(jp_iter *it)
{
    bson_iter_t iter;

    if (it->busy_ || !bson_iter_init_from_data_at_offset(&iter, it->doc_.data, it->doc_.size, it->offset_, 0) ||
        !jpx_value_read(&iter, &it->value_))
        return false;
    it->key_ = bson_iter_key(&iter);
    it->offset_ = iter.next_off;
    it->busy_ = it->outer_ = true;
    return true;
}

size_t jp_size_of(jp_ctx *p, jp_value doc, const char *at)
{
    size_t count = 0;

    if (doc.type == JP_LIST)
        return doc.as.list->count;
    for (jp_iter it = jp_each_begin(p, doc, at); jp_each_next(&it); it.busy_ = false)
        count++;
    return count;
}

/* ---- made ---- */

/* Keys and values of one jp_object(...). More come from a loop over jp_object_v, and may be hundreds of thousands:
 * there the keys are not compared. */
enum { WRITTEN_MAX = 30 };

jp_value jp_object_v(jp_ctx *p, size_t count, const jp_value *values, const char *at)
{
    jpx_writer w;
    jp_value doc = jp_v_doc(jpx_empty_doc());

    if (count % 2) {
        jpx_wrong(p, at, "jp_object was given a key without a value: keys and values take turns");
        return doc;
    }
    jpx_writer_init(&w, p->arena);
    size_t begun = jpx_write_begin(&w, BSON_TYPE_DOCUMENT, NULL);
    for (size_t i = 0; i < count; i += 2) {
        const jp_value key = values[i], value = values[i + 1];
        if (key.type != JP_STRING) {
            jpx_wrong(p, at, "key %zu of jp_object is %s, not a string: keys and values take turns, a key first", i / 2,
                      jpx_type_phrase(key.type));
            return doc;
        }
        if (value.type == JP_FUTURE || (value.type == JP_LIST && value.as.list->runs_count)) {
            jpx_wrong(p, at, "a future stands in a document, under \"%s\": pass it as an argument of its own",
                      key.as.str);
            return doc;
        }
        if (!bson_utf8_validate(key.as.str, strlen(key.as.str), false)) {
            jpx_unstorable(p, at, "key %zu of jp_object is not UTF-8: keys are text", i / 2);
            return doc;
        }
        for (size_t j = 0; count <= WRITTEN_MAX && j < i; j += 2) {
            if (strcmp(values[j].as.str, key.as.str) == 0) {
                jpx_wrong(p, at, "jp_object was given the key \"%s\" twice: rename one, or take it out", key.as.str);
                return doc;
            }
        }
        jpx_write_value(&w, key.as.str, value);
        if (w.bad || w.size > JPX_VALUE_MAX + JPX_ENVELOPE) {
            jpx_unstorable(p, at, "the value of \"%s\" in a document %s", key.as.str,
                           w.bad ? w.bad : "makes it larger than 8 MiB: " JPX_TOO_LARGE_MEND);
            return doc;
        }
    }
    jpx_write_end(&w, begun);
    jpx_bytes bytes = jpx_writer_bytes(&w);
    return jp_v_doc((jp_doc){bytes.data, (uint32_t)bytes.size});
}
