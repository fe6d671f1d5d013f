/* executor_kit.h -- what the tests of executors share: a zygote with an executor, attempts by name. */
#ifndef EXECUTOR_KIT_H
#define EXECUTOR_KIT_H

#include "exec/executor.h"
#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 }; /* they handle faults themselves, and have no memory limits */
#else
enum { SANITIZED = 0 };
#endif

extern const jp_def *const kit_pipes[]; /* of the test program; ends with NULL */

static jpx_registry *registry;
static jpx_env env;
static jpx_zygote *zygote;
static jpx_executor *executor;
static jpx_arena *arena;

static inline void kit_open(size_t processes, size_t memory_bytes, int64_t recycle_after)
{
    jpx_forked_options options = {processes, memory_bytes, recycle_after};
    jp_error err = {0};

    env = jpx_env_system(JPX_WARN);
    arena = jpx_arena_new();
    ck_assert_msg(jpx_registry_new(&registry, kit_pipes, &err) == JP_OK, "%s", err.text);
    ck_assert_msg(jpx_zygote_start(&zygote, registry, &env, &err) == JP_OK, "%s", err.text);
    ck_assert_msg(jpx_executor_forked(&executor, zygote, &options, &env, &err) == JP_OK, "%s", err.text);
}

static inline void kit_close(void)
{
    jpx_executor_close(executor);
    jpx_zygote_stop(zygote);
    jpx_registry_free(registry);
    jpx_arena_free(arena);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
}

static inline void kit_submit(const char *pipe, uint64_t number, const char *json, int64_t timeout_ms)
{
    jpx_attempt attempt = {.number_in_worker = number, .pipe = pipe, .attempt = 1, .timeout_ms = timeout_ms};
    const jpx_pipe *found = jpx_registry_find(registry, pipe);
    jp_error err = {0};

    ck_assert_msg(found != NULL, "%s is not registered", pipe);
    jp_status status =
        jpx_args_from_json(found, (jpx_bytes){(const uint8_t *)json, strlen(json)}, arena, &attempt.args, &err);
    ck_assert_msg(status == JP_OK, "%s", err.text);
    jpx_executor_submit(executor, &attempt);
}

/* The next outcome; fails the test after `wait_ms`. */
static inline jpx_outcome kit_next(int64_t wait_ms)
{
    jpx_outcome out;
    ck_assert_uint_eq(jpx_executor_poll(executor, arena, &out, 1, wait_ms), 1);
    return out;
}

/* One attempt from submit to outcome. */
static inline jpx_outcome kit_run(const char *pipe, const char *json, int64_t timeout_ms)
{
    static uint64_t number = 1000000;

    kit_submit(pipe, ++number, json, timeout_ms);
    jpx_outcome out = kit_next(20000);
    ck_assert_uint_eq(out.number_in_worker, number);
    ck_assert_uint_eq(jpx_executor_pending(executor), 0);
    return out;
}

static inline int64_t kit_int(const jpx_outcome *out)
{
    bson_iter_t iter;

    ck_assert_msg(out->end == JPX_END_RETURN, "ended with %d: %s", (int)out->end, out->reason ? out->reason : "");
    ck_assert_uint_eq(out->outputs_count, 1);
    ck_assert(bson_iter_init_from_data(&iter, out->outputs[0].value.data, out->outputs[0].value.size));
    ck_assert(bson_iter_next(&iter));
    return bson_iter_as_int64(&iter);
}

static inline void kit_has(const char *text, const char *part)
{
    ck_assert_msg(text && strstr(text, part), "'%s' lacks '%s'", text ? text : "(null)", part);
}

static inline void kit_lacks(const char *text, const char *part)
{
    ck_assert_msg(!text || !strstr(text, part), "'%s' has '%s'", text ? text : "(null)", part);
}

static inline size_t kit_open_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static inline int64_t kit_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline void kit_sleep_ms(long ms)
{
    struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

static inline int kit_main(const char *name, TCase *(*tests)(void))
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tests());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}

#endif
