/* live.h -- a tree that is shown while it changes: redrawn in place on a terminal, told line by line elsewhere.
 * Lines of the log that come meanwhile are put above it. Thread-safe towards the log only. */
#ifndef JPX_LIVE_H
#define JPX_LIVE_H

#include "cli/cli.h"
#include "cli/tree.h"

enum {
    JPX_LIVE_MS = 100,       /* between two drawings, at least                                     */
    JPX_LIVE_NODES = 200,    /* pipelines asked for                                                */
    JPX_LIVE_LINES_MAX = 200 /* told elsewhere than on a terminal; then only what fails is told */
};

typedef struct jpx_live jpx_live;
jpx_live *jpx_live_new(jpx_cli *, FILE *, const jpx_screen *);
/* `answer` of the verb tree. */
void jpx_live_show(jpx_live *, const jpx_json *answer);
void jpx_live_free(jpx_live *); /* what was drawn last stays; NULL is fine */

#endif
