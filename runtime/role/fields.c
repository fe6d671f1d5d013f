/* fields.c -- the fields that requests may have, by verb. A field that is misspelt or of another kind is refused:
 * passed over, "kye" would start a root twice, and {"older_ms":"7d"} would clean up everything. Pure. */
#include "role/api.h"
#include <string.h>

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

jp_status jpx_api_check_fields(const char *verb, const bson_t *doc, jpx_arena *arena, jp_error *err)
{
    static const char *const kinds[] = {"a value", "a text in double quotes", "a number", "true or false"};
    bson_iter_t iter;
    size_t v = 0, f;

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
    }
    return JP_OK;
}
