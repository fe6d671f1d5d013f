/* clock.c -- the monotonic clock. jpx_pause_ms() and jpx_cond_until() block. */
#include "base/clock.h"
#include <time.h>

int64_t jpx_mono_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t jpx_mono_ms(void)
{
    return jpx_mono_ns() / 1000000;
}

void jpx_pause_ms(int64_t ms)
{
    nanosleep(&(struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

void jpx_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

bool jpx_cond_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t mono_ms)
{
    struct timespec until = {.tv_sec = (time_t)(mono_ms / 1000), .tv_nsec = (long)(mono_ms % 1000) * 1000000};

    if (jpx_mono_ms() >= mono_ms)
        return false;
    pthread_cond_timedwait(cond, lock, &until);
    return true;
}
