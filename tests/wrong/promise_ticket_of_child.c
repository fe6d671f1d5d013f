/* The ticket of a child that is no promise.
 *
 * aborts: Wrong, {here}: it asks for the ticket of AddOne: give jp_promise_ticket a future that jp_promise gave */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_future one = jp_yield(p, AddOne, 1);
    return jp_return(p, jp_promise_ticket(p, one)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
