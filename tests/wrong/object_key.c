/* A value where a key should stand.
 *
 * aborts: Wrong, {here}: key 1 of jp_object is an int64, not a string: keys and values take turns, a key first */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_object(p, "id", 17, 18, "paid")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
