/* live.c -- see live.h. */
#include "cli/live.h"
#include <stdlib.h>
#include <string.h>

enum { TOLD_SLOTS = 8192, TOLD_MAX = TOLD_SLOTS / 2 };

struct told {    /* what was last said about a pipeline */
    uint64_t id; /* hash of its id; 0 = free */
    jpx_shown_status status;
    int64_t attempt;
};

struct jpx_live {
    jpx_cli *cli;
    FILE *file;
    jpx_screen screen;
    pthread_mutex_t lock; /* the stream and the frame on it */
    char *frame;          /* on the screen now */
    size_t frame_lines;
    jpx_arena *arena; /* of one drawing */
    struct told *told;
    size_t told_count, lines;
};

static void erase(jpx_live *live)
{
    if (live->frame_lines)
        fprintf(live->file, "\033[%zuA\r\033[J", live->frame_lines);
    live->frame_lines = 0;
}

static void put_frame(jpx_live *live)
{
    for (const char *p = live->frame; p && *p; p++)
        live->frame_lines += *p == '\n';
    fputs(live->frame ? live->frame : "", live->file);
    fflush(live->file);
}

static void put_log_line(void *ctx, const char *line)
{
    jpx_live *live = ctx;

    pthread_mutex_lock(&live->lock);
    erase(live);
    fprintf(live->file, "%s\n", line);
    put_frame(live);
    pthread_mutex_unlock(&live->lock);
}

jpx_live *jpx_live_new(jpx_cli *cli, FILE *file, const jpx_screen *screen)
{
    jpx_live *live = calloc(1, sizeof *live);
    JPX_ASSERT(live != NULL);
    live->cli = cli;
    live->file = file;
    live->screen = *screen;
    live->arena = jpx_arena_new();
    pthread_mutex_init(&live->lock, NULL);
    if (screen->terminal) {
        jpx_log_sink_detour(&cli->log, put_log_line, live);
    } else {
        live->told = calloc(TOLD_SLOTS, sizeof *live->told);
        JPX_ASSERT(live->told != NULL);
    }
    return live;
}

void jpx_live_free(jpx_live *live)
{
    if (!live)
        return;
    if (live->screen.terminal)
        jpx_log_sink_detour(&live->cli->log, NULL, NULL);
    pthread_mutex_destroy(&live->lock);
    jpx_arena_free(live->arena);
    free(live->frame);
    free(live->told);
    free(live);
}

/* Is there something new to say about this pipeline? Remembers that it was said. */
static bool is_news(jpx_live *live, const jpx_view_node *node)
{
    uint64_t id = jpx_hash(node->id, strlen(node->id)) | 1;
    struct told *told = &live->told[id >> 8 & (TOLD_SLOTS - 1)];

    while (told->id && told->id != id)
        told = told + 1 < live->told + TOLD_SLOTS ? told + 1 : live->told;
    bool fresh = !told->id;
    if (fresh && live->told_count == TOLD_MAX)
        return false;
    bool changed =
        fresh || told->status != node->status || (node->status == JPX_SHOWN_RETRY && told->attempt != node->attempt);
    live->told_count += fresh;
    *told = (struct told){id, node->status, node->attempt};
    return changed;
}

static void tell_one(jpx_live *live, const jpx_view_node *node, int64_t now)
{
    bool trouble = node->status == JPX_SHOWN_RETRY || node->status == JPX_SHOWN_ABORTED;
    bool telling = trouble || node->status == JPX_SHOWN_RUNNING || node->status == JPX_SHOWN_DONE;

    if (!is_news(live, node) || !telling || (!trouble && live->lines > JPX_LIVE_LINES_MAX))
        return;
    if (++live->lines > JPX_LIVE_LINES_MAX && !trouble) {
        fflush(live->file);
        jpx_cli_say(live->cli, "from here on only what fails is told");
        return;
    }
    jpx_text text = jpx_text_new(live->arena);
    jpx_tree_draw_line(node, &live->screen, now, &text);
    fprintf(live->file, "%s: %s", live->cli->program, text.s);
}

/* What begins is told before what is below it, what ended after it: the order in which it happened. */
static void tell(jpx_live *live, const jpx_view_node *node, int64_t now)
{
    bool ended = node->status == JPX_SHOWN_DONE || node->status == JPX_SHOWN_ABORTED;

    if (!ended)
        tell_one(live, node, now);
    for (const jpx_view_node *child = node->first; child; child = child->next)
        tell(live, child, now);
    if (ended)
        tell_one(live, node, now);
}

static void draw(jpx_live *live, jpx_view_node *tree, int64_t now)
{
    jpx_text text = jpx_text_new(live->arena);

    live->screen = jpx_screen_of(live->file); /* it may have been resized */
    jpx_tree_fold(tree, live->screen.height > 2 ? live->screen.height - 1 : 1);
    jpx_tree_draw(tree, &live->screen, now, &text);
    if (live->frame && strcmp(live->frame, text.s) == 0)
        return;
    pthread_mutex_lock(&live->lock);
    erase(live);
    free(live->frame);
    live->frame = strdup(text.s);
    put_frame(live);
    pthread_mutex_unlock(&live->lock);
}

void jpx_live_show(jpx_live *live, const jpx_json *answer)
{
    int64_t now = jpx_now(&live->cli->env);
    jpx_view_node *tree;
    jp_error unseen;

    jpx_arena_reset(live->arena);
    if (jpx_tree_read(answer, live->arena, &tree, &unseen) != JP_OK)
        return; /* what it shows is a help; the outcome is asked for elsewhere */
    if (live->screen.terminal) {
        draw(live, tree, now);
    } else {
        tell(live, tree, now);
        fflush(live->file);
    }
}
