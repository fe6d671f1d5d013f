/* The future of a pipe without .gives that returns another type than is wanted: found when the value is there.
 *
 * aborts: AddOne, {here}: AddOne wants int64 n, is given string: say in .gives what the pipe returns that it comes
 *     from, or change .takes */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Name, p)
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
