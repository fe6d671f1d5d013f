/* A body without an ending.
 *
 * gcc: no return statement in function returning non-void
 * clang: non-void function does not return a value */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    jp_arg(p, "n");
} /* here */

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
