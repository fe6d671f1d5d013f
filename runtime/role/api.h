/* api.h -- what the files of the api role share: start.c, control.c, verbs.c. */
#ifndef JPX_API_H
#define JPX_API_H

#include "role/internal.h"

enum {
    JPX_WAITERS_MS = 50, /* between two looks at the roots that requests wait for */
    JPX_WAITERS_LIMIT = 10000,
    JPX_WAIT_MS_MAX = 60 * 1000 /* of one request */
};

typedef struct jpx_waiting { /* a result request that waits until its root is final */
    struct jpx_waiting *next;
    jpx_root_id root;
    int64_t until_ms;
    char reply_to[256];
} jpx_waiting;

typedef struct api {
    jpx_role role;
    jpx_sub *messages, *requests;
    jpx_waiting *waiters;
    size_t waiters_count;
    int64_t looked_ms;
} api;

/* The part of a subject after "<prefix>.<kind>"; NULL when it is of another kind. */
const char *jpx_api_subject(const api *, const char *subject, const char *kind);

/* Handlers of stored messages: they ack, nak or dead-letter the deliveries. */
void jpx_api_starts(api *, jpx_delivery **, size_t count);
void jpx_api_reply(api *, jpx_delivery *);
void jpx_api_control(api *, jpx_delivery *);

/* Requests: answered, or turned into messages, or kept waiting. */
void jpx_api_request(api *, const jpx_delivery *);
size_t jpx_api_waiters(api *);

/* Answers. `reply_to` NULL: nobody asked. */
void jpx_api_answer(api *, const char *reply_to, bson_t *doc); /* destroys doc */
void jpx_api_error(api *, const char *reply_to, jp_status, const char *message);

/* By root id or key. JP_E_NOT_FOUND with a sentence. */
jp_status jpx_api_find_root(api *, const char *id_or_key, jpx_root **out, jp_error *err);

#endif
