/* A value of more than 8 MiB: a failed attempt.
 *
 * aborts: Wrong failed: after 1 attempt: Wrong, {here}: its output default is larger than 8 MiB (9000013 bytes):
 *     split it, or store it elsewhere and pass its name */
#include <jetpipe.h>
#include <string.h>

JP_PIPE(Wrong, p, .retry = {.attempts = 1})
{
    char *text = jp_alloc(p, 9000001);
    memset(text, 'x', 9000000);
    return jp_return(p, text); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
