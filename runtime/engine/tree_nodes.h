/* tree_nodes.h -- the pipelines of a generation with all that is stored about them, and visits to a whole live tree.
 * Views, repair and abort are built on it. */
#ifndef JPX_TREE_NODES_H
#define JPX_TREE_NODES_H

#include "engine/session.h"

typedef struct jpx_tree_node {
    jpx_pipeline pipeline;
    jpx_journal journal;
    jpx_evidence evidence;
    const char *worker; /* of the newest execution; NULL = none */
    int64_t since_ms;
    bool damaged; /* the record cannot be read: only the key is there */
    bool newer;   /* why: a newer version of jetpipe wrote it */
    bool skip;    /* set by a visitor: do not go below */
} jpx_tree_node;

/* Pipelines first .. first + count - 1 of a generation, in order, those that are stored. Memory in session->arena. */
jp_status jpx_load_tree_nodes(jpx_session *, jpx_root_id, const uint8_t gen[JPX_GEN_SIZE], uint32_t first,
                              uint32_t count, jpx_tree_node **nodes, size_t *found, jp_error *err);
jp_status jpx_load_root_node(jpx_session *, jpx_root_id, jpx_tree_node **node /* NULL: there is none */, jp_error *err);
jpx_status_kind jpx_tree_node_status(const jpx_tree_node *);
const jpx_entry *jpx_tree_node_planned(const jpx_tree_node *); /* NULL = no generation was adopted */

/* Gives the visitor a part of a generation. The part has an arena of its own, in session->arena during the visit. */
typedef jp_status (*jpx_visit)(void *ctx, jpx_session *, jpx_tree_node *nodes, size_t count, jp_error *err);
jp_status jpx_visit_part(jpx_session *, jpx_root_id, const uint8_t gen[JPX_GEN_SIZE], uint32_t first, uint32_t count,
                         jpx_visit, void *ctx, jp_error *err);
/* Gives the visitor a generation in such parts, until *stop is set (NULL: all of them). */
jp_status jpx_visit_generation(jpx_session *, jpx_root_id, const uint8_t gen[JPX_GEN_SIZE], uint32_t count, jpx_visit,
                               void *ctx, const bool *stop, jp_error *err);

/* ---- tree_walk.c: visits to a whole live tree ----
 *
 * A list of generations instead of recursion, so a tree may have any depth. It takes 12 bytes for each generator, in
 * `arena`, by default the session's at the start. A walk may pause between any two of its parts. */
typedef struct jpx_adopted { /* a generation */
    uint8_t gen[JPX_GEN_SIZE];
    uint32_t count;
} jpx_adopted;
typedef struct jpx_tree_walk {
    jpx_root_id root;
    jpx_arena *arena;
    jpx_adopted *items; /* in the order they were found: parents before children */
    size_t count, cap;
    size_t at; /* the position: on the way down before items[at], on the way up after items[at - 1] */
    uint32_t first;
    bool stop; /* set by a visitor to end the walk */
} jpx_tree_walk;

/* Visits every pipeline, parents before children, and records the generations. */
jp_status jpx_tree_walk_down(jpx_session *, jpx_tree_walk *, jpx_visit, void *ctx, jp_error *err);
/* Visits the recorded generations again, children before parents. */
jp_status jpx_tree_walk_up(jpx_session *, jpx_tree_walk *, jpx_visit, void *ctx, jp_error *err);
/* The same in parts of about JPX_SCAN_CHUNK pipelines; *more: there is another part. */
jp_status jpx_tree_walk_down_some(jpx_session *, jpx_tree_walk *, jpx_visit, void *ctx, bool *more, jp_error *err);
jp_status jpx_tree_walk_up_some(jpx_session *, jpx_tree_walk *, jpx_visit, void *ctx, bool *more, jp_error *err);
void jpx_tree_walk_turn(jpx_tree_walk *); /* from the way down to the way up */

#endif
