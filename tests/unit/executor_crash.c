/* Bodies that die: each way of dying costs its attempt, and the reason says what and where. */
#undef NDEBUG /* here assert() is what is tested */
#include "executor_kit.h"
#include <assert.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define NOINLINE __attribute__((noinline))

static volatile int zero;
static volatile int sink;

JP_PIPE(Add, p, .takes = "int64 a, int64 b", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "a") + jp_int64(p, "b"));
}

enum { WRITE_LINE = __LINE__ + 3 };
static NOINLINE int parse_header(volatile int *where)
{
    *where = 42;
    return *where;
}

JP_PIPE(WriteNull, p)
{
    sink = parse_header(NULL);
    return jp_done(p);
}

JP_PIPE(WriteWild, p)
{
    sink = parse_header((volatile int *)(uintptr_t)0xdead00000000beefu);
    return jp_done(p);
}

enum { DIVIDE_LINE = __LINE__ + 3 };
static NOINLINE int divide(int a)
{
    return a / zero;
}

JP_PIPE(Divide, p)
{
    sink = divide(7);
    return jp_done(p);
}

enum { ABORT_LINE = __LINE__ + 3 };
static NOINLINE void give_up(void)
{
    abort();
}

JP_PIPE(Abort, p)
{
    give_up();
    return jp_done(p);
}

enum { ASSERT_LINE = __LINE__ + 3 };
JP_PIPE(Assert, p)
{
    assert(zero == 1);
    return jp_done(p);
}

enum { TRAP_LINE = __LINE__ + 3 };
JP_PIPE(Trap, p)
{
    __builtin_trap();
    return jp_done(p);
}

enum { FREE_LINE = __LINE__ + 4 };
static NOINLINE void free_twice(void *volatile block)
{
    free(block);
    free(block);
    sink++;
}

JP_PIPE(DoubleFree, p)
{
    free_twice(malloc(2000));
    free_twice(malloc(24));
    return jp_done(p);
}

static NOINLINE int recurse(int depth)
{
    volatile char room[200];
    room[depth % 200] = (char)depth;
    return depth == zero ? 0 : recurse(depth + 1) + room[depth % 200];
}

JP_PIPE(Overflow, p)
{
    sink = recurse(1);
    return jp_done(p);
}

enum { POINTER_LINE = __LINE__ + 3 };
static NOINLINE void call_pointer(void (*volatile function)(void))
{
    function();
    sink++;
}

JP_PIPE(CallNull, p)
{
    call_pointer(NULL);
    return jp_done(p);
}

enum { STRLEN_LINE = __LINE__ + 3 };
static NOINLINE size_t measure(const char *volatile text)
{
    size_t size = strlen(text);
    sink++;
    return size;
}

JP_PIPE(InLibrary, p)
{
    sink = (int)measure((const char *)8);
    return jp_done(p);
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static volatile int *volatile bad = (volatile int *)16;

enum { CALLBACK_LINE = __LINE__ + 3 };
static NOINLINE int compare_badly(const void *a, const void *b)
{
    return compare(a, b) + *bad;
}

JP_PIPE(InCallback, p)
{
    int items[] = {3, 1, 2};
    qsort(items, 3, sizeof items[0], compare_badly);
    return jp_done(p);
}

enum { EXIT_LINE = __LINE__ + 3 };
static NOINLINE void leave(int code)
{
    exit(code);
}

JP_PIPE(Exit, p, .takes = "int64 code")
{
    leave((int)jp_int64(p, "code"));
    return jp_done(p);
}

JP_PIPE(QuickExit, p)
{
    _exit(5);
    return jp_done(p);
}

JP_PIPE(KillSelf, p, .takes = "int64 sig")
{
    kill(getpid(), (int)jp_int64(p, "sig"));
    pause();
    return jp_done(p);
}

enum { BUS_LINE = __LINE__ + 5 };
static NOINLINE int read_past_end(void)
{
    FILE *file = tmpfile();
    volatile int *data = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
    return data[0];
}

JP_PIPE(Bus, p)
{
    sink = read_past_end();
    return jp_done(p);
}

static void *crash_in_thread(void *unused)
{
    (void)unused;
    sink = parse_header(NULL);
    return NULL;
}

JP_PIPE(Thread, p)
{
    pthread_t thread;
    pthread_create(&thread, NULL, crash_in_thread, NULL);
    pthread_join(thread, NULL);
    return jp_done(p);
}

JP_PIPE(IgnoreAndCrash, p, .takes = "bool crash")
{
    if (jp_bool(p, "crash"))
        sink = parse_header(NULL);
    signal(SIGSEGV, SIG_IGN);
    signal(SIGABRT, SIG_IGN);
    return jp_done(p);
}

JP_PIPE(Eat, p, .takes = "int64 mib")
{
    size_t size = (size_t)jp_int64(p, "mib") << 20;
    char *block = malloc(size);
    if (!block)
        return jp_retry(p, "no memory");
    memset(block, 1, size);
    sink = (unsigned char)block[size / 2];
    free(block);
    return jp_done(p);
}

const jp_def *const kit_pipes[] = {
    &Add,       &WriteNull,  &WriteWild, &Divide,    &Abort,    &Assert, &Trap,   &DoubleFree,     &Overflow, &CallNull,
    &InLibrary, &InCallback, &Exit,      &QuickExit, &KillSelf, &Bus,    &Thread, &IgnoreAndCrash, &Eat,      NULL};

static void setup(void)
{
    kit_open(1, 0, 0);
}

static const char *at_line(const char *function, int line)
{
    return jpx_format(arena, "%s, executor_crash.c:%d", function, line);
}

static jpx_outcome crash(const char *pipe, const char *json)
{
    jpx_outcome out = kit_run(pipe, json, 0);

    ck_assert_int_eq((int)out.end, JPX_END_RETRY);
    ck_assert_str_eq(out.class_, "crash");
    ck_assert_int_eq(out.retry_in_ms, -1);
    if (getenv("SHOW"))
        printf("%s: %s\n%s\n\n", pipe, out.reason, out.trace ? out.trace : "(no trace)");
    jpx_outcome next = kit_run("Add", "[40, 2]", 0);
    ck_assert_int_eq(kit_int(&next), 42);
    return out;
}

/* The reason of a fault: signal, what is known about it, place; the trace goes from there to the pipe. */
static void expect(const char *pipe, const char *signal, const char *detail, const char *place)
{
    jpx_outcome out = crash(pipe, "[]");

    if (SANITIZED)
        return; /* it exits with a report of its own */
    ck_assert_msg(strncmp(out.reason, signal, strlen(signal)) == 0, "%s", out.reason);
    kit_has(out.reason, detail);
    kit_has(out.reason, place);
    kit_has(out.trace, "executor_crash.c:");
    kit_has(out.trace, jpx_format(arena, "%s_run, ", pipe));
    kit_lacks(out.trace, "jpx_");
    kit_lacks(out.trace, "on_fatal");
}

START_TEST(test_faults)
{
    expect("WriteNull", "SIGSEGV", "(address 0x0)", at_line("in parse_header", WRITE_LINE));
    expect("WriteWild", "SIGSEGV", "(a pointer that cannot be an address)", at_line("in parse_header", WRITE_LINE));
    expect("Divide", "SIGFPE", "(division by zero)", at_line("in divide", DIVIDE_LINE));
    expect("Trap", "SIGILL", "", at_line("in Trap_run", TRAP_LINE));
    expect("Bus", "SIGBUS", "(address 0x", "in read_past_end, executor_crash.c:");
    expect("CallNull", "SIGSEGV", "(address 0x0)", at_line("in call_pointer", POINTER_LINE));
}
END_TEST

START_TEST(test_aborts)
{
    expect("Abort", "SIGABRT", "", at_line("in give_up", ABORT_LINE));
    expect("Assert", "SIGABRT", "Assertion `zero == 1' failed", at_line("in Assert_run", ASSERT_LINE));
    if (!SANITIZED) /* they report it and may go on */
        expect("DoubleFree", "SIGABRT", "double free", at_line("in free called from free_twice", FREE_LINE));
}
END_TEST

START_TEST(test_library_frames)
{
    jpx_outcome out = crash("InLibrary", "[]");

    if (SANITIZED)
        return;
    kit_has(out.reason, at_line("measure", STRLEN_LINE));
    if (strstr(out.reason, "called from")) /* libc's inner functions have names where its debug symbols are installed */
        kit_has(out.reason, "in strlen called from measure");
    out = crash("InCallback", "[]");
    kit_has(out.reason, at_line("in compare_badly", CALLBACK_LINE));
    kit_has(out.trace, "qsort");
    kit_has(out.trace, "InCallback_run");
}
END_TEST

START_TEST(test_stack_overflow)
{
    jpx_outcome out = crash("Overflow", "[]");

    if (SANITIZED)
        return;
    kit_has(out.reason, "SIGSEGV (stack overflow");
    kit_has(out.reason, "in recurse, executor_crash.c:");
    kit_has(out.trace, "more times");
}
END_TEST

START_TEST(test_exits)
{
    jpx_outcome out = crash("Exit", "[3]");

    kit_has(out.reason, "exited with code 3 in the body");
    if (!SANITIZED)
        kit_has(out.reason, at_line("in exit called from leave", EXIT_LINE));
    out = crash("Exit", "[0]");
    kit_has(out.reason, "exited with code 0 in the body");
    out = crash("QuickExit", "[]");
    kit_has(out.reason, "exited with code 5 in the body");
}
END_TEST

START_TEST(test_killed)
{
    jpx_outcome out = crash("KillSelf", "[9]");

    kit_has(out.reason, "killed by SIGKILL (out of memory?), max RSS ");
    out = crash("KillSelf", "[12]");
    kit_has(out.reason, "killed by SIGUSR2");
    if (!SANITIZED) {
        out = crash("KillSelf", "[11]");
        kit_has(out.reason, "SIGSEGV ");
        kit_lacks(out.reason, "address");
        kit_has(out.reason, "KillSelf_run");
    }
}
END_TEST

START_TEST(test_other_thread)
{
    jpx_outcome out = crash("Thread", "[]");

    if (SANITIZED)
        return;
    kit_has(out.reason, "in another thread");
    kit_has(out.reason, at_line("in parse_header", WRITE_LINE));
}
END_TEST

/* A body that takes our handlers away does not take them from the next one. */
START_TEST(test_handlers_come_back)
{
    kit_run("IgnoreAndCrash", "[false]", 0);
    jpx_outcome out = crash("IgnoreAndCrash", "[true]");
    if (!SANITIZED)
        kit_has(out.reason, at_line("in parse_header", WRITE_LINE));
}
END_TEST

START_TEST(test_memory_limit)
{
    if (SANITIZED)
        return;
    jpx_executor_close(executor);
    jp_error err;
    jpx_forked_options options = {1, (size_t)512 << 20, 0};
    ck_assert_int_eq(jpx_executor_forked(&executor, zygote, &options, &env, &err), JP_OK);
    jpx_outcome out = kit_run("Eat", "[100]", 0);
    ck_assert_int_eq((int)out.end, JPX_END_RETURN);
    out = kit_run("Eat", "[1000]", 0);
    ck_assert_str_eq(out.reason, "no memory");
}
END_TEST

static TCase *tests(void)
{
    TCase *tcase = tcase_create("crash");
    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, setup, kit_close);
    tcase_add_test(tcase, test_faults);
    tcase_add_test(tcase, test_aborts);
    tcase_add_test(tcase, test_library_frames);
    tcase_add_test(tcase, test_stack_overflow);
    tcase_add_test(tcase, test_exits);
    tcase_add_test(tcase, test_killed);
    tcase_add_test(tcase, test_other_thread);
    tcase_add_test(tcase, test_handlers_come_back);
    tcase_add_test(tcase, test_memory_limit);
    return tcase;
}

int main(void)
{
    return kit_main("executor crash", tests);
}
