/* memory_queue.h -- the messages of one durable of the in-memory bus. A message is in exactly one state:
 *
 *     READY --take--> HELD --ack--> GONE          held too long: back to READY
 *       ^              |nak, delay                lost by a test: GONE from any state
 *       +----due---- PUT_OFF
 *
 * READY messages are in one of two lists (those that come again go first, as on a JetStream server), HELD and PUT_OFF
 * ones in a heap by due time. Every function wants the bus's lock held; nothing blocks. */
#ifndef JPX_MEMORY_QUEUE_H
#define JPX_MEMORY_QUEUE_H

#include "bus/streams.h"

enum { JPX_MEMORY_MESSAGES_MAX = 8 * 1000 * 1000 }; /* of one durable; then JP_E_FULL */

typedef enum jpx_mem_state { JPX_MEM_READY, JPX_MEM_HELD, JPX_MEM_PUT_OFF, JPX_MEM_GONE } jpx_mem_state;

typedef struct jpx_mem_item {
    struct jpx_mem_item *prev, *next; /* READY */
    struct jpx_mem_queue *queue;      /* NULL: of no durable (core message, history) */
    size_t refs;                      /* the queue's, and one for each delivery */
    jpx_mem_state state;
    bool again;     /* READY: in the list of those that come again */
    size_t heap_at; /* HELD, PUT_OFF */
    int64_t due_ms; /* HELD, PUT_OFF */
    uint32_t deliveries;
    uint64_t sequence;
    int64_t published_ns;
    const char *subject, *id, *key, *reply_to, *reason; /* all in `bytes` */
    size_t size;
    uint8_t bytes[];
} jpx_mem_item;

typedef struct jpx_mem_list {
    jpx_mem_item *first, *last;
    size_t count;
} jpx_mem_list;

typedef struct jpx_mem_queue {
    struct jpx_mem_queue *next; /* of the bus */
    jpx_stream stream;
    char name[JPX_NAME_MAX + 1];
    jpx_mem_list again, fresh;
    jpx_mem_item **heap;
    size_t heap_count, heap_cap;
} jpx_mem_queue;

/* Copies the message; one reference, the caller's. */
jpx_mem_item *jpx_mem_item_new(const jpx_message *);
jpx_mem_item *jpx_mem_item_ref(jpx_mem_item *);
void jpx_mem_item_unref(jpx_mem_item *);

jpx_mem_queue *jpx_mem_queue_new(jpx_stream, const char *name);
void jpx_mem_queue_free(jpx_mem_queue *); /* nothing may hold its messages any more */
size_t jpx_mem_queue_count(const jpx_mem_queue *);
int64_t jpx_mem_queue_oldest_ms(const jpx_mem_queue *);  /* of all its messages, when published; INT64_MAX = none */
void jpx_mem_queue_put(jpx_mem_queue *, jpx_mem_item *); /* takes over the caller's reference */
/* Makes what is due READY. */
void jpx_mem_queue_advance(jpx_mem_queue *, int64_t now_ms);
bool jpx_mem_queue_ready(const jpx_mem_queue *);
int64_t jpx_mem_queue_due_ms(const jpx_mem_queue *); /* of the first that is not READY; INT64_MAX = none */
/* The next READY message, `skip` places further (cut to what there is); now HELD until due_ms; a new reference. */
jpx_mem_item *jpx_mem_queue_take(jpx_mem_queue *, size_t skip, int64_t due_ms);
void jpx_mem_item_ack(jpx_mem_item *);
void jpx_mem_item_nak(jpx_mem_item *, int64_t due_ms); /* HELD only; due_ms 0 = READY at once */
void jpx_mem_item_heartbeat(jpx_mem_item *, int64_t due_ms);
void jpx_mem_queue_clear(jpx_mem_queue *); /* all GONE */

#endif
