/* jetstream_pull.c -- the pull engine's decisions. A pull asks the server for up to so many messages within
 * JPX_JS_PULL_MS; it sends heartbeats while it has none. Invariant: waiting + held + asked <= credits, where `asked`
 * counts what pulls at the server may still send. It can only be exceeded after a reconnect or missed heartbeats, when
 * pulls are taken for lost that were not; the surplus is delivered like the rest.
 *
 * Every function wants the subscription's lock; nothing waits for the server. Called from the subscription's thread,
 * the application's and the keeper. */
#include "bus/jetstream_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LATE_MS = 2000, SILENCE_MS = 2 * JPX_JS_HEARTBEAT_MS + LATE_MS, QUIET_MS = 500 };

static void forget_pulls(jpx_js_sub *sub)
{
    memset(sub->pulls, 0, sizeof sub->pulls);
    sub->asked = 0;
}

/* A completed pull says nothing (before 2.12): it is forgotten when its time is over. When none is left, nothing is
 * asked. */
static void forget_old_pulls(jpx_js_sub *sub, int64_t now)
{
    size_t alive = 0;

    for (size_t i = 0; i < JPX_JS_PULLS; i++) {
        if (sub->pulls[i].number && sub->pulls[i].until_ms + LATE_MS < now)
            sub->pulls[i].number = 0;
        alive += sub->pulls[i].number != 0;
    }
    if (alive == 0)
        sub->asked = 0;
}

static void pull(jpx_js_sub *sub, size_t batch, int64_t now)
{
    char subject[JPX_SUBJECT_MAX], reply[JPX_SUBJECT_MAX + 32], body[128], stream[JPX_JS_STREAM_NAME];
    size_t place = 0;

    for (size_t i = 0; i < JPX_JS_PULLS; i++) /* a free place, or the oldest */
        if (sub->pulls[i].number < sub->pulls[place].number)
            place = i;
    sub->pulls[place].number = ++sub->pull_number;
    sub->pulls[place].batch = batch;
    sub->pulls[place].until_ms = now + JPX_JS_PULL_MS;
    sub->asked += batch;
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s",
             jpx_js_stream_name(sub->bus, sub->stream, stream), sub->durable);
    snprintf(reply, sizeof reply, "%s.%llu", sub->inbox, (unsigned long long)sub->pull_number);
    snprintf(body, sizeof body, "{\"batch\":%zu,\"expires\":%lld,\"idle_heartbeat\":%lld}", batch,
             (long long)JPX_JS_PULL_MS * 1000000, (long long)JPX_JS_HEARTBEAT_MS * 1000000);
    natsConnection_PublishRequestString(sub->bus->fast.nc, subject, reply, body);
}

void jpx_js_pull_more(jpx_js_sub *sub)
{
    size_t used = sub->waiting.count + sub->held.count + sub->asked;
    size_t room = used < sub->credits ? sub->credits - used : 0;
    int64_t now;

    if (room == 0 || sub->closing || !sub->durable[0])
        return;
    /* Half is still to come: not yet. A small room: not worth a request, unless nothing is asked at all. */
    if (sub->asked > 0 && (sub->asked > sub->credits / 2 || room < sub->credits / 8))
        return;
    now = jpx_mono_ms();
    if (now < sub->quiet_until_ms || !atomic_load(&sub->bus->fast.up))
        return;
    if (sub->asked == 0)
        sub->sign_ms = now;
    pull(sub, room, now);
}

void jpx_js_pull_arrived(jpx_js_sub *sub)
{
    sub->sign_ms = jpx_mono_ms();
    if (sub->asked > 0 && --sub->asked == 0)
        forget_pulls(sub);
}

void jpx_js_pull_restart(jpx_js_sub *sub)
{
    forget_pulls(sub);
    sub->quiet_until_ms = 0;
    jpx_js_pull_more(sub);
}

void jpx_js_pull_tick(jpx_js_sub *sub)
{
    int64_t now = jpx_mono_ms();

    forget_old_pulls(sub, now);
    if (sub->asked > 0 && now - sub->sign_ms > SILENCE_MS) {
        jpx_log(sub->bus->base.env, JPX_WARN, "no heartbeat from the durable", "durable=%s silent_ms=%lld",
                sub->durable, (long long)(now - sub->sign_ms));
        forget_pulls(sub);
    }
    jpx_js_pull_more(sub);
}

/* The pull of this number has ended with `left` messages unsent; -1: the server does not say. */
static void pull_ended(jpx_js_sub *sub, uint64_t number, int64_t left)
{
    for (size_t i = 0; i < JPX_JS_PULLS; i++) {
        if (sub->pulls[i].number != number)
            continue;
        size_t unsent = left >= 0 ? (size_t)left : sub->pulls[i].batch;
        sub->asked -= unsent < sub->asked ? unsent : sub->asked;
        sub->pulls[i].number = 0;
    }
    forget_old_pulls(sub, jpx_mono_ms());
}

const char *jpx_js_header(natsMsg *msg, const char *name)
{
    const char *value = NULL;
    return natsMsgHeader_Get(msg, name, &value) == NATS_OK ? value : NULL;
}

/* 100 heartbeat; 404, 408: the pull has ended; 409: it was ended, text says why; 503: there is no such durable. */
bool jpx_js_pull_status(jpx_js_sub *sub, natsMsg *msg)
{
    const char *status = jpx_js_header(msg, "Status"), *text = jpx_js_header(msg, "Description");
    const char *left = jpx_js_header(msg, "Nats-Pending-Messages");
    const char *number = strrchr(natsMsg_GetSubject(msg), '.');
    int code = status ? (int)strtol(status, NULL, 10) : 0;

    sub->sign_ms = jpx_mono_ms();
    if (code == 0 || code == 100)
        return false;
    pull_ended(sub, number ? strtoull(number + 1, NULL, 10) : 0, left ? strtoll(left, NULL, 10) : -1);
    if (code == 503 || (code == 409 && text && strstr(text, "Deleted"))) {
        forget_pulls(sub);
        sub->quiet_until_ms = sub->sign_ms + QUIET_MS; /* the keeper pulls again when it has looked */
        return true;
    }
    if (code == 409 || code == 423 || code == 400) { /* refused, a new leader, shutting down: not at once again */
        jpx_log(sub->bus->base.env, JPX_DEBUG, "pull ended", "durable=%s status=%d text=\"%s\"", sub->durable, code,
                text ? text : "");
        sub->quiet_until_ms = sub->sign_ms + QUIET_MS;
    }
    jpx_js_pull_more(sub);
    return false;
}
