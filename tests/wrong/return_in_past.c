/* A delay below 0.
 *
 * aborts: Wrong, {here}: jp_return_in was given -5 ms: give it 0 ms to ten years */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_return_in(p, -5, 1); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
