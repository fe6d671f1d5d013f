/* change.c -- the verbs that change something: abort, reply, cleanup. */
#include "cli/cli.h"
#include "cli/units.h"
#include <string.h>

int jpx_verb_abort(jpx_cli *cli)
{
    const char *root = jpx_cli_root(cli);
    jpx_answer answer;

    if (!root)
        return jpx_cli_fail(cli);
    jpx_text request = jpx_ask_root(cli->arena, root);
    jpx_text_member(&request, "reason", cli->options.reason);
    jpx_text_puts(&request, "}");
    if (jpx_cli_ask(cli, "abort", request.s, &answer) != JP_OK)
        return jpx_cli_fail(cli);
    if (cli->options.json)
        return jpx_cli_print_json(cli, answer.text);
    const char *reason = jpx_json_string(answer.json, "reason", NULL);
    const char *status = jpx_json_string(answer.json, "status", "running");
    const char *shown = jpx_json_string(answer.json, "root", root);
    if (jpx_json_bool(answer.json, "accepted", true)) {
        fprintf(cli->out, "%s is being aborted\n", shown);
        return 0;
    }
    if (strcmp(status, "done") == 0) {
        jpx_cli_say(cli, "%s is done and cannot be aborted", shown);
        return JP_E_REFUSED;
    }
    bool final = jpx_ask_is_final(status); /* an abort that is under way is what was asked for */
    jpx_cli_say(cli, "%s %s%s%s", shown, final ? "was aborted before" : "is being aborted already", reason ? ": " : "",
                reason ? reason : "");
    return final ? JP_E_REFUSED : 0;
}

int jpx_verb_reply(jpx_cli *cli)
{
    const char *json = cli->args_count > 1 ? jpx_cli_text(cli, cli->args[1]) : "null";
    jpx_answer answer;

    const jpx_json *read;
    if (!json || jpx_ask_json(json, "the reply is", cli->arena, &read, &cli->error) != JP_OK ||
        jpx_cli_connect(cli) != JP_OK)
        return jpx_cli_fail(cli);
    jpx_asker asker = jpx_cli_asker(cli);
    if (jpx_ask_reply(&asker, cli->args[0], json, &answer, &cli->error) != JP_OK)
        return jpx_cli_fail(cli);
    if (cli->options.json)
        return jpx_cli_print_json(cli, answer.text);
    if (!jpx_json_bool(answer.json, "accepted", true)) {
        jpx_cli_say(cli, "the reply was refused: the ticket is wrong, old or used");
        return JP_E_REFUSED;
    }
    fprintf(cli->out, "accepted\n");
    return 0;
}

static void put_removed(jpx_text *out, int64_t removed, const char *so_far)
{
    jpx_count_put(out, removed);
    jpx_text_add(out, removed == 1 ? " root removed%s\n" : " roots removed%s\n", so_far);
}

/* The api removes a bounded number for each request, so that it can serve others in between; this asks until no more is
 * left. */
static bool remove_all(jpx_cli *cli, const char *request, int64_t *removed)
{
    enum { REPORT_MS = 2000 };
    int64_t reported = jpx_now(&cli->env);
    jpx_arena *arena = cli->arena;
    jp_status status;
    bool more;

    if (jpx_cli_connect(cli) != JP_OK)
        return false;
    cli->arena = jpx_arena_new();
    do {
        jpx_answer answer;
        jpx_arena_reset(cli->arena);
        status = jpx_cli_ask(cli, "cleanup", request, &answer);
        more = status == JP_OK && jpx_json_bool(answer.json, "more", false);
        *removed += status == JP_OK ? jpx_json_int(answer.json, "removed", 0) : 0;
        if (more && jpx_now(&cli->env) - reported > REPORT_MS) {
            jpx_text text = jpx_text_new(cli->arena);
            put_removed(&text, *removed, " so far");
            text.s[text.size - 1] = '\0';
            jpx_cli_say(cli, "%s", text.s);
            reported = jpx_now(&cli->env);
        }
    } while (more);
    if (status != JP_OK && *removed)
        jpx_wrap(&cli->error, "after %lld roots were removed", (long long)*removed);
    jpx_arena_free(cli->arena);
    cli->arena = arena;
    return status == JP_OK;
}

int jpx_verb_cleanup(jpx_cli *cli)
{
    const jpx_options *o = &cli->options;
    bool one = cli->args_count || o->key;
    jpx_text request, out = jpx_text_new(cli->arena);
    int64_t removed = 0;

    if (one && (o->status || o->older_ms >= 0))
        return jpx_cli_refuse(cli, "cleanup of one root takes neither --older nor --status");
    if (!one && o->older_ms < 0)
        return jpx_cli_refuse(cli,
                              "cleanup needs a root, or --older with a time such as 7d (0 for all that have ended)");
    if (o->status && strcmp(o->status, "running") == 0)
        return jpx_cli_refuse(cli, "cleanup does not remove running roots; abort them first");
    if (one) {
        const char *root = jpx_cli_root(cli);
        if (!root)
            return jpx_cli_fail(cli);
        request = jpx_ask_root(cli->arena, root);
    } else {
        request = jpx_text_new(cli->arena);
        jpx_text_puts(&request, "{");
        jpx_text_member_int(&request, "older_ms", o->older_ms);
        jpx_text_member(&request, "status", o->status);
    }
    jpx_text_puts(&request, "}");
    if (!remove_all(cli, request.s, &removed))
        return jpx_cli_fail(cli);
    if (o->json)
        jpx_text_add(&out, "{\"removed\":%lld}\n", (long long)removed);
    else
        put_removed(&out, removed, "");
    jpx_cli_print(cli, &out);
    return 0;
}
