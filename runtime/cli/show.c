/* show.c -- the verbs that show one root: tree, status, result, why. */
#include "cli/cli.h"
#include "cli/follow.h"
#include "cli/tree.h"
#include "cli/units.h"
#include <string.h>

/* Asks `verb` about the root of the command line. False: an error was printed, and *code is the exit code. */
static bool ask(jpx_cli *cli, const char *verb, jpx_answer *answer, int *code)
{
    const char *root = jpx_cli_root(cli);

    *code = 0;
    if (root) {
        jpx_text request = jpx_ask_root(cli->arena, root);
        if (cli->options.limit)
            jpx_text_member_int(&request, "limit", cli->options.limit);
        jpx_text_puts(&request, "}");
        if (jpx_cli_ask(cli, verb, request.s, answer) == JP_OK)
            return true;
    }
    *code = jpx_cli_fail(cli);
    return false;
}

int jpx_verb_tree(jpx_cli *cli)
{
    jpx_text out = jpx_text_new(cli->arena);
    jpx_answer answer;
    jpx_view_node *tree;
    int code;

    if (cli->options.wait) {
        const char *root = jpx_cli_root(cli);
        if (!root || jpx_cli_connect(cli) != JP_OK)
            return jpx_cli_fail(cli);
        bool drawn = cli->screen.terminal && !cli->options.json;
        code = jpx_follow_root(cli, &(jpx_follow){.name = root,
                                                  .quiet = !drawn,
                                                  .no_result = true,
                                                  .shown_on = cli->out,
                                                  .screen = &cli->screen,
                                                  .timeout_ms = jpx_cli_timeout(cli, -1)});
        if (code || drawn)
            return code;
    }
    if (!ask(cli, "tree", &answer, &code))
        return code;
    if (cli->options.json)
        return jpx_cli_print_json(cli, answer.text);
    if (jpx_tree_read(answer.json, cli->arena, &tree, &cli->error) != JP_OK)
        return jpx_cli_fail(cli);
    jpx_tree_fold(tree, 0);
    jpx_tree_draw(tree, &cli->screen, jpx_now(&cli->env), &out);
    jpx_cli_print(cli, &out);
    return 0;
}

int jpx_verb_status(jpx_cli *cli)
{
    jpx_text out = jpx_text_new(cli->arena);
    jpx_answer answer;
    const char *between = "  ";
    int code;

    if (!ask(cli, "status", &answer, &code))
        return code;
    if (cli->options.json)
        return jpx_cli_print_json(cli, answer.text);
    jpx_cli_put_status(cli, answer.json, &out);
    const char *reason = jpx_json_string(answer.json, "reason", NULL);
    if (reason) {
        jpx_line line = jpx_line_begin(&out, &(jpx_screen){.utf8 = cli->screen.utf8, .colours = cli->screen.colours});
        jpx_line_put(&line, JPX_RED, "  ");
        jpx_line_put(&line, JPX_RED, reason);
        jpx_line_end(&line);
    }
    const jpx_json *counts = jpx_json_get(answer.json, "pipelines");
    jpx_line line = jpx_line_begin(&out, &cli->screen);
    for (const jpx_json *count = counts ? counts->first : NULL; count; count = count->next) {
        jpx_text number = jpx_text_new(cli->arena);
        int64_t value;
        if (!jpx_json_is_int(count, &value) || value <= 0)
            continue;
        jpx_count_put(&number, value);
        jpx_line_add(&line, JPX_PLAIN, "%s%s ", between, number.s);
        jpx_line_put(&line, jpx_status_colour(count->name), count->name);
        between = ", ";
    }
    if (line.column)
        jpx_line_end(&line);
    jpx_cli_print(cli, &out);
    return 0;
}

int jpx_verb_result(jpx_cli *cli)
{
    const char *root = jpx_cli_root(cli);
    jpx_answer answer;

    if (!root || jpx_cli_connect(cli) != JP_OK)
        return jpx_cli_fail(cli);
    jpx_asker asker = jpx_cli_asker(cli);
    if (cli->options.wait && jpx_ask_wait(&asker, root, false, jpx_cli_timeout(cli, -1), &answer, &cli->error) != JP_OK)
        return jpx_cli_fail(cli);
    if (jpx_ask_result(&asker, root, &answer, &cli->error) != JP_OK)
        return jpx_cli_fail(cli);
    return jpx_print_result(cli, root, &answer);
}

int jpx_verb_why(jpx_cli *cli)
{
    jpx_text out = jpx_text_new(cli->arena);
    jpx_answer answer;
    int code;

    if (!ask(cli, "why", &answer, &code))
        return code;
    if (cli->options.json)
        return jpx_cli_print_json(cli, answer.text);
    const jpx_json *why = jpx_json_get(answer.json, "why");
    for (const jpx_json *row = why ? why->first : NULL; row; row = row->next) {
        jpx_line line = jpx_line_begin(&out, &(jpx_screen){.utf8 = cli->screen.utf8, .colours = cli->screen.colours});
        const char *text = jpx_json_string(row, "line", NULL), *status = jpx_json_string(row, "status", "");
        jpx_text since = jpx_text_new(cli->arena);
        int64_t since_ms;
        if (text)
            jpx_line_put(&line, JPX_PLAIN, text);
        else
            jpx_line_add(&line, JPX_PLAIN, "%s %s is %s", jpx_json_string(row, "pipe", "?"),
                         jpx_json_string(row, "pipeline", ""), status);
        if (jpx_time_read(jpx_json_string(row, "since", ""), &since_ms)) {
            jpx_duration_put(&since, jpx_now(&cli->env) - since_ms);
            jpx_line_add(&line, JPX_FAINT, " (for %s)", since.s);
        }
        jpx_line_end(&line);
    }
    if (jpx_json_bool(answer.json, "more", false))
        jpx_text_puts(&out, "and more\n");
    if (!jpx_json_count(why))
        jpx_cli_put_status(cli, answer.json, &out); /* nothing holds it back */
    jpx_cli_print(cli, &out);
    return 0;
}
