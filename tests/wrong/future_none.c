/* A future that no jp_yield has given.
 *
 * aborts: Wrong, {here}: it uses a future that no jp_yield has given: take it from a jp_yield before */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_future one = {0};
    if (jp_attempt(p) > 1)
        one = jp_yield(p, AddOne, 1);
    return jp_return(p, jp_yield(p, AddOne, one)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
