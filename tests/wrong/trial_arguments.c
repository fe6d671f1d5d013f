/* A trial with arguments that the pipe does not take.
 *
 * dies: Wrong wants int64 n, is given string: Wrong takes (int64 n) */
#include <jetpipe_test.h>

JP_PIPE(Wrong, p, .takes = "int64 n")
{
    return jp_return(p, jp_arg(p, "n"));
}

int main(void)
{
    jp_trial *t = jp_trial_new((const jp_def *const[]){&Wrong, NULL});
    jp_trial_run(t, Wrong, "one");
    jp_trial_free(t);
    return 0;
}
