/* session.h -- what a handler works with: the two seams, the clock, and memory for one batch.
 *
 * A handler is one list of operations on the store and the bus: read, decide (core), write, publish, ack. It can be cut
 * anywhere, and is done again from the start. Nothing here keeps state between two batches except what saves work.
 *
 * Errors: `err` is never NULL in the engine and the roles. A function that fails fills it in and returns its status. */
#ifndef JPX_SESSION_H
#define JPX_SESSION_H

#include "base/text.h"
#include "core/event.h"
#include "core/journal.h"
#include "core/plan.h"
#include "engine/role.h"

enum {
    JPX_PUBLISH_MS = 10000, /* for one publish of a batch */
    JPX_READ_CHUNK = 4000,  /* ids in one read */
    JPX_SCAN_CHUNK = 1000,  /* records in one scan */
    JPX_MARK_MS = 100,      /* a body that runs for longer leaves an execution in the store */
    JPX_DELIVERIES_MAX = 5  /* starts of one attempt that never ended: the crash limit (SEMANTICS 6.2) */
};

/* The handles of one role. Belongs to the role's thread.
 *
 * `arena` holds everything that is loaded or made for the batch, and is reset after it. Three places put an arena of
 * their own there for a while and put the old one back: worker/dispatch.c (jobs outlive the batch), tree_nodes.c (a
 * part of a tree) and api/abort.c (an abort goes on over many steps). A text that must outlive the batch is copied into
 * the arena of what it belongs to. */
typedef struct jpx_session {
    const jpx_parts *parts;
    const jpx_env *env;
    jpx_store *store;
    jpx_bus *bus;
    jpx_arena *arena;
    unsigned newer_reported; /* a bit for each jpx_newer_kind */
} jpx_session;

struct jpx_role {
    jpx_role_kind kind;
    jpx_parts parts;
    jpx_role_options options;
    jpx_session session;
    bool draining;
    size_t (*step)(jpx_role *, int64_t wait_ms);
    bool (*drain)(jpx_role *);
    int64_t (*next_ms)(jpx_role *);
    void (*close)(jpx_role *);
};
jp_status jpx_worker_open(jpx_role **out, jp_error *err);
jp_status jpx_barrier_open(jpx_role **out, jp_error *err);
jp_status jpx_api_open(jpx_role **out, jp_error *err);

/* ---- log.c: log lines about a pipeline ---- */

/* "root=... pipeline=..." and, where they are known, "pipe=... attempt=...", then what `fmt` adds. `pipe` NULL and
 * `attempt` 0 are left out. */
void jpx_log_pipeline(jpx_session *, jpx_log_level, const char *event, const jpx_key *, const char *pipe, int attempt,
                      const char *fmt, ...) __attribute__((format(printf, 7, 8)));
/* Puts "root ..., pipeline ...: " before the text of an error; returns its status. */
jp_status jpx_wrap_pipeline(jp_error *err, const jpx_key *);

/* ---- newer.c: what a newer version of jetpipe wrote ---- */
typedef enum jpx_newer_kind { JPX_NEWER_RUN, JPX_NEWER_SLOT, JPX_NEWER_RECORD } jpx_newer_kind;
/* Nacks it, with a longer delay each time: a newer process takes it. */
void jpx_give_to_newer(jpx_session *, jpx_sub *, jpx_delivery *, jpx_newer_kind);
/* JP_E_REFUSED: whoever needs the record gives its event back. */
jp_status jpx_newer_record(jpx_session *, const char *record, const jpx_key *, jp_error *err);
/* first_ms, doubled for each delivery after the first, at most most_ms. */
int64_t jpx_nak_delay_ms(uint32_t deliveries, int64_t first_ms, int64_t most_ms);

/* ---- policy.c: what a pipe's definition says about a pipeline ---- */
jpx_pipe_facts jpx_registry_facts(void *registry, const char *pipe);
void jpx_random_fn(void *env, void *out, size_t size); /* the random source of `env`, in the form of core/plan.h */
/* The policy in force: that of the yield, else that of the pipe. `pipe` NULL: the default one. */
jp_retry_policy jpx_policy(const jpx_pipeline *, const jpx_pipe *);
int64_t jpx_timeout_ms(const jpx_pipeline *, const jpx_pipe *); /* 0 = none */
double jpx_random_unit(const jpx_env *);                        /* 0 <= x < 1 */
const char *jpx_span_text(jpx_arena *, int64_t ms);             /* "14 s", "24 h" */

#endif
