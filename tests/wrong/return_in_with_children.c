/* A delayed value after yields.
 *
 * aborts: Wrong, {here}: it has yielded children and ends with jp_return_in: let a child do the waiting */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_yield(p, AddOne, 1);
    return jp_return_in(p, 1000, 1); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
