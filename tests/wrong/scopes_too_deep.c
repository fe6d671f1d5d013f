/* A loop that opens scopes in each other without end.
 *
 * aborts: Wrong, {here}: more than 64 scopes are open: let a child take the inner ones */
#include <jetpipe.h>

static void deeper(jp_ctx *p, int levels)
{
    jp_after (p) /* here */
        if (levels > 0)
            deeper(p, levels - 1);
}

JP_PIPE(Wrong, p)
{
    deeper(p, 100);
    return jp_done(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
