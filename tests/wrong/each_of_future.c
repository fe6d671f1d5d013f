/* jp_each over a future.
 *
 * aborts: Wrong, {here}: a future was given where a list or a doc is wanted: yield a child that takes it, and look at
 *     it there */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    int64_t total = 0;
    jp_future one = jp_yield(p, AddOne, 1);
    jp_each (p, item, one) /* here */
        total += item.as.i64;
    return jp_return(p, total);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
