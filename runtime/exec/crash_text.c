/* crash_text.c -- the death of an executor process in words, for people who read `jetpipe why`: what it died of and
 * where in their code. Runs in the worker; reads debug information on first use. */
#include "exec/crash.h"
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { FRAMES_MAX = 2 * JPX_CRASH_FRAMES_MAX };

struct stack {
    jpx_frame frames[FRAMES_MAX];
    size_t count;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *signal_name(jpx_arena *arena, int sig)
{
    const char *name = sigabbrev_np(sig);
    return name ? jpx_format(arena, "SIG%s", name) : jpx_format(arena, "signal %d", sig);
}

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool is_system(const jpx_frame *frame)
{
    static const char *const libraries[] = {"libc.so",  "libc-",    "libm.so",   "libm-",    "libpthread",
                                            "ld-linux", "libgcc_s", "libstdc++", "libc++",   "linux-vdso",
                                            "[vdso]",   "libasan",  "libtsan",   "libubsan", "ld-musl"};
    if (!frame->module)
        return false;
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++)
        if (starts(base_name(frame->module), libraries[i]))
            return true;
    return false;
}

/* By name, by library when it is stripped, by source folder for what is static. */
static bool is_ours(const jpx_frame *frame)
{
    static const char here[] = __FILE__;
    size_t folder = sizeof here - sizeof "exec/crash_text.c";

    if (frame->function && (starts(frame->function, "jpx_") || starts(frame->function, "jp_")))
        return true;
    if (frame->module && starts(base_name(frame->module), "libjetpipe"))
        return true;
    return frame->file && strncmp(frame->file, here, folder) == 0;
}

/* glibc's inner names are not what the user wrote: __GI___nanosleep, __libc_free, __strlen_evex. */
static const char *plain_name(jpx_arena *arena, const char *function)
{
    static const char *const before[] = {"__GI_", "__libc_", "_IO_"};
    static const char *const after[] = {"_avx", "_evex", "_sse", "_erms", "_generic"};

    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        if (starts(function, before[i]))
            function += strlen(before[i]);
    while (*function == '_' && function[1])
        function++;
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        const char *cut = strstr(function, after[i]);
        if (cut)
            function = jpx_strndup(arena, function, (size_t)(cut - function));
    }
    return function;
}

/* How a program aborts is told by the signal already. */
static bool is_abort(const char *name)
{
    static const char *const names[] = {"abort",
                                        "raise",
                                        "gsignal",
                                        "assert_fail",
                                        "assert",
                                        "kill",
                                        "pthread_kill",
                                        "pthread_kill_implementation",
                                        "assert_perror_fail"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static const char *place_text(jpx_arena *arena, const jpx_frame *frame, bool whole_path)
{
    const char *function = frame->function ? frame->function : "?";
    if (frame->file)
        return jpx_format(arena, "%s, %s:%d", function, whole_path ? frame->file : base_name(frame->file), frame->line);
    if (frame->module)
        return jpx_format(arena, "%s (%s+0x%llx)", function, base_name(frame->module),
                          (unsigned long long)frame->offset);
    return jpx_format(arena, "0x%llx", (unsigned long long)frame->offset);
}

static bool is_users(const jpx_frame *frame)
{
    return frame->module && !is_system(frame) && !is_ours(frame);
}

/* The innermost frame of the user's code: one with a line, or else (a library without debug information is not where
 * the user would look) any that is not the system's or ours. */
static size_t users_frame(const struct stack *stack)
{
    size_t any = stack->count;

    for (size_t i = stack->count; i-- > 0;)
        if (is_users(&stack->frames[i]) && (any == stack->count || !stack->frames[any].file || stack->frames[i].file))
            any = i;
    return any;
}

/* "in strlen called from parse_header, thumb.c:41" */
static const char *where_text(jpx_arena *arena, const struct stack *stack)
{
    size_t user = users_frame(stack), called = user;

    if (stack->count == 0)
        return "at an unknown place";
    if (user == stack->count)
        return jpx_format(arena, "in %s", place_text(arena, &stack->frames[0], false));
    const char *place = place_text(arena, &stack->frames[user], false), *name = NULL;
    while (called > 0 && !name)
        if (stack->frames[--called].function)
            name = plain_name(arena, stack->frames[called].function);
    if (!name || is_abort(name))
        return jpx_format(arena, "in %s", place);
    return jpx_format(arena, "in %s called from %s", name, place);
}

/* One frame a line; from where the library took over on, all stacks are alike and are left out. */
static const char *stack_text(jpx_arena *arena, const struct stack *stack)
{
    char *out = NULL;
    size_t size = 0, cap = 0, alike = 0;
    const char *last = "";
    bool user = false;

    for (size_t i = 0; i <= stack->count; i++) {
        const jpx_frame *frame = i < stack->count ? &stack->frames[i] : NULL;
        if (frame && user && is_ours(frame) && !(frame->function && starts(frame->function, "jp_")))
            frame = NULL;
        const char *line =
            frame ? jpx_format(arena, "%s%s\n", place_text(arena, frame, true), frame->inlined ? " (inlined)" : "")
                  : NULL;
        if (line && strcmp(line, last) == 0) {
            alike++;
            continue;
        }
        const char *more = alike ? jpx_format(arena, "... the same %zu more times\n", alike) : "";
        for (const char *c = more; *c; c++)
            JPX_PUSH(arena, out, size, cap) = *c;
        alike = 0;
        if (!line)
            break;
        for (const char *c = line; *c; c++)
            JPX_PUSH(arena, out, size, cap) = *c;
        last = line;
        user = user || is_users(frame);
    }
    if (size == 0)
        return NULL;
    out[size - 1] = '\0'; /* the last newline */
    return out;
}

static void resolve(jpx_trace *trace, jpx_crash *crash, jpx_arena *arena, struct stack *stack)
{
    size_t count = crash->frames_count < JPX_CRASH_FRAMES_MAX ? crash->frames_count : JPX_CRASH_FRAMES_MAX;
    size_t maps = crash->maps_size < JPX_CRASH_MAPS_MAX ? crash->maps_size : JPX_CRASH_MAPS_MAX;

    stack->count = 0;
    if (atomic_load(&crash->state) == JPX_CRASH_COMPLETE)
        stack->count = jpx_trace_resolve(trace, (jpx_bytes){(const uint8_t *)crash->maps, maps}, crash->frames, count,
                                         crash->first_exact != 0, arena, stack->frames, FRAMES_MAX);
}

static const char *signal_text(jpx_arena *arena, jpx_crash *crash, const struct stack *stack)
{
    const char *name = signal_name(arena, crash->signal), *detail = "";

    crash->message[JPX_CRASH_TEXT_MAX - 1] = '\0';
    if (crash->stack_overflow)
        detail = " (stack overflow: a recursion without end, or too large local variables)";
    else if (crash->message[0]) { /* of an assertion without program, file and line: these are told anyway */
        const char *assertion = strstr(crash->message, "Assertion `");
        detail = jpx_format(arena, " (%s)", assertion ? assertion : crash->message);
    } else if (crash->signal == SIGFPE && crash->code == FPE_INTDIV)
        detail = " (division by zero)";
    else if (crash->signal == SIGSEGV && crash->code == SI_KERNEL)
        detail = " (a pointer that cannot be an address)";
    else if (crash->code > 0 && (crash->signal == SIGSEGV || crash->signal == SIGBUS))
        detail = jpx_format(arena, " (address 0x%llx)", (unsigned long long)crash->address);
    return jpx_format(arena, "%s%s %s%s", name, detail, where_text(arena, stack),
                      crash->other_thread ? ", in another thread of the process than the body's" : "");
}

static const char *killed_text(jpx_arena *arena, const jpx_death *death)
{
    int sig = WTERMSIG(death->status);
    const char *name = signal_name(arena, sig);
    double rss = (double)death->max_rss_kb / 1024;

    if (sig == SIGKILL)
        return jpx_format(arena, "killed by SIGKILL (out of memory?), max RSS %.1f MiB", rss);
    return jpx_format(arena, "killed by %s without a report, max RSS %.1f MiB", name, rss);
}

/* What a dying process said may be anything; reasons are UTF-8 of limited length. */
static const char *clean_text(jpx_arena *arena, const char *text)
{
    size_t size = strnlen(text, JPX_REASON_MAX);
    char *out = jpx_strndup(arena, text, size);

    if (size == JPX_REASON_MAX || !bson_utf8_validate(out, size, false))
        for (size_t i = 0; i < size; i++)
            if ((uint8_t)out[i] >= 0x80)
                out[i] = '?';
    return out;
}

void jpx_crash_explain(jpx_trace *trace, jpx_crash *crash, const jpx_death *death, jpx_arena *arena, jpx_outcome *out)
{
    struct stack *stack = jpx_alloc(arena, sizeof *stack);
    bool noted = atomic_load(&crash->state) != JPX_CRASH_NONE;

    out->end = JPX_END_RETRY;
    out->retry_in_ms = -1;
    out->class_ = "crash";
    if (noted)
        resolve(trace, crash, arena, stack);
    if (death->garbage) {
        out->reason = "wrote into jetpipe's channel: the memory that the process shares with the worker is damaged";
    } else if (noted && crash->signal != 0 && crash->signal != JPX_HANG_SIGNAL) {
        out->reason = signal_text(arena, crash, stack);
    } else if (death->timeout_ms > 0) {
        out->class_ = "timeout";
        out->reason =
            noted ? jpx_format(arena, "no end after %lld ms; was %s", (long long)death->timeout_ms,
                               where_text(arena, stack))
                  : jpx_format(arena, "no end after %lld ms; did not say where it was", (long long)death->timeout_ms);
    } else if (WIFEXITED(death->status)) {
        out->reason = jpx_format(arena, "exited with code %d in the body%s%s", WEXITSTATUS(death->status),
                                 noted ? ", " : "", noted ? where_text(arena, stack) : "");
    } else {
        out->reason = killed_text(arena, death);
    }
    if (death->ended)
        out->reason = jpx_format(arena, "%s; the body had ended, its result was not handed over yet", out->reason);
    else if (death->memory_bytes && out->class_[0] == 'c' && !death->garbage)
        out->reason = jpx_format(arena, "%s; max RSS %.1f MiB, memory limited to %.1f MiB", out->reason,
                                 (double)death->max_rss_kb / 1024, (double)death->memory_bytes / 1048576);
    out->reason = clean_text(arena, out->reason);
    out->trace = stack_text(arena, stack);
}
