/* A key that stands there twice.
 *
 * aborts: Wrong, {here}: jp_object was given the key "id" twice: rename one, or take it out */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_object(p, "id", 17, "paid", 0, "id", 18)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
