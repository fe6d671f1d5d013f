/* flow.c -- pipes that shape a run rather than compute. */
#include "tasks.h"
#include <stdio.h>
#include <string.h>

/* Aborts the whole run when the value is true. */
JP_PIPE(AbortIfTrue, p, .takes = "bool value, string? message", .gives = "bool")
{
    if (!jp_bool(p, "value"))
        return jp_return(p, (bool)false);
    return jp_abort(p, "%s", jp_given(p, "message") ? jp_string(p, "message") : "AbortIfTrue was given true");
}

/* Gives the number of seconds back after so many seconds. Holds no worker, no thread, no broker slot meanwhile. */
JP_PIPE(Delay, p, .takes = "double seconds", .gives = "double")
{
    double seconds = jp_double(p, "seconds");

    if (!(seconds >= 0) || seconds > 3650.0 * 86400)
        return jp_abort(p, "Delay takes 0 seconds to ten years, not %g", seconds);
    return jp_return_in(p, (int64_t)(seconds * 1000 + 0.5), jp_arg(p, "seconds"));
}

/* Takes anything, gives null: a place to wait for things. */
JP_PIPE(Ignore, p, .takes = "any... values")
{
    return jp_done(p);
}

/* Gives what it takes. */
JP_PIPE(Return, p, .takes = "any? value")
{
    return jp_return(p, jp_arg(p, "value"));
}

/* Writes one line to the worker's log: level debug, info, warn or error. */
JP_PIPE(Log, p, .takes = "string level, string message")
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    const char *level = jp_string(p, "level");

    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(level, levels[i]) == 0) {
            fprintf(stderr, "level=%s event=\"Log\" message=%s pipeline=%s\n", level, jp_json(p, jp_arg(p, "message")),
                    jp_key(p));
            return jp_done(p);
        }
    return jp_abort(p, "Log knows the levels debug, info, warn and error, not %s", level);
}
