/* A list with more items than the pipe takes arguments.
 *
 * aborts: Wrong, {here}: AddOne takes (int64 n), is given 3 arguments: pass one for each of them, in that order */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_yield_list(p, AddOne, jp_array(p, 1, 2, 3))); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
