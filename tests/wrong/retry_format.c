/* A reason whose format and argument differ.
 *
 * gcc: format '%d' expects argument of type 'int', but argument 3 has type 'char *'
 * clang: format specifies type 'int' but the argument has type 'char *' */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_retry(p, "attempt %d", "one"); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
