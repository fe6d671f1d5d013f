/* A branch on a future: its value comes after the body has ended.
 *
 * gcc: used struct type value where scalar is required
 * clang: statement requires expression of scalar type ('jp_future' */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    if (jp_yield(p, AddOne, 1)) /* here */
        return jp_done(p);
    return jp_abort(p, "zero");
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
