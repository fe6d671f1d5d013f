/* text.c -- texts grow by doubling. Outgrown memory stays in the arena until that is freed. */
#include "base/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void reserve(jpx_text *text, size_t more)
{
    if (text->size + more + 1 <= text->cap)
        return;
    size_t cap = text->cap;
    while (cap < text->size + more + 1)
        cap *= 2;
    char *grown = jpx_alloc(text->arena, cap);
    memcpy(grown, text->s, text->size + 1);
    text->s = grown;
    text->cap = cap;
}

jpx_text jpx_text_new(jpx_arena *arena)
{
    enum { FIRST = 256 };
    return (jpx_text){arena, jpx_alloc(arena, FIRST), 0, FIRST};
}

void jpx_text_put(jpx_text *text, const char *s, size_t size)
{
    reserve(text, size);
    if (size)
        memcpy(text->s + text->size, s, size);
    text->size += size;
    text->s[text->size] = '\0';
}

void jpx_text_puts(jpx_text *text, const char *s)
{
    jpx_text_put(text, s, strlen(s));
}

void jpx_text_add(jpx_text *text, const char *fmt, ...)
{
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    JPX_ASSERT(size >= 0);
    reserve(text, (size_t)size);
    vsnprintf(text->s + text->size, (size_t)size + 1, fmt, again);
    va_end(again);
    text->size += (size_t)size;
}

void jpx_text_quote(jpx_text *text, const char *s)
{
    jpx_text_puts(text, "\"");
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            jpx_text_add(text, "\\%c", c);
        else if (c < 0x20)
            jpx_text_add(text, "\\u%04x", c);
        else
            jpx_text_put(text, s, 1);
    }
    jpx_text_puts(text, "\"");
}

void jpx_text_member_raw(jpx_text *text, const char *name, const char *json)
{
    if (text->size && text->s[text->size - 1] != '{')
        jpx_text_puts(text, ",");
    jpx_text_quote(text, name);
    jpx_text_puts(text, ":");
    jpx_text_puts(text, json);
}

void jpx_text_member(jpx_text *text, const char *name, const char *value)
{
    if (!value)
        return;
    jpx_text_member_raw(text, name, "");
    jpx_text_quote(text, value);
}

void jpx_text_member_int(jpx_text *text, const char *name, int64_t value)
{
    jpx_text_member_raw(text, name, "");
    jpx_text_add(text, "%" PRId64, value);
}

void jpx_text_member_time(jpx_text *text, const char *name, int64_t ms)
{
    char stamp[32];
    jpx_time_text(stamp, ms);
    jpx_text_member(text, name, stamp);
}

const char *jpx_json_text(jpx_arena *arena, const char *text)
{
    jpx_text out = jpx_text_new(arena);
    jpx_text_quote(&out, text);
    return out.s;
}
