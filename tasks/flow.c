/* flow.c -- pipes that control a run rather than compute. */
#include "tasks.h"
#include <stdio.h>
#include <string.h>

static const double SECONDS_MAX = 3650.0 * 24 * 3600; /* ten years: more is a mistake */

/* Aborts the whole run if the value is true. */
JP_PIPE(AbortIfTrue, p, .takes = "bool value, string? message", .gives = "bool")
{
    if (!jp_bool(p, "value"))
        return jp_return(p, (bool)false);
    return jp_abort(p, "%s", jp_given(p, "message") ? jp_string(p, "message") : "AbortIfTrue was given true");
}

/* Returns the number of seconds, after that many seconds. Holds no worker, thread or message meanwhile. */
JP_PIPE(Delay, p, .takes = "any seconds")
{
    const jp_value given = jp_arg(p, "seconds");
    const double seconds = given.type == JP_INT64    ? (double)given.as.i64
                           : given.type == JP_DOUBLE ? given.as.f64
                                                     : -1.0;

    if (!(seconds >= 0 && seconds <= SECONDS_MAX)) /* NaN is neither */
        return jp_abort(p, "Delay takes a number of seconds from 0 to %.0f, not %s", SECONDS_MAX, jp_json(p, given));
    return jp_return_in(p, (int64_t)(seconds * 1000 + 0.5), given);
}

/* Takes anything and gives null: a point to wait for its arguments. */
JP_PIPE(Ignore, p, .takes = "any... values")
{
    return jp_done(p);
}

/* Returns its argument. */
JP_PIPE(Return, p, .takes = "any? value")
{
    return jp_return(p, jp_arg(p, "value"));
}

/* Writes one line to the worker's log. Python's names of levels are accepted. */
JP_PIPE(Log, p, .takes = "string level, string message")
{
    static const struct {
        const char *name, *level;
    } levels[] = {{"debug", "debug"},  {"info", "info"},   {"warn", "warn"},
                  {"warning", "warn"}, {"error", "error"}, {"critical", "error"}};
    const char *level = jp_string(p, "level");

    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(level, levels[i].name) == 0) {
            /* as JSON, so that any message is one line */
            fprintf(stderr, "level=%s event=\"Log\" message=%s pipeline=%s\n", levels[i].level,
                    jp_json(p, jp_arg(p, "message")), jp_key(p));
            return jp_done(p);
        }
    return jp_abort(p, "Log knows the levels debug, info, warn and error, not \"%s\"", level);
}
