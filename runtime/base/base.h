/* base.h -- what every part of the library uses: errors, arenas, bytes, the injected clock and
 * random source, the log.
 *
 * Nothing here does I/O except the log's sink, and nothing keeps global state. */
#ifndef JPX_BASE_H
#define JPX_BASE_H

#include <jetpipe.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- assertions: stay on in every build; a failed one is a bug of ours ---- */
#define JPX_ASSERT(cond) ((cond) ? (void)0 : jpx_assert_failed(#cond, __FILE__, __LINE__))
_Noreturn void jpx_assert_failed(const char *cond, const char *file, int line);

/* ---- errors ---- */

/* Fills `err` (may be NULL) and returns `status`, so that `return jpx_fail(err, ...)` reads well. */
jp_status jpx_fail(jp_error *err, jp_status status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "what: " before the text that is there already; returns err->status. */
jp_status jpx_wrap(jp_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- bytes ---- */
typedef struct jpx_bytes {
    const uint8_t *data;
    size_t size;
} jpx_bytes;

/* ---- arena: memory by lifetime; everything in it goes at once ---- */
typedef struct jpx_arena jpx_arena;
jpx_arena *jpx_arena_new(void);
void jpx_arena_free(jpx_arena *);  /* NULL is fine */
void jpx_arena_reset(jpx_arena *); /* forgets everything, keeps the first block */
/* Zeroed, aligned for any type, never NULL: out of memory is an assertion. */
void *jpx_alloc(jpx_arena *, size_t size);
void *jpx_alloc_array(jpx_arena *, size_t count, size_t size); /* checks the product */
char *jpx_strdup(jpx_arena *, const char *);
char *jpx_strndup(jpx_arena *, const char *, size_t);
char *jpx_format(jpx_arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *jpx_vformat(jpx_arena *, const char *fmt, va_list);
jpx_bytes jpx_copy(jpx_arena *, const void *data, size_t size);

/* A growing array in an arena: JPX_PUSH(arena, items, count, cap) = value; */
#define JPX_PUSH(arena, items, count, cap)                                                                             \
    (*((items) = jpx_grow_((arena), (items), (count), &(cap), sizeof *(items)), &(items)[(count)++]))
void *jpx_grow_(jpx_arena *, void *items, size_t count, size_t *cap, size_t size);

/* ---- hex ---- */
void jpx_hex(char *out /* 2 * size + 1 */, const uint8_t *data, size_t size);
bool jpx_unhex(uint8_t *out, size_t size, const char *hex /* exactly 2 * size digits are read */);

/* FNV-1a, 64 bits: for hash tables and names, not against enemies. */
uint64_t jpx_hash(const void *data, size_t size);

/* ---- the outside world, injected: clock, random source, log ---- */
typedef enum jpx_log_level { JPX_DEBUG, JPX_INFO, JPX_WARN, JPX_ERROR } jpx_log_level;

typedef struct jpx_env {
    int64_t (*now_ms)(void *ctx);                            /* since 1970, UTC */
    void (*random)(void *ctx, void *out, size_t size);       /* unguessable in production */
    void (*log)(void *ctx, jpx_log_level, const char *line); /* one logfmt line without newline; NULL = silent */
    void *ctx;
    jpx_log_level level; /* lines below it are not made */
} jpx_env;

int64_t jpx_now(const jpx_env *);
void jpx_random(const jpx_env *, void *out, size_t size);
/* `event` is a fixed word or two; `fmt` gives further logfmt pairs ("root=%s attempt=%d"). */
void jpx_log(const jpx_env *, jpx_log_level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The real ones: CLOCK_REALTIME, getrandom, stderr. */
jpx_env jpx_env_system(jpx_log_level);

/* RFC 3339 with milliseconds, "2026-11-22T07:00:00.123Z"; out has at least 32 bytes. */
void jpx_time_text(char *out, int64_t ms);

/* ---- limits: every queue, list, depth and document has a named maximum ---- */
enum {
    JPX_VALUE_MAX = 8 * 1024 * 1024,    /* one value, encoded (SEMANTICS 3.1)           */
    JPX_INLINE_MAX = 64 * 1024,         /* larger values get a record of their own      */
    JPX_CHILDREN_MAX = 4 * 1000 * 1000, /* of one generation                            */
    JPX_DEPS_MAX = 16 * 1000 * 1000,    /* of one child; a barrier has room for 4,032 * 4,032 */
    JPX_NAME_MAX = 63,                  /* pipe, queue, slot, prefix                    */
    JPX_KEY_MAX = 512,                  /* idempotency key, bytes                       */
    JPX_REASON_MAX = 2048,              /* text of a failure, bytes                     */
    JPX_BATCH_MAX = 512,                /* events handled together                      */
    JPX_QUEUES_MAX = 256                /* queues of one process                        */
};

#endif
