/* apply.h -- the guarded changes of barriers and roots on bytes in memory: what MongoDB does by an update with a
 * condition, for the stores that hold the document in their hands (sqlite, memory).
 *
 * Pure: no I/O, no clock, no locks. The caller makes read, change and write one step. */
#ifndef JPX_APPLY_H
#define JPX_APPLY_H

#include "store/store.h"

/* Sets the item's bits and counts down, in place: every field of a barrier has a fixed size. Fills the item's answers;
 * *changed tells whether bytes were changed. False: the document is no barrier with these words, and is as it was. */
bool jpx_apply_count(uint8_t *doc, size_t size, jpx_count *item, bool *changed);

/* aborted = true where left > 0, in place. False: not a barrier. */
bool jpx_apply_abort(uint8_t *doc, size_t size, bool *changed);

/* *out is the changed document in `arena`, or empty when the guard of the operation does not hold. False: not a root.
 */
bool jpx_apply_root(jpx_bytes doc, const jpx_root_change *, jpx_arena *, jpx_bytes *out);

/* What lists and indexes need to know of a root's document; borrowed from it. */
typedef struct jpx_root_facts {
    const char *pipe, *status, *key; /* key NULL = none */
    bool over;                       /* has `ended` */
    int64_t ended_ms;
} jpx_root_facts;
bool jpx_root_facts_read(jpx_bytes doc, jpx_root_facts *); /* false: not a root */
bool jpx_root_matches(const jpx_root_facts *, const jpx_root_filter *);

/* A list of this filter holds ids below `bound` only (when *bounded). */
enum { JPX_ROOT_BOUND = 12 };
void jpx_root_bound(const jpx_root_filter *, uint8_t bound[JPX_ROOT_BOUND], bool *bounded);

#endif
