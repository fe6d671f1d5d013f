/* The output of a child that gives another type.
 *
 * aborts: Wrong, {here}: it gives string, is given int64: hand on a child that gives string, or change .gives */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p, .gives = "string")
{
    return jp_return(p, jp_yield(p, AddOne, 1)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
