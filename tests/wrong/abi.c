/* A pipe that was compiled with an older header.
 *
 * refused: pipe number 1 of the list was compiled for ABI 0 of jetpipe.h, this library has 1: compile it again with
 *     the header of this library */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    jp_def old = Wrong;
    old.abi = JP_ABI - 1;
    return jp_main(argc, argv, (const jp_def *const[]){&old, NULL});
}
