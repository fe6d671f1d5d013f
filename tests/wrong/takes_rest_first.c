/* A rest argument that is not the last.
 *
 * refused: Wrong, {here}: .takes = "int64... n, string s", character 11: nothing may follow "int64... n", which takes
 *     all that is left, put it last */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64... n, string s") /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
