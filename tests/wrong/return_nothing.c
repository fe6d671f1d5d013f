/* jp_done in a pipe that gives an int64.
 *
 * aborts: Wrong, {here}: it gives int64, is given null: pass an int64, write "int64?" where null may stand, or change
 *     .gives */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .gives = "int64")
{
    return jp_done(p); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
