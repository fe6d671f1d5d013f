/* journal.h -- what a pipeline's entries call for next, and its status. Pure.
 *
 * A pipeline is a journal: entry k may be appended only if entry k-1 calls for it. Entry k has step k.
 *
 *            (none) --body--> RETURNED | PLANNED | WAITING | RETRY | FAILED
 *            RETRY --due--> as (none)          WAITING --reply--> REPLIED      WAITING --deadline--> RETRY | FAILED
 *            WAITING(completes) --due--> REPLIED
 *            REPLIED(hooked) --on_reply--> as (none)
 *            (none) | RETRY | WAITING | REPLIED(hooked) --abort--> ABORTED
 *            RETURNED | REPLIED | PLANNED (subtree done) | FAILED | ABORTED --hooks--> FINISHED */
#ifndef JPX_JOURNAL_H
#define JPX_JOURNAL_H

#include "core/record.h"

typedef struct jpx_journal { /* a pipeline and its entries, in order from step 0 without gaps */
    const jpx_pipeline *pipeline;
    jpx_entry *entries;
    uint32_t count;
} jpx_journal;

typedef enum jpx_next {
    JPX_NEXT_NOTHING,  /* the event is out of turn: ack it */
    JPX_NEXT_FOLLOW,   /* the entry exists: publish what follows from it, marked as a repeat */
    JPX_NEXT_BODY,     /* run the body */
    JPX_NEXT_REPLY,    /* run on_reply */
    JPX_NEXT_COMPLETE, /* the delay of jp_return_in is over: fill the outputs */
    JPX_NEXT_TIMEOUT   /* the deadline of the wait has passed: a failed attempt */
} jpx_next;

/* What a run event for `step` asks for. `due`: it was published for a timer that was due. */
jpx_next jpx_journal_next(const jpx_journal *, uint32_t step, bool due);
int jpx_journal_attempt(const jpx_journal *); /* number of the attempt that the next execution belongs to */

const jpx_entry *jpx_journal_last(const jpx_journal *); /* NULL = none */
const jpx_entry *jpx_journal_find(const jpx_journal *, jpx_entry_kind);
/* The entry that fills or forwards the outputs: RETURNED, PLANNED or a final REPLIED; NULL = none yet. */
const jpx_entry *jpx_journal_ending(const jpx_journal *);
/* Copies into `next`, the entry to be appended, the outputs that were filled before a wait: the entry that ends the
 * wait owns them, or the entry that on_reply ends with. A slot that `next` fills itself keeps its value. */
void jpx_journal_carry(const jpx_journal *, jpx_arena *, jpx_entry *next);
/* Has a body begun? If so, an abort calls on_finished. `marked`: an execution record was found. */
bool jpx_journal_begun(const jpx_journal *, bool marked);
/* Is a hook still to be called, on_finished or, after an abort, on_cancel? */
bool jpx_journal_wants_finish(const jpx_journal *, bool aborted);

typedef enum jpx_status_kind {
    JPX_IS_WAITING,
    JPX_IS_QUEUED,
    JPX_IS_RUNNING,
    JPX_IS_RETRY,
    JPX_IS_DONE,
    JPX_IS_ABORTED,
    JPX_STATUSES
} jpx_status_kind;
const char *jpx_status_name(jpx_status_kind);

typedef struct jpx_evidence { /* what else the status depends on */
    bool deps_open;           /* a dependency is not fulfilled yet */
    bool marked;              /* there is an execution record for the next step */
    bool counter_found;       /* the finish counter of the adopted generation: */
    int64_t left;
    bool counter_aborted;
} jpx_evidence;
jpx_status_kind jpx_journal_status(const jpx_journal *, const jpx_evidence *);
bool jpx_status_final(jpx_status_kind);

/* The delay before the next attempt; INT64_MAX: attempts are used up. `unit`: random, in [0, 1). */
int64_t jpx_retry_delay_ms(const jp_retry_policy *, int failed_attempt, double unit);

#endif
