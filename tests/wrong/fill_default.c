/* jp_fill of the default output.
 *
 * aborts: Wrong, {here}: it fills the output default: that is what jp_return is for */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    jp_fill(p, "default", 1); /* here */
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
