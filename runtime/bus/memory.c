/* memory.c -- the bus in one process: runs without a server, tests of users' pipes, the simulator. The same semantics
 * as JetStream; deadlines, delays and windows go by env's clock (virtual in tests), only the waiting inside fetch() and
 * request() is real time. Any thread; one lock. Nothing survives the process. */
#include "bus/memory.h"
#include "bus/memory_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

jpx_mem_queue *jpx_mem_bus_queue_locked(jpx_mem_bus *bus, jpx_stream stream, const char *durable)
{
    jpx_mem_queue *queue = bus->queues;

    while (queue && (queue->stream != stream || strcmp(queue->name, durable) != 0))
        queue = queue->next;
    if (!queue) {
        queue = jpx_mem_queue_new(stream, durable);
        queue->next = bus->queues;
        bus->queues = queue;
    }
    return queue;
}

/* ---- publishing ---- */

static bool has_history(jpx_stream stream)
{
    return !jpx_stream_is_work(stream);
}

static void keep_history(jpx_mem_history *history, jpx_mem_item *item)
{
    if (!history->ring) {
        history->ring = calloc(JPX_MEMORY_HISTORY_MAX, sizeof(jpx_mem_item *));
        JPX_ASSERT(history->ring != NULL);
    }
    jpx_mem_item **place = &history->ring[item->sequence % JPX_MEMORY_HISTORY_MAX];
    if (*place)
        jpx_mem_item_unref(*place);
    *place = item;
    history->last = item->sequence;
}

/* Into its stream, if it has one, and to whoever listens; how many listen. */
static size_t put_locked(jpx_mem_bus *bus, const jpx_message *message)
{
    int64_t now_ms = jpx_now(bus->base.env);
    jpx_mem_item *item = jpx_mem_item_new(message);
    char durable[JPX_NAME_MAX + 1];
    jpx_stream stream;

    item->published_ns = now_ms * 1000000;
    size_t takers = jpx_mem_sub_offer_locked(bus, item);
    bool stored = jpx_stream_of(bus->base.prefix, message->subject, &stream) &&
                  (has_history(stream) || jpx_durable_of(bus->base.prefix, stream, message->subject, durable)) &&
                  (!message->id || jpx_mem_ids_add(&bus->ids[stream], message->id, now_ms,
                                                   now_ms + jpx_stream_defs[stream].duplicate_ms));
    if (!stored) {
        jpx_mem_item_unref(item);
        return takers;
    }
    if (!has_history(stream) && item->refs > 1) { /* the listeners' copy has no states */
        jpx_mem_item_unref(item);
        item = jpx_mem_item_new(message);
        item->published_ns = now_ms * 1000000;
    }
    item->sequence = ++bus->sequences[stream];
    if (has_history(stream))
        keep_history(&bus->history[stream], item);
    else
        jpx_mem_queue_put(jpx_mem_bus_queue_locked(bus, stream, durable), item);
    return takers;
}

static jp_status check(jpx_mem_bus *bus, const jpx_message *message, jp_error *err)
{
    char durable[JPX_NAME_MAX + 1];
    jpx_stream stream;

    if (message->data.size > JPX_MEMORY_MESSAGE_MAX)
        return jpx_fail(err, JP_E_TOO_LARGE, "message on %.200s has %zu bytes, the in-memory bus takes at most %d",
                        message->subject, message->data.size, JPX_MEMORY_MESSAGE_MAX);
    if (jpx_stream_of(bus->base.prefix, message->subject, &stream) && jpx_stream_is_work(stream) &&
        jpx_durable_of(bus->base.prefix, stream, message->subject, durable) &&
        jpx_mem_queue_count(jpx_mem_bus_queue_locked(bus, stream, durable)) >= JPX_MEMORY_MESSAGES_MAX)
        return jpx_fail(err, JP_E_FULL, "queue '%s' of the in-memory bus holds %d messages already; run more workers",
                        durable, JPX_MEMORY_MESSAGES_MAX);
    return JP_OK;
}

static jp_status bus_publish(jpx_bus *base, const jpx_message *messages, size_t count, int64_t timeout_ms,
                             jp_error *err)
{
    jpx_mem_bus *bus = (jpx_mem_bus *)base;
    jp_status status = JP_OK;

    (void)timeout_ms;
    pthread_mutex_lock(&bus->lock);
    for (size_t i = 0; i < count && status == JP_OK; i++)
        status = check(bus, &messages[i], err);
    for (size_t i = 0; i < count && status == JP_OK; i++)
        put_locked(bus, &messages[i]);
    jpx_mem_sub_wake_locked(bus);
    pthread_mutex_unlock(&bus->lock);
    return status;
}

static void bus_tell(jpx_bus *base, const jpx_message *messages, size_t count)
{
    jpx_mem_bus *bus = (jpx_mem_bus *)base;

    pthread_mutex_lock(&bus->lock);
    for (size_t i = 0; i < count; i++)
        if (check(bus, &messages[i], NULL) == JP_OK)
            put_locked(bus, &messages[i]);
    jpx_mem_sub_wake_locked(bus);
    pthread_mutex_unlock(&bus->lock);
}

/* ---- requests ---- */

static const char *bus_inbox(jpx_bus *base, jpx_arena *arena)
{
    jpx_mem_bus *bus = (jpx_mem_bus *)base;

    pthread_mutex_lock(&bus->lock);
    uint64_t number = ++bus->inboxes;
    pthread_mutex_unlock(&bus->lock);
    return jpx_format(arena, "_INBOX.memory.%llu", (unsigned long long)number);
}

/* The headers of an error are for clients of NATS; in one process its text is in the data. */
static void bus_answer(jpx_bus *base, const char *reply_to, jpx_bytes data, const char *code, const char *message)
{
    (void)code;
    (void)message;
    bus_tell(base, &(jpx_message){.subject = reply_to, .data = data}, 1);
}

static jp_status bus_request(jpx_bus *base, const char *subject, jpx_bytes data, int64_t timeout_ms, jpx_arena *arena,
                             jpx_bytes *reply, jp_error *err)
{
    jpx_mem_bus *bus = (jpx_mem_bus *)base;
    const char *inbox = bus_inbox(base, arena);
    jpx_delivery *delivery;
    jpx_sub *sub;

    jp_status status = jpx_mem_sub_listen(&sub, base, inbox, NULL, err);
    if (status != JP_OK)
        return status;
    pthread_mutex_lock(&bus->lock);
    size_t takers = put_locked(bus, &(jpx_message){.subject = subject, .data = data, .reply_to = inbox});
    jpx_mem_sub_wake_locked(bus);
    pthread_mutex_unlock(&bus->lock);
    if (takers == 0) {
        status = jpx_fail(err, JP_E_UNAVAILABLE, "nobody answers %s; is the api role running?", subject);
    } else if (jpx_sub_fetch(sub, &delivery, 1, timeout_ms) == 0) {
        status = jpx_fail(err, JP_E_TIMEOUT, "no answer on %s within %lld ms", subject, (long long)timeout_ms);
    } else {
        *reply = jpx_copy(arena, delivery->data.data, delivery->data.size);
        jpx_sub_drop(sub, &delivery, 1);
    }
    jpx_sub_close(sub);
    return status;
}

/* ---- the rest of the interface ---- */

static jp_status bus_setup(jpx_bus *base, const char *const *queues, size_t count, jp_error *err)
{
    jpx_mem_bus *bus = (jpx_mem_bus *)base;

    (void)err;
    pthread_mutex_lock(&bus->lock);
    for (size_t i = 0; i < count; i++)
        jpx_mem_bus_queue_locked(bus, JPX_STREAM_RUN, queues[i]);
    pthread_mutex_unlock(&bus->lock);
    return JP_OK;
}

static uint64_t bus_loss_count(jpx_bus *base)
{
    jpx_mem_bus *bus = (jpx_mem_bus *)base;

    pthread_mutex_lock(&bus->lock);
    uint64_t loss_count = bus->loss_count;
    pthread_mutex_unlock(&bus->lock);
    return loss_count;
}

/* It is gone with its process, and so is who could have died meanwhile; tests lose streams of it. */
static int64_t bus_stream_created_ns(jpx_bus *base)
{
    return (int64_t)bus_loss_count(base);
}

static bool bus_connected(jpx_bus *bus)
{
    (void)bus;
    return true;
}

static uint64_t history_first(const jpx_mem_history *history)
{
    uint64_t first = history->last > JPX_MEMORY_HISTORY_MAX ? history->last - JPX_MEMORY_HISTORY_MAX + 1 : 1;
    return first > history->lost ? first : history->lost + 1;
}

static int64_t bus_backlog(jpx_bus *base, jpx_stream stream)
{
    jpx_mem_bus *bus = (jpx_mem_bus *)base;
    uint64_t count = 0;

    pthread_mutex_lock(&bus->lock);
    if (has_history(stream))
        count = bus->history[stream].last + 1 - history_first(&bus->history[stream]);
    for (jpx_mem_queue *queue = bus->queues; queue; queue = queue->next)
        count += queue->stream == stream ? jpx_mem_queue_count(queue) : 0;
    pthread_mutex_unlock(&bus->lock);
    return (int64_t)count;
}

static int64_t bus_oldest_ms(jpx_bus *base, const char *name)
{
    jpx_mem_bus *bus = (jpx_mem_bus *)base;
    int64_t oldest_ms = INT64_MAX;

    pthread_mutex_lock(&bus->lock);
    for (jpx_mem_queue *queue = bus->queues; queue; queue = queue->next)
        if (queue->stream == JPX_STREAM_RUN && strcmp(queue->name, name) == 0)
            oldest_ms = jpx_mem_queue_oldest_ms(queue);
    pthread_mutex_unlock(&bus->lock);
    return oldest_ms;
}

static void bus_close(jpx_bus *base)
{
    jpx_mem_bus *bus = (jpx_mem_bus *)base;

    JPX_ASSERT(bus->subs == NULL); /* subscriptions are closed before their bus */
    for (jpx_mem_queue *queue = bus->queues, *next; queue; queue = next) {
        next = queue->next;
        jpx_mem_queue_free(queue);
    }
    for (int stream = 0; stream < JPX_STREAMS; stream++) {
        jpx_mem_ids_clear(&bus->ids[stream]);
        for (size_t i = 0; bus->history[stream].ring && i < JPX_MEMORY_HISTORY_MAX; i++)
            if (bus->history[stream].ring[i])
                jpx_mem_item_unref(bus->history[stream].ring[i]);
        free(bus->history[stream].ring);
    }
    pthread_mutex_destroy(&bus->lock);
    free(bus);
}

static size_t bus_message_max(jpx_bus *base)
{
    (void)base;
    return JPX_MEMORY_MESSAGE_MAX;
}

static const jpx_bus_ops bus_ops = {
    .close = bus_close,
    .setup = bus_setup,
    .publish = bus_publish,
    .tell = bus_tell,
    .subscribe = jpx_mem_sub_open,
    .listen = jpx_mem_sub_listen,
    .answer = bus_answer,
    .request = bus_request,
    .inbox = bus_inbox,
    .loss_count = bus_loss_count,
    .stream_created_ns = bus_stream_created_ns,
    .connected = bus_connected,
    .backlog = bus_backlog,
    .oldest_ms = bus_oldest_ms,
    .message_max = bus_message_max,
};

jp_status jpx_bus_open_memory(jpx_bus **out, const char *prefix, const jpx_env *env, jp_error *err)
{
    jpx_mem_bus *bus = calloc(1, sizeof *bus);

    (void)err;
    JPX_ASSERT(bus != NULL && strlen(prefix) <= JPX_NAME_MAX);
    bus->base.ops = &bus_ops;
    bus->base.env = env;
    strncpy(bus->base.prefix, prefix, JPX_NAME_MAX);
    bus->ack_wait_ms = jpx_ack_wait_ms();
    pthread_mutex_init(&bus->lock, NULL);
    *out = &bus->base;
    return JP_OK;
}

/* ---- memory.h: for tests ---- */

static jpx_mem_bus *memory_bus(jpx_bus *bus)
{
    JPX_ASSERT(bus->ops == &bus_ops);
    return (jpx_mem_bus *)bus;
}

static int by_sequence(const void *a, const void *b)
{
    const jpx_mem_item *x = *(jpx_mem_item *const *)a, *y = *(jpx_mem_item *const *)b;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

size_t jpx_memory_bus_list(jpx_bus *base, jpx_stream stream, jpx_arena *arena, jpx_memory_item **out)
{
    jpx_mem_bus *bus = memory_bus(base);
    jpx_mem_history *history = &bus->history[stream];
    size_t count = 0;

    pthread_mutex_lock(&bus->lock);
    size_t room = JPX_MEMORY_HISTORY_MAX;
    for (jpx_mem_queue *queue = bus->queues; queue; queue = queue->next)
        room += queue->stream == stream ? jpx_mem_queue_count(queue) : 0;
    jpx_mem_item **items = jpx_alloc_array(arena, room, sizeof(jpx_mem_item *));
    for (uint64_t at = history_first(history); at <= history->last; at++)
        items[count++] = history->ring[at % JPX_MEMORY_HISTORY_MAX];
    for (jpx_mem_queue *queue = bus->queues; queue; queue = queue->next) {
        if (queue->stream != stream)
            continue;
        for (jpx_mem_item *item = queue->again.first; item; item = item->next)
            items[count++] = item;
        for (jpx_mem_item *item = queue->fresh.first; item; item = item->next)
            items[count++] = item;
        for (size_t i = 0; i < queue->heap_count; i++)
            items[count++] = queue->heap[i];
    }
    qsort(items, count, sizeof(jpx_mem_item *), by_sequence);
    *out = jpx_alloc_array(arena, count, sizeof **out);
    for (size_t i = 0; i < count; i++) {
        const jpx_mem_item *item = items[i];
        bool away = item->state == JPX_MEM_HELD || item->state == JPX_MEM_PUT_OFF;
        (*out)[i] = (jpx_memory_item){.subject = jpx_strdup(arena, item->subject),
                                      .data = jpx_copy(arena, item->bytes, item->size),
                                      .id = item->id ? jpx_strdup(arena, item->id) : NULL,
                                      .reason = item->reason ? jpx_strdup(arena, item->reason) : NULL,
                                      .deliveries = item->deliveries,
                                      .held = item->state == JPX_MEM_HELD,
                                      .due_ms = away ? item->due_ms : 0};
    }
    pthread_mutex_unlock(&bus->lock);
    return count;
}

void jpx_memory_bus_lose(jpx_bus *base, jpx_stream stream)
{
    jpx_mem_bus *bus = memory_bus(base);

    pthread_mutex_lock(&bus->lock);
    for (jpx_mem_queue *queue = bus->queues; queue; queue = queue->next)
        if (queue->stream == stream)
            jpx_mem_queue_clear(queue);
    jpx_mem_ids_clear(&bus->ids[stream]);
    bus->history[stream].lost = bus->history[stream].last;
    bus->loss_count++;
    jpx_mem_sub_wake_locked(bus);
    pthread_mutex_unlock(&bus->lock);
}

int64_t jpx_memory_bus_next_ms(jpx_bus *base)
{
    jpx_mem_bus *bus = memory_bus(base);
    int64_t next = INT64_MAX;

    pthread_mutex_lock(&bus->lock);
    int64_t now_ms = jpx_now(bus->base.env);
    for (jpx_mem_queue *queue = bus->queues; queue; queue = queue->next) {
        int64_t due_ms = jpx_mem_queue_ready(queue) ? now_ms : jpx_mem_queue_due_ms(queue);
        next = due_ms < next ? due_ms : next;
    }
    pthread_mutex_unlock(&bus->lock);
    return next > now_ms ? next : now_ms;
}

void jpx_memory_bus_disorder(jpx_bus *base, jpx_memory_disorder disorder)
{
    jpx_mem_bus *bus = memory_bus(base);

    pthread_mutex_lock(&bus->lock);
    bus->disorder = disorder;
    pthread_mutex_unlock(&bus->lock);
}
