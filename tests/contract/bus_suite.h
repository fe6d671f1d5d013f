/* bus_suite.h -- what the contract tests of the bus share: the places to test and short ways to say things.
 *
 * Every test of the suite is a loop test over bus_places(): the in-memory bus with a clock of its own, and JetStream
 * when JETPIPE_TEST_NATS is set to a server's URL, as JETPIPE_TEST_NATS=nats://127.0.0.1:4222 ctest -R contract_bus
 * Each case has a fresh prefix; its streams are removed at the end. */
#ifndef BUS_SUITE_H
#define BUS_SUITE_H

#include "bus/memory.h"
#include "bus/streams.h"
#include <check.h>
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUS_MEMORY, BUS_JETSTREAM };
enum {
    ACK_WAIT_MS = 1000,
    LONG_ACK_WAIT_MS = 60 * 1000,
    PUBLISH_MS = 10000,
    FETCH_MS = 5000,
    NOTHING_MS = 150,
    HELD_MAX = 20000
};

typedef struct bus_case {
    bool memory;
    const char *url;
    jpx_env env;
    jpx_arena *arena;
    jpx_bus *bus;
    char prefix[32];
    jp_error err;
} bus_case;

static _Atomic int64_t bus_clock_ms = 1700000000000;
static int bus_list[2];

static inline int64_t bus_now(void *ctx)
{
    (void)ctx;
    return bus_clock_ms;
}

static inline int bus_places(void)
{
    int count = 0;

    bus_list[count++] = BUS_MEMORY;
    if (getenv("JETPIPE_TEST_NATS") && *getenv("JETPIPE_TEST_NATS"))
        bus_list[count++] = BUS_JETSTREAM;
    else
        printf("skip: jetstream; to run it, set JETPIPE_TEST_NATS to the URL of a nats-server -js\n");
    return count;
}

#define bus_ok(c, call)                                                                                                \
    do {                                                                                                               \
        jp_status status_ = (call);                                                                                    \
        ck_assert_msg(status_ == JP_OK, "%s: %s: %s", (c)->url, #call, (c)->err.text);                                 \
    } while (0)

static const char *const bus_queues[] = {"default", "slow"};

static inline void bus_open(bus_case *c, jpx_bus **out)
{
    bus_ok(c, jpx_bus_open(out, c->url, c->prefix, "contract", 5000, &c->env, &c->err));
}

static inline void bus_begin_with(bus_case *c, int test, int ack_wait_ms)
{
    uint8_t bytes[4];
    char hex[9], wait[16];

    snprintf(wait, sizeof wait, "%d", ack_wait_ms);
    setenv("JETPIPE_ACK_WAIT_MS", wait, 1);
    *c = (bus_case){.memory = bus_list[test] == BUS_MEMORY, .env = jpx_env_system(JPX_ERROR), .arena = jpx_arena_new()};
    c->url = c->memory ? "memory:" : getenv("JETPIPE_TEST_NATS");
    jpx_random(&c->env, bytes, sizeof bytes);
    if (c->memory)
        c->env.now_ms = bus_now;
    jpx_hex(hex, bytes, sizeof bytes);
    snprintf(c->prefix, sizeof c->prefix, "jpt-%s", hex);
    bus_open(c, &c->bus);
    bus_ok(c, jpx_bus_setup(c->bus, bus_queues, 2, &c->err));
}

/* For cases that wait for the ack deadline. */
static inline void bus_begin(bus_case *c, int test)
{
    bus_begin_with(c, test, ACK_WAIT_MS);
}

/* For cases in which it must not pass, however busy the machine is. */
static inline void bus_begin_long(bus_case *c, int test)
{
    bus_begin_with(c, test, LONG_ACK_WAIT_MS);
}

/* A request to $JS.API; JetStream only. */
static inline const char *bus_admin(bus_case *c, const char *verb, const char *stream, const char *more,
                                    const char *json)
{
    char *name = jpx_format(c->arena, "%s_%s", c->prefix, stream);
    jpx_bytes reply;

    for (char *at = name; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    bus_ok(c, jpx_bus_request(c->bus, jpx_format(c->arena, "$JS.API.%s.%s%s", verb, name, more),
                              (jpx_bytes){(const uint8_t *)json, strlen(json)}, 5000, c->arena, &reply, &c->err));
    return jpx_strndup(c->arena, (const char *)reply.data, reply.size);
}

static inline void bus_end(bus_case *c)
{
    for (int i = 0; !c->memory && i < JPX_STREAMS; i++)
        bus_admin(c, "STREAM.DELETE", jpx_stream_defs[i].suffix, "", "");
    jpx_bus_close(c->bus);
    jpx_arena_free(c->arena);
}

static inline void bus_pass(bus_case *c, int64_t ms)
{
    if (c->memory)
        bus_clock_ms += ms;
    else
        usleep((useconds_t)ms * 1000);
}

static inline const char *bus_subject(bus_case *c, const char *rest)
{
    return jpx_format(c->arena, "%s.%s", c->prefix, rest);
}

static inline jpx_message bus_message(bus_case *c, const char *rest, const char *text)
{
    return (jpx_message){.subject = bus_subject(c, rest), .data = {(const uint8_t *)text, strlen(text)}};
}

static inline void bus_say(bus_case *c, const char *rest, const char *text)
{
    jpx_message message = bus_message(c, rest, text);
    bus_ok(c, jpx_bus_publish(c->bus, &message, 1, PUBLISH_MS, &c->err));
}

static inline jpx_sub *bus_take(bus_case *c, jpx_stream stream, const char *queue, size_t credits)
{
    jpx_sub *sub;
    bus_ok(c, jpx_bus_subscribe(&sub, c->bus, stream, queue, credits, &c->err));
    return sub;
}

static inline jpx_sub *bus_hear(bus_case *c, const char *subject, const char *group)
{
    jpx_sub *sub;
    bus_ok(c, jpx_bus_listen(&sub, c->bus, subject, group, &c->err));
    return sub;
}

/* Exactly one delivery with this text. */
static inline jpx_delivery *bus_one(jpx_sub *sub, const char *text)
{
    jpx_delivery *got[2];
    size_t count = jpx_sub_fetch(sub, got, 1, FETCH_MS);

    ck_assert_msg(count == 1, "expected '%s', nothing came", text);
    ck_assert_msg(got[0]->data.size == strlen(text) && memcmp(got[0]->data.data, text, got[0]->data.size) == 0,
                  "expected '%s', got '%.*s'", text, (int)got[0]->data.size, (const char *)got[0]->data.data);
    return got[0];
}

/* What there is now, without virtual or much real time passing. */
static inline void bus_nothing(bus_case *c, jpx_sub *sub)
{
    jpx_delivery *got[1];
    size_t count = jpx_sub_fetch(sub, got, 1, c->memory ? 0 : NOTHING_MS);
    ck_assert_msg(count == 0, "expected nothing, got '%.*s' (delivery %u)", (int)got[0]->data.size,
                  (const char *)got[0]->data.data, got[0]->deliveries);
}

static inline void bus_ack(jpx_sub *sub, jpx_delivery *delivery)
{
    jpx_sub_ack(sub, &delivery, 1);
}

/* Waits until the stream has so many messages: acks are asynchronous. */
static inline void bus_backlog_is(bus_case *c, jpx_stream stream, int64_t wanted)
{
    int64_t found = -1;

    for (int i = 0; i < 250 && (found = jpx_bus_backlog(c->bus, stream)) != wanted; i++)
        usleep(20000);
    ck_assert_int_eq(found, wanted);
}

static inline int bus_run(const char *name, TCase *cases)
{
    Suite *suite = suite_create(name);

    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
