/* jetpipe_client.h -- the client: starts pipelines, waits for them and replies to them from any program. jetpipe.h
 * includes it. It needs a NATS server and an api role behind it, but no store and no pipes.
 *
 *     jp_client *client;
 *     jp_root root;
 *     jp_error err;
 *
 *     if (jp_client_open(&client, NULL, &err) != JP_OK ||
 *         jp_start_json(client, &root, &err, "AddTwo", "[40]", "order-17") != JP_OK ||
 *         jp_wait_for(client, root, JP_MINUTES(1), &err) != JP_OK)
 *         fprintf(stderr, "%s\n", err.text);
 *     jp_client_close(client);
 *
 * A client is used by one thread at a time. Every call but jp_free() blocks, for at most the timeout_ms of the options
 * unless it says otherwise, and returns JP_E_UNAVAILABLE if the servers cannot be reached. `err` may be NULL. Texts
 * that a call hands out belong to the caller, who frees them with jp_free(); after an error they are NULL. */
#ifndef JETPIPE_H
#include <jetpipe.h> /* which includes this file */
#endif
#ifndef JETPIPE_CLIENT_H
#define JETPIPE_CLIENT_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct jp_client jp_client; /* a connection */

/* A member that is NULL or 0 is taken from the environment variable named here, or else is the default. */
typedef struct jp_client_options {
    const char *nats JP_OPT_;   /* JETPIPE_NATS, nats://127.0.0.1:4222             */
    const char *prefix JP_OPT_; /* JETPIPE_PREFIX, jetpipe: first word of subjects */
    const char *name JP_OPT_;   /* of the connection, as operators see it          */
    int64_t timeout_ms JP_OPT_; /* of one request: 5000                            */
} jp_client_options;

typedef struct jp_root {
    char id[25];  /* 24 hex digits */
    bool existed; /* the idempotency key had been used before: this is that root */
} jp_root;

/* *out is the caller's, to be closed by jp_client_close(); NULL after an error. `options` may be NULL. */
JP_API jp_status jp_client_open(jp_client **out, const jp_client_options *options, jp_error *err);
JP_API void jp_client_close(jp_client *); /* NULL is fine */
JP_API void jp_free(void *);              /* NULL is fine */

/* Starts a root and returns when it is durable: jp_start(client, &root, &err, Name, arguments...). JP_E_INVALID: the
 * arguments are not what the pipe takes, or one of them is a future or a list. JP_E_NOT_FOUND: no such pipe. */
JP_API jp_status jp_start_v(jp_client *, jp_root *, jp_error *, const jp_def *, size_t count, const jp_value *);

/* The same by name. `json` is an array (by position) or an object (by name); NULL = no arguments. `key` is an
 * idempotency key of at most 512 bytes: one key starts one root, whatever becomes of it (SEMANTICS 8.1); NULL = none.
 */
JP_API jp_status jp_start_json(jp_client *, jp_root *, jp_error *, const char *pipe, const char *json, const char *key);

/* Waits until the root is final, at most timeout_ms. JP_OK: it is done. JP_E_REFUSED: it was aborted, err->text has the
 * reason. JP_E_TIMEOUT: neither yet. JP_E_NOT_FOUND: there is no such root. */
JP_API jp_status jp_wait_for(jp_client *, jp_root, int64_t timeout_ms, jp_error *err);

/* The root's result as JSON text. JP_E_NOT_FOUND: there is none yet. A result that is larger than one message takes
 * several requests, of timeout_ms each. */
JP_API jp_status jp_result(jp_client *, jp_root, char **json_out, jp_error *err);

/* Each hands out one JSON object; docs/requests.md describes the fields. status_of: pipe, status, times. tree: the
 * first 200 pipelines, nested, without values above 2 KiB. why: what the root waits for. */
JP_API jp_status jp_status_of(jp_client *, jp_root, char **json_out, jp_error *err);
JP_API jp_status jp_tree(jp_client *, jp_root, char **json_out, jp_error *err);
JP_API jp_status jp_why(jp_client *, jp_root, char **json_out, jp_error *err);

/* Sends any request of docs/requests.md: jp_ask(client, "list", "{\"status\":\"running\"}", &json, &err). `request` is
 * a JSON object, or the id or key of a root; NULL = {}. Hands out the answer, one JSON object. */
JP_API jp_status jp_ask(jp_client *, const char *verb, const char *request, char **json_out, jp_error *err);

/* Asks for an abort; the root becomes final some time later. JP_OK: asked for, now or before. JP_E_REFUSED: the root is
 * final. JP_E_NOT_FOUND: there is no such root. (SEMANTICS 7.2) */
JP_API jp_status jp_abort_root(jp_client *, jp_root, const char *reason, jp_error *err);

/* Replies to a wait: x is any value but a future or a list. JP_E_REFUSED: the ticket is wrong, old or used.
 * JP_E_UNAVAILABLE: the body that made the ticket has not ended yet; reply again. (SEMANTICS 8.2) */
#define jp_reply(client, ticket, x, err) jp_reply_v((client), (ticket), jp_v(x), (err))
JP_API jp_status jp_reply_v(jp_client *, const char *ticket, jp_value, jp_error *err);
JP_API jp_status jp_reply_json(jp_client *, const char *ticket, const char *json, jp_error *err); /* NULL = null */

#ifdef __cplusplus
}
#endif

#endif /* JETPIPE_CLIENT_H */
