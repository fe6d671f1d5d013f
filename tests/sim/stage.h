/* stage.h -- one schedule, driven by hand: "when A is about to insert an entry, let B continue; then A's operation
 * fails".
 *
 * A cue waits for an operation of one role and is played once. Between cues everything runs as usual. Reconcile is
 * off unless a test turns it on. */
#ifndef STAGE_H
#define STAGE_H

#include "world.h"
#include <check.h>

typedef struct cue {
    actor *who; /* NULL: any role */
    seam_op op;
    jpx_table table;                          /* where the operation has one */
    bool after;                               /* played after the operation, not before */
    bool (*fits)(world *, const seam_call *); /* NULL: any */
    void (*then)(world *, const seam_call *); /* NULL: nothing; what happens meanwhile */
    seam_verdict verdict;
    bool kill; /* `who` dies here */
    bool played;
} cue;

/* Opens a world of 2 api, 2 barrier and 2 worker roles without faults. */
world *stage_open(const jp_def *const *pipes);
world *stage_open_with(const jp_def *const *pipes, size_t apis, size_t barriers, size_t workers);
void stage_close(world *);
cue *stage_when(world *, cue);
void stage_walks(world *, bool);   /* may live roots be repaired without a loss? */
uint64_t stage_published(world *); /* messages so far */

actor *api(world *, size_t n);
actor *barrier(world *, size_t n);
actor *worker(world *, size_t n);
/* Steps one role until it has nothing to do. */
void stage_run(world *, actor *);
const char *stage_status(world *); /* of the root; "" before it is stored */
const char *stage_result(world *); /* as JSON; "" while there is none */
void stage_done(world *, int64_t within_ms);
void stage_aborted(world *, int64_t within_ms);
#define STAGE_KEY "the-root"

#endif
