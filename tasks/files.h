/* files.h -- what pipes that read files share: names that are any bytes, files that are not what they were when they
 * were listed. */
#ifndef JP_FILES_H
#define JP_FILES_H

#include <jetpipe.h>

bool is_utf8(const char *text, size_t size); /* and without NUL bytes: it can be a JP_STRING */

/* A file's name may be any bytes. As a value it is a string where it can be one, else binary; the string is borrowed.
 */
jp_value path_value(const char *path);
const char *path_of(jp_ctx *, jp_value);            /* NULL: it is no path */
const char *path_shown(jp_ctx *, const char *path); /* for people: a byte that is not UTF-8 as \xNN */

/* An open descriptor of a regular file, to be closed by the caller; or -1 with a reason in *why, as "No such file or
 * directory". Does not wait for a FIFO that took the file's place, and follows no symbolic link that did. */
int file_open(jp_ctx *, const char *path, bool follow, const char **why);
/* Reads until `size` bytes are there or the file ends; -1 with errno. Blocks as files do. */
int64_t file_read(int fd, char *out, size_t size);

#endif
