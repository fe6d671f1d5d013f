/* follow.c -- see follow.h. History events of the root tell when to ask the api again. Events may be lost, so it also
 * asks at intervals: every few milliseconds at first, to end a short run at once, later at most ten times a second. */
#include "cli/follow.h"
#include "base/clock.h"
#include "cli/live.h"
#include "cli/signals.h"
#include "cli/units.h"
#include <string.h>

enum { FIRST_LOOK_MS = 2, NO_EVENT_MS = 1000, NO_API_MS = 500, SHOW_SHARE = 10 };

struct following {
    jpx_cli *cli;
    const jpx_follow *how;
    jpx_sub *events;
    jpx_live *live;
    jpx_arena *arena; /* of one answer */
    char root[25];    /* "" = not known yet */
    bool later;
    bool said_waiting; /* "no api role answers" has been printed */
    bool abort_sent;
    bool left;                          /* a signal stopped the watching */
    bool unshown;                       /* the tree may have changed since it was shown */
    int64_t gap_ms, looked_ms, show_ms; /* least time between requests; last request; next time to show the tree */
};

/* Asks `verb` about the root. The answer is in f->arena. JP_E_UNAVAILABLE: ask again later. */
static jp_status look(struct following *f, const char *verb, jpx_answer *answer)
{
    jpx_cli *cli = f->cli;

    jpx_arena_reset(f->arena);
    jpx_text request = jpx_ask_root(f->arena, *f->root ? f->root : f->how->name);
    if (strcmp(verb, "tree") == 0)
        jpx_text_member_int(&request, "limit", JPX_LIVE_NODES);
    else
        jpx_text_member_raw(&request, "value", "false"); /* only the status is needed */
    jpx_text_puts(&request, "}");
    jp_status status =
        jpx_ask(&(jpx_asker){cli->bus, &cli->env, JPX_ASK_MS, f->arena}, verb, request.s, answer, &cli->error);
    bool absent = status == JP_E_UNAVAILABLE || status == JP_E_TIMEOUT || (status == JP_E_NOT_FOUND && f->later);
    if (absent) {
        if (!f->said_waiting && status != JP_E_NOT_FOUND)
            jpx_cli_say(cli, "waiting: %s", cli->error.text);
        f->said_waiting = true;
        return JP_E_UNAVAILABLE;
    }
    if (status != JP_OK)
        return status;
    const char *root = jpx_json_string(answer->json, "root", "");
    f->later = f->said_waiting = false;
    if (!*f->root && jpx_ask_is_root(root)) {
        snprintf(f->root, sizeof f->root, "%s", root);
        const char *subject = jpx_format(f->arena, "%s.event.%s.>", jpx_bus_prefix(cli->bus), root);
        jp_error unseen; /* it works without events, only slower */
        jpx_bus_listen(&f->events, cli->bus, subject, NULL, &unseen);
    }
    return JP_OK;
}

/* Waits until it is time to ask again: when an event has arrived, but not within gap_ms, or when the interval is over.
 */
static void wait_for_news(struct following *f)
{
    enum { EVENTS = 64, NAP_MS = 50 };
    jpx_cli *cli = f->cli;
    int64_t longest = f->said_waiting || f->later ? NO_API_MS : f->events ? NO_EVENT_MS : 4 * f->gap_ms;
    bool news = false;

    for (;;) {
        int64_t since = jpx_now(&cli->env) - f->looked_ms;
        int64_t left = (news ? f->gap_ms : longest) - since;
        if (f->unshown && f->show_ms - jpx_now(&cli->env) < left)
            left = f->show_ms - jpx_now(&cli->env);
        if (left <= 0 || (jpx_signals_seen() && !f->abort_sent))
            break;
        int64_t nap = left < NAP_MS ? left : NAP_MS;
        jpx_delivery *events[EVENTS];
        if (news || !f->events) {
            if (jpx_signals_fd() >= 0 && !jpx_signals_seen())
                jpx_signals_wait(nap);
            else
                jpx_pause_ms(nap);
            continue;
        }
        size_t count = jpx_sub_fetch(f->events, events, EVENTS, nap);
        if (count)
            jpx_sub_drop(f->events, events, count);
        news = count > 0;
    }
    while (f->events && news) { /* one request serves all events that have arrived */
        jpx_delivery *events[EVENTS];
        size_t count = jpx_sub_fetch(f->events, events, EVENTS, 0);
        if (count)
            jpx_sub_drop(f->events, events, count);
        news = count == EVENTS;
    }
    f->gap_ms = f->gap_ms * 3 / 2 + 1 < JPX_LIVE_MS ? f->gap_ms * 3 / 2 + 1 : JPX_LIVE_MS;
}

/* Does what a signal asks for. False: stop watching. */
static bool interrupted(struct following *f)
{
    jpx_cli *cli = f->cli;
    jpx_answer answer;
    jp_error why;

    if (!f->how->interrupt_aborts) {
        jpx_cli_say(cli, "%s keeps running; to see how it does: %s status %s", f->how->name, cli->program,
                    f->how->name);
        return false;
    }
    jpx_text request = jpx_ask_root(cli->arena, f->how->name);
    jpx_text_member(&request, "reason", "interrupted");
    jpx_text_puts(&request, "}");
    f->abort_sent = true;
    jpx_cli_say(cli, "aborting; interrupt again to exit at once");
    if (jpx_ask(&(jpx_asker){cli->bus, &cli->env, JPX_ASK_MS, cli->arena}, "abort", request.s, &answer, &why) == JP_OK)
        return true;
    jpx_cli_say(cli, "%s", why.text);
    return false;
}

static void show(struct following *f, const jpx_answer *answer)
{
    if (!f->how->quiet && !f->live)
        f->live = jpx_live_new(f->cli, f->how->shown_on, f->how->screen);
    if (f->live)
        jpx_live_show(f->live, answer->json);
    f->unshown = false;
    /* A tree that takes long to read is shown less often, so that the api does not spend its time on it. */
    int64_t now = jpx_now(&f->cli->env), took = now - f->looked_ms;
    f->show_ms = now + (took * SHOW_SHARE > JPX_LIVE_MS ? took * SHOW_SHARE : JPX_LIVE_MS);
}

/* JP_OK when the root is final, or `left`. */
static jp_status watch(struct following *f)
{
    jpx_cli *cli = f->cli;
    int64_t begun = jpx_now(&cli->env), timeout_ms = f->how->timeout_ms;
    jpx_answer answer;

    f->show_ms = begun + JPX_LIVE_MS;
    for (;;) {
        f->looked_ms = jpx_now(&cli->env);
        bool due = !f->how->quiet && f->looked_ms >= f->show_ms;
        jp_status status = look(f, due ? "tree" : "result", &answer); /* not "status", which counts the whole tree */
        if (status != JP_OK && status != JP_E_UNAVAILABLE)
            return status;
        if (status == JP_OK && due)
            show(f, &answer);
        else
            f->unshown = !f->how->quiet;
        if (status == JP_OK && jpx_ask_is_final(jpx_json_string(answer.json, "status", "")))
            return JP_OK;
        f->left = jpx_signals_seen() && !f->abort_sent && !interrupted(f);
        if (f->left)
            return JP_OK;
        if (timeout_ms >= 0 && jpx_now(&cli->env) - begun >= timeout_ms) {
            jpx_text text = jpx_text_new(cli->arena);
            jpx_duration_put(&text, timeout_ms);
            return jpx_fail(&cli->error, JP_E_TIMEOUT, "%s has not ended within %s", f->how->name, text.s);
        }
        wait_for_news(f);
    }
}

int jpx_print_result(jpx_cli *cli, const char *name, const jpx_answer *answer)
{
    const char *status = jpx_json_string(answer->json, "status", "unknown");
    const jpx_json *result = jpx_json_get(answer->json, "result");
    bool aborted = strcmp(status, "aborted") == 0;
    jpx_text text = jpx_text_new(cli->arena);

    if (cli->options.json) {
        jpx_cli_print_json(cli, answer->text);
    } else if (result) {
        jpx_json_put(&text, result);
        jpx_text_puts(&text, "\n");
        jpx_cli_print(cli, &text);
    }
    if (aborted) {
        fflush(cli->out);
        jpx_cli_say(cli, "%s was aborted: %s", jpx_json_string(answer->json, "pipe", name),
                    jpx_json_string(answer->json, "reason", "no reason is known"));
        return JPX_EXIT_ABORTED;
    }
    if (result || strcmp(status, "done") == 0)
        return 0;
    if (!cli->options.json)
        jpx_cli_say(cli, "%s has no result yet: it is %s; --wait waits for it", name, status);
    return JP_E_UNAVAILABLE;
}

int jpx_follow_root(jpx_cli *cli, const jpx_follow *how)
{
    struct following f = {.cli = cli, .how = how, .later = how->later, .gap_ms = FIRST_LOOK_MS};
    jpx_answer answer;
    int code;

    jpx_signals_catch();
    f.arena = jpx_arena_new();
    jp_status status = watch(&f);
    bool ended = status == JP_OK && !f.left;
    if (ended && !how->quiet && look(&f, "tree", &answer) == JP_OK)
        show(&f, &answer);
    jpx_live_free(f.live);
    if (status != JP_OK) {
        code = jpx_cli_fail(cli);
    } else if (!ended || how->no_result) {
        code = ended ? 0 : 128 + jpx_signals_seen();
    } else if (jpx_ask_result(&(jpx_asker){cli->bus, &cli->env, JPX_ASK_MS, f.arena}, *f.root ? f.root : how->name,
                              &answer, &cli->error) != JP_OK) {
        code = jpx_cli_fail(cli);
    } else {
        code = jpx_print_result(cli, how->name, &answer);
    }
    jpx_sub_close(f.events);
    jpx_arena_free(f.arena);
    return code;
}
