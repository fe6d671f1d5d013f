/* A named output of a child that has none.
 *
 * aborts: Wrong, {here}: AddOne has no output rest: its .fills names none, add it */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_future one = jp_yield(p, AddOne, 1);
    return jp_return(p, jp_slot(p, one, "rest")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
