/* A future kept over a retry: the plan of a failed attempt is gone.
 *
 * run: Wrong --processes 1
 * aborts: Wrong, {here}: it uses a future of another body or attempt: only the body that yielded a child can use it,
 *     pass the value on as an argument */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    static jp_future kept;
    if (jp_attempt(p) == 1) {
        kept = jp_yield(p, AddOne, 1);
        return jp_retry_in(p, 0, "once more");
    }
    return jp_return(p, kept); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
