/* A key that is not UTF-8: a failed attempt.
 *
 * aborts: Wrong failed: after 1 attempt: Wrong, {here}: key 0 of jp_object is not UTF-8: keys are text */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .retry = {.attempts = 1})
{
    return jp_return(p, jp_object(p, "\xff", 1)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
