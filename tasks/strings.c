/* strings.c */
#include "tasks.h"
#include <string.h>

/* The parts, one behind the other, with the separator between them. */
JP_PIPE(Concat, p, .takes = "string? separator, string... parts", .gives = "string")
{
    const char *separator = jp_given(p, "separator") ? jp_string(p, "separator") : "";
    size_t size = 1, used = 0, count = jp_count(p, "parts");
    char *out;

    for (size_t i = 0; i < count; i++)
        size += strlen(jp_string_at(p, "parts", i)) + strlen(separator);
    out = jp_alloc(p, size);
    for (size_t i = 0; i < count; i++) {
        const char *pieces[] = {i ? separator : "", jp_string_at(p, "parts", i)};
        for (size_t k = 0; k < 2; k++) {
            memcpy(out + used, pieces[k], strlen(pieces[k]));
            used += strlen(pieces[k]);
        }
    }
    return jp_return(p, (const char *)out);
}

/* "this %s %d": %s takes a string (or the JSON of anything else), %d an int64, %g a number, %% is a percent sign. */
JP_PIPE(Format, p, .takes = "string format, any... values", .gives = "string")
{
    const char *format = jp_string(p, "format"), *out = "";
    size_t next = 0, count = jp_count(p, "values");

    for (const char *at = format; *at;) {
        size_t plain = strcspn(at, "%");
        out = jp_format(p, "%s%.*s", out, (int)plain, at);
        at += plain;
        if (!*at)
            break;
        char kind = at[1];
        at += kind ? 2 : 1;
        if (kind == '%') {
            out = jp_format(p, "%s%%", out);
            continue;
        }
        if (kind != 's' && kind != 'd' && kind != 'g')
            return jp_abort(p, "Format knows %%s, %%d, %%g and %%%%, not %%%c, in \"%s\"", kind ? kind : ' ', format);
        if (next == count)
            return jp_abort(p, "Format has only %zu values for \"%s\"", count, format);
        jp_value value = jp_arg_at(p, "values", next++);
        if (kind == 'd' && value.type == JP_INT64)
            out = jp_format(p, "%s%lld", out, (long long)value.as.i64);
        else if (kind == 'g' && (value.type == JP_INT64 || value.type == JP_DOUBLE))
            out = jp_format(p, "%s%g", out, value.type == JP_INT64 ? (double)value.as.i64 : value.as.f64);
        else if (kind == 's')
            out = jp_format(p, "%s%s", out, value.type == JP_STRING ? value.as.str : jp_json(p, value));
        else
            return jp_abort(p, "Format: value %zu is %s, which does not fit %%%c in \"%s\"", next, jp_json(p, value),
                            kind, format);
    }
    if (next != count)
        return jp_abort(p, "Format has %zu values, but \"%s\" takes %zu", count, format, next);
    return jp_return(p, out);
}
