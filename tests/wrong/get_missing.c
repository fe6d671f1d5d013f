/* A path that is not in the document.
 *
 * run: Wrong '[{"lines":[]}]'
 * aborts: Wrong, {here}: args.order.lines.0.cents is not there: ask jp_has first */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "doc order")
{
    return jp_return(p, jp_get_int64(p, jp_arg(p, "order"), "lines.0.cents")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
