/* .fills with a rest.
 *
 * refused: Wrong, {here}: .fills = "int64... n", character 6: an output cannot be "int64...", declare a list */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .fills = "int64... n") /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
