/* So many futures in so little order that no record can hold them.
 *
 * aborts: Wrong, {here}: a record of its plan would be larger than 15 MiB: pass fewer or smaller values, or futures
 *     in the order in which they were yielded */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Count, p, .takes = "int64... n", .gives = "int64")
{
    return jp_return(p, (int64_t)jp_count(p, "n"));
}

JP_PIPE(Wrong, p) /* here */
{
    jp_future one = jp_yield(p, AddOne, 1), two = jp_yield(p, AddOne, 2);
    jp_list *list = jp_list_new(p);

    for (int i = 0; i < 500000; i++)
        jp_push(list, i % 2 ? one : two);
    return jp_return(p, jp_yield_list(p, Count, list));
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, &Count, NULL});
}
