/* jetstream_keeper.c -- one thread of a bus that waits for the server, so that callbacks and roles need not: after a
 * reconnect it looks for evidence of loss, it creates what turned out to be missing, and it has every subscription pull
 * again. Once a second it looks after the pulls' heartbeats. A stream that is lost without a reconnect shows to who
 * uses it, and not to a barrier role, whose streams others use: where losses are asked for, it looks now and then. It
 * does not end by itself; stop() waits for it (at most one request's time). */
#include "bus/jetstream_impl.h"
#include <string.h>

enum { TICK_MS = 1000, AGAIN_MS = 1000, AGAIN_MAX_MS = 30000, WATCH_MS = 10000, WATCH_AGAIN_MS = 300000 };

static void each_sub(jpx_js_bus *bus, bool restart)
{
    pthread_mutex_lock(&bus->lock);
    for (jpx_js_sub *sub = bus->subs; sub; sub = sub->next) {
        pthread_mutex_lock(&sub->lock);
        if (restart)
            jpx_js_pull_restart(sub);
        else
            jpx_js_pull_tick(sub);
        pthread_mutex_unlock(&sub->lock);
    }
    pthread_mutex_unlock(&bus->lock);
}

static void log_failure(jpx_js_bus *bus, const char *doing, const jp_error *err)
{
    jpx_log(bus->base.env, JPX_WARN, doing, "url=%s cause=\"%s\"", bus->url, err->text);
}

/* Looks and repairs; waits for the server. False: to be done again. */
static bool look_and_repair(jpx_js_bus *bus, bool look, bool repair)
{
    jp_error err = {0};
    bool fine = true;

    if (look) {
        each_sub(bus, true);
        fine = jpx_js_check(bus, &err) == JP_OK;
        if (!fine && atomic_load(&bus->fast.up))
            log_failure(bus, "streams not checked", &err);
    }
    if (repair && jpx_js_setup(&bus->base, NULL, 0, &err) != JP_OK) {
        fine = false;
        if (atomic_load(&bus->fast.up))
            log_failure(bus, "streams not repaired", &err);
    } else if (repair) {
        each_sub(bus, true);
    }
    return fine;
}

/* When it is to be done the next time; later, when it may not be. */
static int64_t watch(jpx_js_bus *bus)
{
    jp_error ignored;
    bool fine = !atomic_load(&bus->fast.up) || jpx_js_check(bus, &ignored) == JP_OK;

    return jpx_mono_ms() + (fine ? WATCH_MS : WATCH_AGAIN_MS);
}

static void *keeper(void *arg)
{
    jpx_js_bus *bus = arg;
    int64_t pause_ms = AGAIN_MS, watch_ms = jpx_mono_ms() + WATCH_MS;

    pthread_mutex_lock(&bus->lock);
    while (!bus->stopping) {
        bool due = jpx_mono_ms() >= bus->not_before_ms;
        bool look = bus->look && due, repair = bus->repair && due;
        if (!look && !repair && jpx_cond_until(&bus->changed, &bus->lock, jpx_mono_ms() + TICK_MS) &&
            (bus->look || bus->repair) && jpx_mono_ms() >= bus->not_before_ms)
            continue;
        bus->look &= !look;
        bus->repair &= !repair;
        pthread_mutex_unlock(&bus->lock);
        bool fine = look_and_repair(bus, look, repair);
        if (atomic_load(&bus->watched) && jpx_mono_ms() >= watch_ms)
            watch_ms = watch(bus);
        each_sub(bus, false);
        pthread_mutex_lock(&bus->lock);
        if (!fine) {
            bus->look |= look;
            bus->repair |= repair;
            bus->not_before_ms = jpx_mono_ms() + pause_ms;
            pause_ms = pause_ms * 2 < AGAIN_MAX_MS ? pause_ms * 2 : AGAIN_MAX_MS;
        } else if (look || repair) {
            pause_ms = AGAIN_MS;
        }
    }
    pthread_mutex_unlock(&bus->lock);
    return NULL;
}

static void ask(jpx_js_bus *bus, bool *flag)
{
    pthread_mutex_lock(&bus->lock);
    *flag = true;
    pthread_cond_broadcast(&bus->changed);
    pthread_mutex_unlock(&bus->lock);
}

void jpx_js_keeper_look(jpx_js_bus *bus)
{
    pthread_mutex_lock(&bus->lock);
    bus->not_before_ms = 0; /* another connection, another chance */
    pthread_mutex_unlock(&bus->lock);
    ask(bus, &bus->look);
}

void jpx_js_keeper_repair(jpx_js_bus *bus)
{
    ask(bus, &bus->repair);
}

void jpx_js_keeper_start(jpx_js_bus *bus)
{
    int failed = pthread_create(&bus->keeper, NULL, keeper, bus);
    JPX_ASSERT(failed == 0);
    bus->keeper_started = true;
}

void jpx_js_keeper_stop(jpx_js_bus *bus)
{
    ask(bus, &bus->stopping);
    if (bus->keeper_started)
        pthread_join(bus->keeper, NULL);
    bus->keeper_started = false;
}
