/* A key without a value.
 *
 * aborts: Wrong, {here}: jp_object was given a key without a value: keys and values take turns */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_object(p, "id", 17, "paid")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
