/* A result of a trial read as a number that it is not.
 *
 * dies: Wrong is done with the result "one", not an int64 */
#include <jetpipe_test.h>

JP_PIPE(Wrong, p)
{
    return jp_return(p, "one");
}

int main(void)
{
    jp_trial *t = jp_trial_new((const jp_def *const[]){&Wrong, NULL});
    bool two = jp_trial_int64(jp_trial_run(t, Wrong)) == 2;
    jp_trial_free(t);
    return !two;
}
