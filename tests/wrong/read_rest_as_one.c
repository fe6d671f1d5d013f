/* A rest argument read as one value.
 *
 * run: Wrong '[1,2]'
 * aborts: Wrong, {here}: args.n is a list, not an int64: ask for its items with jp_count and jp_..._at */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64... n")
{
    return jp_return(p, jp_int64(p, "n")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
