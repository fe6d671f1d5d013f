/* An item of a rest argument read as another type than it has.
 *
 * run: Wrong '[1]'
 * aborts: Wrong, {here}: args.n.0 is an int64, not a string: read it with jp_int64_at */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64... n")
{
    return jp_return(p, jp_string_at(p, "n", 0)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
