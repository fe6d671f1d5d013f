/* cli.c -- jp_main: reads the command line, finds the verb, runs it, and returns the exit code; and what all verbs use
 * to print, to read input, and to make requests. Runs on the main thread. */
#include "cli/cli.h"
#include "cli/units.h"
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <string.h>

void jpx_cli_say(jpx_cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = jpx_vformat(cli->arena, fmt, args);
    va_end(args);
    /* Reasons and names come from others and may hold control characters; those must not reach the terminal. */
    text = jpx_screen_cut(&cli->err_screen, text, SIZE_MAX, cli->arena);
    jpx_log_sink_print(&cli->log, jpx_format(cli->arena, "%s: %s", cli->program, text));
}

int jpx_cli_fail(jpx_cli *cli)
{
    jpx_cli_say(cli, "%s", cli->error.text);
    return (int)cli->error.status;
}

int jpx_cli_refuse(jpx_cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = jpx_vformat(cli->arena, fmt, args);
    va_end(args);
    jpx_cli_say(cli, "%s", text);
    return JP_E_INVALID;
}

void jpx_cli_print(jpx_cli *cli, const jpx_text *text)
{
    fwrite(text->s, 1, text->size, cli->out);
}

int jpx_cli_print_json(jpx_cli *cli, jpx_bytes json)
{
    fwrite(json.data, 1, json.size, cli->out);
    fputc('\n', cli->out);
    return 0;
}

int64_t jpx_cli_timeout(const jpx_cli *cli, int64_t otherwise)
{
    return cli->options.timeout_ms >= 0 ? cli->options.timeout_ms : otherwise;
}

jp_status jpx_cli_connect(jpx_cli *cli)
{
    if (cli->bus)
        return JP_OK;
    if (strncmp(cli->options.nats, "memory:", 7) == 0)
        return jpx_fail(&cli->error, JP_E_INVALID,
                        "memory: is a bus inside one process, which %s cannot reach; name a server by --nats or "
                        "JETPIPE_NATS, or run everything in one process with: %s run",
                        cli->verb->name, cli->program);
    const char *name = jpx_format(cli->arena, "%s/cli/%s", cli->options.prefix, jpx_ask_place(cli->arena));
    return jpx_bus_open(&cli->bus, cli->options.nats, cli->options.prefix, name, 0, &cli->env, &cli->error);
}

const char *jpx_cli_root(jpx_cli *cli)
{
    const char *key = cli->options.key;

    if (cli->args_count && key) {
        jpx_fail(&cli->error, JP_E_INVALID, "%s takes a root or --key, not both", cli->verb->name);
        return NULL;
    }
    if (!cli->args_count && !key) {
        jpx_fail(&cli->error, JP_E_INVALID, "%s needs a root: its id, as `%s list` shows it, or its key",
                 cli->verb->name, cli->program);
        return NULL;
    }
    return key ? key : cli->args[0];
}

jpx_asker jpx_cli_asker(const jpx_cli *cli)
{
    return (jpx_asker){cli->bus, &cli->env, jpx_cli_timeout(cli, JPX_ASK_MS), cli->arena};
}

jp_status jpx_cli_ask(jpx_cli *cli, const char *verb, const char *request, jpx_answer *answer)
{
    jp_status status = jpx_cli_connect(cli);
    if (status != JP_OK)
        return status;
    jpx_asker asker = jpx_cli_asker(cli);
    return jpx_ask(&asker, verb, request, answer, &cli->error);
}

const char *jpx_cli_text(jpx_cli *cli, const char *arg)
{
    enum { BLOCK = 64 * 1024, MOST = 64 * 1024 * 1024 };

    if (strcmp(arg, "-") != 0)
        return arg;
    jpx_text text = jpx_text_new(cli->arena);
    char *block = jpx_alloc(cli->arena, BLOCK);
    for (size_t got; (got = fread(block, 1, BLOCK, cli->in)) > 0;) {
        if (memchr(block, '\0', got)) {
            jpx_fail(&cli->error, JP_E_INVALID, "standard input is not JSON: it holds a NUL byte");
            return NULL;
        }
        jpx_text_put(&text, block, got);
        if (text.size > MOST) {
            jpx_fail(&cli->error, JP_E_TOO_LARGE, "standard input is larger than %d MiB", MOST / 1024 / 1024);
            return NULL;
        }
    }
    if (ferror(cli->in)) {
        jpx_fail(&cli->error, JP_E_INVALID, "standard input cannot be read: %s", strerror(errno));
        return NULL;
    }
    return text.s;
}

void jpx_cli_put_status(jpx_cli *cli, const jpx_json *answer, jpx_text *out)
{
    jpx_line line = jpx_line_begin(out, &cli->screen);
    jpx_text times = jpx_text_new(cli->arena);
    const char *status = jpx_json_string(answer, "status", "unknown"), *key = jpx_json_string(answer, "key", NULL);
    int64_t started, ended, now = jpx_now(&cli->env);
    bool has_started = jpx_time_read(jpx_json_string(answer, "started", ""), &started);

    jpx_line_put(&line, JPX_BOLD, jpx_json_string(answer, "pipe", "?"));
    jpx_line_add(&line, JPX_PLAIN, " %s", jpx_json_string(answer, "root", ""));
    if (key)
        jpx_line_add(&line, JPX_FAINT, " key %s", key);
    jpx_line_add(&line, jpx_status_colour(status), "  %s", status);
    if (has_started && jpx_time_read(jpx_json_string(answer, "ended", ""), &ended)) {
        jpx_text_puts(&times, " after ");
        jpx_duration_put(&times, ended - started);
        jpx_text_puts(&times, ", ");
        jpx_ago_put(&times, ended, now);
    } else if (has_started) {
        jpx_text_puts(&times, ", started ");
        jpx_ago_put(&times, started, now);
    }
    jpx_line_put(&line, JPX_PLAIN, times.s);
    jpx_line_end(&line);
}

jp_status jpx_cli_unknown(jpx_cli *cli, jp_status status, const char *what, const char *name, const char *const *names,
                          size_t count)
{
    const char *near = jpx_name_near(name, names, count);

    if (near)
        return jpx_fail(&cli->error, status, "there is no %s '%.60s'; did you mean %s?", what, name, near);
    return jpx_fail(&cli->error, status, "there is no %s '%.60s'; `%s help` lists them", what, name, cli->program);
}

static jp_status no_such_verb(jpx_cli *cli, const char *name)
{
    size_t count;
    const jpx_verb *verbs = jpx_verbs(&count);
    const char **names = jpx_alloc_array(cli->arena, count, sizeof *names);

    for (size_t i = 0; i < count; i++)
        names[i] = verbs[i].name;
    for (const jp_def *const *def = cli->pipes; def && *def; def++)
        if (strcmp((*def)->as ? (*def)->as : (*def)->name, name) == 0)
            return jpx_fail(&cli->error, JP_E_INVALID, "%s is a pipe, not a verb; did you mean: %s run %s", name,
                            cli->program, name);
    return jpx_cli_unknown(cli, JP_E_INVALID, "verb", name, names, count);
}

static jp_status read_command(jpx_cli *cli, int argc, char **argv)
{
    jpx_options *options = &cli->options;
    jp_status status = jpx_flags_read(options, argc, argv, &cli->error);

    if (status != JP_OK)
        return status;
    const char *name = options->args_count ? options->args[0] : options->help ? "help" : NULL;
    if (!name)
        return jpx_fail(&cli->error, JP_E_INVALID, "no verb is given; `%s help` lists them", cli->program);
    cli->verb = jpx_verb_find(name);
    if (!cli->verb)
        return no_such_verb(cli, name);
    if (options->help && strcmp(name, "help") != 0) { /* "start --help" is "help start" */
        options->args[0] = "help";
        options->args[1] = name;
        options->args_count = 2;
        cli->verb = jpx_verb_find("help");
    }
    cli->args = options->args + 1;
    cli->args_count = options->args_count ? options->args_count - 1 : 0;
    uint32_t foreign = options->given & ~(cli->verb->flags | JPX_FLAGS_PLACES);
    for (int i = 0; foreign && !options->help && i < JPX_FLAGS; i++)
        if (foreign & UINT32_C(1) << i)
            return jpx_fail(&cli->error, JP_E_INVALID, "%s takes no --%s; `%s help %s` lists its flags", name,
                            jpx_flag_name((jpx_flag_id)i), cli->program, name);
    if (cli->args_count < cli->verb->least)
        return jpx_fail(&cli->error, JP_E_INVALID, "%s needs more arguments: %s %s %s", name, cli->program, name,
                        cli->verb->usage);
    if (cli->args_count > cli->verb->most)
        return jpx_fail(&cli->error, JP_E_INVALID, "%s takes %s, but %zu argument%s given%s", name,
                        *cli->verb->usage ? cli->verb->usage : "no arguments", cli->args_count,
                        cli->args_count == 1 ? " was" : "s were",
                        strstr(cli->verb->usage, "JSON") ? "; put quotes around JSON: '[1, 2]'" : "");
    return jpx_flags_environment(options, &cli->error);
}

static jpx_log_level level_of(const jpx_cli *cli)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    const char *level = cli->options.log_level;

    for (int i = 0; level && i < 4; i++)
        if (strcmp(level, names[i]) == 0)
            return (jpx_log_level)i;
    return cli->verb->run == jpx_verb_serve ? JPX_INFO : JPX_ERROR;
}

/* A full disk behind stdout must not look like success. A reader that has ended (| head) is no error. */
static int flush(jpx_cli *cli, int code)
{
    errno = 0;
    bool failed = ferror(cli->out);
    failed |= fflush(cli->out) != 0;
    if (!failed || errno == EPIPE)
        return code;
    jpx_cli_say(cli, "the output cannot be written: %s", strerror(errno));
    return code ? code : JP_E_FULL;
}

int jpx_cli_main(int argc, char **argv, const jp_def *const *pipes, FILE *in, FILE *out, FILE *err)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    jpx_cli cli = {.program = slash      ? slash + 1
                              : argc > 0 ? argv[0]
                                         : "jetpipe",
                   .pipes = pipes,
                   .in = in,
                   .out = out,
                   .err = err,
                   .arena = jpx_arena_new()};
    int code;

    cli.screen = jpx_screen_of(out);
    cli.err_screen = jpx_screen_of(err);
    jpx_log_sink_init(&cli.log, err);
    if (read_command(&cli, argc, argv) == JP_OK) {
        cli.log.json = strcmp(cli.options.log_format, "json") == 0;
        cli.env = jpx_env_system(level_of(&cli));
        cli.env.log = jpx_log_sink_write;
        cli.env.ctx = &cli.log;
        code = cli.verb->run(&cli);
        jpx_bus_close(cli.bus);
    } else {
        code = jpx_cli_fail(&cli);
    }
    code = flush(&cli, code);
    jpx_arena_free(cli.arena);
    return code;
}

int jp_main(int argc, char **argv, const jp_def *const *pipes)
{
    /* Characters only: numbers must stay as JSON has them. */
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);
    return jpx_cli_main(argc, argv, pipes, stdin, stdout, stderr);
}
