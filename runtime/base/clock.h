/* clock.h -- the monotonic clock, and waiting for a condition with it. For timeouts, pauses and heartbeats, which must
 * not change when somebody sets the clock. It is not injected: what is stored or sent takes its time from jpx_now(). */
#ifndef JPX_CLOCK_H
#define JPX_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

int64_t jpx_mono_ns(void);
int64_t jpx_mono_ms(void);
void jpx_pause_ms(int64_t ms); /* blocks; a signal may end it early */

void jpx_cond_init(pthread_cond_t *); /* for jpx_cond_until */
/* Blocks until a signal, at most until `mono_ms`. Returns false without blocking if that has passed. May wake early, as
 * all condition variables do. */
bool jpx_cond_until(pthread_cond_t *, pthread_mutex_t *, int64_t mono_ms);

#endif
