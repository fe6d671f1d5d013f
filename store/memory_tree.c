/* memory_tree.c -- see memory_tree.h.
 *
 * Invariants:
 *  1. All leaves are at one depth and linked in the order of ids; no leaf is empty, but the root may be.
 *  2. ids[i] of an inner node, i > 0, is above all ids below child i - 1 and not above any below child i. ids[0] says
 *     nothing: what is smaller than ids[1] is below child 0.
 *  3. A full node splits in the middle, but near its end when the new item goes there: ids that ascend, as keys made
 *     of times and numbers do, leave well filled nodes behind. A node goes when it is empty and is never merged: a
 *     tree is emptied by ranges, as roots are cleaned up. */
#include "store/memory_tree.h"
#include <stdlib.h>
#include <string.h>

enum { FAN = 64, KEEP_AT_END = 56 };

struct jpx_mem_node {
    jpx_mem_node *prev, *next; /* of a leaf */
    uint16_t count;
    bool leaf;
    union {
        jpx_mem_node *child[FAN];
        jpx_tree_value value[FAN];
    };
    uint8_t ids[]; /* FAN of them */
};

static jpx_mem_node *node_new(size_t id_size, bool leaf)
{
    jpx_mem_node *node = malloc(sizeof *node + FAN * id_size);
    JPX_ASSERT(node != NULL);
    node->prev = node->next = NULL;
    node->count = 0;
    node->leaf = leaf;
    return node;
}

static void node_free(jpx_mem_node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        if (node->leaf)
            free(node->value[i].data);
        else
            node_free(node->child[i]);
    }
    free(node);
}

void jpx_tree_init(jpx_tree *tree, size_t id_size)
{
    *tree = (jpx_tree){node_new(id_size, true), id_size, 0};
}

void jpx_tree_fini(jpx_tree *tree)
{
    node_free(tree->root);
    tree->root = NULL;
}

static jpx_tree_value value_new(jpx_bytes doc)
{
    jpx_tree_value value = {malloc(doc.size + 1), doc.size};
    JPX_ASSERT(value.data != NULL);
    memcpy(value.data, doc.data, doc.size);
    return value;
}

void jpx_tree_replace(jpx_tree_value *value, jpx_bytes doc)
{
    jpx_tree_value fresh = value_new(doc);
    free(value->data);
    *value = fresh;
}

/* ---- search ---- */

/* The first position in [from, count) whose id is >= id. */
static size_t lower(const jpx_mem_node *node, size_t from, const uint8_t *id, size_t id_size)
{
    size_t low = from, high = node->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (memcmp(node->ids + mid * id_size, id, id_size) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool holds(const jpx_mem_node *leaf, size_t pos, const uint8_t *id, size_t id_size)
{
    return pos < leaf->count && memcmp(leaf->ids + pos * id_size, id, id_size) == 0;
}

/* Which child of an inner node the id is below. */
static size_t child_of(const jpx_mem_node *node, const uint8_t *id, size_t id_size)
{
    size_t pos = lower(node, 1, id, id_size);
    return holds(node, pos, id, id_size) ? pos : pos - 1;
}

static jpx_mem_node *leaf_of(const jpx_tree *tree, const uint8_t *id)
{
    jpx_mem_node *node = tree->root;
    while (!node->leaf)
        node = node->child[child_of(node, id, tree->id_size)];
    return node;
}

jpx_tree_value *jpx_tree_find(const jpx_tree *tree, const uint8_t *id)
{
    jpx_mem_node *leaf = leaf_of(tree, id);
    size_t pos = lower(leaf, 0, id, tree->id_size);
    return holds(leaf, pos, id, tree->id_size) ? &leaf->value[pos] : NULL;
}

/* ---- insert ---- */

static void put(jpx_mem_node *node, size_t pos, const uint8_t *id, size_t id_size)
{
    size_t after = node->count - pos;
    memmove(node->ids + (pos + 1) * id_size, node->ids + pos * id_size, after * id_size);
    memcpy(node->ids + pos * id_size, id, id_size);
    if (node->leaf)
        memmove(&node->value[pos + 1], &node->value[pos], after * sizeof node->value[0]);
    else
        memmove(&node->child[pos + 1], &node->child[pos], after * sizeof node->child[0]);
    node->count++;
}

/* Moves what stands from `keep` on to a new node at its right. */
static jpx_mem_node *split(jpx_mem_node *node, size_t keep, size_t id_size)
{
    jpx_mem_node *right = node_new(id_size, node->leaf);
    size_t moved = node->count - keep;

    memcpy(right->ids, node->ids + keep * id_size, moved * id_size);
    if (node->leaf)
        memcpy(right->value, &node->value[keep], moved * sizeof node->value[0]);
    else
        memcpy(right->child, &node->child[keep], moved * sizeof node->child[0]);
    right->count = (uint16_t)moved;
    node->count = (uint16_t)keep;
    if (node->leaf) {
        right->prev = node;
        right->next = node->next;
        if (node->next)
            node->next->prev = right;
        node->next = right;
    }
    return right;
}

/* Makes room at *pos of *node, which becomes the right half when the place is there. */
static jpx_mem_node *make_room(jpx_mem_node **node, size_t *pos, size_t id_size)
{
    if ((*node)->count < FAN)
        return NULL;
    size_t keep = *pos == FAN ? KEEP_AT_END : FAN / 2;
    jpx_mem_node *right = split(*node, keep, id_size);
    if (*pos > keep) {
        *node = right;
        *pos -= keep;
    }
    return right;
}

/* *right is a new sibling of `node`, or NULL. */
static bool insert(jpx_tree *tree, jpx_mem_node *node, const uint8_t *id, jpx_bytes doc, jpx_mem_node **right)
{
    size_t id_size = tree->id_size;

    *right = NULL;
    if (node->leaf) {
        size_t pos = lower(node, 0, id, id_size);
        if (holds(node, pos, id, id_size))
            return false;
        *right = make_room(&node, &pos, id_size);
        put(node, pos, id, id_size);
        node->value[pos] = value_new(doc);
        return true;
    }

    jpx_mem_node *half;
    size_t pos = child_of(node, id, id_size);
    if (!insert(tree, node->child[pos], id, doc, &half))
        return false;
    if (half) {
        pos++;
        *right = make_room(&node, &pos, id_size);
        put(node, pos, half->ids, id_size);
        node->child[pos] = half;
    }
    return true;
}

bool jpx_tree_insert(jpx_tree *tree, const uint8_t *id, jpx_bytes doc)
{
    jpx_mem_node *right;

    if (!insert(tree, tree->root, id, doc, &right))
        return false;
    if (right) {
        jpx_mem_node *top = node_new(tree->id_size, false);
        put(top, 0, tree->root->ids, tree->id_size);
        top->child[0] = tree->root;
        put(top, 1, right->ids, tree->id_size);
        top->child[1] = right;
        tree->root = top;
    }
    tree->count++;
    return true;
}

/* ---- remove ---- */

static void take_out(jpx_mem_node *node, size_t pos, size_t id_size)
{
    size_t after = node->count - pos - 1u;
    memmove(node->ids + pos * id_size, node->ids + (pos + 1) * id_size, after * id_size);
    if (node->leaf)
        memmove(&node->value[pos], &node->value[pos + 1], after * sizeof node->value[0]);
    else
        memmove(&node->child[pos], &node->child[pos + 1], after * sizeof node->child[0]);
    node->count--;
}

static void drop_empty(jpx_mem_node *node)
{
    if (node->prev)
        node->prev->next = node->next;
    if (node->next)
        node->next->prev = node->prev;
    free(node);
}

static bool remove_below(jpx_tree *tree, jpx_mem_node *node, const uint8_t *id)
{
    size_t id_size = tree->id_size;

    if (node->leaf) {
        size_t pos = lower(node, 0, id, id_size);
        if (!holds(node, pos, id, id_size))
            return false;
        free(node->value[pos].data);
        take_out(node, pos, id_size);
        return true;
    }

    size_t pos = child_of(node, id, id_size);
    if (!remove_below(tree, node->child[pos], id))
        return false;
    if (node->child[pos]->count == 0) {
        drop_empty(node->child[pos]);
        take_out(node, pos, id_size);
    }
    return true;
}

bool jpx_tree_remove(jpx_tree *tree, const uint8_t *id)
{
    if (!remove_below(tree, tree->root, id))
        return false;
    while (!tree->root->leaf && tree->root->count == 1) {
        jpx_mem_node *only = tree->root->child[0];
        free(tree->root);
        tree->root = only;
    }
    tree->count--;
    return true;
}

/* ---- in order ---- */

jpx_tree_at jpx_tree_first_from(const jpx_tree *tree, const uint8_t *id)
{
    jpx_tree_at at = {leaf_of(tree, id), 0};
    at.pos = lower(at.leaf, 0, id, tree->id_size);
    if (at.pos == at.leaf->count)
        at = (jpx_tree_at){at.leaf->next, 0};
    return at;
}

jpx_tree_at jpx_tree_last_upto(const jpx_tree *tree, const uint8_t *id)
{
    jpx_tree_at at = {leaf_of(tree, id), 0};
    at.pos = lower(at.leaf, 0, id, tree->id_size);
    if (!holds(at.leaf, at.pos, id, tree->id_size))
        jpx_tree_step(&at, true);
    return at;
}

void jpx_tree_step(jpx_tree_at *at, bool backwards)
{
    if (backwards && at->pos > 0) {
        at->pos--;
    } else if (backwards) {
        at->leaf = at->leaf->prev;
        at->pos = at->leaf ? at->leaf->count - 1u : 0;
    } else if (++at->pos == at->leaf->count) {
        *at = (jpx_tree_at){at->leaf->next, 0};
    }
}

const uint8_t *jpx_tree_id(const jpx_tree *tree, const jpx_tree_at *at)
{
    return at->leaf->ids + at->pos * tree->id_size;
}

const jpx_tree_value *jpx_tree_doc(const jpx_tree_at *at)
{
    return &at->leaf->value[at->pos];
}
