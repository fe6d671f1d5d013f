/* C++: a string where an int64 is wanted; told at run time, as in C.
 *
 * aborts: Wrong, {here}: AddOne wants int64 n, is given string: pass an int64, or change .takes of AddOne */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_yield(p, AddOne, "one")); /* here */
}

int main(int argc, char **argv)
{
    const jp_def *const pipes[] = {&Wrong, &AddOne, NULL};
    return jp_main(argc, argv, pipes);
}
