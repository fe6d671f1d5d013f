/* text_table.h -- rows of cells, drawn as aligned columns. The last column takes the rest of the line. */
#ifndef JPX_TEXT_TABLE_H
#define JPX_TEXT_TABLE_H

#include "cli/screen.h"

enum { JPX_COLUMNS_MAX = 8 };

typedef struct jpx_cell {
    const char *text; /* NULL = empty; must outlive the table */
    jpx_colour colour;
} jpx_cell;

typedef struct jpx_text_table {
    const jpx_screen *screen;
    jpx_arena *arena;
    size_t columns;
    const char *heads[JPX_COLUMNS_MAX];
    jpx_cell *cells; /* row by row */
    size_t count, cap;
} jpx_text_table;

jpx_text_table jpx_text_table_new(jpx_arena *, const jpx_screen *, size_t columns, const char *const *heads);
void jpx_text_table_row(jpx_text_table *, const jpx_cell *); /* one cell for each column */
void jpx_text_table_draw(const jpx_text_table *, jpx_text *);

#endif
