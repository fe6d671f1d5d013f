/* units.h -- times, durations, counts and names as people write and read them. Pure. */
#ifndef JPX_UNITS_H
#define JPX_UNITS_H

#include "client/text.h"

/* "500ms" "5s" "1.5s" "2m" "12h" "7d", also "1h30m"; a bare number is refused, except 0. */
bool jpx_duration_read(const char *text, int64_t *ms);
/* "12 ms", "1.4 s", "14 s", "3 min", "5 h", "2 d" */
void jpx_duration_put(jpx_text *, int64_t ms);
/* "3 s ago", "in 14 s", "now" */
void jpx_ago_put(jpx_text *, int64_t at_ms, int64_t now_ms);

/* RFC 3339 in UTC, fraction optional: "2026-11-22T07:00:00.123Z". */
bool jpx_time_read(const char *text, int64_t *ms);

/* "9,988"; not for negative ones */
void jpx_count_put(jpx_text *, int64_t);
/* A whole number from 1 to limit. */
bool jpx_count_read(const char *text, int64_t limit, int64_t *out);

/* How many letters must be added, dropped, changed or swapped with their neighbour. */
size_t jpx_name_distance(const char *a, const char *b);
/* The one of `names` that was probably meant; NULL when none is near. */
const char *jpx_name_near(const char *name, const char *const *names, size_t count);

#endif
