/* A trial of a pipe that is not in its list.
 *
 * dies: AddOne is not in the list given to jp_trial_new */
#include <jetpipe_test.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    return jp_done(p);
}

int main(void)
{
    jp_trial *t = jp_trial_new((const jp_def *const[]){&Wrong, NULL});
    jp_trial_run(t, AddOne, 1);
    jp_trial_free(t);
    return 0;
}
