/* draw.c -- a tree as lines of text:
 *
 *   AddTwo 0199f2c3a4b5c6d7e8f90a1b (40)  running 3 s
 *   ├─ AddOne #0 (40)  done 12 ms = 41  [add.c:12]
 *   └─ AddOne #1 (#0)  waiting for AddOne #0  [add.c:13]
 *
 * #0 among the arguments is the output of sibling 0, which fills it. */
#include "cli/tree.h"
#include "cli/units.h"
#include <inttypes.h>
#include <string.h>

enum { ARGS_WIDTH = 40, VALUE_WIDTH = 48, WAITS_SHOWN = 3 };

struct drawing {
    const jpx_screen *screen;
    int64_t now_ms;
    jpx_text *out;
    jpx_text branches; /* at the beginning of this line: "│  ├─ " */
};

/* {"slot":"default","of":[first,count]} as "#3", "#3.remainder", "#3..#9". False: it is not a slot. */
static bool put_slot(jpx_text *text, const jpx_json *arg)
{
    const jpx_json *of = jpx_json_get(arg, "of");
    const char *slot = jpx_json_string(arg, "slot", NULL);
    int64_t first, count = 1;

    if (!slot || !of || of->type != JPX_JSON_ARRAY || !jpx_json_is_int(of->first, &first))
        return false;
    if (of->first->next && !jpx_json_is_int(of->first->next, &count))
        return false;
    jpx_text_add(text, "#%" PRId64, first);
    if (count > 1)
        jpx_text_add(text, "..#%" PRId64, first + count - 1);
    if (strcmp(slot, "default") != 0)
        jpx_text_add(text, ".%s", slot);
    return true;
}

/* {"large":true,"bytes":N}, a value that the tree leaves out. False: it is not one. */
static bool put_large(jpx_text *text, const jpx_json *value)
{
    int64_t bytes = jpx_json_int(value, "bytes", 0);

    if (!jpx_json_bool(value, "large", false))
        return false;
    if (bytes)
        jpx_text_add(text, "<%" PRId64 " bytes>", bytes);
    else
        jpx_text_puts(text, "<large>");
    return true;
}

/* A value; the items of a list may be slots: [1, #0, #1..#4]. */
static void put_value(jpx_text *text, const jpx_json *value)
{
    bool mixed = false;

    if (put_slot(text, value) || put_large(text, value))
        return;
    for (const jpx_json *item = value->type == JPX_JSON_ARRAY ? value->first : NULL; item && !mixed; item = item->next)
        mixed = jpx_json_get(item, "slot") != NULL;
    if (!mixed) {
        jpx_json_put(text, value);
        return;
    }
    jpx_text_puts(text, "[");
    for (const jpx_json *item = value->first; item; item = item->next) {
        jpx_text_puts(text, item == value->first ? "" : ", ");
        if (!put_slot(text, item))
            jpx_json_put(text, item);
    }
    jpx_text_puts(text, "]");
}

static void put_args(struct drawing *d, jpx_line *line, const jpx_view_node *node)
{
    jpx_text text = jpx_text_new(d->out->arena);

    if (!node->args)
        return;
    for (const jpx_json *arg = node->args->first; arg && text.size <= 4 * ARGS_WIDTH; arg = arg->next) {
        jpx_text_puts(&text, arg == node->args->first ? "" : ", ");
        put_value(&text, arg);
    }
    if (text.size)
        jpx_line_add(line, JPX_FAINT, " (%s)", jpx_screen_cut(d->screen, text.s, ARGS_WIDTH, d->out->arena));
}

static void put_outputs(struct drawing *d, jpx_line *line, const jpx_view_node *node)
{
    bool first = true;

    for (const jpx_json *output = node->outputs ? node->outputs->first : NULL; output; output = output->next) {
        bool plain = !output->name || strcmp(output->name, "default") == 0;
        const jpx_json *value = jpx_json_get(output, "value");
        const char *by = jpx_json_string(output, "by", NULL);
        jpx_text text = jpx_text_new(d->out->arena);
        if (value && !put_large(&text, value)) {
            jpx_json_put(&text, value);
        } else if (value || put_large(&text, output)) {
            /* it was put */
        } else if (by) {
            const char *colon = strrchr(by, ':');
            jpx_text_add(&text, "from #%s", colon ? colon + 1 : by);
        } else {
            continue;
        }
        const char *shown = jpx_screen_cut(d->screen, text.s, VALUE_WIDTH, d->out->arena);
        if (plain)
            jpx_line_add(line, JPX_PLAIN, "%s = %s", first ? "" : ",", shown);
        else
            jpx_line_add(line, JPX_PLAIN, "%s %s = %s", first ? "" : ",", output->name, shown);
        first = false;
    }
}

static void put_times(struct drawing *d, jpx_line *line, const jpx_view_node *node)
{
    jpx_text text = jpx_text_new(d->out->arena);

    if (node->status == JPX_SHOWN_RETRY && node->due_ms) {
        jpx_text_puts(&text, node->due_ms > d->now_ms ? ", next in " : ", due ");
        if (node->due_ms > d->now_ms)
            jpx_duration_put(&text, node->due_ms - d->now_ms);
        else
            jpx_ago_put(&text, node->due_ms, d->now_ms);
    } else if (node->started_ms && node->ended_ms) {
        jpx_text_puts(&text, " ");
        jpx_duration_put(&text, node->ended_ms - node->started_ms);
    } else if (node->started_ms && node->status == JPX_SHOWN_RUNNING) {
        jpx_text_puts(&text, " ");
        jpx_duration_put(&text, d->now_ms - node->started_ms);
    }
    jpx_line_put(line, JPX_PLAIN, text.s);
}

static void put_waits(jpx_line *line, const jpx_view_node *node)
{
    size_t shown = 0, all = jpx_json_count(node->waits);

    if (node->status == JPX_SHOWN_DONE || node->status == JPX_SHOWN_ABORTED)
        return;
    for (const jpx_json *wait = node->waits ? node->waits->first : NULL; wait && shown < WAITS_SHOWN;
         wait = wait->next, shown++)
        if (wait->string)
            jpx_line_add(line, JPX_FAINT, "%s%s",
                         shown                               ? ", "
                         : node->status == JPX_SHOWN_WAITING ? " "
                                                             : ", waits ",
                         wait->string);
    if (shown < all)
        jpx_line_add(line, JPX_FAINT, " and %zu more", all - shown);
}

static void draw_line(struct drawing *d, const jpx_view_node *node)
{
    jpx_line line = jpx_line_begin(d->out, d->screen);

    jpx_line_put(&line, JPX_FAINT, d->branches.s);
    jpx_line_put(&line, JPX_BOLD, node->pipe);
    if (node->root && *node->root)
        jpx_line_add(&line, JPX_FAINT, " %s", node->root);
    else if (*node->index)
        jpx_line_add(&line, JPX_PLAIN, " #%s", node->index);
    put_args(d, &line, node);
    jpx_line_add(&line, jpx_status_colour(jpx_shown_text(node->status)), "  %s", jpx_shown_text(node->status));
    if (node->attempt > 1)
        jpx_line_add(&line, JPX_PLAIN, " (attempt %" PRId64 ")", node->attempt);
    put_times(d, &line, node);
    put_outputs(d, &line, node);
    put_waits(&line, node);
    if (node->failure && node->status != JPX_SHOWN_DONE)
        jpx_line_add(&line, node->status == JPX_SHOWN_ABORTED ? JPX_RED : JPX_YELLOW, ": %s", node->failure);
    if (node->at)
        jpx_line_add(&line, JPX_FAINT, "  [%s]", node->at);
    jpx_line_end(&line);
}

static void draw_hidden(struct drawing *d, const jpx_tally *tally)
{
    jpx_line line = jpx_line_begin(d->out, d->screen);
    jpx_text text = jpx_text_new(d->out->arena);
    const char *between = ": ";

    jpx_text_puts(&text, d->screen->utf8 ? "\xe2\x80\xa6 " : "... ");
    jpx_count_put(&text, tally->total);
    jpx_text_puts(&text, " more");
    if (tally->pipe)
        jpx_text_add(&text, " %s", tally->pipe);
    for (int i = 0; i < JPX_SHOWN_STATUSES; i++)
        if (tally->of[i]) {
            jpx_text_puts(&text, between);
            jpx_count_put(&text, tally->of[i]);
            jpx_text_add(&text, " %s", jpx_shown_text((jpx_shown_status)i));
            between = ", ";
        }
    jpx_line_put(&line, JPX_FAINT, d->branches.s);
    jpx_line_put(&line, JPX_FAINT, text.s);
    jpx_line_end(&line);
}

static void draw_children(struct drawing *d, const jpx_view_node *node)
{
    const bool utf8 = d->screen->utf8;
    const char *const tee = utf8 ? "\xe2\x94\x9c\xe2\x94\x80 " : "|- ", *const corner =
                                                                            utf8 ? "\xe2\x94\x94\xe2\x94\x80 " : "`- ";
    const char *const bar = utf8 ? "\xe2\x94\x82  " : "|  ";
    jpx_tally hidden = jpx_tree_hidden(node);
    size_t indent = d->branches.size;
    const jpx_view_node *last = NULL;

    for (const jpx_view_node *child = node->first; child; child = child->next)
        last = child->shown ? child : last;
    for (const jpx_view_node *child = node->first; child; child = child->next) {
        if (!child->shown)
            continue;
        bool end = child == last && !hidden.total;
        jpx_text_puts(&d->branches, end ? corner : tee);
        draw_line(d, child);
        d->branches.size = indent;
        jpx_text_puts(&d->branches, end ? "   " : bar);
        draw_children(d, child);
        d->branches.size = indent;
        d->branches.s[indent] = '\0';
    }
    if (hidden.total) {
        jpx_text_puts(&d->branches, corner);
        draw_hidden(d, &hidden);
        d->branches.size = indent;
        d->branches.s[indent] = '\0';
    }
}

void jpx_tree_draw(const jpx_view_node *root, const jpx_screen *screen, int64_t now_ms, jpx_text *out)
{
    struct drawing d = {screen, now_ms, out, jpx_text_new(out->arena)};
    draw_line(&d, root);
    draw_children(&d, root);
}

void jpx_tree_draw_line(const jpx_view_node *node, const jpx_screen *screen, int64_t now_ms, jpx_text *out)
{
    struct drawing d = {screen, now_ms, out, jpx_text_new(out->arena)};
    draw_line(&d, node);
}
