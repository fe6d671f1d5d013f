/* main.c -- the program `jetpipe`: jp_main with the task library. Your own program is the same with your own pipes. */
#include "tasks.h"

int main(int argc, char **argv)
{
    return jp_main(argc, argv, jp_tasks);
}
