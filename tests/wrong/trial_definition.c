/* A trial of a pipe whose definition is wrong.
 *
 * dies: Wrong, {here}: .takes = "int n", character 1: there is no type int, write int64 */
#include <jetpipe_test.h>

JP_PIPE(Wrong, p, .takes = "int n") /* here */
{
    return jp_return(p, jp_arg(p, "n"));
}

int main(void)
{
    jp_trial *t = jp_trial_new((const jp_def *const[]){&Wrong, NULL});
    jp_trial_free(t);
    return 0;
}
