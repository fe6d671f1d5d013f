/* An output that the child does not declare.
 *
 * aborts: Wrong, {here}: DivMod has no output rest: its .fills names "int64 remainder", add it or ask for another */
#include <jetpipe.h>

JP_PIPE(DivMod, p, .takes = "int64 a, int64 b", .gives = "int64", .fills = "int64 remainder")
{
    jp_fill(p, "remainder", jp_int64(p, "a") % jp_int64(p, "b"));
    return jp_return(p, jp_int64(p, "a") / jp_int64(p, "b"));
}

JP_PIPE(Wrong, p)
{
    jp_future d = jp_yield(p, DivMod, 7, 2);
    return jp_return(p, jp_slot(p, d, "rest")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &DivMod, NULL});
}
