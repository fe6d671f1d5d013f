/* A ticket in a pipe that is not async.
 *
 * aborts: Wrong, {here}: it asks for a ticket: define it with .async = true */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    const char *ticket = jp_ticket(p); /* here */
    return jp_return(p, ticket);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
