/* trial.c -- whole trees of a trial (jetpipe_test.h): the engine that ships, on the memory store and bus, with virtual
 * time. */
#include "body/trial.h"
#include "core/record.h"
#include "engine/load.h"
#include "role/local.h"
#include <stdlib.h>
#include <string.h>

/* A year: longer than any sensible timeout. */
#define TRIAL_LIMIT_MS (INT64_C(366) * 24 * 3600 * 1000)

struct jp_trial_root {
    const char *status, *json, *reason;
    const jpx_pipe *def;
    const char *pipe;
    const char **outputs; /* as JSON, in the order of def->fills, then "default"; NULL: not filled */
    bool is_int64;
    int64_t number;
};

static void read_end(jpx_local *local, jp_trial *t, const char *key, jp_trial_root *run)
{
    jpx_arena *arena = jpx_arena_new();
    jpx_session session = {
        .env = jpx_local_env(local), .store = jpx_local_store(local), .bus = jpx_local_bus(local), .arena = arena};
    jpx_record record;
    jpx_root root;
    bson_iter_t value;
    jp_error err = {0};

    if (jpx_store_root_by_key(session.store, key, arena, &record, &err) != JP_OK || !record.doc.data ||
        !jpx_root_decode(record.doc, arena, &root))
        jpx_trial_misuse("the run of %s left no root: %s", run->pipe, err.text);
    const size_t fills = run->def->fills_count;
    jpx_slot *slots = jpx_alloc_array(arena, fills + 1, sizeof *slots);
    for (size_t i = 0; i <= fills; i++)
        slots[i] = (jpx_slot){
            .key = jpx_key_root(root.id), .name = i < fills ? run->def->fills[i].name : "default", .ended = true};
    if (jpx_load_slots(&session, slots, fills + 1, true, &err) != JP_OK)
        jpx_trial_misuse("the outputs of %s cannot be read: %s", run->pipe, err.text);
    run->outputs = jpx_alloc_array(t->arena, fills + 1, sizeof *run->outputs);
    for (size_t i = 0; i <= fills; i++)
        run->outputs[i] = slots[i].filled ? jpx_value_to_json(slots[i].value, t->arena) : NULL;
    run->status = jpx_strdup(t->arena, root.status);
    run->reason = jpx_strdup(t->arena, root.reason ? root.reason : "");
    run->json = run->outputs[fills] ? run->outputs[fills] : "null";
    if (slots[fills].filled && jpx_value_iter(slots[fills].value, &value) && BSON_ITER_HOLDS_INT64(&value)) {
        run->is_int64 = true;
        run->number = bson_iter_int64(&value);
    }
    jpx_arena_free(arena);
}

/* The trigger as a publisher sends it: an object with the arguments by name. */
static char *args_by_name(const jpx_pipe *pipe, jpx_bytes args)
{
    bson_t object = BSON_INITIALIZER;
    bson_iter_t iter;
    char *json;

    JPX_ASSERT(jpx_doc_iter(args, &iter));
    for (size_t i = 0; i < pipe->takes_count && bson_iter_next(&iter); i++)
        bson_append_iter(&object, pipe->takes[i].name, -1, &iter);
    json = bson_as_canonical_extended_json(&object, NULL);
    bson_destroy(&object);
    return json;
}

void jp_trial_answer_v(jp_trial *t, const char *name, jp_value value)
{
    const jpx_pipe *pipe = jpx_trial_pipe_named(t, name);
    jpx_trial_answer *answer = jpx_alloc(t->arena, sizeof *answer), **end = &t->answers;
    jpx_bytes reply;
    jp_error err;

    if (!pipe->def.async)
        jpx_trial_misuse("an answer for %s, which waits for none: it is not .async", name);
    if (jpx_value_from_value(value, t->arena, &reply, &err) != JP_OK)
        jpx_trial_misuse("the answer for %s: %s", name, err.text);
    answer->pipe = pipe;
    answer->json = jpx_value_to_json(reply, t->arena);
    while (*end)
        end = &(*end)->next;
    *end = answer;
}

typedef struct answering {
    jp_trial *trial;
    jpx_local *local;
} answering;

static void answer_ticket(void *ctx, const char *pipe, const char *ticket)
{
    const answering *a = ctx;
    jpx_trial_answer *answer = a->trial->answers;
    jp_error err = {0};

    while (answer && (answer->used || strcmp(answer->pipe->name, pipe) != 0))
        answer = answer->next;
    if (!answer)
        return; /* unanswered: its timeout passes */
    answer->used = true;
    if (jpx_local_reply(a->local, ticket, answer->json, &err) != JP_OK)
        jpx_trial_misuse("the answer for %s: %s", pipe, err.text);
}

jp_trial_root *jp_trial_run_v(jp_trial *t, const jp_def *def, size_t count, const jp_value *values)
{
    static const char key[] = "trial";
    const jpx_pipe *pipe = jpx_trial_pipe(t, def);
    jpx_bytes args = jpx_trial_args(t, pipe, count, values);
    jp_trial_root *run = jpx_alloc(t->arena, sizeof *run);
    answering all = {.trial = t};
    jpx_local_options options = {
        .virtual_time = true, .seed = 1, .level = JPX_ERROR, .on_ticket = answer_ticket, .on_ticket_ctx = &all};
    jpx_local *local;
    jp_error err = {0};

    run->def = pipe;
    run->pipe = pipe->name;
    char *json = args_by_name(pipe, args);
    if (jpx_local_open(&local, t->registry, &options, &err) != JP_OK)
        jpx_trial_misuse("%s did not begin: %s", pipe->name, err.text);
    all.local = local;
    if (jpx_local_start(local, pipe->name, json, key, &err) != JP_OK ||
        jpx_local_finish(local, key, TRIAL_LIMIT_MS, &err) != JP_OK)
        jpx_trial_misuse("%s did not come to an end: %s", pipe->name, err.text);
    bson_free(json);
    read_end(local, t, key, run);
    jpx_local_close(local);
    return run;
}

const char *jp_trial_status(const jp_trial_root *run)
{
    return run->status;
}

const char *jp_trial_json(const jp_trial_root *run)
{
    return run->json;
}

const char *jp_trial_output(const jp_trial_root *run, const char *name)
{
    const size_t fills = run->def->fills_count;

    for (size_t i = 0; i <= fills; i++)
        if (strcmp(i < fills ? run->def->fills[i].name : "default", name) == 0)
            return run->outputs[i];
    jpx_trial_misuse("%s has no output %s: its .fills = \"%s\"", run->pipe, name,
                     run->def->def.fills ? run->def->def.fills : "");
}

const char *jp_trial_reason(const jp_trial_root *run)
{
    return run->reason;
}

int64_t jp_trial_int64(const jp_trial_root *run)
{
    if (!run->is_int64)
        jpx_trial_misuse("%s is %s with the result %s, not an int64%s%s", run->pipe, run->status, run->json,
                         *run->reason ? ": " : "", run->reason);
    return run->number;
}
