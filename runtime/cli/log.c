/* log.c -- see log.h. */
#include "cli/log.h"
#include <string.h>

void jpx_log_sink_init(jpx_log_sink *sink, FILE *file)
{
    *sink = (jpx_log_sink){.file = file};
    pthread_mutex_init(&sink->lock, NULL);
}

void jpx_log_sink_detour(jpx_log_sink *sink, jpx_log_detour detour, void *ctx)
{
    pthread_mutex_lock(&sink->lock);
    sink->detour = detour;
    sink->detour_ctx = ctx;
    pthread_mutex_unlock(&sink->lock);
}

/* May this text be a JSON number? Digits, perhaps a sign and one point, no leading zero, short enough for a double. */
static bool is_number(const char *s, size_t size)
{
    size_t at = *s == '-', points = 0;

    if (size == at || size > 15 || (s[at] == '0' && size > at + 1 && s[at + 1] != '.'))
        return false;
    for (size_t i = at; i < size; i++) {
        points += s[i] == '.';
        if ((s[i] != '.' && (s[i] < '0' || s[i] > '9')) || points > 1)
            return false;
    }
    return s[at] != '.' && s[size - 1] != '.';
}

void jpx_log_to_json(jpx_text *out, const char *line)
{
    jpx_text_puts(out, "{");
    for (const char *at = line + strspn(line, " "); *at; at += strspn(at, " ")) {
        size_t size = strcspn(at, "= ");
        const char *name = jpx_strndup(out->arena, at, size);
        at += size;
        if (*at != '=') {
            if (size)
                jpx_text_member_raw(out, name, "true");
            continue;
        }
        at++;
        if (*at == '"') {
            jpx_text value = jpx_text_new(out->arena);
            for (at++; *at && *at != '"'; at++) {
                if (*at == '\\' && at[1])
                    at++;
                jpx_text_put(&value, at, 1);
            }
            at += *at == '"';
            jpx_text_member(out, name, value.s);
        } else {
            size = strcspn(at, " ");
            const char *value = jpx_strndup(out->arena, at, size);
            if (is_number(value, size) || strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
                jpx_text_member_raw(out, name, value);
            else
                jpx_text_member(out, name, value);
            at += size;
        }
    }
    jpx_text_puts(out, "}");
}

void jpx_log_sink_print(jpx_log_sink *sink, const char *line)
{
    pthread_mutex_lock(&sink->lock);
    if (sink->detour)
        sink->detour(sink->detour_ctx, line);
    else
        fprintf(sink->file, "%s\n", line);
    fflush(sink->file);
    pthread_mutex_unlock(&sink->lock);
}

void jpx_log_sink_write(void *ctx, jpx_log_level level, const char *line)
{
    jpx_log_sink *sink = ctx;

    (void)level;
    if (!sink->json) {
        jpx_log_sink_print(sink, line);
        return;
    }
    jpx_arena *arena = jpx_arena_new();
    jpx_text text = jpx_text_new(arena);
    jpx_log_to_json(&text, line);
    jpx_log_sink_print(sink, text.s);
    jpx_arena_free(arena);
}
