/* An item of a list read as another type than it has.
 *
 * run: Wrong '[[1, 2.5]]'
 * aborts: Wrong, {here}: args.l.1 is a double, not an int64: read it with jp_double_at, or ask jp_arg_at what type it
 *     has first */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "list l")
{
    return jp_return(p, jp_int64_at(p, "l", 1)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
