/* queue_age.c -- what may still be in the queues, so that looking after live roots does not double a long backlog: a
 * work queue keeps a message until it is acked, so what was published before its oldest message is not there any more,
 * and what was published after that may be. An event may be told long after the entry it follows from - its barrier was
 * away, or had much to do - and the body that it began may take long: its mark tells that the event was there. */
#include "engine/engine.h"
#include <string.h>

enum { MARGIN_MS = 10 * 1000 }; /* between an entry and its event; between the clocks of worker and broker */

static int64_t oldest_ms(jpx_queue_age *backlog, const char *queue)
{
    size_t i = 0;

    while (i < backlog->count && strcmp(backlog->queues[i].queue, queue) != 0)
        i++;
    if (i == backlog->count) {
        JPX_PUSH(backlog->arena, backlog->queues, backlog->count, backlog->cap).queue =
            jpx_strdup(backlog->arena, queue);
        backlog->queues[i].oldest_ms = jpx_bus_oldest_ms(backlog->bus, queue);
    }
    return backlog->queues[i].oldest_ms;
}

/* When a worker has last said that a body of this step was at work, whose event it held at that time; 0 = never. */
static int64_t at_work_ms(jpx_queue_age *backlog, const jpx_key *key, uint32_t step)
{
    jpx_session session = {.store = backlog->store, .arena = backlog->arena};
    jpx_execution *executions;
    size_t count;
    int64_t ms = 0;
    jp_error ignored;

    if (jpx_load_executions(&session, key, step, &executions, &count, &ignored) != JP_OK)
        return 0;
    for (size_t i = 0; i < count; i++) {
        int64_t seen_ms = executions[i].seen_ms ? executions[i].seen_ms : executions[i].since_ms;
        ms = seen_ms > ms ? seen_ms : ms;
    }
    return ms;
}

bool jpx_queue_age_may_have(jpx_queue_age *backlog, const jpx_run_event *event, const char *queue, int64_t since_ms)
{
    int64_t oldest = oldest_ms(backlog, queue);

    if (oldest == 0 || oldest == INT64_MAX)
        return false;
    return oldest <= since_ms + MARGIN_MS ||
           (!event->finish && oldest <= at_work_ms(backlog, &event->key, event->step) + MARGIN_MS);
}
