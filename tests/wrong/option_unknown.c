/* An option that does not exist.
 *
 * gcc: 'jp_retry_policy' has no member named 'attemps'
 * clang: field designator 'attemps' does not refer to any field in type 'jp_retry_policy' */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .retry = {.attemps = 3}) /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
