/* A type that does not exist.
 *
 * refused: Wrong, {here}: .takes = "colour c", character 1: there is no type colour, the types are any, bool, int64,
 *     double, string, datetime, binary, doc, list */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "colour c") /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
