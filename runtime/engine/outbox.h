/* outbox.h -- what a handler publishes. Everything is gathered while it works and leaves at its end, after all that it
 * reports is durable. */
#ifndef JPX_OUTBOX_H
#define JPX_OUTBOX_H

#include "engine/session.h"

enum { JPX_PARTITIONS = 16 }; /* of slot subjects */

/* ---- queue_age.c: could this run event still be queued? ---- */
typedef struct jpx_queue_age { /* the age of each queue, asked for once */
    jpx_bus *bus;
    jpx_store *store;
    jpx_arena *arena; /* outlives it */
    struct {
        const char *queue;
        int64_t oldest_ms;
    } * queues;
    size_t count, cap;
} jpx_queue_age;
/* May the event, published after since_ms, still be in its queue? False also if that is not known. */
bool jpx_queue_age_may_have(jpx_queue_age *, const jpx_run_event *, const char *queue, int64_t since_ms);

/* ---- outbox.c ---- */
typedef struct jpx_outbox {
    jpx_session *session;
    jpx_queue_age *queue_age; /* repeats that may still be queued are not published; NULL: all are */
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
void jpx_outbox_change(jpx_outbox *, const jpx_change *); /* history */
/* A control message about a root: "aborting", "sweep". */
void jpx_outbox_control(jpx_outbox *, const char *verb, const jpx_root_id *);
void jpx_outbox_message(jpx_outbox *, const jpx_message *);
/* Writes timers and flags, publishes, waits for the broker, then sends the history without waiting. */
jp_status jpx_outbox_flush(jpx_outbox *, jp_error *err);
/* Publishes a message as a dead letter: its bytes and the reason. Waits for the broker. The caller acks. */
jp_status jpx_dead_letter(jpx_session *, const jpx_delivery *, const char *kind, const char *reason, jp_error *err);

#endif
