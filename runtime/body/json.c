/* json.c -- JSON outside, BSON inside: arguments and values from people and programs, and values as text for them.
 * Parsing and printing are libbson's (relaxed Extended JSON); what it lets pass and we do not is refused here. */
#include "body/context.h"
#include "body/signature.h"
#include "core/doc.h"
#include <ctype.h>
#include <string.h>

enum { JSON_MAX = 64 * 1024 * 1024 }; /* bytes of text */

/* libbson reads one value and ignores what follows, and {"v": TEXT} must not be escaped from: the brackets of TEXT must
 * match, and outside of them there is one value alone. Returns NULL, or what is wrong. */
static const char *check_shape(const char *text, size_t size)
{
    char open[JPX_DEPTH_MAX + 1];
    size_t depth = 0, values = 0;
    bool in_word = false;

    for (size_t i = 0; i < size; i++) {
        const char c = text[i];
        if (isspace((unsigned char)c)) {
            in_word = false;
        } else if (c == '"') {
            values += depth == 0;
            for (i++; i < size && text[i] != '"'; i++)
                i += text[i] == '\\';
            if (i >= size)
                return "a string is not ended";
            in_word = false;
        } else if (c == '[' || c == '{') {
            values += depth == 0;
            if (depth > JPX_DEPTH_MAX)
                return "it is nested deeper than 64 levels";
            open[depth++] = c;
            in_word = false;
        } else if (c == ']' || c == '}') {
            if (depth == 0 || open[--depth] != (c == ']' ? '[' : '{'))
                return "its brackets do not match";
            in_word = false;
        } else if (depth == 0) {
            if (c == ',' || c == ':' || c == '\0')
                return "there is more than one value";
            values += !in_word;
            in_word = true;
        }
    }
    if (depth)
        return "its brackets do not match";
    return values == 1 ? NULL : values ? "there is more than one value" : "there is no value";
}

static void trim(jpx_bytes *text)
{
    while (text->size && isspace(text->data[0]))
        text->data++, text->size--;
    while (text->size && isspace(text->data[text->size - 1]))
        text->size--;
}

static jp_status not_json(jpx_bytes json, const char *wrong, jpx_arena *arena, jp_error *err)
{
    static const char libbson[] = "Got parse error at ";
    const char *text = jpx_strndup(arena, (const char *)json.data, json.size < 200 ? json.size : 200);
    if (strncmp(wrong, libbson, sizeof libbson - 1) == 0) { /* then its position, in our text, and a name of its own */
        wrong += sizeof libbson - 4;
        wrong = jpx_strndup(arena, wrong, strcspn(wrong, ","));
    }
    return jpx_fail(err, JP_E_INVALID, "this is not JSON, %s: '%s'", jpx_clean_text(arena, wrong, 200),
                    jpx_clean_text(arena, text, 100));
}

jp_status jpx_value_from_json(jpx_bytes json, jpx_arena *arena, jpx_bytes *out, jp_error *err)
{
    static const char head[] = "{\"v\":", tail[] = "}";
    bson_error_t cause;
    bson_iter_t iter;
    jpx_writer w;

    trim(&json);
    if (json.size > JSON_MAX)
        return jpx_fail(err, JP_E_TOO_LARGE, "the JSON text has %zu bytes, %d are allowed", json.size, JSON_MAX);
    const char *wrong = check_shape((const char *)json.data, json.size);
    if (wrong)
        return not_json(json, wrong, arena, err);
    wrong = jpx_json_beyond((const char *)json.data, json.size, arena);
    if (wrong)
        return jpx_fail(err, JP_E_INVALID, "%s", wrong);

    jpx_writer_init(&w, arena);
    char *text = jpx_alloc(arena, sizeof head + json.size + sizeof tail);
    memcpy(text, head, sizeof head - 1);
    memcpy(text + sizeof head - 1, json.data, json.size);
    memcpy(text + sizeof head - 1 + json.size, tail, sizeof tail);

    bson_t *parsed = bson_new_from_json((const uint8_t *)text, (ssize_t)strlen(text), &cause);
    if (!parsed)
        return not_json(json, cause.message, arena, err);
    size_t begun = jpx_write_begin(&w, BSON_TYPE_DOCUMENT, NULL);
    if (bson_count_keys(parsed) == 1 && bson_iter_init_find(&iter, parsed, "v"))
        jpx_write_iter(&w, "v", &iter, 0);
    else
        w.bad = "is not one value";
    jpx_write_end(&w, begun);
    bson_destroy(parsed);
    if (w.bad)
        return jpx_fail(err, JP_E_INVALID, "the JSON value %s", w.bad);
    *out = jpx_writer_bytes(&w);
    return JP_OK;
}

/* libbson prints documents only: the value is what stands between `{ "v" : ` and ` }`. */
const char *jpx_value_to_json(jpx_bytes value_doc, jpx_arena *arena)
{
    bson_t doc;
    const char *out = "null";

    if (!value_doc.data || !bson_init_static(&doc, value_doc.data, value_doc.size))
        return out;
    char *text = bson_as_relaxed_extended_json(&doc, NULL);
    const char *begin = text ? strchr(text, ':') : NULL, *end = begin ? strrchr(begin, '}') : NULL;
    if (end) {
        jpx_bytes inner = {(const uint8_t *)begin + 1, (size_t)(end - begin - 1)};
        trim(&inner);
        char *copy = jpx_strndup(arena, (const char *)inner.data, inner.size);
        jpx_json_compact(copy);
        out = copy;
    }
    bson_free(text);
    return out;
}

/* ---- arguments ---- */

static jp_status bind_outside(const jpx_pipe *pipe, size_t count, const jp_value *values, jpx_arena *arena,
                              jpx_bytes *out, jp_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (values[i].type == JP_LIST || values[i].type == JP_FUTURE)
            return jpx_fail(err, JP_E_INVALID, "%s is given %s, which exists in bodies only", pipe->name,
                            jpx_type_phrase(values[i].type));
    jpx_bound bound = jpx_bind(NULL, pipe, count, values, NULL, "", arena);
    if (bound.wrong && strstr(bound.wrong, " takes ("))
        return jpx_fail(err, JP_E_INVALID, "%s", bound.wrong);
    if (bound.wrong)
        return jpx_fail(err, JP_E_INVALID, "%s: %s takes (%s)", bound.wrong, pipe->name,
                        jpx_signature_text(pipe, arena));
    if (bound.unstorable)
        return jpx_fail(err, strstr(bound.unstorable, "larger") ? JP_E_TOO_LARGE : JP_E_INVALID, "%s",
                        bound.unstorable);
    *out = bound.args;
    return JP_OK;
}

jp_status jpx_args_from_values(const jpx_pipe *pipe, size_t count, const jp_value *values, jpx_arena *arena,
                               jpx_bytes *out, jp_error *err)
{
    return bind_outside(pipe, count, values, arena, out, err);
}

struct values {
    jp_value *items;
    size_t count, cap;
};

static bool add_items(struct values *values, jp_value array, jpx_arena *arena)
{
    bson_iter_t iter;
    jp_value item;

    if (array.type != JP_ARRAY || !bson_iter_init_from_data(&iter, array.as.doc.data, array.as.doc.size))
        return false;
    while (bson_iter_next(&iter) && jpx_value_read(&iter, &item))
        JPX_PUSH(arena, values->items, values->count, values->cap) = item;
    return true;
}

static const jpx_param *find_param(const jpx_pipe *pipe, const char *name)
{
    for (size_t i = 0; i < pipe->takes_count; i++)
        if (strcmp(pipe->takes[i].name, name) == 0)
            return &pipe->takes[i];
    return NULL;
}

/* Names into positions. */
static jp_status by_name(const jpx_pipe *pipe, jp_value doc, jpx_arena *arena, struct values *values, jp_error *err)
{
    jp_value given[JPX_PARAMS_MAX];
    bool there[JPX_PARAMS_MAX] = {false};
    const char *signature = jpx_signature_text(pipe, arena);
    bson_iter_t iter;

    if (!bson_iter_init_from_data(&iter, doc.as.doc.data, doc.as.doc.size))
        return jpx_fail(err, JP_E_INVALID, "the arguments of %s are not an object", pipe->name);
    while (bson_iter_next(&iter)) {
        const jpx_param *param = find_param(pipe, bson_iter_key(&iter));
        if (!param)
            return jpx_fail(err, JP_E_INVALID, "%s has no argument \"%.100s\": it takes (%s)", pipe->name,
                            bson_iter_key(&iter), signature);
        const size_t i = (size_t)(param - pipe->takes);
        if (there[i])
            return jpx_fail(err, JP_E_INVALID, "the argument %s of %s is given twice", param->name, pipe->name);
        there[i] = jpx_value_read(&iter, &given[i]);
    }
    for (size_t i = 0; i < pipe->takes_count; i++) {
        const jpx_param *param = &pipe->takes[i];
        if (param->rest) {
            if (there[i] && !add_items(values, given[i], arena))
                return jpx_fail(err, JP_E_INVALID, "%s wants a list for %s, is given %s: it takes (%s)", pipe->name,
                                param->name, jpx_type_text(given[i].type), signature);
        } else if (there[i] || param->optional) {
            JPX_PUSH(arena, values->items, values->count, values->cap) = there[i] ? given[i] : jp_v_null();
        } else {
            return jpx_fail(err, JP_E_INVALID, "the argument %s of %s is missing: it takes (%s)", param->name,
                            pipe->name, signature);
        }
    }
    return JP_OK;
}

jp_status jpx_args_from_json(const jpx_pipe *pipe, jpx_bytes json, jpx_arena *arena, jpx_bytes *out, jp_error *err)
{
    struct values values = {0};
    jpx_bytes value_doc;
    bson_iter_t iter;
    jp_value given;
    jp_status status;

    trim(&json);
    if (json.size == 0)
        return bind_outside(pipe, 0, NULL, arena, out, err);
    if ((status = jpx_value_from_json(json, arena, &value_doc, err)) != JP_OK)
        return err ? jpx_wrap(err, "the arguments of %s", pipe->name) : status;
    if (!bson_iter_init_from_data(&iter, value_doc.data, value_doc.size) || !bson_iter_next(&iter) ||
        !jpx_value_read(&iter, &given))
        return jpx_fail(err, JP_E_INVALID, "the arguments of %s are not a value", pipe->name);
    if (given.type == JP_DOC) {
        if ((status = by_name(pipe, given, arena, &values, err)) != JP_OK)
            return status;
    } else if (given.type == JP_ARRAY) {
        add_items(&values, given, arena);
    } else {
        JPX_PUSH(arena, values.items, values.count, values.cap) = given;
    }
    return bind_outside(pipe, values.count, values.items, arena, out, err);
}

/* ---- values given in C, outside of a body ---- */

jp_status jpx_value_from_value(jp_value value, jpx_arena *arena, jpx_bytes *out, jp_error *err)
{
    const char *bad;

    if (value.type == JP_FUTURE || value.type == JP_LIST)
        return jpx_fail(err, JP_E_INVALID, "%s exists in bodies only", jpx_type_phrase(value.type));
    *out = jpx_value_doc(value, JPX_ANY, arena, &bad);
    if (bad)
        return jpx_fail(err, strstr(bad, "larger") ? JP_E_TOO_LARGE : JP_E_INVALID, "the value %s", bad);
    return JP_OK;
}

/* ---- in a body ---- */

const char *jp_json_v(jp_ctx *p, jp_value value, const char *at)
{
    const char *bad;

    if (value.type == JP_FUTURE || (value.type == JP_LIST && value.as.list->runs_count)) {
        jpx_wrong(p, at, "jp_json was given a future, which has no value in this body: yield a child that takes it");
        return "null";
    }
    jpx_bytes doc = jpx_value_doc(value, JPX_ANY, p->arena, &bad);
    if (!bad)
        return jpx_value_to_json(doc, p->arena);
    jpx_unstorable(p, at, "the value given to jp_json %s", bad);
    return "null";
}

bool jp_try_parse(jp_ctx *p, const char *text, jp_value *out, jp_error *err)
{
    jpx_bytes value_doc;
    bson_iter_t iter;

    *out = jp_v_null();
    return jpx_value_from_json((jpx_bytes){(const uint8_t *)text, strlen(text)}, p->arena, &value_doc, err) == JP_OK &&
           bson_iter_init_from_data(&iter, value_doc.data, value_doc.size) && bson_iter_next(&iter) &&
           jpx_value_read(&iter, out);
}

jp_value jp_parse_v(jp_ctx *p, const char *text, const char *at)
{
    jp_value value;
    jp_error err;

    if (!jp_try_parse(p, text, &value, &err))
        jpx_wrong(p, at, "jp_parse: %s: ask jp_try_parse for text from outside", err.text);
    return value;
}
