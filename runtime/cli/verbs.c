/* verbs.c -- the table of verbs, in the order in which help shows them. */
#include "cli/cli.h"
#include <string.h>

#define F JPX_FLAG

static const jpx_verb verbs[] = {
    {"run", "PIPE [JSON]", "does everything in this process, in memory, and prints the result",
     "Bus and store live in this process and go with it, unless --nats or --store name others; their environment\n"
     "variables are not looked at. JSON is an array (by position), an object (by name), a bare value for the only\n"
     "parameter, or - for standard input. Ctrl-C aborts the pipeline, a second one ends at once.\n",
     1, 2, F(PROCESSES) | F(JSON) | F(TIMEOUT) | F(KEY), jpx_verb_run},
    {"serve", "", "takes pipelines from NATS and runs them until SIGTERM",
     "Without --store it keeps its records in sqlite:jetpipe.db, in the working directory. Servers that are not there "
     "yet are\n"
     "waited for. SIGTERM lets the bodies at work end (30 s at most) and ends; a second one ends at once.\n",
     0, 0, F(ROLE) | F(PROCESSES) | F(BATCH), jpx_verb_serve},
    {"start", "PIPE [JSON]", "starts a pipeline and prints its root",
     "Where no api role answers, the start is stored as a message, and its key is printed in place of the root.\n"
     "JSON is as for run.\n",
     1, 2, F(KEY) | F(WAIT) | F(JSON) | F(TIMEOUT), jpx_verb_start},
    {"list", "", "lists roots, the newest first", NULL, 0, 0,
     F(PIPE) | F(STATUS) | F(LIMIT) | F(AFTER) | F(JSON) | F(TIMEOUT), jpx_verb_list},
    {"tree", "ROOT", "draws a root and all below it",
     "With --wait it is drawn again as it changes, until the root ends.\n", 0, 1,
     F(KEY) | F(WAIT) | F(LIMIT) | F(JSON) | F(TIMEOUT), jpx_verb_tree},
    {"status", "ROOT", "tells how a root is doing", NULL, 0, 1, F(KEY) | F(JSON) | F(TIMEOUT), jpx_verb_status},
    {"result", "ROOT", "prints what a root returned, as JSON",
     "Ends with 0 when there is a result, 1 when the root was aborted, 7 when there is none yet.\n", 0, 1,
     F(KEY) | F(WAIT) | F(JSON) | F(TIMEOUT), jpx_verb_result},
    {"why", "ROOT", "tells what a root waits for", NULL, 0, 1, F(KEY) | F(JSON) | F(TIMEOUT), jpx_verb_why},
    {"abort", "ROOT", "aborts a root and all below it", "Outputs that are there stay readable.\n", 0, 1,
     F(KEY) | F(REASON) | F(JSON) | F(TIMEOUT), jpx_verb_abort},
    {"reply", "TICKET [JSON]", "answers a pipeline that waits for somebody", "Without JSON the reply is null.\n", 1, 2,
     F(JSON) | F(TIMEOUT), jpx_verb_reply},
    {"cleanup", "[ROOT]", "removes the records of a root that ended, or of all such older than --older",
     "Without a root --older is needed, and --status may narrow it down.\n", 0, 1,
     F(KEY) | F(OLDER) | F(STATUS) | F(JSON) | F(TIMEOUT), jpx_verb_cleanup},
    {"pipes", "", "lists the pipes that can be started", NULL, 0, 0, F(JSON) | F(TIMEOUT), jpx_verb_pipes},
    {"help", "[VERB|PIPE]", "this, or what a verb does or a pipe takes", NULL, 0, 1, 0, jpx_verb_help},
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
