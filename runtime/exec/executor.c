/* executor.c -- the interface: hands each call to the kind of executor it is for. */
#include "exec/executor_impl.h"

size_t jpx_executor_room(jpx_executor *executor)
{
    return executor->verbs->room(executor);
}

void jpx_executor_submit(jpx_executor *executor, const jpx_attempt *attempt)
{
    JPX_ASSERT(executor->verbs->pending(executor) < JPX_PENDING_MAX);
    executor->verbs->submit(executor, attempt);
}

size_t jpx_executor_poll(jpx_executor *executor, jpx_arena *arena, jpx_outcome *out, size_t max, int64_t wait_ms)
{
    return executor->verbs->poll(executor, arena, out, max, wait_ms);
}

int jpx_executor_fd(jpx_executor *executor)
{
    return executor->verbs->fd(executor);
}

size_t jpx_executor_running(jpx_executor *executor, jpx_running *out, size_t max)
{
    return executor->verbs->running(executor, out, max);
}

size_t jpx_executor_pending(jpx_executor *executor)
{
    return executor->verbs->pending(executor);
}

size_t jpx_executor_take_back(jpx_executor *executor, int64_t waited_ms, uint64_t *out, size_t max)
{
    return executor->verbs->take_back(executor, waited_ms, out, max);
}

bool jpx_executor_broken(jpx_executor *executor)
{
    return executor->verbs->broken(executor);
}

void jpx_executor_close(jpx_executor *executor)
{
    if (executor)
        executor->verbs->close(executor);
}
