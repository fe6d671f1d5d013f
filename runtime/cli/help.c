/* help.c -- the verbs help and version. Makes no request: the pipes it lists are those of this program. Lines have at
 * most 80 columns, but for pipes with long signatures. */
#include "cli/cli.h"
#include "cli/units.h"
#include <ctype.h>
#include <string.h>

enum { COLUMN = 22 }; /* where descriptions begin */

static void put_flags(jpx_cli *cli, jpx_text *out, uint32_t set)
{
    for (int i = 0; i < JPX_FLAGS; i++) {
        if (!(set & UINT32_C(1) << i))
            continue;
        jpx_line line = jpx_line_begin(out, &(jpx_screen){.utf8 = cli->screen.utf8});
        const char *variable = jpx_flag_variable((jpx_flag_id)i);
        jpx_line_add(&line, JPX_PLAIN, "  %s", jpx_flag_usage((jpx_flag_id)i, cli->arena));
        jpx_line_to(&line, COLUMN);
        jpx_line_add(&line, JPX_PLAIN, "  %s", jpx_flag_help((jpx_flag_id)i));
        if (variable)
            jpx_line_add(&line, JPX_PLAIN, " [%s]", variable);
        jpx_line_end(&line);
    }
}

static void put_pipe(jpx_text *out, const jpx_pipe *pipe)
{
    jpx_text_add(out, "%s(%s)", pipe->name, jpx_signature_text(pipe, out->arena));
    if (pipe->gives != JPX_ANY)
        jpx_text_add(out, " gives %s%s", jpx_kind_text(pipe->gives), pipe->gives_optional ? "?" : "");
}

static void put_overview(jpx_cli *cli, jpx_text *out, const jpx_registry *registry)
{
    size_t count;
    const jpx_verb *verbs = jpx_verbs(&count);

    jpx_text_add(out, "%s %s: pipelines on NATS JetStream\n\n", cli->program, jp_version());
    for (size_t i = 0; i < count; i++) {
        jpx_line line = jpx_line_begin(out, &(jpx_screen){.utf8 = cli->screen.utf8});
        jpx_line_add(&line, JPX_PLAIN, "  %s %s", verbs[i].name, verbs[i].usage);
        jpx_line_to(&line, COLUMN);
        jpx_line_add(&line, JPX_PLAIN, "  %s", verbs[i].does);
        jpx_line_end(&line);
    }
    jpx_text_puts(out, "\nEvery verb takes:\n");
    put_flags(cli, out, JPX_FLAGS_PLACES);
    jpx_text_puts(out, "\nROOT is the id or the key of a root. Exit codes: 0 done, 1 the pipeline was\n"
                       "aborted, 2 invalid input, 3 not found, 5 refused, 7 not available, 8 timed out.\n");
    if (jpx_registry_count(registry))
        jpx_text_puts(out, "\nPipes in this program:\n");
    for (size_t i = 0; i < jpx_registry_count(registry); i++) {
        jpx_text_puts(out, "  ");
        put_pipe(out, jpx_registry_at(registry, i));
        jpx_text_puts(out, "\n");
    }
}

static int help_on(jpx_cli *cli, const char *name, const jpx_registry *registry, jpx_text *out)
{
    const jpx_verb *verb = jpx_verb_find(name);
    const jpx_pipe *pipe = jpx_registry_find(registry, name);

    if (verb) {
        jpx_text_add(out, "%s %s%s%s", cli->program, name, *verb->usage ? " " : "", verb->usage);
        jpx_text_add(out, "\n\n%c%s.\n%s\n", toupper((unsigned char)*verb->does), verb->does + 1,
                     verb->more ? verb->more : "");
        put_flags(cli, out, verb->flags);
        jpx_text_puts(out, verb->flags ? "\nEvery verb takes:\n" : "Every verb takes:\n");
        put_flags(cli, out, JPX_FLAGS_PLACES);
        return 0;
    }
    if (pipe) {
        put_pipe(out, pipe);
        jpx_text_add(out, "\n  defined at %s, queue %s, %d attempts", pipe->def.at ? pipe->def.at : "?", pipe->queue,
                     pipe->def.retry.attempts);
        if (pipe->def.timeout_ms) {
            jpx_text_puts(out, ", each at most ");
            jpx_duration_put(out, pipe->def.timeout_ms);
        }
        jpx_text_add(out, "%s\n", pipe->def.async ? ", may wait for a reply" : "");
        return 0;
    }
    size_t verbs_count, pipes_count = jpx_registry_count(registry);
    const jpx_verb *verbs = jpx_verbs(&verbs_count);
    const char **names = jpx_alloc_array(cli->arena, verbs_count + pipes_count, sizeof *names);
    for (size_t i = 0; i < verbs_count; i++)
        names[i] = verbs[i].name;
    for (size_t i = 0; i < pipes_count; i++)
        names[verbs_count + i] = jpx_registry_at(registry, i)->name;
    jpx_cli_unknown(cli, JP_E_INVALID, "verb or pipe", name, names, verbs_count + pipes_count);
    return jpx_cli_fail(cli);
}

int jpx_verb_help(jpx_cli *cli)
{
    static const jp_def *const none[] = {NULL};
    jpx_text out = jpx_text_new(cli->arena);
    jpx_registry *registry;
    int code = 0;

    if (jpx_registry_new(&registry, cli->pipes ? cli->pipes : none, &cli->error) != JP_OK)
        return jpx_cli_fail(cli);
    if (cli->args_count)
        code = help_on(cli, cli->args[0], registry, &out);
    else
        put_overview(cli, &out, registry);
    jpx_cli_print(cli, &out);
    jpx_registry_free(registry);
    return code;
}

int jpx_verb_version(jpx_cli *cli)
{
    fprintf(cli->out, "jetpipe %s\n", jp_version());
    return 0;
}
