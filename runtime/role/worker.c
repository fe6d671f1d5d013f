/* worker.c -- the worker role: takes run events, feeds bodies to the executor, has their outcomes committed in groups.
 *
 * One loop, one thread: whatever has ended is committed together while other bodies go on, so that with one event in
 * hand it does the same with a batch of one. Held events are kept alive by beats. An outcome that cannot be committed
 * because store or broker are away is kept and committed again; no new work is taken meanwhile. */
#include "role/worker.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUCKETS = 1024, BACKOFF_MAX_MS = 2000, NAK_MS = 1000, RUNNING_MAX = 64 };

typedef struct worker {
    jpx_role role;
    jpx_executor *executor;
    jpx_sub *subs[JPX_QUEUES_MAX];
    size_t subs_count, next_sub, limit;
    jpx_job *buckets[BUCKETS], *same[BUCKETS]; /* held jobs by number, by key */
    size_t held;
    uint64_t numbers;
    int64_t beat_ms;
    /* outcomes that wait to be committed */
    jpx_arena *harvest;
    jpx_outcome outcomes[JPX_BATCH_MAX];
    jpx_ended ended[JPX_BATCH_MAX];
    size_t ended_count;
    bool retry;
    int64_t backoff_ms, retry_at_ms;
} worker;

/* ---- jobs ---- */

static jpx_job **same_bucket(worker *w, const jpx_job *job)
{
    return &w->same[jpx_hash(job->event.key.b, JPX_PIPELINE_SIZE) % BUCKETS];
}

/* Is the same event at work here already? Then this one comes again later and finds the entry. */
static bool at_work(worker *w, const jpx_job *job)
{
    for (jpx_job *other = *same_bucket(w, job); other; other = other->next_same)
        if (jpx_key_equal(&other->event.key, &job->event.key) && other->event.finish == job->event.finish)
            return true;
    return false;
}

static void hold(worker *w, jpx_job *job)
{
    jpx_job **bucket = same_bucket(w, job);
    job->next_same = *bucket;
    *bucket = job;
    job->number = ++w->numbers;
    job->next = w->buckets[job->number % BUCKETS];
    w->buckets[job->number % BUCKETS] = job;
    w->held++;
}

static jpx_job *find(worker *w, uint64_t number)
{
    jpx_job *job = w->buckets[number % BUCKETS];
    while (job && job->number != number)
        job = job->next;
    return job;
}

static void let_go(worker *w, jpx_job *job)
{
    jpx_job **at = &w->buckets[job->number % BUCKETS];
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    for (at = same_bucket(w, job); *at != job;)
        at = &(*at)->next_same;
    *at = job->next_same;
    w->held--;
    jpx_intake *intake = job->intake; /* the job itself lives in its arena */
    if (--intake->jobs == 0) {
        jpx_arena_free(intake->arena);
        free(intake);
    }
}

static void settle_job(worker *w, jpx_job *job, bool nak, int64_t delay_ms)
{
    if (nak)
        jpx_sub_nak(job->sub, job->delivery, delay_ms);
    else
        jpx_sub_ack(job->sub, &job->delivery, 1);
    let_go(w, job);
}

static void beat(worker *w)
{
    int64_t now = jpx_now(w->role.desk.env);
    if (now - w->beat_ms < jpx_ack_wait_ms() * 4 / 15) /* 8 s of 30 */
        return;
    w->beat_ms = now;
    for (size_t b = 0; b < BUCKETS; b++)
        for (jpx_job *job = w->buckets[b]; job; job = job->next)
            jpx_sub_beat(job->sub, &job->delivery, 1);
}

/* ---- from an event to an attempt ---- */

static void mark(worker *w, const jpx_job *job, bool begins, jpx_record *out)
{
    jpx_mark entry = {.key = job->event.key,
                      .step = job->event.step,
                      .since_ms = jpx_now(w->role.desk.env),
                      .begins = begins,
                      .worker = w->role.parts.worker ? w->role.parts.worker : "worker"};
    uint8_t tail[8];
    jpx_random(w->role.desk.env, tail, sizeof tail);
    *out = jpx_mark_encode(&entry, tail, w->role.desk.arena);
}

static void ended_at_once(worker *w, jpx_job *job, jpx_end end, const char *class_, const char *reason)
{
    jpx_ended *ended = &w->ended[w->ended_count++];
    *ended = (jpx_ended){.job = job};
    ended->outcome = (jpx_outcome){.end = end, .retry_in_ms = -1, .class_ = class_, .reason = reason};
}

/* Was it told before? Then a body may have begun for it and taken its worker down. */
static bool comes_again(const jpx_job *job)
{
    return job->delivery->deliveries > 1 || job->event.again;
}

/* Five beginnings without an ending: all but the first have left a mark that says so. Marks that only say that a body
 * may have begun do not count: the store may have failed before it did. */
static bool out_of_beginnings(worker *w, const jpx_job *job, jp_error *err)
{
    uint8_t lo[JPX_MARK_SIZE], hi[JPX_MARK_SIZE];
    static const uint8_t first[8] = {0}, last[8] = {255, 255, 255, 255, 255, 255, 255, 255};
    jpx_records found = {0};
    int begun = 0;

    jpx_tail_id(lo, &job->event.key, job->event.step, first);
    jpx_tail_id(hi, &job->event.key, job->event.step, last);
    if (jpx_store_scan(w->role.desk.store, JPX_MARK, jpx_id(lo, sizeof lo), jpx_id(hi, sizeof hi), JPX_SCAN_CHUNK,
                       false, w->role.desk.arena, &found, err) != JP_OK)
        return false;
    for (size_t i = 0; i < found.count; i++) {
        jpx_mark mark;
        begun += jpx_mark_decode(found.items[i], w->role.desk.arena, &mark) && mark.begins;
    }
    return begun >= JPX_DELIVERIES_MAX - 1;
}

static void submit(worker *w, jpx_job *job, jpx_call call)
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

static jp_status outputs_of(worker *w, jpx_job *job, jpx_bytes *out, jp_error *err)
{
    jpx_desk *desk = &w->role.desk;
    size_t count = job->pipe->fills_count + 1;
    jpx_slot *slots = jpx_alloc_array(desk->arena, count, sizeof *slots);
    bson_t doc = BSON_INITIALIZER;

    slots[0] = (jpx_slot){.key = job->event.key, .name = "default", .ended = true};
    for (size_t i = 1; i < count; i++)
        slots[i] = (jpx_slot){.key = job->event.key, .name = job->pipe->fills[i - 1].name, .ended = true};
    if (jpx_load_slots(desk, slots, count, true, err) != JP_OK) {
        bson_destroy(&doc);
        return err->status;
    }
    for (size_t i = 0; i < count; i++)
        if (slots[i].filled)
            jpx_append_value(&doc, slots[i].name, slots[i].value);
    *out = jpx_doc_take(&doc, desk->arena);
    return JP_OK;
}

/* A finish event: is the end decided, and which hooks are to be called? False: nothing to do. */
static jp_status prepare_finish(worker *w, jpx_job *job, const jpx_root *root, bool *wanted, jp_error *err)
{
    jpx_desk *desk = &w->role.desk;
    const jpx_entry *planned = jpx_journal_find(&job->journal, JPX_PLANNED);
    const jpx_entry *last = jpx_journal_last(&job->journal);

    *wanted = false;
    job->journal.pipeline = job->pipeline;
    if (!last)
        return JP_OK;
    job->aborted = last->kind == JPX_ABORTED || last->kind == JPX_FAILED;
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
        if (jpx_store_get(desk->store, JPX_BARRIER, &ids, 1, desk->arena, &record, err) != JP_OK)
            return err->status;
        if (!record.doc.data || !jpx_barrier_decode(record.doc, &counter) || (!counter.aborted && counter.left))
            return JP_OK;
        job->aborted = counter.aborted;
    }
    *wanted = jpx_journal_wants_finish(&job->journal, job->aborted);
    if (!*wanted || !job->pipe)
        return JP_OK;
    jpx_pipeline *pipeline = (jpx_pipeline *)job->pipeline;
    if (jpx_load_args(desk, &pipeline, 1, &job->call.args, err) != JP_OK)
        return err->status;
    return job->pipe->def.on_finished ? outputs_of(w, job, &job->call.outputs, err) : JP_OK;
}

typedef struct batch {
    jpx_job **jobs;
    size_t count;
    bool *done; /* handled: to be acked after the flush */
} batch;

/* Pipes with the finishing hook leave their mark before the abort flag is looked at for the last time (PROTOCOL 9): the
 * walker reads the mark after the flag, and so finds every body that may have begun. One that does not begin because of
 * the flag leaves no mark, or takes it back. */
static jp_status mark_hooked(worker *w, batch *b, jpx_root **roots, jp_error *err)
{
    jpx_desk *desk = &w->role.desk;
    jpx_record *marks = jpx_alloc_array(desk->arena, b->count + 1, sizeof *marks);
    jpx_root_id *ids = jpx_alloc_array(desk->arena, b->count + 1, sizeof *ids);
    jpx_root **again = jpx_alloc_array(desk->arena, b->count + 1, sizeof *again);
    jpx_bytes *taken_back = jpx_alloc_array(desk->arena, b->count + 1, sizeof *taken_back);
    size_t *whose = jpx_alloc_array(desk->arena, b->count + 1, sizeof *whose);
    size_t count = 0, taken_count = 0;

    for (size_t i = 0; i < b->count; i++) {
        jpx_job *job = b->jobs[i];
        if (!job->pipeline || job->event.finish || !job->pipeline->hook || job->journal.count != job->event.step ||
            !roots[i] || roots[i]->aborting || jpx_root_final(roots[i]))
            continue;
        whose[count] = i;
        ids[count] = jpx_key_root_id(&job->event.key);
        mark(w, job, false, &marks[count++]);
        job->marked = true;
    }
    if (!count)
        return JP_OK;
    if (jpx_store_insert(desk->store, JPX_MARK, marks, count, NULL, err) != JP_OK ||
        jpx_load_roots(desk, ids, count, again, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < count; i++) {
        roots[whose[i]] = again[i];
        if (again[i] && !again[i]->aborting && !jpx_root_final(again[i]))
            continue;
        b->jobs[whose[i]]->marked = false;
        taken_back[taken_count++] = marks[i].id;
    }
    return taken_count ? jpx_store_remove(desk->store, JPX_MARK, taken_back, taken_count, err) : JP_OK;
}

static jp_status load_batch(worker *w, batch *b, jpx_root ***roots, jp_error *err)
{
    jpx_desk *desk = &w->role.desk;
    jpx_key *keys = jpx_alloc_array(desk->arena, b->count + 1, sizeof *keys);
    uint32_t *upto = jpx_alloc_array(desk->arena, b->count + 1, sizeof *upto);
    jpx_root_id *ids = jpx_alloc_array(desk->arena, b->count + 1, sizeof *ids);
    jpx_pipeline **pipelines = jpx_alloc_array(desk->arena, b->count + 1, sizeof *pipelines);
    jpx_journal *journals = jpx_alloc_array(desk->arena, b->count + 1, sizeof *journals);

    for (size_t i = 0; i < b->count; i++) {
        keys[i] = b->jobs[i]->event.key;
        upto[i] = b->jobs[i]->event.finish ? UINT32_MAX : b->jobs[i]->event.step;
        ids[i] = jpx_key_root_id(&keys[i]);
    }
    if (jpx_load_pipelines(desk, keys, b->count, pipelines, err) != JP_OK ||
        jpx_load_entries(desk, keys, upto, b->count, journals, err) != JP_OK)
        return err->status;
    *roots = jpx_alloc_array(desk->arena, b->count + 1, sizeof **roots);
    if (jpx_load_roots(desk, ids, b->count, *roots, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < b->count; i++) {
        jpx_job *job = b->jobs[i];
        job->pipeline = pipelines[i];
        job->journal = journals[i];
        job->journal.pipeline = pipelines[i];
    }
    return mark_hooked(w, b, *roots, err);
}

/* Where to look for what is wrong with this call: its yield, or the definition when a trigger started it. */
static const char *place_of(const jpx_job *job)
{
    return job->pipeline->at ? job->pipeline->at : job->pipe ? job->pipe->def.at : "started by a trigger";
}

static const char *wait_text(jpx_desk *desk, const jpx_entry *waiting)
{
    return jpx_format(desk->arena, "no reply within %s", jpx_span_text(desk->arena, waiting->due_ms - waiting->at_ms));
}

/* Decides about one job. *run: its body is to be run once its arguments are there. */
static jp_status classify(worker *w, jpx_job *job, const jpx_root *root, jpx_outbox *box, bool *run, bool *keep,
                          jp_error *err)
{
    jpx_desk *desk = &w->role.desk;
    const jpx_entry *before;

    *run = *keep = false;
    if (!job->pipeline || !root)
        return JP_OK; /* cleaned up: late events are dropped quietly */
    job->pipe = jpx_registry_find(w->role.parts.registry, job->pipeline->pipe);
    if (job->event.finish) {
        const jpx_entry *finished = jpx_journal_find(&job->journal, JPX_FINISHED);
        if (finished)
            return jpx_follow(desk, box, job->pipeline, finished, NULL, true, err);
        if (prepare_finish(w, job, root, keep, err) != JP_OK)
            return err->status;
        job->event.step = job->journal.count;
        return JP_OK;
    }
    switch (jpx_journal_next(&job->journal, job->event.step, job->event.due)) {
    case JPX_NEXT_NOTHING:
        return JP_OK;
    case JPX_NEXT_FOLLOW:
        return jpx_follow(desk, box, job->pipeline, &job->journal.entries[job->event.step], NULL, true, err);
    case JPX_NEXT_COMPLETE:
        job->attempt = jpx_journal_attempt(&job->journal);
        job->completing = *keep = !root->aborting;
        if (*keep)
            ended_at_once(w, job, JPX_END_RETURN, NULL, NULL);
        return JP_OK;
    case JPX_NEXT_TIMEOUT:
        before = jpx_journal_last(&job->journal);
        job->attempt = jpx_journal_attempt(&job->journal);
        *keep = true;
        if (root->aborting)
            *keep = false;
        else
            ended_at_once(w, job, JPX_END_RETRY, "timeout", wait_text(desk, before));
        return JP_OK;
    case JPX_NEXT_BODY:
    case JPX_NEXT_REPLY:
        job->attempt = jpx_journal_attempt(&job->journal);
        if (root->aborting || jpx_root_final(root))
            return JP_OK; /* the walker gives it its end */
        *keep = true;
        if (!job->pipe)
            ended_at_once(w, job, JPX_END_WRONG, "program",
                          jpx_format(desk->arena,
                                     "%s, %s: it is not registered in the program that runs queue %s: add it to the "
                                     "list given to jp_main",
                                     job->pipeline->pipe, place_of(job), job->pipeline->queue));
        else if (job->pipeline->promised)
            ended_at_once(w, job, JPX_END_WAIT, NULL, NULL);
        else if (comes_again(job) && out_of_beginnings(w, job, err))
            ended_at_once(w, job, JPX_END_RETRY, "crash", "begun five times without an ending: taken for a crash");
        else
            *run = true;
        return JP_OK;
    }
    return JP_OK;
}

static jp_status run_finish(worker *w, jpx_job *job)
{
    if (!job->pipe || (!job->pipe->def.on_finished && !job->pipe->def.on_cancel)) {
        ended_at_once(w, job, JPX_END_RETURN, NULL, NULL);
        return JP_OK;
    }
    job->attempt = jpx_journal_attempt(&job->journal);
    const jpx_entry *last = jpx_journal_last(&job->journal);
    bool waited = job->journal.count >= 2 && last->kind == JPX_ABORTED &&
                  job->journal.entries[job->journal.count - 2].kind == JPX_WAITING;
    job->cancelling = job->aborted && waited && job->pipe->def.on_cancel;
    if (!job->cancelling && !job->pipe->def.on_finished)
        ended_at_once(w, job, JPX_END_RETURN, NULL, NULL);
    else
        submit(w, job, job->cancelling ? JPX_CALL_CANCEL : JPX_CALL_FINISHED);
    return JP_OK;
}

static jp_status value_of(jpx_desk *desk, const jpx_out *out, jpx_bytes *value, jp_error *err)
{
    if (out->large)
        return jpx_load_value(desk, out->large_id, value, err);
    *value = out->value;
    return JP_OK;
}

/* on_reply gets the reply, and knows the outputs that were filled before the wait. */
static jp_status reply_of(jpx_desk *desk, jpx_job *job, jp_error *err)
{
    const jpx_entry *waiting = &job->journal.entries[job->journal.count - 2];
    bson_t outputs = BSON_INITIALIZER;

    if (value_of(desk, &jpx_journal_last(&job->journal)->reply, &job->call.reply, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < waiting->outs_count; i++) {
        jpx_bytes value;
        if (value_of(desk, &waiting->outs[i], &value, err) != JP_OK)
            return err->status;
        jpx_append_value(&outputs, waiting->outs[i].slot, value);
    }
    job->call.outputs = jpx_doc_take(&outputs, desk->arena);
    return JP_OK;
}

/* Events that come again leave a mark before their body, so that beginnings without an ending can be counted: as the
 * last thing before it, for what was put off before that has not begun. */
static jp_status mark_beginnings(worker *w, jpx_job **jobs, size_t count, jp_error *err)
{
    jpx_record *marks = jpx_alloc_array(w->role.desk.arena, count + 1, sizeof *marks);
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        if (comes_again(jobs[i])) {
            mark(w, jobs[i], true, &marks[n++]);
            jobs[i]->marked = true;
        }
    return n ? jpx_store_insert(w->role.desk.store, JPX_MARK, marks, n, NULL, err) : JP_OK;
}

static jp_status start_bodies(worker *w, jpx_job **jobs, size_t count, jp_error *err)
{
    jpx_desk *desk = &w->role.desk;
    jpx_pipeline **pipelines = jpx_alloc_array(desk->arena, count + 1, sizeof *pipelines);
    jpx_bytes *args = jpx_alloc_array(desk->arena, count + 1, sizeof *args);

    for (size_t i = 0; i < count; i++)
        pipelines[i] = (jpx_pipeline *)jobs[i]->pipeline;
    if (count &&
        (jpx_load_args(desk, pipelines, count, args, err) != JP_OK || mark_beginnings(w, jobs, count, err) != JP_OK))
        return err->status;
    for (size_t i = 0; i < count; i++) {
        jpx_job *job = jobs[i];
        jp_error wrong;
        job->call.args = args[i];
        jpx_random(desk->env, job->secret, sizeof job->secret);
        if (!args[i].data) {
            ended_at_once(w, job, JPX_END_WRONG, "damaged", "a value among its arguments is missing from the store");
        } else if (jpx_args_check(job->pipe, args[i], &wrong) != JP_OK) {
            ended_at_once(w, job, JPX_END_WRONG, "program",
                          jpx_format(job->intake->arena, "%s, %s: %s", job->pipeline->pipe, place_of(job), wrong.text));
        } else {
            bool reply = job->journal.count > 1 && jpx_journal_last(&job->journal)->kind == JPX_REPLIED;
            if (reply && reply_of(desk, job, err) != JP_OK)
                return err->status;
            submit(w, job, reply ? JPX_CALL_REPLY : JPX_CALL_RUN);
        }
    }
    return JP_OK;
}

static jp_status handle_batch(worker *w, batch *b, jp_error *err)
{
    jpx_outbox box = jpx_outbox_new(&w->role.desk);
    jpx_job **bodies = jpx_alloc_array(w->role.desk.arena, b->count + 1, sizeof *bodies);
    jpx_job **finishes = jpx_alloc_array(w->role.desk.arena, b->count + 1, sizeof *finishes);
    size_t bodies_count = 0, finishes_count = 0;
    jpx_root **roots = NULL;

    if (load_batch(w, b, &roots, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < b->count; i++) {
        bool run, keep;
        if (classify(w, b->jobs[i], roots[i], &box, &run, &keep, err) != JP_OK)
            return err->status;
        b->done[i] = !keep;
        if (run)
            bodies[bodies_count++] = b->jobs[i];
        else if (keep && b->jobs[i]->event.finish)
            finishes[finishes_count++] = b->jobs[i];
    }
    if (jpx_outbox_flush(&box, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < finishes_count; i++)
        run_finish(w, finishes[i]);
    return start_bodies(w, bodies, bodies_count, err);
}

static void take(worker *w, jpx_sub *sub, jpx_delivery **deliveries, size_t count)
{
    jpx_desk *desk = &w->role.desk;
    jpx_intake *intake = calloc(1, sizeof *intake);
    jpx_arena *before = desk->arena;
    jp_error err = {0};
    batch b = {0};

    JPX_ASSERT(intake != NULL);
    intake->arena = desk->arena = jpx_arena_new();
    b.jobs = jpx_alloc_array(desk->arena, count, sizeof *b.jobs);
    b.done = jpx_alloc_array(desk->arena, count, sizeof *b.done);
    for (size_t i = 0; i < count; i++) {
        jpx_job *job = jpx_alloc(desk->arena, sizeof *job);
        *job = (jpx_job){.intake = intake, .sub = sub, .delivery = deliveries[i]};
        if (!jpx_run_event_decode(deliveries[i]->data, desk->arena, &job->event)) {
            if (jpx_dead_letter(desk, deliveries[i], "run", "not a run event", &err) == JP_OK)
                jpx_sub_ack(sub, &deliveries[i], 1);
            else
                jpx_sub_nak(sub, deliveries[i], NAK_MS);
            continue;
        }
        if (at_work(w, job)) {
            jpx_sub_nak(sub, deliveries[i], NAK_MS);
            continue;
        }
        hold(w, job);
        intake->jobs++;
        b.jobs[b.count++] = job;
    }
    intake->jobs++; /* ours, until all are handled */
    if (b.count && handle_batch(w, &b, &err) != JP_OK) {
        jpx_log(desk->env, JPX_WARN, "events put off", "count=%zu error=%s", b.count,
                jpx_json_text(desk->arena, err.text));
        for (size_t i = 0; i < b.count; i++) /* those at work go on; the others come again */
            if (!b.jobs[i]->submitted) {
                for (size_t e = 0; e < w->ended_count; e++)
                    if (w->ended[e].job == b.jobs[i])
                        w->ended[e] = w->ended[--w->ended_count];
                settle_job(w, b.jobs[i], true, NAK_MS);
            }
    } else {
        for (size_t i = 0; i < b.count; i++)
            if (b.done[i])
                settle_job(w, b.jobs[i], false, 0);
    }
    desk->arena = before;
    if (--intake->jobs == 0) {
        jpx_arena_free(intake->arena);
        free(intake);
    }
}

/* ---- outcomes ---- */

static void harvest(worker *w, int64_t wait_ms)
{
    size_t room = JPX_BATCH_MAX - w->ended_count;

    if (!w->ended_count) /* nothing in it is referenced */
        jpx_arena_reset(w->harvest);
    if (!room)
        return;
    size_t count = jpx_executor_poll(w->executor, w->harvest, w->outcomes, room, wait_ms);
    for (size_t i = 0; i < count; i++) {
        jpx_job *job = find(w, w->outcomes[i].number_in_worker);
        if (!job)
            continue;
        job->submitted = false;
        if (jpx_executor_broken(w->executor)) { /* no attempt: its process could not be had any more */
            settle_job(w, job, true, NAK_MS);
            continue;
        }
        w->ended[w->ended_count++] = (jpx_ended){job, w->outcomes[i]};
    }
}

/* Hooks: on_finished after on_cancel. An on_cancel that failed is called again later, as on_finished is. */
static bool goes_on(worker *w, const jpx_ended *ended)
{
    jpx_job *job = ended->job;

    if (!job->event.finish || !job->cancelling)
        return false;
    if (jpx_hook_again(ended))
        return false;
    job->cancelling = false;
    if (!job->pipe->def.on_finished)
        return false;
    if (ended->outcome.end != JPX_END_RETURN)
        jpx_hook_tell(&w->role.desk, ended); /* its entry will be that of on_finished */
    submit(w, job, JPX_CALL_FINISHED);
    return true;
}

static bool commit(worker *w)
{
    jpx_desk *desk = &w->role.desk;
    bool nak[JPX_BATCH_MAX] = {false};
    jp_error err = {0};
    size_t kept = 0;

    for (size_t i = 0; i < w->ended_count; i++)
        if (!goes_on(w, &w->ended[i]))
            w->ended[kept++] = w->ended[i];
    w->ended_count = kept;
    if (!kept)
        return true;
    jpx_arena_reset(desk->arena);
    if (jpx_commit(desk, w->ended, w->ended_count, w->retry, nak, &err) != JP_OK) {
        w->retry = true;
        w->backoff_ms = w->backoff_ms ? w->backoff_ms * 2 : 50;
        if (w->backoff_ms > BACKOFF_MAX_MS)
            w->backoff_ms = BACKOFF_MAX_MS;
        w->retry_at_ms = jpx_now(desk->env) + w->backoff_ms;
        jpx_log(desk->env, JPX_WARN, "results kept", "count=%zu again_in_ms=%lld error=%s", w->ended_count,
                (long long)w->backoff_ms, jpx_json_text(desk->arena, err.text));
        return false;
    }
    for (size_t i = 0; i < w->ended_count; i++) {
        uint32_t deliveries = w->ended[i].job->delivery->deliveries;
        settle_job(w, w->ended[i].job, nak[i], (int64_t)NAK_MS << (deliveries < 6 ? deliveries - 1 : 6));
    }
    w->ended_count = 0;
    w->retry = false;
    w->backoff_ms = 0;
    jpx_arena_reset(w->harvest);
    return true;
}

/* Bodies at work for more than 100 ms are shown as running. Outside the critical path: failures do not matter. */
static void mark_long(worker *w)
{
    jpx_desk *desk = &w->role.desk;
    jpx_running running[RUNNING_MAX];
    jpx_record marks[RUNNING_MAX];
    size_t count = jpx_executor_running(w->executor, running, RUNNING_MAX), n = 0;
    jpx_outbox box = jpx_outbox_new(desk);
    jp_error ignored;

    for (size_t i = 0; i < count; i++) {
        jpx_job *job = find(w, running[i].number_in_worker);
        if (!job || job->marked || !running[i].since_ms || job->event.finish ||
            jpx_now(desk->env) - running[i].since_ms < JPX_MARK_MS)
            continue;
        job->marked = true;
        mark(w, job, false, &marks[n++]);
        jpx_change change = {
            .what = "running", .key = job->event.key, .pipe = job->pipeline->pipe, .attempt = job->attempt};
        jpx_outbox_change(&box, &change);
    }
    if (n && jpx_store_insert(desk->store, JPX_MARK, marks, n, NULL, &ignored) == JP_OK)
        jpx_outbox_flush(&box, &ignored);
}

/* ---- the loop ---- */

static void wait_for_something(worker *w, int64_t wait_ms)
{
    struct pollfd fds[JPX_QUEUES_MAX + 1];
    nfds_t count = 0;
    bool room = !w->role.draining && jpx_executor_room(w->executor) > 0;

    if (jpx_executor_fd(w->executor) >= 0)
        fds[count++] = (struct pollfd){.fd = jpx_executor_fd(w->executor), .events = POLLIN};
    for (size_t i = 0; room && i < w->subs_count; i++)
        if (jpx_sub_fd(w->subs[i]) >= 0)
            fds[count++] = (struct pollfd){.fd = jpx_sub_fd(w->subs[i]), .events = POLLIN};
    if (jpx_executor_pending(w->executor) && wait_ms > JPX_MARK_MS / 2)
        wait_ms = JPX_MARK_MS / 2;
    if (wait_ms > 0)
        poll(fds, count, (int)wait_ms);
}

/* As much as the bodies will take soon, so that work that would wait here goes to another worker. */
static void limit_subs(worker *w)
{
    size_t wanted = w->held + jpx_executor_room(w->executor);

    if (wanted > 2 * w->role.options.batch)
        wanted = 2 * w->role.options.batch;
    if (!wanted)
        wanted = 1;
    if (wanted == w->limit)
        return;
    w->limit = wanted;
    for (size_t i = 0; i < w->subs_count; i++)
        jpx_sub_limit(w->subs[i], wanted);
}

static size_t fetch(worker *w)
{
    size_t taken = 0;

    limit_subs(w);
    for (size_t i = 0; i < w->subs_count; i++) {
        jpx_delivery *deliveries[JPX_BATCH_MAX];
        jpx_sub *sub = w->subs[w->next_sub++ % w->subs_count];
        size_t room = jpx_executor_room(w->executor);
        size_t max = room < w->role.options.batch ? room : w->role.options.batch;
        if (w->ended_count + max > JPX_BATCH_MAX)
            max = JPX_BATCH_MAX - w->ended_count; /* an event may end at once */
        if (!max)
            break;
        size_t count = jpx_sub_fetch(sub, deliveries, max, 0);
        if (count)
            take(w, sub, deliveries, count);
        taken += count;
    }
    return taken;
}

static size_t worker_step(jpx_role *role, int64_t wait_ms)
{
    worker *w = (worker *)role;
    size_t did = 0;

    beat(w);
    if (jpx_executor_broken(w->executor) && !role->draining) {
        jpx_log(role->desk.env, JPX_ERROR, "no more bodies can be run",
                "cause=\"the process that forks them is gone\" mend=\"this worker ends; start another\"");
        role->draining = true;
        kill(getpid(), SIGTERM);
    }
    if (w->retry) {
        int64_t left = w->retry_at_ms - jpx_now(role->desk.env);
        if (left > 0) {
            if (wait_ms > 0)
                poll(NULL, 0, (int)(left < wait_ms ? left : wait_ms));
            return 0;
        }
        return commit(w) ? 1 : 0;
    }
    if (!role->draining)
        did += fetch(w);
    harvest(w, 0);
    if (!did && !w->ended_count) {
        wait_for_something(w, wait_ms);
        if (!role->draining)
            did += fetch(w);
        harvest(w, 0);
    }
    did += w->ended_count;
    if (w->ended_count)
        commit(w);
    jpx_arena_reset(role->desk.arena);
    if (jpx_executor_pending(w->executor))
        mark_long(w);
    return did;
}

static bool worker_drain(jpx_role *role)
{
    return ((worker *)role)->held == 0;
}

static int64_t worker_next(jpx_role *role)
{
    return ((worker *)role)->retry ? ((worker *)role)->retry_at_ms : INT64_MAX;
}

static void worker_close(jpx_role *role)
{
    worker *w = (worker *)role;

    jpx_executor_close(w->executor);
    for (size_t b = 0; b < BUCKETS; b++)
        while (w->buckets[b])
            settle_job(w, w->buckets[b], true, 0);
    for (size_t i = 0; i < w->subs_count; i++)
        jpx_sub_close(w->subs[i]);
    jpx_arena_free(w->harvest);
    free(w);
}

jp_status jpx_worker_open(jpx_role **role, jp_error *err)
{
    worker *w = calloc(1, sizeof *w);
    JPX_ASSERT(w != NULL);
    w->role = **role;
    w->role.step = worker_step;
    w->role.drain = worker_drain;
    w->role.next_ms = worker_next;
    w->role.close = worker_close;
    w->harvest = jpx_arena_new();

    size_t count;
    const char *const *queues = jpx_role_queues(w->role.parts.registry, w->harvest, &count);
    jpx_forked_options forked = {.processes = w->role.options.processes, .memory_bytes = w->role.options.memory_bytes};
    jp_status status = w->role.parts.zygote
                           ? jpx_executor_forked(&w->executor, w->role.parts.zygote, &forked, w->role.parts.env, err)
                           : jpx_executor_inline(&w->executor, w->role.parts.registry, w->role.parts.env, err);
    if (count > JPX_QUEUES_MAX)
        status = jpx_fail(err, JP_E_INVALID,
                          "%zu queues among the registered pipes, the limit is %d: give more pipes the same .queue, or "
                          "register them in several programs",
                          count, JPX_QUEUES_MAX);
    for (size_t i = 0; i < count && status == JP_OK; i++)
        if ((status = jpx_bus_subscribe(&w->subs[i], w->role.parts.bus, JPX_RUN, queues[i], w->role.options.processes,
                                        err)) == JP_OK)
            w->subs_count++;
    if (status != JP_OK) {
        jpx_executor_close(w->executor);
        for (size_t i = 0; i < w->subs_count; i++)
            jpx_sub_close(w->subs[i]);
        jpx_arena_free(w->harvest);
        free(w);
        return status;
    }
    *role = &w->role;
    return JP_OK;
}
