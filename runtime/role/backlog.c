/* backlog.c -- what may still be in the queues, so that looking after live roots does not double a long backlog: a work
 * queue keeps a message until it is acked, so what was published before its oldest message is not there any more, and
 * what was published after that may be. */
#include "role/internal.h"
#include <string.h>

enum { MARGIN_MS = 10 * 1000 }; /* between an entry and its event; between the clocks of worker and broker */

bool jpx_backlog_may_have(jpx_backlog *backlog, const char *queue, jpx_again since)
{
    size_t i = 0;

    while (i < backlog->count && strcmp(backlog->queues[i].queue, queue) != 0)
        i++;
    if (i == backlog->count) {
        JPX_PUSH(backlog->arena, backlog->queues, backlog->count, backlog->cap).queue =
            jpx_strdup(backlog->arena, queue);
        backlog->queues[i].oldest_ms = jpx_bus_oldest_ms(backlog->bus, queue);
    }
    return backlog->queues[i].oldest_ms != 0 && backlog->queues[i].oldest_ms <= since + MARGIN_MS;
}
