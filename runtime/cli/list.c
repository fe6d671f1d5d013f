/* list.c -- the verbs that print tables: list and pipes. */
#include "cli/cli.h"
#include "cli/text_table.h"
#include "cli/units.h"
#include <string.h>

static const char *time_text(jpx_cli *cli, const jpx_json *row, const char *name)
{
    int64_t ms;
    jpx_text text = jpx_text_new(cli->arena);

    if (!jpx_time_read(jpx_json_string(row, name, ""), &ms))
        return NULL;
    jpx_ago_put(&text, ms, jpx_now(&cli->env));
    return text.s;
}

static void put_roots(jpx_cli *cli, const jpx_json *roots, jpx_text *out)
{
    static const char *const heads[] = {"ROOT", "PIPE", "STATUS", "STARTED", "ENDED", "KEY", "REASON"};
    jpx_text_table table = jpx_text_table_new(cli->arena, &cli->screen, 7, heads);

    for (const jpx_json *row = roots ? roots->first : NULL; row; row = row->next) {
        const char *damage = jpx_json_string(row, "error", NULL);
        const char *status = damage ? "damaged" : jpx_json_string(row, "status", "unknown");
        jpx_text_table_row(&table, (jpx_cell[]){{jpx_json_string(row, "root", "?"), JPX_PLAIN},
                                                {jpx_json_string(row, "pipe", NULL), JPX_PLAIN},
                                                {status, damage ? JPX_RED : jpx_status_colour(status)},
                                                {time_text(cli, row, "started"), JPX_PLAIN},
                                                {time_text(cli, row, "ended"), JPX_PLAIN},
                                                {jpx_json_string(row, "key", NULL), JPX_PLAIN},
                                                {damage ? damage : jpx_json_string(row, "reason", NULL), JPX_PLAIN}});
    }
    jpx_text_table_draw(&table, out);
}

int jpx_verb_list(jpx_cli *cli)
{
    const jpx_options *o = &cli->options;
    jpx_text request = jpx_text_new(cli->arena), out = jpx_text_new(cli->arena);
    jpx_answer answer;

    if (o->after && !jpx_ask_is_root(o->after))
        return jpx_cli_refuse(cli, "--after must be the id of a root, 24 hex digits, not '%.80s'", o->after);
    jpx_text_puts(&request, "{");
    jpx_text_member(&request, "pipe", o->pipe);
    jpx_text_member(&request, "status", o->status);
    jpx_text_member(&request, "after", o->after);
    if (o->limit)
        jpx_text_member_int(&request, "limit", o->limit);
    jpx_text_puts(&request, "}");
    if (jpx_cli_ask(cli, "list", request.s, &answer) != JP_OK)
        return jpx_cli_fail(cli);
    if (o->json)
        return jpx_cli_print_json(cli, answer.text);
    const jpx_json *roots = jpx_json_get(answer.json, "roots");
    const char *next = jpx_json_string(answer.json, "next", NULL);
    if (!jpx_json_count(roots))
        jpx_cli_say(cli, "there are no %sroots", o->pipe || o->status || o->after ? "such " : "");
    else
        put_roots(cli, roots, &out);
    jpx_cli_print(cli, &out);
    if (next) {
        fflush(cli->out); /* the message goes below the table */
        jpx_cli_say(cli, "there are more; for the next page: --after %s", next);
    }
    return 0;
}

/* A signature, "int64 n, string who"; NULL if it is empty. */
static const char *signature(const jpx_json *row, const char *name)
{
    const char *text = jpx_json_string(row, name, NULL);
    return text && *text ? text : NULL;
}

int jpx_verb_pipes(jpx_cli *cli)
{
    static const char *const heads[] = {"PIPE", "TAKES", "GIVES", "FILLS", "QUEUE", "ATTEMPTS", "TIMEOUT", "AT"};
    jpx_text out = jpx_text_new(cli->arena);
    jpx_text_table table = jpx_text_table_new(cli->arena, &cli->screen, 8, heads);
    jpx_answer answer;

    if (jpx_cli_ask(cli, "pipes", "{}", &answer) != JP_OK)
        return jpx_cli_fail(cli);
    if (cli->options.json)
        return jpx_cli_print_json(cli, answer.text);
    const jpx_json *pipes = jpx_json_get(answer.json, "pipes");
    for (const jpx_json *row = pipes ? pipes->first : NULL; row; row = row->next) {
        jpx_text attempts = jpx_text_new(cli->arena), timeout = jpx_text_new(cli->arena);
        int64_t timeout_ms = jpx_json_int(row, "timeout_ms", 0);
        jpx_text_add(&attempts, "%lld", (long long)jpx_json_int(row, "attempts", 0));
        if (timeout_ms)
            jpx_duration_put(&timeout, timeout_ms);
        jpx_text_table_row(&table, (jpx_cell[]){{jpx_json_string(row, "pipe", "?"), JPX_BOLD},
                                                {signature(row, "takes"), JPX_PLAIN},
                                                {signature(row, "gives"), JPX_PLAIN},
                                                {signature(row, "fills"), JPX_PLAIN},
                                                {jpx_json_string(row, "queue", NULL), JPX_PLAIN},
                                                {attempts.s, JPX_PLAIN},
                                                {timeout.s, JPX_PLAIN},
                                                {jpx_json_string(row, "at", NULL), JPX_FAINT}});
    }
    jpx_text_table_draw(&table, &out);
    if (!jpx_json_count(pipes))
        jpx_cli_say(cli, "the api role has no pipes registered");
    else
        jpx_cli_print(cli, &out);
    return 0;
}
