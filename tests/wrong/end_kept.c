/* The ending of another attempt.
 *
 * run: Wrong --processes 1
 * aborts: Wrong, {here}: it did not end with jp_return, jp_done, jp_wait, jp_retry or jp_abort of this attempt:
 *     return what one of them gives here and now */
#include <jetpipe.h>

JP_PIPE(Wrong, p) /* here */
{
    static jp_end kept;
    if (jp_attempt(p) > 1)
        return kept;
    kept = jp_return(p, 1);
    return jp_retry_in(p, 0, "once more");
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
