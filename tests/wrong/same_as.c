/* Two pipes with one durable name.
 *
 * refused: Wrong, {here}: the name is registered twice, also by same_as.c:7: take one out or give it another with .as
 */
#include <jetpipe.h>

JP_PIPE(First, p, .as = "Wrong")
{
    return jp_done(p);
}

JP_PIPE(Wrong, p) /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&First, &Wrong, NULL});
}
