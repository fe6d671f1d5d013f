/* program.c -- a user's program for the end-to-end tests: jp_main with its own pipes. */
#include <jetpipe.h>
#include <stdlib.h>
#include <unistd.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(AddTwo, p, .takes = "int64 n", .gives = "int64")
{
    jp_future one = jp_yield(p, AddOne, jp_arg(p, "n"));
    return jp_return(p, jp_yield(p, AddOne, one));
}

JP_PIPE(Sum, p, .takes = "int64... n", .gives = "int64")
{
    int64_t total = 0;
    for (size_t i = 0; i < jp_count(p, "n"); i++)
        total += jp_int64_at(p, "n", i);
    return jp_return(p, total);
}

JP_PIPE(Slowly, p, .takes = "int64 n, int64 ms", .gives = "int64")
{
    usleep((useconds_t)(jp_int64(p, "ms") * 1000));
    return jp_return(p, jp_arg(p, "n"));
}

/* `count` children that take `ms` each, and their sum. */
JP_PIPE(Fan, p, .takes = "int64 count, int64 ms", .gives = "int64")
{
    jp_list *parts = jp_list_new(p);
    for (int64_t i = 0; i < jp_int64(p, "count"); i++)
        jp_push(parts, jp_yield(p, Slowly, i, jp_arg(p, "ms")));
    return jp_return(p, jp_yield_list(p, Sum, parts));
}

static int __attribute__((noinline)) read_header(volatile int *header)
{
    return *header;
}

/* Its first attempt dies by SIGSEGV. */
JP_PIPE(CrashesOnce, p, .gives = "int64", .retry = {.first_ms = 100})
{
    if (jp_attempt(p) == 1)
        return jp_return(p, (int64_t)read_header(NULL));
    return jp_return(p, 7);
}

JP_PIPE(Hangs, p, .gives = "int64", .timeout_ms = 300, .retry = {.attempts = 2, .first_ms = 50})
{
    for (;;)
        usleep(1000);
    return jp_return(p, 1);
}

JP_PIPE(Exits, p, .gives = "int64", .retry = {.attempts = 1})
{
    exit(3);
    return jp_return(p, 1);
}

JP_PIPE(Echo, p, .takes = "any x", .gives = "any")
{
    return jp_return(p, jp_arg(p, "x"));
}

JP_PIPE(Asks, p, .gives = "any", .async = true)
{
    jp_ticket(p);
    return jp_wait(p);
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv,
                   (const jp_def *const[]){&AddOne, &AddTwo, &Sum, &Slowly, &Fan, &CrashesOnce, &Hangs, &Exits, &Echo,
                                           &Asks, NULL});
}
