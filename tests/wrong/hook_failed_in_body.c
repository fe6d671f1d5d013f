/* jp_hook_failed in a body.
 *
 * aborts: Wrong, {here}: it calls jp_hook_failed in its body: end with jp_retry */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    jp_hook_failed(p, "no disk"); /* here */
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
