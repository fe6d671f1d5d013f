/* files.c -- see files.h. */
#include "files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The length of the UTF-8 sequence at `at`; 0 if it is invalid (overlong, surrogate and beyond U+10FFFF included). */
static size_t sequence(const unsigned char *at, size_t left)
{
    static const struct {
        unsigned char first, last, low, high; /* of the first byte; of the second one */
        size_t size;
    } forms[] = {{0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                 {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
                 {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (at[0] < forms[i].first || at[0] > forms[i].last)
            continue;
        if (forms[i].size > left || (forms[i].size > 1 && (at[1] < forms[i].low || at[1] > forms[i].high)))
            return 0;
        for (size_t k = 2; k < forms[i].size; k++)
            if (at[k] < 0x80 || at[k] > 0xbf)
                return 0;
        return forms[i].size;
    }
    return 0;
}

bool is_utf8(const char *text, size_t size)
{
    for (size_t at = 0, step; at < size; at += step)
        if ((step = sequence((const unsigned char *)text + at, size - at)) == 0)
            return false;
    return true;
}

jp_value path_value(const char *path)
{
    const size_t size = strlen(path);
    return is_utf8(path, size) ? jp_v_string(path) : jp_v_binary(path, size);
}

const char *path_of(jp_ctx *p, jp_value value)
{
    if (value.type == JP_STRING)
        return value.as.str;
    if (value.type != JP_BINARY || memchr(value.as.bytes.data, '\0', value.as.bytes.size))
        return NULL;
    char *path = jp_alloc(p, value.as.bytes.size + 1);
    memcpy(path, value.as.bytes.data, value.as.bytes.size);
    return path;
}

const char *path_shown(jp_ctx *p, const char *path)
{
    const size_t size = strlen(path);
    char *out = jp_alloc(p, 4 * size + 1);
    size_t used = 0;

    for (size_t at = 0, step; at < size; at += step) {
        step = sequence((const unsigned char *)path + at, size - at);
        if (step) {
            memcpy(out + used, path + at, step);
            used += step;
        } else {
            snprintf(out + used, 5, "\\x%02x", (unsigned char)path[at]);
            used += 4;
            step = 1;
        }
    }
    return out;
}

int file_open(jp_ctx *p, const char *path, bool follow, const char **why)
{
    struct stat st;
    int fd;

    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW));
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        *why = jp_format(p, "%s", strerror(errno));
        return -1;
    }
    if (fstat(fd, &st) != 0)
        *why = jp_format(p, "%s", strerror(errno));
    else if (!S_ISREG(st.st_mode))
        *why = "not a regular file";
    else
        return fd;
    close(fd);
    return -1;
}

int64_t file_read(int fd, char *out, size_t size)
{
    size_t used = 0;

    while (used < size) {
        const ssize_t n = read(fd, out + used, size - used);
        if (n == 0)
            break;
        if (n > 0)
            used += (size_t)n;
        else if (errno != EINTR)
            return -1;
    }
    return (int64_t)used;
}
