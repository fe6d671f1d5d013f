/* jp_after with a number: only what was yielded ends.
 *
 * gcc: '_Generic' selector of type 'int' is not compatible with any association
 * clang: controlling expression type 'int' not compatible with any generic association type */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_after (p, 1) /* here */
        jp_yield(p, AddOne, 1);
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
