/* text_table.c -- see text_table.h. Columns that are empty in every row are left out. */
#include "cli/text_table.h"
#include <string.h>

jpx_text_table jpx_text_table_new(jpx_arena *arena, const jpx_screen *screen, size_t columns, const char *const *heads)
{
    jpx_text_table table = {.screen = screen, .arena = arena, .columns = columns};

    JPX_ASSERT(columns <= JPX_COLUMNS_MAX);
    memcpy(table.heads, heads, columns * sizeof *heads);
    return table;
}

void jpx_text_table_row(jpx_text_table *table, const jpx_cell *cells)
{
    for (size_t i = 0; i < table->columns; i++)
        JPX_PUSH(table->arena, table->cells, table->count, table->cap) = cells[i];
}

void jpx_text_table_draw(const jpx_text_table *table, jpx_text *out)
{
    enum { GAP = 2 };
    size_t widths[JPX_COLUMNS_MAX] = {0}, rows = table->count / table->columns;

    for (size_t i = 0; i < table->count; i++) {
        size_t width = table->cells[i].text ? jpx_screen_width(table->screen, table->cells[i].text) : 0;
        if (width > widths[i % table->columns])
            widths[i % table->columns] = width;
    }
    for (size_t i = 0; i < table->columns; i++)
        if (widths[i] && strlen(table->heads[i]) > widths[i])
            widths[i] = strlen(table->heads[i]);
    for (size_t row = 0; row <= rows; row++) { /* row 0 is the heads */
        jpx_line line = jpx_line_begin(out, table->screen);
        size_t column = 0;
        for (size_t i = 0; i < table->columns; i++) {
            if (!widths[i])
                continue;
            jpx_cell cell = row ? table->cells[(row - 1) * table->columns + i] : (jpx_cell){table->heads[i], JPX_BOLD};
            jpx_line_to(&line, column);
            jpx_line_put(&line, cell.colour, cell.text ? cell.text : "");
            column += widths[i] + GAP;
        }
        jpx_line_end(&line);
    }
}
