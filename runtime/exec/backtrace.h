/* backtrace.h -- from addresses of a process that is gone to function, file and line, by libdw.
 *
 * What was loaded where is told by the process's own /proc/self/maps, or, when it could not be read, by ours (executors
 * are forked from this program, so addresses agree). The files are read again from disk; debug information comes from
 * there and from /usr/lib/debug, never from the network. The first use reads tables and may take tens of milliseconds;
 * they are kept. One thread at a time. */
#ifndef JPX_TRACE_H
#define JPX_TRACE_H

#include "base/base.h"

typedef struct jpx_frame {
    const char *function; /* NULL = unknown */
    const char *file;     /* as compiled; NULL = no debug information */
    int line;
    const char *module; /* path of the program or library; NULL = unknown */
    uint64_t offset;    /* in the module, or the bare address */
    bool inlined;       /* into the next frame */
} jpx_frame;

typedef struct jpx_trace jpx_trace;
jpx_trace *jpx_trace_new(void);
void jpx_trace_free(jpx_trace *); /* NULL is fine */

/* `maps` may be empty. Return addresses point behind the call; `first_exact` tells that the first one does not. Inlined
 * calls are frames of their own. Returns the count, at most max; text in `arena`. */
size_t jpx_trace_resolve(jpx_trace *, jpx_bytes maps, void *const *addresses, size_t count, bool first_exact,
                         jpx_arena *arena, jpx_frame *out, size_t max);

#endif
