/* A list with a future inside a document.
 *
 * aborts: Wrong, {here}: a future stands in a document, under "parts": pass it as an argument of its own */
#include <jetpipe.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(Wrong, p)
{
    jp_list *parts = jp_array(p, 1, jp_yield(p, AddOne, 1));
    return jp_return(p, jp_object(p, "parts", parts)); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, &AddOne, NULL});
}
