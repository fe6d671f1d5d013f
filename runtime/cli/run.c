/* run.c -- the verb run: api, barrier and worker as threads of this process, and one root that is started through the
 * api like any other. Blocks until the root has ended. Store and bus are in memory unless the command line names
 * others; the environment is ignored, so that a trial run on a machine with servers never takes work from their queues.
 */
#include "cli/follow.h"
#include "cli/host.h"
#include <string.h>

enum { STEP_MS = 10, DRAIN_MS = 2000 };

static jp_status check_pipe(jpx_cli *cli, const jpx_registry *registry, const char *pipe)
{
    size_t count = jpx_registry_count(registry);
    const char **names = jpx_alloc_array(cli->arena, count, sizeof *names);

    if (jpx_registry_find(registry, pipe))
        return JP_OK;
    for (size_t i = 0; i < count; i++)
        names[i] = jpx_registry_at(registry, i)->name;
    return jpx_cli_unknown(cli, JP_E_NOT_FOUND, "pipe", pipe, names, count);
}

static int run(jpx_cli *cli, jpx_host *host)
{
    const jpx_options *o = &cli->options;
    const char *args = cli->args_count > 1 ? jpx_cli_text(cli, cli->args[1]) : NULL;
    const char *store = o->given & JPX_FLAG(STORE) ? o->store : "memory:";
    const char *nats = o->given & JPX_FLAG(NATS) ? o->nats : "memory:";
    jpx_started started;

    if ((cli->args_count > 1 && !args) || jpx_host_open(host, store, nats, &cli->error) != JP_OK)
        return jpx_cli_fail(cli);
    jpx_host_start(host, STEP_MS);
    jpx_asker asker = {host->bus, &cli->env, JPX_ASK_MS, cli->arena};
    jpx_start_request request = {.pipe = cli->args[0], .args = args, .key = o->key};
    if (jpx_ask_start(&asker, &request, &started, &cli->error) != JP_OK)
        return jpx_cli_fail(cli);
    cli->bus = host->bus;
    int code = jpx_follow_root(cli, &(jpx_follow){.name = started.name,
                                                  .interrupt_aborts = true,
                                                  .shown_on = cli->err,
                                                  .screen = &cli->err_screen,
                                                  .timeout_ms = jpx_cli_timeout(cli, -1)});
    cli->bus = NULL;
    /* With everything in memory, nothing needs the bodies that still run. */
    if (strcmp(store, "memory:") != 0)
        jpx_host_drain(host, DRAIN_MS);
    return code;
}

int jpx_verb_run(jpx_cli *cli)
{
    jpx_host host;
    int code;

    if (jpx_host_prepare(&host, cli, JPX_HOST_ALL, &cli->error) != JP_OK ||
        check_pipe(cli, host.registry, cli->args[0]) != JP_OK)
        code = jpx_cli_fail(cli);
    else
        code = run(cli, &host);
    jpx_host_close(&host);
    return code;
}
