/* An item past the end of a rest argument.
 *
 * run: Wrong '[1,2]'
 * aborts: Wrong, {here}: args.n has 2 items, item 2 was asked for: they count from 0, ask jp_count first */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64... n")
{
    int64_t total = 0;
    for (size_t i = 0; i <= jp_count(p, "n"); i++)
        total += jp_int64_at(p, "n", i); /* here */
    return jp_return(p, total);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
