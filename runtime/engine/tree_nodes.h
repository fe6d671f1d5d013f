/* tree_nodes.h -- the pipelines of a generation with everything that is known of them: what walking, viewing and
 * repairing a tree have in common. */
#ifndef JPX_TREE_NODES_H
#define JPX_TREE_NODES_H

#include "engine/engine.h"

typedef struct jpx_tree_node {
    jpx_pipeline pipeline;
    jpx_journal journal;
    jpx_evidence evidence;
    const char *worker; /* of the newest mark; NULL = none */
    int64_t since_ms;
    bool damaged; /* the record cannot be read: only the key is there */
    bool newer;   /* why: a newer version of jetpipe wrote it */
    bool skip;    /* set by a visitor: a walk does not go below */
} jpx_tree_node;

/* Pipelines first .. first + count - 1 of a generation, in order, those that are there. Memory in session->arena. */
jp_status jpx_load_tree_nodes(jpx_session *, jpx_root_id, const uint8_t gen[JPX_GEN_SIZE], uint32_t first,
                              uint32_t count, jpx_tree_node **nodes, size_t *found, jp_error *err);
jp_status jpx_load_root_node(jpx_session *, jpx_root_id, jpx_tree_node **node /* NULL when it is not there */,
                             jp_error *err);
jpx_status_kind jpx_tree_node_status(const jpx_tree_node *);
const jpx_entry *jpx_tree_node_planned(const jpx_tree_node *); /* NULL = no generation was adopted */

/* Gives the visitor a part of a generation, as jpx_load_tree_nodes loads it; with an arena of its own. */
typedef jp_status (*jpx_visit)(void *ctx, jpx_session *, jpx_tree_node *nodes, size_t count, jp_error *err);
jp_status jpx_visit_part(jpx_session *, jpx_root_id, const uint8_t gen[JPX_GEN_SIZE], uint32_t first, uint32_t count,
                         jpx_visit, void *ctx, jp_error *err);
/* Gives the visitor a generation in chunks, each with an arena of its own (in session->arena while it is visited); no
 * more of them when *stop is set (NULL is fine). */
jp_status jpx_visit_generation(jpx_session *, jpx_root_id, const uint8_t gen[JPX_GEN_SIZE], uint32_t count, jpx_visit,
                               void *ctx, const bool *stop, jp_error *err);

/* ---- tree_walk.c: walks over a whole live tree ----
 *
 * A list of generations instead of recursion: a tree may be as deep as it likes. Memory, 12 bytes for each generator,
 * in `arena`, which is the session's at the start where it is not given. A walk may pause between any two of its parts.
 */
typedef struct jpx_adopted { /* a generation */
    uint8_t gen[JPX_GEN_SIZE];
    uint32_t count;
} jpx_adopted;
typedef struct jpx_tree_walk {
    jpx_root_id root;
    jpx_arena *arena;
    jpx_adopted *items; /* in the order they were found: parents before children */
    size_t count, cap;
    size_t at; /* where it is: on the way down before items[at], on the way up after items[at - 1] */
    uint32_t first;
    bool stop; /* set by a visitor: that was enough */
} jpx_tree_walk;

/* Visits every pipeline, parents before their children, and notes the generations. */
jp_status jpx_tree_walk_down(jpx_session *, jpx_tree_walk *, jpx_visit, void *ctx, jp_error *err);
/* Visits those generations again, children before their parents. */
jp_status jpx_tree_walk_up(jpx_session *, jpx_tree_walk *, jpx_visit, void *ctx, jp_error *err);
/* The same in pieces of bounded work, JPX_SCAN_CHUNK pipelines or a few more; *more: it is not over. */
jp_status jpx_tree_walk_down_some(jpx_session *, jpx_tree_walk *, jpx_visit, void *ctx, bool *more, jp_error *err);
jp_status jpx_tree_walk_up_some(jpx_session *, jpx_tree_walk *, jpx_visit, void *ctx, bool *more, jp_error *err);
void jpx_tree_walk_turn(jpx_tree_walk *); /* from the way down to the way up */

#endif
