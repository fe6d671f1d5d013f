/* value.h -- the values of a C program as JSON, for requests. */
#ifndef JPX_CLIENT_VALUE_H
#define JPX_CLIENT_VALUE_H

#include "base/base.h"

/* "[v0,v1,...]" in relaxed Extended JSON. JP_E_INVALID: a future, a list, invalid BSON, or text that is not UTF-8. */
jp_status jpx_values_to_json(const jp_value *, size_t count, jpx_arena *, const char **out, jp_error *err);

#endif
