/* A named output handed on from a child that gives another type.
 *
 * aborts: Wrong, {here}: it fills string name, is given int64: hand on a child that gives string, or change .fills */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p, .fills = "string name")
{
    jp_fill(p, "name", jp_yield(p, AddOne, 1)); /* here */
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
