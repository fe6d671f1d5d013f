/* A member of a future: its value comes after this body.
 *
 * aborts: Wrong, {here}: rows was asked of a future, whose value no body sees that yields it: yield a child that
 *     takes it, and ask there */
#include <jetpipe.h>

JP_PIPE(Report, p, .gives = "doc")
{
    return jp_return(p, jp_object(p, "rows", 17));
}

JP_PIPE(Wrong, p)
{
    jp_future report = jp_yield(p, Report);
    return jp_return(p, jp_get_int64(p, report, "rows")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &Report, NULL});
}
