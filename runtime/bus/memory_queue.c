/* memory_queue.c -- states of the messages of one durable, as drawn in memory_queue.h. */
#include "bus/memory_queue.h"
#include <stdlib.h>
#include <string.h>

/* ---- messages ---- */

static size_t text_size(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *put_text(uint8_t **at, const char *text)
{
    size_t size = text_size(text);
    char *out = (char *)*at;

    if (!text)
        return NULL;
    memcpy(out, text, size);
    *at += size;
    return out;
}

jpx_mem_item *jpx_mem_item_new(const jpx_message *from)
{
    size_t texts = text_size(from->subject) + text_size(from->id) + text_size(from->key) + text_size(from->reply_to) +
                   text_size(from->reason);
    jpx_mem_item *item = calloc(1, sizeof *item + from->data.size + 1 + texts);

    JPX_ASSERT(item != NULL);
    item->refs = 1;
    item->state = JPX_MEM_GONE;
    item->size = from->data.size;
    if (item->size)
        memcpy(item->bytes, from->data.data, item->size);
    uint8_t *at = item->bytes + item->size + 1;
    item->subject = put_text(&at, from->subject);
    item->id = put_text(&at, from->id);
    item->key = put_text(&at, from->key);
    item->reply_to = put_text(&at, from->reply_to);
    item->reason = put_text(&at, from->reason);
    return item;
}

jpx_mem_item *jpx_mem_item_ref(jpx_mem_item *item)
{
    item->refs++;
    return item;
}

void jpx_mem_item_unref(jpx_mem_item *item)
{
    JPX_ASSERT(item->refs > 0);
    if (--item->refs == 0)
        free(item);
}

/* ---- lists ---- */

static void list_append(jpx_mem_list *list, jpx_mem_item *item)
{
    item->next = NULL;
    item->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = item;
    list->last = item;
    list->count++;
}

static void list_remove(jpx_mem_list *list, jpx_mem_item *item)
{
    *(item->prev ? &item->prev->next : &list->first) = item->next;
    *(item->next ? &item->next->prev : &list->last) = item->prev;
    list->count--;
}

/* ---- heap by due time, then sequence ---- */

static bool sooner(const jpx_mem_item *a, const jpx_mem_item *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->sequence < b->sequence;
}

static void heap_set(jpx_mem_queue *queue, size_t at, jpx_mem_item *item)
{
    queue->heap[at] = item;
    item->heap_at = at;
}

static void heap_sift(jpx_mem_queue *queue, jpx_mem_item *item)
{
    size_t at = item->heap_at;

    while (at > 0 && sooner(item, queue->heap[(at - 1) / 2])) {
        heap_set(queue, at, queue->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < queue->heap_count && sooner(queue->heap[child + 1], queue->heap[child]))
            child++;
        if (child >= queue->heap_count || !sooner(queue->heap[child], item))
            break;
        heap_set(queue, at, queue->heap[child]);
        at = child;
    }
    heap_set(queue, at, item);
}

static void heap_add(jpx_mem_queue *queue, jpx_mem_item *item)
{
    if (queue->heap_count == queue->heap_cap) {
        queue->heap_cap = queue->heap_cap ? queue->heap_cap * 2 : 64;
        queue->heap = reallocarray(queue->heap, queue->heap_cap, sizeof(jpx_mem_item *));
        JPX_ASSERT(queue->heap != NULL);
    }
    heap_set(queue, queue->heap_count++, item);
    heap_sift(queue, item);
}

static void heap_remove(jpx_mem_queue *queue, jpx_mem_item *item)
{
    jpx_mem_item *last = queue->heap[--queue->heap_count];

    if (last == item)
        return;
    heap_set(queue, item->heap_at, last);
    heap_sift(queue, last);
}

/* ---- the queue ---- */

jpx_mem_queue *jpx_mem_queue_new(jpx_stream stream, const char *name)
{
    jpx_mem_queue *queue = calloc(1, sizeof *queue);

    JPX_ASSERT(queue != NULL && strlen(name) <= JPX_NAME_MAX);
    queue->stream = stream;
    strncpy(queue->name, name, JPX_NAME_MAX);
    return queue;
}

void jpx_mem_queue_free(jpx_mem_queue *queue)
{
    jpx_mem_queue_clear(queue);
    free(queue->heap);
    free(queue);
}

size_t jpx_mem_queue_count(const jpx_mem_queue *queue)
{
    return queue->again.count + queue->fresh.count + queue->heap_count;
}

int64_t jpx_mem_queue_oldest_ms(const jpx_mem_queue *queue)
{
    const jpx_mem_item *const firsts[] = {queue->again.first, queue->fresh.first};
    int64_t oldest_ns = INT64_MAX;

    for (size_t i = 0; i < 2; i++)
        for (const jpx_mem_item *item = firsts[i]; item; item = item->next)
            oldest_ns = item->published_ns < oldest_ns ? item->published_ns : oldest_ns;
    for (size_t i = 0; i < queue->heap_count; i++)
        oldest_ns = queue->heap[i]->published_ns < oldest_ns ? queue->heap[i]->published_ns : oldest_ns;
    return oldest_ns == INT64_MAX ? INT64_MAX : oldest_ns / 1000000;
}

static void make_ready(jpx_mem_queue *queue, jpx_mem_item *item)
{
    item->state = JPX_MEM_READY;
    item->again = item->deliveries > 0;
    list_append(item->again ? &queue->again : &queue->fresh, item);
}

static void leave(jpx_mem_item *item)
{
    jpx_mem_queue *queue = item->queue;

    if (item->state == JPX_MEM_READY)
        list_remove(item->again ? &queue->again : &queue->fresh, item);
    else if (item->state != JPX_MEM_GONE)
        heap_remove(queue, item);
}

void jpx_mem_queue_put(jpx_mem_queue *queue, jpx_mem_item *item)
{
    item->queue = queue;
    make_ready(queue, item);
}

void jpx_mem_queue_advance(jpx_mem_queue *queue, int64_t now_ms)
{
    while (queue->heap_count > 0 && queue->heap[0]->due_ms <= now_ms) {
        jpx_mem_item *item = queue->heap[0];
        heap_remove(queue, item);
        make_ready(queue, item);
    }
}

bool jpx_mem_queue_ready(const jpx_mem_queue *queue)
{
    return queue->again.count + queue->fresh.count > 0;
}

int64_t jpx_mem_queue_due_ms(const jpx_mem_queue *queue)
{
    return queue->heap_count > 0 ? queue->heap[0]->due_ms : INT64_MAX;
}

jpx_mem_item *jpx_mem_queue_take(jpx_mem_queue *queue, size_t skip, int64_t due_ms)
{
    jpx_mem_list *list = queue->again.count > 0 ? &queue->again : &queue->fresh;
    jpx_mem_item *item = list->first;

    if (!item)
        return NULL;
    while (skip-- > 0 && item->next)
        item = item->next;
    list_remove(list, item);
    item->state = JPX_MEM_HELD;
    item->due_ms = due_ms;
    item->deliveries++;
    heap_add(queue, item);
    return jpx_mem_item_ref(item);
}

void jpx_mem_item_ack(jpx_mem_item *item)
{
    if (item->state == JPX_MEM_GONE)
        return;
    leave(item);
    item->state = JPX_MEM_GONE;
    jpx_mem_item_unref(item); /* the queue's */
}

void jpx_mem_item_nak(jpx_mem_item *item, int64_t due_ms)
{
    if (item->state != JPX_MEM_HELD)
        return;
    leave(item);
    if (due_ms == 0) {
        make_ready(item->queue, item);
        return;
    }
    item->state = JPX_MEM_PUT_OFF;
    item->due_ms = due_ms;
    heap_add(item->queue, item);
}

void jpx_mem_item_heartbeat(jpx_mem_item *item, int64_t due_ms)
{
    if (item->state != JPX_MEM_HELD)
        return;
    item->due_ms = due_ms;
    heap_sift(item->queue, item);
}

void jpx_mem_queue_clear(jpx_mem_queue *queue)
{
    while (queue->heap_count > 0)
        jpx_mem_item_ack(queue->heap[0]);
    while (queue->again.first)
        jpx_mem_item_ack(queue->again.first);
    while (queue->fresh.first)
        jpx_mem_item_ack(queue->fresh.first);
}
