/* A promise of a type that does not exist.
 *
 * aborts: Wrong, {here}: the type of a promise: "text", character 1: there is no type text, write string */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_promise(p, "text")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
