/* A promise that is to be kept before now.
 *
 * aborts: Wrong, {here}: jp_promise_within was given -5 ms: give 0 to ten years, of which 0 is no limit */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_promise_within(p, -5, "string")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
