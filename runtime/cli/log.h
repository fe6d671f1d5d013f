/* log.h -- the command's log: logfmt lines to a stream, or the same as JSON. Thread-safe. */
#ifndef JPX_LOG_H
#define JPX_LOG_H

#include "client/text.h"
#include <pthread.h>
#include <stdio.h>

/* Where lines go while something is drawn on the same terminal (live.h). */
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
/* A line as it is. */
void jpx_log_sink_print(jpx_log_sink *, const char *line);
/* For jpx_env.log, with the sink as its ctx. */
void jpx_log_sink_write(void *sink, jpx_log_level, const char *line);

/* "time=... level=info event=\"x\" n=3" -> {"time":"...","level":"info","event":"x","n":3} */
void jpx_log_to_json(jpx_text *, const char *logfmt);

#endif
