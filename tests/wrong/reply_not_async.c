/* on_reply in a pipe that never waits.
 *
 * refused: Wrong, {here}: .on_reply is never called without a wait: add .async = true, or take it out */
#include <jetpipe.h>

static jp_end answered(jp_ctx *p, jp_value reply)
{
    return jp_return(p, reply);
}

JP_PIPE(Wrong, p, .on_reply = answered) /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
