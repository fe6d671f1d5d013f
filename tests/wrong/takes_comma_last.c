/* A comma too many.
 *
 * refused: Wrong, {here}: .takes = "int64 n,", character 9: a type is missing, write "type name, type name" */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .takes = "int64 n,") /* here */
{
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
