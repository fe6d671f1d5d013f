/* replay.c -- runs a fuzz target without libFuzzer: each file of the corpus as it is, then with small changes, which
 * are the same in every run.
 *
 *   fuzz_NAME FILE|FOLDER...     the changes of one file are numbered; the last one tried is told when it crashes */
#include "fuzz.h"
#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHANGES = 300, SIZE_MAX_ = 1024 * 1024 };

static char at_work[512]; /* for the handler */

static void died(int sig)
{
    ssize_t ignored = write(STDERR_FILENO, at_work, strlen(at_work));
    (void)ignored;
    signal(sig, SIG_DFL);
    raise(sig);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

/* Overwrites, removes, doubles or inserts a few bytes. Returns the new size, at most twice the old one and 16. */
static size_t change(uint8_t *data, size_t size, uint64_t *state)
{
    static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, '"', '\\', '{', '[', '.', '-', '9', '\n', '/'};

    for (uint64_t times = 1 + next_random(state) % 4; times-- > 0;) {
        size_t at = size ? next_random(state) % size : 0, some = 1 + next_random(state) % 8;
        uint8_t byte =
            next_random(state) % 2 ? telling[next_random(state) % sizeof telling] : (uint8_t)next_random(state);
        some = some < size - at ? some : size - at;
        switch (next_random(state) % 4) {
        case 0:
            if (size)
                data[at] = byte;
            break;
        case 1:
            memmove(data + at, data + at + some, size - at - some);
            size -= some;
            break;
        case 2:
            memmove(data + at + some, data + at, size - at);
            size += some;
            break;
        default:
            memmove(data + at + 1, data + at, size - at);
            data[at] = byte;
            size++;
            break;
        }
    }
    return size;
}

static void run_file(const char *path)
{
    static uint8_t whole[SIZE_MAX_], changed[2 * SIZE_MAX_ + 64];
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(EXIT_FAILURE);
    }
    size_t size = fread(whole, 1, sizeof whole, file);
    fclose(file);
    for (int i = 0; i <= CHANGES; i++) {
        uint64_t state = (uint64_t)i * 7919 + 1;
        snprintf(at_work, sizeof at_work, "the input was change %d of %s\n", i, path);
        memcpy(changed, whole, size);
        size_t now = i ? change(changed, size, &state) : size;
        uint8_t *exact = malloc(now ? now : 1);
        JPX_ASSERT(exact != NULL);
        memcpy(exact, changed, now);
        LLVMFuzzerTestOneInput(exact, now);
        free(exact);
    }
}

int main(int argc, char **argv)
{
    size_t files = 0;

    signal(SIGABRT, died);
    signal(SIGSEGV, died);
    for (int i = 1; i < argc; i++) {
        struct stat about;
        struct dirent **names;
        if (stat(argv[i], &about) == 0 && !S_ISDIR(about.st_mode)) {
            run_file(argv[i]);
            files++;
            continue;
        }
        int count = scandir(argv[i], &names, NULL, alphasort);
        for (int n = 0; n < count; n++) {
            char path[1024];
            snprintf(path, sizeof path, "%s/%s", argv[i], names[n]->d_name);
            if (names[n]->d_name[0] != '.') {
                run_file(path);
                files++;
            }
            free(names[n]);
        }
        if (count >= 0)
            free(names);
    }
    if (!files) {
        fprintf(stderr, "no input was found: name files or folders\n");
        return EXIT_FAILURE;
    }
    printf("%zu inputs, each with %d changes\n", files, CHANGES);
    return EXIT_SUCCESS;
}
