/* request.h -- what the files of requests share: request.c (reads and dispatches them), request_read.c,
 * request_result.c, request_change.c. */
#ifndef JPX_REQUESTS_H
#define JPX_REQUESTS_H

#include "api/api.h"

typedef struct jpx_request {
    const jpx_delivery *delivery;
    bson_t doc;       /* the fields of a JSON object; empty for a bare root */
    const char *root; /* id or key; NULL = not named */
} jpx_request;

/* Its fields. Those that are missing: NULL, `standard`. Numbers are brought into 0 .. max. */
const char *jpx_request_text(api *, const jpx_request *, const char *name);
int64_t jpx_request_number(const jpx_request *, const char *name, int64_t standard, int64_t max);
bool jpx_request_flag(const jpx_request *, const char *name, bool standard);
/* The root it names. JP_E_INVALID: none; JP_E_NOT_FOUND. */
jp_status jpx_request_root(api *, const jpx_request *, jpx_root **root, jp_error *err);

/* Verbs that read fill `out`, the answer; JP_E_TIMEOUT: answered later. */
jp_status jpx_request_status(api *, jpx_request *, bson_t *out, jp_error *err);
jp_status jpx_request_tree(api *, jpx_request *, bson_t *out, jp_error *err);
jp_status jpx_request_why(api *, jpx_request *, bson_t *out, jp_error *err);
jp_status jpx_request_list(api *, jpx_request *, bson_t *out, jp_error *err);
jp_status jpx_request_pipes(api *, jpx_request *, bson_t *out, jp_error *err);
jp_status jpx_request_result(api *, jpx_request *, bson_t *out, jp_error *err);
/* Pieces of values are stored, and answered, at once. */
jp_status jpx_request_upload(api *, jpx_request *, bson_t *out, jp_error *err);

/* Verbs that change become messages; JP_OK: their handler answers. */
jp_status jpx_request_start(api *, jpx_request *, jp_error *err);
jp_status jpx_request_reply(api *, jpx_request *, jp_error *err);
jp_status jpx_request_abort(api *, jpx_request *, jp_error *err);
jp_status jpx_request_cleanup(api *, jpx_request *, jp_error *err);

#endif
