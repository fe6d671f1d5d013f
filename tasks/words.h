/* words.h -- counts of words: a hash table in a body's memory. A word is a maximal run of ASCII letters, in lower case.
 */
#ifndef JP_WORDS_H
#define JP_WORDS_H

#include <jetpipe.h>
#include <stdio.h>

enum { WORD_MAX = 255 }; /* longer runs are cut into words of this length */

typedef struct word {
    const char *text;
    int64_t count;
} word;

typedef struct words {
    jp_ctx *p;
    word *table; /* open addressing; text NULL = free */
    size_t room, count;
    int64_t total;
} words;

words words_new(jp_ctx *);
void words_add(words *, const char *text, size_t size, int64_t count);
void words_add_text(words *, const char *text, size_t size);
/* Adds a document of word -> count. */
void words_add_counts(words *, jp_value counts);
word *words_sorted(words *);      /* all, by word */
word *words_by_count(words *);    /* all, most frequent first, then by word */
jp_value words_document(words *); /* word -> count, sorted by word */

#endif
