/* In C11 true is an int.
 *
 * aborts: Wrong, {here}: Switch wants bool on, is given int64: in C11 true is an int, write (bool)true, or change
 *     .takes of Switch */
#include <jetpipe.h>

JP_PIPE(Switch, p, .takes = "bool on")
{
    return jp_return(p, jp_bool(p, "on"));
}

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_yield(p, Switch, true)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &Switch, NULL});
}
