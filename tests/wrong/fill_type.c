/* A named output of another type than declared.
 *
 * aborts: Wrong, {here}: it fills int64 rows, is given string: pass an int64, or change .fills */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .fills = "int64 rows")
{
    jp_fill(p, "rows", "many"); /* here */
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
