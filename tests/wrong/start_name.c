/* A run started with an argument by a name that does not exist.
 *
 * run: Wrong '{"m": 1}'
 * refused: Wrong has no argument "m": it takes (int64 n) */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64 n")
{
    return jp_return(p, jp_arg(p, "n"));
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
