/* The future of a string where an int64 is wanted.
 *
 * aborts: Wrong, {here}: AddOne wants int64 n, is given string: pass the future of a pipe that gives int64, or change
 *     .takes of AddOne */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Name, p, .gives = "string")
{
    return jp_return(p, "ana");
}

JP_PIPE(Wrong, p)
{
    jp_future name = jp_yield(p, Name);
    return jp_return(p, jp_yield(p, AddOne, name)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, &Name, NULL});
}
