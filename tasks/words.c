/* words.c -- see words.h. */
#include "words.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 4096, MEMBER_BYTES = 10 /* of a member without its name: type, NUL and int64 */ };

static const uint64_t hash_seed = 14695981039346656037u;

static uint64_t hash_step(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)c) * 1099511628211u;
}

words words_new(jp_ctx *p)
{
    return (words){.p = p, .table = jp_alloc(p, FIRST_ROOM * sizeof(word)), .room = FIRST_ROOM};
}

void words_clear(words *w)
{
    memset(w->table, 0, w->room * sizeof *w->table);
    w->count = w->bytes = 0;
    w->total = 0;
}

static word *place_of(const words *w, const char *text, size_t size, uint64_t hash)
{
    size_t at = (size_t)(hash ^ hash >> 32) & (w->room - 1);

    while (w->table[at].text &&
           (w->table[at].hash != hash || w->table[at].size != size || memcmp(w->table[at].text, text, size) != 0))
        at = (at + 1) & (w->room - 1);
    return &w->table[at];
}

static void grow(words *w)
{
    words bigger = *w;

    bigger.room = w->room * 2;
    bigger.table = jp_alloc(w->p, bigger.room * sizeof *bigger.table);
    for (size_t i = 0; i < w->room; i++) {
        const word *one = &w->table[i];
        if (one->text)
            *place_of(&bigger, one->text, one->size, one->hash) = *one;
    }
    *w = bigger;
}

static void add(words *w, const char *text, size_t size, uint64_t hash, int64_t count)
{
    word *place = place_of(w, text, size, hash);

    w->total += count;
    if (place->text) {
        place->count += count;
        return;
    }
    if (2 * (w->count + 1) > w->room) {
        grow(w);
        place = place_of(w, text, size, hash);
    }
    char *copy = jp_alloc(w->p, size + 1);
    memcpy(copy, text, size);
    *place = (word){copy, size, hash, count};
    w->count++;
    w->bytes += size + MEMBER_BYTES;
}

/* The letter in lower case, or 0. */
static char letter(char c)
{
    const char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'z' ? low : '\0';
}

size_t words_add_text(words *w, char *text, size_t size, bool last)
{
    size_t at = 0;

    while (at < size) {
        const size_t begin = at;
        uint64_t hash = hash_seed;
        for (char c; at < size && (c = letter(text[at])) != '\0'; at++) {
            text[at] = c;
            hash = hash_step(hash, c);
        }
        if (at == size && !last)
            return begin;
        if (at > begin)
            add(w, text + begin, at - begin, hash, 1);
        at++; /* not a letter */
    }
    return size;
}

void words_add_counts(words *w, jp_value counts)
{
    jp_each_member(w->p, text, count, counts)
    {
        uint64_t hash = hash_seed;
        size_t size = 0;
        for (; text[size]; size++)
            hash = hash_step(hash, text[size]);
        add(w, text, size, hash, count.as.i64);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const word *)a)->text, ((const word *)b)->text);
}

static int by_count(const void *a, const void *b)
{
    const word *left = a, *right = b;

    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    return by_name(a, b);
}

static word *listed(const words *w, int (*order)(const void *, const void *))
{
    word *out = jp_alloc(w->p, (w->count + 1) * sizeof *out);
    size_t count = 0;

    for (size_t i = 0; i < w->room; i++)
        if (w->table[i].text)
            out[count++] = w->table[i];
    qsort(out, count, sizeof *out, order);
    return out;
}

word *words_by_name(const words *w)
{
    return listed(w, by_name);
}

word *words_by_count(const words *w)
{
    return listed(w, by_count);
}

jp_value words_document(const words *w)
{
    const word *all = words_by_name(w);
    jp_value *members = jp_alloc(w->p, (2 * w->count + 1) * sizeof *members);

    for (size_t i = 0; i < w->count; i++) {
        members[2 * i] = jp_v_string(all[i].text);
        members[2 * i + 1] = jp_v_int64(all[i].count);
    }
    return jp_object_v(w->p, 2 * w->count, members, JP_AT);
}
