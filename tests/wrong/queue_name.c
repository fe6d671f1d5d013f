/* A queue whose name is no part of a subject.
 *
 * refused: Wrong, {here}: .queue = "pay.eu": give it 1 to 63 letters, digits, _ or - */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .queue = "pay.eu") /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
