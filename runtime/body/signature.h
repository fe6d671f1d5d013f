/* signature.h -- reads the text of .takes, .gives and .fills. */
#ifndef JPX_SIGNATURE_H
#define JPX_SIGNATURE_H

#include "body/body.h"

/* Fills in `out`; fails with JP_E_INVALID and one clause: "\"int n\", character 1: there is no type int, write int64".
 * `rest`: a last parameter "type... name" is allowed. */
jp_status jpx_signature_parse(const char *text, bool rest, jpx_param out[JPX_PARAMS_MAX], size_t *count, jp_error *err);
/* "int64" or "int64?". */
jp_status jpx_gives_parse(const char *text, jpx_kind *kind, bool *optional, jp_error *err);

/* "int64... n" */
const char *jpx_param_text(const jpx_param *, jpx_arena *);

#endif
