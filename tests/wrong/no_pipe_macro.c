/* A definition that was not made with JP_PIPE.
 *
 * refused: pipe number 1 of the list was compiled with another jetpipe.h, or not defined with JP_PIPE: compile it
 *     again with the header of this library */
#include <jetpipe.h>

static jp_end run(jp_ctx *p)
{
    return jp_done(p);
}

static const jp_def Wrong = {.abi = JP_ABI, .name = "Wrong", .run = run};

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
