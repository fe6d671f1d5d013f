/* An argument that .takes does not name.
 *
 * run: Wrong 1
 * aborts: Wrong, {here}: args.m is not named by .takes = "int64 n": read a name that is, or add this one */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64 n")
{
    return jp_return(p, jp_int64(p, "m")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
