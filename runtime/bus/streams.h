/* streams.h -- what both buses share: the table of the streams (DESIGN 5), which stream a subject belongs to and
 * wildcard matching. Constant data and pure functions; any thread. */
#ifndef JPX_STREAMS_H
#define JPX_STREAMS_H

#include "base/clock.h"
#include "bus/bus.h"

enum {
    JPX_STREAMS = JPX_STREAM_DEAD + 1,
    JPX_SUBJECT_MAX = 512,            /* bytes of a subject, an inbox, an ack reply */
    JPX_LISTEN_QUEUE_MAX = 64 * 1024, /* core messages a listener holds; more are dropped and logged */
    JPX_ACK_WAIT_MS = 30000,          /* unless JETPIPE_ACK_WAIT_MS says otherwise (tests) */
    JPX_ACK_WAIT_MAX_MS = 3600 * 1000
};

typedef struct jpx_stream_def {
    const char *suffix;   /* of the stream's name: <PREFIX>_<suffix> */
    const char *kinds[3]; /* second token of its subjects */
    const char *durable;  /* the one durable of a work queue; NULL: one for each queue, or none */
    const char *description;
    int64_t duplicate_ms; /* window of deduplication */
    int64_t max_age_ms;   /* 0 = messages stay until they are acked */
    int64_t max_bytes;    /* -1 = as the account allows */
} jpx_stream_def;

extern const jpx_stream_def jpx_stream_defs[JPX_STREAMS];

bool jpx_stream_is_work(jpx_stream); /* a work queue, with durables */
/* Which stream takes this subject; false: none does. */
bool jpx_stream_of(const char *prefix, const char *subject, jpx_stream *out);
/* The durable a message of a work queue goes to ("api", "barrier", the queue's name); false: the subject has none. */
bool jpx_durable_of(const char *prefix, jpx_stream, const char *subject, char out[JPX_NAME_MAX + 1]);
/* NATS wildcards: "*" is one token, ">" all that follow. */
bool jpx_subject_matches(const char *pattern, const char *subject);

#endif
