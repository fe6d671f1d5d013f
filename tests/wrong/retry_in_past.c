/* A retry before now.
 *
 * aborts: Wrong, {here}: jp_retry_in was given -1 ms: give it 0 ms to ten years */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_retry_in(p, -1, "busy"); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
