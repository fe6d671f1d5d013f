/* tasks_programs.c -- Exec and ReadFile against real programs and files. */
#include "unit/tasks_kit.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>

JP_PIPE(Shell, p, .takes = "string script, any? input, int64? limit_ms")
{
    return jp_return(p, jp_yield_with(p, JP_OPTIONS(.retry = {.attempts = 1}), Exec,
                                      jp_array(p, "sh", "-c", jp_arg(p, "script"), "sh", "an argument"),
                                      jp_arg(p, "input"), jp_arg(p, "limit_ms")));
}

JP_PIPE(Words, p, .takes = "any... words")
{
    return jp_return(p, jp_yield(p, Exec, jp_arg(p, "words")));
}

static void open_here(void)
{
    close_trial();
    trial = jp_trial_new((const jp_def *const[]){&Shell, &Words, &Exec, &ReadFile, NULL});
}

START_TEST(output_is_the_value)
{
    open_here();
    GIVES("\"hello\\n\"", Shell, "echo hello; echo unheard >&2");
    GIVES("\"an argument\"", Shell, "printf %s \"$1\"");
    GIVES("\"\"", Shell, "true");
    GIVES("{\"$binary\":{\"base64\":\"/w==\",\"subType\":\"00\"}}", Shell, "printf '\\377'");
    GIVES("\"in put\"", Shell, "cat", "in put");
    GIVES("\"2\\n\"", Shell, "wc -c | tr -d ' '", jp_v_binary("\0\377", 2));
}
END_TEST

START_TEST(exit_code_decides)
{
    open_here();
    ABORTS("sh ended with exit code 3: the reason", Shell, "echo first >&2; echo the reason >&2; exit 3");
    ABORTS("sh was ended by signal 9", Shell, "kill -9 $$");
    ABORTS("is 7, neither a string nor binary", Shell, "cat", 7);
    ABORTS("limit_ms is 0", Shell, "true", jp_v_null(), 0);
    ABORTS("/no/such/program cannot be run: No such file", Words, "/no/such/program");
    ABORTS("/etc cannot be run: Permission denied", Words, "/etc");
    ABORTS("1 to 4096 strings", Words);
    ABORTS("5, in its command, is not a string", Words, "true", 5);
}
END_TEST

START_TEST(input_that_is_not_read)
{
    const size_t size = 1024 * 1024;
    char *input = malloc(size + 1);

    memset(input, 'x', size);
    input[size] = '\0';
    open_here();
    GIVES("\"done\\n\"", Shell, "echo done", (const char *)input); /* no SIGPIPE, no deadlock */
    GIVES("\"1048576\\n\"", Shell, "cat | cat | wc -c | tr -d ' '", (const char *)input);
    free(input);
}
END_TEST

START_TEST(much_output)
{
    open_here();
    ABORTS("more than 8000000 bytes", Shell, "head -c 9000000 /dev/zero");
    ABORTS("more than 8000000 bytes", Shell, "yes"); /* and it is ended */
    ABORTS("exit code 1", Shell, "yes error | head -c 300000 >&2; exit 1");
}
END_TEST

START_TEST(time_limit_ends_all_it_started)
{
    char path[] = "/tmp/jetpipe-exec.XXXXXX";
    struct timespec begin, end;
    const int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    open_here();
    clock_gettime(CLOCK_MONOTONIC, &begin);
    char script[200];
    snprintf(script, sizeof script, "echo slow >&2; (sleep 1; echo alive >%s) & sleep 60", path);
    ABORTS("did not end within 200 ms and was killed: slow", Shell, (const char *)script, jp_v_null(), 200);
    ABORTS("did not end within 200 ms", Shell, "exec >&- 2>&-; sleep 60", jp_v_null(), 200);
    clock_gettime(CLOCK_MONOTONIC, &end);
    ck_assert_int_lt(end.tv_sec - begin.tv_sec, 5);
    sleep(2);
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 0);
    close(fd);
    unlink(path);
}
END_TEST

START_TEST(files)
{
    char path[] = "/tmp/jetpipe-file.XXXXXX";
    const int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    open_here();
    GIVES("\"\"", ReadFile, (const char *)path);
    ck_assert_int_eq(write(fd, "gr\xc3\xbc\xc3\x9f", 6), 6);
    GIVES("\"gr\xc3\xbc\xc3\x9f\"", ReadFile, (const char *)path);
    ck_assert_int_eq(write(fd, "\0", 1), 1);
    GIVES("{\"$binary\":{\"base64\":\"Z3LDvMOfAA==\",\"subType\":\"00\"}}", ReadFile, (const char *)path);
    ck_assert_int_eq(ftruncate(fd, 8000001), 0);
    ABORTS("more than 8000000 bytes", ReadFile, (const char *)path);
    ABORTS("No such file or directory; name a file", ReadFile, "/no/such/file");
    ABORTS("/tmp cannot be read: not a regular file", ReadFile, "/tmp");
    ABORTS("/dev/zero cannot be read: not a regular file", ReadFile, "/dev/zero");
    close(fd);
    unlink(path);
}
END_TEST

static void fill(TCase *tests)
{
    tcase_add_test(tests, output_is_the_value);
    tcase_add_test(tests, exit_code_decides);
    tcase_add_test(tests, input_that_is_not_read);
    tcase_add_test(tests, much_output);
    tcase_add_test(tests, time_limit_ends_all_it_started);
    tcase_add_test(tests, files);
}

int main(void)
{
    return run_suite("tasks_programs", open_trial, close_trial, fill);
}
