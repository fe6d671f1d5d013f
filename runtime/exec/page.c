/* page.c -- the two rings of bytes. See page.h for the rules.
 *
 * Who is about to sleep says so and then looks at the counter again; who moves the counter then looks whether somebody
 * sleeps. All four are sequentially consistent, so one of the two sees the other. */
#include "exec/page.h"
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

size_t jpx_ring_ready(const jpx_ring_end *end)
{
    uint32_t there = atomic_load(&end->ring->head) - end->at;
    return there <= JPX_RING_BYTES ? there : SIZE_MAX;
}

void jpx_ring_peek(const jpx_ring_end *end, void *out, size_t size)
{
    size_t from = end->at % JPX_RING_BYTES;
    size_t first = size < JPX_RING_BYTES - from ? size : JPX_RING_BYTES - from;

    memcpy(out, end->ring->data + from, first);
    if (first < size)
        memcpy((uint8_t *)out + first, end->ring->data, size - first);
}

void jpx_ring_skip(jpx_ring_end *end, size_t size)
{
    end->at += (uint32_t)size;
    atomic_store(&end->ring->tail, end->at);
}

size_t jpx_ring_space(const jpx_ring_end *end)
{
    uint32_t used = end->at - atomic_load(&end->ring->tail);
    return used <= JPX_RING_BYTES ? JPX_RING_BYTES - used : 0;
}

size_t jpx_ring_put(jpx_ring_end *end, const void *data, size_t size)
{
    size_t space = jpx_ring_space(end);
    size_t from = end->at % JPX_RING_BYTES;

    if (size > space)
        size = space;
    if (size == 0)
        return 0;
    size_t first = size < JPX_RING_BYTES - from ? size : JPX_RING_BYTES - from;
    memcpy(end->ring->data + from, data, first);
    if (first < size)
        memcpy(end->ring->data, (const uint8_t *)data + first, size - first);
    end->at += (uint32_t)size;
    atomic_store(&end->ring->head, end->at);
    return size;
}

void jpx_futex_wait(_Atomic uint32_t *word, uint32_t seen)
{
    syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
}

void jpx_ring_wake(jpx_ring *ring, _Atomic uint32_t *word)
{
    if (atomic_load(&ring->waits) && atomic_exchange(&ring->waits, 0))
        syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}
