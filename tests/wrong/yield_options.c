/* A timeout below 0 for one yield.
 *
 * aborts: Wrong, {here}: its options say .timeout_ms = -5: give it 0 ms to ten years */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_yield_with(p, JP_OPTIONS(.timeout_ms = -5), AddOne, 1)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
