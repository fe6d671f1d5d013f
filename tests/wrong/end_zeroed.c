/* An ending that none of the five has given.
 *
 * run: Wrong 0
 * aborts: Wrong, {here}: it did not end with jp_return, jp_done, jp_wait, jp_retry or jp_abort of this attempt:
 *     return what one of them gives here and now */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64 n") /* here */
{
    jp_end end = {0};
    if (jp_int64(p, "n") > 0)
        end = jp_return(p, jp_arg(p, "n"));
    return end;
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
