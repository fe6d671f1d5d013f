/* jetstream_publish.c -- acknowledged publishing. Each publish() call is a batch: its messages go out with reply
 * subjects
 * "<inbox>.<place>.<turn>.<index>", one subscription of the link counts the answers. What is not acknowledged is sent
 * again, under the same Nats-Msg-Id, after a reconnect, after RESEND_MS, or when the server says that it cannot take it
 * just now; until the time limit. A message is in one state:
 *
 *     UNSENT --sent--> SENT --ack--> STORED
 *       ^             |error of the moment, reconnect, RESEND_MS
 *       +-------------+
 *
 * publish() blocks; any thread. The link's lock guards the batches and is never held while something is sent. */
#include "bus/jetstream_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNSENT, SENT, STORED };
enum { CHUNK = 256, RESEND_MS = 5000, AGAIN_MS = 20, AGAIN_MAX_MS = 500, NO_STREAM_MS = 2000, REASON_ROOM = 2100 };

typedef struct jpx_js_batch {
    bool used;
    unsigned turn; /* tells uses of this place apart: acks may be late */
    const jpx_message *messages;
    size_t count, sent, stored, scan; /* scan: below it nothing is UNSENT */
    uint8_t *states;
    bool again, no_stream; /* something became UNSENT after it was sent; nobody answered */
    int64_t no_stream_since;
    jp_status status;
    char text[JPX_JS_TEXT];
    pthread_cond_t cond;
} batch;

/* ---- one message ---- */

static natsStatus make_msg(natsMsg **out, const jpx_message *message, const char *reply)
{
    char reason[REASON_ROOM];
    natsMsg *msg = NULL;
    natsStatus s =
        natsMsg_Create(&msg, message->subject, reply, (const char *)message->data.data, (int)message->data.size);

    s = s ? s : natsMsgHeader_Set(msg, "Content-Type", "application/json");
    if (message->id)
        s = s ? s : natsMsgHeader_Set(msg, "Nats-Msg-Id", message->id);
    if (message->key)
        s = s ? s : natsMsgHeader_Set(msg, "Jetpipe-Key", message->key);
    if (message->reply_to)
        s = s ? s : natsMsgHeader_Set(msg, "Jetpipe-Reply", message->reply_to);
    if (message->reason) { /* text of a failure: its line breaks would end the header */
        snprintf(reason, sizeof reason, "%s", message->reason);
        for (char *c = reason; *c; c++)
            *c = (unsigned char)*c < ' ' ? ' ' : *c;
        s = s ? s : natsMsgHeader_Set(msg, "Jetpipe-Reason", reason);
    }
    if (s != NATS_OK) {
        natsMsg_Destroy(msg);
        msg = NULL;
    }
    *out = msg; /* NULL is fine to destroy */
    return s;
}

/* As the server counts: headers included. */
static jp_status check_size(jpx_js_link *link, const jpx_message *message, jp_error *err)
{
    int64_t limit = natsConnection_GetMaxPayload(link->nc);
    size_t size = message->data.size + sizeof "NATS/1.0\r\nContent-Type: application/json\r\n\r\n";

    size += message->id ? strlen(message->id) + sizeof "Nats-Msg-Id: \r\n" : 0;
    size += message->key ? strlen(message->key) + sizeof "Jetpipe-Key: \r\n" : 0;
    size += message->reply_to ? strlen(message->reply_to) + sizeof "Jetpipe-Reply: \r\n" : 0;
    size += message->reason ? strnlen(message->reason, REASON_ROOM) + sizeof "Jetpipe-Reason: \r\n" : 0;
    if (limit <= 0 || (int64_t)size <= limit)
        return JP_OK;
    return jpx_fail(
        err, JP_E_TOO_LARGE,
        "message on %.200s has %zu bytes, the NATS server takes at most %lld; keep large values out of events, or "
        "raise max_payload",
        message->subject, size, (long long)limit);
}

/* ---- answers; on the subscription's thread ---- */

static void stored(jpx_js_link *link, batch *b, size_t index, const char *text)
{
    const char *seq = strstr(text, "\"seq\":");
    uint64_t sequence = seq ? strtoull(seq + 6, NULL, 10) : 0;
    jpx_stream stream;

    b->sent -= b->states[index] == SENT;
    b->states[index] = STORED;
    b->stored++;
    if (!jpx_stream_of(link->bus->base.prefix, b->messages[index].subject, &stream))
        return;
    uint64_t known = atomic_load_explicit(&link->bus->sequences[stream], memory_order_relaxed);
    while (sequence > known && !atomic_compare_exchange_weak(&link->bus->sequences[stream], &known, sequence))
        ;
}

static void to_do_again(batch *b, size_t index)
{
    if (b->states[index] != SENT)
        return;
    b->sent--;
    b->states[index] = UNSENT;
    b->again = true;
    b->scan = index < b->scan ? index : b->scan;
}

/* {"error":{"code":503,"err_code":10077,"description":"..."},...} */
static void refused(batch *b, size_t index, const char *text)
{
    const char *code = strstr(text, "\"code\":"), *err_code = strstr(text, "\"err_code\":");
    const char *words = strstr(text, "\"description\":\"");
    long number = err_code ? strtol(err_code + 11, NULL, 10) : 0;

    size_t size = 0;
    for (words = words ? words + 15 : "no reason given"; *words && *words != '"' && size + 1 < sizeof b->text;
         words++) {
        words += words[0] == '\\' && words[1] != '\0';
        b->text[size++] = *words;
    }
    b->text[size] = '\0';
    switch (number) {
    case 10077: /* maximum messages, bytes or messages for each subject exceeded */
    case 10047: /* insufficient storage resources */
    case 10023: /* insufficient resources */
    case 10002: /* account limits */
        b->status = JP_E_FULL;
        return;
    case 10054: /* message size exceeds maximum allowed */
        b->status = JP_E_TOO_LARGE;
        return;
    default:
        if (code && strtol(code + 7, NULL, 10) >= 500)
            to_do_again(b, index);
        else
            b->status = JP_E_REFUSED;
    }
}

static void on_answer(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
    jpx_js_link *link = closure;
    const char *tail = natsMsg_GetSubject(msg) + strlen(link->inbox) + 1;
    char text[512], *end;
    size_t place = strtoul(tail, &end, 16);
    unsigned turn = (unsigned)strtoul(*end ? end + 1 : end, &end, 16);
    size_t index = strtoul(*end ? end + 1 : end, &end, 16);
    bool nobody = natsMsg_IsNoResponders(msg), repair = false;

    (void)nc;
    (void)sub;
    snprintf(text, sizeof text, "%.*s", natsMsg_GetDataLength(msg), natsMsg_GetData(msg) ? natsMsg_GetData(msg) : "");
    pthread_mutex_lock(&link->lock);
    batch *b = place < JPX_JS_PUBLISHERS_MAX ? &link->batches[place] : NULL;
    if (b && b->used && b->turn == turn && index < b->count && b->states[index] != STORED) {
        if (nobody) {
            repair = !b->no_stream;
            b->no_stream_since = b->no_stream ? b->no_stream_since : jpx_mono_ms();
            b->no_stream = true;
            to_do_again(b, index);
        } else if (strstr(text, "\"error\":")) {
            refused(b, index, text);
        } else {
            b->no_stream = false;
            stored(link, b, index, text);
        }
        if (b->stored == b->count || b->sent == 0 || b->sent == JPX_JS_WINDOW / 2 || b->again || b->status != JP_OK)
            pthread_cond_signal(&b->cond);
    }
    pthread_mutex_unlock(&link->lock);
    if (repair && atomic_load(&link->bus->is_set_up))
        jpx_js_keeper_repair(link->bus);
    natsMsg_Destroy(msg);
}

/* ---- a batch; the link's lock held unless said otherwise ---- */

static batch *take_place(jpx_js_link *link, const jpx_message *messages, size_t count, int64_t until)
{
    for (;;) {
        for (size_t i = 0; i < JPX_JS_PUBLISHERS_MAX; i++) {
            batch *b = &link->batches[i];
            if (b->used)
                continue;
            b->used = true;
            b->turn++;
            b->messages = messages;
            b->count = count;
            b->sent = b->stored = b->scan = 0;
            b->again = b->no_stream = false;
            b->status = JP_OK;
            b->text[0] = '\0';
            b->states = calloc(count, 1);
            JPX_ASSERT(b->states != NULL);
            return b;
        }
        if (!jpx_cond_until(&link->vacant, &link->lock, until))
            return NULL;
    }
}

static void leave_place(jpx_js_link *link, batch *b)
{
    free(b->states);
    b->states = NULL;
    b->used = false;
    pthread_cond_signal(&link->vacant);
}

static void all_to_do(batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        to_do_again(b, i);
    b->again = false;
}

/* Sends what is UNSENT as far as the window allows; unlocks while it sends. False when the connection took none. */
static bool send_some(jpx_js_link *link, batch *b)
{
    size_t chunk[CHUNK], count = 0, done = 0;
    char reply[JPX_JS_INBOX + 64];
    natsMsg *msg = NULL;
    natsStatus status = NATS_OK;

    for (; b->scan < b->count && count < CHUNK && b->sent < JPX_JS_WINDOW; b->scan++) {
        if (b->states[b->scan] != UNSENT)
            continue;
        b->states[b->scan] = SENT;
        b->sent++;
        chunk[count++] = b->scan;
    }
    pthread_mutex_unlock(&link->lock);
    for (; done < count && status == NATS_OK; done++) {
        snprintf(reply, sizeof reply, "%s.%zx.%x.%zx", link->inbox, (size_t)(b - link->batches), b->turn, chunk[done]);
        status = make_msg(&msg, &b->messages[chunk[done]], reply);
        status = status ? status : natsConnection_PublishMsg(link->nc, msg);
        natsMsg_Destroy(msg);
    }
    pthread_mutex_lock(&link->lock);
    for (size_t i = status == NATS_OK ? count : done - 1; i < count; i++)
        to_do_again(b, chunk[i]);
    return status == NATS_OK;
}

/* The whole of a publish(). */
static void run_batch(jpx_js_link *link, batch *b, int64_t until)
{
    int64_t pause_ms = AGAIN_MS, resend_at = jpx_mono_ms() + RESEND_MS, now;
    unsigned epoch = atomic_load(&link->epoch);

    while (b->stored < b->count && b->status == JP_OK && (now = jpx_mono_ms()) < until) {
        if (epoch != atomic_load(&link->epoch) || now >= resend_at) {
            epoch = atomic_load(&link->epoch);
            resend_at = now + RESEND_MS;
            all_to_do(b);
        }
        if (b->no_stream && !atomic_load(&link->bus->is_set_up) && now - b->no_stream_since > NO_STREAM_MS)
            return;
        if (!atomic_load(&link->up)) {
            jpx_cond_until(&b->cond, &link->lock, until < now + RESEND_MS ? until : now + RESEND_MS);
            continue;
        }
        if (b->again) { /* not at once: the server has reasons */
            int64_t rest = now + pause_ms;
            while (jpx_cond_until(&b->cond, &link->lock, rest < until ? rest : until) && jpx_mono_ms() < rest &&
                   b->status == JP_OK)
                ;
            pause_ms = pause_ms * 2 < AGAIN_MAX_MS ? pause_ms * 2 : AGAIN_MAX_MS;
            b->again = false;
        }
        while (b->scan < b->count && b->sent < JPX_JS_WINDOW && b->status == JP_OK && !b->again)
            send_some(link, b);
        if (b->again || b->status != JP_OK)
            continue;
        if (link == &link->bus->bulk &&
            b->stored < b->count) { /* the buffer's rest, without waiting for libnats' flusher */
            pthread_mutex_unlock(&link->lock);
            natsConnection_FlushTimeout(link->nc, until - now);
            pthread_mutex_lock(&link->lock);
        }
        size_t enough = b->scan < b->count ? JPX_JS_WINDOW / 2 : 0;
        while (b->sent > enough && b->status == JP_OK && !b->again && atomic_load(&link->up) &&
               epoch == atomic_load(&link->epoch) &&
               jpx_cond_until(&b->cond, &link->lock, resend_at < until ? resend_at : until))
            ;
    }
}

static jp_status batch_status(jpx_js_link *link, batch *b, int64_t timeout_ms, unsigned denials, jp_error *err)
{
    const char *subject = b->messages[0].subject;
    char what[JPX_JS_TEXT];

    if (b->stored == b->count)
        return JP_OK;
    if (b->status != JP_OK)
        return jpx_fail(err, b->status, "%.200s was not stored at %.200s: %s%s", subject, link->bus->url, b->text,
                        b->status == JP_E_FULL
                            ? "; raise the limit, or free space on the server's disk; the server's log tells more"
                            : "");
    snprintf(what, sizeof what, "publishing %zu messages (the first on %.100s)", b->count - b->stored, subject);
    if (jpx_js_denials(link->bus) != denials)
        return jpx_js_status(link->bus, NATS_TIMEOUT, denials, what, err);
    if (b->no_stream)
        return jpx_fail(err, JP_E_UNAVAILABLE,
                        "%s: no stream takes them at %s; 'jetpipe serve' creates the streams when it starts", what,
                        link->bus->url);
    return jpx_fail(err, JP_E_UNAVAILABLE, "%s: %s at %s within %lld ms", what,
                    atomic_load(&link->up) ? "not acknowledged by the NATS server" : "no connection to the NATS server",
                    link->bus->url, (long long)timeout_ms);
}

jp_status jpx_js_publish(jpx_bus *base, const jpx_message *messages, size_t count, int64_t timeout_ms, jp_error *err)
{
    jpx_js_bus *bus = (jpx_js_bus *)base;
    jpx_js_link *link = count <= JPX_JS_LONE_MAX ? &bus->fast : &bus->bulk;
    int64_t until = jpx_mono_ms() + timeout_ms;
    unsigned denials = jpx_js_denials(bus);

    for (size_t i = 0; i < count; i++) {
        jp_status status = check_size(link, &messages[i], err);
        if (status != JP_OK)
            return status;
    }
    pthread_mutex_lock(&link->lock);
    batch *b = take_place(link, messages, count, until);
    if (!b) {
        pthread_mutex_unlock(&link->lock);
        return jpx_fail(err, JP_E_UNAVAILABLE, "publishing on %.200s: %d others wait for NATS at %s already",
                        messages[0].subject, JPX_JS_PUBLISHERS_MAX, bus->url);
    }
    run_batch(link, b, until);
    jp_status status = batch_status(link, b, timeout_ms, denials, err);
    leave_place(link, b);
    pthread_mutex_unlock(&link->lock);
    return status;
}

void jpx_js_tell(jpx_bus *base, const jpx_message *messages, size_t count)
{
    jpx_js_bus *bus = (jpx_js_bus *)base;
    natsMsg *msg = NULL;

    for (size_t i = 0; i < count && atomic_load(&bus->bulk.up); i++) {
        if (check_size(&bus->bulk, &messages[i], NULL) != JP_OK || make_msg(&msg, &messages[i], NULL) != NATS_OK)
            continue;
        natsConnection_PublishMsg(bus->bulk.nc, msg);
        natsMsg_Destroy(msg);
    }
}

/* ---- open and close ---- */

void jpx_js_publisher_wake(jpx_js_link *link)
{
    pthread_mutex_lock(&link->lock);
    for (size_t i = 0; link->batches && i < JPX_JS_PUBLISHERS_MAX; i++)
        pthread_cond_signal(&link->batches[i].cond);
    pthread_mutex_unlock(&link->lock);
}

jp_status jpx_js_publisher_open(jpx_js_link *link, jp_error *err)
{
    char pattern[JPX_JS_INBOX + 8];
    batch *batches = calloc(JPX_JS_PUBLISHERS_MAX, sizeof *batches);

    JPX_ASSERT(batches != NULL);
    for (size_t i = 0; i < JPX_JS_PUBLISHERS_MAX; i++)
        jpx_cond_init(&batches[i].cond);
    pthread_mutex_lock(&link->lock);
    link->batches = batches;
    pthread_mutex_unlock(&link->lock);
    snprintf(link->inbox, sizeof link->inbox, "%s.%s", link->bus->inbox, link == &link->bus->fast ? "f" : "b");
    snprintf(pattern, sizeof pattern, "%s.>", link->inbox);
    return jpx_js_status(
        link->bus, jpx_js_plain(&link->acks, link, pattern, NULL, on_answer, link, jpx_js_callback_gone, link->bus), 0,
        "subscribing to acknowledgements", err);
}

void jpx_js_publisher_free(jpx_js_link *link)
{
    for (size_t i = 0; link->batches && i < JPX_JS_PUBLISHERS_MAX; i++)
        pthread_cond_destroy(&link->batches[i].cond);
    free(link->batches);
    link->batches = NULL;
}
