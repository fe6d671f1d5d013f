/* A type by its name in another language.
 *
 * refused: Wrong, {here}: .takes = "string who, int n", character 13: there is no type int, write int64 */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "string who, int n") /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
