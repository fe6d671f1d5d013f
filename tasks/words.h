/* words.h -- counts words, in a hash table in the body's arena.
 *
 * A word is a maximal run of ASCII letters, in lower case, so that `LC_ALL=C tr -cs A-Za-z '\n' | tr A-Z a-z` finds the
 * same ones. Words are valid keys of a document: letters only. */
#ifndef JP_WORDS_H
#define JP_WORDS_H

#include <jetpipe.h>

enum {
    WORDS_BYTES_MAX = 7 * 1024 * 1024 /* of words_document(), which is only a part of a value of at most 8 MiB */
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
    size_t bytes;       /* of words_document(), approximately */
    int64_t total;
} words;

words words_new(jp_ctx *);
void words_clear(words *); /* keeps the table */
/* Counts the words of `text` and returns how much of it was read. A word at the very end may go on in the next chunk:
 * unless `last`, it is not counted, and must be passed again in front of that chunk. Changes `text` to lower case. */
size_t words_add_text(words *, char *text, size_t size, bool last);
void words_add_counts(words *, jp_value counts); /* a document word -> count */
word *words_by_name(const words *);              /* `count` items */
word *words_by_count(const words *);             /* the most frequent first, then by name */
jp_value words_document(const words *);          /* word -> count, by name; `bytes` must be at most WORDS_BYTES_MAX */

#endif
