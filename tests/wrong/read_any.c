/* An argument of type any read as what it is not.
 *
 * run: Wrong true
 * aborts: Wrong, {here}: args.x is a bool, not a string: declare it "string", or ask what type it has first */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "any x")
{
    return jp_return(p, jp_string(p, "x")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
