/* More queues than one process serves.
 *
 * run: Wrong1
 * refused: the worker role: 301 queues among the registered pipes, the limit is 256: give more pipes the same .queue,
 *     or register them in several programs */
#include <jetpipe.h>
#include <stdio.h>

JP_PIPE(Wrong, p)
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    enum { QUEUES = 300 };
    static jp_def defs[QUEUES];
    static char names[QUEUES][16];
    static const jp_def *pipes[QUEUES + 1];

    for (int i = 0; i < QUEUES; i++) {
        snprintf(names[i], sizeof names[i], "Wrong%d", i);
        defs[i] = Wrong;
        defs[i].as = defs[i].queue = names[i];
        pipes[i] = &defs[i];
    }
    return jp_main(argc, argv, pipes);
}
