/* strings.c -- strings made of values. */
#include "tasks.h"
#include <string.h>

/* A text that grows in the body's arena. */
typedef struct text {
    jp_ctx *p;
    char *s; /* ends with NUL */
    size_t size, room;
} text;

static void put(text *t, const char *s, size_t size)
{
    if (t->size + size >= t->room) {
        t->room = 2 * (t->size + size) + 64;
        char *more = jp_alloc(t->p, t->room);
        if (t->size)
            memcpy(more, t->s, t->size);
        t->s = more;
    }
    memcpy(t->s + t->size, s, size);
    t->size += size;
    t->s[t->size] = '\0';
}

static void puts_to(text *t, const char *s)
{
    put(t, s, strlen(s));
}

/* Joins the parts, with the separator between them. */
JP_PIPE(Concat, p, .takes = "list parts, string? separator", .gives = "string")
{
    const char *separator = jp_given(p, "separator") ? jp_string(p, "separator") : "";
    text out = {.p = p};

    put(&out, "", 0);
    for (size_t i = 0; i < jp_count(p, "parts"); i++) {
        const jp_value part = jp_arg_at(p, "parts", i);
        if (part.type != JP_STRING)
            return jp_abort(p, "Concat: part %zu is %s, not a string; Format makes one of it", i + 1, jp_json(p, part));
        puts_to(&out, i ? separator : "");
        puts_to(&out, part.as.str);
    }
    return jp_return(p, (const char *)out.s);
}

/* The value in the format of this letter; NULL: it does not fit. */
static const char *formatted(jp_ctx *p, char kind, jp_value value)
{
    switch (kind) {
    case 's':
        return value.type == JP_STRING ? value.as.str : jp_json(p, value);
    case 'd':
        return value.type == JP_INT64 ? jp_format(p, "%lld", (long long)value.as.i64) : NULL;
    case 'g':
        if (value.type == JP_INT64)
            return jp_format(p, "%g", (double)value.as.i64);
        return value.type == JP_DOUBLE ? jp_format(p, "%g", value.as.f64) : NULL;
    default:
        return NULL;
    }
}

/* "this %s %d": %s is a string, or anything else as JSON; %d an int64, %g a number, %% a percent sign. */
JP_PIPE(Format, p, .takes = "string format, any... values", .gives = "string")
{
    const char *format = jp_string(p, "format");
    size_t next = 0, count = jp_count(p, "values");
    text out = {.p = p};

    put(&out, "", 0);
    for (const char *at = format; *at;) {
        const size_t plain = strcspn(at, "%");
        put(&out, at, plain);
        at += plain;
        if (!*at)
            break;
        const char kind = at[1];
        at += kind ? 2 : 1;
        if (kind == '%') {
            put(&out, "%", 1);
            continue;
        }
        if (!kind)
            return jp_abort(p, "Format: \"%s\" ends with a lone %%; a percent sign is written %%%%", format);
        if (!strchr("sdg", kind))
            return jp_abort(p, "Format knows %%s, %%d, %%g and %%%%, not the %%%s in \"%s\"",
                            (unsigned char)kind < 0x80 ? jp_format(p, "%c", kind) : "", format);
        if (next == count)
            return jp_abort(p, "Format: only %zu values were given for \"%s\"", count, format);
        const jp_value value = jp_arg_at(p, "values", next++);
        const char *one = formatted(p, kind, value);
        if (!one)
            return jp_abort(p, "Format: value %zu, %s, does not fit the %%%c in \"%s\"", next, jp_json(p, value), kind,
                            format);
        puts_to(&out, one);
    }
    if (next != count)
        return jp_abort(p, "Format: \"%s\" takes %zu values, and %zu were given", format, next, count);
    return jp_return(p, (const char *)out.s);
}
