/* memory_sub.c -- subscriptions of the in-memory bus: durables with credits, and listeners. fetch() blocks on a
 * condition variable in real time; everything else only takes the bus's lock. The file descriptor is a timer that is
 * due now while there is something to fetch, or at the time something comes back. */
#include "bus/memory_impl.h"
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { SHUFFLE_REACH = 16 };

static void append(jpx_mem_deliveries *list, jpx_mem_delivery *delivery)
{
    delivery->next = NULL;
    delivery->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = delivery;
    list->last = delivery;
    list->count++;
}

static void take_out(jpx_mem_deliveries *list, jpx_mem_delivery *delivery)
{
    *(delivery->prev ? &delivery->prev->next : &list->first) = delivery->next;
    *(delivery->next ? &delivery->next->prev : &list->last) = delivery->prev;
    list->count--;
}

/* Takes over a reference to the message. */
static jpx_mem_delivery *delivery_new(jpx_mem_item *item)
{
    jpx_mem_delivery *delivery = calloc(1, sizeof *delivery);

    JPX_ASSERT(delivery != NULL);
    delivery->item = item;
    delivery->base = (jpx_delivery){.subject = item->subject,
                                    .data = {item->bytes, item->size},
                                    .id = item->id,
                                    .key = item->key,
                                    .reply_to = item->reply_to,
                                    .deliveries = item->deliveries > 0 ? item->deliveries : 1,
                                    .sequence = item->queue ? item->sequence : 0,
                                    .published_ns = item->published_ns,
                                    .impl = delivery};
    return delivery;
}

static void delivery_free(jpx_mem_delivery *delivery)
{
    jpx_mem_item_unref(delivery->item);
    free(delivery);
}

static unsigned draw(jpx_mem_bus *bus, unsigned below)
{
    uint32_t number;
    jpx_random(bus->base.env, &number, sizeof number);
    return number % below;
}

/* When fetch() would return something, of env's clock: 0 = now, INT64_MAX = not before something is published or acked.
 */
static int64_t next_ms(const jpx_mem_sub *sub)
{
    if (sub->waiting.count > 0)
        return 0;
    if (!sub->queue || sub->held.count >= sub->credits)
        return INT64_MAX;
    return jpx_mem_queue_ready(sub->queue) ? 0 : jpx_mem_queue_due_ms(sub->queue);
}

static void arm(jpx_mem_sub *sub)
{
    int64_t due_ms = next_ms(sub), now_ms = jpx_now(sub->bus->base.env);
    struct itimerspec timer = {0};

    if (sub->timer < 0 || due_ms == sub->armed_ms)
        return;
    sub->armed_ms = due_ms;
    if (due_ms != INT64_MAX && due_ms > now_ms) {
        timer.it_value.tv_sec = (time_t)((due_ms - now_ms) / 1000);
        timer.it_value.tv_nsec = (long)((due_ms - now_ms) % 1000) * 1000000 + 1;
    } else if (due_ms != INT64_MAX) {
        timer.it_value.tv_nsec = 1;
    }
    timerfd_settime(sub->timer, 0, &timer, NULL);
}

void jpx_mem_sub_wake_locked(jpx_mem_bus *bus)
{
    for (jpx_mem_sub *sub = bus->subs; sub; sub = sub->next) {
        arm(sub);
        pthread_cond_signal(&sub->cond);
    }
}

size_t jpx_mem_sub_offer_locked(jpx_mem_bus *bus, jpx_mem_item *item)
{
    size_t takers = 0;

    bus->turns++;
    for (jpx_mem_sub *sub = bus->subs; sub; sub = sub->next) {
        size_t members = 0, before = 0;
        if (sub->queue || !jpx_subject_matches(sub->pattern, item->subject))
            continue;
        for (jpx_mem_sub *other = bus->subs; sub->group[0] && other; other = other->next) {
            if (other == sub)
                before = members;
            members += !other->queue && strcmp(other->group, sub->group) == 0 &&
                       jpx_subject_matches(other->pattern, item->subject);
        }
        if (members > 1 && bus->turns % members != before)
            continue;
        takers++;
        if (sub->waiting.count >= JPX_LISTEN_QUEUE_MAX) {
            if (!sub->overflowed)
                jpx_log(bus->base.env, JPX_WARN, "messages dropped", "subject=%s limit=%d", sub->pattern,
                        JPX_LISTEN_QUEUE_MAX);
            sub->overflowed = true;
            continue;
        }
        append(&sub->waiting, delivery_new(jpx_mem_item_ref(item)));
    }
    return takers;
}

/* ---- what a subscription does ---- */

static jpx_mem_delivery *fetch_one(jpx_mem_sub *sub)
{
    jpx_mem_bus *bus = sub->bus;
    jpx_mem_delivery *delivery = sub->waiting.first;

    if (delivery) {
        take_out(&sub->waiting, delivery);
    } else if (sub->queue && sub->held.count < sub->credits) {
        size_t skip = bus->disorder.shuffle ? draw(bus, SHUFFLE_REACH) : 0;
        jpx_mem_item *item = jpx_mem_queue_take(sub->queue, skip, jpx_now(bus->base.env) + bus->ack_wait_ms);
        delivery = item ? delivery_new(item) : NULL;
    }
    if (delivery)
        append(&sub->held, delivery);
    return delivery;
}

static size_t sub_fetch(jpx_sub *base, jpx_delivery **out, size_t max, int64_t wait_ms)
{
    jpx_mem_sub *sub = (jpx_mem_sub *)base;
    const jpx_env *env = sub->bus->base.env;
    int64_t until = jpx_mono_ms() + wait_ms;
    size_t count = 0;

    pthread_mutex_lock(&sub->bus->lock);
    for (;;) {
        jpx_mem_delivery *delivery;
        int64_t now_ms = jpx_now(env);
        if (sub->queue)
            jpx_mem_queue_advance(sub->queue, now_ms);
        while (count < max && (delivery = fetch_one(sub)))
            out[count++] = &delivery->base;
        if (count > 0 || wait_ms <= 0)
            break;
        int64_t due_ms = next_ms(sub), wake = until;
        if (due_ms != INT64_MAX && jpx_mono_ms() + (due_ms - now_ms) < wake)
            wake = jpx_mono_ms() + (due_ms - now_ms);
        if (!jpx_cond_until(&sub->cond, &sub->bus->lock, wake) && jpx_mono_ms() >= until)
            wait_ms = 0; /* one last look */
    }
    jpx_mem_sub_wake_locked(sub->bus);
    pthread_mutex_unlock(&sub->bus->lock);
    return count;
}

static int sub_fd(jpx_sub *base)
{
    jpx_mem_sub *sub = (jpx_mem_sub *)base;

    pthread_mutex_lock(&sub->bus->lock);
    if (sub->timer < 0) {
        sub->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        sub->armed_ms = INT64_MAX;
        arm(sub);
    }
    pthread_mutex_unlock(&sub->bus->lock);
    return sub->timer;
}

static void forget(jpx_mem_sub *sub, jpx_mem_delivery *delivery)
{
    take_out(&sub->held, delivery);
    delivery_free(delivery);
}

static void sub_ack(jpx_sub *base, jpx_delivery **deliveries, size_t count)
{
    jpx_mem_sub *sub = (jpx_mem_sub *)base;
    jpx_mem_bus *bus = sub->bus;

    pthread_mutex_lock(&bus->lock);
    for (size_t i = 0; i < count; i++) {
        jpx_mem_delivery *delivery = deliveries[i]->impl;
        if (!sub->queue) {
            /* a core message: nothing to tell anybody */
        } else if (bus->disorder.duplicate_percent > 0 && draw(bus, 100) < bus->disorder.duplicate_percent) {
            jpx_mem_item_nak(delivery->item, 0);
        } else {
            jpx_mem_item_ack(delivery->item);
        }
        forget(sub, delivery);
    }
    jpx_mem_sub_wake_locked(bus);
    pthread_mutex_unlock(&bus->lock);
}

static void sub_nak(jpx_sub *base, jpx_delivery *delivery, int64_t delay_ms)
{
    jpx_mem_sub *sub = (jpx_mem_sub *)base;

    pthread_mutex_lock(&sub->bus->lock);
    if (sub->queue)
        jpx_mem_item_nak(((jpx_mem_delivery *)delivery->impl)->item,
                         delay_ms > 0 ? jpx_now(sub->bus->base.env) + delay_ms : 0);
    forget(sub, delivery->impl);
    jpx_mem_sub_wake_locked(sub->bus);
    pthread_mutex_unlock(&sub->bus->lock);
}

static void sub_heartbeat(jpx_sub *base, jpx_delivery **deliveries, size_t count)
{
    jpx_mem_sub *sub = (jpx_mem_sub *)base;

    pthread_mutex_lock(&sub->bus->lock);
    for (size_t i = 0; sub->queue && i < count; i++)
        jpx_mem_item_heartbeat(((jpx_mem_delivery *)deliveries[i]->impl)->item,
                               jpx_now(sub->bus->base.env) + sub->bus->ack_wait_ms);
    pthread_mutex_unlock(&sub->bus->lock);
}

static void sub_drop(jpx_sub *base, jpx_delivery **deliveries, size_t count)
{
    jpx_mem_sub *sub = (jpx_mem_sub *)base;

    pthread_mutex_lock(&sub->bus->lock);
    for (size_t i = 0; i < count; i++)
        forget(sub, deliveries[i]->impl);
    jpx_mem_sub_wake_locked(sub->bus);
    pthread_mutex_unlock(&sub->bus->lock);
}

static void sub_close(jpx_sub *base)
{
    jpx_mem_sub *sub = (jpx_mem_sub *)base, **at;
    jpx_mem_bus *bus = sub->bus;

    pthread_mutex_lock(&bus->lock);
    for (at = &bus->subs; *at != sub; at = &(*at)->next)
        ;
    *at = sub->next;
    while (sub->held.first) {
        if (sub->queue)
            jpx_mem_item_nak(sub->held.first->item, 0);
        forget(sub, sub->held.first);
    }
    for (jpx_mem_delivery *delivery = sub->waiting.first, *next; delivery; delivery = next) {
        next = delivery->next;
        delivery_free(delivery);
    }
    jpx_mem_sub_wake_locked(bus);
    pthread_mutex_unlock(&bus->lock);
    if (sub->timer >= 0)
        close(sub->timer);
    pthread_cond_destroy(&sub->cond);
    free(sub);
}

static void sub_limit(jpx_sub *base, size_t credits)
{
    jpx_mem_sub *sub = (jpx_mem_sub *)base;

    pthread_mutex_lock(&sub->bus->lock);
    sub->credits = credits;
    arm(sub);
    pthread_cond_signal(&sub->cond);
    pthread_mutex_unlock(&sub->bus->lock);
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
};

static jpx_mem_sub *sub_new(jpx_bus *bus)
{
    jpx_mem_sub *sub = calloc(1, sizeof *sub);

    JPX_ASSERT(sub != NULL);
    sub->base.ops = &sub_ops;
    sub->bus = (jpx_mem_bus *)bus;
    sub->timer = -1;
    jpx_cond_init(&sub->cond);
    return sub;
}

static void sub_join(jpx_mem_sub *sub)
{
    sub->next = sub->bus->subs;
    sub->bus->subs = sub;
}

jp_status jpx_mem_sub_open(jpx_sub **out, jpx_bus *bus, jpx_stream stream, const char *durable, size_t credits,
                           jp_error *err)
{
    jpx_mem_sub *sub = sub_new(bus);

    (void)err;
    sub->credits = credits;
    pthread_mutex_lock(&sub->bus->lock);
    sub->queue = jpx_mem_bus_queue_locked(sub->bus, stream, durable);
    sub_join(sub);
    pthread_mutex_unlock(&sub->bus->lock);
    *out = &sub->base;
    return JP_OK;
}

jp_status jpx_mem_sub_listen(jpx_sub **out, jpx_bus *bus, const char *subject, const char *group, jp_error *err)
{
    if (strlen(subject) >= JPX_SUBJECT_MAX || (group && strlen(group) > JPX_NAME_MAX))
        return jpx_fail(err, JP_E_INVALID,
                        "cannot listen to '%.100s': the subject is longer than %d bytes, or its group than %d", subject,
                        JPX_SUBJECT_MAX - 1, JPX_NAME_MAX);
    jpx_mem_sub *sub = sub_new(bus);
    strncpy(sub->pattern, subject, sizeof sub->pattern - 1);
    strncpy(sub->group, group ? group : "", sizeof sub->group - 1);
    pthread_mutex_lock(&sub->bus->lock);
    sub_join(sub);
    pthread_mutex_unlock(&sub->bus->lock);
    *out = &sub->base;
    return JP_OK;
}
