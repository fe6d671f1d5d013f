/* flags.h -- the command line and the environment as options. Pure but for getenv in jpx_flags_environment. */
#ifndef JPX_FLAGS_H
#define JPX_FLAGS_H

#include "base/base.h"

/* A flag: its name, the member of jpx_options, how its value is read, for the help its value and what it does, and the
 * environment variable that is asked when it is not given. */
#define JPX_FLAG_MAP(X)                                                                                                \
    X(NATS, "nats", nats, TEXT, "URL", "NATS server (nats://127.0.0.1:4222)", "JETPIPE_NATS")                          \
    X(STORE, "store", store, TEXT, "URI", "mongodb://HOST/DB, sqlite:PATH or memory:", "JETPIPE_STORE")                \
    X(PREFIX, "prefix", prefix, NAME, "NAME", "first part of all subjects (jetpipe)", "JETPIPE_PREFIX")                \
    X(LOG_LEVEL, "log-level", log_level, LEVEL, "LEVEL", "debug, info, warn or error", "JETPIPE_LOG_LEVEL")            \
    X(LOG_FORMAT, "log-format", log_format, FORMAT, "FORMAT", "logfmt or json", "JETPIPE_LOG_FORMAT")                  \
    X(ROLE, "role", role, TEXT, "ROLES", "which of api,barrier,worker (all)", "JETPIPE_ROLE")                          \
    X(PROCESSES, "processes", processes, COUNT, "N", "bodies side by side (number of processors)",                     \
      "JETPIPE_PROCESSES")                                                                                             \
    X(BATCH, "batch", batch, COUNT, "N", "events handled together (512)", "JETPIPE_BATCH")                             \
    X(KEY, "key", key, TEXT, "KEY", "idempotency key of the root: one key starts one root", NULL)                      \
    X(WAIT, "wait", wait, SWITCH, NULL, "follow the root to its end", NULL)                                            \
    X(JSON, "json", json, SWITCH, NULL, "the api's answer as it came", NULL)                                           \
    X(LIMIT, "limit", limit, COUNT, "N", "at most so many", NULL)                                                      \
    X(PIPE, "pipe", pipe, TEXT, "PIPE", "only those of this pipe", NULL)                                               \
    X(STATUS, "status", status, STATUS, "STATUS", "only those that are running, done or aborted", NULL)                \
    X(AFTER, "after", after, TEXT, "ROOT", "the page that follows this root", NULL)                                    \
    X(OLDER, "older", older_ms, DURATION, "DURATION", "only those that ended so long ago", NULL)                       \
    X(REASON, "reason", reason, TEXT, "TEXT", "what the root will say about it", NULL)                                 \
    X(TIMEOUT, "timeout", timeout_ms, DURATION, "DURATION",                                                            \
      "how long to wait for the answer, or with --wait for the end", NULL)                                             \
    X(HELP, "help", help, SWITCH, NULL, "what the verb does", NULL)

typedef enum jpx_flag_id {
#define JPX_FLAG_ENUM_(id, name, member, kind, value, help, env) JPX_FLAG_##id,
    JPX_FLAG_MAP(JPX_FLAG_ENUM_)
#undef JPX_FLAG_ENUM_
        JPX_FLAGS
} jpx_flag_id;

#define JPX_FLAG(id) (UINT32_C(1) << JPX_FLAG_##id)
/* Every verb takes these: scripts give the places to all. */
#define JPX_FLAGS_PLACES                                                                                               \
    (JPX_FLAG(NATS) | JPX_FLAG(STORE) | JPX_FLAG(PREFIX) | JPX_FLAG(LOG_LEVEL) | JPX_FLAG(LOG_FORMAT) | JPX_FLAG(HELP))

enum { JPX_ARGS_MAX = 16, JPX_FLAG_PROCESSES_MAX = 1024, JPX_LIMIT_MAX = 100 * 1000 };

typedef struct jpx_options {
    uint32_t given; /* JPX_FLAG(...) of those on the command line */
    const char *nats, *store, *prefix;
    const char *role, *log_level, *log_format;
    const char *key, *pipe, *status, *after, *reason;
    bool wait, json, help;
    int64_t processes, batch, limit; /* 0 = not given  */
    int64_t older_ms, timeout_ms;    /* -1 = not given */
    const char *args[JPX_ARGS_MAX];  /* what is no flag; [0] is the verb */
    size_t args_count;
} jpx_options;

/* Flags stand anywhere; "--flag value" and "--flag=value"; "--" ends them; "-5" and "-" are no flags. */
jp_status jpx_flags_read(jpx_options *, int argc, char *const *argv, jp_error *err);
/* Fills what was not given from the environment and with the defaults of nats, prefix and the log. */
jp_status jpx_flags_environment(jpx_options *, jp_error *err);

const char *jpx_flag_name(jpx_flag_id); /* without the "--" */
/* "--key KEY" */
const char *jpx_flag_usage(jpx_flag_id, jpx_arena *);
const char *jpx_flag_help(jpx_flag_id);
const char *jpx_flag_variable(jpx_flag_id); /* NULL = none */

#endif
