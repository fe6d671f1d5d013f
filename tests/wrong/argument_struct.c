/* A struct as an argument.
 *
 * gcc: '_Generic' selector of type 'struct point' is not compatible with any association
 * clang: controlling expression type 'struct point' not compatible with any generic association type */
#include <jetpipe.h>

struct point {
    int x, y;
};

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    struct point here = {1, 2};
    jp_yield(p, AddOne, here); /* here */
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
