/* jp_each over a number.
 *
 * run: Wrong 1
 * aborts: Wrong, {here}: an int64 was given where a list or a doc is wanted: jp_each and jp_size take those alone */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64 n")
{
    int64_t total = 0;
    jp_each (p, item, jp_arg(p, "n")) /* here */
        total += item.as.i64;
    return jp_return(p, total);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
