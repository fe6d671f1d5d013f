/* shop.c -- a user's program: pipes, and jp_main to run them. Compiled as C11 and as C++20. */
#include <jetpipe.h>

JP_DECLARE(AddOne);
JP_DECLARE(AddTwo);

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(AddTwo, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_yield(p, AddOne, jp_yield(p, AddOne, jp_int64(p, "n"))));
}

int main(int argc, char **argv)
{
    const jp_def *pipes[] = {&AddOne, &AddTwo, NULL};
    return jp_main(argc, argv, pipes);
}
