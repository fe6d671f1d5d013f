/* A member of a number.
 *
 * run: Wrong 1
 * aborts: Wrong, {here}: cents was asked of an int64, which has no members: ask a doc or a list */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "any n")
{
    return jp_return(p, jp_get_int64(p, jp_arg(p, "n"), "cents")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
