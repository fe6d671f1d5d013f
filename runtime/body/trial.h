/* trial.h -- struct jp_trial, for the two files that implement jetpipe_test.h: trial_body.c here (one body) and the one
 * that runs whole trees with the engine. */
#ifndef JPX_TRIAL_H
#define JPX_TRIAL_H

#include "body/body.h"
#include <jetpipe_test.h>

/* What the next wait of a pipe is answered with. */
typedef struct jpx_trial_answer {
    const jpx_pipe *pipe;
    const char *json;
    bool used;
    struct jpx_trial_answer *next; /* given after this one */
} jpx_trial_answer;

struct jp_trial {
    jpx_arena *arena; /* of all that the trial hands out */
    jpx_registry *registry;
    int attempt;               /* of the next bodies */
    uint64_t bodies;           /* how many there were: each has its own number */
    jpx_trial_answer *answers; /* the oldest first */
    void *runs;                /* of whoever runs trees; given to runs_free when the trial goes */
    void (*runs_free)(void *);
};

/* Prints the sentence and aborts the process: the test used the trial wrongly. */
_Noreturn void jpx_trial_misuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The registered pipe of a definition, and what it takes made of values; misuse when there is no such pipe or it does
 * not. */
const jpx_pipe *jpx_trial_pipe(jp_trial *, const jp_def *);
const jpx_pipe *jpx_trial_pipe_named(jp_trial *, const char *name);
jpx_bytes jpx_trial_args(jp_trial *, const jpx_pipe *, size_t count, const jp_value *);

#endif
