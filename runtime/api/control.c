/* control.c -- control messages: which handler they go to; starts and replies whose value was uploaded.
 *
 * What is no message this release knows is refused, never dropped. The handlers wait for store and broker. */
#include "api/api.h"
#include <string.h>

static void uploaded(api *a, jpx_delivery *d, const char *verb, const bson_t *doc)
{
    jpx_arena *arena = a->role.session.arena;
    bson_iter_t iter;
    int64_t pieces = bson_iter_init_find(&iter, doc, "pieces") ? bson_iter_as_int64(&iter) : 0;
    bool start = strcmp(verb, "start") == 0;
    const char *of = jpx_api_text_field(arena, doc, start ? "pipe" : "ticket");
    jpx_bytes json;
    jp_error err = {0};

    jp_status status = jpx_api_uploaded(a, jpx_api_text_field(arena, doc, "upload"), pieces, &json, &err);
    if (status == JP_E_INVALID || status == JP_E_NOT_FOUND || status == JP_E_TOO_LARGE)
        jpx_api_refuse(a, d, verb, status, err.text);
    else if (status != JP_OK)
        jpx_api_defer(a, d, &err);
    else if (start)
        jpx_api_start_uploaded(a, d, of ? of : "", json);
    else
        jpx_api_reply(a, d, of, json);
}

void jpx_api_control(api *a, jpx_delivery *d)
{
    jpx_arena *arena = a->role.session.arena;
    const char *verb = jpx_api_subject(a, d->subject, "control.");
    bson_t doc;
    jp_error bad = {0};
    const char *name;

    verb = verb ? verb : "";
    if (jpx_api_read_object(d->data, arena, &doc, &bad) != JP_OK ||
        ((strcmp(verb, "abort") == 0 || strcmp(verb, "cleanup") == 0) &&
         jpx_api_check_fields(verb, &doc, arena, &bad) != JP_OK)) {
        jpx_api_refuse(a, d, "control", bad.status, bad.text);
        bson_destroy(&doc);
        return;
    }
    name = jpx_api_text_field(arena, &doc, "root");
    if (!name)
        name = jpx_api_text_field(arena, &doc, "key");
    if (name && strcmp(verb, "abort") == 0)
        jpx_api_abort(a, d, name, jpx_api_text_field(arena, &doc, "reason"));
    else if (name && strcmp(verb, "aborting") == 0)
        jpx_api_aborting(a, d, name);
    else if (name && strcmp(verb, "sweep") == 0)
        jpx_api_sweep(a, d, name);
    else if (strcmp(verb, "cleanup") == 0)
        jpx_api_cleanup(a, d, &doc, name);
    else if (strcmp(verb, "start") == 0 || strcmp(verb, "reply") == 0)
        uploaded(a, d, verb, &doc);
    else
        jpx_api_refuse(a, d, "control", JP_E_INVALID, "an unknown control verb, or no root named");
    bson_destroy(&doc);
}
