/* effects.c -- what follows from an entry. It is the same for the handler that wrote it, for one that lost the insert
 * and read the winner's (docs/protocol.md, trap 4), for a redelivery, and for repair. */
#include "engine/effects.h"
#include "engine/load.h"
#include <string.h>

static void add_fills(jpx_outbox *box, const jpx_pipeline *p, const jpx_entry *entry, jpx_repeat repeat)
{
    for (size_t i = 0; i < entry->outs_count; i++) {
        bool wanted = jpx_key_is_root(&p->key) || p->links_count;
        if (entry->outs[i].forwarded)
            continue;
        for (size_t w = 0; w < p->waiters_count && !wanted; w++)
            wanted = p->waiters[w].slot && strcmp(p->waiters[w].slot, entry->outs[i].slot) == 0;
        if (!wanted)
            continue; /* no one waits for it */
        jpx_fact fact = {.kind = JPX_FACT_FILLED,
                         .key = p->key,
                         .count = 1,
                         .slot = entry->outs[i].slot,
                         .step = entry->step,
                         .repeat = repeat};
        jpx_outbox_fact(box, &fact);
    }
}

/* Run events for the children of an adopted generation that have no dependencies, read from the store. */
static jp_status start_children(jpx_session *session, jpx_outbox *box, const jpx_entry *entry, jp_error *err)
{
    jpx_root_id root = jpx_key_root_id(&entry->key);

    for (uint32_t first = 0; first < entry->children; first += JPX_SCAN_CHUNK) {
        uint32_t last = entry->children - first > JPX_SCAN_CHUNK ? first + JPX_SCAN_CHUNK - 1 : entry->children - 1;
        jpx_key lo = jpx_key_make(root, entry->gen, first), hi = jpx_key_make(root, entry->gen, last);
        jpx_records found;
        jpx_ready *ready = jpx_alloc_array(session->arena, JPX_SCAN_CHUNK, sizeof *ready);
        size_t count = 0;
        if (jpx_store_scan(session->store, JPX_TABLE_PIPELINE, jpx_id(lo.b, JPX_PIPELINE_SIZE),
                           jpx_id(hi.b, JPX_PIPELINE_SIZE), JPX_SCAN_CHUNK, false, session->arena, &found,
                           err) != JP_OK)
            return err->status;
        for (size_t i = 0; i < found.count; i++) {
            jpx_pipeline child;
            if (jpx_pipeline_decode(found.items[i].doc, session->arena, &child) && child.deps_count == 0)
                ready[count++] = (jpx_ready){child.key, {true, entry->at_ms}};
        }
        if (jpx_publish_ready(session, box, ready, count, err) != JP_OK)
            return err->status;
    }
    return JP_OK;
}

static void start_ready(jpx_outbox *box, const jpx_generation *ready)
{
    for (size_t i = 0; i < ready->waiting_count; i++) {
        jpx_change change = {.what = "waiting", .key = ready->waiting[i], .pipe = ready->waiting_pipe[i]};
        jpx_outbox_change(box, &change);
    }
    for (size_t i = 0; i < ready->ready_count; i++) {
        jpx_run_event event = {.key = ready->ready[i]};
        jpx_outbox_run(box, &event, ready->ready_pipe[i], ready->ready_queue[i], JPX_FIRST);
    }
}

static void add_change(jpx_outbox *box, const jpx_pipeline *p, const jpx_entry *entry, const char *what)
{
    jpx_change change = {.what = what,
                         .key = p->key,
                         .pipe = p->pipe,
                         .attempt = entry->attempt,
                         .reason = entry->failure_text,
                         .due_ms = entry->kind == JPX_ENTRY_RETRY ? entry->due_ms : 0};
    jpx_outbox_change(box, &change);
}

static void add_end(jpx_outbox *box, const jpx_pipeline *p, jpx_fact_kind kind, jpx_repeat repeat)
{
    jpx_fact fact = {.kind = kind, .key = p->key, .count = 1, .repeat = repeat};
    jpx_outbox_fact(box, &fact);
}

static const char *abort_reason(jpx_session *session, const jpx_pipeline *p, const jpx_entry *entry)
{
    const char *text = entry->failure_text ? entry->failure_text : "failed";
    const size_t size = strlen(p->pipe);
    const bool named = strncmp(text, p->pipe, size) == 0 && text[size] == ','; /* "AddOne, math.c:12: ..." */
    if (named || (entry->failure_class && strcmp(entry->failure_class, "abort") == 0))
        return text;
    return jpx_format(session->arena, "%s failed: %s", p->pipe, text);
}

/* If the due time has passed, the timer has become a run event. Do not recreate it while that event may still be queued
 * or running. */
static void set_timer(jpx_outbox *box, const jpx_pipeline *p, const jpx_entry *entry)
{
    const jpx_run_event event = {.key = p->key, .step = entry->step + 1};

    if (box->queue_age && entry->due_ms <= jpx_now(box->session->env) &&
        jpx_queue_age_may_have(box->queue_age, &event, p->queue, entry->due_ms))
        return;
    jpx_outbox_timer(box, entry->due_ms, p, entry->step);
}

jp_status jpx_entry_effects(jpx_session *session, jpx_outbox *box, const jpx_pipeline *p, const jpx_entry *entry,
                            const jpx_generation *ready, bool there, jp_error *err)
{
    jpx_repeat repeat = {there, there ? entry->at_ms : 0}; /* nothing was published before it was stored */

    switch (entry->kind) {
    case JPX_ENTRY_REPLIED:
        if (entry->hooked) {
            jpx_run_event event = {.key = p->key, .step = entry->step + 1};
            jpx_outbox_run(box, &event, p->pipe, p->queue, repeat);
            return JP_OK;
        }
        /* fall through */
    case JPX_ENTRY_RETURNED:
        add_fills(box, p, entry, repeat);
        add_end(box, p, JPX_FACT_ENDED, repeat);
        return JP_OK;
    case JPX_ENTRY_PLANNED:
        add_fills(box, p, entry, repeat);
        if (!repeat.maybe)
            add_change(box, p, entry, "running");
        if (ready && !repeat.maybe) {
            start_ready(box, ready);
            return JP_OK;
        }
        return start_children(session, box, entry, err);
    case JPX_ENTRY_RETRY:
        set_timer(box, p, entry);
        if (!repeat.maybe)
            add_change(box, p, entry, "retry");
        return JP_OK;
    case JPX_ENTRY_WAITING:
        if (entry->due_ms)
            set_timer(box, p, entry);
        if (!repeat.maybe)
            add_change(box, p, entry, "running");
        return JP_OK;
    case JPX_ENTRY_FAILED:
        jpx_outbox_abort(box, &p->key, p->pipe, abort_reason(session, p, entry));
        if (!repeat.maybe && !p->hook && !jpx_key_is_root(&p->key))
            add_change(box, p, entry, "aborted"); /* else reported after its hook, or with the root */
        return JP_OK;
    case JPX_ENTRY_ABORTED:
        return JP_OK; /* the abort that wrote it calls the hooks */
    case JPX_ENTRY_FINISHED:
        if (entry->aborted && !repeat.maybe && !jpx_key_is_root(&p->key))
            add_change(box, p, entry, "aborted");
        if (!entry->aborted) {
            add_end(box, p, JPX_FACT_FINISHED, repeat);
        } else if (jpx_key_is_root(&p->key)) {
            jpx_root_id root = jpx_key_root_id(&p->key);
            jpx_outbox_control(box, "aborting", &root);
        }
        return JP_OK;
    case JPX_ENTRY_KINDS:
        break;
    }
    JPX_ASSERT(entry->kind < JPX_ENTRY_KINDS);
    return JP_OK;
}
