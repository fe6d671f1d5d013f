/* An output that .fills does not declare.
 *
 * aborts: Wrong, {here}: it fills the output rest, which it does not declare: add it to .fills = "int64 remainder" */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .fills = "int64 remainder")
{
    jp_fill(p, "rest", 1); /* here */
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
