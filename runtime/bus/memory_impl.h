/* memory_impl.h -- the in-memory bus from inside: memory.c has the bus, memory_sub.c the subscriptions, memory_queue.c
 * the messages of a durable. One lock guards all of it; a function called *_locked wants it held. */
#ifndef JPX_MEMORY_IMPL_H
#define JPX_MEMORY_IMPL_H

#include "bus/memory.h"
#include "bus/memory_ids.h"
#include "bus/memory_queue.h"
#include <pthread.h>

enum {
    JPX_MEMORY_HISTORY_MAX = 10000,                    /* of EVENT and DEAD each; the oldest goes */
    JPX_MEMORY_MESSAGE_MAX = JPX_VALUE_MAX + 64 * 1024 /* bytes of one message */
};

typedef struct jpx_mem_history {
    jpx_mem_item **ring; /* by sequence modulo JPX_MEMORY_HISTORY_MAX */
    uint64_t last;       /* sequence */
    uint64_t lost;       /* those up to this one were dropped by a test */
} jpx_mem_history;

typedef struct jpx_mem_bus {
    jpx_bus base;
    pthread_mutex_t lock;
    jpx_mem_queue *queues;
    struct jpx_mem_sub *subs;
    jpx_mem_ids ids[JPX_STREAMS];
    uint64_t sequences[JPX_STREAMS];
    jpx_mem_history history[JPX_STREAMS]; /* EVENT and DEAD */
    uint64_t loss_count, inboxes, turns;
    int64_t ack_wait_ms;
    jpx_memory_disorder disorder;
} jpx_mem_bus;

typedef struct jpx_mem_delivery {
    jpx_delivery base;
    struct jpx_mem_delivery *prev, *next;
    jpx_mem_item *item;
} jpx_mem_delivery;

typedef struct jpx_mem_deliveries {
    jpx_mem_delivery *first, *last;
    size_t count;
} jpx_mem_deliveries;

typedef struct jpx_mem_sub {
    jpx_sub base;
    jpx_mem_bus *bus;
    struct jpx_mem_sub *next;
    jpx_mem_queue *queue; /* of a durable; NULL = a listener */
    size_t credits;
    char pattern[JPX_SUBJECT_MAX], group[JPX_NAME_MAX + 1]; /* of a listener */
    jpx_mem_deliveries waiting;                             /* of a listener: not fetched */
    jpx_mem_deliveries held;                                /* fetched, not acked */
    bool overflowed;                                        /* logged once */
    pthread_cond_t cond;
    int timer; /* its file descriptor; -1 until asked for */
    int64_t armed_ms;
} jpx_mem_sub;

jpx_mem_queue *jpx_mem_bus_queue_locked(jpx_mem_bus *, jpx_stream, const char *durable); /* made when missing */
jp_status jpx_mem_sub_open(jpx_sub **, jpx_bus *, jpx_stream, const char *durable, size_t credits, jp_error *);
jp_status jpx_mem_sub_listen(jpx_sub **, jpx_bus *, const char *subject, const char *group, jp_error *);
/* Gives a core message to all that listen to its subject, one of each group; how many took it. */
size_t jpx_mem_sub_offer_locked(jpx_mem_bus *, jpx_mem_item *);
/* Wakes the subscriptions that have something to fetch, after any change of a queue. */
void jpx_mem_sub_wake_locked(jpx_mem_bus *);

#endif
