/* C++: jp_in_order inside jp_in_order.
 *
 * aborts: Wrong, {here}: jp_in_order stands inside jp_in_order: take the inner one out, its children run in order
 *     already */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_in_order (p)
        jp_in_order (p) /* here */
            jp_yield(p, AddOne, 2);
    return jp_done(p);
}

int main(int argc, char **argv)
{
    const jp_def *const pipes[] = {&Wrong, &AddOne, NULL};
    return jp_main(argc, argv, pipes);
}
