/* tree.c -- reads the api's tree. Recursion is bounded by the depth of the JSON (JPX_JSON_DEPTH_MAX). */
#include "cli/tree.h"
#include "cli/units.h"
#include <string.h>

const char *jpx_shown_text(jpx_shown_status status)
{
    static const char *const texts[] = {
#define TEXT(name, text, rank) text,
        JPX_SHOWN_STATUS_MAP(TEXT)
#undef TEXT
    };
    return texts[status];
}

jpx_shown_status jpx_shown_of(const char *status)
{
    for (int i = 0; i < JPX_SHOWN_UNKNOWN; i++)
        if (strcmp(status, jpx_shown_text((jpx_shown_status)i)) == 0)
            return (jpx_shown_status)i;
    return JPX_SHOWN_UNKNOWN;
}

static int64_t read_time(const jpx_json *object, const char *name)
{
    int64_t ms;
    const char *text = jpx_json_string(object, name, "");
    return jpx_time_read(text, &ms) ? ms : 0;
}

static jpx_tally read_tally(const jpx_json *folded)
{
    jpx_tally tally = {.total = jpx_json_int(folded, "total", 0), .pipe = jpx_json_string(folded, "pipe", NULL)};
    int64_t sum = 0;

    for (int i = 0; i < JPX_SHOWN_UNKNOWN; i++) {
        tally.of[i] = jpx_json_int(folded, jpx_shown_text((jpx_shown_status)i), 0);
        sum += tally.of[i];
    }
    if (tally.total < sum)
        tally.total = sum;
    return tally;
}

static jpx_view_node *read_node(const jpx_json *json, jpx_arena *arena)
{
    jpx_view_node *node = jpx_alloc(arena, sizeof *node), **tail = &node->first;
    const jpx_json *failure = jpx_json_get(json, "failure");

    node->id = jpx_json_string(json, "pipeline", "");
    const char *colon = strrchr(node->id, ':');
    node->index = colon ? colon + 1 : "";
    node->pipe = jpx_json_string(json, "pipe", "?");
    node->status = jpx_shown_of(jpx_json_string(json, "status", ""));
    node->attempt = jpx_json_int(json, "attempt", 1);
    node->at = jpx_json_string(json, "at", NULL);
    node->args = jpx_json_get(json, "args");
    node->outputs = jpx_json_get(json, "outputs");
    node->waits = jpx_json_get(json, "waits");
    node->started_ms = read_time(json, "started");
    node->ended_ms = read_time(json, "ended");
    node->due_ms = read_time(json, "due");
    node->worker = jpx_json_string(json, "worker", NULL);
    node->failure = jpx_json_string(failure, "text", jpx_json_string(failure, "class", NULL));
    node->failure = jpx_json_string(json, "error", node->failure); /* a damaged record */
    node->folded = read_tally(jpx_json_get(json, "folded"));
    const jpx_json *children = jpx_json_get(json, "children");
    for (const jpx_json *child = children ? children->first : NULL; child; child = child->next) {
        *tail = read_node(child, arena);
        tail = &(*tail)->next;
        node->count++;
    }
    return node;
}

jp_status jpx_tree_read(const jpx_json *answer, jpx_arena *arena, jpx_view_node **out, jp_error *err)
{
    if (!jpx_json_get(answer, "children") && !jpx_json_get(answer, "error"))
        return jpx_fail(err, JP_E_DAMAGED, "the answer has no tree; does the api role run another version?");
    *out = read_node(answer, arena);
    (*out)->root = jpx_json_string(answer, "root", "");
    return JP_OK;
}
