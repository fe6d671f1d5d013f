/* crash.c -- the handlers in an executor process; see crash.h.
 *
 * Runs in the executor process only, on whichever thread fails, on the alternate stack where that is the body's thread.
 * Handlers only write to the shared page and call what is safe in a signal handler; backtrace() is, once it has been
 * called before. When unwinding damaged memory hangs, an alarm ends the process after a second; when it faults, the
 * kernel does, because all handlers are gone by then. A child that a body forked does not report: the page is not its
 * own.
 *
 * A handler cannot be handed an argument, so its context is static. */
#include "exec/crash.h"
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* they bring handlers of their own, with better reports */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

enum { ALT_STACK_BYTES = 64 * 1024, NEAR = 64 * 1024 };

#ifdef SANITIZED
enum { HANDLE_FAULTS = 0 };
#else
enum { HANDLE_FAULTS = 1 };
#endif

static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
enum { FATAL_COUNT = sizeof fatal / sizeof fatal[0] };

static struct {
    jpx_crash *crash;
    const jpx_watch *watch;
    pid_t pid;
    atomic_flag taken;  /* one thread reports, once */
    struct glibc_text { /* as glibc keeps it */
        unsigned size;
        char text[];
    } * *abort_message;
    bool jumped; /* a call through a bad pointer is being looked into */
    siginfo_t jump;
    uint8_t stack[ALT_STACK_BYTES];
} self;

static void defaults(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (size_t i = 0; i < FATAL_COUNT; i++)
        sigaction(fatal[i], &action, NULL);
}

static uint64_t program_counter(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uint64_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uint64_t)context->uc_mcontext.pc;
#else
    (void)context;
    return 0;
#endif
}

static void set_program_counter(ucontext_t *context, uint64_t pc)
{
#if defined(__x86_64__)
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
#elif defined(__aarch64__)
    context->uc_mcontext.pc = pc;
#else
    (void)context, (void)pc;
#endif
}

static uint64_t stack_pointer(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uint64_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    return (uint64_t)context->uc_mcontext.sp;
#else
    (void)context;
    return 0;
#endif
}

static bool is_overflow(const jpx_crash *crash, const ucontext_t *context)
{
    uint64_t sp = stack_pointer(context);
    /* Memory next to the stack pointer is always there, unless the stack cannot grow any more. */
    return crash->signal == SIGSEGV && sp && crash->address + NEAR > sp && crash->address < sp + NEAR;
}

static void copy_maps(jpx_crash *crash)
{
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t size = 0;

    while (fd >= 0 && size < JPX_CRASH_MAPS_MAX) {
        ssize_t got = read(fd, crash->maps + size, JPX_CRASH_MAPS_MAX - size);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    crash->maps_size = (uint32_t)size;
    if (fd >= 0)
        close(fd);
}

static void copy_message(jpx_crash *crash)
{
    const struct glibc_text *said = self.abort_message ? *self.abort_message : NULL;
    for (size_t i = 0; said && i + 1 < JPX_CRASH_TEXT_MAX && said->text[i] && said->text[i] != '\n'; i++)
        crash->message[i] = said->text[i];
}

/* The stack from the failing instruction on; without context, from our caller on. */
__attribute__((noinline)) static void copy_frames(jpx_crash *crash, const ucontext_t *context)
{
    void *all[JPX_CRASH_FRAMES_MAX + 4];
    int count = backtrace(all, JPX_CRASH_FRAMES_MAX + 4);
    int from = context ? 4 : 3; /* this function, record, the handler, the kernel's trampoline */

    if (context) {
        uint64_t pc = program_counter(context);
        int at = 0;
        while (at < count && (uint64_t)(uintptr_t)all[at] != pc)
            at++;
        crash->first_exact = 1;
        crash->frames[crash->frames_count++] = (void *)(uintptr_t)pc;
        if (at < count)
            from = at + 1;
    }
    for (int i = from; i < count && crash->frames_count < JPX_CRASH_FRAMES_MAX; i++)
        crash->frames[crash->frames_count++] = all[i];
}

/* False when another thread or an outer handler is at it already. */
__attribute__((noinline)) static bool record(int sig, const siginfo_t *info, const ucontext_t *context)
{
    jpx_crash *crash = self.crash;
    sigset_t alarm_only;

    if (atomic_flag_test_and_set(&self.taken))
        return false;
    atomic_store(&crash->state, JPX_CRASH_BEGUN);
    crash->signal = sig;
    crash->code = info ? info->si_code : 0;
    bool fault = crash->code > 0;
    crash->address = fault ? (uint64_t)(uintptr_t)info->si_addr : 0;
    crash->other_thread = (pid_t)syscall(SYS_gettid) != self.pid;
    if (context && fault)
        crash->stack_overflow = is_overflow(crash, context);
    defaults();
    signal(SIGALRM, SIG_DFL);
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
    alarm(1);
    if (sig == SIGABRT)
        copy_message(crash);
    copy_maps(crash);
    copy_frames(crash, context);
    alarm(0);
    atomic_store(&crash->state, JPX_CRASH_COMPLETE);
    return true;
}

/* Runs in place of a function that is not there, as if it had been called: so there is a stack to unwind. */
__attribute__((noinline)) static void called_nothing(void)
{
    record(SIGSEGV, &self.jump, NULL);
    defaults();
    raise(SIGSEGV);
}

/* A call through a bad pointer fails in fetching the instruction, with the return address where a function expects it.
 */
static bool is_bad_call(int sig, const siginfo_t *info, ucontext_t *context)
{
    if (sig != SIGSEGV || info->si_code <= 0 || (uint64_t)(uintptr_t)info->si_addr != program_counter(context) ||
        self.jumped)
        return false;
    self.jumped = true;
    self.jump = *info;
    set_program_counter(context, (uint64_t)(uintptr_t)called_nothing);
    return true;
}

static void on_fatal(int sig, siginfo_t *info, void *context)
{
    if (getpid() == self.pid && is_bad_call(sig, info, context))
        return;
    if (getpid() == self.pid && !record(sig, info, context))
        for (;;)
            pause(); /* the thread that was first ends the process */
    defaults();
    if (info->si_code <= 0) { /* a real fault comes again by itself, with its true place for the core dump */
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, sig);
        raise(sig);
        pthread_sigmask(SIG_UNBLOCK, &one, NULL);
    }
}

static void on_hang(int sig, siginfo_t *info, void *context)
{
    if (getpid() != self.pid || self.watch->current == 0 || self.watch->asked != self.watch->current)
        return;
    if (record(sig, info, context))
        kill(self.pid, SIGKILL);
}

/* exit() within a body: note from where, then leave without what the worker's program registered with atexit(). */
static void on_end(int status, void *unused)
{
    (void)unused;
    if (getpid() == self.pid && self.watch->current != 0) {
        record(0, NULL, NULL);
        fflush(NULL);
        _exit(status);
    }
}

void jpx_crash_restore(void)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigset_t none;

    sigemptyset(&action.sa_mask);
    action.sa_sigaction = on_fatal;
    for (size_t i = 0; HANDLE_FAULTS && i < FATAL_COUNT; i++)
        sigaction(fatal[i], &action, NULL);
    action.sa_sigaction = on_hang;
    sigaction(JPX_HANG_SIGNAL, &action, NULL);
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static void nothing(int sig)
{
    (void)sig;
}

/* The worker's handlers are not for bodies. */
static void reset_dispositions(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_RESTART};

    for (int sig = 1; sig < NSIG; sig++) {
        bool keep = false;
        for (size_t i = 0; !HANDLE_FAULTS && i < FATAL_COUNT; i++)
            keep = keep || fatal[i] == sig;
        if (!keep)
            sigaction(sig, &action, NULL);
    }
    action.sa_handler = nothing;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

void jpx_crash_install(jpx_crash *crash, const jpx_watch *watch)
{
    void *warm[4];

    self.crash = crash;
    self.watch = watch;
    self.pid = getpid();
    self.abort_message = dlvsym(RTLD_DEFAULT, "__abort_msg", "GLIBC_PRIVATE");
    backtrace(warm, 4); /* loads the unwinder now: its first use allocates */
    stack_t stack = {.ss_sp = self.stack, .ss_size = sizeof self.stack};
    if (HANDLE_FAULTS)
        sigaltstack(&stack, NULL);
    on_exit(on_end, NULL);
    reset_dispositions();
    jpx_crash_restore();
}
