/* executor_impl.h -- what the two kinds of executors share: the verbs, the clock, how many attempts to take at a time.
 */
#ifndef JPX_EXECUTOR_IMPL_H
#define JPX_EXECUTOR_IMPL_H

#include "base/clock.h"
#include "exec/executor.h"
#include "exec/page.h"

enum { JPX_PENDING_MAX = 1 << 20 }; /* submitted and not fetched; room() never asks for that many */

typedef struct jpx_executor_verbs {
    size_t (*room)(jpx_executor *);
    void (*submit)(jpx_executor *, const jpx_attempt *);
    size_t (*poll)(jpx_executor *, jpx_arena *, jpx_outcome *, size_t max, int64_t wait_ms);
    int (*fd)(jpx_executor *);
    size_t (*running)(jpx_executor *, jpx_running *, size_t max);
    size_t (*pending)(jpx_executor *);
    size_t (*take_back)(jpx_executor *, int64_t waited_ms, uint64_t *, size_t max);
    bool (*broken)(jpx_executor *);
    void (*close)(jpx_executor *);
} jpx_executor_verbs;

struct jpx_executor { /* the first member of both kinds */
    const jpx_executor_verbs *verbs;
};

/* How many attempts may wait in one process, learned from how long its bodies take: about a millisecond of work. */
typedef struct jpx_pace {
    size_t window; /* 1 .. JPX_WINDOW_MAX */
    int64_t mean_us;
} jpx_pace;

enum { JPX_PACE_WORK_US = 1000, JPX_PACE_COST_US = 10 };

static inline void jpx_pace_ended(jpx_pace *pace, int64_t body_us)
{
    body_us = body_us < 0 ? 0 : body_us > 3600000000 ? 3600000000 : body_us;
    pace->mean_us = (7 * pace->mean_us + body_us) / 8;
    if (body_us > JPX_PACE_WORK_US) {
        pace->mean_us = body_us > pace->mean_us ? body_us : pace->mean_us;
        pace->window = 1;
    }
}

/* After a batch of outcomes: doubles at most. */
static inline void jpx_pace_batch(jpx_pace *pace)
{
    size_t target = (size_t)(JPX_PACE_WORK_US / (pace->mean_us + JPX_PACE_COST_US));
    target = target < 1 ? 1 : target > JPX_WINDOW_MAX ? JPX_WINDOW_MAX : target;
    pace->window = pace->window * 2 < target ? pace->window * 2 : target;
}

#endif
