/* memory_tree.h -- an ordered map from ids of one length to documents: a B+ tree. Owns the documents (copies).
 * No locks: the caller has one. Never fails: out of memory is an assertion. */
#ifndef JPX_MEMORY_TREE_H
#define JPX_MEMORY_TREE_H

#include "base/base.h"

typedef struct jpx_mem_node jpx_mem_node;

typedef struct jpx_tree {
    jpx_mem_node *root;
    size_t id_size;
    size_t count;
} jpx_tree;

typedef struct jpx_tree_value {
    uint8_t *data;
    size_t size;
} jpx_tree_value;

/* A place in the tree; any insert or remove makes it invalid. */
typedef struct jpx_tree_at {
    jpx_mem_node *leaf; /* NULL: past the end */
    size_t pos;
} jpx_tree_at;

void jpx_tree_init(jpx_tree *, size_t id_size);
void jpx_tree_fini(jpx_tree *);

bool jpx_tree_insert(jpx_tree *, const uint8_t *id, jpx_bytes doc); /* false: was there, nothing changed */
bool jpx_tree_remove(jpx_tree *, const uint8_t *id);                /* false: was not there */
jpx_tree_value *jpx_tree_find(const jpx_tree *, const uint8_t *id); /* borrowed; NULL: not there */
void jpx_tree_replace(jpx_tree_value *, jpx_bytes doc);

jpx_tree_at jpx_tree_first_from(const jpx_tree *, const uint8_t *id); /* the first that is >= id */
jpx_tree_at jpx_tree_last_upto(const jpx_tree *, const uint8_t *id);  /* the last that is <= id */
void jpx_tree_step(jpx_tree_at *, bool backwards);
const uint8_t *jpx_tree_id(const jpx_tree *, const jpx_tree_at *);
const jpx_tree_value *jpx_tree_doc(const jpx_tree_at *);

#endif
