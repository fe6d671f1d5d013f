/* More pipes than a program may have, as when NULL is missing at the end.
 *
 * refused: more than 10000 pipes: does the list end with NULL? */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    static const jp_def *pipes[20001];
    for (int i = 0; i < 20000; i++)
        pipes[i] = &Wrong;
    return jp_main(argc, argv, pipes);
}
