/* log.h -- where the log lines of the command go: to a stream, as logfmt or as JSON. Thread-safe. */
#ifndef JPX_LOG_H
#define JPX_LOG_H

#include "base/text.h"
#include <pthread.h>
#include <stdio.h>

/* Takes the lines while live.h draws on the same terminal. */
typedef void (*jpx_log_detour)(void *ctx, const char *line);

typedef struct jpx_log_sink {
    pthread_mutex_t lock;
    FILE *file;
    bool json;
    jpx_log_detour detour; /* NULL = to the file */
    void *detour_ctx;
} jpx_log_sink;

void jpx_log_sink_init(jpx_log_sink *, FILE *); /* logfmt */
void jpx_log_sink_detour(jpx_log_sink *, jpx_log_detour, void *ctx);
/* Prints a line unchanged. */
void jpx_log_sink_print(jpx_log_sink *, const char *line);
/* The function for jpx_env.log; the sink is its ctx. */
void jpx_log_sink_write(void *sink, jpx_log_level, const char *line);

/* "time=... level=info event=\"x\" n=3" -> {"time":"...","level":"info","event":"x","n":3} */
void jpx_log_to_json(jpx_text *, const char *logfmt);

#endif
