/* words.h -- how often each word was seen: a hash table in the memory of a body.
 *
 * A word is a maximal run of ASCII letters, in lower case, so that `LC_ALL=C tr -cs A-Za-z '\n' | tr A-Z a-z` finds the
 * same ones. A key of a document is therefore always valid: letters, never a dot or a dollar sign. */
#ifndef JP_WORDS_H
#define JP_WORDS_H

#include <jetpipe.h>

enum {
    WORDS_BYTES_MAX = 7 * 1024 * 1024 /* of words_document(): a value has at most 8 MiB, and there is more in it */
};

typedef struct word {
    const char *text; /* NULL = free */
    size_t size;
    uint64_t hash;
    int64_t count;
} word;

typedef struct words {
    jp_ctx *p;
    word *table;        /* open addressing; at most half full */
    size_t room, count; /* room: a power of two */
    size_t bytes;       /* of words_document(), about */
    int64_t total;
} words;

words words_new(jp_ctx *);
void words_clear(words *); /* all are forgotten, the table is kept */
/* Counts the words of `text` and returns how much of it was read. A word that reaches to the end of a piece may go on
 * in the next one: unless it is the last piece, it is left, to be given again in front of what follows. Changes `text`
 * to lower case. */
size_t words_add_text(words *, char *text, size_t size, bool last);
void words_add_counts(words *, jp_value counts); /* a document word -> count */
word *words_by_name(const words *);              /* `count` items */
word *words_by_count(const words *);             /* the most frequent first; of equally frequent ones by name */
jp_value words_document(const words *); /* word -> count, by name; only when `bytes` is at most WORDS_BYTES_MAX */

#endif
