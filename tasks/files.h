/* files.h -- for pipes that read files: names of any bytes, and files that changed after they were listed. */
#ifndef JP_FILES_H
#define JP_FILES_H

#include <jetpipe.h>

bool is_utf8(const char *text, size_t size); /* valid, and without NUL bytes: a JP_STRING can hold it */

/* A file name may be any bytes. Its value is a string if that is possible, else binary; the string is borrowed. */
jp_value path_value(const char *path);
const char *path_of(jp_ctx *, jp_value);            /* NULL: it is not a path */
const char *path_shown(jp_ctx *, const char *path); /* for messages: bytes that are not UTF-8 as \xNN */

/* Opens a regular file, to be closed by the caller; or returns -1, with a reason in *why, such as "No such file or
 * directory". Does not block on a FIFO in place of the file; follows a symbolic link only with `follow`. */
int file_open(jp_ctx *, const char *path, bool follow, const char **why);
/* Reads `size` bytes, or fewer if the file ends; -1 with errno. */
int64_t file_read(int fd, char *out, size_t size);

#endif
