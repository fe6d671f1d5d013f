/* Bytes that are no document, as a document: a failed attempt.
 *
 * aborts: Wrong failed: after 1 attempt: Wrong, {here}: its output default is not valid BSON: a jp_doc is the bytes
 *     of one whole document */
#include <jetpipe.h>

JP_PIPE(Wrong, p, .retry = {.attempts = 1})
{
    static const uint8_t bytes[] = {1, 2, 3};
    return jp_return(p, ((jp_doc){bytes, sizeof bytes})); /* here */
}

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){&Wrong, NULL});
}
