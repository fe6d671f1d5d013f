/* serve.c -- the verb serve: runs roles in threads until SIGTERM or SIGINT, for which the main thread waits. */
#include "cli/host.h"
#include "cli/signals.h"
#include <string.h>

enum { RETRY_MS = 500, DRAIN_MS = 30 * 1000, STEP_MS = 100 };

static jp_status check_places(jpx_cli *cli, unsigned roles)
{
    jpx_options *o = &cli->options;

    if (!o->store)
        o->store = "sqlite:jetpipe.db";
    if (strncmp(o->nats, "memory:", 7) == 0)
        return jpx_fail(
            &cli->error, JP_E_INVALID,
            "memory: is a bus inside one process, where nobody could reach serve; name a server by --nats or "
            "JETPIPE_NATS, or run everything in one process with: %s run",
            cli->program);
    if (strncmp(o->store, "memory:", 7) != 0)
        return JP_OK;
    if (roles != JPX_HOST_ALL)
        return jpx_fail(&cli->error, JP_E_INVALID,
                        "the store memory: exists inside one process, so all roles must run in it; leave out --role, "
                        "or name another store");
    jpx_cli_say(cli, "the store memory: belongs to this process, and its records are lost when it ends");
    return JP_OK;
}

/* Compares up to a bracket: what follows are the words of a driver, which may differ from one attempt to the next. */
static bool same_reason(const char *a, const char *b)
{
    size_t size = strcspn(a, "(");
    return size == strcspn(b, "(") && memcmp(a, b, size) == 0;
}

/* Servers may start later than this process, so this waits for them, and prints each reason once. False: a signal
 * arrived (*code is 0), or it failed. */
static bool wait_and_open(jpx_host *host, jpx_cli *cli, int *code)
{
    char said[sizeof cli->error.text] = "";

    for (;;) {
        jp_status status = jpx_host_open(host, cli->options.store, cli->options.nats, &cli->error);
        *code = 0;
        if (status == JP_OK)
            return true;
        if (jpx_signals_seen())
            return false;
        if (status != JP_E_UNAVAILABLE && status != JP_E_TIMEOUT) {
            *code = jpx_cli_fail(cli);
            return false;
        }
        if (!same_reason(said, cli->error.text))
            jpx_cli_say(cli, "waiting: %s", cli->error.text);
        snprintf(said, sizeof said, "%s", cli->error.text);
        if (jpx_signals_wait(RETRY_MS))
            return false;
    }
}

static void say_ready(jpx_host *host, jpx_cli *cli)
{
    size_t pipes = jpx_registry_count(host->registry);
    const char *between = "";

    fprintf(cli->out, "%s: ready: ", cli->program);
    for (int i = 0; i < JPX_HOST_ROLES; i++)
        if (host->roles & 1u << i) {
            fprintf(cli->out, "%s%s", between, jpx_host_role_name((jpx_role_kind)i));
            between = ", ";
        }
    fprintf(cli->out, "; %s, %s, prefix %s, %zu pipe%s\n", jpx_host_shown(cli->options.nats, cli->arena),
            jpx_host_shown(cli->options.store, cli->arena), cli->options.prefix, pipes, pipes == 1 ? "" : "s");
    fflush(cli->out);
}

int jpx_verb_serve(jpx_cli *cli)
{
    jpx_host host;
    unsigned roles;
    int code;

    if (jpx_host_roles(cli->options.role, &roles, &cli->error) != JP_OK || check_places(cli, roles) != JP_OK)
        return jpx_cli_fail(cli);
    if (jpx_host_prepare(&host, cli, roles, &cli->error) != JP_OK) {
        code = jpx_cli_fail(cli);
        jpx_host_close(&host);
        return code;
    }
    jpx_signals_catch();
    if (wait_and_open(&host, cli, &code)) {
        jpx_host_start(&host, STEP_MS);
        say_ready(&host, cli);
        jpx_signals_wait(-1);
        jpx_log(&cli->env, JPX_INFO, "draining", "signal=%d", jpx_signals_seen());
        if (!jpx_host_drain(&host, DRAIN_MS))
            jpx_cli_say(cli,
                        "bodies still ran after %d s and were ended; their events will be redelivered to other workers",
                        DRAIN_MS / 1000);
    }
    jpx_host_close(&host);
    return code;
}
