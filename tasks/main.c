/* main.c -- the program `jetpipe`: jp_main with the task library. A program of one's own is the same with one's own
 * pipes. */
#include "tasks.h"

int main(int argc, char **argv)
{
    return jp_main(argc, argv, jp_tasks);
}
