/* env.c -- calls of the injected environment, and the real clock, random source and log. Only the log may block: it
 * writes to stderr. */
#include "base/base.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

int64_t jpx_now(const jpx_env *env)
{
    return env->now_ms(env->ctx);
}

void jpx_random(const jpx_env *env, void *out, size_t size)
{
    env->random(env->ctx, out, size);
}

void jpx_log(const jpx_env *env, jpx_log_level level, const char *event, const char *fmt, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char line[2048], stamp[32];
    va_list args;

    if (!env->log || level < env->level)
        return;
    jpx_time_text(stamp, jpx_now(env));
    size_t used = (size_t)snprintf(line, sizeof line, "time=%s level=%s event=\"%s\" ", stamp, names[level], event);
    va_start(args, fmt);
    vsnprintf(line + used, sizeof line - used, fmt, args);
    va_end(args);
    env->log(env->ctx, level, line);
}

void jpx_time_text(char *out, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char date[24];

    gmtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out, 32, "%s.%03dZ", date, (int)(ms % 1000));
}

static int64_t system_now(void *ctx)
{
    struct timespec now;
    (void)ctx;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void system_random(void *ctx, void *out, size_t size)
{
    (void)ctx;
    for (size_t done = 0; done < size;) {
        ssize_t got = getrandom((uint8_t *)out + done, size - done, 0);
        JPX_ASSERT(got > 0);
        done += (size_t)got;
    }
}

static void system_log(void *ctx, jpx_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    fprintf(stderr, "%s\n", line);
}

jpx_env jpx_env_system(jpx_log_level level)
{
    return (jpx_env){system_now, system_random, system_log, NULL, level};
}
