/* barrier.h -- what the files of the barrier role share. */
#ifndef JPX_BARRIER_H
#define JPX_BARRIER_H

#include "engine/load.h"
#include "engine/root.h"

/* ---- stream_loss.c: have live roots been repaired since the streams were made? ---- */
/* *lost: these streams are new, and no repair has been recorded for them. */
jp_status jpx_stream_loss_find(jpx_session *, int64_t stream_created_ns, bool *lost, jp_error *err);
jp_status jpx_stream_loss_repaired(jpx_session *, int64_t stream_created_ns, jp_error *err);

#endif
