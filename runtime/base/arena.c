/* arena.c -- memory by lifetime: a list of blocks, each twice as large as the one before, up to 1 MiB. Only the first
 * block of the list has free space. A large item gets a block of its own, second in the list, so that it does not end
 * the use of the first. */
#include "base/base.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1024 * 1024, ALIGN = 16 };

struct block {
    struct block *next;
    size_t size, used;
    _Alignas(ALIGN) uint8_t data[];
};

struct jpx_arena {
    struct block *blocks; /* never NULL */
};

static struct block *block_new(size_t size)
{
    struct block *block = malloc(sizeof *block + size);
    JPX_ASSERT(block != NULL);
    block->next = NULL;
    block->size = size;
    block->used = 0;
    return block;
}

jpx_arena *jpx_arena_new(void)
{
    jpx_arena *arena = malloc(sizeof *arena);
    JPX_ASSERT(arena != NULL);
    arena->blocks = block_new(FIRST_BLOCK);
    return arena;
}

void jpx_arena_free(jpx_arena *arena)
{
    if (!arena)
        return;
    for (struct block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

void jpx_arena_reset(jpx_arena *arena)
{
    struct block *keep = arena->blocks;
    for (struct block *block = keep->next, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    keep->next = NULL;
    keep->used = 0;
    arena->blocks = keep;
}

void *jpx_alloc(jpx_arena *arena, size_t size)
{
    struct block *block = arena->blocks;

    JPX_ASSERT(size < SIZE_MAX / 4);
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (block->size - block->used < size) {
        size_t next = block->size < LARGEST_BLOCK ? block->size * 2 : LARGEST_BLOCK;
        if (size > next / 4) {
            struct block *own = block_new(size);
            own->used = size;
            own->next = block->next;
            block->next = own;
            return memset(own->data, 0, size);
        }
        struct block *fresh = block_new(next);
        fresh->next = block;
        arena->blocks = block = fresh;
    }
    void *out = block->data + block->used;
    block->used += size;
    return memset(out, 0, size);
}

void *jpx_alloc_array(jpx_arena *arena, size_t count, size_t size)
{
    size_t total;
    JPX_ASSERT(!__builtin_mul_overflow(count, size, &total));
    return jpx_alloc(arena, total);
}

void *jpx_grow_(jpx_arena *arena, void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    *cap = *cap ? *cap * 2 : 8;
    void *grown = jpx_alloc_array(arena, *cap, size);
    if (count)
        memcpy(grown, items, count * size);
    return grown;
}

jpx_bytes jpx_copy(jpx_arena *arena, const void *data, size_t size)
{
    uint8_t *copy = jpx_alloc(arena, size + 1);
    if (size)
        memcpy(copy, data, size);
    return (jpx_bytes){copy, size};
}

char *jpx_strndup(jpx_arena *arena, const char *text, size_t size)
{
    return (char *)jpx_copy(arena, text, size).data;
}

char *jpx_strdup(jpx_arena *arena, const char *text)
{
    return jpx_strndup(arena, text, strlen(text));
}

char *jpx_vformat(jpx_arena *arena, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    JPX_ASSERT(size >= 0);
    char *out = jpx_alloc(arena, (size_t)size + 1);
    vsnprintf(out, (size_t)size + 1, fmt, args);
    return out;
}

char *jpx_format(jpx_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *out = jpx_vformat(arena, fmt, args);
    va_end(args);
    return out;
}
