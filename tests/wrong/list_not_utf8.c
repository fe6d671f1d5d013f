/* Text that is not UTF-8 in a list: a failed attempt.
 *
 * aborts: Wrong failed: after 1 attempt: Wrong, {here}: item 1 of a list holds text that is not UTF-8: make it a
 *     binary, with jp_v_binary */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .retry = {.attempts = 1})
{
    return jp_return(p, jp_array(p, "fine", "\xff")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
