/* jp_after without the context.
 *
 * gcc: incompatible type for argument 1 of 'jp_after_begin'
 * clang: to parameter of incompatible type 'jp_ctx *' */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_future one = jp_yield(p, AddOne, 1);
    jp_after (one) /* here */
        jp_yield(p, AddOne, 2);
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
