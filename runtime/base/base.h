/* base.h -- what every part of the library uses: errors, arenas, bytes, hex, limits, and the injected clock, random
 * source and log. Nothing here keeps global state or does I/O, but for what jpx_env_system() returns. */
#ifndef JPX_BASE_H
#define JPX_BASE_H

#include <jetpipe.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- assertions: they stay on in every build; a failed one is a bug of ours and ends the process ---- */
#define JPX_ASSERT(cond) ((cond) ? (void)0 : jpx_assert_failed(#cond, __FILE__, __LINE__))
_Noreturn void jpx_assert_failed(const char *cond, const char *file, int line);

/* ---- errors ---- */

/* Fills in `err` and returns `status`, for `return jpx_fail(err, ...)`. A text that is too long is cut. `err` may be
 * NULL here, for the functions whose header allows that; everywhere else in the library it may not. */
jp_status jpx_fail(jp_error *err, jp_status status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "<text>: " in front of err->text, `<text>` cut to 200 bytes, and returns err->status. */
jp_status jpx_wrap(jp_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- bytes ---- */
typedef struct jpx_bytes {
    const uint8_t *data;
    size_t size;
} jpx_bytes;

/* ---- arena: everything allocated from one is freed together; one thread at a time ---- */
typedef struct jpx_arena jpx_arena;
jpx_arena *jpx_arena_new(void);
void jpx_arena_free(jpx_arena *);  /* NULL is fine */
void jpx_arena_reset(jpx_arena *); /* frees everything but the newest block, which is used again */
/* Zeroed, aligned for any type, never NULL, whatever the size, 0 included: out of memory is an assertion. */
void *jpx_alloc(jpx_arena *, size_t size);
void *jpx_alloc_array(jpx_arena *, size_t count, size_t size); /* asserts that count * size does not overflow */
char *jpx_strdup(jpx_arena *, const char *);
char *jpx_strndup(jpx_arena *, const char *, size_t);
char *jpx_format(jpx_arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *jpx_vformat(jpx_arena *, const char *fmt, va_list);
jpx_bytes jpx_copy(jpx_arena *, const void *data, size_t size);

/* Appends to an array that grows in an arena: JPX_PUSH(arena, items, count, cap) = value; */
#define JPX_PUSH(arena, items, count, cap)                                                                             \
    (*((items) = jpx_grow_((arena), (items), (count), &(cap), sizeof *(items)), &(items)[(count)++]))
void *jpx_grow_(jpx_arena *, void *items, size_t count, size_t *cap, size_t size);

/* ---- hex ---- */
void jpx_hex(char *out /* 2 * size + 1 */, const uint8_t *data, size_t size);
/* Reads exactly 2 * size digits. False if one of them is not a digit. */
bool jpx_unhex(uint8_t *out, size_t size, const char *hex);

/* FNV-1a, 64 bits. Stored keys contain it, so it must not change. It does not resist chosen collisions. */
uint64_t jpx_hash(const void *data, size_t size);

/* ---- the environment: clock, random source and log, injected so that tests and the simulation own them ---- */
typedef enum jpx_log_level { JPX_DEBUG, JPX_INFO, JPX_WARN, JPX_ERROR } jpx_log_level;

typedef struct jpx_env {
    int64_t (*now_ms)(void *ctx);                            /* ms since 1970, UTC */
    void (*random)(void *ctx, void *out, size_t size);       /* unguessable in production */
    void (*log)(void *ctx, jpx_log_level, const char *line); /* one logfmt line, no newline; NULL = no log */
    void *ctx;
    jpx_log_level level; /* lines below it are not formatted */
} jpx_env;

int64_t jpx_now(const jpx_env *);
void jpx_random(const jpx_env *, void *out, size_t size);
/* `event`: a fixed text of a few words; `fmt`: more logfmt pairs ("root=%s attempt=%d"). A line of more than 2 KiB is
 * cut. */
void jpx_log(const jpx_env *, jpx_log_level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* CLOCK_REALTIME, getrandom, stderr. */
jpx_env jpx_env_system(jpx_log_level);

/* RFC 3339 with milliseconds: "2026-11-22T07:00:00.123Z". `out`: at least 32 bytes. */
void jpx_time_text(char *out, int64_t ms);

/* Is this a name of a pipe, queue or slot, or a prefix? 1 to JPX_NAME_MAX of A-Z a-z 0-9 _ -. False for NULL. */
bool jpx_is_name(const char *);

/* ---- limits: every queue, list, depth and document has a named maximum ---- */
enum {
    JPX_VALUE_MAX = 8 * 1024 * 1024,    /* one value, encoded (SEMANTICS 3.1)           */
    JPX_INLINE_MAX = 64 * 1024,         /* larger values get a record of their own      */
    JPX_CHILDREN_MAX = 4 * 1000 * 1000, /* of one generation                            */
    JPX_DEPS_MAX = 16 * 1000 * 1000,    /* of one child; a barrier holds 4,032 * 4,032  */
    JPX_NAME_MAX = 63,                  /* bytes of the name of a pipe, queue or slot, and of the prefix */
    JPX_KEY_MAX = 512,                  /* bytes of an idempotency key                  */
    JPX_REASON_MAX = 2048,              /* bytes of the text of a failure               */
    JPX_BATCH_MAX = 512,                /* events handled together                      */
    JPX_QUEUES_MAX = 256                /* queues of one process                        */
};

#endif
