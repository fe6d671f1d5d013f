/* cli.h -- what the verbs share: the command at hand, the table of verbs, how things are said.
 *
 * A verb is a function that gets the command and returns the exit code. Results go to `out`, everything else to `err`,
 * each message one line "jetpipe: <sentence>" (with the program's own name). Verbs run on the main thread; those that
 * ask the api block for at most the time of --timeout, the others say what ends them. */
#ifndef JPX_CLI_H
#define JPX_CLI_H

#include "body/body.h"
#include "bus/bus.h"
#include "cli/flags.h"
#include "cli/log.h"
#include "cli/screen.h"
#include "client/ask.h"

enum { JPX_EXIT_ABORTED = 1 }; /* beside the numbers of jp_status */

typedef struct jpx_cli jpx_cli;

typedef struct jpx_verb {
    const char *name;
    const char *usage;  /* of its arguments */
    const char *does;   /* half a line */
    const char *more;   /* some lines, or NULL */
    size_t least, most; /* arguments */
    uint32_t flags;     /* JPX_FLAG(...), beside JPX_FLAGS_PLACES */
    int (*run)(jpx_cli *);
} jpx_verb;

struct jpx_cli {
    const char *program; /* basename of argv[0] */
    const jp_def *const *pipes;
    FILE *in, *out, *err;
    jpx_screen screen;     /* of out */
    jpx_screen err_screen; /* of err */
    jpx_log_sink log;
    jpx_env env;
    jpx_options options;
    const jpx_verb *verb;
    const char *const *args; /* without the verb */
    size_t args_count;
    jpx_arena *arena; /* of the command */
    jpx_bus *bus;     /* after jpx_cli_connect */
    jp_error error;   /* the last one */
};

/* ---- the verbs: one file each, or one for a few that look alike ---- */
const jpx_verb *jpx_verbs(size_t *count);
const jpx_verb *jpx_verb_find(const char *name); /* NULL = none */
int jpx_verb_run(jpx_cli *);
int jpx_verb_serve(jpx_cli *);
int jpx_verb_start(jpx_cli *);
int jpx_verb_list(jpx_cli *);
int jpx_verb_tree(jpx_cli *);
int jpx_verb_status(jpx_cli *);
int jpx_verb_result(jpx_cli *);
int jpx_verb_why(jpx_cli *);
int jpx_verb_abort(jpx_cli *);
int jpx_verb_reply(jpx_cli *);
int jpx_verb_cleanup(jpx_cli *);
int jpx_verb_pipes(jpx_cli *);
int jpx_verb_help(jpx_cli *);
int jpx_verb_version(jpx_cli *);

/* jp_main with its streams; closes none of them. */
int jpx_cli_main(int argc, char **argv, const jp_def *const *pipes, FILE *in, FILE *out, FILE *err);

/* ---- saying ---- */
void jpx_cli_say(jpx_cli *, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* to err */
int jpx_cli_fail(jpx_cli *); /* says cli->error; returns its exit code */
int jpx_cli_refuse(jpx_cli *, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* says it; returns 2 */
void jpx_cli_print(jpx_cli *, const jpx_text *);                                           /* to out */
int jpx_cli_print_json(jpx_cli *, jpx_bytes); /* the answer as it came, one line; returns 0 */

/* ---- asking the api ---- */
jp_status jpx_cli_connect(jpx_cli *); /* fills cli->bus; errors in cli->error */
int64_t jpx_cli_timeout(const jpx_cli *, int64_t otherwise);
/* ROOT of the command line, by argument or --key; NULL with cli->error when it is missing or said twice. */
const char *jpx_cli_root(jpx_cli *);
/* Connects, asks, and returns the answer; errors in cli->error. */
jp_status jpx_cli_ask(jpx_cli *, const char *verb, const char *request, jpx_answer *);
/* An argument's text, or what stands on standard input when it is "-". NULL with cli->error. */
const char *jpx_cli_text(jpx_cli *, const char *arg);

/* The line of status that several verbs print: pipe, root, key, status, times, reason. */
void jpx_cli_put_status(jpx_cli *, const jpx_json *answer, jpx_text *);

#endif
