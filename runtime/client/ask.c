/* ask.c -- one request and its answer, and errors as the api reports them. Blocks for the time of one answer. */
#include "client/ask.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Equal, ignoring case, and taking ' ', '_' and '-' as the same character. */
static bool same_words(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        int x = *a == ' ' || *a == '_' ? '-' : tolower((unsigned char)*a);
        int y = *b == ' ' || *b == '_' ? '-' : tolower((unsigned char)*b);
        if (x != y)
            return false;
    }
    return *a == *b;
}

jp_status jpx_ask_status(const char *code)
{
#define COMPARE(name, number, text, class_)                                                                            \
    if (JP_##name != JP_OK && (same_words(code, text) || same_words(code, &#name[2])))                                 \
        return JP_##name;
    JP_STATUS_MAP(COMPARE)
#undef COMPARE
    return JP_E_INTERNAL;
}

jp_status jpx_ask(const jpx_asker *a, const char *verb, const char *request, jpx_answer *out, jp_error *err)
{
    const char *subject = jpx_format(a->arena, "%s.api.%s", jpx_bus_prefix(a->bus), verb);
    jpx_bytes data = {(const uint8_t *)request, strlen(request)};
    jp_status status = jpx_bus_request(a->bus, subject, data, a->timeout_ms, a->arena, &out->text, err);
    jp_error why;

    if (status == JP_E_UNAVAILABLE && jpx_bus_connected(a->bus))
        return jpx_fail(err, JP_E_UNAVAILABLE,
                        "nobody answers on %s: no api role runs with this prefix; start one with: jetpipe serve",
                        subject);
    if (status == JP_E_TIMEOUT)
        return jpx_fail(err, JP_E_TIMEOUT, "no answer on %s within %lld ms; --timeout allows more", subject,
                        (long long)a->timeout_ms);
    if (status != JP_OK)
        return status;
    if (jpx_json_read(out->text, a->arena, &out->json, &why) != JP_OK)
        return jpx_fail(err, JP_E_DAMAGED, "the answer on %s is not JSON (%s); does something else answer there?",
                        subject, why.text);
    if (out->json->type != JPX_JSON_OBJECT)
        return jpx_fail(err, JP_E_DAMAGED, "the answer on %s is not a JSON object; does something else answer there?",
                        subject);
    const jpx_json *error = jpx_json_get(out->json, "error");
    if (!error)
        return JP_OK;
    if (error->string)
        return jpx_fail(err, JP_E_INTERNAL, "%s", error->string);
    status = jpx_ask_status(jpx_json_string(error, "code", ""));
    return jpx_fail(err, status, "%s", jpx_json_string(error, "message", jp_status_text(status)));
}

jp_status jpx_ask_json(const char *json, const char *what, jpx_arena *arena, const jpx_json **out, jp_error *err)
{
    jp_error why;
    jp_status status = jpx_json_read((jpx_bytes){(const uint8_t *)json, strlen(json)}, arena, out, &why);
    return status == JP_OK ? JP_OK : jpx_fail(err, status, "%s not JSON: %s", what, why.text);
}

bool jpx_ask_is_root(const char *text)
{
    size_t size = strspn(text, "0123456789abcdef");
    return size == 2 * 12 && text[size] == '\0';
}

jpx_text jpx_ask_root(jpx_arena *arena, const char *root_or_key)
{
    jpx_text text = jpx_text_new(arena);
    jpx_text_puts(&text, "{");
    jpx_text_member(&text, jpx_ask_is_root(root_or_key) ? "root" : "key", root_or_key);
    return text;
}

bool jpx_ask_is_final(const char *status)
{
    return strcmp(status, "done") == 0 || strcmp(status, "aborted") == 0;
}

const char *jpx_ask_place(jpx_arena *arena)
{
    char host[65];

    if (gethostname(host, sizeof host) != 0)
        snprintf(host, sizeof host, "unknown");
    host[sizeof host - 1] = '\0';
    return jpx_format(arena, "%s/%ld", host, (long)getpid());
}
