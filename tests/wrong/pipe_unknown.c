/* A pipe that does not exist.
 *
 * gcc: 'AddTen' undeclared (first use in this function); did you mean 'AddOne'?
 * clang: use of undeclared identifier 'AddTen' */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_yield(p, AddTen, 1); /* here */
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
