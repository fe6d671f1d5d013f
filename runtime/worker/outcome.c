/* outcome.c -- decides which entry the outcome of a body or a hook becomes.
 *
 * Nothing is written here, and neither the job nor its outcome is changed: if the commit fails, the next try starts
 * from the same outcome. What is made here lives in the session's arena, until that try ends. Does not block. */
#include "base/text.h"
#include "worker/worker.h"
#include <string.h>

enum { RECORD_MAX = 15 * 1024 * 1024 };

static const char *clipped(jpx_arena *arena, const char *text)
{
    if (!text)
        return NULL;
    size_t size = strnlen(text, JPX_REASON_MAX);
    while (size && size == JPX_REASON_MAX && ((unsigned char)text[size] & 0xC0) == 0x80)
        size--; /* not within a UTF-8 sequence */
    char *copy = jpx_strndup(arena, text, size);
    if (!bson_utf8_validate(copy, size, false)) /* it may come from a process with a corrupted heap */
        for (size_t i = 0; i < size; i++)
            if ((unsigned char)copy[i] >= 0x80)
                copy[i] = '?';
    return copy;
}

/* ---- failures ---- */

static void set_failure(jpx_session *session, jpx_commitment *c)
{
    c->entry.failure_class = c->outcome.class_ ? clipped(session->arena, c->outcome.class_) : "unknown";
    c->entry.failure_text = c->outcome.reason ? clipped(session->arena, c->outcome.reason) : "no reason given";
    c->entry.failure_trace = clipped(session->arena, c->outcome.trace);
}

static void set_retry(jpx_session *session, jpx_commitment *c)
{
    const jpx_job *job = c->ended->job;
    jp_retry_policy policy = jpx_policy(job->pipeline, job->pipe);
    int64_t delay = jpx_retry_delay_ms(&policy, job->attempt, jpx_random_unit(session->env));

    set_failure(session, c);
    if (delay == INT64_MAX) {
        c->entry.kind = JPX_ENTRY_FAILED;
        c->entry.failure_text = jpx_format(session->arena, "after %d attempt%s: %s", job->attempt,
                                           job->attempt == 1 ? "" : "s", c->entry.failure_text);
        return;
    }
    c->entry.kind = JPX_ENTRY_RETRY;
    c->entry.due_ms = c->entry.at_ms + (c->outcome.retry_in_ms >= 0 ? c->outcome.retry_in_ms : delay);
}

static void set_wrong(jpx_session *session, jpx_commitment *c, const char *class_, const char *reason)
{
    c->outcome.end = JPX_END_WRONG;
    c->outcome.class_ = class_;
    c->outcome.reason = reason;
    c->generation = (jpx_generation){0};
    c->entry.kind = JPX_ENTRY_FAILED;
    c->entry.outs_count = 0;
    set_failure(session, c);
}

/* ---- waits and results ---- */

static void promise_hash(void *secret, uint32_t child, uint8_t out[JPX_TOKEN_HASH_SIZE])
{
    uint8_t token[JPX_TOKEN_SIZE];

    jpx_secret_token(secret, child, token);
    jpx_token_hash(token, out);
}

static jpx_plan_input plan_input(jpx_session *session, const jpx_commitment *c)
{
    const jpx_job *job = c->ended->job;

    return (jpx_plan_input){.self = job->pipeline,
                            .step = job->event.step,
                            .outcome = &c->outcome,
                            .now_ms = c->entry.at_ms,
                            .random = jpx_random_fn,
                            .random_ctx = (void *)session->env,
                            .facts = jpx_registry_facts,
                            .facts_ctx = (void *)session->parts->registry,
                            .promise_hash = promise_hash,
                            .secret = (void *)job->secret};
}

static void set_waiting(jpx_session *session, jpx_commitment *c)
{
    const jpx_job *job = c->ended->job;
    const jpx_plan_input plan = plan_input(session, c);
    int64_t timeout = jpx_timeout_ms(job->pipeline, job->pipe);

    c->entry.kind = JPX_ENTRY_WAITING;
    c->entry.due_ms = timeout ? c->entry.at_ms + timeout : 0;
    if (c->outcome.end == JPX_END_RETURN) { /* jp_return_in */
        c->entry.completes = true;
        c->entry.due_ms = c->entry.at_ms + c->outcome.retry_in_ms;
    }
    if (job->pipeline->promised) /* its ticket was fixed when it was planned */
        memcpy(c->entry.token_hash, job->pipeline->token_hash, JPX_TOKEN_HASH_SIZE);
    else
        promise_hash((void *)job->secret, JPX_OWN_TICKET, c->entry.token_hash);
    jpx_plan_outputs(&plan, session->arena, &c->entry, &c->generation);
    jpx_journal_carry(&job->journal, session->arena, &c->entry);
}

/* Is this the end of the delay of jp_return_in? No body runs then: the journal's last entry has the outputs. */
static bool completes(const jpx_job *job)
{
    const jpx_entry *last = jpx_journal_last(&job->journal);
    return last && last->kind == JPX_ENTRY_WAITING && last->completes;
}

static void set_completed(jpx_session *session, jpx_commitment *c)
{
    c->entry.kind = JPX_ENTRY_REPLIED;
    c->entry.reply = (jpx_out){.slot = "reply"};
    jpx_journal_carry(&c->ended->job->journal, session->arena, &c->entry);
}

static void set_returned(jpx_session *session, jpx_commitment *c)
{
    jpx_plan_input plan = plan_input(session, c);
    jp_error err;

    c->entry.kind = c->outcome.children_count ? JPX_ENTRY_PLANNED : JPX_ENTRY_RETURNED;
    if (c->outcome.children_count) {
        jpx_secret_generation(c->ended->job->secret, plan.gen);
        memcpy(c->entry.gen, plan.gen, sizeof c->entry.gen);
        c->entry.children = (uint32_t)c->outcome.children_count;
        if (jpx_plan_children(&plan, session->arena, &c->generation, &err) != JP_OK) {
            set_wrong(session, c, "program", jpx_strdup(session->arena, err.text));
            return;
        }
    }
    jpx_plan_outputs(&plan, session->arena, &c->entry, &c->generation);
    jpx_journal_carry(&c->ended->job->journal, session->arena, &c->entry);
}

/* ---- hooks ---- */

bool jpx_hook_runs_again(const jpx_ended *ended)
{
    const jpx_end end = ended->outcome.end;
    return end != JPX_END_RETURN && end != JPX_END_WRONG && ended->job->delivery->deliveries < JPX_FINISH_TRIES;
}

void jpx_hook_log_failure(jpx_session *session, const jpx_ended *ended)
{
    const jpx_job *job = ended->job;
    const jpx_root_id id = jpx_key_root_id(&job->event.key);
    const char *reason = clipped(session->arena, ended->outcome.reason);
    const bool again = jpx_hook_runs_again(ended);
    char root[JPX_ROOT_TEXT], pipeline[JPX_KEY_TEXT];

    jpx_log(session->env, again ? JPX_WARN : JPX_ERROR, "hook failed",
            "root=%s pipeline=%s pipe=%s attempt=%d runs_again=%s reason=%s", jpx_root_text(root, &id),
            jpx_key_text(pipeline, &job->event.key), job->pipeline->pipe, job->attempt, again ? "true" : "false",
            jpx_json_text(session->arena, reason ? reason : "no reason given"));
}

static void set_finished(jpx_session *session, jpx_commitment *c)
{
    c->entry.kind = JPX_ENTRY_FINISHED;
    c->entry.aborted = c->ended->job->aborted;
    if (c->outcome.end == JPX_END_RETURN)
        return;
    set_failure(session, c);
    jpx_hook_log_failure(session, c->ended);
    if (jpx_hook_runs_again(c->ended)) {
        c->has_entry = false;
        c->nak = true;
    }
}

/* ---- all of them ---- */

static void set_ended(jpx_session *session, jpx_commitment *c)
{
    const jpx_job *job = c->ended->job;
    jp_error err;

    if (jpx_plan_check(&c->outcome, &err) != JP_OK) {
        c->outcome.end = JPX_END_RETRY;
        c->outcome.class_ = "crash";
        c->outcome.reason = jpx_format(session->arena, "its result is invalid (%s): a corrupted heap?", err.text);
        c->outcome.retry_in_ms = -1;
    }
    if (jpx_output_types_check(job->pipeline, &c->outcome, &err) != JP_OK) {
        set_wrong(session, c, "program", jpx_strdup(session->arena, err.text));
        return;
    }
    switch (c->outcome.end) {
    case JPX_END_RETURN:
        if (completes(job))
            set_completed(session, c);
        else if (c->outcome.retry_in_ms > 0)
            set_waiting(session, c);
        else
            set_returned(session, c);
        break;
    case JPX_END_WAIT:
        set_waiting(session, c);
        break;
    case JPX_END_RETRY:
        set_retry(session, c);
        break;
    case JPX_END_ABORT:
    case JPX_END_WRONG:
        c->entry.kind = JPX_ENTRY_FAILED;
        set_failure(session, c);
        break;
    }
}

static size_t largest(const jpx_records *records)
{
    size_t max = 0;
    for (size_t i = 0; i < records->count; i++)
        max = records->items[i].doc.size > max ? records->items[i].doc.size : max;
    return max;
}

/* A record that no store accepts would block all commits behind it, so it fails its own pipeline. */
static void refuse_too_large(jpx_session *session, jpx_commitment *c)
{
    const jpx_job *job = c->ended->job;
    size_t size = largest(&c->generation.pipelines), values = largest(&c->generation.values);

    size = values > size ? values : size;
    if (c->has_entry) {
        size_t entry = jpx_entry_encode(&c->entry, session->arena).doc.size;
        size = entry > size ? entry : size;
    }
    if (size > RECORD_MAX)
        set_wrong(session, c, "value",
                  jpx_format(session->arena,
                             "%s, %s: a record of its plan would be larger than %d MiB: pass fewer or smaller values, "
                             "or futures in the order in which they were yielded",
                             job->pipeline->pipe, job->pipe ? job->pipe->def.at : "?", RECORD_MAX / 1024 / 1024));
}

jpx_commitment *jpx_outcome_entry(jpx_session *session, jpx_ended *ended, jpx_commitment *c)
{
    const jpx_job *job = ended->job;

    *c = (jpx_commitment){.ended = ended, .outcome = ended->outcome, .has_entry = true};
    c->entry = (jpx_entry){.key = job->event.key,
                           .step = job->event.step,
                           .at_ms = jpx_now(session->env),
                           .attempt = job->attempt ? job->attempt : 1,
                           .body_us = ended->outcome.body_us};
    if (job->event.finish) {
        set_finished(session, c);
    } else {
        set_ended(session, c);
        jpx_tickets_report(session->parts, job, &c->outcome, &c->entry);
    }
    refuse_too_large(session, c);
    return c;
}
