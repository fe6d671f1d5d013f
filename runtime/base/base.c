/* base.c -- errors, hex, the hash and the assertion. No I/O, but for the last words of a failed assertion. */
#include "base/base.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void jpx_assert_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "jetpipe: bug: %s is false at %s:%d; please report it\n", cond, file, line);
    abort();
}

const char *jp_status_text(jp_status status)
{
    switch (status) {
#define TEXT(name, number, text, class_)                                                                               \
    case JP_##name:                                                                                                    \
        return text;
        JP_STATUS_MAP(TEXT)
#undef TEXT
    }
    return "unknown status";
}

jp_status jpx_fail(jp_error *err, jp_status status, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        err->status = status;
        vsnprintf(err->text, sizeof err->text, fmt, args);
        va_end(args);
    }
    return status;
}

jp_status jpx_wrap(jp_error *err, const char *fmt, ...)
{
    char old[sizeof err->text], what[sizeof err->text];
    va_list args;

    JPX_ASSERT(err != NULL);
    memcpy(old, err->text, sizeof old);
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    size_t used = (size_t)snprintf(err->text, sizeof err->text, "%.200s: ", what);
    snprintf(err->text + used, sizeof err->text - used, "%s", old);
    return err->status;
}

void jpx_hex(char *out, const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * size] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool jpx_unhex(uint8_t *out, size_t size, const char *hex)
{
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = high < 0 ? -1 : hex_digit(hex[2 * i + 1]);
        if (low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

uint64_t jpx_hash(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 1099511628211u;
    return hash;
}

const char *jp_version(void)
{
    return JETPIPE_VERSION;
}

bool jpx_is_name(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t size = name ? strspn(name, letters) : 0;
    return size > 0 && size <= JPX_NAME_MAX && name[size] == '\0';
}
