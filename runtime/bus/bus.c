/* bus.c -- chooses the implementation by the URL and forwards every call to it. No state; what blocks is said in bus.h.
 */
#include "bus/bus.h"
#include "bus/streams.h"
#include <string.h>

jp_status jpx_bus_open(jpx_bus **out, const char *url, const char *prefix, const char *name, int64_t wait_ms,
                       const jpx_env *env, jp_error *err)
{
    *out = NULL;
    if (!jpx_is_name(prefix))
        return jpx_fail(
            err, JP_E_INVALID,
            "prefix '%s' cannot be used in subjects and stream names; use 1 to %d letters, digits, '-', '_'", prefix,
            JPX_NAME_MAX);
    if (!jpx_ack_wait_ms())
        return jpx_fail(err, JP_E_INVALID, "JETPIPE_ACK_WAIT_MS wants a whole number from 1 to %d, of milliseconds",
                        JPX_ACK_WAIT_MAX_MS);
    if (strcmp(url, "memory:") == 0)
        return jpx_bus_open_memory(out, prefix, env, err);
    return jpx_bus_open_jetstream(out, url, prefix, name, wait_ms, env, err);
}

void jpx_bus_close(jpx_bus *bus)
{
    if (bus)
        bus->ops->close(bus);
}

const char *jpx_bus_prefix(const jpx_bus *bus)
{
    return bus->prefix;
}

jp_status jpx_bus_setup(jpx_bus *bus, const char *const *queues, size_t count, jp_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!jpx_is_name(queues[i]))
            return jpx_fail(err, JP_E_INVALID,
                            "queue '%s' cannot be a consumer's name; use 1 to %d letters, digits, '-', '_'", queues[i],
                            JPX_NAME_MAX);
    return bus->ops->setup(bus, queues, count, err);
}

/* A subject without wildcards, white space and empty tokens. */
static bool sendable(const char *subject)
{
    size_t size = strlen(subject);
    return size < JPX_SUBJECT_MAX && subject[size - 1] != '.' && !strpbrk(subject, " \t\r\n*>") &&
           !strstr(subject, "..");
}

static bool one_line(const char *text)
{
    return !text || !strpbrk(text, "\r\n");
}

/* Ids and keys come from outside: a line break in one would make headers of its own. */
static bool headers_ok(const jpx_message *message)
{
    return one_line(message->id) && one_line(message->key) && one_line(message->reply_to);
}

/* What no broker would take is refused here, before anything of the batch is sent. */
jp_status jpx_bus_publish(jpx_bus *bus, const jpx_message *messages, size_t count, int64_t timeout_ms, jp_error *err)
{
    for (size_t i = 0; i < count; i++) {
        jpx_stream stream;
        char durable[JPX_NAME_MAX + 1];
        const char *subject = messages[i].subject;
        if (!jpx_stream_of(bus->prefix, subject, &stream) ||
            (jpx_stream_is_work(stream) && !jpx_durable_of(bus->prefix, stream, subject, durable)) ||
            !sendable(subject))
            return jpx_fail(
                err, JP_E_INVALID,
                "subject '%.300s' belongs to no stream of prefix '%s'; see the table in runtime/bus/README.md", subject,
                bus->prefix);
        if (!headers_ok(&messages[i]))
            return jpx_fail(err, JP_E_INVALID, "id, key or reply subject of a message on %.300s has a line break in it",
                            subject);
    }
    return count == 0 ? JP_OK : bus->ops->publish(bus, messages, count, timeout_ms, err);
}

void jpx_bus_tell(jpx_bus *bus, const jpx_message *messages, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sendable(messages[i].subject) && headers_ok(&messages[i]))
            continue;
        jpx_log(bus->env, JPX_WARN, "message not sent", "subject=%.300s reason=\"subject or header not allowed\"",
                messages[i].subject);
        bus->ops->tell(bus, messages, i);
        messages += i + 1;
        count -= i + 1;
        i = SIZE_MAX;
    }
    bus->ops->tell(bus, messages, count);
}

jp_status jpx_bus_subscribe(jpx_sub **out, jpx_bus *bus, jpx_stream stream, const char *queue, size_t credits,
                            jp_error *err)
{
    *out = NULL;
    JPX_ASSERT(jpx_stream_is_work(stream) && credits > 0);
    const char *durable = stream == JPX_STREAM_RUN ? queue : jpx_stream_defs[stream].durable;
    JPX_ASSERT(durable != NULL && jpx_is_name(durable));
    return bus->ops->subscribe(out, bus, stream, durable, credits, err);
}

jp_status jpx_bus_listen(jpx_sub **out, jpx_bus *bus, const char *subject, const char *group, jp_error *err)
{
    *out = NULL;
    return bus->ops->listen(out, bus, subject, group, err);
}

void jpx_sub_close(jpx_sub *sub)
{
    if (sub)
        sub->ops->close(sub);
}

size_t jpx_sub_fetch(jpx_sub *sub, jpx_delivery **out, size_t max, int64_t wait_ms)
{
    return max == 0 ? 0 : sub->ops->fetch(sub, out, max, wait_ms);
}

int jpx_sub_fd(jpx_sub *sub)
{
    return sub->ops->fd(sub);
}

void jpx_sub_ack(jpx_sub *sub, jpx_delivery **deliveries, size_t count)
{
    sub->ops->ack(sub, deliveries, count);
}

void jpx_sub_nak(jpx_sub *sub, jpx_delivery *delivery, int64_t delay_ms)
{
    sub->ops->nak(sub, delivery, delay_ms);
}

void jpx_sub_limit(jpx_sub *sub, size_t credits)
{
    sub->ops->limit(sub, credits);
}

int64_t jpx_give_back_ms(const jpx_delivery *delivery)
{
    return delivery->deliveries > 1 ? (int64_t)(delivery->deliveries - 1) * 2000 : 0;
}

void jpx_sub_give_back(jpx_sub *sub, int64_t waited_ms, uint32_t most)
{
    if (sub->ops->give_back)
        sub->ops->give_back(sub, waited_ms, most);
}

void jpx_sub_heartbeat(jpx_sub *sub, jpx_delivery **deliveries, size_t count)
{
    sub->ops->heartbeat(sub, deliveries, count);
}

void jpx_sub_drop(jpx_sub *sub, jpx_delivery **deliveries, size_t count)
{
    sub->ops->drop(sub, deliveries, count);
}

void jpx_bus_answer(jpx_bus *bus, const char *reply_to, jpx_bytes data, const char *code, const char *message)
{
    if (reply_to && *reply_to)
        bus->ops->answer(bus, reply_to, data, code, message);
}

jp_status jpx_bus_request(jpx_bus *bus, const char *subject, jpx_bytes data, int64_t timeout_ms, jpx_arena *arena,
                          jpx_bytes *reply, jp_error *err)
{
    *reply = (jpx_bytes){0};
    return bus->ops->request(bus, subject, data, timeout_ms, arena, reply, err);
}

size_t jpx_bus_message_max(jpx_bus *bus)
{
    return bus->ops->message_max ? bus->ops->message_max(bus) : SIZE_MAX;
}

const char *jpx_bus_inbox(jpx_bus *bus, jpx_arena *arena)
{
    return bus->ops->inbox(bus, arena);
}

uint64_t jpx_bus_loss_count(jpx_bus *bus)
{
    return bus->ops->loss_count(bus);
}

int64_t jpx_bus_stream_created_ns(jpx_bus *bus)
{
    return bus->ops->stream_created_ns(bus);
}

bool jpx_bus_connected(jpx_bus *bus)
{
    return bus->ops->connected(bus);
}

int64_t jpx_bus_backlog(jpx_bus *bus, jpx_stream stream)
{
    return bus->ops->backlog(bus, stream);
}

int64_t jpx_bus_oldest_ms(jpx_bus *bus, const char *queue)
{
    return bus->ops->oldest_ms(bus, queue);
}
