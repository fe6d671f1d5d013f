/* A size_t as an argument: BSON has no unsigned 64-bit number.
 *
 * gcc: '_Generic' selector of type 'long unsigned int' is not compatible with any association
 * clang: not compatible with any generic association type */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_yield(p, AddOne, sizeof(int)); /* here */
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
