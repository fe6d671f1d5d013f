/* bus_bench.c -- measures a bus: latency of one publish and from publish to delivery, throughput of batches, fetch and
 * ack.
 *
 *     bus_bench [URL] [MESSAGES]      (default: memory: and 100000)
 *
 * It uses its own prefix and removes its streams. */
#include "bus/streams.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 512, LONE = 2000, PAYLOAD = 256, CREDITS = 2048 };

static jp_error err;

static void must(jp_status status, const char *what)
{
    if (status == JP_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err.text);
    exit(EXIT_FAILURE);
}

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(const char *what, double *us, size_t count)
{
    double sum = 0;

    qsort(us, count, sizeof *us, by_size);
    for (size_t i = 0; i < count; i++)
        sum += us[i];
    printf("%-34s mean %7.0f us  median %7.0f us  99%% %7.0f us\n", what, sum / (double)count, us[count / 2],
           us[count * 99 / 100]);
}

static void lone(jpx_bus *bus, jpx_sub *sub, const char *subject)
{
    static double publish[LONE], hop[LONE];
    uint8_t data[PAYLOAD] = {0};
    jpx_message message = {.subject = subject, .data = {data, sizeof data}};
    jpx_delivery *got;

    for (size_t i = 0; i < LONE; i++) {
        double began = now_us();
        must(jpx_bus_publish(bus, &message, 1, 10000, &err), "publish");
        publish[i] = now_us() - began;
        if (jpx_sub_fetch(sub, &got, 1, 10000) != 1)
            must(jpx_fail(&err, JP_E_TIMEOUT, "no message arrived"), "fetch");
        hop[i] = now_us() - began;
        jpx_sub_ack(sub, &got, 1);
    }
    report("publish one", publish, LONE);
    report("publish one and fetch it", hop, LONE);
}

static void bulk(jpx_bus *bus, jpx_sub *sub, const char *subject, size_t count)
{
    static jpx_delivery *got[BATCH];
    jpx_message messages[BATCH];
    jpx_arena *arena = jpx_arena_new();
    uint8_t data[PAYLOAD] = {0};
    size_t fetched = 0;

    double began = now_us();
    for (size_t done = 0; done < count; done += BATCH) {
        size_t size = count - done < BATCH ? count - done : BATCH;
        jpx_arena_reset(arena);
        for (size_t i = 0; i < size; i++)
            messages[i] = (jpx_message){.subject = subject,
                                        .data = {data, sizeof data},
                                        .id = jpx_format(arena, "0123456789abcdef01234567:%zu", done + i)};
        must(jpx_bus_publish(bus, messages, size, 30000, &err), "publish");
    }
    double published = now_us();
    printf("%-34s %9.0f / s\n", "publish in batches of 512, with ids", (double)count / (published - began) * 1e6);
    while (fetched < count) {
        size_t size = jpx_sub_fetch(sub, got, BATCH, 10000);
        if (size == 0)
            must(jpx_fail(&err, JP_E_TIMEOUT, "%zu of %zu messages arrived", fetched, count), "fetch");
        jpx_sub_ack(sub, got, size);
        fetched += size;
    }
    printf("%-34s %9.0f / s\n", "fetch and ack", (double)count / (now_us() - published) * 1e6);
    for (int i = 0; i < 500 && jpx_bus_backlog(bus, JPX_STREAM_RUN) != 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    printf("%-34s %9.0f / s\n", "fetch and ack, until the stream is empty",
           (double)count / (now_us() - published) * 1e6);
    jpx_arena_free(arena);
}

int main(int argc, char **argv)
{
    const char *url = argc > 1 ? argv[1] : "memory:", *queues[] = {"default"};
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    jpx_env env = jpx_env_system(JPX_WARN);
    jpx_arena *arena = jpx_arena_new();
    jpx_bytes reply;
    uint32_t random;
    jpx_bus *bus;
    jpx_sub *run;

    jpx_random(&env, &random, sizeof random);
    const char *prefix = jpx_format(arena, "jpb%08x", random);
    must(jpx_bus_open(&bus, url, prefix, "bench", 5000, &env, &err), "open");
    must(jpx_bus_setup(bus, queues, 1, &err), "setup");
    must(jpx_bus_subscribe(&run, bus, JPX_STREAM_RUN, "default", CREDITS, &err), "subscribe");
    const char *subject = jpx_format(arena, "%s.run.default.Add", prefix);
    printf("%s, %zu messages of %d bytes\n", strncmp(url, "memory", 6) ? "JetStream" : "in memory", count, PAYLOAD);
    lone(bus, run, subject);
    bulk(bus, run, subject, count);
    jpx_sub_close(run);
    for (int i = 0; strcmp(url, "memory:") != 0 && i < JPX_STREAMS; i++) {
        char *verb = jpx_format(arena, "$JS.API.STREAM.DELETE.%s_%s", prefix, jpx_stream_defs[i].suffix);
        for (char *at = verb; *at; at++)
            *at = (char)toupper((unsigned char)*at);
        jpx_bus_request(bus, verb, (jpx_bytes){0}, 5000, arena, &reply, &err);
    }
    jpx_bus_close(bus);
    jpx_arena_free(arena);
    return EXIT_SUCCESS;
}
