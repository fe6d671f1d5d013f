/* tree.h -- the tree of a root: read from the api's answer, folded to a number of lines, drawn as text. No I/O. */
#ifndef JPX_TREE_H
#define JPX_TREE_H

#include "cli/screen.h"
#include "client/json.h"

/* In the order in which a line for hidden pipelines counts them. Rank: when lines are few, low ranks are shown first.
 */
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

typedef struct jpx_tally { /* pipelines that are not shown, by status */
    int64_t total;
    int64_t of[JPX_SHOWN_STATUSES];
    const char *pipe; /* NULL: several pipes, or unknown */
} jpx_tally;

typedef struct jpx_view_node jpx_view_node;
struct jpx_view_node {
    const char *id;    /* "gen:index" */
    const char *index; /* the part after the ':' */
    const char *pipe;
    const char *root; /* the root's id in the top node, else NULL */
    jpx_shown_status status;
    int64_t attempt;
    const char *at;
    const jpx_json *args, *outputs, *waits; /* NULL = not in the answer */
    int64_t started_ms, ended_ms, due_ms;   /* 0 = not in the answer */
    const char *worker;
    const char *failure; /* NULL = none */
    jpx_view_node *first, *next;
    size_t count;     /* children */
    jpx_tally folded; /* children that the answer leaves out */
    bool shown;       /* set by jpx_tree_fold */
};

/* JP_E_DAMAGED: the answer has no tree. */
jp_status jpx_tree_read(const jpx_json *answer, jpx_arena *, jpx_view_node **out, jp_error *err);
/* Chooses what to show in at most max_lines lines (0 = everything): of each pipeline the same number of children, those
 * with trouble first; of a chain that is too deep, the top. */
void jpx_tree_fold(jpx_view_node *, size_t max_lines);
/* The children of a node that are not shown. */
jpx_tally jpx_tree_hidden(const jpx_view_node *);
/* One node, without branches and children. */
void jpx_tree_draw_line(const jpx_view_node *, const jpx_screen *, int64_t now_ms, jpx_text *out);
void jpx_tree_draw(const jpx_view_node *, const jpx_screen *, int64_t now_ms, jpx_text *out);

#endif
