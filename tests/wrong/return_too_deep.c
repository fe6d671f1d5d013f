/* A document nested deeper than 64 levels.
 *
 * aborts: Wrong failed: after 1 attempt: Wrong, {here}: the value of "in" in a document is nested deeper than 64
 *     levels: make it flatter */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .retry = {.attempts = 1})
{
    jp_value doc = jp_object(p);
    for (int i = 0; i < 100; i++)
        doc = jp_object(p, "in", doc); /* here */
    return jp_return(p, doc);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
