/* Arithmetic with a future: it stands for an output, it is none.
 *
 * gcc: invalid operands to binary + (have 'jp_future' and 'int')
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
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
