/* jp_after with a list that holds values.
 *
 * aborts: Wrong, {here}: jp_after was given a list with values in it: push futures alone, nothing else ends */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_list *list = jp_array(p, jp_yield(p, AddOne, 1), 2);
    jp_after (p, list) /* here */
        jp_yield(p, AddOne, 2);
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
