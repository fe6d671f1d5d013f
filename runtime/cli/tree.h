/* tree.h -- the tree of a root as the api tells it, read, folded to a number of lines, and drawn. Pure. */
#ifndef JPX_TREE_H
#define JPX_TREE_H

#include "cli/screen.h"
#include "client/json.h"

/* In the order in which a fold line counts them; shown first of all are those with trouble. */
#define JPX_SHOWN_STATUS_MAP(X)                                                                                        \
    X(DONE, "done", 5)                                                                                                 \
    X(RUNNING, "running", 2)                                                                                           \
    X(QUEUED, "queued", 3)                                                                                             \
    X(WAITING, "waiting", 4)                                                                                           \
    X(RETRY, "retry", 1)                                                                                               \
    X(ABORTED, "aborted", 0)                                                                                           \
    X(UNKNOWN, "unknown", 6)

typedef enum jpx_shown_status {
#define JPX_SHOWN_ENUM_(name, text, rank) JPX_SHOWN_##name,
    JPX_SHOWN_STATUS_MAP(JPX_SHOWN_ENUM_)
#undef JPX_SHOWN_ENUM_
        JPX_SHOWN_STATUSES
} jpx_shown_status;

const char *jpx_shown_text(jpx_shown_status);
jpx_shown_status jpx_shown_of(const char *status);

typedef struct jpx_tally { /* pipelines that are counted, not shown */
    int64_t total;
    int64_t of[JPX_SHOWN_STATUSES];
    const char *pipe; /* NULL: of several pipes, or not known */
} jpx_tally;

typedef struct jpx_view_node jpx_view_node;
struct jpx_view_node {
    const char *id;    /* "gen:index" */
    const char *index; /* what stands after the ':' */
    const char *pipe;
    const char *root; /* of the top node: the root's id, else NULL */
    jpx_shown_status status;
    int64_t attempt;
    const char *at;
    const jpx_json *args, *outputs, *waits; /* NULL = not told */
    int64_t started_ms, ended_ms, due_ms;   /* 0 = not told */
    const char *worker;
    const char *failure; /* NULL = none */
    jpx_view_node *first, *next;
    size_t count;     /* children */
    jpx_tally folded; /* children that the answer left out */
    bool shown;       /* by jpx_tree_fold */
};

/* JP_E_DAMAGED when the answer has no tree. */
jp_status jpx_tree_read(const jpx_json *answer, jpx_arena *, jpx_view_node **out, jp_error *err);
/* Decides what is shown in at most max_lines lines (0 = all): of each pipeline the same number of children, those with
 * trouble first, and of a chain that is too deep the upper end. */
void jpx_tree_fold(jpx_view_node *, size_t max_lines);
/* What of a node's children is not shown. */
jpx_tally jpx_tree_hidden(const jpx_view_node *);
/* One node alone, without its place. */
void jpx_tree_draw_line(const jpx_view_node *, const jpx_screen *, int64_t now_ms, jpx_text *out);
void jpx_tree_draw(const jpx_view_node *, const jpx_screen *, int64_t now_ms, jpx_text *out);

#endif
