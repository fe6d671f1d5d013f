/* signals.h -- SIGINT and SIGTERM as something to wait for. The only global state of the command: signals have no
 * other place to go. */
#ifndef JPX_SIGNALS_H
#define JPX_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

/* From now on the first one is remembered, the second ends the process at once with 128 + its number. */
void jpx_signals_catch(void);
/* The one that came, 0 = none yet. */
int jpx_signals_seen(void);
/* Blocks until one came or the time is over (< 0: never); true when one came. For the main thread. */
bool jpx_signals_wait(int64_t timeout_ms);
/* Readable once one came; -1 before jpx_signals_catch. */
int jpx_signals_fd(void);

#endif
