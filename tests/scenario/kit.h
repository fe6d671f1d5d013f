/* kit.h -- one written scenario, run on every store and bus.
 *
 * A scenario is a Check test `START_SCENARIO(s30_after) { ... } END_SCENARIO`; it runs once for each ground: SQLite and
 * MongoDB x memory and JetStream, and memory x memory. On the memory bus time is virtual, so that delays cost nothing;
 * on JetStream it is real: scenarios say times in units of kit->ms, which is smaller there. A ground whose server is
 * not named by the environment (JETPIPE_TEST_MONGO, JETPIPE_TEST_NATS) is left out and counted as skipped; tests/run.sh
 * names both. */
#ifndef KIT_H
#define KIT_H

#include "bus/memory.h"
#include "role/local.h"
#include <check.h>
#include <jetpipe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct kit {
    const char *ground; /* "sqlite x jetstream" */
    bool virtual_time;
    int64_t ms; /* so many ms of this ground's clock are one scenario millisecond: always 1 when virtual */
    jpx_local *local;
    jpx_registry *registry;
    jpx_arena *arena;
    const char *key;   /* of the last root */
    const char *store; /* its URI; NULL: "memory:" */
    char prefix[64];
} kit;

/* ---- the journal: what bodies and hooks did, in order ---- */
void kit_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *kit_journal(void);   /* "run 1, run 2, fin 2" */
int kit_noted(const char *text); /* how often */
/* Is every `a` before the first `b`? Both must be there. */
bool kit_before(const char *a, const char *b);

/* ---- faults ---- (faults.c) Decorators of the next kit that is opened; NULL = none. */
extern jpx_store *(*kit_wrap_store)(jpx_store *);
extern jpx_bus *(*kit_wrap_bus)(jpx_bus *);
/* Of the next kit: its random source (0: the system's), which is told as a part of the ground; where bodies run. */
extern uint64_t kit_seed;
extern jpx_zygote *kit_zygote;
extern void (*kit_log)(void *ctx, jpx_log_level level, const char *line);
extern bool kit_real_time; /* on the memory bus, too: bodies in processes of their own know no other */

/* ---- running ---- */
/* Starts a root; its key is returned. */
const char *kit_start(kit *, const char *pipe, const char *json);
const char *kit_start_with_key(kit *, const char *pipe, const char *json, const char *key);
/* Until it is final; fails the test when it does not come to an end. */
void kit_finish(kit *, const char *key);
/* Both. */
const char *kit_run(kit *, const char *pipe, const char *json);
/* Lets `ms` pass, handling what comes. */
void kit_pass(kit *, int64_t ms);
/* Steps until nothing is left to do without time passing. */
void kit_run_until_idle(kit *);

/* ---- looking ---- all texts live until the scenario ends */
const char *kit_ask(kit *, const char *verb, const char *json); /* the api's answer as it came */
const char *kit_field(kit *, const char *verb, const char *key,
                      const char *path); /* one field of the answer about a root, as JSON */
const char *kit_result(kit *, const char *key);
const char *kit_status(kit *, const char *key);
const char *kit_reason(kit *, const char *key);
/* A field of a pipeline in the tree: path "children.0.status". */
const char *kit_tree(kit *, const char *key, const char *path);
int64_t kit_now(kit *);

#define kit_assert_json(actual, expected) ck_assert_str_eq((actual), (expected))

/* ---- scenarios ---- */
enum { KIT_GROUNDS = 5 };
bool kit_has(int ground);                              /* false: this ground is not here, and was told to be skipped */
kit *kit_open(int ground, const jp_def *const *pipes); /* NULL: this ground is not here */
void kit_close(kit *);
void kit_remove_streams(kit *); /* those of its prefix; nobody may have them open */
int kit_main(Suite *);

#define START_SCENARIO(name)                                                                                           \
    static void name##_scenario(kit *k);                                                                               \
    START_TEST(name)                                                                                                   \
    {                                                                                                                  \
        kit *k = kit_open(_i, pipes);                                                                                  \
        if (k) {                                                                                                       \
            name##_scenario(k);                                                                                        \
            kit_close(k);                                                                                              \
        }                                                                                                              \
    }                                                                                                                  \
    END_TEST                                                                                                           \
    static void name##_scenario(kit *k)
#define kit_add_scenario(tcase, name) tcase_add_loop_test((tcase), (name), 0, KIT_GROUNDS)

/* ---- pipes of SCENARIOS.md ---- */
JP_DECLARE(echo); /* none -> null, one -> it, many -> list */
JP_DECLARE(rec);  /* rec(n): notes "run n", and "fin n" (+A when aborted) from on_finished */
JP_DECLARE(slow); /* slow(n, ms): waits, completes by itself after ms, gives n */
JP_DECLARE(fail); /* fail(k): fails its first k-1 attempts, then "ok" */

#endif
