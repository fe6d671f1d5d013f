/* verbs.c -- the table of verbs, in the order in which help shows them. */
#include "cli/cli.h"
#include <string.h>

#define F JPX_FLAG

static const jpx_verb verbs[] = {
    {"run", "PIPE [JSON]", "runs a pipeline in this process and prints its result",
     "Store and bus are in memory and lost at the end, unless --store or --nats\n"
     "names another; their environment variables are ignored. JSON holds the\n"
     "arguments: an array (by position), an object (by name), a bare value for the\n"
     "only parameter, or - to read it from standard input. Ctrl-C aborts the\n"
     "pipeline; another Ctrl-C exits at once.\n",
     1, 2, F(PROCESSES) | F(JSON) | F(TIMEOUT) | F(KEY), jpx_verb_run},
    {"serve", "", "runs the pipelines that come from NATS, until SIGTERM",
     "Without --store, records are kept in sqlite:jetpipe.db, in the working\n"
     "directory. Waits for servers that are not there yet. SIGTERM lets running\n"
     "bodies finish, for at most 30 s; another SIGTERM exits at once.\n",
     0, 0, F(ROLE) | F(PROCESSES) | F(BATCH), jpx_verb_serve},
    {"start", "PIPE [JSON]", "starts a pipeline and prints the id of its root",
     "If no api role answers, the start is stored as a message, and its key is\n"
     "printed instead of the id. JSON is as for run.\n",
     1, 2, F(KEY) | F(WAIT) | F(JSON) | F(TIMEOUT), jpx_verb_start},
    {"list", "", "lists roots, the newest first", NULL, 0, 0,
     F(PIPE) | F(STATUS) | F(LIMIT) | F(AFTER) | F(JSON) | F(TIMEOUT), jpx_verb_list},
    {"tree", "ROOT", "draws a root and everything below it",
     "With --wait it is redrawn as it changes, until the root has ended.\n", 0, 1,
     F(KEY) | F(WAIT) | F(LIMIT) | F(JSON) | F(TIMEOUT), jpx_verb_tree},
    {"status", "ROOT", "shows the status of a root", NULL, 0, 1, F(KEY) | F(JSON) | F(TIMEOUT), jpx_verb_status},
    {"result", "ROOT", "prints the result of a root, as JSON",
     "Exits with 0 if there is a result, 1 if the root was aborted, 7 if there is no\n"
     "result yet.\n",
     0, 1, F(KEY) | F(WAIT) | F(JSON) | F(TIMEOUT), jpx_verb_result},
    {"why", "ROOT", "shows what a root is waiting for", NULL, 0, 1, F(KEY) | F(JSON) | F(TIMEOUT), jpx_verb_why},
    {"abort", "ROOT", "aborts a root and everything below it", "Outputs that are filled stay readable.\n", 0, 1,
     F(KEY) | F(REASON) | F(JSON) | F(TIMEOUT), jpx_verb_abort},
    {"reply", "TICKET [JSON]", "replies to a pipeline that waits for it", "Without JSON the reply is null.\n", 1, 2,
     F(JSON) | F(TIMEOUT), jpx_verb_reply},
    {"cleanup", "[ROOT]", "removes the records of roots that have ended",
     "Removes ROOT; or without it, all that ended longer ago than --older.\n", 0, 1,
     F(KEY) | F(OLDER) | F(STATUS) | F(JSON) | F(TIMEOUT), jpx_verb_cleanup},
    {"pipes", "", "lists the pipes that can be started", NULL, 0, 0, F(JSON) | F(TIMEOUT), jpx_verb_pipes},
    {"help", "[VERB|PIPE]", "shows this, or what a verb does or a pipe takes", NULL, 0, 1, 0, jpx_verb_help},
    {"version", "", "prints the version", NULL, 0, 0, 0, jpx_verb_version},
};

const jpx_verb *jpx_verbs(size_t *count)
{
    *count = sizeof verbs / sizeof *verbs;
    return verbs;
}

const jpx_verb *jpx_verb_find(const char *name)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}
