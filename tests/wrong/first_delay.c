/* A first delay below 0.
 *
 * refused: Wrong, {here}: .retry.first_ms = -1: give it 0 ms to ten years */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .retry = {.first_ms = -1}) /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
