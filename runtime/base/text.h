/* text.h -- a text that grows in an arena, and JSON written into one: events, requests, what the command draws. `s` is
 * never NULL and ends with NUL. No I/O. */
#ifndef JPX_TEXT_H
#define JPX_TEXT_H

#include "base/base.h"

typedef struct jpx_text {
    jpx_arena *arena;
    char *s;
    size_t size, cap;
} jpx_text;

jpx_text jpx_text_new(jpx_arena *);
void jpx_text_put(jpx_text *, const char *s, size_t size);
void jpx_text_puts(jpx_text *, const char *s);
void jpx_text_add(jpx_text *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As a JSON string, quotes included. */
void jpx_text_quote(jpx_text *, const char *s);
/* "name":"value" and a comma before it unless the text ends with '{'; nothing when value is NULL. */
void jpx_text_member(jpx_text *, const char *name, const char *value);
void jpx_text_member_int(jpx_text *, const char *name, int64_t value);
void jpx_text_member_raw(jpx_text *, const char *name, const char *json);
void jpx_text_member_time(jpx_text *, const char *name, int64_t ms); /* RFC 3339 */

/* A JSON string by itself, quotes included; for log lines too. */
const char *jpx_json_text(jpx_arena *, const char *text);

#endif
