/* screen.h -- what a stream can show: is it a terminal, how large, with colours, with UTF-8; and texts made fit for
 * it. Everything that came from others (names, reasons, values) passes through a jpx_line or jpx_screen_cut, which keep
 * control characters away from the terminal. */
#ifndef JPX_SCREEN_H
#define JPX_SCREEN_H

#include "client/text.h"
#include <stdio.h>

typedef struct jpx_screen {
    bool terminal, colours, utf8;
    size_t width, height; /* 0 = without a limit */
} jpx_screen;

/* Looks at the stream, NO_COLOR, TERM and the locale. */
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
    size_t column; /* of what is in it */
    bool full;     /* the right edge was reached: the rest is dropped */
} jpx_line;

jpx_line jpx_line_begin(jpx_text *, const jpx_screen *);
void jpx_line_put(jpx_line *, jpx_colour, const char *s);
void jpx_line_add(jpx_line *, jpx_colour, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void jpx_line_to(jpx_line *, size_t column); /* blanks up to a column */
void jpx_line_end(jpx_line *);               /* and the newline */

/* Columns that a text takes, with control characters made visible. */
size_t jpx_screen_width(const jpx_screen *, const char *s);
/* At most `columns` wide; what is cut ends with an ellipsis. In `arena`. */
const char *jpx_screen_cut(const jpx_screen *, const char *s, size_t columns, jpx_arena *);

/* The colour of a status. */
jpx_colour jpx_status_colour(const char *status);

#endif
