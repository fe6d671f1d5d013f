/* signals.c -- see signals.h. The handler uses one atomic and one descriptor. */
#include "cli/signals.h"
#include "base/base.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

static atomic_int seen;
static int wake = -1;

static void handle(int number)
{
    int none = 0, saved = errno;
    uint64_t one = 1;

    if (!atomic_compare_exchange_strong(&seen, &none, number))
        _exit(128 + number);
    if (write(wake, &one, sizeof one) < 0) {
        /* the counter is full: it is readable already */
    }
    errno = saved;
}

void jpx_signals_catch(void)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};

    if (wake < 0)
        wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    JPX_ASSERT(wake >= 0);
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int jpx_signals_seen(void)
{
    return atomic_load(&seen);
}

bool jpx_signals_wait(int64_t timeout_ms)
{
    struct pollfd fd = {.fd = wake, .events = POLLIN};
    int wait = timeout_ms < 0 ? -1 : timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;

    while (poll(&fd, 1, wait) < 0 && errno == EINTR && !jpx_signals_seen())
        continue;
    return jpx_signals_seen() != 0;
}

int jpx_signals_fd(void)
{
    return wake;
}
