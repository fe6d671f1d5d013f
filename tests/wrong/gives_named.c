/* A name in .gives.
 *
 * refused: Wrong, {here}: .gives = "int64 n", character 7: one type alone is wanted, named outputs belong in .fills */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .gives = "int64 n") /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
