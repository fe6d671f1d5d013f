/* child.c -- the loop of an executor process; see page.h for what it shares with the worker.
 *
 * Runs in a process of its own, on its only thread unless bodies start some. Waits in a futex for the next attempt;
 * never polls.
 *
 * What a body finds: default dispositions and no blocked signals, except that SIGTERM, SIGINT and SIGHUP do nothing (a
 * service manager sends them to the whole group while the worker lets bodies end; after exec they are default again);
 * stdin from /dev/null, stdout and stderr of the worker, none of the library's descriptors but the bell; a process
 * group of its own. What a body changes and is put back after it: signal mask, our handlers, umask, working directory.
 * What stays until the process is recycled: environment, locale, its other descriptors, threads (pools of libraries are
 * threads too), memory.
 *
 * The bell is one end of a socket pair. When a body closed it, or opened something else in its place, the process hands
 * over what it has and leaves: its end tells the worker to look, and no attempt is lost. */
#include "exec/child.h"
#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    BELL_FD_FROM = 300,     /* out of the way of programs that expect low numbers free */
    BELL_EVERY_NS = 500000, /* outcomes of short bodies are told of together, but not later than this */
    BELL_FULL = JPX_RING_BYTES / 2
};

static struct child {
    const jpx_registry *registry;
    jpx_page *page;
    jpx_ring_end in, out;
    pid_t pid;
    int bell;
    struct stat bell_is;
    uint32_t taken;  /* frames */
    int64_t told_ns; /* when the bell was last due */
    mode_t umask;
    char folder[PATH_MAX];
} self;

static bool has_bell(void)
{
    struct stat is;
    return fstat(self.bell, &is) == 0 && is.st_ino == self.bell_is.st_ino && is.st_dev == self.bell_is.st_dev;
}

static void ring_bell(void)
{
    self.told_ns = jpx_mono_ns();
    if (!atomic_load(&self.page->armed) || !atomic_exchange(&self.page->armed, 0))
        return;
    if (!has_bell() || (send(self.bell, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN))
        _exit(0);
}

/* Sleeps until the worker moves `word` away from `seen`. */
static void wait_for(jpx_ring *ring, _Atomic uint32_t *word, uint32_t seen)
{
    atomic_store(&ring->waits, 1);
    if (atomic_load(word) == seen)
        jpx_futex_wait(word, seen);
    atomic_store(&ring->waits, 0);
}

static void take(void *out, size_t size)
{
    uint8_t *at = out;

    while (size > 0) {
        uint32_t head = atomic_load(&self.in.ring->head);
        size_t ready = jpx_ring_ready(&self.in);
        if (ready == 0) {
            ring_bell();
            wait_for(self.in.ring, &self.in.ring->head, head);
            continue;
        }
        if (ready == SIZE_MAX)
            _exit(1); /* a body wrote over the page */
        size_t part = size < ready ? size : ready;
        jpx_ring_peek(&self.in, at, part);
        jpx_ring_skip(&self.in, part);
        at += part;
        size -= part;
        if (atomic_load(&self.page->wants_space))
            ring_bell();
    }
}

static void put(const void *data, size_t size)
{
    const uint8_t *at = data;

    while (size > 0) {
        uint32_t tail = atomic_load(&self.out.ring->tail);
        size_t part = jpx_ring_put(&self.out, at, size);
        if (part == 0) {
            ring_bell();
            wait_for(self.out.ring, &self.out.ring->tail, tail);
        }
        at += part;
        size -= part;
    }
}

/* In one piece, so that the worker sees either nothing or all of an outcome that fits. */
static void put_frame(jpx_bytes bytes, uint32_t seq, jpx_arena *arena)
{
    jpx_frame_head head = {(uint32_t)bytes.size, seq};

    if (bytes.size > JPX_RING_BYTES / 2) {
        put(&head, sizeof head);
        put(bytes.data, bytes.size);
        return;
    }
    uint8_t *whole = jpx_alloc(arena, sizeof head + bytes.size);
    memcpy(whole, &head, sizeof head);
    memcpy(whole + sizeof head, bytes.data, bytes.size);
    put(whole, sizeof head + bytes.size);
}

static void restore(void)
{
    char folder[PATH_MAX];

    jpx_crash_restore();
    umask(self.umask);
    if (self.folder[0] && (!getcwd(folder, sizeof folder) || strcmp(folder, self.folder) != 0) &&
        chdir(self.folder) != 0)
        self.folder[0] = '\0'; /* it is gone */
}

static void run(jpx_bytes bytes, uint32_t seq, jpx_arena *arena)
{
    jpx_page_slot *slot = &self.page->slots[seq % JPX_WINDOW_MAX];
    jpx_attempt attempt;
    jpx_outcome outcome = {0};
    jp_error err;

    JPX_ASSERT(jpx_attempt_decode(bytes, arena, &attempt, &err) == JP_OK);
    jpx_body_run(self.registry, &attempt, arena, &outcome);
    if (getpid() != self.pid)
        _exit(0); /* a child that the body forked came back from it */
    outcome.number_in_worker = attempt.number_in_worker;
    outcome.body_us = (jpx_mono_ns() - atomic_load_explicit(&slot->begun_ns, memory_order_relaxed)) / 1000;
    atomic_store(&slot->state, JPX_SLOT_ENDED);
    jpx_bytes out = jpx_outcome_encode(&outcome, arena);
    if (out.size > JPX_FRAME_MAX) {
        const jpx_pipe *pipe = jpx_registry_find(self.registry, attempt.pipe);
        jpx_outcome large = {.number_in_worker = attempt.number_in_worker, .end = JPX_END_WRONG, .retry_in_ms = -1};
        large.class_ = "program";
        large.reason =
            jpx_format(arena,
                       "%s, %s: it planned %zu children and outputs of %zu bytes together, more than %d: "
                       "plan fewer in one body, let children plan the rest",
                       attempt.pipe, pipe ? pipe->def.at : "?", outcome.children_count, out.size, JPX_FRAME_MAX);
        out = jpx_outcome_encode(&large, arena);
    }
    atomic_store(&self.page->watch.current, 0);
    put_frame(out, seq, arena);
    fflush(stdout);
    if (!has_bell())
        _exit(0);
    restore();
}

static void tell(void)
{
    uint32_t left = atomic_load_explicit(&self.page->sent, memory_order_relaxed) - self.taken;
    size_t there = self.out.at - atomic_load_explicit(&self.out.ring->tail, memory_order_relaxed);

    if (!atomic_load(&self.page->armed))
        return;
    if (left <= atomic_load_explicit(&self.page->bell_at, memory_order_relaxed) || there > BELL_FULL ||
        jpx_mono_ns() - self.told_ns > BELL_EVERY_NS)
        ring_bell();
}

static void become(int page_fd, int bell_fd, pid_t zygote, size_t memory_bytes)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != zygote)
        _exit(0); /* it died before that took effect */
    prctl(PR_SET_NAME, "jetpipe-body");
    self.pid = getpid();
    self.page = mmap(NULL, sizeof *self.page, PROT_READ | PROT_WRITE, MAP_SHARED, page_fd, 0);
    JPX_ASSERT(self.page != MAP_FAILED);
    madvise(self.page, sizeof *self.page, MADV_DONTFORK); /* not for what bodies fork */
    close(page_fd);
    self.bell = fcntl(bell_fd, F_DUPFD_CLOEXEC, BELL_FD_FROM);
    if (self.bell < 0)
        self.bell = bell_fd;
    else
        close(bell_fd);
    JPX_ASSERT(fstat(self.bell, &self.bell_is) == 0);
    self.in.ring = &self.page->in;
    self.out.ring = &self.page->out;
    self.umask = umask(0);
    umask(self.umask);
    if (!getcwd(self.folder, sizeof self.folder))
        self.folder[0] = '\0';
    if (memory_bytes) {
        struct rlimit limit = {memory_bytes, memory_bytes};
        setrlimit(RLIMIT_AS, &limit);
    }
    jpx_crash_install(&self.page->crash, &self.page->watch);
}

void jpx_child_main(const jpx_registry *registry, int page_fd, int bell_fd, pid_t zygote, size_t memory_bytes)
{
    self.registry = registry;
    become(page_fd, bell_fd, zygote, memory_bytes);
    jpx_arena *arena = jpx_arena_new();
    for (;; self.taken++) {
        jpx_frame_head head;
        uint32_t queued = JPX_SLOT_QUEUED;

        take(&head, sizeof head);
        if (head.size == 0)
            _exit(0);
        uint8_t *data = jpx_alloc(arena, head.size);
        take(data, head.size);
        jpx_page_slot *slot = &self.page->slots[head.seq % JPX_WINDOW_MAX];
        atomic_store_explicit(&slot->begun_ns, jpx_mono_ns(), memory_order_relaxed);
        atomic_store(&self.page->watch.current, head.seq + 1);
        if (atomic_compare_exchange_strong(&slot->state, &queued, JPX_SLOT_BEGUN)) {
            run((jpx_bytes){data, head.size}, head.seq, arena);
            tell();
        } else {
            atomic_store(&self.page->watch.current, 0);
            atomic_store(&slot->state, JPX_SLOT_SKIPPED);
        }
        jpx_arena_reset(arena);
    }
}
