/* follow.h -- follows a root to its end: shows how it goes, prints its result, answers with the exit code. */
#ifndef JPX_FOLLOW_H
#define JPX_FOLLOW_H

#include "cli/cli.h"

typedef struct jpx_follow {
    const char *name;         /* root id or key */
    bool later;               /* it may not be there yet, nor an api role */
    bool interrupt_aborts;    /* the first Ctrl-C aborts the root; else it only ends the following */
    bool quiet;               /* nothing is shown while it runs */
    bool no_result;           /* only shown: no result is printed */
    FILE *shown_on;           /* err, unless the tree is what was asked for */
    const jpx_screen *screen; /* of shown_on */
    int64_t timeout_ms;       /* < 0: never */
} jpx_follow;

/* Blocks until the root has ended, the time is over (8), or a signal ends it (128 + its number). */
int jpx_follow_root(jpx_cli *, const jpx_follow *);
/* Prints a root's result as the verb result does; the exit code. */
int jpx_print_result(jpx_cli *, const char *name, const jpx_answer *);

#endif
