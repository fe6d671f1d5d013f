/* C++: arithmetic with a future.
 *
 * gcc: no match for 'operator+' (operand types are 'jp_future' and 'int')
 * clang: invalid operands to binary expression ('jp_future' */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_future one = jp_yield(p, AddOne, 1);
    return jp_return(p, one + 1); /* here */
}

int main(int argc, char **argv)
{
    const jp_def *const pipes[] = {&Wrong, &AddOne, NULL};
    return jp_main(argc, argv, pipes);
}
