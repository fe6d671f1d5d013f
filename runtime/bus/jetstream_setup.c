/* jetstream_setup.c -- the streams and durables of DESIGN 5: creates what is missing, leaves alone what is there,
 * refuses what is wrong, and keeps what was seen, so that a missing or younger one is noticed as evidence of loss. Two
 * processes may do it at once: creating the same thing twice is fine with the server. Blocks on requests; any thread,
 * one at a time (setup_lock).
 *
 * The JSON has only fields that every server knows or ignores: those up to 2.10 ignore unknown ones (metadata
 * before 2.10), those from 2.12 refuse them. */
#include "bus/jetstream_impl.h"
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

enum { RACE_TRIES = 20, RACE_MS = 50 };

const char *jpx_js_stream_name(const jpx_js_bus *bus, jpx_stream stream, char out[JPX_JS_STREAM_NAME])
{
    snprintf(out, JPX_JS_STREAM_NAME, "%s_%s", bus->base.prefix, jpx_stream_defs[stream].suffix);
    for (char *c = out; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return out;
}

/* ---- requests as JSON ---- */

static const char *subjects_json(const jpx_js_bus *bus, jpx_stream stream, jpx_arena *arena)
{
    const char *list = "";

    for (size_t i = 0; i < 3 && jpx_stream_defs[stream].kinds[i]; i++)
        list = jpx_format(arena, "%s%s\"%s.%s.>\"", list, i ? "," : "", bus->base.prefix,
                          jpx_stream_defs[stream].kinds[i]);
    return list;
}

static const char *stream_json(const jpx_js_bus *bus, jpx_stream stream, jpx_arena *arena)
{
    const jpx_stream_def *def = &jpx_stream_defs[stream];
    char name[JPX_JS_STREAM_NAME];

    return jpx_format(
        arena,
        "{\"name\":\"%s\",\"description\":\"%s\",\"subjects\":[%s],\"retention\":\"%s\",\"discard\":\"%s\","
        "\"storage\":\"file\",\"num_replicas\":1,\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":%lld,"
        "\"max_age\":%lld,\"max_msg_size\":-1,\"duplicate_window\":%lld,\"allow_direct\":true,"
        "\"metadata\":{\"io.jetpipe.prefix\":\"%s\",\"io.nats.monitor.enabled\":\"true\"}}",
        jpx_js_stream_name(bus, stream, name), def->description, subjects_json(bus, stream, arena),
        jpx_stream_is_work(stream) ? "workqueue" : "limits", jpx_stream_is_work(stream) ? "new" : "old",
        (long long)def->max_bytes, (long long)def->max_age_ms * 1000000, (long long)def->duplicate_ms * 1000000,
        bus->base.prefix);
}

static const char *durable_filter(const jpx_js_bus *bus, const jpx_js_durable *durable, jpx_arena *arena)
{
    return durable->stream == JPX_STREAM_RUN ? jpx_format(arena, "%s.run.%s.>", bus->base.prefix, durable->name) : "";
}

static const char *durable_json(const jpx_js_bus *bus, const jpx_js_durable *durable, jpx_arena *arena)
{
    char name[JPX_JS_STREAM_NAME];
    const char *filter = durable_filter(bus, durable, arena);

    if (*filter)
        filter = jpx_format(arena, "\"filter_subject\":\"%s\",", filter);
    return jpx_format(
        arena,
        "{\"stream_name\":\"%s\",\"config\":{\"durable_name\":\"%s\",\"description\":\"jetpipe: %s\",%s"
        "\"deliver_policy\":\"all\",\"ack_policy\":\"explicit\",\"replay_policy\":\"instant\",\"ack_wait\":%lld,"
        "\"max_deliver\":-1,\"max_ack_pending\":%d,\"max_waiting\":%d,"
        "\"metadata\":{\"io.jetpipe.prefix\":\"%s\",\"io.nats.monitor.outstanding-ack-critical\":\"%d\","
        "\"io.nats.monitor.unprocessed-critical\":\"100000\",\"io.nats.monitor.redelivery-critical\":\"1000\"}}}",
        jpx_js_stream_name(bus, durable->stream, name), durable->name,
        durable->stream == JPX_STREAM_RUN ? "workers of this queue" : "its role's only consumer", filter,
        (long long)bus->ack_wait_ms * 1000000, JPX_JS_ACK_PENDING, JPX_JS_PULLS_WAITING, bus->base.prefix,
        JPX_JS_ACK_PENDING * 9 / 10);
}

/* ---- one stream, one durable ---- */

/* nats-server 2.9 tells a durable's time differently, by less than a millisecond, before and after its own restart. */
enum { STREAM_WITHIN_NS = 0, DURABLE_WITHIN_NS = 1000 * 1000 * 1000 };

/* True when the reply is evidence: it had been seen, and is not there or not the same any more. */
static bool is_another(const jpx_js_known *known, const jpx_js_reply *reply, int64_t within_ns)
{
    int64_t apart = jpx_js_time_at(reply, "created") - known->created_ns;

    return known->seen && (reply->code != 0 || apart > within_ns || apart < -within_ns);
}

/* One evidence counts once, also when the repair has to be tried again. */
static bool notice(jpx_js_bus *bus, jpx_stream stream, jpx_js_known *known, const jpx_js_reply *reply,
                   int64_t within_ns)
{
    if (!is_another(known, reply, within_ns))
        return false;
    known->seen = false;
    atomic_fetch_add(&bus->age, 1); /* before there can be new messages */
    atomic_store(&bus->sequences[stream], 0);
    return true;
}

static void remember(jpx_js_known *known, const jpx_js_reply *reply)
{
    known->seen = true;
    known->created_ns = jpx_js_time_at(reply, "created");
}

static jp_status stream_info(jpx_js_bus *bus, jpx_stream stream, jpx_js_reply *reply, jp_error *err)
{
    char name[JPX_JS_STREAM_NAME], verb[JPX_SUBJECT_MAX];

    snprintf(verb, sizeof verb, "STREAM.INFO.%s", jpx_js_stream_name(bus, stream, name));
    return jpx_js_api(bus, verb, "", reply, err);
}

static jp_status verify_stream(jpx_js_bus *bus, jpx_stream stream, const jpx_js_reply *info, jp_error *err)
{
    const char *wanted = jpx_stream_is_work(stream) ? "workqueue" : "limits";
    const char *found = jpx_js_text_at(info, "config.retention");
    char name[JPX_JS_STREAM_NAME], subject[JPX_SUBJECT_MAX];

    jpx_js_stream_name(bus, stream, name);
    if (strcmp(found, wanted) != 0)
        return jpx_fail(
            err, JP_E_REFUSED,
            "stream %s exists with retention '%s', jetpipe needs '%s'; remove it (nats stream rm %s) or choose "
            "another --prefix",
            name, found, wanted, name);
    for (size_t i = 0; i < 3 && jpx_stream_defs[stream].kinds[i]; i++) {
        snprintf(subject, sizeof subject, "%s.%s.>", bus->base.prefix, jpx_stream_defs[stream].kinds[i]);
        if (!jpx_js_list_has(info, "config.subjects", subject))
            return jpx_fail(
                err, JP_E_REFUSED,
                "stream %s exists without the subject %s; add it (nats stream edit %s --subjects ...) or choose "
                "another --prefix",
                name, subject, name);
    }
    return JP_OK;
}

static jp_status durable_info(jpx_js_bus *bus, const jpx_js_durable *durable, jpx_js_reply *reply, jp_error *err)
{
    char name[JPX_JS_STREAM_NAME], verb[JPX_SUBJECT_MAX];

    snprintf(verb, sizeof verb, "CONSUMER.INFO.%s.%s", jpx_js_stream_name(bus, durable->stream, name), durable->name);
    return jpx_js_api(bus, verb, "", reply, err);
}

/* Our create was refused: has another process made it at the same moment? The server refuses the second of two as a
 * taken name, or, while the first is not complete, as overlapping subjects. */
static bool made_meanwhile(jpx_js_bus *bus, jpx_stream stream, const jpx_js_durable *durable,
                           const jpx_js_reply *refused)
{
    for (int tries = 0; refused->code != 0 && tries < RACE_TRIES; tries++) {
        jpx_js_reply reply;
        jp_error ignored;
        jp_status status =
            durable ? durable_info(bus, durable, &reply, &ignored) : stream_info(bus, stream, &reply, &ignored);
        if (status != JP_OK)
            return false;
        bool there = reply.code == 0;
        jpx_js_reply_fini(&reply);
        if (there)
            return true;
        poll(NULL, 0, RACE_MS);
    }
    return false;
}

/* *gone: it was there and is not any more; it is created by the next call. */
static jp_status setup_stream(jpx_js_bus *bus, jpx_stream stream, bool *lost, bool *gone, jpx_arena *arena,
                              jp_error *err)
{
    char name[JPX_JS_STREAM_NAME], verb[JPX_SUBJECT_MAX], what[JPX_SUBJECT_MAX];
    jpx_js_known *known = &bus->streams[stream];
    jpx_js_reply reply;

    snprintf(what, sizeof what, "stream %s at %.300s", jpx_js_stream_name(bus, stream, name), bus->url);
    jp_status status = stream_info(bus, stream, &reply, err);
    if (status != JP_OK)
        return status;
    bool noticed = notice(bus, stream, known, &reply, STREAM_WITHIN_NS);
    *lost |= noticed;
    if (reply.err_code == JPX_JS_NO_STREAM && noticed) {
        *gone = true;
        jpx_js_reply_fini(&reply);
        return JP_OK;
    }
    if (reply.err_code == JPX_JS_NO_STREAM) {
        jpx_js_reply_fini(&reply);
        snprintf(verb, sizeof verb, "STREAM.CREATE.%s", name);
        status = jpx_js_api(bus, verb, stream_json(bus, stream, arena), &reply, err);
        if (status == JP_OK && made_meanwhile(bus, stream, NULL, &reply)) {
            jpx_js_reply_fini(&reply);
            status = stream_info(bus, stream, &reply, err);
        } else if (status == JP_OK && reply.code == 0) {
            jpx_log(bus->base.env, JPX_INFO, "stream created", "stream=%s", name);
        }
        if (status != JP_OK)
            return status;
    }
    status = jpx_js_reply_status(&reply, what, err);
    if (status == JP_OK)
        status = verify_stream(bus, stream, &reply, err);
    if (status == JP_OK)
        remember(known, &reply);
    jpx_js_reply_fini(&reply);
    return status;
}

static jp_status setup_durable(jpx_js_bus *bus, jpx_js_durable *durable, bool *lost, jpx_arena *arena, jp_error *err)
{
    char name[JPX_JS_STREAM_NAME], verb[JPX_SUBJECT_MAX], what[JPX_SUBJECT_MAX];
    const char *filter = durable_filter(bus, durable, arena);
    jpx_js_reply reply;

    jpx_js_stream_name(bus, durable->stream, name);
    snprintf(what, sizeof what, "consumer %s of stream %s at %.300s", durable->name, name, bus->url);
    jp_status status = durable_info(bus, durable, &reply, err);
    if (status != JP_OK)
        return status;
    *lost |= notice(bus, durable->stream, &durable->known, &reply, DURABLE_WITHIN_NS);
    if (reply.err_code == JPX_JS_NO_DURABLE) {
        jpx_js_reply_fini(&reply);
        snprintf(verb, sizeof verb, "CONSUMER.DURABLE.CREATE.%s.%s", name, durable->name);
        status = jpx_js_api(bus, verb, durable_json(bus, durable, arena), &reply, err);
        if (status == JP_OK && made_meanwhile(bus, durable->stream, durable, &reply)) {
            jpx_js_reply_fini(&reply);
            status = durable_info(bus, durable, &reply, err);
        }
        if (status != JP_OK)
            return status;
    }
    status = jpx_js_reply_status(&reply, what, err);
    if (status == JP_OK && (strcmp(jpx_js_text_at(&reply, "config.filter_subject"), filter) != 0 ||
                            strcmp(jpx_js_text_at(&reply, "config.ack_policy"), "explicit") != 0 ||
                            *jpx_js_text_at(&reply, "config.deliver_subject")))
        status = jpx_fail(
            err, JP_E_REFUSED,
            "%s exists with another filter, ack policy or as a push consumer; remove it (nats consumer rm %s %s), "
            "jetpipe makes its own",
            what, name, durable->name);
    if (status == JP_OK)
        remember(&durable->known, &reply);
    jpx_js_reply_fini(&reply);
    return status;
}

/* ---- all of them; with setup_lock held ---- */

static jp_status remember_durable_locked(jpx_js_bus *bus, jpx_stream stream, const char *name, jp_error *err)
{
    for (size_t i = 0; i < bus->durable_count; i++)
        if (bus->durables[i].stream == stream && strcmp(bus->durables[i].name, name) == 0)
            return JP_OK;
    if (bus->durable_count == sizeof bus->durables / sizeof bus->durables[0])
        return jpx_fail(err, JP_E_FULL, "queue '%s' is one too many: a process knows at most %d queues", name,
                        JPX_QUEUES_MAX);
    jpx_js_durable *durable = &bus->durables[bus->durable_count++];
    *durable = (jpx_js_durable){.stream = stream};
    snprintf(durable->name, sizeof durable->name, "%s", name);
    return JP_OK;
}

jp_status jpx_js_remember_durable(jpx_js_bus *bus, jpx_stream stream, const char *name, jp_error *err)
{
    pthread_mutex_lock(&bus->setup_lock);
    jp_status status = remember_durable_locked(bus, stream, name, err);
    pthread_mutex_unlock(&bus->setup_lock);
    return status;
}

static void count_loss(jpx_js_bus *bus, const char *evidence)
{
    atomic_fetch_add(&bus->loss_count, 1);
    jpx_log(bus->base.env, JPX_WARN, "messages may be lost", "evidence=\"%s\" mend=\"live roots are walked\"",
            evidence);
}

/* The server goes on removing a deleted stream after it has forgotten it, for up to a second. One of the same name that
 * is created meanwhile loses its files with it (nats-server 2.9) or does not answer messages (2.15), for ever. */
enum { REMOVAL_MS = 1200 };

static jp_status setup_all(jpx_js_bus *bus, jp_error *err)
{
    jpx_arena *arena = jpx_arena_new();
    jp_status status = JP_OK;
    bool lost = false, gone;

    do {
        gone = false;
        for (int stream = 0; stream < JPX_STREAMS && status == JP_OK; stream++)
            status = setup_stream(bus, (jpx_stream)stream, &lost, &gone, arena, err);
        if (gone && status == JP_OK)
            poll(NULL, 0, REMOVAL_MS);
    } while (gone && status == JP_OK);
    for (size_t i = 0; i < bus->durable_count && status == JP_OK; i++)
        status = setup_durable(bus, &bus->durables[i], &lost, arena, err);
    if (status == JP_OK)
        atomic_store(&bus->is_set_up, true);
    if (lost)
        count_loss(bus, "a stream or durable was missing or is another one");
    jpx_arena_free(arena);
    return status;
}

jp_status jpx_js_setup(jpx_bus *base, const char *const *queues, size_t count, jp_error *err)
{
    jpx_js_bus *bus = (jpx_js_bus *)base;

    pthread_mutex_lock(&bus->setup_lock);
    jp_status status = remember_durable_locked(bus, JPX_STREAM_START, jpx_stream_defs[JPX_STREAM_START].durable, err);
    if (status == JP_OK)
        status = remember_durable_locked(bus, JPX_STREAM_SLOT, jpx_stream_defs[JPX_STREAM_SLOT].durable, err);
    for (size_t i = 0; i < count && status == JP_OK; i++)
        status = remember_durable_locked(bus, JPX_STREAM_RUN, queues[i], err);
    if (status == JP_OK)
        status = setup_all(bus, err);
    pthread_mutex_unlock(&bus->setup_lock);
    return status;
}

jp_status jpx_js_check(jpx_js_bus *bus, jp_error *err)
{
    const char *evidence = NULL;
    jp_status status = JP_OK;
    bool missing = false;
    jpx_js_reply reply;

    pthread_mutex_lock(&bus->setup_lock);
    for (int stream = 0; stream < JPX_STREAMS && status == JP_OK; stream++) {
        if (!jpx_stream_is_work((jpx_stream)stream) || !bus->streams[stream].seen)
            continue;
        uint64_t known = atomic_load(&bus->sequences[stream]); /* before the request: acks may pass it */
        status = stream_info(bus, (jpx_stream)stream, &reply, err);
        if (status != JP_OK)
            break;
        if (reply.err_code == JPX_JS_NO_STREAM) {
            missing = true;
        } else if (reply.code == 0) {
            uint64_t last = (uint64_t)jpx_js_int_at(&reply, "state.last_seq");
            if (is_another(&bus->streams[stream], &reply, STREAM_WITHIN_NS)) {
                evidence = "a stream is another one";
                atomic_store(&bus->sequences[stream], last);
            } else if (last < known) {
                evidence = "a stream's last sequence went back";
                atomic_store(&bus->sequences[stream], last);
            }
            remember(&bus->streams[stream], &reply);
        }
        jpx_js_reply_fini(&reply);
    }
    for (size_t i = 0; i < bus->durable_count && status == JP_OK && !missing; i++) {
        if (!bus->durables[i].known.seen)
            continue;
        status = durable_info(bus, &bus->durables[i], &reply, err);
        if (status != JP_OK)
            break;
        if (reply.err_code == JPX_JS_NO_DURABLE || reply.err_code == JPX_JS_NO_STREAM) {
            missing = true;
        } else if (reply.code == 0) {
            if (is_another(&bus->durables[i].known, &reply, DURABLE_WITHIN_NS))
                evidence = "a durable is another one";
            remember(&bus->durables[i].known, &reply);
        }
        jpx_js_reply_fini(&reply);
    }
    if (evidence) {
        atomic_fetch_add(&bus->age, 1);
        count_loss(bus, evidence);
    }
    if (missing && status == JP_OK)
        status = setup_all(bus, err);
    pthread_mutex_unlock(&bus->setup_lock);
    return status;
}
