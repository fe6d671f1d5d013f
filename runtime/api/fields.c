/* fields.c -- requests that are objects, and the fields that they may have, by verb. A field that is misspelt, of
 * another kind or below zero is refused: passed over, "kye" would start a root twice, and {"older_ms":"7d"} would clean
 * up everything. Pure. */
#include "api/api.h"
#include <string.h>

#define NUMBER_MAX 1e18

enum kind { ANY, TEXT, NUMBER, BOOL };

#define ROOT_FIELDS                                                                                                    \
    {"root", TEXT},                                                                                                    \
    {                                                                                                                  \
        "key", TEXT                                                                                                    \
    }

static const struct {
    const char *verb;
    struct {
        const char *name;
        enum kind kind;
    } fields[8];
} verbs[] = {
    {"start", {{"pipe", TEXT}, {"args", ANY}, {"key", TEXT}, {"upload", TEXT}, {"pieces", NUMBER}}},
    {"status", {ROOT_FIELDS}},
    {"why", {ROOT_FIELDS}},
    {"tree", {ROOT_FIELDS, {"limit", NUMBER}}},
    {"result", {ROOT_FIELDS, {"wait_ms", NUMBER}, {"value", BOOL}, {"offset", NUMBER}}},
    {"list", {{"pipe", TEXT}, {"status", TEXT}, {"limit", NUMBER}, {"after", TEXT}}},
    {"reply", {{"ticket", TEXT}, {"value", ANY}, {"upload", TEXT}, {"pieces", NUMBER}}},
    {"abort", {ROOT_FIELDS, {"reason", TEXT}}},
    {"cleanup", {ROOT_FIELDS, {"older_ms", NUMBER}, {"status", TEXT}}},
    {"upload", {{"upload", TEXT}, {"index", NUMBER}, {"piece", TEXT}}},
};

static bool is_of(const bson_iter_t *iter, enum kind kind)
{
    switch (kind) {
    case TEXT:
        return BSON_ITER_HOLDS_UTF8(iter);
    case NUMBER:
        return BSON_ITER_HOLDS_NUMBER(iter);
    case BOOL:
        return BSON_ITER_HOLDS_BOOL(iter);
    case ANY:
        break;
    }
    return true;
}

jp_status jpx_api_read_object(jpx_bytes json, jpx_arena *arena, bson_t *doc, jp_error *err)
{
    jpx_bytes value;
    bson_iter_t iter;
    const uint8_t *object;
    uint32_t size;

    bson_init(doc);
    if (jpx_value_from_json(json, arena, &value, err) != JP_OK)
        return err->status;
    if (!jpx_value_iter(value, &iter) || !BSON_ITER_HOLDS_DOCUMENT(&iter))
        return jpx_fail(err, JP_E_INVALID, "the request is another value than a plain JSON object");
    bson_iter_document(&iter, &size, &object);
    bson_init_static(doc, object, size);
    return JP_OK;
}

/* Also no NaN, and nothing that is no int64. */
static bool in_bounds(const bson_iter_t *iter)
{
    double number = BSON_ITER_HOLDS_NUMBER(iter) ? bson_iter_as_double(iter) : 0;
    return number >= 0 && number <= NUMBER_MAX;
}

jp_status jpx_api_check_fields(const char *verb, const bson_t *doc, jpx_arena *arena, jp_error *err)
{
    static const char *const kinds[] = {"a value", "a text in double quotes", "a number", "true or false"};
    bson_iter_t iter;
    size_t v = 0, f;
    bool root = false, key = false;

    while (v < sizeof verbs / sizeof *verbs && strcmp(verbs[v].verb, verb) != 0)
        v++;
    if (v == sizeof verbs / sizeof *verbs || !bson_iter_init(&iter, doc))
        return JP_OK;
    while (bson_iter_next(&iter)) {
        const char *name = bson_iter_key(&iter), *names = "";
        for (f = 0; f < 8 && verbs[v].fields[f].name && strcmp(verbs[v].fields[f].name, name) != 0; f++)
            names = jpx_format(arena, "%s%s%s", names, f ? ", " : "", verbs[v].fields[f].name);
        if (f == 8 || !verbs[v].fields[f].name)
            return jpx_fail(err, JP_E_INVALID, "%s takes no field \"%.40s\"; it takes %s", verb, name, names);
        if (!is_of(&iter, verbs[v].fields[f].kind) && bson_iter_type(&iter) != BSON_TYPE_NULL)
            return jpx_fail(err, JP_E_INVALID, "the field \"%s\" of %s wants %s", name, verb,
                            kinds[verbs[v].fields[f].kind]);
        if (verbs[v].fields[f].kind == NUMBER && !in_bounds(&iter))
            return jpx_fail(err, JP_E_INVALID, "the field \"%s\" of %s wants a number from 0 to 10^18", name, verb);
        root |= strcmp(name, "root") == 0 && BSON_ITER_HOLDS_UTF8(&iter);
        key |= strcmp(name, "key") == 0 && BSON_ITER_HOLDS_UTF8(&iter);
    }
    if (root && key)
        return jpx_fail(err, JP_E_INVALID, "%s is given both \"root\" and \"key\": send one of them", verb);
    return JP_OK;
}
