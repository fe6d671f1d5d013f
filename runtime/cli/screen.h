/* screen.h -- what a stream can show (terminal, size, colours, UTF-8), and texts that fit it. Names, reasons and values
 * come from others: they pass through a jpx_line or jpx_screen_cut, which replace control characters. */
#ifndef JPX_SCREEN_H
#define JPX_SCREEN_H

#include "base/text.h"
#include <stdio.h>

typedef struct jpx_screen {
    bool terminal, colours, utf8;
    size_t width, height; /* 0 = no limit */
} jpx_screen;

/* Reads NO_COLOR, TERM, the locale and the size of the window. */
jpx_screen jpx_screen_of(FILE *);

typedef enum jpx_colour {
    JPX_PLAIN,
    JPX_BOLD,
    JPX_FAINT,
    JPX_RED,
    JPX_GREEN,
    JPX_YELLOW,
    JPX_BLUE,
    JPX_CYAN
} jpx_colour;

/* A line that knows its width in columns, colours not counted. */
typedef struct jpx_line {
    jpx_text *text;
    const jpx_screen *screen;
    size_t column; /* width so far */
    bool full;     /* the right edge is reached: the rest is dropped */
} jpx_line;

jpx_line jpx_line_begin(jpx_text *, const jpx_screen *);
void jpx_line_put(jpx_line *, jpx_colour, const char *s);
void jpx_line_add(jpx_line *, jpx_colour, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void jpx_line_to(jpx_line *, size_t column); /* adds blanks up to a column */
void jpx_line_end(jpx_line *);               /* adds the newline */

/* Width of a text in columns; a control character takes one. */
size_t jpx_screen_width(const jpx_screen *, const char *s);
/* The text, cut to a width of `columns`, then with an ellipsis at its end. In `arena`. */
const char *jpx_screen_cut(const jpx_screen *, const char *s, size_t columns, jpx_arena *);

/* The colour of a status. */
jpx_colour jpx_status_colour(const char *status);

#endif
