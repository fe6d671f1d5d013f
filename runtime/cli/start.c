/* start.c -- the verb start. Prints what names the root alone on stdout, so that a script can take it as it is. */
#include "cli/follow.h"
#include <string.h>

int jpx_verb_start(jpx_cli *cli)
{
    const jpx_options *o = &cli->options;
    const char *args = cli->args_count > 1 ? jpx_cli_text(cli, cli->args[1]) : NULL;
    int64_t timeout = o->wait ? JPX_ASK_MS : jpx_cli_timeout(cli, JPX_ASK_MS);
    jpx_started started;

    if ((cli->args_count > 1 && !args) || jpx_cli_connect(cli) != JP_OK ||
        jpx_ask_start(cli->bus, &cli->env, cli->args[0], args, o->key, true, timeout, cli->arena, &started,
                      &cli->error) != JP_OK)
        return jpx_cli_fail(cli);
    if (started.later)
        jpx_cli_say(cli, "no api role answers; the start is stored and %s runs once one takes it, known by the key %s",
                    cli->args[0], started.name);
    else if (started.existed)
        jpx_cli_say(cli, "existed: the key %s started it before", o->key ? o->key : "");
    if (o->wait) { /* the result is what stdout is for; the root can be needed all the same */
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
