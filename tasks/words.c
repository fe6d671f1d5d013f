#include "words.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 4096 };

words words_new(jp_ctx *p)
{
    return (words){.p = p, .table = jp_alloc(p, FIRST_ROOM * sizeof(word)), .room = FIRST_ROOM};
}

static size_t hash_of(const char *text, size_t size)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
    return (size_t)(hash ^ hash >> 32);
}

static word *place_of(const words *w, const char *text, size_t size)
{
    size_t at = hash_of(text, size) & (w->room - 1);
    while (w->table[at].text && (strncmp(w->table[at].text, text, size) != 0 || w->table[at].text[size]))
        at = (at + 1) & (w->room - 1);
    return &w->table[at];
}

static void grow(words *w)
{
    words bigger = *w;
    bigger.room = w->room * 2;
    bigger.table = jp_alloc(w->p, bigger.room * sizeof(word));
    for (size_t i = 0; i < w->room; i++)
        if (w->table[i].text)
            *place_of(&bigger, w->table[i].text, strlen(w->table[i].text)) = w->table[i];
    *w = bigger;
}

void words_add(words *w, const char *text, size_t size, int64_t count)
{
    word *place = place_of(w, text, size);

    w->total += count;
    if (place->text) {
        place->count += count;
        return;
    }
    if (w->count * 2 >= w->room) {
        grow(w);
        place = place_of(w, text, size);
    }
    char *copy = jp_alloc(w->p, size + 1);
    memcpy(copy, text, size);
    *place = (word){copy, count};
    w->count++;
}

void words_add_text(words *w, const char *text, size_t size)
{
    char lower[WORD_MAX];
    size_t used = 0;

    for (size_t i = 0; i <= size; i++) {
        char c = i < size ? text[i] : ' ';
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c >= 'a' && c <= 'z' && used < WORD_MAX) {
            lower[used++] = c;
            continue;
        }
        if (used)
            words_add(w, lower, used, 1);
        used = 0;
        if (c >= 'a' && c <= 'z')
            lower[used++] = c;
    }
}

void words_add_counts(words *w, jp_value counts)
{
    jp_each_member(w->p, text, count, counts) words_add(w, text, strlen(text), count.as.i64);
}

static int by_word(const void *a, const void *b)
{
    return strcmp(((const word *)a)->text, ((const word *)b)->text);
}

static int by_count(const void *a, const void *b)
{
    const word *left = a, *right = b;
    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    return by_word(a, b);
}

static word *listed(words *w, int (*order)(const void *, const void *))
{
    word *out = jp_alloc(w->p, (w->count + 1) * sizeof *out);
    size_t n = 0;
    for (size_t i = 0; i < w->room; i++)
        if (w->table[i].text)
            out[n++] = w->table[i];
    qsort(out, n, sizeof *out, order);
    return out;
}

word *words_sorted(words *w)
{
    return listed(w, by_word);
}

word *words_by_count(words *w)
{
    return listed(w, by_count);
}

jp_value words_document(words *w)
{
    word *all = words_sorted(w);
    jp_value *members = jp_alloc(w->p, (2 * w->count + 1) * sizeof *members);

    for (size_t i = 0; i < w->count; i++) {
        members[2 * i] = jp_v_string(all[i].text);
        members[2 * i + 1] = jp_v_int64(all[i].count);
    }
    return jp_object_v(w->p, 2 * w->count, members, JP_AT);
}
