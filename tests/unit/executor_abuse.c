/* Bodies that misbehave without dying: what they do to descriptors, memory, processes and state costs their own attempt
 * at most. */
#include "executor_kit.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

JP_PIPE(Pid, p, .gives = "int64")
{
    return jp_return(p, (int64_t)getpid());
}

JP_PIPE(CloseAll, p, .gives = "int64")
{
    close_range(0, ~0U, 0);
    return jp_return(p, (int64_t)getpid());
}

/* Every descriptor becomes a socket, and later a file: nothing of ours may go into either. */
JP_PIPE(ReplaceAll, p, .takes = "string path, bool socket", .gives = "int64")
{
    int pair[2], file = open(jp_string(p, "path"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return jp_retry(p, "no socket");
    for (int fd = 3; fd < 512; fd++)
        if (fd != file && fd != pair[0] && fd != pair[1])
            dup2(jp_bool(p, "socket") ? pair[0] : file, fd);
    return jp_return(p, (int64_t)getpid());
}

/* All sockets: others belong to the test framework. */
JP_PIPE(WriteAll, p, .gives = "int64")
{
    char garbage[512];
    struct stat is;
    memset(garbage, 0xa5, sizeof garbage);
    for (int fd = 3; fd < 1024; fd++)
        while (fstat(fd, &is) == 0 && S_ISSOCK(is.st_mode) && write(fd, garbage, sizeof garbage) > 0)
            ;
    return jp_return(p, (int64_t)getpid());
}

/* Everything we share with it, byte by byte. */
JP_PIPE(Scribble, p, .takes = "int64 byte, bool hang")
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    unsigned long from, to;

    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, "memfd:jetpipe") && sscanf(line, "%lx-%lx", &from, &to) == 2)
            memset((void *)from, (int)jp_int64(p, "byte"), to - from);
    if (maps)
        fclose(maps);
    while (jp_bool(p, "hang"))
        pause();
    return jp_done(p);
}

JP_PIPE(ForkReturn, p, .gives = "int64")
{
    pid_t child = fork();
    if (child > 0)
        waitpid(child, NULL, 0);
    return jp_return(p, (int64_t)getpid());
}

JP_PIPE(ForkCrash, p, .gives = "int64")
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        abort();
    waitpid(child, &status, 0);
    return jp_return(p, WTERMSIG(status));
}

JP_PIPE(ForkExit, p, .gives = "int64")
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        exit(9);
    waitpid(child, &status, 0);
    return jp_return(p, WEXITSTATUS(status));
}

JP_PIPE(LeaveChild, p, .takes = "bool daemon, bool crash", .gives = "int64")
{
    int pids[2];
    pid_t pid = 0;

    if (pipe(pids) != 0)
        return jp_retry(p, "no pipe");
    if (fork() == 0) {
        if (jp_bool(p, "daemon")) {
            setsid();
            if (fork() != 0)
                _exit(0);
        }
        pid = getpid();
        if (write(pids[1], &pid, sizeof pid) != sizeof pid)
            _exit(1);
        for (;;)
            pause();
    }
    if (read(pids[0], &pid, sizeof pid) != sizeof pid)
        return jp_retry(p, "no child");
    close(pids[0]);
    close(pids[1]);
    if (jp_bool(p, "crash"))
        raise(SIGKILL);
    return jp_return(p, (int64_t)pid);
}

static void *wait_forever(void *unused)
{
    for (;;)
        pause();
    return unused;
}

JP_PIPE(LeaveThread, p, .gives = "int64")
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_forever, NULL);
    pthread_detach(thread);
    return jp_return(p, (int64_t)getpid());
}

JP_PIPE(ChangeState, p, .gives = "int64")
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    umask(0777);
    if (chdir("/") != 0)
        return jp_retry(p, "chdir");
    return jp_return(p, (int64_t)getpid());
}

JP_PIPE(ShowState, p, .gives = "string")
{
    sigset_t now;
    char folder[1024];
    mode_t mask = umask(0);

    umask(mask);
    sigprocmask(SIG_SETMASK, NULL, &now);
    return jp_return(p,
                     jp_format(p, "%s %o %d", getcwd(folder, sizeof folder), (unsigned)mask,
                               sigismember(&now, SIGTERM) || sigismember(&now, SIGSEGV) || sigismember(&now, SIGCHLD)));
}

/* What a body finds: which of its signals are not default, ignored or blocked; what it reads; how many descriptors it
 * has. */
JP_PIPE(ShowWorld, p, .gives = "string")
{
    const char *odd = "";
    char byte;
    int open_fds = 0;

    for (int sig = 1; sig < 32; sig++) {
        struct sigaction action;
        if (sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            odd = jp_format(p, "%s %d", odd, sig);
    }
    for (int fd = 3; fd < 1024; fd++)
        open_fds += fcntl(fd, F_GETFD) >= 0;
    int child = system("kill -TERM $$");
    return jp_return(p, jp_format(p, "ignored:%s stdin:%d fds:%d child:%d", odd, (int)read(0, &byte, 1), open_fds,
                                  WIFSIGNALED(child) ? WTERMSIG(child) : -1));
}

JP_PIPE(Print, p)
{
    printf("said by a body\n");
    return jp_done(p);
}

const jp_def *const kit_pipes[] = {&Pid,         &CloseAll,  &ReplaceAll, &WriteAll,   &Scribble,
                                   &ForkReturn,  &ForkCrash, &ForkExit,   &LeaveChild, &LeaveThread,
                                   &ChangeState, &ShowState, &ShowWorld,  &Print,      NULL};

static void setup(void)
{
    signal(SIGUSR1, SIG_IGN); /* not for bodies */
    signal(SIGCHLD, SIG_DFL);
    kit_open(1, 0, 0);
}

static pid_t pid_now(void)
{
    jpx_outcome out = kit_run("Pid", "[]", 0);
    return (pid_t)kit_int(&out);
}

static bool is_gone(pid_t pid)
{
    for (int i = 0; i < 200; i++, kit_sleep_ms(10))
        if (kill(pid, 0) != 0)
            return true;
    return false;
}

START_TEST(test_closes_all_descriptors)
{
    pid_t before = pid_now();

    for (int i = 0; i < 10; i++) {
        jpx_outcome out = kit_run("CloseAll", "[]", 0);
        ck_assert_int_eq(kit_int(&out), before); /* the attempt is not lost, */
        pid_t after = pid_now();
        ck_assert_int_ne(before, after); /* the process is replaced */
        before = after;
    }
}
END_TEST

START_TEST(test_replaces_all_descriptors)
{
    char path[] = "/tmp/executor-abuse-XXXXXX", args[128];
    struct stat is;

    close(mkstemp(path));
    for (int i = 0; i < 2; i++) {
        pid_t before = pid_now();
        snprintf(args, sizeof args, "[\"%s\", %s]", path, i ? "true" : "false");
        jpx_outcome out = kit_run("ReplaceAll", args, 0);
        ck_assert_int_eq(kit_int(&out), before);
        ck_assert_int_ne(pid_now(), before);
        ck_assert_int_eq(stat(path, &is), 0);
        ck_assert_int_eq(is.st_size, 0);
    }
    unlink(path);
}
END_TEST

START_TEST(test_writes_to_all_descriptors)
{
    pid_t before = pid_now();
    jpx_outcome out = kit_run("WriteAll", "[]", 0);

    ck_assert_int_eq(kit_int(&out), before);
    ck_assert_int_eq(pid_now(), before); /* nothing happened */
}
END_TEST

START_TEST(test_scribbles_over_the_shared_memory)
{
    static const char *const bytes[] = {"0", "1", "2", "5", "127", "165", "255"};

    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        char args[32];
        snprintf(args, sizeof args, "[%s, false]", bytes[i]);
        jpx_outcome out = kit_run("Scribble", args, 500);
        if (out.end != JPX_END_RETURN) {
            ck_assert_int_eq((int)out.end, JPX_END_RETRY);
            ck_assert_msg(!strcmp(out.class_, "crash") || !strcmp(out.class_, "timeout"), "%s", out.class_);
        }
        snprintf(args, sizeof args, "[%s, true]", bytes[i]);
        out = kit_run("Scribble", args, 500);
        ck_assert_int_eq((int)out.end, JPX_END_RETRY);
        ck_assert_int_gt(pid_now(), 0);
    }
}
END_TEST

START_TEST(test_forks)
{
    pid_t before = pid_now();
    jpx_outcome out = kit_run("ForkReturn", "[]", 0);
    ck_assert_int_eq(kit_int(&out), before);
    out = kit_run("ForkCrash", "[]", 0);
    ck_assert_int_eq(kit_int(&out), SIGABRT);
    out = kit_run("ForkExit", "[]", 0);
    ck_assert_int_eq(kit_int(&out), 9);
    ck_assert_int_eq(pid_now(), before);
    ck_assert_uint_eq(jpx_executor_poll(executor, arena, &out, 1, 50), 0); /* none came back twice */
}
END_TEST

START_TEST(test_children_do_not_stay)
{
    jp_error err;
    jpx_forked_options options = {1, 0, 1};

    jpx_executor_close(executor);
    ck_assert_int_eq(jpx_executor_forked(&executor, zygote, &options, &env, &err), JP_OK);
    jpx_outcome out = kit_run("LeaveChild", "[false, false]", 0);
    pid_t child = (pid_t)kit_int(&out);
    pid_now(); /* recycled after each body, with what it left behind */
    ck_assert(is_gone(child));
    out = kit_run("LeaveChild", "[false, true]", 0);
    kit_has(out.reason, "killed by SIGKILL");
    out = kit_run("LeaveChild", "[true, false]", 0);
    pid_t daemon = (pid_t)kit_int(&out);
    ck_assert_int_eq(kill(daemon, 0), 0); /* it meant to stay, but not longer than the worker */
    jpx_executor_close(executor);
    jpx_zygote_stop(zygote);
    ck_assert(is_gone(daemon));
    executor = NULL;
    zygote = NULL;
}
END_TEST

START_TEST(test_leaves_threads)
{
    jpx_outcome out = kit_run("LeaveThread", "[]", 0);
    pid_t before = (pid_t)kit_int(&out);
    ck_assert_int_eq(pid_now(), before);
}
END_TEST

static const char *show(const char *pipe)
{
    bson_iter_t iter;
    jpx_outcome out = kit_run(pipe, "[]", 0);

    ck_assert_int_eq((int)out.end, JPX_END_RETURN);
    ck_assert(bson_iter_init_from_data(&iter, out.outputs[0].value.data, out.outputs[0].value.size));
    ck_assert(bson_iter_next(&iter));
    return bson_iter_utf8(&iter, NULL);
}

START_TEST(test_state_is_put_back)
{
    const char *before = show("ShowState");
    pid_t pid = pid_now();
    jpx_outcome out = kit_run("ChangeState", "[]", 0);

    ck_assert_int_eq(kit_int(&out), pid);
    ck_assert_str_eq(show("ShowState"), before);
    ck_assert_int_eq(pid_now(), pid);
}
END_TEST

START_TEST(test_a_sane_world)
{
    const char *world = show("ShowWorld");

    kit_has(world, "ignored: stdin:0 ");
    kit_has(world, "child:15"); /* SIGTERM ends what a body starts */
}
END_TEST

/* SIGTERM to all, as service managers do: bodies end in peace. */
START_TEST(test_terminate_spares_bodies)
{
    pid_t before = pid_now();
    kill(before, SIGTERM);
    kill(before, SIGINT);
    ck_assert_int_eq(pid_now(), before);
}
END_TEST

START_TEST(test_output_is_not_lost)
{
    int ends[2], out_before = dup(1);
    char text[64] = "";

    fflush(stdout);
    ck_assert_int_eq(pipe(ends), 0);
    dup2(ends[1], 1);
    jp_error err;
    jpx_zygote *other;
    jpx_executor *before = executor;
    jpx_forked_options options = {1, 0, 0};
    printf("buffered before the fork;");
    ck_assert_int_eq(jpx_zygote_start(&other, registry, &env, &err), JP_OK);
    ck_assert_int_eq(jpx_executor_forked(&executor, other, &options, &env, &err), JP_OK);
    kit_run("Print", "[]", 0);
    jpx_executor_close(executor);
    jpx_zygote_stop(other);
    executor = before;
    fflush(stdout);
    dup2(out_before, 1);
    ck_assert_int_gt(read(ends[0], text, sizeof text - 1), 0);
    ck_assert_str_eq(text, "buffered before the fork;said by a body\n");
    close(ends[0]);
    close(ends[1]);
    close(out_before);
}
END_TEST

static TCase *tests(void)
{
    TCase *tcase = tcase_create("abuse");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, setup, kit_close);
    tcase_add_test(tcase, test_closes_all_descriptors);
    tcase_add_test(tcase, test_replaces_all_descriptors);
    tcase_add_test(tcase, test_writes_to_all_descriptors);
    tcase_add_test(tcase, test_scribbles_over_the_shared_memory);
    tcase_add_test(tcase, test_forks);
    tcase_add_test(tcase, test_children_do_not_stay);
    tcase_add_test(tcase, test_leaves_threads);
    tcase_add_test(tcase, test_state_is_put_back);
    tcase_add_test(tcase, test_a_sane_world);
    tcase_add_test(tcase, test_terminate_spares_bodies);
    tcase_add_test(tcase, test_output_is_not_lost);
    return tcase;
}

int main(void)
{
    return kit_main("executor abuse", tests);
}
