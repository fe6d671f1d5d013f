/* jetstream_connect.c -- the two connections: "fast" writes every message at once, "bulk" leaves them to libnats'
 * buffer, which is written when it is full or after a millisecond. Owns options, reconnecting, and the text of
 * connection errors. The callbacks run on threads of libnats and only set flags and wake others. Opening blocks for at
 * most wait_ms; closing for at most JPX_JS_CLOSE_MS. */
#include "bus/jetstream_impl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECONNECT_MS = 250,
    RECONNECT_JITTER_MS = 250,
    PING_MS = 10000,
    CONNECT_MS = 5000,
    BETWEEN_TRIES_MS = 200,
    SERVERS_MAX = 32
};

/* "nats://user:secret@host:4222,..." becomes "nats://host:4222,...". */
void jpx_js_show_url(char *out, size_t size, const char *url)
{
    size_t used = 0;

    while (*url && used + 1 < size) {
        size_t part = strcspn(url, ",");
        const char *scheme = strstr(url, "://"), *at = NULL;
        for (const char *c = url; c < url + part; c++)
            at = *c == '@' ? c : at;
        size_t head = scheme && scheme < url + part ? (size_t)(scheme + 3 - url) : 0;
        const char *host = at ? at + 1 : url + head;
        int put = snprintf(out + used, size - used, "%.*s%.*s%s", (int)head, url, (int)(url + part - host), host,
                           url[part] ? "," : "");
        used += (size_t)put;
        url += part + (url[part] ? 1 : 0);
    }
    out[used < size ? used : size - 1] = '\0';
}

/* ---- what libnats calls ---- */

static void on_disconnected(natsConnection *nc, void *closure)
{
    jpx_js_link *link = closure;

    (void)nc;
    atomic_store(&link->up, false);
    pthread_mutex_lock(&link->bus->lock);
    bool ours = link->bus->stopping;
    pthread_mutex_unlock(&link->bus->lock);
    if (!ours && link == &link->bus->fast)
        jpx_log(link->bus->base.env, JPX_WARN, "nats connection lost", "url=%s reconnect=\"every %d ms\"",
                link->bus->url, RECONNECT_MS);
    jpx_js_publisher_wake(link);
}

static void on_reconnected(natsConnection *nc, void *closure)
{
    jpx_js_link *link = closure;

    (void)nc;
    atomic_fetch_add(&link->epoch, 1);
    atomic_store(&link->up, true);
    jpx_js_publisher_wake(link);
    if (link == &link->bus->fast) {
        jpx_log(link->bus->base.env, JPX_INFO, "nats connection back", "url=%s", link->bus->url);
        jpx_js_keeper_look(link->bus);
    }
}

static void on_closed(natsConnection *nc, void *closure)
{
    jpx_js_link *link = closure;
    jpx_js_bus *bus = link->bus;
    const char *text = NULL;

    atomic_store(&link->up, false);
    pthread_mutex_lock(&bus->lock);
    bool ours = bus->stopping;
    pthread_mutex_unlock(&bus->lock);
    if (!ours) {
        natsConnection_GetLastError(nc, &text);
        jpx_log(bus->base.env, JPX_ERROR, "nats connection closed for good",
                "url=%s cause=\"%s\" mend=\"check user and permissions, then start this process again\"", bus->url,
                text ? text : "unknown");
        jpx_js_publisher_wake(link);
    }
    jpx_js_callback_gone(bus);
}

static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *closure)
{
    jpx_js_link *link = closure;
    jpx_js_bus *bus = link->bus;
    const char *text = NULL;

    (void)sub;
    natsConnection_GetLastError(nc, &text);
    if (!text || !*text)
        text = natsStatus_GetText(status);
    if (status == NATS_NOT_PERMITTED) {
        pthread_mutex_lock(&bus->lock);
        bus->denials++;
        snprintf(bus->denied, sizeof bus->denied, "%s", text);
        pthread_mutex_unlock(&bus->lock);
    }
    jpx_log(bus->base.env, JPX_WARN, status == NATS_NOT_PERMITTED ? "nats permission missing" : "nats error",
            "url=%s cause=\"%s\"", bus->url, text);
}

/* ---- errors ---- */

unsigned jpx_js_denials(jpx_js_bus *bus)
{
    pthread_mutex_lock(&bus->lock);
    unsigned denials = bus->denials;
    pthread_mutex_unlock(&bus->lock);
    return denials;
}

/* A denied publish has no answer, it only times out; the violation is told on the side, by on_error(). */
jp_status jpx_js_status(jpx_js_bus *bus, natsStatus status, unsigned denials_before, const char *what, jp_error *err)
{
    if (status == NATS_TIMEOUT && jpx_js_denials(bus) != denials_before) {
        char denied[JPX_JS_TEXT];
        pthread_mutex_lock(&bus->lock);
        memcpy(denied, bus->denied, sizeof denied);
        pthread_mutex_unlock(&bus->lock);
        return jpx_fail(err, JP_E_DENIED, "%s: the NATS server refused it (%s); give this user the permission", what,
                        denied);
    }
    switch (status) {
    case NATS_OK:
        return JP_OK;
    case NATS_TIMEOUT:
        return jpx_fail(err, JP_E_TIMEOUT, "%s: no answer from NATS at %s in time", what, bus->url);
    case NATS_NO_RESPONDERS:
        return jpx_fail(err, JP_E_UNAVAILABLE, "%s: nobody answers on that subject", what);
    case NATS_MAX_PAYLOAD:
        return jpx_fail(err, JP_E_TOO_LARGE, "%s: larger than the NATS server's max_payload of %lld bytes", what,
                        (long long)natsConnection_GetMaxPayload(bus->fast.nc));
    default:
        return jpx_fail(err, JP_E_UNAVAILABLE, "%s: no connection to NATS at %s (%s)", what, bus->url,
                        natsStatus_GetText(status));
    }
}

static jp_status connect_failed(jpx_js_bus *bus, natsStatus status, jp_error *err)
{
    switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
        return jpx_fail(
            err, JP_E_DENIED,
            "the NATS server at %s refuses this user; put user:password into the URL, or name a credentials file "
            "in JETPIPE_NATS_CREDS",
            bus->url);
    case NATS_NO_SERVER:
        return jpx_fail(err, JP_E_UNAVAILABLE,
                        "no NATS server answers at %s; start one with: nats-server -js, or name it by --nats or "
                        "JETPIPE_NATS",
                        bus->url);
    case NATS_INVALID_ARG:
    case NATS_ADDRESS_MISSING:
    case NATS_ERR:
        return jpx_fail(err, JP_E_INVALID,
                        "cannot connect to NATS at '%s' (%s); a URL looks like nats://127.0.0.1:4222", bus->url,
                        natsStatus_GetText(status));
    default:
        return jpx_fail(
            err, JP_E_UNAVAILABLE,
            "no NATS server at %s (%s); start one with: nats-server -js, or name it by --nats or JETPIPE_NATS",
            bus->url, natsStatus_GetText(status));
    }
}

/* ---- connecting ---- */

/* libnats takes any scheme, and any number for a port, and then says only that nobody is there. NULL: fine. */
static const char *url_trouble(const char *url)
{
    for (const char *rest = url; *rest; rest += *rest == ',') {
        size_t size = strcspn(rest, ",");
        const char *slashes = strstr(rest, "://"), *host = rest;
        if (slashes && slashes < rest + size) {
            size_t scheme = (size_t)(slashes - rest);
            if ((scheme != 4 || memcmp(rest, "nats", 4) != 0) && (scheme != 3 || memcmp(rest, "tls", 3) != 0))
                return "the scheme is nats or tls";
            host = slashes + 3;
        }
        const char *end = rest + size, *colon = NULL;
        for (const char *at = host; at < end; at++) {
            if (*at == '@') {
                host = at + 1;
                colon = NULL;
            } else if (*at == ':') {
                colon = at;
            } else if (*at == ']') {
                colon = NULL; /* that was an IPv6 address */
            }
        }
        if (size && (host == end || host == colon))
            return "it names no host";
        if (colon && (colon + 1 == end || strtol(colon + 1, NULL, 10) < 1 || strtol(colon + 1, NULL, 10) > 65535))
            return "a port is a number from 1 to 65535";
        rest += size;
    }
    return NULL;
}

/* libnats says "Error" for a file that is not there, and nothing before the server asks. */
static jp_status check_creds(jp_error *err)
{
    enum { CREDS_MAX = 64 * 1024 };
    const char *path = getenv("JETPIPE_NATS_CREDS");
    static const char *const parts[] = {"BEGIN NATS USER JWT", "BEGIN USER NKEY SEED"};
    char text[CREDS_MAX];

    if (!path || !*path)
        return JP_OK;
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    int error = file && !ferror(file) ? 0 : errno;
    if (file)
        fclose(file);
    text[size] = '\0';
    if (error)
        return jpx_fail(
            err, JP_E_INVALID,
            "the credentials file %.200s cannot be read (%s); name another one in JETPIPE_NATS_CREDS, or let "
            "this user read it",
            path, strerror(error));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(text, parts[i]))
            return jpx_fail(err, JP_E_INVALID,
                            "the credentials file %.200s, named in JETPIPE_NATS_CREDS, has no part '%s'; `nsc generate "
                            "creds` writes such files",
                            path, parts[i]);
    return JP_OK;
}

static natsStatus set_servers(natsOptions *options, const char *url)
{
    char copy[4096];
    const char *servers[SERVERS_MAX];
    int count = 0;
    char *rest = copy, *part;

    if (strlen(url) >= sizeof copy)
        return NATS_INVALID_ARG;
    memcpy(copy, url, strlen(url) + 1);
    while ((part = strsep(&rest, ",")) && count < SERVERS_MAX)
        if (*part)
            servers[count++] = part;
    return count > 0 ? natsOptions_SetServers(options, servers, count) : NATS_INVALID_ARG;
}

static natsStatus make_options(natsOptions **out, jpx_js_link *link, const char *url, const char *name)
{
    const char *creds = getenv("JETPIPE_NATS_CREDS");
    natsOptions *options = NULL;
    natsStatus s = natsOptions_Create(&options);

    s = s ? s : set_servers(options, url);
    s = s ? s : natsOptions_SetName(options, name);
    s = s ? s : natsOptions_SetTimeout(options, CONNECT_MS);
    s = s ? s : natsOptions_SetMaxReconnect(options, -1);
    s = s ? s : natsOptions_SetReconnectWait(options, RECONNECT_MS);
    s = s ? s : natsOptions_SetReconnectJitter(options, RECONNECT_JITTER_MS, RECONNECT_JITTER_MS);
    s = s ? s : natsOptions_SetPingInterval(options, PING_MS);
    s = s ? s : natsOptions_SetFailRequestsOnDisconnect(options, true);
    s = s ? s : natsOptions_SetSendAsap(options, link == &link->bus->fast);
    s = s ? s : natsOptions_SetDisconnectedCB(options, on_disconnected, link);
    s = s ? s : natsOptions_SetReconnectedCB(options, on_reconnected, link);
    s = s ? s : natsOptions_SetClosedCB(options, on_closed, link);
    s = s ? s : natsOptions_SetErrorHandler(options, on_error, link);
    if (s == NATS_OK && creds && *creds)
        s = natsOptions_SetUserCredentialsFromFiles(options, creds, NULL);
    *out = options;
    return s;
}

static natsStatus connect_link(jpx_js_link *link, const char *url, const char *name, int64_t until)
{
    natsOptions *options = NULL;
    natsStatus status = make_options(&options, link, url, name);

    while (status == NATS_OK) {
        status = natsConnection_Connect(&link->nc, options);
        bool may_come = status == NATS_NO_SERVER || status == NATS_TIMEOUT || status == NATS_IO_ERROR;
        if (!may_come || jpx_mono_ms() >= until)
            break;
        nats_Sleep(BETWEEN_TRIES_MS);
        status = NATS_OK;
    }
    natsOptions_Destroy(options);
    if (status != NATS_OK)
        return status;
    pthread_mutex_lock(&link->bus->lock);
    link->bus->callbacks++;
    pthread_mutex_unlock(&link->bus->lock);
    atomic_store(&link->up, true);
    return NATS_OK;
}

jp_status jpx_js_connect(jpx_js_bus *bus, const char *url, const char *name, int64_t wait_ms, jp_error *err)
{
    int64_t until = jpx_mono_ms() + wait_ms;
    char bulk_name[JPX_SUBJECT_MAX];
    const char *trouble = url_trouble(url);

    if (trouble)
        return jpx_fail(err, JP_E_INVALID, "'%s' is no URL of a NATS server: %s; it looks like nats://127.0.0.1:4222",
                        bus->url, trouble);
    if (check_creds(err) != JP_OK)
        return err->status;
    snprintf(bulk_name, sizeof bulk_name, "%s/bulk", name);
    natsStatus status = connect_link(&bus->fast, url, name, until);
    if (status == NATS_OK)
        status = connect_link(&bus->bulk, url, bulk_name, until);
    if (status != NATS_OK)
        return connect_failed(bus, status, err);
    jp_status opened = jpx_js_publisher_open(&bus->fast, err);
    return opened == JP_OK ? jpx_js_publisher_open(&bus->bulk, err) : opened;
}

static void destroy_link(jpx_js_link *link)
{
    natsSubscription_Destroy(link->acks);
    natsConnection_Destroy(link->nc);
}

void jpx_js_disconnect(jpx_js_bus *bus)
{
    int64_t until = jpx_mono_ms() + JPX_JS_CLOSE_MS;

    for (jpx_js_link *link = &bus->fast;; link = &bus->bulk) {
        if (link->nc && atomic_load(&link->up)) /* before 3.13 closing does not always write what is buffered */
            natsConnection_FlushTimeout(link->nc, JPX_JS_CLOSE_MS / 2);
        if (link == &bus->bulk)
            break;
    }
    destroy_link(&bus->fast);
    destroy_link(&bus->bulk);
    pthread_mutex_lock(&bus->lock);
    while (bus->callbacks > 0 && jpx_cond_until(&bus->changed, &bus->lock, until))
        ;
    JPX_ASSERT(bus->callbacks == 0); /* a callback after this would find its memory gone */
    pthread_mutex_unlock(&bus->lock);
}
