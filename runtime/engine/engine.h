/* engine.h -- what the files of runtime/role share: loading records, the outbox, settling facts, walking trees.
 *
 * A handler is one list of operations on the two seams that can be cut anywhere: read, decide (core), write to the
 * store, publish, ack. Nothing here keeps state between batches except what saves work. */
#ifndef JPX_ROLE_INTERNAL_H
#define JPX_ROLE_INTERNAL_H

#include "core/event.h"
#include "core/journal.h"
#include "core/plan.h"
#include "engine/role.h"

enum {
    JPX_PUBLISH_MS = 10000, /* one publish of a batch */
    JPX_PARTITIONS = 16,    /* of slot subjects */
    JPX_READ_CHUNK = 4000,  /* ids in one read */
    JPX_SCAN_CHUNK = 1000,  /* records in one scan */
    JPX_MARK_MS = 100,      /* a body at work for longer leaves a mark */
    JPX_DELIVERIES_MAX = 5  /* beginnings of one attempt without an ending: taken for a crash (SEMANTICS 6.2) */
};

/* One role's handles; `arena` lives for one batch. */
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

/* ---- newer.c: what a newer version of jetpipe wrote ---- */
typedef enum jpx_newer_kind { JPX_NEWER_RUN, JPX_NEWER_SLOT, JPX_NEWER_RECORD } jpx_newer_kind;
/* Nacks it, for longer each time: a newer process takes it. */
void jpx_give_to_newer(jpx_session *, jpx_sub *, jpx_delivery *, jpx_newer_kind);
/* JP_E_REFUSED: whoever needs the record gives its event back. */
jp_status jpx_newer_record(jpx_session *, const char *record, const jpx_key *, jp_error *err);
/* first_ms, doubled for each delivery after the first, at most most_ms. */
int64_t jpx_nak_delay_ms(uint32_t deliveries, int64_t first_ms, int64_t most_ms);

/* ---- load.c: records by key ---- */

/* out[i] is NULL where there is none, or where it is damaged (logged). All loads fail with JP_E_REFUSED at a record of
 * a newer version. */
jp_status jpx_load_pipelines(jpx_session *, const jpx_key *, size_t count, jpx_pipeline **out, jp_error *err);
jp_status jpx_load_roots(jpx_session *, const jpx_root_id *, size_t count, jpx_root **out, jp_error *err);
/* Entries 0 .. upto[i] as far as they are there (all of them when upto is NULL). journal.pipeline is left alone. */
jp_status jpx_load_entries(jpx_session *, const jpx_key *, const uint32_t *upto, size_t count, jpx_journal *out,
                           jp_error *err);

/* The executions of one step, and the handouts of a generation, by its finish key; damaged ones are left out. */
jp_status jpx_load_executions(jpx_session *, const jpx_key *, uint32_t step, jpx_execution **out, size_t *count,
                              jp_error *err);
jp_status jpx_load_handouts(jpx_session *, const jpx_key *generation, jpx_handout **out, size_t *count, jp_error *err);

typedef struct jpx_slot { /* a slot to be read */
    jpx_key key;
    const char *name;
    bool ended;  /* its pipeline has ended: where its fill has not been written yet, the entries below tell its value */
    bool filled; /* answers */
    jpx_bytes value; /* value document */
    jpx_key filler;
    uint32_t filler_step;
} jpx_slot;
/* Reads values through handed slots and large values. with_values false: fillers only. */
jp_status jpx_load_slots(jpx_session *, jpx_slot *, size_t count, bool with_values, jp_error *err);

/* The resolved arguments of a pipeline, an array document for each; args[i].data is NULL where a slot is missing. */
jp_status jpx_load_args(jpx_session *, jpx_pipeline *const *, size_t count, jpx_bytes *args, jp_error *err);
jp_status jpx_load_value(jpx_session *, const uint8_t id[JPX_VALUE_SIZE], jpx_bytes *value, jp_error *err);

/* ---- queue_age.c: what may still be in the queues ---- */
typedef struct jpx_queue_age { /* the age of each queue, looked at once */
    jpx_bus *bus;
    jpx_store *store;
    jpx_arena *arena; /* outlives it */
    struct {
        const char *queue;
        int64_t oldest_ms;
    } * queues;
    size_t count, cap;
} jpx_queue_age;
/* May this event, published after `since`, still be in its queue? False also when that is not known. */
bool jpx_queue_age_may_have(jpx_queue_age *, const jpx_run_event *, const char *queue, int64_t since_ms);

/* ---- outbox.c: events gathered by one handler, published at its end ---- */
typedef struct jpx_outbox {
    jpx_session *session;
    jpx_queue_age *backlog; /* run events that may be in it still are not published again; NULL = all are */
    jpx_message *messages;
    size_t messages_count, messages_cap;
    jpx_fact *facts;
    size_t facts_count, facts_cap;
    jpx_message *history;
    size_t history_count, history_cap;
    jpx_record *timers;
    size_t timers_count, timers_cap;
    jpx_root_change *aborts;
    size_t aborts_count, aborts_cap;
} jpx_outbox;
jpx_outbox jpx_outbox_new(jpx_session *);
void jpx_outbox_run(jpx_outbox *, const jpx_run_event *, const char *pipe, const char *queue, jpx_repeat);
void jpx_outbox_fact(jpx_outbox *, const jpx_fact *);
void jpx_outbox_timer(jpx_outbox *, int64_t due_ms, const jpx_pipeline *, uint32_t step);
/* Raises the abort flag of the root (the first reason stays) and has the abort carried out. */
void jpx_outbox_abort(jpx_outbox *, const jpx_key *by, const char *by_text, const char *reason);
void jpx_outbox_change(jpx_outbox *, const jpx_change *);
void jpx_outbox_message(jpx_outbox *, const jpx_message *);
/* Writes timers and flags, publishes, waits for the broker, then sends the history. */
jp_status jpx_outbox_flush(jpx_outbox *, jp_error *err);
/* Moves a message to the dead letters: original bytes and the reason. */
jp_status jpx_dead_letter(jpx_session *, const jpx_delivery *, const char *kind, const char *reason, jp_error *err);

/* ---- propagate.c: from facts to what they set free ---- */
/* Counts down, publishes run and finish events, closes roots; what is left over (deep cascades) goes out as facts.
 * `level`: generators that end by this are left to the caller, who looks at them next. */
jp_status jpx_propagate(jpx_session *, jpx_outbox *, jpx_fact *, size_t count, bool level, jp_error *err);

/* ---- effects.c: what follows from an entry ---- */
/* Writes timers and the abort flag, puts events into the outbox. `ready`: children without dependencies, when they are
 * at hand; `there`: the entry was there already. */
jp_status jpx_entry_effects(jpx_session *, jpx_outbox *, const jpx_pipeline *, const jpx_entry *,
                            const jpx_generation *ready, bool there, jp_error *err);

/* Run events for pipelines whose dependencies are all there; `again`: only where no entry is yet. */
typedef struct jpx_ready {
    jpx_key key;
    jpx_repeat repeat;
} jpx_ready;
jp_status jpx_publish_ready(jpx_session *, jpx_outbox *, const jpx_ready *, size_t count, jp_error *err);

/* ---- repair.c: the live tree of a root ---- */
/* An abort that is carried out: appends `aborted` to everything that is not final. In `arena`, as is the root. */
typedef struct jpx_abort jpx_abort;
jpx_abort *jpx_abort_new(const jpx_root *, jpx_arena *arena);
/* A bounded part of it. *more: it goes on; otherwise *pending: pipelines whose hooks are still to run, or that changed
 * meanwhile. After an error it is begun anew. */
jp_status jpx_abort_some(jpx_session *, jpx_abort *, bool *more, size_t *pending, jp_error *err);
/* Publishes again whatever is due, from the entries alone, bottom-up (PROTOCOL 10); with a backlog, only what cannot be
 * in its queue any more. */
jp_status jpx_repair_root(jpx_session *, jpx_outbox *, const jpx_root *, jpx_queue_age *, jp_error *err);
/* Removes all records of a root, at most *budget (> 0, counted down); *done when none is left. */
jp_status jpx_remove_root(jpx_session *, const jpx_root_id *, size_t *budget, bool *done, jp_error *err);

/* ---- stream_loss.c: for which streams (jpx_bus_stream_created_ns) live roots were walked ---- */
jp_status jpx_stream_loss_find(jpx_session *, int64_t stream_created_ns, bool *lost,
                               jp_error *err); /* not for these: *lost */
jp_status jpx_stream_loss_repaired(jpx_session *, int64_t stream_created_ns, jp_error *err);

/* ---- tombstone.c: roots that were cleaned up lately ---- */
jp_status jpx_tombstone_put(jpx_session *, const jpx_root_id *, jp_error *err);
jp_status jpx_tombstone_remove(jpx_session *, const jpx_root_id *, jp_error *err);
jp_status jpx_tombstone_time(jpx_session *, const jpx_root_id *, int64_t *ms,
                             jp_error *err); /* when; 0 = there is none */
jp_status jpx_tombstone_find(jpx_session *, const jpx_root_id *, size_t count, bool *cleaned, jp_error *err);

/* ---- view.c, view_why.c: what people see ---- */
jp_status jpx_view_status(jpx_session *, const jpx_root *, bool counts, bson_t *out, jp_error *err);
jp_status jpx_view_tree(jpx_session *, const jpx_root *, size_t limit, bson_t *out, jp_error *err);
jp_status jpx_view_why(jpx_session *, const jpx_root *, bson_t *out, jp_error *err);
/* The root, and its result in *value: no data while there is none. `value` NULL: it is not read. */
jp_status jpx_view_result(jpx_session *, const jpx_root *, bson_t *out, jpx_bytes *value, jp_error *err);

/* ---- output_types.c ---- */
/* Is this value what the slots are declared to be that it is handed on as? JP_E_INVALID with a clause and the mend. */
jp_status jpx_output_types_fit(const jpx_pipeline *, const char *slot, jpx_bytes value, jp_error *err);
/* All outputs of a body: JP_E_INVALID with pipe, line of its yield, cause and mend. */
jp_status jpx_output_types_check(const jpx_pipeline *, const jpx_outcome *, jp_error *err);

/* ---- small ones ---- */
jpx_pipe_facts jpx_registry_facts(void *registry, const char *pipe);
void jpx_random_fn(void *env, void *out, size_t size); /* env's random source as plan.h wants it */
/* The policy in force for a pipeline: that of its yield, else its pipe's. */
jp_retry_policy jpx_policy(const jpx_pipeline *, const jpx_pipe *);
int64_t jpx_timeout_ms(const jpx_pipeline *, const jpx_pipe *);
double jpx_random_unit(const jpx_env *);
const char *jpx_span_text(jpx_arena *, int64_t ms); /* "14 s", "24 h" */
jpx_bytes jpx_id(const void *data, size_t size);

#endif
