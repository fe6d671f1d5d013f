/* An argument read as another type than it has.
 *
 * run: Wrong '"ana"'
 * aborts: Wrong, {here}: args.who is a string, not an int64: read it with jp_string */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "string who")
{
    return jp_return(p, jp_int64(p, "who")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
