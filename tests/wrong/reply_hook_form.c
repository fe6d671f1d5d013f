/* An on_reply that takes no reply.
 *
 * gcc: from incompatible pointer type
 * clang: incompatible function pointer types initializing */
#include <jetpipe.h>

static jp_end answered(jp_ctx *p)
{
    return jp_done(p);
}

JP_PIPE(Wrong, p, .async = true, .on_reply = answered) /* here */
{
    return jp_wait(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
