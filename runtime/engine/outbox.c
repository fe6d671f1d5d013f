/* outbox.c -- gathers a handler's events, and publishes them at its end, after all that they report is durable. Facts
 * of one root share a slot event. The flush waits for store and broker. */
#include "engine/outbox.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

jpx_outbox jpx_outbox_new(jpx_session *session)
{
    return (jpx_outbox){.session = session};
}

void jpx_outbox_message(jpx_outbox *box, const jpx_message *message)
{
    JPX_PUSH(box->session->arena, box->messages, box->messages_count, box->messages_cap) = *message;
}

/* A message id lets the broker drop a duplicate. A repeat gets a fresh one, so that it is not dropped. */
static const char *message_id(jpx_outbox *box, const jpx_run_event *event, jpx_repeat repeat)
{
    char key[2 * JPX_PIPELINE_SIZE + 1], fresh[17];
    uint8_t random[8];

    jpx_hex(key, event->key.b, JPX_PIPELINE_SIZE);
    if (!repeat.maybe)
        return jpx_format(box->session->arena, "%s-%s%u%s", key, event->finish ? "f" : "", event->step,
                          event->due ? "-due" : "");
    jpx_random(box->session->env, random, sizeof random);
    jpx_hex(fresh, random, sizeof random);
    return jpx_format(box->session->arena, "%s-%s%u-again-%s", key, event->finish ? "f" : "", event->step, fresh);
}

void jpx_outbox_run(jpx_outbox *box, const jpx_run_event *event, const char *pipe, const char *queue, jpx_repeat repeat)
{
    jpx_arena *arena = box->session->arena;
    if (repeat.maybe && box->queue_age && jpx_queue_age_may_have(box->queue_age, event, queue, repeat.since_ms))
        return;
    jpx_run_event sent = *event;
    sent.repeat = repeat.maybe;
    jpx_message message = {
        .subject = jpx_format(arena, "%s.run.%s.%s", jpx_bus_prefix(box->session->bus), queue, pipe),
        .data = jpx_run_event_encode(&sent, pipe, jpx_now(box->session->env), arena),
        .id = message_id(box, event, repeat),
    };
    jpx_outbox_message(box, &message);
    if (event->step == 0 && !event->finish && !repeat.maybe) {
        jpx_change change = {.what = "queued", .key = event->key, .pipe = pipe};
        jpx_outbox_change(box, &change);
    }
}

void jpx_outbox_fact(jpx_outbox *box, const jpx_fact *fact)
{
    JPX_PUSH(box->session->arena, box->facts, box->facts_count, box->facts_cap) = *fact;
}

void jpx_outbox_timer(jpx_outbox *box, int64_t due_ms, const jpx_pipeline *p, uint32_t step)
{
    jpx_timer timer = {.due_ms = due_ms, .key = p->key, .step = step, .pipe = p->pipe, .queue = p->queue};
    jpx_record record = jpx_timer_encode(&timer, box->session->arena);
    JPX_PUSH(box->session->arena, box->timers, box->timers_count, box->timers_cap) = record;
}

void jpx_outbox_abort(jpx_outbox *box, const jpx_key *by, const char *by_text, const char *reason)
{
    jpx_arena *arena = box->session->arena;
    jpx_root_change change = {.id = jpx_copy(arena, by->b, JPX_ROOT_SIZE),
                              .op = JPX_ROOT_ABORT,
                              .at_ms = jpx_now(box->session->env),
                              .reason = reason,
                              .by = by_text,
                              .pipeline = jpx_copy(arena, by->b, JPX_PIPELINE_SIZE)};
    jpx_root_id root = jpx_key_root_id(by);

    JPX_PUSH(arena, box->aborts, box->aborts_count, box->aborts_cap) = change;
    jpx_outbox_control(box, "aborting", &root);
}

void jpx_outbox_control(jpx_outbox *box, const char *verb, const jpx_root_id *root)
{
    jpx_arena *arena = box->session->arena;
    char text[JPX_ROOT_TEXT];
    char *data = jpx_format(arena, "{\"root\":\"%s\"}", jpx_root_text(text, root));
    jpx_message message = {.subject = jpx_format(arena, "%s.control.%s", jpx_bus_prefix(box->session->bus), verb),
                           .data = {(const uint8_t *)data, strlen(data)}};

    jpx_outbox_message(box, &message);
}

void jpx_outbox_change(jpx_outbox *box, const jpx_change *change)
{
    jpx_arena *arena = box->session->arena;
    char root[JPX_ROOT_TEXT];
    jpx_root_id id = jpx_key_root_id(&change->key);
    jpx_message message = {
        .subject = jpx_format(arena, "%s.event.%s.%s.%s%s", jpx_bus_prefix(box->session->bus), jpx_root_text(root, &id),
                              change->pipe, change->root ? "root-" : "", change->what),
        .data = jpx_change_encode(change, jpx_now(box->session->env), arena),
    };
    JPX_PUSH(arena, box->history, box->history_count, box->history_cap) = message;
    jpx_log_pipeline(box->session, change->root ? JPX_INFO : JPX_DEBUG, change->root ? "root" : "pipeline",
                     &change->key, change->pipe, change->attempt, "status=%s%s%s", change->what,
                     change->reason ? " reason=" : "", change->reason ? jpx_json_text(arena, change->reason) : "");
}

static int fact_order(const void *left, const void *right)
{
    const jpx_fact *a = left, *b = right;
    int order = memcmp(a->key.b, b->key.b, JPX_ROOT_SIZE);
    if (order == 0)
        order = a->repeat.maybe - b->repeat.maybe;
    if (order == 0)
        order = memcmp(a->key.b, b->key.b, JPX_PIPELINE_SIZE);
    return order ? order : (int)a->kind - (int)b->kind;
}

static bool together(const jpx_fact *a, const jpx_fact *b)
{
    return memcmp(a->key.b, b->key.b, JPX_ROOT_SIZE) == 0 && a->repeat.maybe == b->repeat.maybe;
}

static void pack_facts(jpx_outbox *box)
{
    jpx_arena *arena = box->session->arena;

    if (box->facts_count > 1)
        qsort(box->facts, box->facts_count, sizeof *box->facts, fact_order);
    for (size_t first = 0, next; first < box->facts_count; first = next) {
        const jpx_fact *facts = box->facts + first;
        /* Facts of one pipeline stay in one event: "ended" must not overtake "filled". */
        for (next = first + 1; next < box->facts_count && next - first < JPX_FACTS_MAX; next++)
            if (!together(facts, &box->facts[next]))
                break;
        while (next < box->facts_count && next - first > 1 &&
               jpx_key_equal(&box->facts[next - 1].key, &box->facts[next].key))
            next--;
        unsigned partition = (unsigned)(jpx_hash(facts->key.b, JPX_ROOT_SIZE) % JPX_PARTITIONS);
        jpx_message message = {
            .subject = jpx_format(arena, "%s.slot.%u", jpx_bus_prefix(box->session->bus), partition),
            .data = jpx_slot_event_encode(facts, next - first, jpx_now(box->session->env), arena),
        };
        jpx_outbox_message(box, &message);
    }
    box->facts_count = 0;
}

jp_status jpx_outbox_flush(jpx_outbox *box, jp_error *err)
{
    jpx_store *store = box->session->store;

    pack_facts(box);
    if (box->timers_count &&
        jpx_store_insert(store, JPX_TABLE_TIMER, box->timers, box->timers_count, NULL, err) != JP_OK)
        return err->status;
    if (box->aborts_count && jpx_store_change_roots(store, box->aborts, box->aborts_count, err) != JP_OK)
        return err->status;
    if (box->messages_count &&
        jpx_bus_publish(box->session->bus, box->messages, box->messages_count, JPX_PUBLISH_MS, err) != JP_OK)
        return err->status;
    if (box->history_count)
        jpx_bus_tell(box->session->bus, box->history, box->history_count);
    box->messages_count = box->history_count = box->timers_count = box->aborts_count = 0;
    return JP_OK;
}

jp_status jpx_dead_letter(jpx_session *session, const jpx_delivery *delivery, const char *kind, const char *reason,
                          jp_error *err)
{
    jpx_message message = {
        .subject = jpx_format(session->arena, "%s.dead.%s", jpx_bus_prefix(session->bus), kind),
        .data = delivery->data,
        .key = delivery->key,
        .reason = jpx_format(session->arena, "%s (was: %s)", reason, delivery->subject),
    };
    jpx_log(session->env, JPX_WARN, "dead letter", "kind=%s subject=%s reason=%s", kind, delivery->subject,
            jpx_json_text(session->arena, reason));
    return jpx_bus_publish(session->bus, &message, 1, JPX_PUBLISH_MS, err);
}
