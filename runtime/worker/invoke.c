/* invoke.c -- from a job whose records are loaded to the call of its body or its hooks: arguments, reply, outputs.
 *
 * What cannot be called - a damaged argument, one of another type - ends at once, with an outcome like a body's.
 * Reading what the call needs waits for the store; the call itself only waits in the executor. */
#include "worker/worker.h"
#include <string.h>

void jpx_job_ended(jpx_worker *w, jpx_job *job, jpx_end end, const char *class_, const char *reason)
{
    jpx_ended *ended = &w->ended[w->ended_count++];
    *ended = (jpx_ended){.job = job};
    ended->outcome = (jpx_outcome){.end = end, .retry_in_ms = -1, .class_ = class_, .reason = reason};
}

void jpx_job_submit(jpx_worker *w, jpx_job *job, jpx_call call)
{
    job->call.number_in_worker = job->number;
    job->call.call = call;
    job->call.pipe = job->pipeline->pipe;
    job->call.key = job->event.key;
    job->call.step = job->event.step;
    job->call.attempt = job->attempt;
    job->call.timeout_ms = 0;
    /* Hooks have none: they are no attempts. */
    if (call == JPX_CALL_RUN || call == JPX_CALL_REPLY)
        job->call.timeout_ms = jpx_timeout_ms(job->pipeline, job->pipe);
    job->call.aborted = job->aborted;
    memcpy(job->call.secret, job->secret, sizeof job->secret);
    job->submitted = true;
    jpx_executor_submit(w->executor, &job->call);
}

static jp_status outputs_of(jpx_worker *w, jpx_job *job, jpx_bytes *out, jp_error *err)
{
    jpx_session *session = &w->role.session;
    size_t count = job->pipe->fills_count + 1;
    jpx_slot *slots = jpx_alloc_array(session->arena, count, sizeof *slots);
    bson_t doc = BSON_INITIALIZER;

    slots[0] = (jpx_slot){.key = job->event.key, .name = "default", .ended = true};
    for (size_t i = 1; i < count; i++)
        slots[i] = (jpx_slot){.key = job->event.key, .name = job->pipe->fills[i - 1].name, .ended = true};
    if (jpx_load_slots(session, slots, count, true, err) != JP_OK) {
        bson_destroy(&doc);
        return err->status;
    }
    for (size_t i = 0; i < count; i++)
        if (slots[i].filled)
            jpx_append_value(&doc, slots[i].name, slots[i].value);
    *out = jpx_doc_take(&doc, session->arena);
    return JP_OK;
}

/* A finish event: is the end decided, and which hooks are to be called? False: nothing to do. */
jp_status jpx_finish_prepare(jpx_worker *w, jpx_job *job, const jpx_root *root, bool *wanted, jp_error *err)
{
    jpx_session *session = &w->role.session;
    const jpx_entry *planned = jpx_journal_find(&job->journal, JPX_ENTRY_PLANNED);
    const jpx_entry *last = jpx_journal_last(&job->journal);

    *wanted = false;
    job->journal.pipeline = job->pipeline;
    if (!last)
        return JP_OK;
    job->aborted = last->kind == JPX_ENTRY_ABORTED || last->kind == JPX_ENTRY_FAILED;
    if (jpx_key_is_root(&job->event.key)) {
        if (!root->aborting && !root->decided)
            return JP_OK;
        job->aborted = root->aborting;
    } else if (planned) {
        uint8_t id[JPX_BARRIER_SIZE];
        jpx_key finish = jpx_finish_key(jpx_key_root_id(&job->event.key), planned->gen);
        jpx_bytes ids = {id, sizeof id};
        jpx_record record;
        jpx_barrier counter;
        jpx_barrier_id(id, &finish, JPX_TOP_PART);
        if (jpx_store_get(session->store, JPX_TABLE_BARRIER, &ids, 1, session->arena, &record, err) != JP_OK)
            return err->status;
        if (!record.doc.data || !jpx_barrier_decode(record.doc, &counter) || (!counter.aborted && counter.left))
            return JP_OK;
        job->aborted = counter.aborted;
    }
    *wanted = jpx_journal_wants_finish(&job->journal, job->aborted);
    if (!*wanted || !job->pipe)
        return JP_OK;
    jpx_pipeline *pipeline = (jpx_pipeline *)job->pipeline;
    if (jpx_load_args(session, &pipeline, 1, &job->call.args, err) != JP_OK)
        return err->status;
    return job->pipe->def.on_finished ? outputs_of(w, job, &job->call.outputs, err) : JP_OK;
}

/* Where to look for what is wrong with this call: its yield, or the definition when a trigger started it. */
const char *jpx_job_place(const jpx_job *job)
{
    return job->pipeline->at ? job->pipeline->at : job->pipe ? job->pipe->def.at : "started by a trigger";
}

jp_status jpx_finish_run(jpx_worker *w, jpx_job *job)
{
    if (!job->pipe || (!job->pipe->def.on_finished && !job->pipe->def.on_cancel)) {
        jpx_job_ended(w, job, JPX_END_RETURN, NULL, NULL);
        return JP_OK;
    }
    job->attempt = jpx_journal_attempt(&job->journal);
    const jpx_entry *last = jpx_journal_last(&job->journal);
    bool waited = job->journal.count >= 2 && last->kind == JPX_ENTRY_ABORTED &&
                  job->journal.entries[job->journal.count - 2].kind == JPX_ENTRY_WAITING;
    job->cancelling = job->aborted && waited && job->pipe->def.on_cancel;
    if (!job->cancelling && !job->pipe->def.on_finished)
        jpx_job_ended(w, job, JPX_END_RETURN, NULL, NULL);
    else
        jpx_job_submit(w, job, job->cancelling ? JPX_CALL_CANCEL : JPX_CALL_FINISHED);
    return JP_OK;
}

static jp_status value_of(jpx_session *session, const jpx_out *out, jpx_bytes *value, jp_error *err)
{
    if (out->large)
        return jpx_load_value(session, out->large_id, value, err);
    *value = out->value;
    return JP_OK;
}

/* on_reply gets the reply, and knows the outputs that were filled before the wait. */
static jp_status reply_of(jpx_session *session, jpx_job *job, jp_error *err)
{
    const jpx_entry *waiting = &job->journal.entries[job->journal.count - 2];
    bson_t outputs = BSON_INITIALIZER;

    if (value_of(session, &jpx_journal_last(&job->journal)->reply, &job->call.reply, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < waiting->outs_count; i++) {
        jpx_bytes value;
        if (value_of(session, &waiting->outs[i], &value, err) != JP_OK)
            return err->status;
        jpx_append_value(&outputs, waiting->outs[i].slot, value);
    }
    job->call.outputs = jpx_doc_take(&outputs, session->arena);
    return JP_OK;
}

static bool has_reply(const jpx_job *job)
{
    return job->journal.count > 1 && jpx_journal_last(&job->journal)->kind == JPX_ENTRY_REPLIED;
}

jp_status jpx_bodies_start(jpx_worker *w, jpx_job **jobs, size_t count, jp_error *err)
{
    jpx_session *session = &w->role.session;
    jpx_pipeline **pipelines = jpx_alloc_array(session->arena, count + 1, sizeof *pipelines);
    jpx_bytes *args = jpx_alloc_array(session->arena, count + 1, sizeof *args);

    for (size_t i = 0; i < count; i++)
        pipelines[i] = (jpx_pipeline *)jobs[i]->pipeline;
    if (count && jpx_load_args(session, pipelines, count, args, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++)
        if (has_reply(jobs[i]) && reply_of(session, jobs[i], err) != JP_OK) {
            if (err->status != JP_E_DAMAGED)
                return err->status;
            args[i] = (jpx_bytes){NULL, 0}; /* the failure of this pipeline, not of those begun with it */
        }
    if (count && jpx_mark_beginnings(w, jobs, count, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        jpx_job *job = jobs[i];
        jp_error wrong;
        job->call.args = args[i];
        jpx_random(session->env, job->secret, sizeof job->secret);
        if (!args[i].data) {
            jpx_job_ended(w, job, JPX_END_WRONG, "damaged",
                          "its reply, or a value among its arguments, is missing from the store");
        } else if (jpx_args_check(job->pipe, args[i], &wrong) != JP_OK) {
            jpx_job_ended(
                w, job, JPX_END_WRONG, "program",
                jpx_format(job->memory->arena, "%s, %s: %s", job->pipeline->pipe, jpx_job_place(job), wrong.text));
        } else {
            jpx_job_submit(w, job, has_reply(job) ? JPX_CALL_REPLY : JPX_CALL_RUN);
        }
    }
    return JP_OK;
}
