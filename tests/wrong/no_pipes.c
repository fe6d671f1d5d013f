/* A list without pipes.
 *
 * not found: there is no pipe 'Wrong'; `no_pipes help` lists them */
#include <jetpipe.h>

int main(int argc, char **argv)
{
    return jp_main(argc, argv, (const jp_def *const[]){NULL});
}
