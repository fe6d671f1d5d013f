/* A pipe named by a string.
 *
 * gcc: passing argument 2 of 'jp_yield_v' from incompatible pointer type
 * clang: incompatible pointer types passing */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_yield(p, "AddOne", 1); /* here */
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
