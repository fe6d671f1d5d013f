/* tickets.c -- reports the tickets that an entry brings into the world: that of its own wait, and those of the promises
 * among its children. Only a trial asks for them, to answer in place of the world outside; records hold hashes. */
#include "worker/worker.h"

static void report(const jpx_parts *parts, const char *pipe, const jpx_key *key, uint32_t step, const jpx_job *job,
                   uint32_t child)
{
    uint8_t token[JPX_TOKEN_SIZE];
    char ticket[JPX_TICKET_TEXT];

    jpx_secret_token(job->secret, child, token);
    jpx_ticket_text(ticket, key, step, token);
    parts->on_ticket(parts->on_ticket_ctx, pipe, ticket);
}

void jpx_tickets_report(const jpx_parts *parts, const jpx_job *job, const jpx_outcome *outcome, const jpx_entry *entry)
{
    if (!parts->on_ticket)
        return;
    if (entry->kind == JPX_ENTRY_WAITING && !entry->completes && !job->pipeline->promised)
        report(parts, job->pipeline->pipe, &entry->key, entry->step, job, JPX_OWN_TICKET);
    if (entry->kind != JPX_ENTRY_PLANNED)
        return;
    for (uint32_t i = 0; i < outcome->children_count; i++) {
        const char *name = outcome->children[i].pipe;
        const jpx_pipe *pipe = jpx_registry_find(parts->registry, name);
        const jpx_key key = jpx_key_make(jpx_key_root_id(&entry->key), entry->gen, i);
        if (pipe && pipe->promise)
            report(parts, name, &key, 0, job, i);
    }
}
