/* programs.c -- programs and files of the worker's machine. Both block the process of their body; Exec can have a time
 * limit. */
#include "files.h"
#include "tasks.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    OUTPUT_MAX = 8 * 1000 * 1000, /* bytes of a program's output, and of a file: a value has at most 8 MiB */
    ERRORS_MAX = 4096,            /* the last bytes of standard error that are kept */
    LINE_MAX = 300,               /* bytes of its last line in a reason */
    WORDS_MAX = 4096              /* of a command */
};

/* A string if the data is UTF-8 text, else binary. */
static jp_value value_of(const char *data, size_t size)
{
    return is_utf8(data, size) && !memchr(data, '\0', size) ? jp_v_string(data) : jp_v_binary(data, size);
}

JP_PIPE(ReadFile, p, .takes = "string path")
{
    const char *path = jp_string(p, "path"), *why = NULL;
    const int fd = file_open(p, path, true, &why);

    if (fd < 0)
        return jp_abort(p, "%s cannot be read: %s; name a file that exists and that the worker may read", path, why);
    char *data = jp_alloc(p, OUTPUT_MAX + 2);
    const int64_t size = file_read(fd, data, OUTPUT_MAX + 1);
    const int error = errno;
    close(fd);
    if (size < 0)
        return jp_retry(p, "%s cannot be read: %s", path, strerror(error));
    if (size > OUTPUT_MAX)
        return jp_abort(p, "%s has more than %d bytes, which is more than one value may have; pass its name instead",
                        path, OUTPUT_MAX);
    data[size] = '\0';
    return jp_return(p, value_of(data, (size_t)size));
}

/* ---- programs ---- */

struct program {
    pid_t pid;
    int in, out, err; /* our ends; -1 = closed */
    const char *input;
    size_t input_left;
    char *output, *errors;
    size_t output_size, errors_size;
    bool too_much, late;
};

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Starts the program in its own process group, so that the time limit kills its children as well. Returns 0 or an
 * errno.
 */
static int start(struct program *program, char **command)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1}, status = 0;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t set;

    /* Standard input is a socket, so that writing to it need not raise SIGPIPE. */
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, in) != 0 || pipe2(out, O_CLOEXEC) != 0 ||
        pipe2(err, O_CLOEXEC) != 0)
        status = errno;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in[1], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, err[1], STDERR_FILENO);
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&how, &set);
    sigfillset(&set);
    posix_spawnattr_setsigdefault(&how, &set);
    if (!status)
        status = posix_spawnp(&program->pid, command[0], &files, &how, command, environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    close_end(&in[1]);
    close_end(&out[1]);
    close_end(&err[1]);
    program->in = in[0];
    program->out = out[0];
    program->err = err[0];
    return status;
}

static void send_input(struct program *program)
{
    const ssize_t n = send(program->in, program->input, program->input_left, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n > 0) {
        program->input += n;
        program->input_left -= (size_t)n;
    }
    /* a program need not read its input */
    if (program->input_left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_end(&program->in);
}

static void take_output(struct program *program)
{
    const ssize_t n = read(program->out, program->output + program->output_size, OUTPUT_MAX + 1 - program->output_size);

    if (n > 0)
        program->output_size += (size_t)n;
    program->too_much = program->output_size > OUTPUT_MAX;
    if (n == 0 || (n < 0 && errno != EINTR))
        close_end(&program->out);
}

static void take_errors(struct program *program)
{
    if (program->errors_size == ERRORS_MAX) { /* drop the first half */
        memmove(program->errors, program->errors + ERRORS_MAX / 2, ERRORS_MAX / 2);
        program->errors_size = ERRORS_MAX / 2;
    }
    const ssize_t n = read(program->err, program->errors + program->errors_size, ERRORS_MAX - program->errors_size);
    if (n > 0)
        program->errors_size += (size_t)n;
    if (n == 0 || (n < 0 && errno != EINTR))
        close_end(&program->err);
}

/* Passes input and output until both outputs are closed, the time is over, or there is too much output. */
static void talk(struct program *program, int64_t end_ms)
{
    if (program->input_left == 0)
        close_end(&program->in);
    while (program->out >= 0 || program->err >= 0) {
        struct pollfd fds[] = {{.fd = program->out, .events = POLLIN},
                               {.fd = program->err, .events = POLLIN},
                               {.fd = program->in, .events = POLLOUT}};
        const int64_t left = end_ms - clock_ms();
        program->late = left <= 0;
        if (program->late || program->too_much)
            return;
        if (poll(fds, 3, left < 60000 ? (int)left : 60000) <= 0)
            continue;
        if (fds[0].revents)
            take_output(program);
        if (fds[1].revents)
            take_errors(program);
        if (fds[2].revents)
            send_input(program);
    }
}

/* Waits for the end of the program, and kills it if it must not go on. Returns the status of waitpid. */
static int finish(struct program *program, int64_t end_ms)
{
    int status = 0;
    pid_t done;

    for (;;) {
        if (program->late || program->too_much)
            kill(-program->pid, SIGKILL);
        /* it may close its outputs and go on */
        done = waitpid(program->pid, &status, program->late || program->too_much ? 0 : WNOHANG);
        if (done == program->pid || (done < 0 && errno != EINTR))
            break;
        if (done == 0) {
            nanosleep(&(struct timespec){0, 2 * 1000 * 1000}, NULL);
            program->late = clock_ms() >= end_ms;
        }
    }
    close_end(&program->in);
    close_end(&program->out);
    close_end(&program->err);
    return status;
}

/* ": " and the last line of standard error, or nothing. */
static const char *last_line(jp_ctx *p, struct program *program)
{
    size_t end = program->errors_size, begin;

    while (end && strchr("\r\n\t ", program->errors[end - 1]))
        end--;
    for (begin = end; begin && program->errors[begin - 1] != '\n' && end - begin < LINE_MAX; begin--)
        continue;
    program->errors[end] = '\0';
    return end > begin ? jp_format(p, ": %s", path_shown(p, program->errors + begin)) : "";
}

/* Runs a program with `input` as its standard input, and gives its standard output: a string if it is UTF-8, else
 * binary. The command is a name or path and its arguments; there is no shell. Anything but exit code 0 is a failed
 * attempt, the time limit included. */
JP_PIPE(Exec, p, .takes = "list command, any? input, int64? limit_ms")
{
    struct program program = {.in = -1, .out = -1, .err = -1};
    const int64_t limit_ms = jp_given(p, "limit_ms") ? jp_int64(p, "limit_ms") : INT64_MAX / 2;
    const jp_value input = jp_arg(p, "input");
    const size_t count = jp_count(p, "command");

    if (count == 0 || count > WORDS_MAX)
        return jp_abort(p, "Exec takes a program and its arguments, 1 to %d strings, not %zu", WORDS_MAX, count);
    char **command = jp_alloc(p, (count + 1) * sizeof *command);
    for (size_t i = 0; i < count; i++) {
        const char *word = path_of(p, jp_arg_at(p, "command", i));
        if (!word)
            return jp_abort(p, "Exec: %s, in its command, is not a string", jp_json(p, jp_arg_at(p, "command", i)));
        command[i] = jp_alloc(p, strlen(word) + 1);
        memcpy(command[i], word, strlen(word));
    }
    if (input.type == JP_STRING) {
        program.input = input.as.str;
        program.input_left = strlen(input.as.str);
    } else if (input.type == JP_BINARY) {
        program.input = (const char *)input.as.bytes.data;
        program.input_left = input.as.bytes.size;
    } else if (input.type != JP_NULL) {
        return jp_abort(p, "Exec: the input is %s, neither a string nor binary", jp_json(p, input));
    }
    if (limit_ms < 1)
        return jp_abort(p, "Exec: limit_ms is %lld; a program needs at least 1 ms", (long long)limit_ms);

    program.output = jp_alloc(p, OUTPUT_MAX + 2);
    program.errors = jp_alloc(p, ERRORS_MAX + 1);
    const int64_t now = clock_ms(), end_ms = limit_ms > INT64_MAX - now ? INT64_MAX : now + limit_ms;
    const char *name = path_shown(p, command[0]);
    const int error = start(&program, command);
    if (error) {
        close_end(&program.in);
        close_end(&program.out);
        close_end(&program.err);
        if (error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE)
            return jp_retry(p, "%s could not be started: %s", name, strerror(error));
        return jp_abort(p, "%s cannot be run: %s; name a program that the worker has and may run", name,
                        strerror(error));
    }
    talk(&program, end_ms);
    const int status = finish(&program, end_ms);

    if (program.too_much)
        return jp_abort(p, "%s wrote more than %d bytes, which is more than one value may have; let it write to a file",
                        name, OUTPUT_MAX);
    if (program.late)
        return jp_retry(p, "%s did not end within %lld ms and was killed%s", name, (long long)limit_ms,
                        last_line(p, &program));
    if (WIFSIGNALED(status))
        return jp_retry(p, "%s was ended by signal %d (%s)%s", name, WTERMSIG(status), strsignal(WTERMSIG(status)),
                        last_line(p, &program));
    if (WEXITSTATUS(status) != 0)
        return jp_retry(p, "%s ended with exit code %d%s", name, WEXITSTATUS(status), last_line(p, &program));
    return jp_return(p, value_of(program.output, program.output_size));
}
