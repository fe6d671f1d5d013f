/* C++: options in another order than the struct has them.
 *
 * gcc: designator order for field 'jp_def::takes' does not match declaration order in 'const jp_def'
 * clang: ISO C++ requires field designators to be specified in declaration order */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .gives = "int64", .takes = "int64 n") /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    const jp_def *const pipes[] = {&Wrong, NULL};
    return jp_main(argc, argv, pipes);
}
