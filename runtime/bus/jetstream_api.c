/* jetstream_api.c -- one request to the server's JetStream API and its reply, read as BSON. Blocks for at most
 * JPX_JS_API_MS. Requests are JSON of ours, not structs of libnats: an old libnats would erase the fields it does not
 * know. */
#include "bus/jetstream_impl.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void jpx_js_reply_fini(jpx_js_reply *reply)
{
    if (reply->doc)
        bson_destroy(reply->doc);
    reply->doc = NULL;
}

const char *jpx_js_text_at(const jpx_js_reply *reply, const char *path)
{
    bson_iter_t iter, at;

    if (reply->doc && bson_iter_init(&iter, reply->doc) && bson_iter_find_descendant(&iter, path, &at) &&
        BSON_ITER_HOLDS_UTF8(&at))
        return bson_iter_utf8(&at, NULL);
    return "";
}

int64_t jpx_js_int_at(const jpx_js_reply *reply, const char *path)
{
    bson_iter_t iter, at;

    if (reply->doc && bson_iter_init(&iter, reply->doc) && bson_iter_find_descendant(&iter, path, &at) &&
        BSON_ITER_HOLDS_NUMBER(&at))
        return bson_iter_as_int64(&at);
    return -1;
}

/* "2026-11-22T07:00:00.123456789Z" */
int64_t jpx_js_time_at(const jpx_js_reply *reply, const char *path)
{
    struct tm parts = {0};
    const char *rest = strptime(jpx_js_text_at(reply, path), "%Y-%m-%dT%H:%M:%S", &parts);
    int64_t fraction = 0;

    if (!rest)
        return 0;
    rest += *rest == '.';
    for (int digit = 0; digit < 9; digit++)
        fraction = fraction * 10 + (isdigit((unsigned char)*rest) ? *rest++ - '0' : 0);
    return (int64_t)timegm(&parts) * 1000000000 + fraction;
}

bool jpx_js_list_has(const jpx_js_reply *reply, const char *path, const char *text)
{
    bson_iter_t iter, at, item;

    if (!reply->doc || !bson_iter_init(&iter, reply->doc) || !bson_iter_find_descendant(&iter, path, &at) ||
        !BSON_ITER_HOLDS_ARRAY(&at) || !bson_iter_recurse(&at, &item))
        return false;
    while (bson_iter_next(&item))
        if (BSON_ITER_HOLDS_UTF8(&item) && strcmp(bson_iter_utf8(&item, NULL), text) == 0)
            return true;
    return false;
}

jp_status jpx_js_api(jpx_js_bus *bus, const char *verb, const char *json, jpx_js_reply *reply, jp_error *err)
{
    char subject[JPX_SUBJECT_MAX], what[JPX_SUBJECT_MAX];
    unsigned denials = jpx_js_denials(bus);
    natsMsg *msg = NULL;
    bson_error_t bad;

    *reply = (jpx_js_reply){0};
    snprintf(subject, sizeof subject, "$JS.API.%s", verb);
    snprintf(what, sizeof what, "JetStream request %s", verb);
    natsStatus status = !atomic_load(&bus->fast.up)
                            ? NATS_CONNECTION_DISCONNECTED
                            : natsConnection_RequestString(&msg, bus->fast.nc, subject, json, JPX_JS_API_MS);
    if (status == NATS_NO_RESPONDERS)
        return jpx_fail(err, JP_E_INVALID, "JetStream is not enabled at %s; start it with: nats-server -js", bus->url);
    if (status != NATS_OK)
        return jpx_js_status(bus, status, denials, what, err);
    reply->doc = bson_new_from_json((const uint8_t *)natsMsg_GetData(msg), natsMsg_GetDataLength(msg), &bad);
    natsMsg_Destroy(msg);
    if (!reply->doc)
        return jpx_fail(err, JP_E_DAMAGED, "%s: the answer is not JSON (%s)", what, bad.message);
    if (jpx_js_int_at(reply, "error.code") >= 0) {
        reply->code = (int)jpx_js_int_at(reply, "error.code");
        reply->err_code = (int)jpx_js_int_at(reply, "error.err_code");
        snprintf(reply->text, sizeof reply->text, "%s", jpx_js_text_at(reply, "error.description"));
    }
    return JP_OK;
}

jp_status jpx_js_reply_status(const jpx_js_reply *reply, const char *what, jp_error *err)
{
    switch (reply->code == 0 ? 0 : reply->err_code) {
    case 0:
        return JP_OK;
    case 10039: /* JetStream not enabled for account */
    case 10076: /* JetStream not enabled */
        return jpx_fail(err, JP_E_INVALID,
                        "%s: %s; start the server with: nats-server -js, and give the account JetStream", what,
                        reply->text);
    case 10002: /* resource limits exceeded for account */
    case 10023: /* insufficient resources */
    case 10026: /* maximum consumers limit reached */
    case 10027: /* maximum number of streams reached */
    case 10028: /* insufficient storage resources available */
    case 10047: /* insufficient storage resources */
        return jpx_fail(err, JP_E_FULL,
                        "%s: %s; raise the JetStream limits of the account or server (5 streams, one consumer "
                        "for each queue and two more, and storage: %d MiB are set apart for the history alone)",
                        what, reply->text, (int)(jpx_stream_defs[JPX_STREAM_EVENT].max_bytes / 1024 / 1024));
    case 10065: /* subjects overlap with an existing stream */
        return jpx_fail(err, JP_E_REFUSED, "%s: %s; remove that stream or choose another --prefix", what, reply->text);
    case 10099:
    case 10100: /* consumers of a work queue overlap */
        return jpx_fail(err, JP_E_REFUSED, "%s: %s; remove the consumer that is not jetpipe's", what, reply->text);
    default:
        return jpx_fail(err, reply->code == 503 ? JP_E_UNAVAILABLE : JP_E_REFUSED, "%s: the server says: %s (%d)", what,
                        reply->text, reply->err_code);
    }
}
