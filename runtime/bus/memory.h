/* memory.h -- what tests and the simulator may do to the in-memory bus beyond bus.h: look at it, lose messages, ask for
 * the next moment something happens, switch on disorder. Any thread. Every function takes a bus of
 * jpx_bus_open_memory(). */
#ifndef JPX_MEMORY_BUS_H
#define JPX_MEMORY_BUS_H

#include "bus/bus.h"

typedef struct jpx_memory_item {
    const char *subject;
    jpx_bytes data;
    const char *id;      /* NULL = none */
    const char *reason;  /* of a dead letter; NULL = none */
    uint32_t deliveries; /* so far */
    bool held;           /* delivered and not acked */
    int64_t due_ms;      /* held or put off: when it is deliverable again; 0 = now */
} jpx_memory_item;

/* The messages of a stream by sequence, in `arena`. */
size_t jpx_memory_bus_list(jpx_bus *, jpx_stream, jpx_arena *, jpx_memory_item **out);
/* Drops the stream's messages and what it remembers of ids, as a deleted stream does; losses() rises. Acks of what was
 * held are ignored. */
void jpx_memory_bus_lose(jpx_bus *, jpx_stream);
/* When something in a work queue is deliverable: now (of env's clock) if something is, INT64_MAX if nothing ever. */
int64_t jpx_memory_bus_next_ms(jpx_bus *);

/* Disorder, drawn from env->random; all zero (the start) is FIFO, each message once. */
typedef struct jpx_memory_disorder {
    bool shuffle;               /* deliver in any order */
    unsigned duplicate_percent; /* so many acks are lost: the message comes again */
} jpx_memory_disorder;
void jpx_memory_bus_disorder(jpx_bus *, jpx_memory_disorder);

#endif
