/* A durable name that is no part of a subject.
 *
 * refused: Wrong, {here}: .as = "Add One": give it 1 to 63 letters, digits, _ or - */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .as = "Add One") /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
