/* barrier.c -- the barrier role: settles slot events in batches, fires timers, patrols live roots.
 *
 * One thread. A batch of slot events is settled together and acked last. Timers are durable records: they are looked
 * for, so that they survive restarts of everything and hold nothing while they wait. */
#include "role/internal.h"
#include <stdlib.h>
#include <string.h>

enum {
    TIMER_MS = 40, /* between two looks at the timers: due times are met within 100 ms */
    TIMERS_BATCH = 1000,
    PATROL_LIMIT = 1000,
    FIRST_WALK_MS = 1000,
    PATROL_MS = 60 * 1000,
    PATROL_MAX_MS = 3600 * 1000,
    SECOND_WALK_MS = 35 * 1000, /* handlers in flight at a loss have ended by then (PROTOCOL 13) */
    NAK_MS = 1000
};

typedef struct barrier {
    jpx_role role;
    jpx_sub *slots;
    int64_t timers_ms, next_timer_ms;
    uint64_t losses;
    int64_t walk_ms;  /* when live roots are walked again */
    int64_t pause_ms; /* of the slow patrol; grows */
} barrier;

/* ---- slot events ---- */

static void put_off(barrier *b, jpx_delivery **deliveries, size_t count, const jp_error *err)
{
    jpx_log(b->role.desk.env, JPX_WARN, "slot events put off", "count=%zu error=%s", count,
            jpx_json_text(b->role.desk.arena, err->text));
    for (size_t i = 0; i < count; i++)
        jpx_sub_nak(b->slots, deliveries[i], NAK_MS);
}

static size_t take_slots(barrier *b, int64_t wait_ms)
{
    jpx_desk *desk = &b->role.desk;
    jpx_delivery *deliveries[JPX_BATCH_MAX];
    size_t count = jpx_sub_fetch(b->slots, deliveries, b->role.options.batch, wait_ms), good = 0;
    jpx_outbox box = jpx_outbox_new(desk);
    jpx_fact *facts = NULL;
    size_t facts_count = 0, facts_cap = 0;
    jp_error err = {0};

    for (size_t i = 0; i < count; i++) {
        jpx_fact *some;
        size_t some_count;
        if (!jpx_slot_event_decode(deliveries[i]->data, desk->arena, &some, &some_count)) {
            if (jpx_dead_letter(desk, deliveries[i], "slot", "not a slot event", &err) == JP_OK)
                jpx_sub_ack(b->slots, &deliveries[i], 1);
            else
                jpx_sub_nak(b->slots, deliveries[i], NAK_MS);
            continue;
        }
        for (size_t f = 0; f < some_count; f++) {
            some[f].again |= deliveries[i]->deliveries > 1;
            JPX_PUSH(desk->arena, facts, facts_count, facts_cap) = some[f];
        }
        deliveries[good++] = deliveries[i];
    }
    if (good) {
        if (jpx_settle(desk, &box, facts, facts_count, &err) != JP_OK || jpx_outbox_flush(&box, &err) != JP_OK)
            put_off(b, deliveries, good, &err);
        else
            jpx_sub_ack(b->slots, deliveries, good);
    }
    return count;
}

/* ---- timers ---- */

/* The records of a root that was cleaned up are removed once more: bodies in flight may have inserted since. */
static void sweep(jpx_desk *desk, jpx_outbox *box, const jpx_key *key)
{
    char text[JPX_ROOT_TEXT];
    jpx_root_id root = jpx_key_root_id(key);
    char *data = jpx_format(desk->arena, "{\"root\":\"%s\"}", jpx_root_text(text, &root));
    jpx_message message = {.subject = jpx_format(desk->arena, "%s.control.sweep", jpx_bus_prefix(desk->bus)),
                           .data = {(const uint8_t *)data, strlen(data)}};
    jpx_outbox_message(box, &message);
}

/* What is due is published, then removed: a crash between the two publishes it again. */
static size_t fire_timers(barrier *b)
{
    jpx_desk *desk = &b->role.desk;
    int64_t now = jpx_now(desk->env);
    uint8_t lo[JPX_TIMER_SIZE] = {0}, hi[JPX_TIMER_SIZE];
    jpx_records found;
    jpx_bytes *ids;
    jpx_outbox box = jpx_outbox_new(desk);
    jp_error err = {0};
    size_t fired = 0;

    if (now < b->timers_ms)
        return 0;
    b->timers_ms = now + TIMER_MS;
    memset(hi, 0xff, sizeof hi);
    jpx_put64(hi, (uint64_t)now); /* only what is due: waiting costs nothing */
    if (jpx_store_scan(desk->store, JPX_TIMER, jpx_id(lo, sizeof lo), jpx_id(hi, sizeof hi), TIMERS_BATCH, false,
                       desk->arena, &found, &err) != JP_OK) {
        jpx_log(desk->env, JPX_WARN, "timers put off", "error=%s", jpx_json_text(desk->arena, err.text));
        b->timers_ms = now + NAK_MS;
        return 0;
    }
    ids = jpx_alloc_array(desk->arena, found.count + 1, sizeof *ids);
    b->next_timer_ms = INT64_MAX;
    for (size_t i = 0; i < found.count; i++) {
        jpx_timer timer;
        if (!jpx_timer_decode(found.items[i], desk->arena, &timer)) {
            jpx_log(desk->env, JPX_ERROR, "damaged record", "record=timer");
            continue;
        }
        if (timer.due_ms > now) {
            b->next_timer_ms = timer.due_ms;
            break;
        }
        if (timer.step == UINT32_MAX)
            sweep(desk, &box, &timer.key);
        else {
            jpx_run_event event = {.key = timer.key, .step = timer.step + 1, .due = true};
            jpx_outbox_run(&box, &event, timer.pipe, timer.queue, true); /* deduplication must not swallow it */
        }
        ids[fired++] = found.items[i].id;
    }
    if (!fired) {
        jpx_put64(lo, (uint64_t)now + 1);
        memset(hi, 0xff, sizeof hi);
        if (jpx_store_scan(desk->store, JPX_TIMER, jpx_id(lo, sizeof lo), jpx_id(hi, sizeof hi), 1, false, desk->arena,
                           &found, &err) == JP_OK &&
            found.count)
            b->next_timer_ms = (int64_t)jpx_get64(found.items[0].id.data);
        return 0;
    }
    if (jpx_outbox_flush(&box, &err) != JP_OK || jpx_store_remove(desk->store, JPX_TIMER, ids, fired, &err) != JP_OK)
        jpx_log(desk->env, JPX_WARN, "timers put off", "error=%s", jpx_json_text(desk->arena, err.text));
    if (fired == TIMERS_BATCH)
        b->timers_ms = now;
    return fired;
}

/* ---- repair ---- */

/* Walks every live root and publishes again what is due. After a loss twice: handlers that were in flight then may have
 * died since. */
static size_t patrol(barrier *b)
{
    jpx_desk *desk = &b->role.desk;
    int64_t now = jpx_now(desk->env);
    uint64_t losses = jpx_bus_losses(desk->bus);
    jpx_root_filter filter = {.status = "running", .limit = PATROL_LIMIT};
    jpx_records found;
    size_t walked = 0;
    jp_error err = {0};
    bool lost = losses != b->losses;

    if (!lost && now < b->walk_ms)
        return 0;
    if (lost)
        jpx_log(desk->env, JPX_WARN, "messages may be lost", "mend=\"live roots are walked\"");
    do {
        if (jpx_store_list_roots(desk->store, &filter, desk->arena, &found, &err) != JP_OK)
            break;
        for (size_t i = 0; i < found.count; i++) {
            jpx_outbox box = jpx_outbox_new(desk);
            jpx_root root;
            if (!jpx_root_decode(found.items[i].doc, desk->arena, &root))
                continue;
            filter.before = jpx_copy(desk->arena, found.items[i].id.data, found.items[i].id.size);
            if (jpx_walk_repair(desk, &box, &root, &err) != JP_OK || jpx_outbox_flush(&box, &err) != JP_OK)
                goto out;
            walked++;
        }
    } while (found.count == PATROL_LIMIT);
out:
    if (err.status != JP_OK) {
        jpx_log(desk->env, JPX_WARN, "repair put off", "error=%s", jpx_json_text(desk->arena, err.text));
        b->walk_ms = now + NAK_MS;
        return walked;
    }
    b->losses = losses;
    b->pause_ms = lost ? PATROL_MS : b->pause_ms < PATROL_MAX_MS / 2 ? 2 * b->pause_ms : PATROL_MAX_MS;
    b->walk_ms = now + (lost ? SECOND_WALK_MS : b->pause_ms);
    jpx_log(desk->env, JPX_INFO, "live roots walked", "roots=%zu", walked);
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
    jpx_arena_reset(role->desk.arena);
    did += patrol(b);
    jpx_arena_reset(role->desk.arena);
    if (did)
        wait_ms = 0;
    else if (wait_ms > TIMER_MS)
        wait_ms = TIMER_MS;
    did += take_slots(b, wait_ms);
    jpx_arena_reset(role->desk.arena);
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
    b->losses = jpx_bus_losses(b->role.parts.bus);
    b->walk_ms = jpx_now(b->role.parts.env) + FIRST_WALK_MS; /* streams may have been lost while nobody was here */
    b->pause_ms = PATROL_MS;
    if (jpx_bus_subscribe(&b->slots, b->role.parts.bus, JPX_SLOT, "", b->role.options.batch, err) != JP_OK) {
        free(b);
        return err->status;
    }
    *role = &b->role;
    return JP_OK;
}
