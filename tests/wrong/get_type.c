/* A member of a document read as another type than it has.
 *
 * run: Wrong '[{"cents":"12"}]'
 * aborts: Wrong, {here}: args.order.cents is a string, not an int64: ask jp_get what type it has first */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "doc order")
{
    return jp_return(p, jp_get_int64(p, jp_arg(p, "order"), "cents")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
