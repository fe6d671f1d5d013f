/* A pipe that is registered twice.
 *
 * refused: Wrong, {here}: the name is registered twice, also by {here}: take one out or give it another with .as */
#include <jetpipe.h>

JP_PIPE(Wrong, p) /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &Wrong, NULL});
}
