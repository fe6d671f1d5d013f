/* crash.h -- what an executor process can still say about itself while it dies, and how the worker puts it into words.
 *
 * In the process: handlers on an alternate stack note signal, address, the text of glibc's abort and the raw backtrace
 * in memory that the worker shares, then let the signal do what it would have done (a core dump is still written where
 * the system allows it). No malloc, no lock, no stdio in a handler. A private real-time signal asks a body that is over
 * time where it is.
 *
 * In the worker: jpx_crash_explain() resolves the addresses (backtrace.h) and names the innermost frame of the user's
 * code.
 */
#ifndef JPX_CRASH_H
#define JPX_CRASH_H

#include "body/body.h"
#include "exec/backtrace.h"
#include <signal.h>
#include <stdatomic.h>

enum {
    JPX_CRASH_FRAMES_MAX = 64,
    JPX_CRASH_TEXT_MAX = 256,
    JPX_CRASH_MAPS_MAX =
        128 * 1024,           /* of /proc/self/maps: what lies at which address, libraries loaded later included */
    JPX_CRASH_ENDURE_MS = 200 /* so long a body that is over time may take to say where it is */
};

/* Asks the process where it is. Not one of the signals that programs use; after exec it is gone. */
#define JPX_HANG_SIGNAL (SIGRTMAX - 2)

typedef enum jpx_crash_state { JPX_CRASH_NONE, JPX_CRASH_BEGUN, JPX_CRASH_COMPLETE } jpx_crash_state;

typedef struct jpx_crash {
    _Atomic uint32_t state;
    int32_t signal;        /* 0 = exit() was called */
    int32_t code;          /* si_code: above 0 a fault, else sent by a process */
    uint32_t other_thread; /* truths are numbers here: any bytes may be in it */
    uint32_t stack_overflow;
    uint64_t address;
    uint32_t frames_count;
    uint32_t first_exact; /* frames[0] is the faulting instruction, not a return address */
    void *frames[JPX_CRASH_FRAMES_MAX];
    char message[JPX_CRASH_TEXT_MAX]; /* what glibc said when it called abort(): failed assertion, damaged heap */
    uint32_t maps_size;
    char maps[JPX_CRASH_MAPS_MAX];
} jpx_crash;

/* Which body is at work and which one was found over time: frame number plus one, 0 = none. The question must not hit
 * the next body when the one that was meant has just ended. */
typedef struct jpx_watch {
    _Atomic uint32_t current, asked;
} jpx_watch;

/* ---- in the process; once, before the first body: sets the disposition of every signal and unblocks all ---- */
void jpx_crash_install(jpx_crash *, const jpx_watch *);
/* A body may have changed mask and handlers; puts ours back. */
void jpx_crash_restore(void);

/* ---- in the worker ---- */
typedef struct jpx_death { /* what is known of a process that is gone */
    int status;            /* as from wait() */
    int64_t max_rss_kb;
    int64_t timeout_ms;  /* > 0: it was killed because the body took longer */
    bool garbage;        /* it was killed because it wrote over the page */
    bool ended;          /* the body had ended, its outcome had not been handed over yet */
    size_t memory_bytes; /* its limit, 0 = none */
} jpx_death;

/* Fills class, reason and trace of `out` (end RETRY); text in `arena`. `crash` is a private copy. */
void jpx_crash_explain(jpx_trace *, jpx_crash *crash, const jpx_death *, jpx_arena *, jpx_outcome *out);

#endif
