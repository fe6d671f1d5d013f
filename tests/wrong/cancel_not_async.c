/* on_cancel in a pipe that never waits.
 *
 * refused: Wrong, {here}: .on_cancel is never called without a wait: add .async = true, or take it out */
#include <jetpipe.h>

static void cancelled(jp_ctx *p)
{
    (void)p;
}

JP_PIPE(Wrong, p, .on_cancel = cancelled) /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
