/* A name that stands there twice.
 *
 * refused: Wrong, {here}: .takes = "int64 n, string n", character 17: the name n stands there twice, rename one */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64 n, string n") /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
