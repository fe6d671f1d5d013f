/* root.h -- what is done to a whole root: repair, abort, removal, and the tombstone that is left. */
#ifndef JPX_ROOT_H
#define JPX_ROOT_H

#include "engine/effects.h"

/* ---- repair.c ---- */
/* Publishes whatever is due, from the entries alone, children before parents (docs/protocol.md, trap 10). With a
 * jpx_queue_age: only what cannot be in its queue any more. */
jp_status jpx_repair_root(jpx_session *, jpx_outbox *, const jpx_root *, jpx_queue_age *, jp_error *err);

/* ---- abort.c ---- */
/* An abort that is being carried out: appends `aborted` to everything that is not final. Lives in `arena`, as does the
 * root. */
typedef struct jpx_abort jpx_abort;
jpx_abort *jpx_abort_new(const jpx_root *, jpx_arena *arena);
/* A bounded part of it. *more: it goes on. Otherwise *pending counts pipelines whose hooks are still to run, or that
 * changed meanwhile; 0: the root is aborted. After an error it is started anew. */
jp_status jpx_abort_some(jpx_session *, jpx_abort *, bool *more, size_t *pending, jp_error *err);

/* ---- remove.c ---- */
/* Removes all records of a root, at most *budget of them (> 0, counted down). *done: none is left. */
jp_status jpx_remove_root(jpx_session *, const jpx_root_id *, size_t *budget, bool *done, jp_error *err);

/* ---- tombstone.c ---- */
jp_status jpx_tombstone_put(jpx_session *, const jpx_root_id *, jp_error *err);
jp_status jpx_tombstone_remove(jpx_session *, const jpx_root_id *, jp_error *err);
jp_status jpx_tombstone_find(jpx_session *, const jpx_root_id *, size_t count, bool *cleaned, jp_error *err);
jp_status jpx_tombstone_time(jpx_session *, const jpx_root_id *, int64_t *ms, jp_error *err); /* 0: there is none */

#endif
