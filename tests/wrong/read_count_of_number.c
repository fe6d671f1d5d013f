/* The items of what is no list.
 *
 * run: Wrong 1
 * aborts: Wrong, {here}: args.n is an int64, not a list: read it with jp_int64 */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64 n")
{
    return jp_return(p, (int64_t)jp_count(p, "n")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
