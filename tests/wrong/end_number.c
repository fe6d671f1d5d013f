/* A body that ends with a number.
 *
 * gcc: incompatible types when returning type 'int' but 'jp_end' was expected
 * clang: returning 'int' from a function with incompatible result type 'jp_end' */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return 0; /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
