/* A loop that ends the body again and again.
 *
 * aborts: Wrong, {here}: it has called jp_return and its sisters more than 1000 times: call one, and return it */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    jp_end end = jp_done(p);
    for (int i = 0; i < 2000; i++)
        end = jp_return(p, i); /* here */
    return end;
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
