/* registry.c -- the pipes of a program: checked copies of their definitions, sorted by name. Immutable once made, so
 * any number of threads may read it. Every mistake of a definition is told when the registry is made, with its place
 * and the mend. */
#include "body/context.h"
#include "body/signature.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIPES_MAX = 10000, OWN = 2 };

struct jpx_registry {
    jpx_arena *arena;
    const jpx_pipe **pipes; /* by name, ascending */
    size_t count;
    const jpx_pipe *own[OWN]; /* the library's own */
};

static const jp_def *const own_defs[OWN] = {&jpx_gather, &jpx_promise};

const char *jpx_pipe_name(const jp_def *def)
{
    return def->as ? def->as : def->name;
}

const char *jpx_place(const char *at)
{
    const char *slash = at ? strrchr(at, '/') : NULL;
    return slash ? slash + 1 : at ? at : "?";
}

/* "AddOne, math.c:12: .queue = ..." */
static jp_status refuse(const jpx_pipe *pipe, jp_error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static jp_status refuse(const jpx_pipe *pipe, jp_error *err, const char *fmt, ...)
{
    jp_error cause;
    va_list args;

    cause.status = JP_E_INVALID;
    va_start(args, fmt);
    vsnprintf(cause.text, sizeof cause.text, fmt, args);
    va_end(args);
    return jpx_fail(err, JP_E_INVALID, "%.63s, %.100s: %s", *pipe->name ? pipe->name : pipe->def.name,
                    jpx_place(pipe->def.at), cause.text);
}

static jp_status check_names(jpx_pipe *pipe, jp_error *err)
{
    const jp_def *def = &pipe->def;

    if (def->as && !jpx_is_name(def->as))
        return refuse(pipe, err, ".as = \"%.80s\": give it 1 to %d letters, digits, _ or -", def->as, JPX_NAME_MAX);
    if (!jpx_is_name(jpx_pipe_name(def)))
        return refuse(pipe, err, "its name is not 1 to %d letters, digits, _ or -: give it one with .as", JPX_NAME_MAX);
    memcpy(pipe->name, jpx_pipe_name(def), strlen(jpx_pipe_name(def)) + 1);

    const char *queue = def->queue ? def->queue : "default";
    if (!jpx_is_name(queue))
        return refuse(pipe, err, ".queue = \"%.80s\": give it 1 to %d letters, digits, _ or -", queue, JPX_NAME_MAX);
    memcpy(pipe->queue, queue, strlen(queue) + 1);
    return JP_OK;
}

static jp_status check_signature(jpx_pipe *pipe, jp_error *err)
{
    const jp_def *def = &pipe->def;
    jp_error cause;

    if (jpx_signature_parse(def->takes, true, pipe->takes, &pipe->takes_count, &cause) != JP_OK)
        return refuse(pipe, err, ".takes = %s", cause.text);
    if (jpx_gives_parse(def->gives, &pipe->gives, &pipe->gives_optional, &cause) != JP_OK)
        return refuse(pipe, err, ".gives = %s", cause.text);
    if (jpx_signature_parse(def->fills, false, pipe->fills, &pipe->fills_count, &cause) != JP_OK)
        return refuse(pipe, err, ".fills = %s", cause.text);
    for (size_t i = 0; i < pipe->fills_count; i++) {
        const char *name = pipe->fills[i].name;
        const uint64_t hash = jpx_hash(name, strlen(name));
        if (strcmp(name, "default") == 0)
            return refuse(pipe, err, ".fills names \"default\", which every pipe has: declare its type in .gives");
        /* slots are kept under the hash of their name */
        if (hash == jpx_hash("default", strlen("default")))
            return refuse(pipe, err, ".fills: the names %s and default have the same hash, choose another", name);
        for (size_t j = 0; j < i; j++)
            if (hash == jpx_hash(pipe->fills[j].name, strlen(pipe->fills[j].name)))
                return refuse(pipe, err, ".fills: the names %s and %s have the same hash, choose another", name,
                              pipe->fills[j].name);
    }
    return JP_OK;
}

#define DELAYS "give it 0 ms to ten years"

static bool delay_valid(int64_t ms)
{
    return ms >= 0 && ms <= JPX_DELAY_MAX_MS;
}

const char *jpx_policy_bad(const jp_retry_policy *retry, int64_t timeout_ms, jpx_arena *arena)
{
    if (retry->attempts < 0)
        return jpx_format(arena,
                          ".retry.attempts = %d: it counts executions, the first included, give it 1 or more (0 is the "
                          "default)",
                          retry->attempts);
    if (!delay_valid(retry->first_ms))
        return jpx_format(arena, ".retry.first_ms = %lld: " DELAYS, (long long)retry->first_ms);
    if (!delay_valid(retry->limit_ms))
        return jpx_format(arena, ".retry.limit_ms = %lld: " DELAYS, (long long)retry->limit_ms);
    if (!isfinite(retry->factor) || retry->factor < 0)
        return jpx_format(arena, ".retry.factor = %g: give it a number above 0", retry->factor);
    if (!(retry->jitter >= 0 && retry->jitter < 1) && retry->jitter != JP_NO_JITTER)
        return jpx_format(arena, ".retry.jitter = %g: give it 0 to 1, below 1, or JP_NO_JITTER", retry->jitter);
    if (!delay_valid(timeout_ms))
        return jpx_format(arena, ".timeout_ms = %lld: " DELAYS, (long long)timeout_ms);
    return NULL;
}

static jp_status check_policy(jpx_pipe *pipe, jpx_arena *arena, jp_error *err)
{
    jp_retry_policy *retry = &pipe->def.retry;
    const char *bad = jpx_policy_bad(retry, pipe->def.timeout_ms, arena);

    if (bad)
        return refuse(pipe, err, "%s", bad);
    if (retry->attempts == 0)
        retry->attempts = 3;
    if (retry->first_ms == 0)
        retry->first_ms = 1000;
    if (retry->factor == 0)
        retry->factor = 2.0;
    if (retry->limit_ms == 0)
        retry->limit_ms = 10 * 60 * 1000;
    if (retry->jitter == 0)
        retry->jitter = 0.1;
    else if (retry->jitter == JP_NO_JITTER)
        retry->jitter = 0;
    return JP_OK;
}

static jp_status check_hooks(const jpx_pipe *pipe, jp_error *err)
{
    const jp_def *def = &pipe->def;

    if (!def->run)
        return refuse(pipe, err, "it has no body: define it with JP_PIPE");
    if (def->on_reply && !def->async)
        return refuse(pipe, err, ".on_reply is never called without a wait: add .async = true, or take it out");
    if (def->on_cancel && !def->async)
        return refuse(pipe, err, ".on_cancel is never called without a wait: add .async = true, or take it out");
    return JP_OK;
}

static const char *copy_text(jpx_arena *arena, const char *text)
{
    return text ? jpx_strdup(arena, text) : NULL;
}

static jp_status pipe_new(jpx_registry *registry, const jp_def *def, size_t number, const jpx_pipe **out, jp_error *err)
{
    jpx_arena *arena = registry->arena;
    jpx_pipe *pipe = jpx_alloc(arena, sizeof *pipe);
    jp_status status;

    if (def->abi != JP_ABI) /* nothing else of it can be believed, not even its name */
        return jpx_fail(err, JP_E_INVALID,
                        "pipe number %zu of the list was compiled for ABI %d of jetpipe.h, this library has %d: "
                        "compile it again with the header of this library",
                        number, def->abi, JP_ABI);
    if (def->size != sizeof *def)
        return jpx_fail(err, JP_E_INVALID,
                        "pipe number %zu of the list was compiled with another jetpipe.h, or not defined with JP_PIPE: "
                        "compile it again with the header of this library",
                        number);
    if (!def->name)
        return jpx_fail(err, JP_E_INVALID, "pipe number %zu of the list has no name: define it with JP_PIPE", number);
    pipe->def = *def;
    pipe->def.name = copy_text(arena, def->name);
    pipe->def.as = copy_text(arena, def->as);
    pipe->def.at = copy_text(arena, jpx_place(def->at));
    pipe->def.takes = copy_text(arena, def->takes);
    pipe->def.gives = copy_text(arena, def->gives);
    pipe->def.fills = copy_text(arena, def->fills);
    if ((status = check_names(pipe, err)) != JP_OK || (status = check_signature(pipe, err)) != JP_OK ||
        (status = check_policy(pipe, arena, err)) != JP_OK || (status = check_hooks(pipe, err)) != JP_OK)
        return status;
    pipe->def.queue = pipe->queue;
    pipe->promise = def == &jpx_promise;
    *out = pipe;
    return JP_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const jpx_pipe *const *)a)->name, (*(const jpx_pipe *const *)b)->name);
}

static jp_status fill_registry(jpx_registry *registry, const jp_def *const *defs, jp_error *err)
{
    size_t count = 0;
    jp_status status;

    while (defs[count])
        if (++count > PIPES_MAX)
            return jpx_fail(err, JP_E_INVALID, "more than %d pipes: does the list end with NULL?", PIPES_MAX);
    registry->pipes = jpx_alloc_array(registry->arena, count + 1, sizeof(jpx_pipe *));
    for (size_t i = 0; i < count; i++)
        if ((status = pipe_new(registry, defs[i], i + 1, &registry->pipes[i], err)) != JP_OK)
            return status;
    qsort(registry->pipes, count, sizeof *registry->pipes, by_name);
    for (size_t i = 1; i < count; i++) {
        const jpx_pipe *one = registry->pipes[i - 1], *two = registry->pipes[i];
        if (strcmp(one->name, two->name) == 0)
            return refuse(two, err,
                          "the name is registered twice, also by %s: take one out or give it another with .as",
                          one->def.at);
    }
    registry->count = count;
    for (size_t i = 0; i < OWN; i++) {
        const jpx_pipe *taken = jpx_registry_find(registry, jpx_pipe_name(own_defs[i]));
        if (taken)
            return refuse(taken, err, "the name belongs to a pipe of the library itself: give it another with .as");
        if ((status = pipe_new(registry, own_defs[i], 0, &registry->own[i], err)) != JP_OK)
            return status;
    }
    return JP_OK;
}

jp_status jpx_registry_new(jpx_registry **out, const jp_def *const *defs, jp_error *err)
{
    jpx_arena *arena = jpx_arena_new();
    jpx_registry *registry = jpx_alloc(arena, sizeof *registry);

    *out = NULL;
    registry->arena = arena;
    if (!defs) {
        jpx_arena_free(arena);
        return jpx_fail(err, JP_E_INVALID, "the list of pipes is NULL: give one that ends with NULL");
    }
    jp_status status = fill_registry(registry, defs, err);
    if (status != JP_OK) {
        jpx_arena_free(arena);
        return status;
    }
    *out = registry;
    return JP_OK;
}

void jpx_registry_free(jpx_registry *registry)
{
    if (registry)
        jpx_arena_free(registry->arena);
}

const jpx_pipe *jpx_registry_find(const jpx_registry *registry, const char *name)
{
    size_t low = 0, high = registry->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, registry->pipes[middle]->name);
        if (order == 0)
            return registry->pipes[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    for (size_t i = 0; i < OWN; i++)
        if (registry->own[i] && strcmp(name, registry->own[i]->name) == 0)
            return registry->own[i];
    return NULL;
}

size_t jpx_registry_count(const jpx_registry *registry)
{
    return registry->count;
}

const jpx_pipe *jpx_registry_at(const jpx_registry *registry, size_t i)
{
    JPX_ASSERT(i < registry->count);
    return registry->pipes[i];
}
