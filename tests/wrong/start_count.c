/* A run started without its argument.
 *
 * refused: Wrong takes (int64 n), is given 0 arguments */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64 n")
{
    return jp_return(p, jp_arg(p, "n"));
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
