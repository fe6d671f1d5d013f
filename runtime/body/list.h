/* list.h -- jp_list inside: its literal items as BSON, its futures as runs, so that a million futures that were yielded
 * in a row are one run. */
#ifndef JPX_LIST_H
#define JPX_LIST_H

#include "body/write.h"

typedef struct jpx_run { /* items at .. at + count - 1 are this slot of siblings child .. child + count - 1 */
    uint32_t at;
    uint32_t child, count;
    const char *slot;
} jpx_run;

struct jp_list {
    jp_ctx *p;
    jpx_writer literals; /* an array that is not ended yet */
    uint32_t count;      /* items, literals and futures */
    uint32_t literals_count;
    jpx_run *runs; /* in the order of `at` */
    size_t runs_count, runs_cap;
};

/* The literal items alone as an array document, in `arena`; the list may grow on. */
jpx_bytes jpx_list_literals(const jp_list *, jpx_arena *arena);

/* Puts a run behind the others, or lengthens the last one. */
void jpx_runs_add(jpx_arena *, jpx_run **runs, size_t *count, size_t *cap, jpx_run);

/* Reads a list item by item, or run by run. */
typedef struct jpx_list_cursor {
    const jp_list *list;
    bson_iter_t literals;
    uint32_t at; /* of the next item */
    size_t run;  /* the next run, or the one that `at` is in */
} jpx_list_cursor;

typedef struct jpx_piece { /* a literal, or `count` futures in a row */
    bool futures;
    jp_value value;
    uint32_t child, count;
    const char *slot;
} jpx_piece;

void jpx_list_cursor_init(jpx_list_cursor *, const jp_list *);
/* At most `most` futures; false at the end. */
bool jpx_list_next(jpx_list_cursor *, uint32_t most, jpx_piece *);

#endif
