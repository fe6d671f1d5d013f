/* clock.h -- the monotonic clock, and waiting on a condition until a time of it. Real time: for limits, pauses and
 * leases, which must not change when somebody sets the clock. Records carry the injected clock's time (jpx_now). */
#ifndef JPX_CLOCK_H
#define JPX_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

int64_t jpx_mono_ns(void);
int64_t jpx_mono_ms(void);
void jpx_pause_ms(int64_t ms); /* blocks; a signal may end it early */

void jpx_cond_init(pthread_cond_t *); /* for jpx_cond_until */
/* Waits for a signal. False, at once, when `mono_ms` has passed. May return early, as all condition variables do. */
bool jpx_cond_until(pthread_cond_t *, pthread_mutex_t *, int64_t mono_ms);

#endif
