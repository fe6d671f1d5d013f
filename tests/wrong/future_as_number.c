/* A future where a C function wants a number.
 *
 * gcc: incompatible type for argument 1 of 'twice'
 * clang: to parameter of incompatible type 'int64_t' */
#include <jetpipe.h>

static int64_t twice(int64_t n)
{
    return 2 * n;
}

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    return jp_return(p, twice(jp_yield(p, AddOne, 1))); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
