/* load.h -- records by key, slots with their values, arguments. All of it reads the store, in bounded chunks, into the
 * session's arena. A record that was cleaned up or cannot be read is NULL; a damaged one is logged. A record of a newer
 * version fails the whole call with JP_E_REFUSED. */
#ifndef JPX_LOAD_H
#define JPX_LOAD_H

#include "engine/session.h"

/* ---- load.c ---- */
/* out[i].doc.data is NULL where there is no record. */
jp_status jpx_load_records(jpx_session *, jpx_table, const jpx_bytes *ids, size_t count, jpx_record *out,
                           jp_error *err);
jp_status jpx_load_pipelines(jpx_session *, const jpx_key *, size_t count, jpx_pipeline **out, jp_error *err);
jp_status jpx_load_roots(jpx_session *, const jpx_root_id *, size_t count, jpx_root **out, jp_error *err);
/* Entries 0 .. upto[i], as many as are stored (all of them if upto is NULL). journal.pipeline is not touched. */
jp_status jpx_load_entries(jpx_session *, const jpx_key *, const uint32_t *upto, size_t count, jpx_journal *out,
                           jp_error *err);
/* The executions of one step, and the handouts of a generation, by its finish key; damaged ones are left out. */
jp_status jpx_load_executions(jpx_session *, const jpx_key *, uint32_t step, jpx_execution **out, size_t *count,
                              jp_error *err);
jp_status jpx_load_handouts(jpx_session *, const jpx_key *generation, jpx_handout **out, size_t *count, jp_error *err);
jpx_bytes jpx_id(const void *data, size_t size); /* borrowed */
void jpx_log_damaged(jpx_session *, const char *record, const jpx_key *);

/* ---- slots.c ---- */
typedef struct jpx_slot { /* a slot to be read */
    jpx_key key;
    const char *name;
    bool ended;      /* its pipeline has ended: the value is found through the entries even before `fill` is written */
    bool filled;     /* answer, as are the next three */
    jpx_bytes value; /* value document */
    jpx_key filler;
    uint32_t filler_step;
} jpx_slot;
/* Follows forwarded slots to their filler. `with_values` false: only whether they are filled, and by whom. */
jp_status jpx_load_slots(jpx_session *, jpx_slot *, size_t count, bool with_values, jp_error *err);
/* A value with a record of its own. JP_E_DAMAGED: it is missing. */
jp_status jpx_load_value(jpx_session *, const uint8_t id[JPX_VALUE_SIZE], jpx_bytes *value, jp_error *err);

/* ---- args.c ---- */
/* The arguments with slots replaced by values: an array document each. args[i].data is NULL where a slot is not
 * filled. */
jp_status jpx_load_args(jpx_session *, jpx_pipeline *const *, size_t count, jpx_bytes *args, jp_error *err);

#endif
