/* fold.c -- chooses the nodes of a tree that are shown when lines are few. Binary search for the number of children of
 * each pipeline that fit; if even one does not, for the number of levels. No I/O. */
#include "cli/tree.h"
#include <string.h>

static int rank_of(jpx_shown_status status)
{
    static const int ranks[] = {
#define RANK(name, text, rank) rank,
        JPX_SHOWN_STATUS_MAP(RANK)
#undef RANK
    };
    return ranks[status];
}

/* Shows at most `most` children of `node`: those with trouble first, in yield order within each rank. */
static void choose(jpx_view_node *node, size_t most)
{
    for (jpx_view_node *child = node->first; child; child = child->next)
        child->shown = most >= node->count;
    if (most >= node->count)
        return;
    for (int rank = 0; most && rank < JPX_SHOWN_STATUSES; rank++)
        for (jpx_view_node *child = node->first; child && most; child = child->next)
            if (rank_of(child->status) == rank) {
                child->shown = true;
                most--;
            }
}

/* Chooses in the whole tree, and returns the number of lines; stops early if there are more than `limit`. */
static size_t apply(jpx_view_node *node, size_t most, size_t levels, size_t limit)
{
    size_t lines = 1;

    node->shown = true;
    choose(node, levels ? most : 0);
    if (node->folded.total || node->count > (levels ? most : 0))
        lines++;
    for (jpx_view_node *child = node->first; child && lines <= limit; child = child->next)
        if (child->shown)
            lines += apply(child, most, levels - 1, limit - lines);
    return lines;
}

static void measure(const jpx_view_node *node, size_t level, size_t *widest, size_t *deepest)
{
    if (node->count > *widest)
        *widest = node->count;
    if (level > *deepest)
        *deepest = level;
    for (const jpx_view_node *child = node->first; child; child = child->next)
        measure(child, level + 1, widest, deepest);
}

void jpx_tree_fold(jpx_view_node *root, size_t max_lines)
{
    size_t widest = 0, deepest = 0;

    measure(root, 0, &widest, &deepest);
    if (max_lines == 0 || apply(root, widest, deepest, max_lines) <= max_lines) {
        apply(root, widest, deepest, SIZE_MAX);
        return;
    }
    size_t most = 1, levels = deepest;
    if (apply(root, 1, deepest, max_lines) <= max_lines) {
        for (size_t high = widest; most + 1 < high;) { /* `most` fits, `high` does not */
            size_t middle = most + (high - most) / 2;
            if (apply(root, middle, deepest, max_lines) <= max_lines)
                most = middle;
            else
                high = middle;
        }
    } else {
        levels = 0;
        for (size_t high = deepest; levels + 1 < high;) {
            size_t middle = levels + (high - levels) / 2;
            if (apply(root, 1, middle, max_lines) <= max_lines)
                levels = middle;
            else
                high = middle;
        }
    }
    apply(root, most, levels, SIZE_MAX);
}

jpx_tally jpx_tree_hidden(const jpx_view_node *node)
{
    jpx_tally tally = node->folded;
    bool named = tally.total == 0 || tally.pipe; /* while all have the same pipe */

    for (const jpx_view_node *child = node->first; child; child = child->next) {
        if (child->shown)
            continue;
        if (named && tally.pipe && strcmp(tally.pipe, child->pipe) != 0)
            named = false;
        tally.pipe = child->pipe;
        tally.total++;
        tally.of[child->status]++;
    }
    if (!named)
        tally.pipe = NULL;
    return tally;
}
