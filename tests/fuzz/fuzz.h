/* fuzz.h -- what the fuzz targets share. A target is one function of bytes; whatever they are, it returns 0, leaks
 * nothing, and what it claims of the code holds (claim). Built by clang with libFuzzer, or by any compiler with
 * replay.c, which runs the corpus and small changes of it. */
#ifndef FUZZ_H
#define FUZZ_H

#include "base/base.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that must hold for all inputs. */
#define claim(cond) ((cond) ? (void)0 : claim_failed(#cond, __FILE__, __LINE__))
static inline void claim_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, cond);
    abort();
}

static inline bool same_bytes(jpx_bytes a, jpx_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* ---- an input taken apart ---- */
typedef struct fuzz_input {
    const uint8_t *data;
    size_t size;
} fuzz_input;

/* The next byte; 0 when there is none left. */
static inline uint8_t take_byte(fuzz_input *in)
{
    if (!in->size)
        return 0;
    in->size--;
    return *in->data++;
}

static inline uint64_t take_number(fuzz_input *in, size_t bytes)
{
    uint64_t value = 0;
    while (bytes--)
        value = value << 8 | take_byte(in);
    return value;
}

/* What comes before the next `end`, or all that is left, as text in `arena`. */
static inline char *take_text(fuzz_input *in, uint8_t end, jpx_arena *arena)
{
    const uint8_t *stop = in->size ? memchr(in->data, end, in->size) : NULL;
    size_t size = stop ? (size_t)(stop - in->data) : in->size;
    char *text = jpx_strndup(arena, (const char *)in->data, size);
    in->data += size + (stop != NULL);
    in->size -= size + (stop != NULL);
    return text;
}

/* All that is left, in a block of exactly its size, so that a sanitizer sees every byte too far. To be freed. */
static inline jpx_bytes take_rest(fuzz_input *in)
{
    uint8_t *exact = malloc(in->size ? in->size : 1);
    JPX_ASSERT(exact != NULL);
    if (in->size)
        memcpy(exact, in->data, in->size);
    jpx_bytes bytes = {exact, in->size};
    in->size = 0;
    return bytes;
}

#endif
