/* An optional argument read although it was not given.
 *
 * aborts: Wrong, {here}: args.n is null, not an int64: ask jp_given first */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64? n")
{
    return jp_return(p, jp_int64(p, "n")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
