/* units.h -- times, durations, counts and names as people write and read them. No I/O, no clock. */
#ifndef JPX_UNITS_H
#define JPX_UNITS_H

#include "base/text.h"

/* "500ms", "5s", "1.5s", "2m", "12h", "7d", "1h30m". A number without a unit is refused, except 0. */
bool jpx_duration_read(const char *text, int64_t *ms);
/* "12 ms", "1.4 s", "14 s", "3 min", "5 h", "2 d" */
void jpx_duration_put(jpx_text *, int64_t ms);
/* "3 s ago", "in 14 s", "now" */
void jpx_ago_put(jpx_text *, int64_t at_ms, int64_t now_ms);

/* RFC 3339 in UTC, with or without a fraction: "2026-11-22T07:00:00.123Z". */
bool jpx_time_read(const char *text, int64_t *ms);

/* "9,988"; not for negative numbers */
void jpx_count_put(jpx_text *, int64_t);
/* A whole number from 1 to limit. */
bool jpx_count_read(const char *text, int64_t limit, int64_t *out);

/* How many letters differ: added, left out, changed, or swapped with their neighbour. Ignores case. */
size_t jpx_name_distance(const char *a, const char *b);
/* The name that was probably meant; NULL if none is close. */
const char *jpx_name_near(const char *name, const char *const *names, size_t count);

#endif
