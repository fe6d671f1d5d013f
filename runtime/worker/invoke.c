/* invoke.c -- calls the body or the hooks of a job whose records are loaded: arguments, reply, outputs.
 *
 * What cannot be called, because an argument is damaged or of the wrong type, ends at once, with an outcome like that
 * of a body. Reading what the call needs waits for the store; the call itself waits in the executor only. All but
 * jpx_job_submit run while jpx_worker_take handles their batch: what they allocate lives as long as the job. */
#include "worker/worker.h"
#include <string.h>

void jpx_job_end(jpx_worker *w, jpx_job *job, jpx_end end, const char *class_, const char *reason)
{
    jpx_job_set(job, JPX_JOB_ENDED);
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
    job->call.timeout_ms = 0; /* hooks have none: they are not attempts */
    if (call == JPX_CALL_RUN || call == JPX_CALL_REPLY)
        job->call.timeout_ms = jpx_timeout_ms(job->pipeline, job->pipe);
    job->call.aborted = job->aborted;
    memcpy(job->call.secret, job->secret, sizeof job->secret);
    jpx_job_set(job, JPX_JOB_SUBMITTED);
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

/* Is the end of this pipeline decided, and is it an abort? The counter of its generation decides, or the root record
 * for a root pipeline, or its last entry. */
static jp_status end_of(jpx_worker *w, const jpx_job *job, const jpx_root *root, bool *decided, bool *aborted,
                        jp_error *err)
{
    jpx_session *session = &w->role.session;
    const jpx_entry *planned = jpx_journal_find(&job->journal, JPX_ENTRY_PLANNED);
    const jpx_entry *last = jpx_journal_last(&job->journal);
    uint8_t id[JPX_BARRIER_SIZE];
    jpx_bytes ids = {id, sizeof id};
    jpx_record record;
    jpx_barrier counter;

    *decided = last != NULL;
    *aborted = last && (last->kind == JPX_ENTRY_ABORTED || last->kind == JPX_ENTRY_FAILED);
    if (!last)
        return JP_OK;
    if (jpx_key_is_root(&job->event.key)) {
        *decided = root->aborting || root->decided;
        *aborted = root->aborting;
    } else if (planned) {
        const jpx_key finish = jpx_finish_key(jpx_key_root_id(&job->event.key), planned->gen);
        jpx_barrier_id(id, &finish, JPX_TOP_PART);
        if (jpx_store_get(session->store, JPX_TABLE_BARRIER, &ids, 1, session->arena, &record, err) != JP_OK)
            return err->status;
        *decided =
            record.doc.data && jpx_barrier_decode(record.doc, &counter) && (counter.aborted || counter.left == 0);
        *aborted = *decided && counter.aborted;
    }
    return JP_OK;
}

jp_status jpx_finish_prepare(jpx_worker *w, jpx_job *job, const jpx_root *root, jp_error *err)
{
    jpx_session *session = &w->role.session;
    bool decided;

    if (end_of(w, job, root, &decided, &job->aborted, err) != JP_OK)
        return err->status;
    if (!decided || !jpx_journal_wants_finish(&job->journal, job->aborted)) {
        jpx_job_set(job, JPX_JOB_DONE);
        return JP_OK;
    }
    if (!job->pipe)
        return JP_OK;
    jpx_pipeline *pipeline = (jpx_pipeline *)job->pipeline;
    if (jpx_load_args(session, &pipeline, 1, &job->call.args, err) != JP_OK)
        return err->status;
    return job->pipe->def.on_finished ? outputs_of(w, job, &job->call.outputs, err) : JP_OK;
}

void jpx_finish_run(jpx_worker *w, jpx_job *job)
{
    const jpx_entry *last = jpx_journal_last(&job->journal);
    bool waited = job->journal.count >= 2 && last->kind == JPX_ENTRY_ABORTED &&
                  job->journal.entries[job->journal.count - 2].kind == JPX_ENTRY_WAITING;

    job->attempt = jpx_journal_attempt(&job->journal);
    if (job->pipe && job->pipe->def.on_cancel && job->aborted && waited)
        jpx_job_submit(w, job, JPX_CALL_CANCEL);
    else if (job->pipe && job->pipe->def.on_finished)
        jpx_job_submit(w, job, JPX_CALL_FINISHED);
    else
        jpx_job_end(w, job, JPX_END_RETURN, NULL, NULL);
}

const char *jpx_job_place(const jpx_job *job)
{
    return job->pipeline->at ? job->pipeline->at : job->pipe ? job->pipe->def.at : "started by a trigger";
}

static jp_status value_of(jpx_session *session, const jpx_out *out, jpx_bytes *value, jp_error *err)
{
    if (out->large)
        return jpx_load_value(session, out->large_id, value, err);
    *value = out->value;
    return JP_OK;
}

/* on_reply gets the reply and the outputs that were filled before the wait. */
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
    jpx_pipeline **pipelines = jpx_alloc_array(session->arena, count, sizeof *pipelines);
    jpx_bytes *args = jpx_alloc_array(session->arena, count, sizeof *args);

    for (size_t i = 0; i < count; i++)
        pipelines[i] = (jpx_pipeline *)jobs[i]->pipeline;
    if (count && jpx_load_args(session, pipelines, count, args, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++)
        if (has_reply(jobs[i]) && reply_of(session, jobs[i], err) != JP_OK) {
            if (err->status != JP_E_DAMAGED)
                return err->status;
            args[i] = (jpx_bytes){0}; /* fails this pipeline, not the others of the batch */
        }
    if (count && jpx_mark_starts(w, jobs, count, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        jpx_job *job = jobs[i];
        jp_error wrong;
        job->call.args = args[i];
        jpx_random(session->env, job->secret, sizeof job->secret);
        if (!args[i].data) {
            jpx_job_end(w, job, JPX_END_WRONG, "damaged",
                        "its reply, or a value among its arguments, is missing from the store");
        } else if (jpx_args_check(job->pipe, args[i], &wrong) != JP_OK) {
            jpx_job_end(w, job, JPX_END_WRONG, "program",
                        jpx_format(session->arena, "%s, %s: %s", job->pipeline->pipe, jpx_job_place(job), wrong.text));
        } else {
            jpx_job_submit(w, job, has_reply(job) ? JPX_CALL_REPLY : JPX_CALL_RUN);
        }
    }
    return JP_OK;
}
