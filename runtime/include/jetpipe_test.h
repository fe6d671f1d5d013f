/* jetpipe_test.h -- tests your own pipes without servers, in one process and in virtual time.
 *
 *     jp_trial *t = jp_trial_new((const jp_def *[]){&AddOne, &AddTwo, NULL});
 *     ck_assert_int_eq(jp_trial_int64(jp_trial_run(t, AddTwo, 40)), 42);      the whole tree
 *     jp_plan *plan = jp_trial_body(t, AddTwo, 40);                           one body: what did it plan?
 *     ck_assert_int_eq(jp_plan_children(plan), 2);
 *     jp_trial_free(t);
 *
 * Everything a trial hands out (runs, plans, texts) lives until jp_trial_free(). Bodies run in the calling process: a
 * body that crashes takes the test with it, so a debugger shows where. Wrong use of this interface (arguments that the
 * pipe does not take, a pipe that is not in the list, an index out of range) prints one line and aborts the process,
 * so that the test fails. */
#ifndef JETPIPE_TEST_H
#define JETPIPE_TEST_H

#include <jetpipe.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct jp_trial jp_trial;           /* the pipes under test, and their runs */
typedef struct jp_trial_root jp_trial_root; /* one run of a whole tree, ended       */
typedef struct jp_plan jp_plan;             /* what one body planned, and its ending */

/* `pipes` ends with NULL. A wrong definition prints its message and aborts the process. */
JP_API jp_trial *jp_trial_new(const jp_def *const *pipes);
JP_API void jp_trial_free(jp_trial *); /* NULL is fine */
/* The value of a JSON text, for arguments and replies that are documents or lists. */
JP_API jp_value jp_trial_parse(jp_trial *, const char *text);

/* ---- the whole tree ---- */

/* jp_trial_run(t, Name, arguments...) runs the tree to its end. Time is virtual: retries and delays take none. A
 * pipeline that waits for a reply gets the next jp_trial_answer() of its pipe; if there is none, its timeout passes. A
 * tree that can never end, because it waits without an answer and without a timeout, is wrong use. */
JP_API jp_trial_root *jp_trial_run_v(jp_trial *, const jp_def *, size_t count, const jp_value *);
JP_API const char *jp_trial_status(const jp_trial_root *); /* "done", "aborted" */
JP_API const char *jp_trial_json(const jp_trial_root *);   /* the result; "null" when there is none */
/* An output of the root, "default" or a name in its .fills, as JSON. NULL: not filled. */
JP_API const char *jp_trial_output(const jp_trial_root *, const char *name);
JP_API int64_t jp_trial_int64(const jp_trial_root *);      /* the result, which must be an int64 */
JP_API const char *jp_trial_reason(const jp_trial_root *); /* why it was aborted; "" when done */

/* jp_trial_answer(t, "Approve", x) adds one reply for the trees that run from now on. The first wait of that pipe, by
 * its registered name ("Promise" for jp_promise), gets it at once, the next wait gets the next reply. A reply whose
 * type the pipe does not give is refused, as a real one is, and the wait goes on. */
JP_API void jp_trial_answer_v(jp_trial *, const char *pipe, jp_value);
#define jp_trial_answer(t, pipe, x) jp_trial_answer_v((t), (pipe), jp_v(x))

/* ---- one body ---- */

/* jp_trial_body(t, Name, arguments...) runs the body once, and nothing else. jp_trial_reply(t, reply, Name,
 * arguments...) runs its on_reply with this reply. jp_trial_attempt() sets what jp_attempt() returns in the bodies that
 * run from then on; 1 at first. */
JP_API jp_plan *jp_trial_body_v(jp_trial *, const jp_def *, size_t count, const jp_value *);
JP_API jp_plan *jp_trial_reply_v(jp_trial *, jp_value reply, const jp_def *, size_t count, const jp_value *);
JP_API void jp_trial_attempt(jp_trial *, int attempt);

typedef enum jp_ended {
    JP_ENDED_RETURN, /* jp_return, jp_done */
    JP_ENDED_WAIT,
    JP_ENDED_RETRY, /* jp_retry, or outputs are missing */
    JP_ENDED_ABORT,
    JP_ENDED_WRONG /* a programming error */
} jp_ended;

JP_API jp_ended jp_plan_ended(const jp_plan *);
JP_API const char *jp_plan_reason(const jp_plan *); /* of RETRY, ABORT, WRONG; else "" */
JP_API int64_t jp_plan_retry_ms(const jp_plan *);   /* RETRY by jp_retry_in; -1 = by .retry */
/* As JSON; the future of child 0 is {"future": 0, "slot": "default"}. NULL: not filled. */
JP_API const char *jp_plan_output(const jp_plan *, const char *name);

/* Children in the order of their yields, from 0. */
JP_API size_t jp_plan_children(const jp_plan *);
JP_API const char *jp_plan_pipe(const jp_plan *, size_t i); /* registered name */
JP_API const char *jp_plan_at(const jp_plan *, size_t i);   /* "file.c:12" */
/* Its arguments as a JSON array, one item for each parameter, futures as above. */
JP_API const char *jp_plan_args(const jp_plan *, size_t i);
/* True if child i, directly or through others, cannot start before child `other` has ended: it takes its output, or is
 * in a scope that waits for it. */
JP_API bool jp_plan_waits(const jp_plan *, size_t i, size_t other);

#ifdef __cplusplus
}
template <class... A> inline jp_plan *jp_trial_reply_(jp_trial *t, jp_value reply, const jp_def &def, A... a)
{
    const jp_value v[] = {jp_v(a)..., jp_v_null()};
    return jp_trial_reply_v(t, reply, &def, sizeof...(a), v);
}
template <auto call, class... A> inline auto jp_trial_call_(jp_trial *t, const jp_def &def, A... a)
{
    const jp_value v[] = {jp_v(a)..., jp_v_null()};
    return call(t, &def, sizeof...(a), v);
}
#define jp_trial_run(...)             jp_trial_call_<jp_trial_run_v>(__VA_ARGS__)
#define jp_trial_body(...)            jp_trial_call_<jp_trial_body_v>(__VA_ARGS__)
#define jp_trial_reply(t, reply, ...) jp_trial_reply_((t), jp_v(reply), __VA_ARGS__)
#else
#define jp_trial_run(t, ...)          jp_trial_run_v((t), JP_CALL_(__VA_ARGS__))
#define jp_trial_body(t, ...)         jp_trial_body_v((t), JP_CALL_(__VA_ARGS__))
#define jp_trial_reply(t, reply, ...) jp_trial_reply_v((t), jp_v(reply), JP_CALL_(__VA_ARGS__))
#endif

#endif /* JETPIPE_TEST_H */
