/* jetstream_sub.c -- subscriptions as the application sees them: a durable's messages through the pull engine, or a
 * plain subscription. libnats gives each its own thread, which only appends to `waiting` and wakes. fetch() waits on a
 * condition variable; close() waits for that thread's end and one request; acks are written to the buffered connection
 * and wait for nothing. */
#include "bus/jetstream_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { DRAIN_MS = 2000, LISTEN_FLUSH_MS = 2000, STATE_MS = 500, NAK_WORD = 64 };

/* ---- lists; the subscription's lock held ---- */

static void append(jpx_js_deliveries *list, jpx_js_delivery *delivery)
{
    delivery->next = NULL;
    delivery->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = delivery;
    list->last = delivery;
    list->count++;
}

static void take_out(jpx_js_deliveries *list, jpx_js_delivery *delivery)
{
    *(delivery->prev ? &delivery->prev->next : &list->first) = delivery->next;
    *(delivery->next ? &delivery->next->prev : &list->last) = delivery->prev;
    list->count--;
}

static void set_event(jpx_js_sub *sub, bool on)
{
    uint64_t value = 1;

    if (on ? write(sub->event, &value, sizeof value) < 0 : read(sub->event, &value, sizeof value) < 0)
        return; /* it is set, or not set, already */
}

static void delivery_free(jpx_js_delivery *delivery)
{
    natsMsg_Destroy(delivery->msg);
    free(delivery);
}

/* ---- arrivals; on the subscription's thread ---- */

static bool is_from_stream(natsMsg *msg)
{
    const char *reply = natsMsg_GetReply(msg);
    return reply && strncmp(reply, "$JS.ACK.", 8) == 0;
}

static void on_message(natsConnection *nc, natsSubscription *nats_sub, natsMsg *msg, void *closure)
{
    jpx_js_sub *sub = closure;
    bool keep = !sub->durable[0], missing = false;

    (void)nc;
    (void)nats_sub;
    pthread_mutex_lock(&sub->lock);
    if (sub->durable[0] && is_from_stream(msg)) {
        jpx_js_pull_arrived(sub);
        keep = true;
    } else if (sub->durable[0]) {
        missing = jpx_js_pull_status(sub, msg);
    } else if (sub->waiting.count >= JPX_LISTEN_QUEUE_MAX) {
        if (!sub->overflowed)
            jpx_log(sub->bus->base.env, JPX_WARN, "messages dropped", "subject=%s limit=%d", sub->inbox,
                    JPX_LISTEN_QUEUE_MAX);
        sub->overflowed = true;
        keep = false;
    }
    if (keep) {
        jpx_js_delivery *delivery = calloc(1, sizeof *delivery);
        JPX_ASSERT(delivery != NULL);
        delivery->msg = msg;
        delivery->came_ms = jpx_mono_ms();
        delivery->age = atomic_load(&sub->bus->age);
        append(&sub->waiting, delivery);
        if (sub->waiting.count == 1) {
            set_event(sub, true);
            pthread_cond_signal(&sub->arrived);
        }
    }
    pthread_mutex_unlock(&sub->lock);
    if (missing)
        jpx_js_keeper_repair(sub->bus);
    if (!keep)
        natsMsg_Destroy(msg);
}

/* ---- what the application sees ---- */

/* $JS.ACK.<stream>.<durable>.<delivered>.<stream seq>.<durable seq>.<time>.<pending>, or with domain and account hash
 * before the stream (and maybe more at the end). */
static void read_ack_subject(jpx_js_delivery *delivery)
{
    const char *tokens[16], *at = natsMsg_GetReply(delivery->msg);
    size_t count = 0;

    for (; at && count < 16; at = at ? at + 1 : NULL) {
        tokens[count++] = at;
        at = strchr(at, '.');
    }
    size_t first = count == 9 ? 4 : 6;
    if (count < 9 || (count > 9 && count < 11))
        return;
    delivery->base.deliveries = (uint32_t)strtoul(tokens[first], NULL, 10);
    delivery->base.sequence = strtoull(tokens[first + 1], NULL, 10);
    delivery->base.published_ns = strtoll(tokens[first + 3], NULL, 10);
}

static void read_delivery(jpx_js_sub *sub, jpx_js_delivery *delivery)
{
    natsMsg *msg = delivery->msg;
    int size = natsMsg_GetDataLength(msg);

    delivery->base = (jpx_delivery){.subject = natsMsg_GetSubject(msg),
                                    .data = {(const uint8_t *)natsMsg_GetData(msg), size > 0 ? (size_t)size : 0},
                                    .id = jpx_js_header(msg, "Nats-Msg-Id"),
                                    .key = jpx_js_header(msg, "Jetpipe-Key"),
                                    .reply_to = jpx_js_header(msg, "Jetpipe-Reply"),
                                    .deliveries = 1,
                                    .impl = delivery};
    if (sub->durable[0])
        read_ack_subject(delivery);
    else if (!delivery->base.reply_to)
        delivery->base.reply_to = natsMsg_GetReply(msg);
}

static size_t sub_fetch(jpx_sub *base, jpx_delivery **out, size_t max, int64_t wait_ms)
{
    jpx_js_sub *sub = (jpx_js_sub *)base;
    int64_t until = jpx_mono_ms() + wait_ms;
    size_t count = 0;

    pthread_mutex_lock(&sub->lock);
    while (sub->waiting.count == 0 && wait_ms > 0 && jpx_cond_until(&sub->arrived, &sub->lock, until))
        ;
    for (; count < max && sub->waiting.first; count++) {
        jpx_js_delivery *delivery = sub->waiting.first;
        take_out(&sub->waiting, delivery);
        append(&sub->held, delivery);
        out[count] = &delivery->base;
        delivery->base.impl = delivery;
    }
    if (count > 0 && sub->waiting.count == 0)
        set_event(sub, false);
    pthread_mutex_unlock(&sub->lock);
    for (size_t i = 0; i < count; i++)
        read_delivery(sub, out[i]->impl);
    return count;
}

static int sub_fd(jpx_sub *base)
{
    return ((jpx_js_sub *)base)->event;
}

/* An ack names a sequence. After its stream was lost, that of another message: it is not said then. */
static void say(jpx_js_sub *sub, const jpx_js_delivery *delivery, const char *word)
{
    if (sub->durable[0] && delivery->age == atomic_load(&sub->bus->age))
        natsConnection_PublishString(sub->bus->bulk.nc, natsMsg_GetReply(delivery->msg), word);
}

/* `word` NULL: without a word. */
static void ack_or_nak(jpx_js_sub *sub, jpx_delivery **deliveries, size_t count, const char *word)
{
    for (size_t i = 0; word && i < count; i++)
        say(sub, deliveries[i]->impl, word);
    pthread_mutex_lock(&sub->lock);
    for (size_t i = 0; i < count; i++)
        take_out(&sub->held, deliveries[i]->impl);
    jpx_js_pull_more(sub);
    pthread_mutex_unlock(&sub->lock);
    for (size_t i = 0; i < count; i++)
        delivery_free(deliveries[i]->impl);
}

static void sub_ack(jpx_sub *base, jpx_delivery **deliveries, size_t count)
{
    ack_or_nak((jpx_js_sub *)base, deliveries, count, "+ACK");
}

static const char *nak_word(char out[NAK_WORD], int64_t delay_ms)
{
    snprintf(out, NAK_WORD, delay_ms > 0 ? "-NAK {\"delay\":%lld}" : "-NAK", (long long)delay_ms * 1000000);
    return out;
}

static void sub_nak(jpx_sub *base, jpx_delivery *delivery, int64_t delay_ms)
{
    char word[NAK_WORD];

    ack_or_nak((jpx_js_sub *)base, &delivery, 1, nak_word(word, delay_ms));
}

static void sub_heartbeat(jpx_sub *base, jpx_delivery **deliveries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        say((jpx_js_sub *)base, deliveries[i]->impl, "+WPI");
}

static void sub_drop(jpx_sub *base, jpx_delivery **deliveries, size_t count)
{
    ack_or_nak((jpx_js_sub *)base, deliveries, count, NULL);
}

/* ---- open and close ---- */

void jpx_js_callback_gone(void *closure)
{
    jpx_js_bus *bus = closure;

    pthread_mutex_lock(&bus->lock);
    bus->callbacks--;
    pthread_cond_broadcast(&bus->changed);
    pthread_mutex_unlock(&bus->lock);
}

static void on_gone(void *closure)
{
    jpx_js_sub *sub = closure;
    jpx_js_bus *bus = sub->bus;

    pthread_mutex_lock(&bus->lock);
    sub->gone = true; /* from here on it may be freed */
    bus->callbacks--;
    pthread_cond_broadcast(&bus->changed);
    pthread_mutex_unlock(&bus->lock);
}

natsStatus jpx_js_plain(natsSubscription **out, jpx_js_link *link, const char *subject, const char *group,
                        natsMsgHandler handler, void *closure, natsOnCompleteCB on_complete, void *complete_closure)
{
    natsSubscription *sub = NULL;
    natsStatus status = group ? natsConnection_QueueSubscribe(&sub, link->nc, subject, group, handler, closure)
                              : natsConnection_Subscribe(&sub, link->nc, subject, handler, closure);
    if (status != NATS_OK)
        return status;
    pthread_mutex_lock(&link->bus->lock);
    link->bus->callbacks++;
    pthread_mutex_unlock(&link->bus->lock);
    status = natsSubscription_SetOnCompleteCB(sub, on_complete, complete_closure);
    JPX_ASSERT(status == NATS_OK);
    natsSubscription_SetPendingLimits(sub, -1, -1); /* bounded by credits, or by JPX_LISTEN_QUEUE_MAX */
    *out = sub;
    return NATS_OK;
}

/* Draining lets what the server has sent arrive, so that it can be given back too. */
static void end_subscription(jpx_js_sub *sub)
{
    jpx_js_bus *bus = sub->bus;
    int64_t until = jpx_mono_ms() + JPX_JS_CLOSE_MS;

    if (!atomic_load(&bus->fast.up) || natsSubscription_DrainTimeout(sub->sub, DRAIN_MS) != NATS_OK)
        natsSubscription_Unsubscribe(sub->sub);
    pthread_mutex_lock(&bus->lock);
    while (!sub->gone && jpx_cond_until(&bus->changed, &bus->lock, until))
        ;
    JPX_ASSERT(sub->gone);
    pthread_mutex_unlock(&bus->lock);
    natsSubscription_Destroy(sub->sub);
}

static void sub_free(jpx_js_sub *sub)
{
    close(sub->event);
    pthread_cond_destroy(&sub->arrived);
    pthread_mutex_destroy(&sub->lock);
    free(sub);
}

/* nats-server 2.9 trips over a pull whose subscriber has gone: of the messages given back, the first is lost sight of
 * until its deadline. Asked for the durable's state, it throws such pulls away. */
static void forget_dead_pulls(jpx_js_sub *sub)
{
    char subject[JPX_SUBJECT_MAX], stream[JPX_JS_STREAM_NAME];
    natsMsg *msg = NULL;

    if (!atomic_load(&sub->bus->fast.up))
        return;
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.INFO.%s.%s", jpx_js_stream_name(sub->bus, sub->stream, stream),
             sub->durable);
    natsConnection_RequestString(&msg, sub->bus->fast.nc, subject, "", STATE_MS);
    natsMsg_Destroy(msg);
}

static void sub_close(jpx_sub *base)
{
    jpx_js_sub *sub = (jpx_js_sub *)base, **at;
    jpx_js_bus *bus = sub->bus;

    pthread_mutex_lock(&sub->lock);
    sub->closing = true;
    pthread_mutex_unlock(&sub->lock);
    pthread_mutex_lock(&bus->lock);
    for (at = &bus->subs; *at && *at != sub; at = &(*at)->next)
        ;
    if (*at)
        *at = sub->next;
    pthread_mutex_unlock(&bus->lock);
    end_subscription(sub);
    if (sub->durable[0] && sub->held.count + sub->waiting.count > 0)
        forget_dead_pulls(sub);
    jpx_js_deliveries *lists[] = {&sub->held, &sub->waiting};
    for (size_t i = 0; i < 2; i++) {
        for (jpx_js_delivery *delivery = lists[i]->first, *next; delivery; delivery = next) {
            next = delivery->next;
            say(sub, delivery, "-NAK");
            delivery_free(delivery);
        }
    }
    sub_free(sub);
}

static void sub_limit(jpx_sub *base, size_t credits)
{
    jpx_js_sub *sub = (jpx_js_sub *)base;

    pthread_mutex_lock(&sub->lock);
    sub->credits = credits < JPX_JS_ACK_PENDING ? credits : JPX_JS_ACK_PENDING;
    jpx_js_pull_more(sub);
    pthread_mutex_unlock(&sub->lock);
}

static void sub_give_back(jpx_sub *base, int64_t waited_ms, uint32_t most)
{
    jpx_js_sub *sub = (jpx_js_sub *)base;
    jpx_js_deliveries back = {0};
    int64_t before = jpx_mono_ms() - waited_ms;

    pthread_mutex_lock(&sub->lock);
    for (jpx_js_delivery *delivery = sub->waiting.first, *next; delivery; delivery = next) {
        next = delivery->next;
        if (delivery->came_ms > before)
            break; /* so did those behind it */
        read_delivery(sub, delivery);
        if (delivery->base.deliveries > most)
            continue;
        take_out(&sub->waiting, delivery);
        append(&back, delivery);
    }
    if (back.count > 0 && sub->waiting.count == 0)
        set_event(sub, false);
    jpx_js_pull_more(sub);
    pthread_mutex_unlock(&sub->lock);
    for (jpx_js_delivery *delivery = back.first, *next; delivery; delivery = next) {
        next = delivery->next;
        char word[NAK_WORD];
        say(sub, delivery, nak_word(word, jpx_give_back_ms(&delivery->base)));
        delivery_free(delivery);
    }
}

static const jpx_sub_ops sub_ops = {
    .close = sub_close,
    .fetch = sub_fetch,
    .fd = sub_fd,
    .ack = sub_ack,
    .nak = sub_nak,
    .heartbeat = sub_heartbeat,
    .drop = sub_drop,
    .limit = sub_limit,
    .give_back = sub_give_back,
};

static jpx_js_sub *sub_new(jpx_js_bus *bus)
{
    jpx_js_sub *sub = calloc(1, sizeof *sub);

    JPX_ASSERT(sub != NULL);
    sub->base.ops = &sub_ops;
    sub->bus = bus;
    pthread_mutex_init(&sub->lock, NULL);
    jpx_cond_init(&sub->arrived);
    sub->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    JPX_ASSERT(sub->event >= 0);
    return sub;
}

jp_status jpx_js_subscribe(jpx_sub **out, jpx_bus *base, jpx_stream stream, const char *durable, size_t credits,
                           jp_error *err)
{
    jpx_js_bus *bus = (jpx_js_bus *)base;
    char pattern[JPX_SUBJECT_MAX + 2];

    jp_status status = jpx_js_remember_durable(bus, stream, durable, err);
    if (status != JP_OK)
        return status;
    jpx_js_sub *sub = sub_new(bus);
    sub->stream = stream;
    sub->credits = credits < JPX_JS_ACK_PENDING ? credits : JPX_JS_ACK_PENDING;
    snprintf(sub->durable, sizeof sub->durable, "%s", durable);
    snprintf(sub->inbox, sizeof sub->inbox, "%s.s%llu", bus->inbox,
             (unsigned long long)atomic_fetch_add(&bus->inboxes, 1));
    snprintf(pattern, sizeof pattern, "%s.*", sub->inbox);
    natsStatus made = jpx_js_plain(&sub->sub, &bus->fast, pattern, NULL, on_message, sub, on_gone, sub);
    if (made != NATS_OK) {
        sub_free(sub);
        return jpx_js_status(bus, made, 0, "subscribing", err);
    }
    pthread_mutex_lock(&bus->lock);
    sub->next = bus->subs;
    bus->subs = sub;
    pthread_mutex_unlock(&bus->lock);
    pthread_mutex_lock(&sub->lock);
    jpx_js_pull_more(sub);
    pthread_mutex_unlock(&sub->lock);
    *out = &sub->base;
    return JP_OK;
}

jp_status jpx_js_listen(jpx_sub **out, jpx_bus *base, const char *subject, const char *group, jp_error *err)
{
    jpx_js_bus *bus = (jpx_js_bus *)base;
    jpx_js_sub *sub = sub_new(bus);
    char what[JPX_JS_TEXT];

    snprintf(what, sizeof what, "listening to %.200s", subject);
    snprintf(sub->inbox, sizeof sub->inbox, "%s", subject);
    natsStatus made = jpx_js_plain(&sub->sub, &bus->fast, subject, group, on_message, sub, on_gone, sub);
    if (made != NATS_OK) {
        sub_free(sub);
        return jpx_js_status(bus, made, 0, what, err);
    }
    /* The server knows of it when this returns; while it is away, libnats tells it after the reconnect. */
    if (atomic_load(&bus->fast.up))
        natsConnection_FlushTimeout(bus->fast.nc, LISTEN_FLUSH_MS);
    *out = &sub->base;
    return JP_OK;
}
