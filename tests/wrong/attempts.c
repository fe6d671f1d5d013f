/* Attempts below 1.
 *
 * refused: Wrong, {here}: .retry.attempts = -1: it counts executions, the first included, give it 1 or more (0 is the
 *     default) */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .retry = {.attempts = -1}) /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
