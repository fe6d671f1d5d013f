/* text.h -- a growing text in an arena: requests to the api and everything the command draws is
 * built in one. `s` is always there and ends with NUL. No I/O. */
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
void jpx_text_pad(jpx_text *, size_t columns); /* blanks */
/* As a JSON string, quotes included. */
void jpx_text_quote(jpx_text *, const char *s);
/* "name":"value" and a comma before it unless the text ends with '{'; nothing when value is NULL. */
void jpx_text_member(jpx_text *, const char *name, const char *value);
void jpx_text_member_int(jpx_text *, const char *name, int64_t value);
void jpx_text_member_raw(jpx_text *, const char *name, const char *json);

#endif
