/* sqlite_turn.c -- the order in which processes write one file. SQLite lets anyone try for the write lock at any time,
 * so that one who writes without a pause keeps others out for as long as it likes. Here is a turnstile before it: two
 * locks on bytes of the file PATH-turn.
 *
 *   take:  lock NEXT, lock INSIDE, unlock NEXT        pass:  unlock INSIDE
 *
 * Who waits for INSIDE holds NEXT, so that the one inside cannot come back before the one who waits. It is only about
 * order: SQLite's lock is what protects the data, and without the file, or when a turn takes too long, all goes on
 * without it. The locks are those of fcntl that belong to the process: they end with it, whatever its children do.
 *
 * Blocks by short sleeps: a lock of fcntl cannot be waited for with a time limit. */
#include "store/sqlite.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NEXT, INSIDE, SLEEP_US = 40, SLEEP_LONGEST_US = 500 };

static bool set(int fd, short type, off_t byte)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
    return fcntl(fd, F_SETLK, &lock) == 0;
}

static bool wait_for(int fd, off_t byte, int64_t deadline_ms)
{
    long sleep_us = SLEEP_US;
    while (!set(fd, F_WRLCK, byte)) {
        if (jpx_sql_clock_ms() >= deadline_ms)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = sleep_us * 1000}, NULL);
        sleep_us = sleep_us * 5 / 4 < SLEEP_LONGEST_US ? sleep_us * 5 / 4 : SLEEP_LONGEST_US;
    }
    return true;
}

void jpx_turn_open(jpx_turn *turn, const char *path)
{
    static const char suffix[] = "-turn";
    size_t size = strlen(path) + sizeof suffix;
    char *name = malloc(size);

    JPX_ASSERT(name != NULL);
    snprintf(name, size, "%s%s", path, suffix);
    turn->fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    free(name);
}

void jpx_turn_close(jpx_turn *turn)
{
    if (turn->fd >= 0)
        close(turn->fd);
    turn->fd = -1;
}

void jpx_turn_take(jpx_turn *turn, int64_t deadline_ms)
{
    if (turn->fd < 0)
        return;
    if (wait_for(turn->fd, NEXT, deadline_ms)) {
        wait_for(turn->fd, INSIDE, deadline_ms);
        set(turn->fd, F_UNLCK, NEXT);
    }
}

void jpx_turn_pass(jpx_turn *turn)
{
    if (turn->fd >= 0)
        set(turn->fd, F_UNLCK, INSIDE);
}
