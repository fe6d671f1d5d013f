/* start.c -- the verb start. stdout gets the root's id and nothing else, so that a script can use it as it is. */
#include "cli/follow.h"
#include <string.h>

int jpx_verb_start(jpx_cli *cli)
{
    const jpx_options *o = &cli->options;
    const char *args = cli->args_count > 1 ? jpx_cli_text(cli, cli->args[1]) : NULL;
    jpx_start_request request = {.pipe = cli->args[0], .args = args, .key = o->key, .later_fine = true};
    jpx_started started;

    if ((cli->args_count > 1 && !args) || jpx_cli_connect(cli) != JP_OK)
        return jpx_cli_fail(cli);
    jpx_asker asker = jpx_cli_asker(cli);
    if (o->wait) /* --timeout is for the end of the root, not for this answer */
        asker.timeout_ms = JPX_ASK_MS;
    if (jpx_ask_start(&asker, &request, &started, &cli->error) != JP_OK)
        return jpx_cli_fail(cli);
    if (started.later)
        jpx_cli_say(cli,
                    "no api role answers, so the start is stored; %s runs when an api role has read it, under the "
                    "key %s",
                    cli->args[0], started.name);
    else if (started.existed)
        jpx_cli_say(cli, "the key %s has started this root before", o->key ? o->key : "");
    if (o->wait) { /* stdout is for the result; the id goes to stderr */
        if (!started.later)
            jpx_cli_say(cli, "started %s", started.name);
        return jpx_follow_root(cli, &(jpx_follow){.name = started.name,
                                                  .later = started.later,
                                                  .shown_on = cli->err,
                                                  .screen = &cli->err_screen,
                                                  .timeout_ms = jpx_cli_timeout(cli, -1)});
    }
    if (o->json && !started.later)
        return jpx_cli_print_json(cli, started.text);
    if (o->json) {
        jpx_text text = jpx_text_new(cli->arena);
        jpx_text_puts(&text, "{");
        jpx_text_member(&text, "key", started.name);
        jpx_text_puts(&text, "}");
        return jpx_cli_print_json(cli, (jpx_bytes){(const uint8_t *)text.s, text.size});
    }
    fprintf(cli->out, "%s\n", started.name);
    return 0;
}
