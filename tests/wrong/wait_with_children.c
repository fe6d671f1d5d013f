/* jp_wait after yields.
 *
 * aborts: Wrong, {here}: it has yielded children and ends with jp_wait: let a child do the waiting */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p, .async = true)
{
    jp_yield(p, AddOne, 1);
    return jp_wait(p); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
