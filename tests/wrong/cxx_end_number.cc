/* C++: a body that ends with a number.
 *
 * gcc: could not convert '0' from 'int' to 'jp_end'
 * clang: no viable conversion from returned value of type 'int' to function return type 'jp_end' */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return 0; /* here */
}

int main(int argc, char **argv)
{
    const jp_def *const pipes[] = {&Wrong, NULL};
    return jp_main(argc, argv, pipes);
}
