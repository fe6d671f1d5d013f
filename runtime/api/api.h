/* api.h -- what the files of the api role share: api.c (the loop), start.c, reply.c, control.c with abort.c and
 * cleanup.c, request.c and those of request.h, answer.c, fields.c, chunks.c. */
#ifndef JPX_API_H
#define JPX_API_H

#include "api/view.h"
#include "engine/root.h"

enum {
    JPX_WAITERS_MS = 50, /* between two looks at the roots that requests wait for */
    JPX_WAITERS_LIMIT = 10000,
    JPX_WALKS_MAX = 16,         /* aborts carried out side by side; others come again later */
    JPX_WAIT_MS_MAX = 60 * 1000 /* of one request */
};

typedef struct jpx_waiting { /* a result request that waits until its root is final */
    struct jpx_waiting *next;
    jpx_root_id root;
    int64_t until_ms;
    bool value; /* the result is wanted too, not only that it is there */
    char reply_to[256];
} jpx_waiting;

typedef struct jpx_aborting { /* an abort that is being carried out */
    jpx_arena *arena;         /* its memory */
    jpx_delivery *delivery;
    jpx_abort *abort;
    int64_t heartbeat_ms;
} jpx_aborting;

typedef struct api {
    jpx_role role;
    jpx_sub *messages, *requests;
    jpx_waiting *waiters;
    size_t waiters_count;
    int64_t looked_ms;
    jpx_aborting walks[JPX_WALKS_MAX];
    size_t walks_count, next_walk;
    jpx_root_id cut_root; /* whose result is being read in pieces */
    char *cut;            /* its JSON, until the last piece went out; NULL = none */
} api;

/* The part of a subject after "<prefix>.<kind>"; NULL when it is of another kind. */
const char *jpx_api_subject(const api *, const char *subject, const char *kind);

/* May this be an idempotency key? JP_E_INVALID says why not. */
jp_status jpx_api_check_key(const char *key, jp_error *err);

/* Handlers of stored messages: they ack, nak or dead-letter the deliveries. */
void jpx_api_starts(api *, jpx_delivery **, size_t count);
void jpx_api_start_uploaded(api *, jpx_delivery *, const char *pipe, jpx_bytes args);
void jpx_api_reply(api *, jpx_delivery *, const char *ticket, jpx_bytes json);
void jpx_api_control(api *, jpx_delivery *);
void jpx_api_abort(api *, jpx_delivery *, const char *root, const char *reason); /* raises the flag */
/* Carries it out, a large tree's in parts; comes again until all is final. */
void jpx_api_aborting(api *, jpx_delivery *, const char *root);
size_t jpx_api_walk(api *); /* a part of one of them; 0: there is none */
void jpx_api_leave_walks(api *);
void jpx_api_cleanup(api *, jpx_delivery *, const bson_t *, const char *root); /* root NULL: by age */
void jpx_api_sweep(api *, jpx_delivery *, const char *root);                   /* what was inserted after its cleanup */
/* A text among the fields of a message; NULL = it is not there. */
const char *jpx_api_text_field(jpx_arena *, const bson_t *, const char *name);
/* A JSON object, read as all JSON is. `doc` is initialized in any case, and lives as long as the arena. */
jp_status jpx_api_read_object(jpx_bytes json, jpx_arena *, bson_t *doc, jp_error *err);
/* Fields that the verb does not know, of another kind or below zero are refused, and a root that is named twice. */
jp_status jpx_api_check_fields(const char *verb, const bson_t *request, jpx_arena *, jp_error *err);

/* Requests: answered, or turned into messages, or kept waiting. */
void jpx_api_request(api *, const jpx_delivery *);
size_t jpx_api_waiters(api *);

/* ---- chunks.c: values that are larger than a message ---- */
/* Stores one piece; *upload is the id under which the next ones come (given: not NULL). */
jp_status jpx_api_upload(api *, const char *given, int64_t index, const char *piece, jpx_root_id *upload,
                         jp_error *err);
/* What was uploaded in so many pieces, joined. JP_E_NOT_FOUND: not all are there (any more). */
jp_status jpx_api_uploaded(api *, const char *upload, int64_t pieces, jpx_bytes *json, jp_error *err);
/* The root, with "offset", "size" and "piece": what of its result begins at `offset` and fits into one answer. */
jp_status jpx_api_cut(api *, const jpx_root *, int64_t offset, bson_t *out, jp_error *err);
size_t jpx_api_answer_max(const api *); /* bytes of JSON in one answer */

/* Answers. `reply_to` NULL: nobody asked. One that is larger than a message may be becomes an error that says so. */
void jpx_api_answer(api *, const char *reply_to, bson_t *doc); /* destroys doc */
void jpx_api_error(api *, const char *reply_to, jp_status, const char *message);

/* The JSON of a document, to be freed by bson_free, and its size. */
size_t jpx_api_json(bson_t *doc, char **json);

/* How stored messages are settled. Put off: it comes again. */
void jpx_api_defer(api *, jpx_delivery *, const jp_error *);
/* Answers where somebody asked; keeps what nobody waits for as a dead letter of this kind. */
void jpx_api_refuse(api *, jpx_delivery *, const char *kind, jp_status, const char *text);
void jpx_api_accept(api *, jpx_delivery *);

/* By root id or key. JP_E_NOT_FOUND with a sentence. */
jp_status jpx_api_find_root(api *, const char *id_or_key, jpx_root **out, jp_error *err);

#endif
