/* Jitter that may make a delay negative.
 *
 * refused: Wrong, {here}: .retry.jitter = 1.5: give it 0 to 1, below 1, or JP_NO_JITTER */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .retry = {.jitter = 1.5}) /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
