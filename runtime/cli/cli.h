/* cli.h -- what the verbs share: the command that is running, the table of verbs, output, requests to the api.
 *
 * A verb is a function that takes the command and returns the exit code. Results go to `out`; every message goes to
 * `err` as one line, "<program>: <sentence>". Verbs run on the main thread. Those that ask the api block for at most
 * --timeout; the help of the others says what ends them. */
#ifndef JPX_CLI_H
#define JPX_CLI_H

#include "body/body.h"
#include "bus/bus.h"
#include "cli/flags.h"
#include "cli/log.h"
#include "cli/screen.h"
#include "client/ask.h"

enum { JPX_EXIT_ABORTED = 1 }; /* all other exit codes are numbers of jp_status, or 128 + signal */

typedef struct jpx_cli jpx_cli;

typedef struct jpx_verb {
    const char *name;
    const char *usage;  /* its arguments, "PIPE [JSON]" */
    const char *does;   /* what it does, half a line for the overview */
    const char *more;   /* further lines for its own help, or NULL */
    size_t least, most; /* number of arguments */
    uint32_t flags;     /* JPX_FLAG(...) that it takes in addition to JPX_FLAGS_PLACES */
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
    jpx_arena *arena; /* lives as long as the command */
    jpx_bus *bus;     /* NULL before jpx_cli_connect */
    jp_error error;   /* of the call that failed last */
};

/* ---- the verbs ---- */
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

/* jp_main with its streams, none of which it closes. */
int jpx_cli_main(int argc, char **argv, const jp_def *const *pipes, FILE *in, FILE *out, FILE *err);

/* ---- output ---- */
void jpx_cli_say(jpx_cli *, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* to err */
int jpx_cli_fail(jpx_cli *); /* says cli->error; returns its exit code */
int jpx_cli_refuse(jpx_cli *, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* says it; returns 2 */
void jpx_cli_print(jpx_cli *, const jpx_text *);                                           /* to out */
int jpx_cli_print_json(jpx_cli *, jpx_bytes); /* an answer as received, in one line; returns 0 */
/* "there is no <what> '<name>'; did you mean ...?" as cli->error; returns the status. */
jp_status jpx_cli_unknown(jpx_cli *, jp_status, const char *what, const char *name, const char *const *names,
                          size_t count);
/* One line that shows a root: pipe, id, key, status, times. Several verbs print it. */
void jpx_cli_put_status(jpx_cli *, const jpx_json *answer, jpx_text *);

/* ---- input and requests; all of these put errors into cli->error ---- */
/* The ROOT of the command line, from its argument or --key; NULL if it is missing or given twice. */
const char *jpx_cli_root(jpx_cli *);
/* The text of an argument; if that is "-", of standard input. NULL = error. */
const char *jpx_cli_text(jpx_cli *, const char *arg);
/* --timeout, or `otherwise` if it was not given. */
int64_t jpx_cli_timeout(const jpx_cli *, int64_t otherwise);
jp_status jpx_cli_connect(jpx_cli *); /* sets cli->bus */
/* The asker for the connected bus, with --timeout for each answer. */
jpx_asker jpx_cli_asker(const jpx_cli *);
/* Connects and asks. */
jp_status jpx_cli_ask(jpx_cli *, const char *verb, const char *request, jpx_answer *);

#endif
