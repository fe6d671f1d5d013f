/* page.h -- the memory that the worker shares with one executor process.
 *
 * Everything between the two goes through this page: attempts in one ring of bytes, outcomes in the other, the state of
 * each attempt that is in the process, and what the crash handler found out. What the process put there survives its
 * death, so an outcome that was written before the crash of the next body is not lost, and nothing needs to be flushed.
 *
 * Invariants
 *  1. A user's body can scribble over all of it. The worker therefore trusts nothing here: each side keeps its own
 * position of a ring in private memory and only publishes it, and the worker copies before it looks.
 *  2. A slot goes QUEUED -> BEGUN (by the process) or QUEUED -> REVOKED (by the worker), one compare-and-set decides.
 * Then BEGUN -> ENDED and REVOKED -> SKIPPED, both by the process.
 *  3. Frames are taken in the order in which they were put; the outcome of frame n is in the ring before frame n+1
 * begins.
 *
 * Nothing here blocks except jpx_futex_wait(), which only the process calls. */
#ifndef JPX_EXECUTOR_PAGE_H
#define JPX_EXECUTOR_PAGE_H

#include "exec/crash.h"
#include <stdatomic.h>

enum {
    JPX_WINDOW_MAX = 64,         /* attempts in one process, the one at work included         */
    JPX_RING_BYTES = 256 * 1024, /* a power of two; larger frames pass through it in pieces     */
    JPX_FRAME_MAX = 1 << 30      /* one attempt or outcome, encoded                             */
};

/* One writer, one reader. head and tail count bytes ever put and taken, modulo 2^32. */
typedef struct jpx_ring {
    _Alignas(64) _Atomic uint32_t head;
    _Alignas(64) _Atomic uint32_t tail;
    _Alignas(64) _Atomic uint32_t waits; /* the process sleeps until the worker's counter moves */
    _Alignas(64) uint8_t data[JPX_RING_BYTES];
} jpx_ring;

/* One side of a ring, in private memory. */
typedef struct jpx_ring_end {
    jpx_ring *ring;
    uint32_t at;
} jpx_ring_end;

typedef enum jpx_slot_state {
    JPX_SLOT_FREE,
    JPX_SLOT_QUEUED,
    JPX_SLOT_BEGUN,
    JPX_SLOT_ENDED,
    JPX_SLOT_REVOKED,
    JPX_SLOT_SKIPPED
} jpx_slot_state;

typedef struct jpx_page_slot {
    _Atomic uint32_t state;
    _Atomic int64_t begun_ns; /* CLOCK_MONOTONIC; valid once BEGUN */
} jpx_page_slot;

typedef struct jpx_frame_head {
    uint32_t size; /* of the bytes that follow; 0 to the process = leave */
    uint32_t seq;  /* counts up from 0 */
} jpx_frame_head;

typedef struct jpx_page {
    _Atomic uint32_t sent;        /* frames that are complete in `in` */
    _Atomic uint32_t bell_at;     /* ring the bell when no more than so many frames are left */
    _Atomic uint32_t armed;       /* the worker wants one bell */
    _Atomic uint32_t wants_space; /* the worker is in the middle of a frame larger than the ring */
    jpx_watch watch;              /* which body is at work, which one is over time */
    jpx_page_slot slots[JPX_WINDOW_MAX];
    jpx_crash crash;
    jpx_ring in, out; /* attempts, outcomes */
} jpx_page;

/* Reader: bytes that are there; SIZE_MAX = the counters are impossible, somebody wrote over them. */
size_t jpx_ring_ready(const jpx_ring_end *);
void jpx_ring_peek(const jpx_ring_end *, void *out, size_t size); /* size <= ready */
void jpx_ring_skip(jpx_ring_end *, size_t size);
/* Writer. */
size_t jpx_ring_space(const jpx_ring_end *);
size_t jpx_ring_put(jpx_ring_end *, const void *data, size_t size); /* what fits; returns how much that was */

/* Sleeps while *word is `seen`. Spurious returns happen. */
void jpx_futex_wait(_Atomic uint32_t *word, uint32_t seen);
/* Wakes the process if it sleeps on this word of the ring. */
void jpx_ring_wake(jpx_ring *, _Atomic uint32_t *word);

#endif
