/* flags.h -- the command line and the environment as options. Reads nothing but argv and, at the end, getenv. */
#ifndef JPX_FLAGS_H
#define JPX_FLAGS_H

#include "base/base.h"

/* A flag: its name, its member of jpx_options, the kind of its value, for the help the name of the value and what it
 * does, and the environment variable that is read if the flag is not given. */
#define JPX_FLAG_MAP(X)                                                                                                \
    X(NATS, "nats", nats, TEXT, "URL", "NATS server (nats://127.0.0.1:4222)", "JETPIPE_NATS")                          \
    X(STORE, "store", store, TEXT, "URI", "mongodb://HOST/DB, sqlite:PATH, memory:", "JETPIPE_STORE")                  \
    X(PREFIX, "prefix", prefix, NAME, "NAME", "first word of all subjects (jetpipe)", "JETPIPE_PREFIX")                \
    X(LOG_LEVEL, "log-level", log_level, LEVEL, "LEVEL", "debug, info, warn or error", "JETPIPE_LOG_LEVEL")            \
    X(LOG_FORMAT, "log-format", log_format, FORMAT, "FORMAT", "logfmt or json", "JETPIPE_LOG_FORMAT")                  \
    X(ROLE, "role", role, TEXT, "ROLES", "some of api,barrier,worker (all)", "JETPIPE_ROLE")                           \
    X(PROCESSES, "processes", processes, COUNT, "N", "parallel bodies (one per processor)", "JETPIPE_PROCESSES")       \
    X(BATCH, "batch", batch, COUNT, "N", "events handled together (512)", "JETPIPE_BATCH")                             \
    X(KEY, "key", key, TEXT, "KEY", "idempotency key: one key starts one root", NULL)                                  \
    X(WAIT, "wait", wait, SWITCH, NULL, "follow the root to its end", NULL)                                            \
    X(JSON, "json", json, SWITCH, NULL, "print the api's answer as it is", NULL)                                       \
    X(LIMIT, "limit", limit, COUNT, "N", "show at most N", NULL)                                                       \
    X(PIPE, "pipe", pipe, TEXT, "PIPE", "only roots of this pipe", NULL)                                               \
    X(STATUS, "status", status, STATUS, "STATUS", "only running, done or aborted roots", NULL)                         \
    X(AFTER, "after", after, TEXT, "ROOT", "the page after this root", NULL)                                           \
    X(OLDER, "older", older_ms, DURATION, "DURATION", "only roots that ended this long ago, as 7d", NULL)              \
    X(REASON, "reason", reason, TEXT, "TEXT", "the reason, shown with the root", NULL)                                 \
    X(TIMEOUT, "timeout", timeout_ms, DURATION, "DURATION", "limit for the answer, or (run, --wait) the end", NULL)    \
    X(HELP, "help", help, SWITCH, NULL, "show what the verb does", NULL)

typedef enum jpx_flag_id {
#define JPX_FLAG_ENUM_(id, name, member, kind, value, help, env) JPX_FLAG_##id,
    JPX_FLAG_MAP(JPX_FLAG_ENUM_)
#undef JPX_FLAG_ENUM_
        JPX_FLAGS
} jpx_flag_id;

#define JPX_FLAG(id) (UINT32_C(1) << JPX_FLAG_##id)
/* Every verb takes these, so that scripts can pass the places to all of them. */
#define JPX_FLAGS_PLACES                                                                                               \
    (JPX_FLAG(NATS) | JPX_FLAG(STORE) | JPX_FLAG(PREFIX) | JPX_FLAG(LOG_LEVEL) | JPX_FLAG(LOG_FORMAT) | JPX_FLAG(HELP))

enum { JPX_ARGS_MAX = 16, JPX_FLAG_PROCESSES_MAX = 1024, JPX_LIMIT_MAX = 100 * 1000 };

typedef struct jpx_options {
    uint32_t given; /* JPX_FLAG(...) of the flags on the command line */
    const char *nats, *store, *prefix;
    const char *role, *log_level, *log_format;
    const char *key, *pipe, *status, *after, *reason;
    bool wait, json, help;
    int64_t processes, batch, limit; /* 0 = not given  */
    int64_t older_ms, timeout_ms;    /* -1 = not given */
    const char *args[JPX_ARGS_MAX];  /* what is not a flag; [0] is the verb */
    size_t args_count;
} jpx_options;

/* Flags may stand anywhere, as "--flag value" or "--flag=value"; "--" ends them; "-5" and "-" are arguments. */
jp_status jpx_flags_read(jpx_options *, int argc, char *const *argv, jp_error *err);
/* Fills in what was not given: from the environment, then the defaults of nats, prefix and log format. */
jp_status jpx_flags_environment(jpx_options *, jp_error *err);

const char *jpx_flag_name(jpx_flag_id); /* without the "--" */
/* "--key KEY" */
const char *jpx_flag_usage(jpx_flag_id, jpx_arena *);
const char *jpx_flag_help(jpx_flag_id);
const char *jpx_flag_variable(jpx_flag_id); /* NULL = none */

#endif
