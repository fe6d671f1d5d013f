/* signature.c -- signatures: "int64 n, string? who, double... rest". Pure text work: no I/O, no state. */
#include "body/signature.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *text;
    jpx_kind kind;
} kinds[] = {
    {"any", JPX_ANY},       {"bool", JPX_BOOL},     {"int64", JPX_INT64},
    {"double", JPX_DOUBLE}, {"string", JPX_STRING}, {"datetime", JPX_DATETIME},
    {"binary", JPX_BINARY}, {"doc", JPX_DOC},       {"list", JPX_LIST},
};

/* What people write instead. */
static const struct {
    const char *text, *meant;
} habits[] = {
    {"int", "int64"},    {"long", "int64"},    {"int32", "int64"},   {"integer", "int64"}, {"int64_t", "int64"},
    {"uint64", "int64"}, {"number", "double"}, {"float", "double"},  {"str", "string"},    {"text", "string"},
    {"char", "string"},  {"boolean", "bool"},  {"document", "doc"},  {"object", "doc"},    {"array", "list"},
    {"bytes", "binary"}, {"blob", "binary"},   {"date", "datetime"}, {"time", "datetime"}, {"value", "any"},
};

#define TYPES "any, bool, int64, double, string, datetime, binary, doc, list"

const char *jpx_kind_text(jpx_kind kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].kind == kind)
            return kinds[i].text;
    return "any";
}

bool jpx_kind_accepts(jpx_kind kind, bson_type_t type)
{
    switch (kind) {
    case JPX_ANY:
        return type == BSON_TYPE_NULL || type == BSON_TYPE_BOOL || type == BSON_TYPE_INT64 || type == BSON_TYPE_INT32 ||
               type == BSON_TYPE_DOUBLE || type == BSON_TYPE_UTF8 || type == BSON_TYPE_DATE_TIME ||
               type == BSON_TYPE_BINARY || type == BSON_TYPE_DOCUMENT || type == BSON_TYPE_ARRAY;
    case JPX_BOOL:
        return type == BSON_TYPE_BOOL;
    case JPX_INT64:
        return type == BSON_TYPE_INT64 || type == BSON_TYPE_INT32;
    case JPX_DOUBLE: /* an int64 may stand for a double: jp_double() converts it */
        return type == BSON_TYPE_DOUBLE || type == BSON_TYPE_INT64 || type == BSON_TYPE_INT32;
    case JPX_STRING:
        return type == BSON_TYPE_UTF8;
    case JPX_DATETIME:
        return type == BSON_TYPE_DATE_TIME;
    case JPX_BINARY:
        return type == BSON_TYPE_BINARY;
    case JPX_DOC:
        return type == BSON_TYPE_DOCUMENT;
    case JPX_LIST:
        return type == BSON_TYPE_ARRAY;
    }
    return false;
}

static bool word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

static const char *skip_space(const char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    return text;
}

/* Takes a word of letters, digits, _ and -; false when there is none or it is too long. */
static bool take_word(const char **text, char out[JPX_NAME_MAX + 1])
{
    size_t size = 0;

    *text = skip_space(*text);
    while (word_char((*text)[size]))
        size++;
    if (size == 0 || size > JPX_NAME_MAX)
        return false;
    memcpy(out, *text, size);
    out[size] = '\0';
    *text += size;
    return true;
}

/* "\"int64 n, int m\", character 10: there is no type int, write int64" */
static jp_status mistake(jp_error *err, const char *whole, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static jp_status mistake(jp_error *err, const char *whole, const char *at, const char *fmt, ...)
{
    char text[sizeof err->text];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return jpx_fail(err, JP_E_INVALID, "\"%.160s\", character %td: %s", whole, at - whole + 1, text);
}

static jp_status find_kind(const char *whole, const char *at, const char *word, jpx_kind *out, jp_error *err)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].text, word) == 0) {
            *out = kinds[i].kind;
            return JP_OK;
        }
    }
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
        if (strcmp(habits[i].text, word) == 0)
            return mistake(err, whole, at, "there is no type %s, write %s", word, habits[i].meant);
    return mistake(err, whole, at, "there is no type %s, the types are " TYPES, word);
}

static jp_status parse_param(const char *whole, const char **text, bool rest, jpx_param *out, jp_error *err)
{
    char word[JPX_NAME_MAX + 1];
    jp_status status;

    *out = (jpx_param){.kind = JPX_ANY};
    *text = skip_space(*text);
    const char *begun = *text;
    if (!take_word(text, word))
        return mistake(err, whole, begun, "a type is missing, write \"type name, type name\"");
    if ((status = find_kind(whole, begun, word, &out->kind, err)) != JP_OK)
        return status;
    *text = skip_space(*text);
    if (strncmp(*text, "...", 3) == 0) {
        if (!rest)
            return mistake(err, whole, *text, "an output cannot be \"%s...\", declare a list", word);
        out->rest = true;
        *text += 3;
    } else if (**text == '?') {
        out->optional = true;
        *text += 1;
    }
    *text = skip_space(*text);
    begun = *text;
    if (!take_word(text, out->name))
        return mistake(err, whole, begun, "a name of at most %d letters, digits, _ or - must follow %s", JPX_NAME_MAX,
                       word);
    return JP_OK;
}

jp_status jpx_signature_parse(const char *text, bool rest, jpx_param out[JPX_PARAMS_MAX], size_t *count, jp_error *err)
{
    const char *whole = text;
    jp_status status;

    *count = 0;
    if (!text || *skip_space(text) == '\0')
        return JP_OK;
    for (;;) {
        if (*count == JPX_PARAMS_MAX)
            return mistake(err, whole, text, "more than %d names, pass a doc or a list", JPX_PARAMS_MAX);
        jpx_param *param = &out[*count];
        if ((status = parse_param(whole, &text, rest, param, err)) != JP_OK)
            return status;
        for (size_t i = 0; i < *count; i++)
            if (strcmp(out[i].name, param->name) == 0)
                return mistake(err, whole, text - strlen(param->name), "the name %s stands there twice, rename one",
                               param->name);
        ++*count;
        text = skip_space(text);
        if (*text == '\0')
            return JP_OK;
        if (*text != ',')
            return mistake(err, whole, text, "a comma is missing, write \"type name, type name\"");
        if (param->rest)
            return mistake(err, whole, text,
                           "nothing may follow \"%s... %s\", which takes all that is left, put it last",
                           jpx_kind_text(param->kind), param->name);
        text++;
    }
}

jp_status jpx_gives_parse(const char *text, jpx_kind *kind, bool *optional, jp_error *err)
{
    const char *whole = text;
    char word[JPX_NAME_MAX + 1];
    jp_status status;

    *kind = JPX_ANY;
    *optional = true;
    if (!text)
        return JP_OK;
    const char *begun = skip_space(text);
    if (!take_word(&text, word))
        return mistake(err, whole, begun, "one type is wanted, of " TYPES);
    if ((status = find_kind(whole, begun, word, kind, err)) != JP_OK)
        return status;
    *optional = *kind == JPX_ANY;
    if (*text == '?') {
        *optional = true;
        text++;
    }
    text = skip_space(text);
    if (*text != '\0')
        return mistake(err, whole, text, "one type alone is wanted, named outputs belong in .fills");
    return JP_OK;
}

const char *jpx_param_text(const jpx_param *param, jpx_arena *arena)
{
    return jpx_format(arena, "%s%s %s", jpx_kind_text(param->kind),
                      param->rest       ? "..."
                      : param->optional ? "?"
                                        : "",
                      param->name);
}

const char *jpx_signature_text(const jpx_pipe *pipe, jpx_arena *arena)
{
    const char *text = "";
    for (size_t i = 0; i < pipe->takes_count; i++)
        text = jpx_format(arena, "%s%s%s", text, i ? ", " : "", jpx_param_text(&pipe->takes[i], arena));
    return text;
}
