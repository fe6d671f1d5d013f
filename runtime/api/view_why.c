/* view_why.c -- what a root waits for, in one line each: since when, and what would move it. */
#include "api/view.h"
#include <string.h>

enum {
    LINES_MAX = 50,
    QUEUED_MAX = 5, /* lines of those that are only queued: a fan-out may have a million of them */
    IDLE_MS = 5000  /* a queue whose oldest event is older may have no worker */
};

typedef struct asking {
    jpx_tree_walk walk;
    bson_t *array;
    uint32_t lines;
    bool more;
    int64_t queued;
    jpx_bus *bus;
    const char *queue; /* the last one that was asked about, and the answer */
    int64_t oldest_ms;
    jpx_arena *arena; /* of the whole answer */
    int64_t now_ms;
} asking;

static const char *named(jpx_arena *arena, const jpx_tree_node *node)
{
    if (jpx_key_is_root(&node->pipeline.key))
        return node->pipeline.pipe;
    if (node->damaged)
        return jpx_format(arena, "pipeline #%u", jpx_key_index(&node->pipeline.key));
    return jpx_format(arena, "%s #%u", node->pipeline.pipe, jpx_key_index(&node->pipeline.key));
}

static const char *failure_text(const jpx_tree_node *node)
{
    for (uint32_t i = node->journal.count; i-- > 0;)
        if (node->journal.entries[i].failure_text)
            return node->journal.entries[i].failure_text;
    return NULL;
}

/* Outputs and subtree are there (or aborted): only its hook is still to run. */
static bool hook_is_due(const jpx_tree_node *node)
{
    const jpx_entry *last = jpx_journal_last(&node->journal);

    if (!last || jpx_tree_node_status(node) != JPX_IS_RUNNING)
        return false;
    if (jpx_tree_node_planned(node))
        return node->evidence.counter_found && (node->evidence.left == 0 || node->evidence.counter_aborted);
    return last->kind == JPX_ENTRY_RETURNED || last->kind == JPX_ENTRY_FAILED || last->kind == JPX_ENTRY_ABORTED ||
           (last->kind == JPX_ENTRY_REPLIED && !last->hooked);
}

/* Is anybody there? The age of what stands at the head of the queue is all that can be known cheaply. */
static const char *idle_text(asking *a, jpx_arena *arena, const char *queue)
{
    if (!a->queue || strcmp(a->queue, queue) != 0) {
        a->oldest_ms = jpx_bus_oldest_ms(a->bus, queue);
        a->queue = jpx_strdup(a->arena, queue);
    }
    int64_t age_ms = a->oldest_ms > 0 ? a->now_ms - a->oldest_ms : 0; /* 0: not known */
    if (age_ms < IDLE_MS)
        return "";
    return jpx_format(arena, ", whose oldest event is %s old; does a worker serve it?", jpx_span_text(arena, age_ms));
}

/* What moves a pipeline that is not waiting for others. */
static const char *state_of(asking *a, jpx_arena *arena, const jpx_tree_node *node)
{
    const jpx_entry *last = jpx_journal_last(&node->journal);
    const char *failure = failure_text(node);
    const char *after = failure ? jpx_format(arena, "; last failure: %s", failure) : "";

    if (node->damaged)
        return node->newer ? "has a record that was written by a newer version of jetpipe" : "has a damaged record";
    switch (jpx_tree_node_status(node)) {
    case JPX_IS_RETRY:
        return jpx_format(arena, "attempt %d is due in %s%s", last->attempt + 1,
                          jpx_span_text(arena, last->due_ms - a->now_ms), after);
    case JPX_IS_QUEUED:
        return jpx_format(arena, "is queued for a worker of queue %s%s%s", node->pipeline.queue,
                          idle_text(a, arena, node->pipeline.queue), after);
    case JPX_IS_RUNNING:
        if (last && last->kind == JPX_ENTRY_WAITING && last->completes)
            return jpx_format(arena, "sleeps for %s more", jpx_span_text(arena, last->due_ms - a->now_ms));
        if (last && last->kind == JPX_ENTRY_WAITING && last->due_ms)
            return jpx_format(arena, "waits for a reply, for %s more%s", jpx_span_text(arena, last->due_ms - a->now_ms),
                              after);
        if (last && last->kind == JPX_ENTRY_WAITING)
            return jpx_format(arena, "waits for a reply%s", after);
        if (hook_is_due(node))
            return "has ended, and its on_finished hook is to run";
        if (jpx_tree_node_planned(node))
            return "has children that are not done";
        if (last && last->kind == JPX_ENTRY_REPLIED)
            return "has its reply, and on_reply is to run";
        if (node->worker)
            return jpx_format(arena, "is at work on %s, attempt %d%s", node->worker,
                              jpx_journal_attempt(&node->journal), after);
        return jpx_format(arena, "is at work, attempt %d%s", jpx_journal_attempt(&node->journal), after);
    default:
        return jpx_status_name(jpx_tree_node_status(node));
    }
}

static int64_t since(const jpx_tree_node *node)
{
    const jpx_entry *last = jpx_journal_last(&node->journal);
    return node->since_ms ? node->since_ms : last ? last->at_ms : node->pipeline.planned_ms;
}

static void add_row(asking *a, const jpx_key *of, const char *pipe, const char *status, const char *line,
                    int64_t since_ms)
{
    bson_t row;
    char name[16], text[JPX_KEY_TEXT];
    const char *key;

    bson_uint32_to_string(a->lines++, &key, name, sizeof name);
    bson_append_document_begin(a->array, key, -1, &row);
    bson_append_utf8(&row, "pipeline", 8, jpx_key_text(text, of), -1);
    bson_append_utf8(&row, "pipe", 4, pipe, -1);
    bson_append_utf8(&row, "status", 6, status, -1);
    bson_append_utf8(&row, "line", 4, line, -1);
    jpx_view_time(&row, "since", since_ms);
    bson_append_document_end(a->array, &row);
}

static void add_line(asking *a, const jpx_tree_node *node, const char *line)
{
    add_row(a, &node->pipeline.key, node->pipeline.pipe,
            node->damaged ? "damaged" : jpx_status_name(jpx_tree_node_status(node)), line, since(node));
}

static void add_abort(asking *a, const jpx_root *root, jpx_arena *arena)
{
    jpx_key key = jpx_key_root(root->id);
    const char *line =
        jpx_format(arena, "an abort is under way: %s", root->reason ? root->reason : "no reason is known");
    add_row(a, &key, root->pipe, "running", line, root->abort_ms);
}

static const char *first_wait(asking *a, jpx_arena *arena, const jpx_tree_node *node, const jpx_tree_node *missing,
                              bool whole)
{
    jpx_status_kind status = jpx_tree_node_status(missing);
    const char *state = !missing->damaged && status == JPX_IS_WAITING ? "waits itself" : state_of(a, arena, missing);

    return jpx_format(arena, "%s waits for %s%s, %s %s", named(arena, node), named(arena, missing),
                      whole ? " to be finished" : "", !missing->damaged && status == JPX_IS_RETRY ? "whose" : "which",
                      state);
}

/* "AddTwo #0 waits for AddOne #3, whose attempt 2 is due in 14 s; ...": the first thing that is missing, and how many
 * more. */
static jp_status explain_wait(asking *a, jpx_session *session, const jpx_tree_node *node, jp_error *err)
{
    const jpx_pipeline *p = &node->pipeline;
    jpx_root_id root = jpx_key_root_id(&p->key);
    size_t open = 0;
    const char *first = NULL;

    for (size_t d = 0; d < p->deps_count; d++)
        for (uint32_t c = 0; c < p->deps[d].count; c += JPX_SCAN_CHUNK) {
            uint32_t part = p->deps[d].count - c < JPX_SCAN_CHUNK ? p->deps[d].count - c : JPX_SCAN_CHUNK;
            jpx_tree_node *nodes;
            size_t found;
            if (jpx_load_tree_nodes(session, root, jpx_key_gen(&p->key), p->deps[d].child + c, part, &nodes, &found,
                                    err) != JP_OK)
                return err->status;
            jpx_slot *slots = jpx_alloc_array(session->arena, found + 1, sizeof *slots);
            for (size_t i = 0; i < found; i++)
                slots[i] = (jpx_slot){.key = nodes[i].pipeline.key, .name = p->deps[d].slot};
            if (p->deps[d].slot && jpx_load_slots(session, slots, found, false, err) != JP_OK)
                return err->status;
            for (size_t i = 0; i < found; i++) {
                if (p->deps[d].slot ? slots[i].filled : jpx_tree_node_status(&nodes[i]) == JPX_IS_DONE)
                    continue;
                if (!open++)
                    first = first_wait(a, session->arena, node, &nodes[i], p->deps[d].slot == NULL);
            }
        }
    if (!first)
        first = jpx_format(session->arena, "%s has all it waited for and is about to be queued",
                           named(session->arena, node));
    else if (open > 1)
        first = jpx_format(session->arena, "%s; and for %zu more", first, open - 1);
    add_line(a, node, first);
    return JP_OK;
}

static bool has_room(asking *a)
{
    if (a->lines < LINES_MAX)
        return true;
    a->more = true;
    return false;
}

/* On the way down: those that something else than a sibling would move. */
static jp_status name_causes(void *ctx, jpx_session *session, jpx_tree_node *nodes, size_t count, jp_error *err)
{
    asking *a = ctx;

    (void)err;
    for (size_t i = 0; i < count; i++) {
        jpx_tree_node *node = &nodes[i];
        jpx_status_kind status = jpx_tree_node_status(node);
        node->skip = node->damaged || jpx_status_final(status);
        if (!node->damaged && status == JPX_IS_QUEUED && ++a->queued > QUEUED_MAX)
            continue;
        bool cause = jpx_tree_node_planned(node) ? hook_is_due(node) : status != JPX_IS_WAITING;
        if ((node->damaged || (!node->skip && cause)) && has_room(a))
            add_line(a, node,
                     jpx_format(session->arena, "%s%s %s", named(session->arena, node),
                                status == JPX_IS_RETRY && !node->damaged ? ":" : "",
                                state_of(a, session->arena, node)));
    }
    return JP_OK;
}

/* On the way up: those that wait for siblings, the ones nearest to a cause first. */
static jp_status name_waiting(void *ctx, jpx_session *session, jpx_tree_node *nodes, size_t count, jp_error *err)
{
    asking *a = ctx;

    for (size_t i = 0; i < count && !a->walk.stop; i++) {
        if (nodes[i].damaged || jpx_tree_node_planned(&nodes[i]) || jpx_tree_node_status(&nodes[i]) != JPX_IS_WAITING)
            continue;
        a->walk.stop = !has_room(a);
        if (!a->walk.stop && explain_wait(a, session, &nodes[i], err) != JP_OK)
            return err->status;
    }
    return JP_OK;
}

jp_status jpx_view_why(jpx_session *session, const jpx_root *root, bson_t *out, jp_error *err)
{
    bson_t array;
    jpx_key key = jpx_key_root(root->id);
    asking a = {.walk.root = root->id,
                .array = &array,
                .now_ms = jpx_now(session->env),
                .bus = session->bus,
                .arena = session->arena};
    jp_status status = JP_OK;
    jpx_tree_node *node;

    if (jpx_load_root_node(session, root->id, &node, err) != JP_OK)
        return err->status;
    jpx_view_head(out, root, jpx_view_shown(root, node));
    bson_append_array_begin(out, "why", 3, &array);
    if (root->aborting && !jpx_root_final(root))
        add_abort(&a, root, session->arena);
    if (!jpx_root_final(root) && (status = jpx_tree_walk_down(session, &a.walk, name_causes, &a, err)) == JP_OK)
        status = jpx_tree_walk_up(session, &a.walk, name_waiting, &a, err);
    if (a.queued > QUEUED_MAX)
        add_row(&a, &key, root->pipe, "queued",
                jpx_format(session->arena, "and %lld more are queued", (long long)(a.queued - QUEUED_MAX)), 0);
    bson_append_array_end(out, &array);
    if (a.more)
        bson_append_bool(out, "more", 4, true);
    return status;
}
