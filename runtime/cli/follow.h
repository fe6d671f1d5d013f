/* follow.h -- follows a root to its end: shows its tree while it runs, then prints the result. */
#ifndef JPX_FOLLOW_H
#define JPX_FOLLOW_H

#include "cli/cli.h"

typedef struct jpx_follow {
    const char *name;         /* root id or key */
    bool later;               /* wait for an api role, and for the root to become known */
    bool interrupt_aborts;    /* the first Ctrl-C aborts the root; otherwise it only stops the watching */
    bool quiet;               /* do not show the tree */
    bool no_result;           /* do not print the result */
    FILE *shown_on;           /* where the tree is shown: err, or out if it was asked for */
    const jpx_screen *screen; /* of shown_on */
    int64_t timeout_ms;       /* < 0: without limit */
} jpx_follow;

/* Blocks until the root is final, the time is up (returns 8), or a signal stops it (128 + its number). */
int jpx_follow_root(jpx_cli *, const jpx_follow *);
/* Prints a root's result as the verb result does; returns the exit code. */
int jpx_print_result(jpx_cli *, const char *name, const jpx_answer *);

#endif
