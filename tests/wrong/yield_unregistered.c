/* A pipe that was forgotten in the list.
 *
 * aborts: Wrong, {here}: AddOne is not registered: put it into the list of pipes that the program registers */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_yield(p, AddOne, 1)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
