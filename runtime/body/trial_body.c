/* trial_body.c -- jetpipe_test.h for one body: runs it, without engine or store, and shows what it ended with and what
 * it planned. Everything lives in the trial's arena. */
#include "body/context.h"
#include "body/trial.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct jp_plan {
    jpx_arena *arena;
    const char *pipe;
    jpx_outcome out;
};

void jpx_trial_misuse(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fputs("jetpipe_test: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    abort();
}

jp_trial *jp_trial_new(const jp_def *const *pipes)
{
    jpx_arena *arena = jpx_arena_new();
    jp_trial *trial = jpx_alloc(arena, sizeof *trial);
    jp_error err;

    trial->arena = arena;
    trial->attempt = 1;
    if (jpx_registry_new(&trial->registry, pipes, &err) != JP_OK)
        jpx_trial_misuse("%s", err.text);
    return trial;
}

void jp_trial_free(jp_trial *trial)
{
    if (!trial)
        return;
    if (trial->runs_free)
        trial->runs_free(trial->runs);
    jpx_registry_free(trial->registry);
    jpx_arena_free(trial->arena);
}

jp_value jp_trial_parse(jp_trial *trial, const char *text)
{
    const jpx_bytes json = {(const uint8_t *)text, strlen(text)};
    jpx_bytes value_doc;
    bson_iter_t iter;
    jp_value value;
    jp_error err;

    if (jpx_value_from_json(json, trial->arena, &value_doc, &err) != JP_OK)
        jpx_trial_misuse("jp_trial_parse: %s", err.text);
    JPX_ASSERT(bson_iter_init_from_data(&iter, value_doc.data, value_doc.size) && bson_iter_next(&iter) &&
               jpx_value_read(&iter, &value));
    return value;
}

void jp_trial_attempt(jp_trial *trial, int attempt)
{
    if (attempt < 1)
        jpx_trial_misuse("attempt %d: attempts are numbered from 1", attempt);
    trial->attempt = attempt;
}

const jpx_pipe *jpx_trial_pipe_named(jp_trial *trial, const char *name)
{
    const jpx_pipe *pipe = jpx_registry_find(trial->registry, name);
    if (!pipe)
        jpx_trial_misuse("%s is not in the list given to jp_trial_new", name);
    return pipe;
}

const jpx_pipe *jpx_trial_pipe(jp_trial *trial, const jp_def *def)
{
    return jpx_trial_pipe_named(trial, jpx_pipe_name(def));
}

jpx_bytes jpx_trial_args(jp_trial *trial, const jpx_pipe *pipe, size_t count, const jp_value *values)
{
    jpx_bytes args;
    jp_error err;
    if (jpx_args_from_values(pipe, count, values, trial->arena, &args, &err) != JP_OK)
        jpx_trial_misuse("%s", err.text);
    return args;
}

static jp_plan *run(jp_trial *trial, jpx_call call, const jp_value *reply, const jp_def *def, size_t count,
                    const jp_value *values)
{
    const jpx_pipe *pipe = jpx_trial_pipe(trial, def);
    jp_plan *plan = jpx_alloc(trial->arena, sizeof *plan);
    jpx_attempt *attempt =
        jpx_alloc(trial->arena, sizeof *attempt); /* outlives the body: what it hands out points into it */
    jp_error err;

    attempt->number_in_worker = ++trial->bodies;
    attempt->call = call;
    attempt->pipe = pipe->name;
    attempt->attempt = trial->attempt;
    jpx_put64(attempt->secret, trial->bodies); /* so that tickets differ from body to body */
    attempt->args = jpx_trial_args(trial, pipe, count, values);
    if (reply && jpx_value_from_value(*reply, trial->arena, &attempt->reply, &err) != JP_OK)
        jpx_trial_misuse("the reply: %s", err.text);
    plan->arena = trial->arena;
    plan->pipe = pipe->name;
    jpx_body_run(trial->registry, attempt, trial->arena, &plan->out);
    return plan;
}

jp_plan *jp_trial_body_v(jp_trial *trial, const jp_def *def, size_t count, const jp_value *values)
{
    return run(trial, JPX_CALL_RUN, NULL, def, count, values);
}

jp_plan *jp_trial_reply_v(jp_trial *trial, jp_value reply, const jp_def *def, size_t count, const jp_value *values)
{
    return run(trial, JPX_CALL_REPLY, &reply, def, count, values);
}

/* ---- how it ended ---- */

jp_ended jp_plan_ended(const jp_plan *plan)
{
    switch (plan->out.end) {
    case JPX_END_RETURN:
        return JP_ENDED_RETURN;
    case JPX_END_WAIT:
        return JP_ENDED_WAIT;
    case JPX_END_RETRY:
        return JP_ENDED_RETRY;
    case JPX_END_ABORT:
        return JP_ENDED_ABORT;
    case JPX_END_WRONG:
        break;
    }
    return JP_ENDED_WRONG;
}

const char *jp_plan_reason(const jp_plan *plan)
{
    return plan->out.reason ? plan->out.reason : "";
}

int64_t jp_plan_retry_ms(const jp_plan *plan)
{
    return plan->out.retry_in_ms;
}

const char *jp_plan_output(const jp_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->out.outputs_count; i++) {
        const jpx_output *output = &plan->out.outputs[i];
        if (strcmp(output->slot, name) != 0)
            continue;
        if (output->forwarded)
            return jpx_format(plan->arena, "{\"future\":%u,\"slot\":\"%s\"}", output->child, output->child_slot);
        return jpx_value_to_json(output->value, plan->arena);
    }
    return NULL;
}

/* ---- what it planned ---- */

size_t jp_plan_children(const jp_plan *plan)
{
    return plan->out.children_count;
}

static const jpx_child *child_at(const jp_plan *plan, size_t i)
{
    if (i >= plan->out.children_count)
        jpx_trial_misuse("%s planned %zu children, child %zu was asked for", plan->pipe, plan->out.children_count, i);
    return &plan->out.children[i];
}

const char *jp_plan_pipe(const jp_plan *plan, size_t i)
{
    return child_at(plan, i)->pipe;
}

const char *jp_plan_at(const jp_plan *plan, size_t i)
{
    return child_at(plan, i)->at;
}

static void write_future(jpx_writer *w, const char *key, uint32_t child, const char *slot)
{
    size_t begun = jpx_write_begin(w, BSON_TYPE_DOCUMENT, key);
    jpx_write_int64(w, "future", child);
    jpx_write_string(w, "slot", slot);
    jpx_write_end(w, begun);
}

/* Literal items and references of a list, each in its place. The references of one argument are sorted by place. */
static size_t write_list(jpx_writer *w, const char *key, const jpx_child *child, size_t ref, const bson_iter_t *list)
{
    char index[JPX_INDEX_TEXT];
    const uint32_t arg = child->refs[ref].arg;
    bson_iter_t literals;
    size_t at = 0, begun = jpx_write_begin(w, BSON_TYPE_ARRAY, key);
    bool more = bson_iter_recurse(list, &literals) && bson_iter_next(&literals);

    while (more || (ref < child->refs_count && child->refs[ref].arg == arg)) {
        if (ref < child->refs_count && child->refs[ref].arg == arg && child->refs[ref].at == at) {
            for (uint32_t i = 0; i < child->refs[ref].count; i++)
                write_future(w, jpx_index_text(index, at++), child->refs[ref].child + i, child->refs[ref].slot);
            ref++;
        } else {
            JPX_ASSERT(more);
            jpx_write_iter(w, jpx_index_text(index, at++), &literals, 1);
            more = bson_iter_next(&literals);
        }
    }
    jpx_write_end(w, begun);
    return ref;
}

const char *jp_plan_args(const jp_plan *plan, size_t i)
{
    const jpx_child *child = child_at(plan, i);
    size_t ref = 0;
    bson_iter_t iter;
    jpx_writer w;

    jpx_writer_init(&w, plan->arena);
    size_t begun = jpx_write_begin(&w, BSON_TYPE_DOCUMENT, NULL), array = jpx_write_begin(&w, BSON_TYPE_ARRAY, "v");
    bool valid = bson_iter_init_from_data(&iter, child->args.data, child->args.size);
    for (uint32_t arg = 0; valid && bson_iter_next(&iter); arg++) {
        const jpx_ref *next = ref < child->refs_count && child->refs[ref].arg == arg ? &child->refs[ref] : NULL;
        if (!next) {
            jpx_write_iter(&w, bson_iter_key(&iter), &iter, 0);
        } else if (next->at == JPX_WHOLE) {
            write_future(&w, bson_iter_key(&iter), next->child, next->slot);
            ref++;
        } else {
            ref = write_list(&w, bson_iter_key(&iter), child, ref, &iter);
        }
    }
    jpx_write_end(&w, array);
    jpx_write_end(&w, begun);
    return jpx_value_to_json(jpx_writer_bytes(&w), plan->arena);
}

static void mark(bool *reached, uint32_t child, uint32_t count)
{
    memset(reached + child, true, count);
}

bool jp_plan_waits(const jp_plan *plan, size_t i, size_t other)
{
    child_at(plan, i);
    child_at(plan, other);
    bool *reached = jpx_alloc(plan->arena, plan->out.children_count);

    reached[i] = true;
    for (size_t at = i + 1; at-- > other;) { /* a child depends on earlier ones only */
        const jpx_child *child = child_at(plan, at);
        if (!reached[at])
            continue;
        for (size_t j = 0; j < child->refs_count; j++)
            mark(reached, child->refs[j].child, child->refs[j].count);
        for (size_t j = 0; j < child->waits_count; j++)
            mark(reached, child->waits[j].child, child->waits[j].count);
    }
    return i != other && reached[other];
}
