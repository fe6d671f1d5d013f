/* A run started with an argument of another type.
 *
 * run: Wrong '["one"]'
 * refused: Wrong wants int64 n, is given string: Wrong takes (int64 n) */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64 n")
{
    return jp_return(p, jp_arg(p, "n"));
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
