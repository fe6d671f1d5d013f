/* A value of another type than .gives.
 *
 * aborts: Wrong, {here}: it gives int64, is given string: pass an int64, or change .gives */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .gives = "int64")
{
    return jp_return(p, "42"); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
