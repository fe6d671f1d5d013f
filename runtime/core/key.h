/* key.h -- the keys of all records. Pure.
 *
 * - Every key of a root starts with the root's 12 bytes, except those of timers: so a root's records are one range in
 *   each table, and its cleanup is one range delete. Timers start with the due time, so that the next ones come first.
 * - Integers are big-endian, so that byte order is numeric order.
 * - All keys of one table have the same length, because MongoDB orders binaries by length first. */
#ifndef JPX_KEY_H
#define JPX_KEY_H

#include "base/base.h"

enum {
    JPX_ROOT_SIZE = 12,     /* ms since 1970 (6), random (6)                                */
    JPX_GEN_SIZE = 8,       /* random; all zero for the root pipeline                        */
    JPX_PIPELINE_SIZE = 24, /* root, generation, index (4)                                   */
    JPX_ENTRY_SIZE = 28,    /* pipeline, step (4)                                            */
    JPX_BARRIER_SIZE = 28,  /* pipeline (start) or root, generation, ff ff ff ff (finish); part (4) */
    JPX_VALUE_SIZE = 36,    /* entry, random (8)                                             */
    JPX_FILL_SIZE = 32,     /* pipeline, hash of the slot's name (8)                         */
    JPX_MARK_SIZE = 36,     /* entry, random (8)                                             */
    JPX_TIMER_SIZE = 36     /* due in ms (8), entry                                          */
};
#define JPX_FINISH_INDEX UINT32_MAX /* index of a generation's finish barrier */
#define JPX_TOP_PART     UINT32_MAX /* part of a barrier's top document */

typedef struct jpx_root_id {
    uint8_t b[JPX_ROOT_SIZE];
} jpx_root_id;
typedef struct jpx_key {
    uint8_t b[JPX_PIPELINE_SIZE];
} jpx_key; /* of a pipeline; with JPX_FINISH_INDEX, of a generation's finish barrier */

jpx_key jpx_key_make(jpx_root_id root, const uint8_t gen[JPX_GEN_SIZE], uint32_t index);
jpx_key jpx_key_root(jpx_root_id root); /* of the root pipeline */
bool jpx_key_is_root(const jpx_key *);
jpx_root_id jpx_key_root_id(const jpx_key *);
const uint8_t *jpx_key_gen(const jpx_key *);
uint32_t jpx_key_index(const jpx_key *);
bool jpx_key_equal(const jpx_key *, const jpx_key *);

void jpx_entry_id(uint8_t out[JPX_ENTRY_SIZE], const jpx_key *, uint32_t step);
void jpx_barrier_id(uint8_t out[JPX_BARRIER_SIZE], const jpx_key *, uint32_t part);
void jpx_fill_id(uint8_t out[JPX_FILL_SIZE], const jpx_key *, const char *slot);
void jpx_timer_id(uint8_t out[JPX_TIMER_SIZE], int64_t due_ms, const jpx_key *, uint32_t step);
/* The lowest and the highest id of `size` bytes whose first `common` bytes are those of `first`, or of `last`. */
void jpx_id_bounds(uint8_t *lo, uint8_t *hi, size_t size, const uint8_t *first, const uint8_t *last, size_t common);
/* Ids of values and marks: entry id, then 8 random bytes. */
void jpx_tail_id(uint8_t out[JPX_VALUE_SIZE], const jpx_key *, uint32_t step, const uint8_t tail[8]);

void jpx_put32(uint8_t *out, uint32_t);
uint32_t jpx_get32(const uint8_t *);
void jpx_put64(uint8_t *out, uint64_t);
uint64_t jpx_get64(const uint8_t *);

/* As text: a root is 24 hex digits, a pipeline "<16 hex digits>:<index>", without its root. */
enum { JPX_ROOT_TEXT = 25, JPX_KEY_TEXT = 32 };
const char *jpx_root_text(char out[JPX_ROOT_TEXT], const jpx_root_id *);
bool jpx_root_parse(jpx_root_id *, const char *text);
const char *jpx_key_text(char out[JPX_KEY_TEXT], const jpx_key *);

/* Newer roots sort later, because the time comes first. */
jpx_root_id jpx_root_new(int64_t now_ms, const uint8_t random[6]);

#endif
