/* barrier.c -- the barrier role: settles slot events in batches, fires timers, patrols live roots.
 *
 * One thread. A batch of slot events is settled together and acked last. Timers are durable records: they are looked
 * for, so that they survive restarts of everything and hold nothing while they wait. */
#include "barrier/barrier.h"
#include <stdlib.h>
#include <string.h>

enum {
    TIMER_MS = 40, /* between two looks at the timers: due times are met within 100 ms */
    TIMERS_BATCH = 1000,
    PATROL_ROOTS = 50, /* walked in one step */
    FIRST_WALK_MS = 1000,
    PATROL_MS = 60 * 1000,
    PATROL_MAX_MS = 3600 * 1000,
    SECOND_WALK_MS = 35 * 1000, /* handlers in flight at a loss have ended by then (PROTOCOL 13) */
    NAK_MS = 1000,
    NAK_MAX_MS = 30 * 1000
};

typedef struct patrol { /* one walk over all live roots, newest first */
    bool going;
    bool full; /* there was a loss: everything is published again, whatever the queues may have */
    uint8_t before_id[JPX_ROOT_SIZE];
    jpx_bytes before; /* the last root that was walked; none yet when empty */
    int64_t took_ms;  /* walking, without what was put off */
    size_t walked;
} patrol;

typedef struct barrier {
    jpx_role role;
    jpx_sub *slots;
    int64_t timers_ms, next_timer_ms;
    uint64_t loss_count; /* known to the patrol */
    patrol patrol;
    bool second_walk;          /* of a loss is to come */
    bool looked;               /* for a loss that others noticed before this role began */
    int64_t stream_created_ns; /* of the streams that are walked for */
    int64_t walk_ms;           /* when the patrol begins, or goes on after a failure */
    int64_t pause_ms;          /* after the next one */
} barrier;

/* ---- slot events ---- */

static void defer(barrier *b, jpx_delivery **deliveries, size_t count, const jp_error *err)
{
    jpx_log(b->role.session.env, JPX_WARN, "slot events put off", "count=%zu error=%s", count,
            jpx_json_text(b->role.session.arena, err->text));
    for (size_t i = 0; i < count; i++)
        jpx_sub_nak(b->slots, deliveries[i], jpx_nak_delay_ms(deliveries[i]->deliveries, NAK_MS, NAK_MAX_MS));
}

typedef struct received { /* a slot event that was understood */
    jpx_delivery *delivery;
    jpx_fact *facts;
    size_t count;
} received;

/* False: it was given back, or is a dead letter. */
static bool receive(barrier *b, jpx_delivery *delivery, received *out)
{
    jpx_session *session = &b->role.session;
    jp_error err;

    *out = (received){.delivery = delivery};
    switch (jpx_slot_event_decode(delivery->data, session->arena, &out->facts, &out->count)) {
    case JPX_DECODED:
        for (size_t f = 0; delivery->deliveries > 1 && f < out->count; f++)
            out->facts[f].repeat = JPX_REPEAT;
        return true;
    case JPX_NEWER:
        jpx_give_to_newer(session, b->slots, delivery, JPX_NEWER_SLOT);
        return false;
    case JPX_MALFORMED:
        break;
    }
    if (jpx_dead_letter(session, delivery, "slot", "not a slot event", &err) == JP_OK)
        jpx_sub_ack(b->slots, &delivery, 1);
    else
        jpx_sub_nak(b->slots, delivery, NAK_MS);
    return false;
}

static jp_status propagate(barrier *b, const received *events, size_t count, jp_error *err)
{
    jpx_session *session = &b->role.session;
    jpx_outbox box = jpx_outbox_new(session);
    jpx_fact *facts = NULL;
    size_t facts_count = 0, facts_cap = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t f = 0; f < events[i].count; f++)
            JPX_PUSH(session->arena, facts, facts_count, facts_cap) = events[i].facts[f];
    return jpx_propagate(session, &box, facts, facts_count, false, err) == JP_OK ? jpx_outbox_flush(&box, err)
                                                                                 : err->status;
}

/* A record that cannot be read concerns one root: its event must not hold up those that arrived with it. */
static bool is_of_one_root(jp_status status)
{
    return status == JP_E_DAMAGED || status == JP_E_REFUSED;
}

static void handle(barrier *b, const received *events, size_t count)
{
    jpx_delivery *deliveries[JPX_BATCH_MAX];
    jp_error err = {0};

    for (size_t i = 0; i < count; i++)
        deliveries[i] = events[i].delivery;
    if (propagate(b, events, count, &err) == JP_OK) {
        jpx_sub_ack(b->slots, deliveries, count);
    } else if (count > 1 && is_of_one_root(err.status)) {
        for (size_t i = 0; i < count; i++)
            handle(b, &events[i], 1);
    } else {
        defer(b, deliveries, count, &err);
    }
}

static size_t take_slots(barrier *b, int64_t wait_ms)
{
    jpx_delivery *deliveries[JPX_BATCH_MAX];
    received events[JPX_BATCH_MAX];
    size_t count = jpx_sub_fetch(b->slots, deliveries, b->role.options.batch, wait_ms), good = 0;

    for (size_t i = 0; i < count; i++)
        good += receive(b, deliveries[i], &events[good]);
    if (good)
        handle(b, events, good);
    return count;
}

/* ---- timers ---- */

/* Timers up to `until_ms`, the first ones first. */
static jp_status scan_timers(barrier *b, int64_t until_ms, size_t limit, jpx_records *found, jp_error *err)
{
    const uint8_t from[8] = {0};
    uint8_t until[8], lo[JPX_TIMER_SIZE], hi[JPX_TIMER_SIZE];

    jpx_put64(until, (uint64_t)until_ms);
    jpx_id_bounds(lo, hi, sizeof lo, from, until, sizeof from);
    return jpx_store_scan(b->role.session.store, JPX_TABLE_TIMER, jpx_id(lo, sizeof lo), jpx_id(hi, sizeof hi), limit,
                          false, b->role.session.arena, found, err);
}

static void fire(jpx_session *session, jpx_outbox *box, jpx_record record)
{
    jpx_timer timer;

    if (!jpx_timer_decode(record, session->arena, &timer)) { /* the patrol makes it anew from the entry it belongs to */
        jpx_log(session->env, JPX_ERROR, "damaged record removed", "record=timer");
    } else if (timer.step == JPX_STEP_SWEEP) {
        jpx_root_id root = jpx_key_root_id(&timer.key);
        jpx_outbox_control(box, "sweep", &root); /* bodies in flight may have inserted since the cleanup */
    } else {
        jpx_run_event event = {.key = timer.key, .step = timer.step + 1, .due = true};
        jpx_outbox_run(box, &event, timer.pipe, timer.queue, JPX_REPEAT); /* deduplication must not swallow it */
    }
}

/* What is due is published, then removed: a crash between the two publishes it again. While nothing is due, one look at
 * the first timer is all it costs, however many there are. */
static size_t fire_timers(barrier *b)
{
    jpx_session *session = &b->role.session;
    int64_t now = jpx_now(session->env);
    jpx_records found;
    jpx_outbox box = jpx_outbox_new(session);
    jp_error err = {0};

    if (now < b->timers_ms)
        return 0;
    b->timers_ms = now + TIMER_MS;
    if (scan_timers(b, INT64_MAX, 1, &found, &err) != JP_OK)
        goto failed;
    b->next_timer_ms = found.count ? (int64_t)jpx_get64(found.items[0].id.data) : INT64_MAX;
    if (b->next_timer_ms > now)
        return 0;
    if (scan_timers(b, now, TIMERS_BATCH, &found, &err) != JP_OK)
        goto failed;
    jpx_bytes *ids = jpx_alloc_array(session->arena, found.count + 1, sizeof *ids);
    for (size_t i = 0; i < found.count; i++) {
        fire(session, &box, found.items[i]);
        ids[i] = found.items[i].id;
    }
    if (jpx_outbox_flush(&box, &err) != JP_OK ||
        jpx_store_remove(session->store, JPX_TABLE_TIMER, ids, found.count, &err) != JP_OK)
        goto failed;
    if (found.count == TIMERS_BATCH)
        b->timers_ms = now;
    return found.count;
failed:
    jpx_log(session->env, JPX_WARN, "timers put off", "error=%s", jpx_json_text(session->arena, err.text));
    b->timers_ms = now + NAK_MS;
    return 0;
}

/* ---- the patrol ---- */

static void begin_patrol(barrier *b, bool full)
{
    b->patrol = (patrol){.going = true, .full = full};
}

/* A loss is walked twice: handlers that were in flight at it may have died since (PROTOCOL 13). After that, and at the
 * start, it is the slow net below everything: it has growing pauses and takes at most a hundredth of the time. */
static void end_patrol(barrier *b, int64_t now)
{
    int64_t rest_ms = 100 * b->patrol.took_ms;

    jpx_log(b->role.session.env, JPX_INFO, "live roots walked", "roots=%zu took_ms=%lld", b->patrol.walked,
            (long long)b->patrol.took_ms);
    b->patrol.going = false;
    if (b->patrol.full && !b->second_walk) {
        b->second_walk = true;
        b->pause_ms = PATROL_MS;
        b->walk_ms = now + SECOND_WALK_MS;
        return;
    }
    if (b->second_walk) /* when that fails, who begins after this one walks again */
        (void)jpx_stream_loss_repaired(&b->role.session, b->stream_created_ns, &(jp_error){0});
    b->second_walk = false;
    b->walk_ms = now + (b->pause_ms > rest_ms ? b->pause_ms : rest_ms);
    b->pause_ms = b->pause_ms < PATROL_MAX_MS / 2 ? 2 * b->pause_ms : PATROL_MAX_MS;
}

/* One root. A damaged record of it is told and holds up no other root. */
static jp_status repair(jpx_session *session, jpx_record record, jpx_queue_age *backlog, jp_error *err)
{
    jpx_outbox box = jpx_outbox_new(session);
    jpx_root root;
    char id[JPX_ROOT_TEXT];

    if (!jpx_root_decode(record.doc, session->arena, &root))
        return JP_OK; /* lists show it */
    if (jpx_repair_root(session, &box, &root, backlog, err) == JP_OK && jpx_outbox_flush(&box, err) == JP_OK)
        return JP_OK;
    if (err->status != JP_E_DAMAGED)
        return err->status;
    jpx_log(session->env, JPX_ERROR, "root cannot be repaired", "root=%s error=%s", jpx_root_text(id, &root.id),
            jpx_json_text(session->arena, err->text));
    return JP_OK;
}

static jp_status walk_some(barrier *b, size_t *walked, jp_error *err)
{
    jpx_session *session = &b->role.session;
    jpx_root_filter filter = {.status = "running", .limit = PATROL_ROOTS, .before = b->patrol.before};
    jpx_queue_age backlog = {.bus = session->bus, .store = session->store, .arena = session->arena};
    jpx_records found;

    if (jpx_store_list_roots(session->store, &filter, session->arena, &found, err) != JP_OK)
        return err->status;
    for (size_t i = 0; i < found.count; i++) {
        if (repair(session, found.items[i], b->patrol.full ? NULL : &backlog, err) != JP_OK)
            return err->status;
        memcpy(b->patrol.before_id, found.items[i].id.data, JPX_ROOT_SIZE);
        b->patrol.before = jpx_id(b->patrol.before_id, JPX_ROOT_SIZE);
        b->patrol.walked++;
    }
    *walked = found.count;
    return JP_OK;
}

/* Was there a loss that nobody has walked for twice? */
static jp_status look_back(barrier *b, jp_error *err)
{
    bool lost;

    if (b->looked)
        return JP_OK;
    b->stream_created_ns = jpx_bus_stream_created_ns(b->role.session.bus);
    if (jpx_stream_loss_find(&b->role.session, b->stream_created_ns, &lost, err) != JP_OK)
        return err->status;
    b->looked = true;
    if (!lost)
        return JP_OK;
    jpx_log(b->role.session.env, JPX_WARN, "messages may have been lost", "mend=\"live roots are walked\"");
    begin_patrol(b, true);
    return JP_OK;
}

/* Walks live roots and publishes again what is due, a few roots at a time, so that slot events and timers go on. */
static size_t go_on_patrol(barrier *b)
{
    int64_t now = jpx_now(b->role.session.env);
    uint64_t loss_count = jpx_bus_loss_count(b->role.session.bus);
    size_t walked = 0;
    jp_error err = {0};

    if (loss_count != b->loss_count) {
        jpx_log(b->role.session.env, JPX_WARN, "messages may be lost", "mend=\"live roots are walked\"");
        b->loss_count = loss_count;
        b->stream_created_ns = jpx_bus_stream_created_ns(b->role.session.bus);
        b->looked = true;
        b->second_walk = false;
        b->walk_ms = now;
        begin_patrol(b, true);
    }
    if (now < b->walk_ms)
        return 0;
    if (look_back(b, &err) != JP_OK)
        goto failed;
    if (!b->patrol.going)
        begin_patrol(b, b->second_walk);
    if (walk_some(b, &walked, &err) != JP_OK)
        goto failed;
    b->patrol.took_ms += jpx_now(b->role.session.env) - now;
    if (walked < PATROL_ROOTS)
        end_patrol(b, now);
    return walked;
failed:
    jpx_log(b->role.session.env, JPX_WARN, "repair put off", "error=%s",
            jpx_json_text(b->role.session.arena, err.text));
    b->walk_ms = now + NAK_MS; /* it goes on from there */
    return walked;
}

/* ---- the role ---- */

static size_t barrier_step(jpx_role *role, int64_t wait_ms)
{
    barrier *b = (barrier *)role;
    size_t did = 0;

    if (role->draining)
        return 0;
    did += fire_timers(b);
    jpx_arena_reset(role->session.arena);
    did += go_on_patrol(b);
    jpx_arena_reset(role->session.arena);
    if (did)
        wait_ms = 0;
    else if (wait_ms > TIMER_MS)
        wait_ms = TIMER_MS;
    did += take_slots(b, wait_ms);
    jpx_arena_reset(role->session.arena);
    return did;
}

static bool barrier_drain(jpx_role *role)
{
    (void)role;
    return true; /* nothing is held between two steps */
}

static int64_t barrier_next(jpx_role *role)
{
    barrier *b = (barrier *)role;
    /* the slow patrol is a net below, not something to wait for */
    return b->pause_ms == PATROL_MS && b->walk_ms < b->next_timer_ms ? b->walk_ms : b->next_timer_ms;
}

static void barrier_close(jpx_role *role)
{
    barrier *b = (barrier *)role;
    jpx_sub_close(b->slots);
    free(b);
}

jp_status jpx_barrier_open(jpx_role **role, jp_error *err)
{
    barrier *b = calloc(1, sizeof *b);
    JPX_ASSERT(b != NULL);
    b->role = **role;
    b->role.step = barrier_step;
    b->role.drain = barrier_drain;
    b->role.next_ms = barrier_next;
    b->role.close = barrier_close;
    b->next_timer_ms = INT64_MAX;
    b->loss_count = jpx_bus_loss_count(b->role.parts.bus);
    b->walk_ms = jpx_now(b->role.parts.env) + FIRST_WALK_MS; /* streams may have been lost while nobody was here */
    b->pause_ms = PATROL_MS;
    if (jpx_bus_subscribe(&b->slots, b->role.parts.bus, JPX_STREAM_SLOT, "", b->role.options.batch, err) != JP_OK) {
        free(b);
        return err->status;
    }
    *role = &b->role;
    return JP_OK;
}
