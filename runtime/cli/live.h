/* live.h -- a tree that is shown while it changes: redrawn in place on a terminal, printed as lines elsewhere. On a
 * terminal, log lines appear above it. The log may call from any thread; everything else is for one thread. */
#ifndef JPX_LIVE_H
#define JPX_LIVE_H

#include "cli/cli.h"
#include "cli/tree.h"

enum {
    JPX_LIVE_MS = 100,       /* least time between two drawings                         */
    JPX_LIVE_NODES = 200,    /* pipelines to request                                    */
    JPX_LIVE_LINES_MAX = 200 /* lines elsewhere; after that only failures are printed   */
};

typedef struct jpx_live jpx_live;
jpx_live *jpx_live_new(jpx_cli *, FILE *, const jpx_screen *);
/* `answer` of the verb tree. */
void jpx_live_show(jpx_live *, const jpx_json *answer);
void jpx_live_free(jpx_live *); /* the last drawing stays on the screen; NULL is fine */

#endif
