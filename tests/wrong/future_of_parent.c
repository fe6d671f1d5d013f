/* A future of the parent, used by its child.
 *
 * run: Wrong --processes 1
 * aborts: Child, {here}: it uses a future of another body or attempt: only the body that yielded a child can use it,
 *     pass the value on as an argument */
#include <jetpipe.h>

static jp_future shared;

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Child, p)
{
    return jp_return(p, jp_yield(p, AddOne, shared)); /* here */
}

JP_PIPE(Wrong, p)
{
    shared = jp_yield(p, AddOne, 1);
    return jp_return(p, jp_yield(p, Child));
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, &Child, NULL});
}
