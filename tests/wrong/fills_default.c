/* .fills that declares default.
 *
 * refused: Wrong, {here}: .fills names "default", which every pipe has: declare its type in .gives */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .fills = "int64 default") /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
