/* ask.h -- the api's verbs as function calls; the command and the C client both make their requests here.
 *
 * Every call blocks until the answer has arrived or its time is up, and may be made from any thread that owns the
 * arena. `err` is never NULL, and is filled in unless a call returns JP_OK. */
#ifndef JPX_ASK_H
#define JPX_ASK_H

#include "bus/bus.h"
#include "client/json.h"

enum {
    JPX_ASK_MS = 5000,       /* time for an answer, unless the caller sets another                  */
    JPX_ASK_SLICE_MS = 2000, /* a wait is cut into requests of this length, so that none lasts long */
    JPX_ASK_GRACE_MS = 3000  /* added to a slice, for the way there and back                        */
};

/* Who asks. All of it is borrowed; several calls may use one. */
typedef struct jpx_asker {
    jpx_bus *bus;
    const jpx_env *env;
    int64_t timeout_ms; /* for each answer */
    jpx_arena *arena;   /* answers live here */
} jpx_asker;

typedef struct jpx_answer {
    jpx_bytes text;       /* as received */
    const jpx_json *json; /* always an object */
} jpx_answer;

/* Requests <prefix>.api.<verb>. If the answer is an error, its code becomes the status and its message the text. If the
 * bus is connected but no api role answers: JP_E_UNAVAILABLE. */
jp_status jpx_ask(const jpx_asker *, const char *verb, const char *request, jpx_answer *out, jp_error *err);
/* "not-found" or "not found" -> JP_E_NOT_FOUND; an unknown code -> JP_E_INTERNAL. */
jp_status jpx_ask_status(const char *code);

/* Begins a request that names a root: {"root":"<id>" or {"key":"<text>". The caller may add members by jpx_text_member,
 * and closes it with "}". 24 lower-case hex digits are an id, any other text is a key. */
jpx_text jpx_ask_root(jpx_arena *, const char *root_or_key);
bool jpx_ask_is_root(const char *text);

/* Parses `json`. JP_E_INVALID: "<what> not JSON: ...", where `what` is as "the reply is". */
jp_status jpx_ask_json(const char *json, const char *what, jpx_arena *, const jpx_json **out, jp_error *err);

/* ---- values that may be larger than one message ---- */

/* Does a request of this size fit into one message? */
bool jpx_ask_fits(jpx_bus *, size_t bytes);
/* Uploads `json` in chunks, and adds to `request` the members that name the upload. */
jp_status jpx_ask_upload(const jpx_asker *, const char *json, jpx_text *request, jp_error *err);
/* The verb result. A result that is too large for one answer is fetched in chunks; `out` looks the same. */
jp_status jpx_ask_result(const jpx_asker *, const char *root_or_key, jpx_answer *out, jp_error *err);
/* The verb reply. Checks the syntax of `json`; the api checks the value. */
jp_status jpx_ask_reply(const jpx_asker *, const char *ticket, const char *json, jpx_answer *out, jp_error *err);

/* ---- starting ---- */

typedef struct jpx_start_request {
    const char *pipe;
    const char *args; /* JSON as people write it: an array (by position), an object (by name), a bare value for the only
                         parameter; NULL or "" = none. Its syntax is checked here, the signature by the api. */
    const char *key;  /* idempotency key; NULL = none */
    bool later_fine;  /* if no api role answers, store the start as a message, under a random key if there is none */
} jpx_start_request;

typedef struct jpx_started {
    const char *name; /* the root's id, or its key if `later` */
    bool existed;     /* the key was in use: this is the root that it started */
    bool later;       /* stored as a message; an api role will create the root */
    jpx_bytes text;   /* the answer as received; empty if `later` */
} jpx_started;

/* JP_E_UNAVAILABLE: no api role answers, and later_fine is false. JP_E_TIMEOUT: the root may have been started. */
jp_status jpx_ask_start(const jpx_asker *, const jpx_start_request *, jpx_started *out, jp_error *err);

/* ---- waiting ---- */

/* Waits until the root is final: `out` is the answer of the verb result, without the value. JP_E_TIMEOUT: it is not
 * final after timeout_ms (< 0: waits without limit). With `later`, an api role that does not answer yet and a root that
 * is not known yet are waited for. */
jp_status jpx_ask_wait(const jpx_asker *, const char *root_or_key, bool later, int64_t timeout_ms, jpx_answer *out,
                       jp_error *err);
bool jpx_ask_is_final(const char *status); /* done or aborted */

/* "host/1234": this process, for the names of connections and workers. */
const char *jpx_ask_place(jpx_arena *);

#endif
