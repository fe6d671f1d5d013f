/* answer.c -- answers: to requests, and to those who wait for a stored message to be handled.
 *
 * A delivery that is answered here is settled: acked, put off, or acked after it has become a dead letter. Sending does
 * not wait; a dead letter waits for the broker. */
#include "api/api.h"
#include "base/text.h"
#include <string.h>

enum { PUT_OFF_MS = 1000 };

size_t jpx_api_json(bson_t *doc, char **json)
{
    *json = bson_as_relaxed_extended_json(doc, NULL);
    return jpx_json_compact(*json);
}

static void too_large(api *a, const char *reply_to, const bson_t *doc, size_t size)
{
    jpx_arena *arena = a->role.session.arena;
    size_t most = jpx_api_answer_max(a);
    bson_iter_t iter;
    const char *mend = bson_iter_init_find(&iter, doc, "result")
                           ? "`jetpipe result` and jp_result read it; or ask for pieces of it with \"offset\":0"
                           : "ask for less with \"limit\"";
    const char *message = jpx_format(arena,
                                     "the answer has %zu bytes, and the NATS server passes %zu: %s, or raise its "
                                     "max_payload",
                                     size, most, mend);
    const char *json =
        jpx_format(arena, "{\"error\":{\"code\":\"too-large\",\"message\":%s,\"size\":%zu,\"limit\":%zu}}",
                   jpx_json_text(arena, message), size, most);
    jpx_bus_answer(a->role.session.bus, reply_to, (jpx_bytes){(const uint8_t *)json, strlen(json)}, "too-large",
                   message);
}

void jpx_api_answer(api *a, const char *reply_to, bson_t *doc)
{
    if (reply_to) {
        char *json;
        size_t size = jpx_api_json(doc, &json);
        if (size > jpx_api_answer_max(a))
            too_large(a, reply_to, doc, size);
        else
            jpx_bus_answer(a->role.session.bus, reply_to, (jpx_bytes){(const uint8_t *)json, size}, NULL, NULL);
        bson_free(json);
    }
    bson_destroy(doc);
}

static const char *code_of(jp_status status)
{
    switch (status) {
    case JP_E_NOT_FOUND:
        return "not-found";
    case JP_E_EXISTS:
        return "exists";
    case JP_E_REFUSED:
        return "refused";
    case JP_E_TOO_LARGE:
        return "too-large";
    case JP_E_UNAVAILABLE:
    case JP_E_FULL:
        return "unavailable";
    case JP_E_TIMEOUT:
        return "timeout";
    case JP_E_DENIED:
        return "denied";
    case JP_E_DAMAGED:
        return "damaged";
    case JP_E_INTERNAL:
        return "internal";
    default:
        return "invalid";
    }
}

void jpx_api_error(api *a, const char *reply_to, jp_status status, const char *message)
{
    const char *json = jpx_format(a->role.session.arena, "{\"error\":{\"code\":\"%s\",\"message\":%s}}",
                                  code_of(status), jpx_json_text(a->role.session.arena, message));
    if (reply_to)
        jpx_bus_answer(a->role.session.bus, reply_to, (jpx_bytes){(const uint8_t *)json, strlen(json)}, code_of(status),
                       message);
}

void jpx_api_defer(api *a, jpx_delivery *d, const jp_error *err)
{
    jpx_log(a->role.session.env, JPX_WARN, "message put off", "subject=%s error=%s", d->subject,
            jpx_json_text(a->role.session.arena, err->text));
    jpx_sub_nak(a->messages, d, PUT_OFF_MS);
}

/* Answers where somebody asked; keeps what nobody waits for as a dead letter. */
void jpx_api_refuse(api *a, jpx_delivery *d, const char *kind, jp_status status, const char *text)
{
    jp_error err;
    if (d->reply_to) {
        jpx_api_error(a, d->reply_to, status, text);
    } else if (jpx_dead_letter(&a->role.session, d, kind, text, &err) != JP_OK) {
        jpx_api_defer(a, d, &err);
        return;
    }
    jpx_sub_ack(a->messages, &d, 1);
}

void jpx_api_accept(api *a, jpx_delivery *d)
{
    bson_t doc = BSON_INITIALIZER;
    bson_append_bool(&doc, "accepted", 8, true);
    jpx_api_answer(a, d->reply_to, &doc);
    jpx_sub_ack(a->messages, &d, 1);
}
