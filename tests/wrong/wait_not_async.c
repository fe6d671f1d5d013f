/* jp_wait in a pipe that is not async.
 *
 * aborts: Wrong, {here}: it ends with jp_wait: define it with .async = true */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_wait(p); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
