/* crashes.c -- bodies that crash, hang or kill their whole worker, in the forked executor, in real time. */
#include "records.h"
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- pipes ---- their notes are lost with their process, so the tests read attempts from the records */

static const char *begun_file; /* written by bodies, read by the test */

static void fall_over(void)
{
    volatile int *nowhere = NULL;
    *nowhere = 1;
}

JP_PIPE(crashes, p, .takes = "int64 times", .gives = "int64",
        .retry = {.attempts = 3, .first_ms = 20, .jitter = JP_NO_JITTER})
{
    if (jp_attempt(p) <= jp_int64(p, "times"))
        fall_over();
    return jp_return(p, jp_attempt(p));
}

JP_PIPE(leaves, p, .gives = "int64", .retry = {.attempts = 2, .first_ms = 20})
{
    if (jp_attempt(p) == 1)
        _exit(3);
    return jp_return(p, jp_attempt(p));
}

/* Its plan is lost with its process. */
JP_PIPE(plans_and_crashes, p, .gives = "int64", .retry = {.attempts = 2, .first_ms = 20})
{
    jp_future a = jp_yield(p, echo, jp_attempt(p));
    if (jp_attempt(p) == 1)
        fall_over();
    return jp_return(p, a);
}

static void sleep_long(void)
{
    for (int i = 0; i < 600; i++)
        usleep(100 * 1000);
}

JP_PIPE(hangs, p, .takes = "int64 times", .gives = "int64", .timeout_ms = 400,
        .retry = {.attempts = 2, .first_ms = 20, .jitter = JP_NO_JITTER})
{
    if (jp_attempt(p) <= jp_int64(p, "times"))
        sleep_long();
    return jp_return(p, jp_attempt(p));
}

/* The time limit covers the whole attempt: a body that goes on to wait, and on_reply. */
JP_PIPE(hangs_before_waiting, p, .gives = "int64", .async = true, .timeout_ms = 400,
        .retry = {.attempts = 2, .first_ms = 20, .jitter = JP_NO_JITTER})
{
    if (jp_attempt(p) == 1)
        sleep_long();
    return jp_return_in(p, 20, jp_attempt(p));
}

/* Its only time limit is that of one of its yields (S53). */
JP_PIPE(sleeps, p, .takes = "int64 times", .gives = "int64", .retry = {.attempts = 2, .first_ms = 20})
{
    if (jp_attempt(p) <= jp_int64(p, "times"))
        sleep_long();
    usleep(600 * 1000);
    return jp_return(p, jp_attempt(p));
}

JP_PIPE(limits_one, p, .gives = "list")
{
    jp_future limited = jp_yield_with(p, JP_OPTIONS(.timeout_ms = 2000), sleeps, 1);
    return jp_return(p, jp_array(p, limited, jp_yield(p, sleeps, 0)));
}

static jp_end hangs_in_reply(jp_ctx *p, jp_value reply)
{
    (void)reply;
    if (jp_attempt(p) == 1)
        sleep_long();
    return jp_return(p, jp_attempt(p));
}

/* Passes its ticket to the test through a file: it runs in another process. */
JP_PIPE(hangs_at_the_reply, p, .gives = "int64", .async = true, .timeout_ms = 1500, .on_reply = hangs_in_reply,
        .retry = {.attempts = 2, .first_ms = 20})
{
    int fd = open(begun_file, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);
    const char *ticket = jp_ticket(p);
    if (fd < 0 || write(fd, ticket, strlen(ticket)) < 0 || close(fd) != 0)
        return jp_abort(p, "no file");
    return jp_wait(p);
}

JP_PIPE(beside, p, .gives = "list")
{
    return jp_return(p, jp_array(p, jp_yield(p, crashes, 1), jp_yield(p, echo, 7), jp_yield(p, hangs, 0)));
}

JP_PIPE(kills_its_worker, p, .gives = "int64", .retry = {.attempts = 1})
{
    int fd = open(begun_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1)
        return jp_abort(p, "no file");
    _exit(9); /* in the worker's own process, so the whole worker ends */
}

static const jp_def *const pipes[] = {&echo,
                                      &crashes,
                                      &leaves,
                                      &plans_and_crashes,
                                      &hangs,
                                      &hangs_before_waiting,
                                      &beside,
                                      &sleeps,
                                      &limits_one,
                                      &hangs_at_the_reply,
                                      &kills_its_worker,
                                      NULL};

/* ---- a kit whose bodies run in processes of their own ---- */

static jpx_zygote *zygote;

static kit *open_forked(void)
{
    kit *k = calloc(1, sizeof *k);
    static jpx_env env;
    jp_error err;

    env = jpx_env_system(JPX_ERROR);
    ck_assert_ptr_nonnull(k);
    k->arena = jpx_arena_new();
    k->ground = "memory x memory, forked";
    ck_assert_msg(jpx_registry_new(&k->registry, pipes, &err) == JP_OK, "%s", err.text);
    ck_assert_msg(jpx_zygote_start(&zygote, k->registry, &env, &err) == JP_OK, "%s", err.text);
    jpx_local_options options = {.prefix = "forked", .level = JPX_ERROR, .zygote = zygote};
    ck_assert_msg(jpx_local_open(&k->local, k->registry, &options, &err) == JP_OK, "%s", err.text);
    return k;
}

static void close_forked(kit *k)
{
    jpx_local_close(k->local);
    jpx_zygote_stop(zygote);
    jpx_registry_free(k->registry);
    jpx_arena_free(k->arena);
    free(k);
}

/* SEMANTICS 6.2, 6.3: a crash is a failed attempt; signal and place are kept. */
START_TEST(a_crash_is_an_attempt)
{
    kit *k = open_forked();
    const char *key = kit_run(k, "crashes", "[2]");
    kit_assert_json(kit_result(k, key), "3");
    kit_assert_json(kit_tree(k, key, "attempt"), "3");
    kit_assert_json(kit_steps_of(k, kit_pipeline_of_root(k, key)), "retry retry returned");
    kit_assert_json(kit_tree(k, key, "failure.class"), "crash");
    ck_assert_msg(strstr(kit_tree(k, key, "failure.text"), "SIGSEGV") ||
                      strstr(kit_tree(k, key, "failure.text"), "sanitizer"),
                  "%s", kit_tree(k, key, "failure.text"));
    ck_assert_str_ne(kit_tree(k, key, "failure.trace"), "");

    key = kit_run(k, "crashes", "[9]");
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "after 3 attempts"));
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "crashes"));

    key = kit_run(k, "leaves", "");
    kit_assert_json(kit_result(k, key), "2");
    kit_assert_json(kit_tree(k, key, "failure.class"), "crash");
    ck_assert_ptr_nonnull(strstr(kit_tree(k, key, "failure.text"), "3"));
    close_forked(k);
}
END_TEST

/* SEMANTICS 2.3, 6.2: its plan is lost, and other bodies are not affected. */
START_TEST(a_crash_leaves_nothing)
{
    kit *k = open_forked();
    const char *key = kit_run(k, "plans_and_crashes", "");
    kit_assert_json(kit_result(k, key), "2");
    ck_assert_uint_eq(kit_records(k, JPX_TABLE_PIPELINE), 2);
    key = kit_run(k, "beside", "");
    kit_assert_json(kit_result(k, key), "[2,7,1]");
    kit_assert_json(kit_tree(k, key, "children.1.attempt"), "1");
    kit_assert_json(kit_tree(k, key, "children.2.attempt"), "1");
    close_forked(k);
}
END_TEST

/* SEMANTICS 6.2: a timeout is a failed attempt, of every kind of body. */
START_TEST(a_timeout_is_an_attempt)
{
    kit *k = open_forked();
    const char *key = kit_run(k, "hangs", "[1]");
    kit_assert_json(kit_result(k, key), "2");
    kit_assert_json(kit_tree(k, key, "failure.class"), "timeout");
    key = kit_run(k, "hangs", "[9]");
    kit_assert_json(kit_status(k, key), "aborted");
    ck_assert_ptr_nonnull(strstr(kit_reason(k, key), "after 2 attempts"));
    key = kit_run(k, "hangs_before_waiting", "");
    kit_assert_json(kit_result(k, key), "2");
    kit_assert_json(kit_tree(k, key, "failure.class"), "timeout");
    key = kit_run(k, "limits_one", "");
    kit_assert_json(kit_result(k, key), "[2,1]");
    kit_assert_json(kit_tree(k, key, "children.0.failure.class"), "timeout");
    close_forked(k);
}
END_TEST

/* What a body wrote into the file last; fails the test if it never differs from `before_`. */
static const char *written(kit *k, const char *before_)
{
    for (int i = 0; i < 400; i++) {
        char text[256] = "";
        kit_pass(k, 25);
        int fd = open(begun_file, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            ssize_t size = read(fd, text, sizeof text - 1);
            close(fd);
            if (size > 20 && strcmp(text, before_) != 0)
                return jpx_strdup(k->arena, text);
        }
    }
    ck_abort_msg("nothing new was written");
    return "";
}

/* SEMANTICS 6.2, 8.2: on_reply has the same limit; the next attempt runs the body again. */
START_TEST(a_timeout_at_the_reply)
{
    char path[256];
    snprintf(path, sizeof path, "%s/ticket-%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
    begun_file = path;
    kit *k = open_forked();
    const char *key = kit_start(k, "hangs_at_the_reply", "");
    const char *first = written(k, "");
    kit_ask(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":1}", first));
    const char *second = written(k, first);
    kit_ask(k, "reply", jpx_format(k->arena, "{\"ticket\":\"%s\",\"value\":1}", second));
    kit_finish(k, key);
    kit_assert_json(kit_result(k, key), "2");
    kit_assert_json(kit_tree(k, key, "failure.class"), "timeout");
    close_forked(k);
    unlink(path);
}
END_TEST

/* ---- a body that kills its worker ---- */

/* A process with all roles. Exit code 0: the root is final; 9: the body ended it. */
static _Noreturn void one_life(const char *store, const char *prefix, const char *key, bool first)
{
    jpx_local_options options = {
        .store = store, .bus = getenv("JETPIPE_TEST_NATS"), .prefix = prefix, .level = JPX_ERROR};
    jpx_registry *registry;
    jpx_local *local;
    jp_error err;

    if (jpx_registry_new(&registry, pipes, &err) != JP_OK ||
        jpx_local_open(&local, registry, &options, &err) != JP_OK ||
        (first && jpx_local_start(local, "kills_its_worker", "", key, &err) != JP_OK) ||
        jpx_local_finish(local, key, 60000, &err) != JP_OK) {
        fprintf(stderr, "%s\n", err.text);
        _exit(1);
    }
    jpx_local_close(local);
    _exit(0);
}

/* SEMANTICS 6.2: a fifth delivery without an ending is a crash. Redelivery by itself is not an attempt. */
START_TEST(a_body_that_kills_its_worker)
{
    if (!getenv("JETPIPE_TEST_NATS")) {
        fprintf(stderr, "skip: redelivered events: no server named by JETPIPE_TEST_NATS\n");
        return;
    }
    const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    kit k = {.ground = "sqlite x jetstream, lives", .arena = jpx_arena_new()};
    snprintf(k.prefix, sizeof k.prefix, "lives-%d", (int)getpid());
    char *path = jpx_format(k.arena, "%s/%s.db", folder, k.prefix), *store = jpx_format(k.arena, "sqlite:%s", path);
    int lives = 0, status_ = 9 << 8;
    jp_error err;

    begun_file = jpx_format(k.arena, "%s/%s.begun", folder, k.prefix);
    setenv("JETPIPE_ACK_WAIT_MS", "500", 1);
    for (; lives < 12 && WIFEXITED(status_) && WEXITSTATUS(status_) == 9; lives++) {
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
            one_life(store, k.prefix, "down", lives == 0);
        ck_assert_int_eq(waitpid(pid, &status_, 0), pid);
    }
    ck_assert_msg(WIFEXITED(status_) && WEXITSTATUS(status_) == 0, "after %d lives: %d", lives, status_);

    FILE *file = fopen(begun_file, "r");
    char begun[64];
    ck_assert_ptr_nonnull(file);
    size_t count = fread(begun, 1, sizeof begun, file);
    fclose(file);
    ck_assert_msg(count == 5, "it was started %zu times", count);

    jpx_local_options options = {.store = store, .prefix = k.prefix, .level = JPX_ERROR};
    ck_assert_msg(jpx_registry_new(&k.registry, pipes, &err) == JP_OK, "%s", err.text);
    ck_assert_msg(jpx_local_open(&k.local, k.registry, &options, &err) == JP_OK, "%s", err.text);
    kit_assert_json(kit_status(&k, "down"), "aborted");
    kit_assert_json(kit_tree(&k, "down", "failure.class"), "crash");
    kit_assert_json(kit_tree(&k, "down", "attempt"), "1");
    ck_assert_ptr_nonnull(strstr(kit_reason(&k, "down"), "after 1 attempt"));
    ck_assert_ptr_nonnull(strstr(kit_reason(&k, "down"), "five times"));
    jpx_local_close(k.local);
    jpx_registry_free(k.registry);
    kit_remove_streams(&k);
    unlink(begun_file);
    unlink(path);
    unlink(jpx_format(k.arena, "%s-wal", path));
    unlink(jpx_format(k.arena, "%s-shm", path));
    jpx_arena_free(k.arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crashes");
    TCase *tcase = tcase_create("crashes");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, a_crash_is_an_attempt);
    tcase_add_test(tcase, a_crash_leaves_nothing);
    tcase_add_test(tcase, a_timeout_is_an_attempt);
    tcase_add_test(tcase, a_timeout_at_the_reply);
    tcase_add_test(tcase, a_body_that_kills_its_worker);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
