/* jp_parse of text that is not JSON.
 *
 * aborts: Wrong, {here}: jp_parse: this is not JSON, its brackets do not match: '[1, 2': ask jp_try_parse for text
 *     from outside */
#include <jetpipe.h>

JP_PIPE(Wrong, p)
{
    return jp_return(p, jp_parse(p, "[1, 2")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
