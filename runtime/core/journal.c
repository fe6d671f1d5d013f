/* journal.c -- what a pipeline's entries call for next, and its status. Pure. */
#include "core/journal.h"
#include <math.h>

const jpx_entry *jpx_journal_last(const jpx_journal *journal)
{
    return journal->count ? &journal->entries[journal->count - 1] : NULL;
}

const jpx_entry *jpx_journal_find(const jpx_journal *journal, jpx_entry_kind kind)
{
    for (uint32_t i = 0; i < journal->count; i++)
        if (journal->entries[i].kind == kind)
            return &journal->entries[i];
    return NULL;
}

const jpx_entry *jpx_journal_ending(const jpx_journal *journal)
{
    for (uint32_t i = journal->count; i-- > 0;) {
        const jpx_entry *entry = &journal->entries[i];
        if (entry->kind == JPX_ENTRY_RETURNED || entry->kind == JPX_ENTRY_PLANNED ||
            (entry->kind == JPX_ENTRY_REPLIED && !entry->hooked))
            return entry;
    }
    return NULL;
}

int jpx_journal_attempt(const jpx_journal *journal)
{
    const jpx_entry *last = jpx_journal_last(journal);
    if (!last)
        return 1;
    return last->kind == JPX_ENTRY_RETRY ? last->attempt + 1 : last->attempt;
}

jpx_next jpx_journal_next(const jpx_journal *journal, uint32_t step, bool due)
{
    const jpx_entry *before;

    if (step < journal->count)
        return JPX_NEXT_FOLLOW;
    if (step > journal->count)
        return JPX_NEXT_NOTHING;
    if (step == 0)
        return JPX_NEXT_BODY;
    before = &journal->entries[step - 1];
    switch (before->kind) {
    case JPX_ENTRY_RETRY:
        /* An event that is early is dropped: the timer exists until its own event is published (docs/protocol.md, trap
         * 8). */
        return due ? JPX_NEXT_BODY : JPX_NEXT_NOTHING;
    case JPX_ENTRY_WAITING:
        if (!due || !before->due_ms)
            return JPX_NEXT_NOTHING;
        return before->completes ? JPX_NEXT_COMPLETE : JPX_NEXT_TIMEOUT;
    case JPX_ENTRY_REPLIED:
        return before->hooked ? JPX_NEXT_REPLY : JPX_NEXT_NOTHING;
    case JPX_ENTRY_RETURNED:
    case JPX_ENTRY_PLANNED:
    case JPX_ENTRY_FAILED:
    case JPX_ENTRY_ABORTED:
    case JPX_ENTRY_FINISHED:
    case JPX_ENTRY_KINDS:
        break;
    }
    return JPX_NEXT_NOTHING;
}

void jpx_journal_carry(const jpx_journal *journal, jpx_arena *arena, jpx_entry *next)
{
    const jpx_entry *wait = jpx_journal_last(journal);

    if (wait && wait->kind == JPX_ENTRY_REPLIED && journal->count > 1)
        wait--;
    if (!wait || wait->kind != JPX_ENTRY_WAITING || !wait->outs_count)
        return;
    jpx_out *outs = jpx_alloc_array(arena, next->outs_count + wait->outs_count, sizeof *outs);
    size_t count = 0;
    for (size_t i = 0; i < next->outs_count; i++)
        outs[count++] = next->outs[i];
    for (size_t i = 0; i < wait->outs_count; i++)
        if (!jpx_entry_out(next, wait->outs[i].slot))
            outs[count++] = wait->outs[i];
    next->outs = outs;
    next->outs_count = count;
}

bool jpx_journal_begun(const jpx_journal *journal, bool marked)
{
    for (uint32_t i = 0; i < journal->count; i++) {
        if (journal->entries[i].kind == JPX_ENTRY_ABORTED)
            return journal->entries[i].begun || i > 0;
        if (journal->entries[i].kind != JPX_ENTRY_FINISHED)
            return true;
    }
    return marked;
}

bool jpx_journal_wants_finish(const jpx_journal *journal, bool aborted)
{
    const jpx_pipeline *p = journal->pipeline;

    if (jpx_journal_find(journal, JPX_ENTRY_FINISHED))
        return false;
    if (!aborted)
        return p->hook;
    if (p->cancel)
        for (uint32_t i = 0; i + 1 < journal->count; i++)
            if (journal->entries[i].kind == JPX_ENTRY_WAITING && journal->entries[i + 1].kind == JPX_ENTRY_ABORTED)
                return true;
    return p->hook && jpx_journal_begun(journal, false);
}

static const char *const status_names[] = {"waiting", "queued", "running", "retry", "done", "aborted"};

const char *jpx_status_name(jpx_status_kind status)
{
    return status < JPX_STATUSES ? status_names[status] : "unknown";
}

bool jpx_status_final(jpx_status_kind status)
{
    return status == JPX_IS_DONE || status == JPX_IS_ABORTED;
}

/* Aborted or done, but not final before the hooks have run. */
static jpx_status_kind decided(const jpx_journal *journal, bool aborted)
{
    if (jpx_journal_wants_finish(journal, aborted))
        return JPX_IS_RUNNING;
    return aborted ? JPX_IS_ABORTED : JPX_IS_DONE;
}

jpx_status_kind jpx_journal_status(const jpx_journal *journal, const jpx_evidence *evidence)
{
    const jpx_entry *last = jpx_journal_last(journal);
    const jpx_entry *planned = jpx_journal_find(journal, JPX_ENTRY_PLANNED);

    if (!last)
        return evidence->marked ? JPX_IS_RUNNING : evidence->deps_open ? JPX_IS_WAITING : JPX_IS_QUEUED;
    if (planned) {
        if (evidence->counter_found && evidence->counter_aborted)
            return decided(journal, true);
        if (evidence->counter_found && evidence->left == 0)
            return decided(journal, false);
        return JPX_IS_RUNNING;
    }
    switch (last->kind) {
    case JPX_ENTRY_RETURNED:
        return decided(journal, false);
    case JPX_ENTRY_REPLIED:
        return last->hooked ? JPX_IS_RUNNING : decided(journal, false);
    case JPX_ENTRY_FAILED:
    case JPX_ENTRY_ABORTED:
        return decided(journal, true);
    case JPX_ENTRY_RETRY:
        return evidence->marked ? JPX_IS_RUNNING : JPX_IS_RETRY;
    case JPX_ENTRY_FINISHED:
        return last->aborted ? JPX_IS_ABORTED : JPX_IS_DONE;
    case JPX_ENTRY_PLANNED:
    case JPX_ENTRY_WAITING:
    case JPX_ENTRY_KINDS:
        break;
    }
    return JPX_IS_RUNNING;
}

int64_t jpx_retry_delay_ms(const jp_retry_policy *policy, int failed_attempt, double unit)
{
    double delay;

    if (failed_attempt >= policy->attempts)
        return INT64_MAX;
    delay = (double)policy->first_ms * pow(policy->factor, failed_attempt - 1);
    if (!(delay < (double)policy->limit_ms))
        delay = (double)policy->limit_ms;
    delay *= 1.0 + policy->jitter * (2.0 * unit - 1.0);
    return delay < 0 ? 0 : (int64_t)delay;
}
