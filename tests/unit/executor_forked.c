/* The forked executor: every attempt comes back exactly once, windows, taking back, time-outs, large frames, recycling,
 * the end. */
#include "executor_kit.h"
#include <errno.h>
#include <poll.h>

#define NOINLINE __attribute__((noinline))

JP_PIPE(Add, p, .takes = "int64 a, int64 b", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "a") + jp_int64(p, "b"));
}

JP_PIPE(Nothing, p)
{
    return jp_done(p);
}

JP_PIPE(Pid, p, .gives = "int64")
{
    return jp_return(p, (int64_t)getpid());
}

JP_PIPE(CrashSome, p, .takes = "int64 n", .gives = "int64")
{
    int64_t n = jp_int64(p, "n");
    if (n % 100 == 7)
        raise(SIGKILL);
    return jp_return(p, n);
}

enum { HANG_LINE = __LINE__ + 3 };
static NOINLINE void slow_body(int64_t ms)
{
    kit_sleep_ms(ms);
    errno = 0;
}

JP_PIPE(Sleep, p, .takes = "int64 ms", .gives = "int64")
{
    slow_body(jp_int64(p, "ms"));
    return jp_return(p, jp_int64(p, "ms"));
}

JP_PIPE(Spin, p)
{
    for (volatile int turning = 1; turning;)
        ;
    return jp_done(p);
}

JP_PIPE(Deaf, p)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    for (;;)
        pause();
    return jp_done(p);
}

JP_PIPE(Grow, p, .takes = "string text, int64 size", .gives = "string")
{
    size_t size = (size_t)jp_int64(p, "size"), given = strlen(jp_string(p, "text"));
    char *text = malloc(size + 1);
    memset(text, 'x', size);
    text[size] = '\0';
    for (size_t i = 8; i-- > 0; given /= 10) /* its first digits tell what was given */
        if (size > 8)
            text[i] = (char)('0' + given % 10);
    jp_end end = jp_return(p, (const char *)text);
    free(text);
    return end;
}

const jp_def *const kit_pipes[] = {&Add, &Nothing, &Pid, &CrashSome, &Sleep, &Spin, &Deaf, &Grow, NULL};

static void setup(void)
{
    kit_open(2, 0, 0);
}

static void reopen(size_t processes, int64_t recycle_after)
{
    jpx_forked_options options = {processes, 0, recycle_after};
    jp_error err;

    jpx_executor_close(executor);
    ck_assert_int_eq(jpx_executor_forked(&executor, zygote, &options, &env, &err), JP_OK);
}

/* Submits numbers 0 .. total-1 as room allows; counts how often each comes back. */
static void run_many(const char *pipe, int total, const char *format, uint8_t *seen, int *crashes)
{
    jpx_outcome out[64];
    int submitted = 0, back = 0;

    while (back < total) {
        char json[64];
        for (size_t room = jpx_executor_room(executor); room > 0 && submitted < total; room--, submitted++) {
            snprintf(json, sizeof json, format, submitted);
            kit_submit(pipe, (uint64_t)submitted, json, 0);
        }
        size_t count = jpx_executor_poll(executor, arena, out, 64, 20000);
        ck_assert_uint_gt(count, 0);
        for (size_t i = 0; i < count; i++, back++) {
            ck_assert_uint_lt(out[i].number_in_worker, (uint64_t)total);
            seen[out[i].number_in_worker]++;
            if (out[i].end == JPX_END_RETRY) {
                ck_assert_str_eq(out[i].class_, "crash");
                ck_assert_uint_eq(out[i].number_in_worker % 100, 7);
                ++*crashes;
            } else if (strcmp(pipe, "CrashSome") == 0) {
                ck_assert_int_eq(kit_int(&out[i]), (int64_t)out[i].number_in_worker);
            }
        }
        jpx_arena_reset(arena);
    }
    ck_assert_uint_eq(jpx_executor_pending(executor), 0);
    ck_assert_uint_eq(jpx_executor_poll(executor, arena, out, 64, 20), 0);
}

START_TEST(test_each_exactly_once)
{
    enum { TOTAL = 10000 };
    uint8_t *seen = calloc(TOTAL, 1);
    int crashes = 0;

    run_many("CrashSome", TOTAL, "[%d]", seen, &crashes);
    for (int i = 0; i < TOTAL; i++)
        ck_assert_msg(seen[i] == 1, "%d came back %d times", i, seen[i]);
    ck_assert_int_eq(crashes, TOTAL / 100);
    free(seen);
}
END_TEST

START_TEST(test_room_grows_with_short_bodies)
{
    uint8_t *seen = calloc(5000, 1);
    int crashes = 0;

    ck_assert_uint_eq(jpx_executor_room(executor), 2);
    run_many("Nothing", 5000, "[]", seen, &crashes);
    if (!SANITIZED)
        ck_assert_uint_gt(jpx_executor_room(executor), 16);
    free(seen);
    /* A long body, and nothing is taken in stock any more. */
    kit_run("Sleep", "[30]", 0);
    kit_submit("Sleep", 1, "[30]", 0);
    kit_submit("Sleep", 2, "[30]", 0);
    kit_next(5000);
    kit_next(5000);
    ck_assert_uint_le(jpx_executor_room(executor), 2);
}
END_TEST

/* What was queued behind a body that turns out to be slow is run elsewhere in the meantime. */
START_TEST(test_taken_back_from_behind_a_slow_body)
{
    uint8_t *seen = calloc(3000, 1);
    int crashes = 0;

    run_many("Nothing", 3000, "[]", seen, &crashes); /* wide windows */
    free(seen);
    kit_submit("Sleep", 1, "[1500]", 0);
    for (uint64_t i = 2; i <= 40; i++)
        kit_submit("Pid", i, "[]", 0);
    int64_t begin = kit_now_us();
    int64_t pid = 0;
    for (int i = 2; i <= 40; i++) {
        jpx_outcome out = kit_next(5000);
        ck_assert_uint_ne(out.number_in_worker, 1);
        if (pid)
            ck_assert_int_eq(kit_int(&out), pid);
        pid = kit_int(&out);
    }
    ck_assert_int_lt(kit_now_us() - begin, 1000000);
    jpx_running running[4];
    ck_assert_uint_eq(jpx_executor_running(executor, running, 4), 1);
    ck_assert_uint_eq(running[0].number_in_worker, 1);
    ck_assert_int_le(llabs(running[0].since_ms - (jpx_now(&env) - (kit_now_us() - begin) / 1000)), 200);
    ck_assert_uint_eq(kit_next(5000).number_in_worker, 1);
    ck_assert_uint_eq(jpx_executor_running(executor, running, 4), 0);
}
END_TEST

/* What waits behind long bodies is the caller's again, and only that; room is for what can begin. */
START_TEST(test_given_back_to_the_caller)
{
    uint8_t *seen = calloc(3000, 1);
    uint64_t numbers[64];
    int crashes = 0;

    run_many("Nothing", 3000, "[]", seen, &crashes); /* wide windows */
    free(seen);
    ck_assert_uint_eq(jpx_executor_take_back(executor, 0, numbers, 64), 0);
    for (uint64_t i = 1; i <= 20; i++)
        kit_submit("Sleep", i, "[1000]", 0);
    int64_t end = kit_now_us() + 500000;
    jpx_running running[4];
    jpx_outcome out;
    while (kit_now_us() < end && jpx_executor_running(executor, running, 4) < 2)
        ck_assert_uint_eq(jpx_executor_poll(executor, arena, &out, 1, 10), 0);
    for (int i = 0; i < 10; i++) /* they are looked at */
        ck_assert_uint_eq(jpx_executor_poll(executor, arena, &out, 1, 5), 0);
    ck_assert_uint_eq(jpx_executor_running(executor, running, 4), 2);
    ck_assert_uint_eq(jpx_executor_take_back(executor, 60000, numbers, 64), 0); /* none has waited for so long */
    ck_assert_uint_eq(jpx_executor_take_back(executor, 0, numbers, 5), 5);
    ck_assert_uint_eq(jpx_executor_pending(executor), 15);
    ck_assert_uint_eq(jpx_executor_take_back(executor, 0, numbers + 5, 59), 13);
    for (size_t i = 0; i < 18; i++)
        ck_assert(numbers[i] != running[0].number_in_worker && numbers[i] != running[1].number_in_worker);
    ck_assert_uint_eq(jpx_executor_pending(executor), 2);
    ck_assert_uint_eq(jpx_executor_room(executor), 0);
    kit_submit("Nothing", 30, "[]", 0); /* the queue is in order */
    kit_submit("Nothing", 31, "[]", 0);
    uint64_t sum = 0;
    for (int i = 0; i < 4; i++)
        sum += kit_next(5000).number_in_worker;
    ck_assert_uint_eq(sum, running[0].number_in_worker + running[1].number_in_worker + 30 + 31);
    ck_assert_uint_eq(jpx_executor_pending(executor), 0);
}
END_TEST

START_TEST(test_time_out_says_where)
{
    int64_t begin = kit_now_us();
    jpx_outcome out = kit_run("Sleep", "[60000]", 300);
    int64_t took = kit_now_us() - begin;

    ck_assert_int_eq((int)out.end, JPX_END_RETRY);
    ck_assert_str_eq(out.class_, "timeout");
    kit_has(out.reason, "no end after 300 ms; was in ");
    kit_has(out.reason, "nanosleep called from ");
    kit_has(out.trace, jpx_format(arena, "executor_forked.c:%d", HANG_LINE));
    kit_has(out.trace, "Sleep_run");
    ck_assert_int_ge(took, 300000);
    ck_assert_int_lt(took, 1500000);
    ck_assert_int_ge(out.body_us, 300000);
    out = kit_run("Spin", "[]", 100);
    ck_assert_str_eq(out.class_, "timeout");
    if (!SANITIZED) /* they put signals off */
        kit_has(out.reason, "was in Spin_run, executor_forked.c:");
    out = kit_run("Add", "[1, 2]", 100);
    ck_assert_int_eq(kit_int(&out), 3);
}
END_TEST

START_TEST(test_time_out_of_a_deaf_body)
{
    int64_t begin = kit_now_us();
    jpx_outcome out = kit_run("Deaf", "[]", 100);

    ck_assert_str_eq(out.class_, "timeout");
    kit_has(out.reason, "no end after 100 ms; did not say where it was");
    ck_assert_int_ge(kit_now_us() - begin, 300000);
    ck_assert_int_lt(kit_now_us() - begin, 2000000);
}
END_TEST

/* Short bodies behind one that is over its time are not hit by what is meant for it. */
START_TEST(test_time_out_hits_only_its_body)
{
    uint8_t *seen = calloc(3000, 1);
    int crashes = 0, late = 0, fine = 0;

    run_many("Nothing", 3000, "[]", seen, &crashes);
    free(seen);
    for (uint64_t i = 0; i < 60; i++)
        kit_submit("Sleep", i, i % 20 == 3 ? "[5000]" : "[0]", 50);
    for (int i = 0; i < 60; i++) {
        jpx_outcome out = kit_next(10000);
        bool slow = out.number_in_worker % 20 == 3;
        ck_assert_msg(out.end == (slow ? JPX_END_RETRY : JPX_END_RETURN), "%d: %s", (int)out.number_in_worker,
                      out.reason ? out.reason : "ended");
        late += slow;
        fine += !slow;
    }
    ck_assert_int_eq(late, 3);
    ck_assert_int_eq(fine, 57);
}
END_TEST

static void submit_large(uint64_t number, size_t given, int64_t wanted)
{
    jpx_attempt attempt = {.number_in_worker = number, .pipe = "Grow", .attempt = 1};
    char *text = malloc(given + 1);
    bson_t args = BSON_INITIALIZER;

    memset(text, 'a', given);
    text[given] = '\0';
    bson_append_utf8(&args, "0", 1, text, (int)given);
    bson_append_int64(&args, "1", 1, wanted);
    attempt.args = (jpx_bytes){bson_get_data(&args), args.len};
    jpx_executor_submit(executor, &attempt);
    bson_destroy(&args);
    free(text);
}

START_TEST(test_large_frames)
{
    enum { LARGE = 8 * 1024 * 1024 - 64, COUNT = 12 };

    for (uint64_t i = 0; i < COUNT; i++) /* both ways at once, in both processes, more than any buffer holds */
        submit_large(i, (size_t)LARGE - i, LARGE - 2 * (int64_t)i);
    for (int i = 0; i < COUNT; i++) {
        jpx_outcome out = kit_next(20000);
        bson_iter_t iter;
        uint32_t size;
        ck_assert_int_eq((int)out.end, JPX_END_RETURN);
        ck_assert(bson_iter_init_from_data(&iter, out.outputs[0].value.data, out.outputs[0].value.size));
        ck_assert(bson_iter_next(&iter));
        const char *text = bson_iter_utf8(&iter, &size);
        ck_assert_uint_eq(size, (uint32_t)(LARGE - 2 * (int64_t)out.number_in_worker));
        ck_assert_int_eq(strtoll(text, NULL, 10), LARGE - (int64_t)out.number_in_worker);
    }
    /* Sizes around those of the ring and of its half. */
    for (size_t size = 1; size < (size_t)600 * 1024; size = size * 5 / 3 + 1) {
        submit_large(1, size, (int64_t)size + 3);
        ck_assert_int_eq((int)kit_next(20000).end, JPX_END_RETURN);
    }
    for (size_t near = 0; near < 300; near += 7) {
        submit_large(1, (size_t)128 * 1024 - near, 256 * 1024 - (int64_t)near);
        submit_large(2, (size_t)256 * 1024 - near, 128 * 1024 - (int64_t)near);
        ck_assert_int_eq((int)kit_next(20000).end, JPX_END_RETURN);
        ck_assert_int_eq((int)kit_next(20000).end, JPX_END_RETURN);
    }
}
END_TEST

START_TEST(test_recycled)
{
    int changes = 0;
    int64_t last = 0;

    reopen(1, 10);
    for (int i = 0; i < 100; i++) {
        jpx_outcome out = kit_run("Pid", "[]", 0);
        changes += kit_int(&out) != last;
        last = kit_int(&out);
    }
    ck_assert_int_eq(changes, 10);
}
END_TEST

/* The descriptor alone tells when to poll: nothing is missed by a caller who sleeps on it. */
START_TEST(test_descriptor)
{
    struct pollfd ready = {.fd = jpx_executor_fd(executor), .events = POLLIN};
    jpx_outcome out;
    int back = 0;

    for (uint64_t i = 0; i < 300; i++) {
        kit_submit(i % 50 == 9 ? "Sleep" : "Nothing", i, i % 50 == 9 ? "[500]" : "[]", i % 50 == 9 ? 20 : 0);
        if (i % 3)
            continue;
        while (jpx_executor_poll(executor, arena, &out, 1, 0))
            back++;
    }
    while (back < 300) {
        ck_assert_int_eq(poll(&ready, 1, 5000), 1);
        while (jpx_executor_poll(executor, arena, &out, 1, 0))
            back++;
    }
    int tries = 0; /* ends of processes may still be reported; then it is quiet */
    while (poll(&ready, 1, 300) != 0 && tries++ < 20)
        ck_assert_uint_eq(jpx_executor_poll(executor, arena, &out, 1, 0), 0);
    ck_assert_int_lt(tries, 20);
}
END_TEST

START_TEST(test_close_at_work)
{
    size_t fds = 0;

    for (int i = 0; i < 5; i++) {
        jpx_outcome out = kit_run("Pid", "[]", 0);
        pid_t pid = (pid_t)kit_int(&out);
        for (uint64_t n = 0; n < 20; n++)
            kit_submit("Sleep", n, "[60000]", 0);
        kit_sleep_ms(20);
        int64_t begin = kit_now_us();
        reopen(2, 0);
        ck_assert_int_lt(kit_now_us() - begin, 1000000);
        ck_assert_int_eq(kill(pid, 0), -1); /* gone and reaped */
        ck_assert_int_eq(errno, ESRCH);
        if (i == 0)
            fds = kit_open_fds();
        ck_assert_uint_eq(kit_open_fds(), fds);
    }
}
END_TEST

START_TEST(test_several_executors)
{
    jpx_forked_options options = {1, 0, 0};
    jpx_executor *others[5];
    jp_error err;
    jpx_outcome out;

    for (size_t i = 0; i < 5; i++) {
        jpx_attempt attempt = {
            .number_in_worker = i, .pipe = "Pid", .attempt = 1, .args = {(const uint8_t *)"\5\0\0\0", 5}};
        ck_assert_int_eq(jpx_executor_forked(&others[i], zygote, &options, &env, &err), JP_OK);
        jpx_executor_submit(others[i], &attempt);
    }
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(jpx_executor_poll(others[i], arena, &out, 1, 5000), 1);
        ck_assert_uint_eq(out.number_in_worker, i);
        jpx_executor_close(others[i]);
        out = kit_run("Add", "[1, 1]", 0); /* the others go on */
        ck_assert_int_eq(kit_int(&out), 2);
    }
}
END_TEST

/* The worker is gone, by SIGKILL: so is everything it started. */
START_TEST(test_nothing_outlives_the_worker)
{
    int pids[2];
    pid_t executor_pid;

    ck_assert_int_eq(pipe(pids), 0);
    pid_t worker = fork();
    if (worker == 0) {
        kit_open(1, 0, 0);
        jpx_outcome out = kit_run("Pid", "[]", 0);
        pid_t pid = (pid_t)kit_int(&out);
        kit_submit("Sleep", 1, "[60000]", 0);
        if (write(pids[1], &pid, sizeof pid) == sizeof pid)
            raise(SIGKILL);
        _exit(1);
    }
    ck_assert_int_eq(read(pids[0], &executor_pid, sizeof executor_pid), sizeof executor_pid);
    waitpid(worker, NULL, 0);
    int tries = 0;
    while (kill(executor_pid, 0) == 0 && tries++ < 300)
        kit_sleep_ms(10);
    ck_assert_int_lt(tries, 300);
    close(pids[0]);
    close(pids[1]);
}
END_TEST

/* The zygote is gone: all that was submitted comes back and says so, and nothing more is asked for. */
START_TEST(test_zygote_dies)
{
    char text[64], path[64];
    jpx_outcome out;
    int zygote_pid = 0;

    kit_run("Nothing", "[]", 0);
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *children = fopen(path, "re");
    ck_assert(children && fgets(text, sizeof text, children) && sscanf(text, "%d", &zygote_pid) == 1);
    fclose(children);
    for (uint64_t i = 0; i < 10; i++)
        kit_submit("Sleep", i, "[60000]", 0);
    kill(zygote_pid, SIGKILL);
    for (int i = 0; i < 10; i++) {
        out = kit_next(5000);
        ck_assert_int_eq((int)out.end, JPX_END_RETRY);
        ck_assert_str_eq(out.class_, "executor");
    }
    ck_assert(jpx_executor_broken(executor));
    ck_assert_uint_eq(jpx_executor_room(executor), 0);
    kit_submit("Nothing", 99, "[]", 0);
    ck_assert_str_eq(kit_next(1000).class_, "executor");
}
END_TEST

START_TEST(test_inline)
{
    jpx_executor *here;
    jp_error err;
    jpx_outcome out;
    jpx_executor *forked = executor;

    ck_assert_int_eq(jpx_executor_inline(&here, registry, &env, &err), JP_OK);
    ck_assert_int_eq(jpx_executor_fd(here), -1);
    executor = here;
    for (uint64_t i = 0; i < 100; i++)
        kit_submit("Pid", i, "[]", 0);
    ck_assert_uint_eq(jpx_executor_pending(here), 100);
    for (uint64_t i = 0; i < 100; i++) {
        ck_assert_uint_eq(jpx_executor_poll(here, arena, &out, 1, 0), 1);
        ck_assert_uint_eq(out.number_in_worker, i);
        ck_assert_int_eq(kit_int(&out), getpid());
    }
    ck_assert_uint_eq(jpx_executor_poll(here, arena, &out, 1, 1000), 0);
    kit_submit("Add", 1, "[1, 2]", 0);
    executor = forked;
    jpx_executor_close(here); /* with one that was not run */
}
END_TEST

START_TEST(test_options)
{
    jpx_forked_options options = {0, 0, 0};
    jpx_executor *none;
    jp_error err;

    ck_assert_int_eq(jpx_executor_forked(&none, zygote, &options, &env, &err), JP_E_INVALID);
    kit_has(err.text, "0 processes");
    options.processes = 100000;
    ck_assert_int_eq(jpx_executor_forked(&none, zygote, &options, &env, &err), JP_E_INVALID);
    jpx_executor_close(NULL);
}
END_TEST

static TCase *tests(void)
{
    TCase *tcase = tcase_create("forked");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, setup, kit_close);
    tcase_add_test(tcase, test_each_exactly_once);
    tcase_add_test(tcase, test_room_grows_with_short_bodies);
    tcase_add_test(tcase, test_taken_back_from_behind_a_slow_body);
    tcase_add_test(tcase, test_given_back_to_the_caller);
    tcase_add_test(tcase, test_time_out_says_where);
    tcase_add_test(tcase, test_time_out_of_a_deaf_body);
    tcase_add_test(tcase, test_time_out_hits_only_its_body);
    tcase_add_test(tcase, test_large_frames);
    tcase_add_test(tcase, test_recycled);
    tcase_add_test(tcase, test_descriptor);
    tcase_add_test(tcase, test_close_at_work);
    tcase_add_test(tcase, test_several_executors);
    tcase_add_test(tcase, test_nothing_outlives_the_worker);
    tcase_add_test(tcase, test_zygote_dies);
    tcase_add_test(tcase, test_inline);
    tcase_add_test(tcase, test_options);
    return tcase;
}

int main(void)
{
    return kit_main("forked executor", tests);
}
