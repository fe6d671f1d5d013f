/* An argument of more than 8 MiB: a failed attempt.
 *
 * aborts: Wrong failed: after 1 attempt: Wrong, {here}: argument text of Keep is larger than 8 MiB (9000008 bytes):
 *     split it, or store it elsewhere and pass its name */
#include <jetpipe.h>
#include <string.h>

JP_PIPE(Keep, p, .takes = "string text")
{
    return jp_return(p, jp_arg(p, "text"));
}

JP_PIPE(Wrong, p, .retry = {.attempts = 1})
{
    char *text = jp_alloc(p, 9000001);
    memset(text, 'x', 9000000);
    return jp_return(p, jp_yield(p, Keep, text)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &Keep, NULL});
}
