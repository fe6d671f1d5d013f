/* signals.h -- waits for SIGINT and SIGTERM. The only global state of the command, since a signal handler has no
 * context. */
#ifndef JPX_SIGNALS_H
#define JPX_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

/* From now on the first signal is remembered; the second ends the process at once, with 128 + its number. */
void jpx_signals_catch(void);
/* The signal that arrived; 0 = none yet. */
int jpx_signals_seen(void);
/* Blocks until a signal arrives or the time is up (< 0: no limit). True if one has arrived. Main thread only. */
bool jpx_signals_wait(int64_t timeout_ms);
/* Becomes readable when a signal arrives; -1 before jpx_signals_catch. */
int jpx_signals_fd(void);

#endif
