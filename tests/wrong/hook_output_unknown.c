/* An output in on_finished that the pipe does not have.
 *
 * logs: Wrong, {here}: it has no output rows: ask for "default" or a name of .fills */
#include <jetpipe.h>

static void finished(jp_ctx *p, bool aborted)
{
    if (!aborted && jp_output(p, "rows").type == JP_NULL) /* here */
        return;
}

JP_PIPE(Wrong, p, .on_finished = finished)
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
