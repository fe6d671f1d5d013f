/* A type without a name.
 *
 * refused: Wrong, {here}: .takes = "int64, string s", character 6: a name of at most 63 letters, digits, _ or - must
 *     follow int64 */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64, string s") /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
