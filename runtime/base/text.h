/* text.h -- a text that grows in an arena, and the JSON writer for events, requests and log lines. No I/O. */
#ifndef JPX_TEXT_H
#define JPX_TEXT_H

#include "base/base.h"

typedef struct jpx_text {
    jpx_arena *arena;
    char *s; /* never NULL, ends with NUL */
    size_t size, cap;
} jpx_text;

jpx_text jpx_text_new(jpx_arena *);
void jpx_text_put(jpx_text *, const char *s, size_t size);
void jpx_text_puts(jpx_text *, const char *s);
void jpx_text_add(jpx_text *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds a JSON string, quotes included. */
void jpx_text_quote(jpx_text *, const char *s);
/* Adds "name":"value", after a comma unless the text ends with '{'. Adds nothing if `value` is NULL. */
void jpx_text_member(jpx_text *, const char *name, const char *value);
void jpx_text_member_int(jpx_text *, const char *name, int64_t value);
void jpx_text_member_raw(jpx_text *, const char *name, const char *json);
void jpx_text_member_time(jpx_text *, const char *name, int64_t ms); /* RFC 3339 */

/* Returns a JSON string, quotes included. Log lines quote texts with it. */
const char *jpx_json_text(jpx_arena *, const char *text);

#endif
