/* C++: a size_t as an argument.
 *
 * compiler: BSON has no unsigned 64-bit number: convert where the range is known */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_yield(p, AddOne, sizeof(int));
    return jp_done(p);
}

int main(int argc, char **argv)
{
    const jp_def *const pipes[] = {&Wrong, &AddOne, NULL};
    return jp_main(argc, argv, pipes);
}
