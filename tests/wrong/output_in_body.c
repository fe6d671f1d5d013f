/* jp_output in a body.
 *
 * aborts: Wrong, {here}: outputs can be read in on_finished only: pass the future of a child on to see its output */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_output(p, "default")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
