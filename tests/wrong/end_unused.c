/* A body that calls jp_return and does not return it.
 *
 * gcc: ignoring return value of 'jp_return_v' declared with attribute 'warn_unused_result'
 * clang: ignoring return value of function declared with 'warn_unused_result' attribute */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    jp_return(p, 1); /* here */
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
