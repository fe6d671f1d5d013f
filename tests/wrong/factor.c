/* A factor below 0.
 *
 * refused: Wrong, {here}: .retry.factor = -2: give it a number above 0 */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .retry = {.factor = -2}) /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
