/* Attempts below 1 for one yield.
 *
 * aborts: Wrong, {here}: its options say .retry.attempts = -1: it counts executions, the first included, give it 1 or
 *     more (0 is the default) */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_options once = {.retry = {.attempts = -1}};
    return jp_return(p, jp_yield_with(p, once, AddOne, 1)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
