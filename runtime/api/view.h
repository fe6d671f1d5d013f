/* view.h -- what the views of a root share: view.c (status, result), view_tree.c, view_why.c. */
#ifndef JPX_VIEW_H
#define JPX_VIEW_H

#include "engine/load.h"
#include "engine/tree_nodes.h"

/* ---- what requests ask for ---- */
jp_status jpx_view_status(jpx_session *, const jpx_root *, bool counts, bson_t *out, jp_error *err);
jp_status jpx_view_tree(jpx_session *, const jpx_root *, size_t limit, bson_t *out, jp_error *err);
jp_status jpx_view_why(jpx_session *, const jpx_root *, bson_t *out, jp_error *err);
/* The root, and its result in *value: no data while there is none. `value` NULL: it is not read. */
jp_status jpx_view_result(jpx_session *, const jpx_root *, bson_t *out, jpx_bytes *value, jp_error *err);

/* ---- their parts ---- */
void jpx_view_time(bson_t *out, const char *name, int64_t ms); /* 0: nothing */
/* root, pipe, key, status, started, ended, reason: how each answer about a root begins. */
void jpx_view_head(bson_t *out, const jpx_root *, const char *status);
/* The status of a root as shown: that of its pipeline until it is final. `node` may be NULL. */
const char *jpx_view_shown(const jpx_root *, const jpx_tree_node *node);
/* A root's outcome is decided in its root, not in its counter. */
jpx_status_kind jpx_view_status_of(const jpx_root *, const jpx_tree_node *);

#endif
