/* effects.h -- what follows from an entry or a fact: counters, run events, finished pipelines, done roots. */
#ifndef JPX_EFFECTS_H
#define JPX_EFFECTS_H

#include "engine/outbox.h"

/* ---- effects.c ---- */
/* Adds to the outbox all that follows from an entry. `ready`: the generation that this handler has just written, if
 * any. `there`: the entry was stored before this handler, so what follows may have been published. */
jp_status jpx_entry_effects(jpx_session *, jpx_outbox *, const jpx_pipeline *, const jpx_entry *,
                            const jpx_generation *ready, bool there, jp_error *err);

/* ---- propagate.c ---- */
/* Applies facts: updates counters, publishes run and finish events for whatever became ready, closes finished roots.
 * Stops after a bounded number of levels and republishes the rest as slot events. `one_level`: does not go on to the
 * parent generator, because repair visits parents itself. */
jp_status jpx_propagate(jpx_session *, jpx_outbox *, jpx_fact *, size_t count, bool one_level, jp_error *err);

/* ---- ready.c ---- */
typedef struct jpx_ready { /* a pipeline whose dependencies are all met */
    jpx_key key;
    jpx_repeat repeat;
} jpx_ready;
/* Run events for them; for repeats only where there is no entry yet. */
jp_status jpx_publish_ready(jpx_session *, jpx_outbox *, const jpx_ready *, size_t count, jp_error *err);

/* ---- output_types.c ---- */
/* Does the value have the type of every slot it is forwarded as? JP_E_INVALID: a clause that names the fix. */
jp_status jpx_output_types_fit(const jpx_pipeline *, const char *slot, jpx_bytes value, jp_error *err);
/* All outputs of a body. JP_E_INVALID: pipe, line of the yield, cause and fix. */
jp_status jpx_output_types_check(const jpx_pipeline *, const jpx_outcome *, jp_error *err);

#endif
