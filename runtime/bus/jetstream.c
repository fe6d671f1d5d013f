/* jetstream.c -- the bus on NATS JetStream: open and close, requests and answers. Threads and locks: jetstream_impl.h.
 * What blocks: open (wait_ms), request (its time limit), backlog (a request), oldest_ms (two), close (JPX_JS_CLOSE_MS).
 */
#include "bus/jetstream_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t bus_loss_count(jpx_bus *base)
{
    jpx_js_bus *bus = (jpx_js_bus *)base;

    atomic_store(&bus->watched, true);
    return atomic_load(&bus->loss_count);
}

static int64_t bus_stream_created_ns(jpx_bus *base)
{
    jpx_js_bus *bus = (jpx_js_bus *)base;
    int64_t stream_created_ns = 0;

    pthread_mutex_lock(&bus->setup_lock);
    for (int stream = 0; stream < JPX_STREAMS; stream++)
        if (jpx_stream_is_work((jpx_stream)stream) && bus->streams[stream].created_ns > stream_created_ns)
            stream_created_ns = bus->streams[stream].created_ns;
    pthread_mutex_unlock(&bus->setup_lock);
    return stream_created_ns;
}

static bool bus_connected(jpx_bus *base)
{
    return atomic_load(&((jpx_js_bus *)base)->fast.up);
}

static const char *bus_inbox(jpx_bus *base, jpx_arena *arena)
{
    jpx_js_bus *bus = (jpx_js_bus *)base;
    return jpx_format(arena, "%s.a%llu", bus->inbox, (unsigned long long)atomic_fetch_add(&bus->inboxes, 1));
}

static void bus_answer(jpx_bus *base, const char *reply_to, jpx_bytes data, const char *code, const char *message)
{
    jpx_js_bus *bus = (jpx_js_bus *)base;
    char line[JPX_JS_TEXT];
    natsMsg *msg = NULL;

    natsStatus s = natsMsg_Create(&msg, reply_to, NULL, (const char *)data.data, (int)data.size);
    s = s ? s : natsMsgHeader_Set(msg, "Content-Type", "application/json");
    if (code) {
        snprintf(line, sizeof line, "%s", message ? message : code);
        for (char *c = line; *c; c++)
            *c = (unsigned char)*c < ' ' ? ' ' : *c;
        s = s ? s : natsMsgHeader_Set(msg, "Nats-Service-Error-Code", code);
        s = s ? s : natsMsgHeader_Set(msg, "Nats-Service-Error", line);
    }
    s = s ? s : natsConnection_PublishMsg(bus->fast.nc, msg);
    if (s != NATS_OK)
        jpx_log(base->env, JPX_WARN, "answer not sent", "subject=%s bytes=%zu cause=\"%s\"", reply_to, data.size,
                natsStatus_GetText(s));
    natsMsg_Destroy(msg);
}

static jp_status bus_request(jpx_bus *base, const char *subject, jpx_bytes data, int64_t timeout_ms, jpx_arena *arena,
                             jpx_bytes *reply, jp_error *err)
{
    jpx_js_bus *bus = (jpx_js_bus *)base;
    unsigned denials = jpx_js_denials(bus);
    char what[JPX_JS_TEXT];
    natsMsg *msg = NULL;

    natsStatus status = NATS_CONNECTION_DISCONNECTED;
    if (bus_connected(base)) /* libnats would keep it for the next connection */
        status = natsConnection_Request(&msg, bus->fast.nc, subject, (const char *)data.data, (int)data.size,
                                        timeout_ms > 0 ? timeout_ms : 1);
    if (status == NATS_NO_RESPONDERS)
        return jpx_fail(err, JP_E_UNAVAILABLE, "nobody answers %s at %s; is the api role running?", subject, bus->url);
    if (status == NATS_TIMEOUT && jpx_js_denials(bus) == denials)
        return jpx_fail(err, JP_E_TIMEOUT, "no answer on %s at %s within %lld ms", subject, bus->url,
                        (long long)timeout_ms);
    snprintf(what, sizeof what, "request on %.200s", subject);
    if (status != NATS_OK)
        return jpx_js_status(bus, status, denials, what, err);
    *reply = jpx_copy(arena, natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg));
    natsMsg_Destroy(msg);
    return JP_OK;
}

static int64_t bus_backlog(jpx_bus *base, jpx_stream stream)
{
    jpx_js_bus *bus = (jpx_js_bus *)base;
    char verb[JPX_SUBJECT_MAX], name[JPX_JS_STREAM_NAME];
    jpx_js_reply reply;

    snprintf(verb, sizeof verb, "STREAM.INFO.%s", jpx_js_stream_name(bus, stream, name));
    if (!bus_connected(base) || jpx_js_api(bus, verb, "", &reply, NULL) != JP_OK)
        return -1;
    int64_t messages = reply.code == 0 ? jpx_js_int_at(&reply, "state.messages") : -1;
    jpx_js_reply_fini(&reply);
    return messages;
}

/* nats-server 2.9 may leave messages in the stream, after a kill, that their durable knows as acked: it is asked first.
 * What is in the queue comes after its ack floor. */
static int64_t bus_oldest_ms(jpx_bus *base, const char *queue)
{
    jpx_js_bus *bus = (jpx_js_bus *)base;
    char verb[JPX_SUBJECT_MAX], json[JPX_SUBJECT_MAX], name[JPX_JS_STREAM_NAME];
    jpx_js_reply reply;
    int64_t oldest_ms = 0, floor = 0;

    jpx_js_stream_name(bus, JPX_STREAM_RUN, name);
    snprintf(verb, sizeof verb, "CONSUMER.INFO.%s.%s", name, queue);
    if (!bus_connected(base) || jpx_js_api(bus, verb, "", &reply, NULL) != JP_OK)
        return 0;
    bool empty = jpx_js_int_at(&reply, "num_pending") == 0 && jpx_js_int_at(&reply, "num_ack_pending") == 0;
    if (reply.code == 0)
        floor = jpx_js_int_at(&reply, "ack_floor.stream_seq");
    jpx_js_reply_fini(&reply);
    if (empty)
        return INT64_MAX;
    snprintf(verb, sizeof verb, "STREAM.MSG.GET.%s", name);
    snprintf(json, sizeof json, "{\"seq\":%lld,\"next_by_subj\":\"%s.run.%s.>\"}", (long long)floor + 1, base->prefix,
             queue);
    if (jpx_js_api(bus, verb, json, &reply, NULL) != JP_OK)
        return 0;
    if (reply.code == 0)
        oldest_ms = jpx_js_time_at(&reply, "message.time") / 1000000;
    else if (reply.err_code == JPX_JS_NO_MESSAGE)
        oldest_ms = INT64_MAX;
    jpx_js_reply_fini(&reply);
    return oldest_ms;
}

/* As the server last said; its default where none was reached yet. */
static size_t bus_message_max(jpx_bus *base)
{
    enum { USUAL = 1024 * 1024 };
    int64_t limit = natsConnection_GetMaxPayload(((jpx_js_bus *)base)->fast.nc);
    return limit > 0 ? (size_t)limit : USUAL;
}

static void bus_close(jpx_bus *base)
{
    jpx_js_bus *bus = (jpx_js_bus *)base;

    JPX_ASSERT(bus->subs == NULL); /* subscriptions are closed before their bus */
    jpx_js_keeper_stop(bus);
    jpx_js_disconnect(bus);
    for (int i = 0; i < 2; i++) {
        jpx_js_link *link = i ? &bus->bulk : &bus->fast;
        jpx_js_publisher_free(link);
        pthread_cond_destroy(&link->vacant);
        pthread_mutex_destroy(&link->lock);
    }
    pthread_cond_destroy(&bus->changed);
    pthread_mutex_destroy(&bus->lock);
    pthread_mutex_destroy(&bus->setup_lock);
    free(bus);
}

static const jpx_bus_ops bus_ops = {
    .close = bus_close,
    .setup = jpx_js_setup,
    .publish = jpx_js_publish,
    .tell = jpx_js_tell,
    .subscribe = jpx_js_subscribe,
    .listen = jpx_js_listen,
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

/* Unique also where a test injects the random source: process and time are in it. */
static void make_inbox(jpx_js_bus *bus)
{
    uint64_t parts[3] = {0, (uint64_t)getpid(), (uint64_t)(uintptr_t)bus ^ (uint64_t)jpx_mono_ms() << 20};
    uint64_t random;

    jpx_random(bus->base.env, &parts[0], sizeof parts[0]);
    jpx_random(bus->base.env, &random, sizeof random);
    snprintf(bus->inbox, sizeof bus->inbox, "_INBOX.%016llx%016llx", (unsigned long long)random,
             (unsigned long long)jpx_hash(parts, sizeof parts));
}

jp_status jpx_bus_open_jetstream(jpx_bus **out, const char *url, const char *prefix, const char *name, int64_t wait_ms,
                                 const jpx_env *env, jp_error *err)
{
    jpx_js_bus *bus = calloc(1, sizeof *bus);

    JPX_ASSERT(bus != NULL && strlen(prefix) <= JPX_NAME_MAX);
    bus->base.ops = &bus_ops;
    bus->base.env = env;
    strncpy(bus->base.prefix, prefix, JPX_NAME_MAX);
    jpx_js_show_url(bus->url, sizeof bus->url, url);
    bus->ack_wait_ms = jpx_ack_wait_ms();
    pthread_mutex_init(&bus->setup_lock, NULL);
    pthread_mutex_init(&bus->lock, NULL);
    jpx_cond_init(&bus->changed);
    for (int i = 0; i < 2; i++) {
        jpx_js_link *link = i ? &bus->bulk : &bus->fast;
        link->bus = bus;
        pthread_mutex_init(&link->lock, NULL);
        jpx_cond_init(&link->vacant);
    }
    make_inbox(bus);
    jp_status status = jpx_js_connect(bus, url, name, wait_ms, err);
    if (status != JP_OK) {
        bus_close(&bus->base);
        return status;
    }
    jpx_js_keeper_start(bus);
    *out = &bus->base;
    return JP_OK;
}
