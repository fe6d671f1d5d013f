/* queue_age.c -- could this run event still be queued? Repair must not publish a second copy of an event that is merely
 * waiting.
 *
 * A work queue keeps messages until they are acked, so an event published before the queue's oldest message is gone,
 * and a later one may still be there. An execution in the store also proves that its event was delivered, however late
 * it was published. */
#include "engine/load.h"
#include "engine/outbox.h"
#include <string.h>

enum { MARGIN_MS = 10 * 1000 }; /* from an entry to its event, and between the clocks of worker and broker */

static int64_t oldest_ms(jpx_queue_age *age, const char *queue)
{
    size_t i = 0;

    while (i < age->count && strcmp(age->queues[i].queue, queue) != 0)
        i++;
    if (i == age->count) {
        JPX_PUSH(age->arena, age->queues, age->count, age->cap).queue = jpx_strdup(age->arena, queue);
        age->queues[i].oldest_ms = jpx_bus_oldest_ms(age->bus, queue);
    }
    return age->queues[i].oldest_ms;
}

/* The last heartbeat of a worker that ran a body of this step, and so held its event; 0: there was none. */
static int64_t last_heartbeat_ms(jpx_queue_age *age, const jpx_key *key, uint32_t step)
{
    jpx_session session = {.store = age->store, .arena = age->arena};
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

bool jpx_queue_age_may_have(jpx_queue_age *age, const jpx_run_event *event, const char *queue, int64_t since_ms)
{
    int64_t oldest = oldest_ms(age, queue);

    if (oldest == 0 || oldest == INT64_MAX)
        return false;
    return oldest <= since_ms + MARGIN_MS ||
           (!event->finish && oldest <= last_heartbeat_ms(age, &event->key, event->step) + MARGIN_MS);
}
