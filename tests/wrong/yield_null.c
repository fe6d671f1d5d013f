/* Null where .takes has no question mark.
 *
 * aborts: Wrong, {here}: AddOne wants int64 n, is given null: pass an int64, write "int64?" where null may stand, or
 *     change .takes of AddOne */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_yield(p, AddOne, jp_v_null())); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
