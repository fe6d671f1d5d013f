/* A declared output that is never filled: a failed attempt.
 *
 * aborts: Wrong failed: after 2 attempts: Wrong, {here}: it ended without filling rows: call jp_fill before the end,
 *     or take the name out of .fills */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .fills = "int64 rows", .retry = {.attempts = 2, .first_ms = 1})
{
    return jp_done(p); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
