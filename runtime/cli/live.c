/* live.c -- see live.h. */
#include "cli/live.h"
#include <stdlib.h>
#include <string.h>

enum { PRINTED_SLOTS = 8192, PRINTED_MAX = PRINTED_SLOTS / 2 };

struct printed { /* the last line about a pipeline */
    uint64_t id; /* hash of its id; 0 = free slot */
    jpx_shown_status status;
    int64_t attempt;
};

struct jpx_live {
    jpx_cli *cli;
    FILE *file;
    jpx_screen screen;
    pthread_mutex_t lock; /* the stream and the frame on it */
    char *frame;          /* the drawing that is on the screen */
    size_t frame_lines;
    jpx_arena *arena;        /* of one drawing */
    struct printed *printed; /* a hash table; NULL on a terminal */
    size_t printed_count, lines;
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
        live->printed = calloc(PRINTED_SLOTS, sizeof *live->printed);
        JPX_ASSERT(live->printed != NULL);
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
    free(live->printed);
    free(live);
}

/* Has this pipeline changed since its last line? Remembers it as printed. When the table is full, new ones are not. */
static bool is_news(jpx_live *live, const jpx_view_node *node)
{
    uint64_t id = jpx_hash(node->id, strlen(node->id)) | 1;
    struct printed *last = &live->printed[id >> 8 & (PRINTED_SLOTS - 1)];

    while (last->id && last->id != id)
        last = last + 1 < live->printed + PRINTED_SLOTS ? last + 1 : live->printed;
    bool fresh = !last->id;
    if (fresh && live->printed_count == PRINTED_MAX)
        return false;
    bool changed =
        fresh || last->status != node->status || (node->status == JPX_SHOWN_RETRY && last->attempt != node->attempt);
    live->printed_count += fresh;
    *last = (struct printed){id, node->status, node->attempt};
    return changed;
}

static void print_one(jpx_live *live, const jpx_view_node *node, int64_t now)
{
    bool trouble = node->status == JPX_SHOWN_RETRY || node->status == JPX_SHOWN_ABORTED;
    bool wanted = trouble || node->status == JPX_SHOWN_RUNNING || node->status == JPX_SHOWN_DONE;

    if (!is_news(live, node) || !wanted || (!trouble && live->lines > JPX_LIVE_LINES_MAX))
        return;
    if (++live->lines > JPX_LIVE_LINES_MAX && !trouble) {
        fflush(live->file);
        jpx_cli_say(live->cli, "from here on only failures are shown");
        return;
    }
    jpx_text text = jpx_text_new(live->arena);
    jpx_tree_draw_line(node, &live->screen, now, &text);
    fprintf(live->file, "%s: %s", live->cli->program, text.s);
}

/* A pipeline that started is printed before its children, one that ended after them, as it happened. */
static void print_tree(jpx_live *live, const jpx_view_node *node, int64_t now)
{
    bool ended = node->status == JPX_SHOWN_DONE || node->status == JPX_SHOWN_ABORTED;

    if (!ended)
        print_one(live, node, now);
    for (const jpx_view_node *child = node->first; child; child = child->next)
        print_tree(live, child, now);
    if (ended)
        print_one(live, node, now);
}

static void draw(jpx_live *live, jpx_view_node *tree, int64_t now)
{
    jpx_text text = jpx_text_new(live->arena);

    live->screen = jpx_screen_of(live->file); /* the window may have been resized */
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
        return; /* the tree is only a view; the outcome is requested elsewhere */
    if (live->screen.terminal) {
        draw(live, tree, now);
    } else {
        print_tree(live, tree, now);
        fflush(live->file);
    }
}
