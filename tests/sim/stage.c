/* stage.c -- cues: see stage.h. */
#include "stage.h"
#include <bson/bson.h>
#include <stdlib.h>
#include <string.h>

enum { CUES = 16, TURN_MS = 20 };

typedef struct stage {
    cue cues[CUES];
    size_t count;
    bool walks;
    uint64_t published;
} stage;

static bool is_cue(world *w, const cue *c, const actor *a, const seam_call *call)
{
    bool tabled = call->op == SEAM_INSERT || call->op == SEAM_GET || call->op == SEAM_SCAN || call->op == SEAM_REMOVE;
    return !c->played && (!c->who || c->who == a) && c->op == call->op && c->after == call->over &&
           (!tabled || c->table == call->table) && (!c->fits || c->fits(w, call));
}

static seam_verdict play(world *w, actor *a, const seam_call *call)
{
    stage *s = w->ctx;

    if (call->op == SEAM_PUBLISH && call->over)
        s->published += call->count;
    if (call->op == SEAM_LIST && !s->walks)
        return SEAM_FAIL;
    for (size_t i = 0; i < s->count; i++) {
        cue *c = &s->cues[i];
        if (!is_cue(w, c, a, call))
            continue;
        c->played = true;
        world_say(w, "cue %zu", i);
        if (c->then)
            c->then(w, call);
        if (c->kill)
            world_kill(a);
        return c->verdict;
    }
    return SEAM_GO_ON;
}

world *stage_open(const jp_def *const *pipes)
{
    return stage_open_with(pipes, 2, 2, 2);
}

world *stage_open_with(const jp_def *const *pipes, size_t apis, size_t barriers, size_t workers)
{
    world_options options = {.pipes = pipes,
                             .apis = apis,
                             .barriers = barriers,
                             .workers = workers,
                             .seed = 1,
                             .name = "stage",
                             .verbose = getenv("STAGE_LOG") != NULL};
    world *w = world_open(&options);
    w->ctx = jpx_alloc(w->arena, sizeof(stage));
    w->at = play;
    return w;
}

void stage_close(world *w)
{
    stage *s = w->ctx;
    for (size_t i = 0; i < s->count; i++)
        ck_assert_msg(s->cues[i].played, "cue %zu was never played: the schedule is not the one that was meant", i);
    world_close(w);
}

cue *stage_when(world *w, cue c)
{
    stage *s = w->ctx;
    ck_assert(s->count < CUES);
    s->cues[s->count] = c;
    return &s->cues[s->count++];
}

void stage_walks(world *w, bool on)
{
    ((stage *)w->ctx)->walks = on;
}

uint64_t stage_published(world *w)
{
    return ((stage *)w->ctx)->published;
}

actor *api(world *w, size_t n)
{
    return world_actor(w, JPX_ROLE_API, n);
}
actor *barrier(world *w, size_t n)
{
    return world_actor(w, JPX_ROLE_BARRIER, n);
}
actor *worker(world *w, size_t n)
{
    return world_actor(w, JPX_ROLE_WORKER, n);
}

void stage_run(world *w, actor *a)
{
    for (int i = 0; i < 1000 && world_step(w, a); i++)
        ;
}

const char *stage_status(world *w)
{
    jpx_root *root = world_root(w, STAGE_KEY);
    return root ? root->status : "";
}

const char *stage_result(world *w)
{
    jpx_root *root = world_root(w, STAGE_KEY);
    jpx_session session = world_session(w);
    jp_error err;

    if (!root)
        return "";
    jpx_slot slot = {.key = jpx_key_root(root->id), .name = "default"};
    ck_assert_msg(jpx_load_slots(&session, &slot, 1, true, &err) == JP_OK, "%s", err.text);
    return slot.filled ? jpx_value_to_json(slot.value, w->arena) : "";
}

static void wait_for(world *w, const char *status, int64_t within_ms)
{
    for (int64_t at = 0; at < within_ms && strcmp(stage_status(w), status) != 0; at += TURN_MS)
        world_pass(w, TURN_MS);
    ck_assert_msg(strcmp(stage_status(w), status) == 0, "the root is '%s' after %lld ms, not '%s'", stage_status(w),
                  (long long)within_ms, status);
}

void stage_done(world *w, int64_t within_ms)
{
    wait_for(w, "done", within_ms);
}

void stage_aborted(world *w, int64_t within_ms)
{
    wait_for(w, "aborted", within_ms);
}
