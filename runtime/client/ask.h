/* ask.h -- the api verbs as calls over a bus; the command and the C client both make them here.
 * Every call blocks until the answer is there or its time is over, and may be made from any thread. */
#ifndef JPX_ASK_H
#define JPX_ASK_H

#include "bus/bus.h"
#include "client/json.h"

enum {
    JPX_ASK_MS = 5000,       /* how long an answer may take unless the caller says otherwise    */
    JPX_ASK_SLICE_MS = 2000, /* a wait for a root asks again so often: no answer is held longer */
    JPX_ASK_GRACE_MS = 3000  /* beyond the slice, for the way there and back                    */
};

typedef struct jpx_answer {
    jpx_bytes text;       /* as it came */
    const jpx_json *json; /* an object */
} jpx_answer;

/* Requests <prefix>.api.<verb>. An answer that is an error becomes its status and text. With a bus but no api role:
 * JP_E_UNAVAILABLE. */
jp_status jpx_ask(jpx_bus *, const char *verb, const char *request, int64_t timeout_ms, jpx_arena *, jpx_answer *out,
                  jp_error *err);
/* "not-found" and "not found" -> JP_E_NOT_FOUND; a code that is not known -> JP_E_INTERNAL. */
jp_status jpx_ask_status(const char *code);

/* The beginning of a request that names a root: {"root":"<id>" or {"key":"<text>", to go on with
 * jpx_text_member and to close with "}". 24 lower-case hex digits are an id. */
jpx_text jpx_ask_root(jpx_arena *, const char *root_or_key);
bool jpx_ask_is_root(const char *text);

/* JP_E_INVALID: "<what> is not JSON: ...". */
jp_status jpx_ask_json(const char *json, const char *what, jpx_arena *, const jpx_json **out, jp_error *err);

/* ---- large values ---- */
/* May a request of so many bytes be sent as one message? */
bool jpx_ask_fits(jpx_bus *, size_t bytes);
/* Stores `json` at the api in pieces, and adds to `request` the members that name them. */
jp_status jpx_ask_upload(jpx_bus *, const char *json, int64_t timeout_ms, jpx_text *request, jp_error *err);
/* The verb result; a result that is larger than an answer is put together from its pieces, and looks the same. */
jp_status jpx_ask_result(jpx_bus *, const char *root_or_key, int64_t timeout_ms, jpx_arena *, jpx_answer *out,
                         jp_error *err);
/* The verb reply; `json` is checked for syntax here. */
jp_status jpx_ask_reply(jpx_bus *, const char *ticket, const char *json, int64_t timeout_ms, jpx_arena *,
                        jpx_answer *out, jp_error *err);

/* ---- starting ---- */
typedef struct jpx_started {
    const char *name; /* the root id, or its key when `later` */
    bool existed;
    bool later;     /* stored as a message; the root is made when an api role takes it */
    jpx_bytes text; /* the answer as it came; empty when later */
} jpx_started;

/* `args` is JSON text as people give it: an array by position, an object by name, a bare value for the one parameter,
 * NULL or "" for none. It is checked for syntax here, for the pipe's signature by the api role. `key` may be NULL.
 * With `later_fine` and a bus on which no api role answers, the start is stored as a message (under a random key when
 * there is none); otherwise that is JP_E_UNAVAILABLE. */
jp_status jpx_ask_start(jpx_bus *, const jpx_env *, const char *pipe, const char *args, const char *key,
                        bool later_fine, int64_t timeout_ms, jpx_arena *, jpx_started *out, jp_error *err);

/* ---- waiting ---- */
/* The root's outcome: `out` is the last answer of the verb result, without the result. JP_OK: it is final (done or
 * aborted, see "status"). JP_E_TIMEOUT after timeout_ms (< 0: never). While `later`, an api role that is not there yet,
 * or a root it does not know yet, is waited for. */
jp_status jpx_ask_wait(jpx_bus *, const jpx_env *, const char *root_or_key, bool later, int64_t timeout_ms, jpx_arena *,
                       jpx_answer *out, jp_error *err);

bool jpx_ask_is_final(const char *status);

#endif
