/* A format and an argument that differ, in jp_format.
 *
 * gcc: format '%s' expects argument of type 'char *', but argument 3 has type 'int'
 * clang: format specifies type 'char *' but the argument has type 'int' */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_format(p, "order-%s", jp_attempt(p))); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
