/* streams.c -- the table of the streams and the pure functions over subjects. */
#include "bus/streams.h"
#include <stdlib.h>
#include <string.h>

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE };

const jpx_stream_def jpx_stream_defs[JPX_STREAMS] = {
    [JPX_STREAM_START] =
        {
            .suffix = "START",
            .kinds = {"start", "reply", "control"},
            .durable = "api",
            .description =
                "jetpipe: triggers, replies and requests that change something; each stays until the api role took it",
            /* The least there is: a key is told from others in the store, and may be used again after a cleanup. */
            .duplicate_ms = 100,
            .max_bytes = -1,
        },
    [JPX_STREAM_SLOT] =
        {
            .suffix = "SLOT",
            .kinds = {"slot"},
            .durable = "barrier",
            .description = "jetpipe: slot fills; each stays until a barrier subscriber has counted it",
            .duplicate_ms = 2 * MINUTE,
            .max_bytes = -1,
        },
    [JPX_STREAM_RUN] =
        {
            .suffix = "RUN",
            .kinds = {"run"},
            .description = "jetpipe: run events; one durable for each queue, its backlog is the work to be done",
            .duplicate_ms = 2 * MINUTE,
            .max_bytes = -1,
        },
    [JPX_STREAM_EVENT] =
        {
            .suffix = "EVENT",
            .kinds = {"event"},
            .description = "jetpipe: history, one event for each change of status",
            .duplicate_ms = 2 * MINUTE,
            .max_age_ms = 24 * HOUR,
            .max_bytes = 256 * 1024 * 1024,
        },
    [JPX_STREAM_DEAD] =
        {
            .suffix = "DEAD",
            .kinds = {"dead"},
            .description =
                "jetpipe: messages that could not be processed, with the reason; publish one back to try again",
            .duplicate_ms = 2 * MINUTE,
            .max_age_ms = INT64_C(30) * 24 * HOUR,
            .max_bytes = -1,
        },
};

bool jpx_stream_is_work(jpx_stream stream)
{
    return jpx_stream_defs[stream].max_age_ms == 0;
}

/* The second token of "<prefix>.<kind>.<rest>"; NULL when the subject is not of this form. */
static const char *after_prefix(const char *prefix, const char *subject)
{
    size_t size = strlen(prefix);
    return strncmp(subject, prefix, size) == 0 && subject[size] == '.' ? subject + size + 1 : NULL;
}

bool jpx_stream_of(const char *prefix, const char *subject, jpx_stream *out)
{
    const char *kind = after_prefix(prefix, subject);

    for (int i = 0; kind && i < JPX_STREAMS; i++) {
        for (size_t k = 0; k < 3 && jpx_stream_defs[i].kinds[k]; k++) {
            size_t size = strlen(jpx_stream_defs[i].kinds[k]);
            if (strncmp(kind, jpx_stream_defs[i].kinds[k], size) == 0 && kind[size] == '.' && kind[size + 1] != '\0') {
                *out = (jpx_stream)i;
                return true;
            }
        }
    }
    return false;
}

bool jpx_durable_of(const char *prefix, jpx_stream stream, const char *subject, char out[JPX_NAME_MAX + 1])
{
    const char *name = jpx_stream_defs[stream].durable;
    size_t size = name ? strlen(name) : 0;

    if (!name && stream == JPX_STREAM_RUN) {
        name = after_prefix(prefix, subject) + sizeof "run";
        size = strcspn(name, ".");
        if (name[size] == '\0') /* a queue without a pipe: no durable's filter takes it */
            return false;
    }
    if (size == 0 || size > JPX_NAME_MAX)
        return false;
    memcpy(out, name, size);
    out[size] = '\0';
    return true;
}

bool jpx_subject_matches(const char *pattern, const char *subject)
{
    for (;;) {
        size_t p = strcspn(pattern, "."), s = strcspn(subject, ".");
        if (p == 1 && *pattern == '>')
            return s > 0;
        if (p == 1 && *pattern == '*' ? s == 0 : p != s || memcmp(pattern, subject, p) != 0)
            return false;
        if (pattern[p] == '\0' || subject[s] == '\0')
            return pattern[p] == subject[s];
        pattern += p + 1;
        subject += s + 1;
    }
}

int64_t jpx_ack_wait_ms(void)
{
    const char *text = getenv("JETPIPE_ACK_WAIT_MS");
    char *end = NULL;
    if (!text || !*text)
        return JPX_ACK_WAIT_MS;
    long long value = strtoll(text, &end, 10);
    return *end || value < 1 || value > JPX_ACK_WAIT_MAX_MS ? 0 : (int64_t)value;
}
