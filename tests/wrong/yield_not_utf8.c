/* Text that is not UTF-8 as an argument: a failed attempt, like every value that cannot be stored.
 *
 * aborts: Wrong failed: after 1 attempt: Wrong, {here}: argument who of Greet holds text that is not UTF-8: make it a
 *     binary, with jp_v_binary */
#include <jetpipe.h>

JP_PIPE(Greet, p, .takes = "string who", .gives = "string")
{
    return jp_return(p, jp_format(p, "hello %s", jp_string(p, "who")));
}

JP_PIPE(Wrong, p, .retry = {.attempts = 1})
{
    return jp_return(p, jp_yield(p, Greet, "\xff\xfe")); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &Greet, NULL});
}
