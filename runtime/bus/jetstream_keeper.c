/* jetstream_keeper.c -- one thread of a bus that waits for the server, so that callbacks and roles need not: after a
 * reconnect it looks for evidence of loss, it creates what turned out to be missing, and it has every subscription pull
 * again. Once a second it looks after the pulls' heartbeats. It does not end by itself; stop() waits for it (at most
 * one request's time). */
#include "bus/jetstream_impl.h"
#include <string.h>

enum { TICK_MS = 1000, REPAIR_AGAIN_MS = 1000, REPAIR_AGAIN_MAX_MS = 30000 };

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

static void *keeper(void *arg)
{
    jpx_js_bus *bus = arg;
    int64_t repair_at = 0, pause_ms = REPAIR_AGAIN_MS;
    jp_error err = {0};

    pthread_mutex_lock(&bus->lock);
    while (!bus->stopping) {
        bool look = bus->look, repair = bus->repair && jpx_mono_ms() >= repair_at;
        if (!look && !repair) {
            if (!jpx_cond_until(&bus->changed, &bus->lock, jpx_mono_ms() + TICK_MS))
                continue;
            look = bus->look;
            repair = bus->repair && jpx_mono_ms() >= repair_at;
        }
        bus->look = false;
        if (repair)
            bus->repair = false;
        pthread_mutex_unlock(&bus->lock);
        if (look) {
            each_sub(bus, true);
            if (jpx_js_check(bus, &err) != JP_OK && atomic_load(&bus->fast.up)) {
                log_failure(bus, "streams not checked", &err);
                repair = true;
            }
        }
        if (repair && jpx_js_setup(&bus->base, NULL, 0, &err) != JP_OK) {
            if (atomic_load(&bus->fast.up))
                log_failure(bus, "streams not repaired", &err);
            repair_at = jpx_mono_ms() + pause_ms;
            pause_ms = pause_ms * 2 < REPAIR_AGAIN_MAX_MS ? pause_ms * 2 : REPAIR_AGAIN_MAX_MS;
            jpx_js_keeper_repair(bus);
        } else if (repair) {
            pause_ms = REPAIR_AGAIN_MS;
            each_sub(bus, true);
        }
        each_sub(bus, false);
        pthread_mutex_lock(&bus->lock);
    }
    pthread_mutex_unlock(&bus->lock);
    return NULL;
}

static void tell(jpx_js_bus *bus, bool *flag)
{
    pthread_mutex_lock(&bus->lock);
    *flag = true;
    pthread_cond_broadcast(&bus->changed);
    pthread_mutex_unlock(&bus->lock);
}

void jpx_js_keeper_look(jpx_js_bus *bus)
{
    tell(bus, &bus->look);
}

void jpx_js_keeper_repair(jpx_js_bus *bus)
{
    tell(bus, &bus->repair);
}

void jpx_js_keeper_start(jpx_js_bus *bus)
{
    JPX_ASSERT(pthread_create(&bus->keeper, NULL, keeper, bus) == 0);
    bus->keeper_started = true;
}

void jpx_js_keeper_stop(jpx_js_bus *bus)
{
    tell(bus, &bus->stopping);
    if (bus->keeper_started)
        pthread_join(bus->keeper, NULL);
    bus->keeper_started = false;
}
