/* A yield in on_finished: told in the log once, the run is done all the same.
 *
 * logs: Wrong, {here}: it cannot yield in on_finished, where its outcome is decided: do that in the body */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

static void finished(jp_ctx *p, bool aborted)
{
    if (!aborted)
        jp_yield(p, AddOne, 1); /* here */
}

JP_PIPE(Wrong, p, .on_finished = finished)
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
