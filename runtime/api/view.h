/* view.h -- what the views of a root share: view.c (status, result), view_tree.c, view_why.c. */
#ifndef JPX_VIEW_H
#define JPX_VIEW_H

#include "engine/tree_nodes.h"

void jpx_view_time(bson_t *out, const char *name, int64_t ms); /* 0: nothing */
/* root, pipe, key, status, started, ended, reason: how each answer about a root begins. */
void jpx_view_head(bson_t *out, const jpx_root *, const char *status);
/* The status of a root as shown: that of its pipeline until it is final. `node` may be NULL. */
const char *jpx_view_shown(const jpx_root *, const jpx_tree_node *node);
/* A root's outcome is decided in its root, not in its counter. */
jpx_status_kind jpx_view_status_of(const jpx_root *, const jpx_tree_node *);

#endif
