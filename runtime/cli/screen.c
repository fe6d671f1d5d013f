/* screen.c -- see screen.h. */
#include "cli/screen.h"
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static const char *const colours[] = {"",         "\033[1m",  "\033[2m",  "\033[31m",
                                      "\033[32m", "\033[33m", "\033[34m", "\033[36m"};

jpx_screen jpx_screen_of(FILE *file)
{
    jpx_screen screen = {0};
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    int fd = fileno(file);
    struct winsize size;

    screen.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    screen.terminal = fd >= 0 && isatty(fd) && term && strcmp(term, "dumb") != 0;
    if (!screen.terminal)
        return screen;
    screen.colours = !(no_color && *no_color);
    screen.width = 80;
    screen.height = 24;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row) {
        screen.width = size.ws_col;
        screen.height = size.ws_row;
    }
    return screen;
}

/* Copies the next character of *s to `out` and returns its width. Control characters and invalid UTF-8 become U+FFFD;
 * without UTF-8 they, and everything beyond ASCII, become '?'. */
static size_t next(const jpx_screen *screen, const char **s, char out[8])
{
    const char *p = *s;
    mbstate_t state = {0};
    wchar_t wide;

    if ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f) {
        snprintf(out, 8, "%c", *p);
        *s = p + 1;
        return 1;
    }
    size_t size = screen->utf8 ? mbrtowc(&wide, p, MB_CUR_MAX, &state) : (size_t)-1;
    int columns = size != (size_t)-1 && size != (size_t)-2 && size ? wcwidth(wide) : -1;
    if (columns >= 0) {
        snprintf(out, 8, "%.*s", (int)size, p);
        *s = p + size;
        return (size_t)columns;
    }
    size = 1;
    while (((unsigned char)p[size] & 0xc0) == 0x80 && (unsigned char)*p >= 0xc0)
        size++;
    snprintf(out, 8, "%s", *p == '\n' || *p == '\t' ? " " : screen->utf8 ? "\xef\xbf\xbd" : "?");
    *s = p + size;
    return 1;
}

size_t jpx_screen_width(const jpx_screen *screen, const char *s)
{
    size_t columns = 0;
    char out[8];
    while (*s)
        columns += next(screen, &s, out);
    return columns;
}

const char *jpx_screen_cut(const jpx_screen *screen, const char *s, size_t columns, jpx_arena *arena)
{
    const char *ellipsis = screen->utf8 ? "\xe2\x80\xa6" : "...";
    size_t mark = screen->utf8 ? 1 : 3, used = 0, kept = 0;
    jpx_text text = jpx_text_new(arena);

    for (const char *p = s; *p;) {
        char out[8];
        used += next(screen, &p, out);
        if (used > columns) {
            text.size = kept;
            text.s[kept] = '\0';
            jpx_text_puts(&text, columns >= mark ? ellipsis : "");
            return text.s;
        }
        jpx_text_puts(&text, out);
        if (used + mark <= columns)
            kept = text.size;
    }
    return text.s;
}

jpx_line jpx_line_begin(jpx_text *text, const jpx_screen *screen)
{
    return (jpx_line){.text = text, .screen = screen};
}

void jpx_line_put(jpx_line *line, jpx_colour colour, const char *s)
{
    bool coloured = line->screen->colours && colour != JPX_PLAIN && *s && !line->full;

    if (coloured)
        jpx_text_puts(line->text, colours[colour]);
    while (*s && !line->full) {
        char out[8];
        size_t columns = next(line->screen, &s, out);
        if (line->screen->width && line->column + columns > line->screen->width - 1) {
            line->full = true; /* some terminals wrap when the last column is written */
            break;
        }
        line->column += columns;
        jpx_text_puts(line->text, out);
    }
    if (coloured)
        jpx_text_puts(line->text, "\033[0m");
}

void jpx_line_add(jpx_line *line, jpx_colour colour, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *s = jpx_vformat(line->text->arena, fmt, args);
    va_end(args);
    jpx_line_put(line, colour, s);
}

void jpx_line_to(jpx_line *line, size_t column)
{
    while (line->column < column && !line->full)
        jpx_line_put(line, JPX_PLAIN, " ");
}

void jpx_line_end(jpx_line *line)
{
    while (line->text->size && line->text->s[line->text->size - 1] == ' ')
        line->text->s[--line->text->size] = '\0';
    jpx_text_puts(line->text, "\n");
}

jpx_colour jpx_status_colour(const char *status)
{
    static const struct {
        const char *status;
        jpx_colour colour;
    } map[] = {{"waiting", JPX_FAINT}, {"queued", JPX_CYAN}, {"running", JPX_BLUE},
               {"retry", JPX_YELLOW},  {"done", JPX_GREEN},  {"aborted", JPX_RED}};
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (strcmp(status, map[i].status) == 0)
            return map[i].colour;
    return JPX_PLAIN;
}
