/* json.c -- see json.h. One pass. The open arrays and objects are on a stack in the arena, so that depth costs memory
 * and never overflows the program's stack. */
#include "client/json.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct open { /* an array or object whose end was not read yet */
    jpx_json *node;
    jpx_json *last; /* its last element so far */
};

struct reader {
    const char *start, *at, *end;
    jpx_arena *arena;
    jp_error *err;
    struct open *stack;
    size_t depth, cap;
};

static jp_status wrong(struct reader *in, const char *expected)
{
    size_t line = 1, column = 1;
    for (const char *p = in->start; p < in->at; p++) {
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xc0) != 0x80) {
            column++;
        }
    }
    char place[64], found[48] = "the end of the text";
    if (line > 1)
        snprintf(place, sizeof place, "line %zu, character %zu", line, column);
    else
        snprintf(place, sizeof place, "character %zu", column);
    if (in->at < in->end) {
        size_t size = 0, left = (size_t)(in->end - in->at);
        while (size < left && size < 16 && (in->at[size] & 0x80 || in->at[size] > ' ') &&
               (size == 0 || !strchr(",:[]{}\"", in->at[size])))
            size++;
        while (size && size < left && ((unsigned char)in->at[size] & 0xc0) == 0x80)
            size--; /* not within a character */
        if (size)
            snprintf(found, sizeof found, "%.*s", (int)size, in->at);
        else
            snprintf(found, sizeof found, "a blank or control character");
    }
    return jpx_fail(in->err, JP_E_INVALID, "%s: expected %s, found %s", place, expected, found);
}

static void skip_blanks(struct reader *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
        in->at++;
}

/* Length of the UTF-8 sequence at p; 0 if it is invalid, as overlong forms and surrogates are. */
static size_t utf8_size(const char *p, const char *end)
{
    const unsigned char *s = (const unsigned char *)p;
    size_t size = s[0] < 0x80                   ? 1
                  : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                  : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
                  : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                                : 0;
    if (size == 0 || (size_t)(end - p) < size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return size;
}

static int hex4(const char *p, const char *end)
{
    uint8_t b[2];
    if (end - p < 4 || !jpx_unhex(b, 2, p))
        return -1;
    return b[0] << 8 | b[1];
}

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* Reads and decodes a string. The decoded form is never longer than the written one. */
static jp_status read_string(struct reader *in, const char **out)
{
    const char *close = in->at + 1;
    while (close < in->end && *close != '"')
        close += *close == '\\' && in->end - close > 1 ? 2 : 1;
    char *text = jpx_alloc(in->arena, (size_t)(close - in->at) + 3), *to = text;

    in->at++;
    while (in->at < in->end && *in->at != '"') {
        if ((unsigned char)*in->at < 0x20)
            return wrong(in, "the rest of the string (write control characters as \\u00XX)");
        if (*in->at != '\\') {
            size_t size = utf8_size(in->at, in->end);
            if (!size)
                return wrong(in, "UTF-8");
            memcpy(to, in->at, size);
            to += size;
            in->at += size;
            continue;
        }
        static const char plain[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
        const char *escape = in->end - in->at > 1 && in->at[1] ? strchr(plain, in->at[1]) : NULL;
        if (escape) {
            *to++ = means[escape - plain];
            in->at += 2;
            continue;
        }
        int unit = in->end - in->at > 1 && in->at[1] == 'u' ? hex4(in->at + 2, in->end) : -1;
        if (unit < 0)
            return wrong(in, "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
        uint32_t c = (uint32_t)unit;
        in->at += 6;
        if (c >= 0xd800 && c < 0xe000) { /* half of a surrogate pair: a character only with the other half */
            int low = c < 0xdc00 && in->end - in->at > 5 && in->at[0] == '\\' && in->at[1] == 'u'
                          ? hex4(in->at + 2, in->end)
                          : -1;
            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
                in->at += 6;
            } else {
                c = 0xfffd;
            }
        }
        to += put_utf8(to, c ? c : 0xfffd);
    }
    if (in->at == in->end)
        return wrong(in, "the closing \" of a string");
    in->at++;
    *to = '\0';
    *out = text;
    return JP_OK;
}

static bool digits(struct reader *in)
{
    const char *from = in->at;
    while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
        in->at++;
    return in->at > from;
}

static jp_status read_number(struct reader *in)
{
    if (*in->at == '-')
        in->at++;
    if (in->at < in->end && *in->at == '0')
        in->at++;
    else if (!digits(in))
        return wrong(in, "a digit");
    if (in->at < in->end && *in->at == '.') {
        in->at++;
        if (!digits(in))
            return wrong(in, "a digit after the point");
    }
    if (in->at < in->end && (*in->at == 'e' || *in->at == 'E')) {
        in->at++;
        if (in->at < in->end && (*in->at == '+' || *in->at == '-'))
            in->at++;
        if (!digits(in))
            return wrong(in, "a digit of the exponent");
    }
    return JP_OK;
}

static bool word(struct reader *in, const char *text)
{
    size_t size = strlen(text);
    if ((size_t)(in->end - in->at) < size || memcmp(in->at, text, size) != 0)
        return false;
    in->at += size;
    return true;
}

/* One value, or the opening of an array or object. */
static jp_status read_value(struct reader *in, const char *name, jpx_json **out)
{
    jpx_json *node = jpx_alloc(in->arena, sizeof *node);
    char c = in->at < in->end ? *in->at : '\0';
    jp_status status = JP_OK;

    node->at = in->at;
    node->name = name;
    if (c == '{' || c == '[') {
        node->type = c == '{' ? JPX_JSON_OBJECT : JPX_JSON_ARRAY;
        if (in->depth == JPX_JSON_DEPTH_MAX)
            return jpx_fail(in->err, JP_E_TOO_LARGE, "the JSON is nested deeper than %d levels", JPX_JSON_DEPTH_MAX);
        in->at++;
        JPX_PUSH(in->arena, in->stack, in->depth, in->cap) = (struct open){node, NULL};
    } else if (c == '"') {
        node->type = JPX_JSON_STRING;
        status = read_string(in, &node->string);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        node->type = JPX_JSON_NUMBER;
        status = read_number(in);
    } else if (word(in, "true") || word(in, "false")) {
        node->type = JPX_JSON_BOOL;
    } else if (!word(in, "null")) {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '\'' || c & 0x80)
            return wrong(in, "a value (strings need double quotes)");
        return wrong(in, "a value");
    }
    node->size = (uint32_t)(in->at - node->at);
    *out = node;
    return status;
}

static jp_status read_name(struct reader *in, const char **name)
{
    if (in->at == in->end || *in->at != '"')
        return wrong(in, "a name in double quotes");
    if (read_string(in, name) != JP_OK)
        return in->err->status;
    skip_blanks(in);
    if (in->at == in->end || *in->at != ':')
        return wrong(in, "':'");
    in->at++;
    skip_blanks(in);
    return JP_OK;
}

/* Reads what follows inside the innermost open array or object: its end, or an element. */
static jp_status read_element(struct reader *in)
{
    struct open *top = &in->stack[in->depth - 1];
    bool object = top->node->type == JPX_JSON_OBJECT;
    const char *name = NULL;
    jpx_json *node;
    jp_status status;

    skip_blanks(in);
    if (in->at < in->end && *in->at == (object ? '}' : ']')) {
        in->at++;
        top->node->size = (uint32_t)(in->at - top->node->at);
        in->depth--;
        return JP_OK;
    }
    if (top->last) {
        if (in->at == in->end || *in->at != ',')
            return wrong(in, object ? "',' or '}'" : "',' or ']'");
        in->at++;
        skip_blanks(in);
    }
    if (object && (status = read_name(in, &name)) != JP_OK)
        return status;
    size_t parent = in->depth - 1; /* reading a value may move the stack */
    if ((status = read_value(in, name, &node)) != JP_OK)
        return status;
    top = &in->stack[parent];
    if (top->last)
        top->last->next = node;
    else
        top->node->first = node;
    top->last = node;
    return JP_OK;
}

jp_status jpx_json_read(jpx_bytes text, jpx_arena *arena, const jpx_json **out, jp_error *err)
{
    struct reader in = {.arena = arena, .err = err};
    jpx_json *root = NULL;
    jp_status status;

    if (text.size >= UINT32_MAX)
        return jpx_fail(err, JP_E_TOO_LARGE, "the JSON has %zu bytes, more than can be read", text.size);
    in.start = in.at = text.size ? (const char *)text.data : "";
    in.end = in.start + text.size;
    skip_blanks(&in);
    status = read_value(&in, NULL, &root);
    while (status == JP_OK && in.depth)
        status = read_element(&in);
    if (status != JP_OK)
        return status;
    skip_blanks(&in);
    if (in.at != in.end)
        return wrong(&in, "the end of the text");
    *out = root;
    return JP_OK;
}

const jpx_json *jpx_json_get(const jpx_json *object, const char *name)
{
    if (!object || object->type != JPX_JSON_OBJECT)
        return NULL;
    for (const jpx_json *member = object->first; member; member = member->next)
        if (strcmp(member->name, name) == 0)
            return member;
    return NULL;
}

const char *jpx_json_string(const jpx_json *object, const char *name, const char *otherwise)
{
    const jpx_json *member = jpx_json_get(object, name);
    return member && member->string ? member->string : otherwise;
}

bool jpx_json_is_int(const jpx_json *node, int64_t *out)
{
    char text[24];
    if (!node || node->type != JPX_JSON_NUMBER || node->size >= sizeof text)
        return false;
    memcpy(text, node->at, node->size);
    text[node->size] = '\0';
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (*end || errno)
        return false;
    *out = number;
    return true;
}

int64_t jpx_json_int(const jpx_json *object, const char *name, int64_t otherwise)
{
    int64_t number;
    return jpx_json_is_int(jpx_json_get(object, name), &number) ? number : otherwise;
}

bool jpx_json_bool(const jpx_json *object, const char *name, bool otherwise)
{
    const jpx_json *member = jpx_json_get(object, name);
    return member && member->type == JPX_JSON_BOOL ? member->at[0] == 't' : otherwise;
}

size_t jpx_json_count(const jpx_json *node)
{
    size_t count = 0;
    for (const jpx_json *item = node ? node->first : NULL; item; item = item->next)
        count++;
    return count;
}

void jpx_json_put(jpx_text *text, const jpx_json *node)
{
    const char *end = node->at + node->size, *from = node->at;
    bool quoted = false;

    for (const char *p = from; p < end; p++) {
        if (quoted && *p == '\\') {
            p++;
        } else if (*p == '"') {
            quoted = !quoted;
        } else if (!quoted && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) {
            jpx_text_put(text, from, (size_t)(p - from));
            from = p + 1;
        }
    }
    jpx_text_put(text, from, (size_t)(end - from));
}
