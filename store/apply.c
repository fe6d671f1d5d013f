/* apply.c -- see apply.h. A document that does not look as store.h says is told apart from a guard that does not hold:
 * the first is damage, the second an answer. */
#include "store/apply.h"
#include <bson/bson.h>
#include <string.h>

struct barrier {
    bson_iter_t left, aborted, words;
};

static bool barrier_read(const uint8_t *doc, size_t size, struct barrier *b)
{
    bson_iter_t it, w;
    bool has_left = false, has_aborted = false, has_words = false;

    if (!bson_iter_init_from_data(&it, doc, size))
        return false;
    while (bson_iter_next(&it)) {
        const char *name = bson_iter_key(&it);
        if (strcmp(name, "left") == 0 && BSON_ITER_HOLDS_INT64(&it)) {
            b->left = it;
            has_left = true;
        } else if (strcmp(name, "aborted") == 0 && BSON_ITER_HOLDS_BOOL(&it)) {
            b->aborted = it;
            has_aborted = true;
        } else if (strcmp(name, "w") == 0 && BSON_ITER_HOLDS_DOCUMENT(&it)) {
            has_words = bson_iter_recurse(&it, &w);
            b->words = w;
        }
    }
    return has_left && has_aborted && has_words;
}

/* Steps to word `first`; the words stand in order, from "0" on. */
static bool words_at(const struct barrier *b, uint32_t first, bson_iter_t *it)
{
    *it = b->words;
    for (uint32_t i = 0; i <= first; i++)
        if (!bson_iter_next(it) || !BSON_ITER_HOLDS_INT64(it))
            return false;
    return true;
}

bool jpx_apply_count(uint8_t *doc, size_t size, jpx_count *item, bool *changed)
{
    struct barrier b;
    bson_iter_t first, word;
    int64_t fresh = 0;
    bool repeated = false;

    *changed = false;
    if (!barrier_read(doc, size, &b))
        return false;
    item->found = true;
    item->left = bson_iter_int64(&b.left);
    item->aborted = bson_iter_bool(&b.aborted);
    item->fresh = item->repeated = false;
    if (item->aborted || item->words == 0)
        return true;
    if (!words_at(&b, item->first_word, &first))
        return false;

    word = first;
    for (uint32_t i = 0; i < item->words; i++) {
        if (i && (!bson_iter_next(&word) || !BSON_ITER_HOLDS_INT64(&word)))
            return false;
        uint64_t old = (uint64_t)bson_iter_int64(&word);
        fresh += __builtin_popcountll(item->mask[i] & ~old);
        repeated = repeated || (item->mask[i] & old);
    }
    if (fresh > item->left) /* more bits than it ever had */
        return false;

    item->fresh = fresh > 0;
    item->repeated = repeated;
    if (!fresh)
        return true;
    word = first;
    for (uint32_t i = 0; i < item->words; i++) {
        if (i)
            bson_iter_next(&word);
        bson_iter_overwrite_int64(&word, bson_iter_int64(&word) | (int64_t)item->mask[i]);
    }
    item->left -= fresh;
    bson_iter_overwrite_int64(&b.left, item->left);
    *changed = true;
    return true;
}

bool jpx_apply_abort(uint8_t *doc, size_t size, bool *changed)
{
    struct barrier b;

    *changed = false;
    if (!barrier_read(doc, size, &b))
        return false;
    if (bson_iter_int64(&b.left) > 0 && !bson_iter_bool(&b.aborted)) {
        bson_iter_overwrite_bool(&b.aborted, true);
        *changed = true;
    }
    return true;
}

/* ---- roots ---- */

static bool guard_holds(const char *status, bool decided, bool aborting, jpx_root_op op)
{
    if (strcmp(status, "running") != 0)
        return false;
    switch (op) {
    case JPX_ROOT_ABORT:
    case JPX_ROOT_DECIDE:
        return !decided && !aborting;
    case JPX_ROOT_DONE:
        return !aborting;
    case JPX_ROOT_ABORTED:
        return aborting;
    }
    return false;
}

static void append_abort(bson_t *out, const jpx_root_change *change)
{
    bson_t abort;

    BSON_APPEND_DOCUMENT_BEGIN(out, "abort", &abort);
    BSON_APPEND_UTF8(&abort, "reason", change->reason);
    BSON_APPEND_UTF8(&abort, "by", change->by);
    BSON_APPEND_DATE_TIME(&abort, "at", change->at_ms);
    if (change->pipeline.size)
        BSON_APPEND_BINARY(&abort, "pipeline", BSON_SUBTYPE_BINARY, change->pipeline.data,
                           (uint32_t)change->pipeline.size);
    bson_append_document_end(out, &abort);
}

/* `doc` with another status (NULL = the same), in its old place. */
static void copy_with_status(bson_t *out, jpx_bytes doc, const char *status)
{
    bson_iter_t it;

    bson_iter_init_from_data(&it, doc.data, doc.size);
    while (bson_iter_next(&it)) {
        if (status && strcmp(bson_iter_key(&it), "status") == 0)
            BSON_APPEND_UTF8(out, "status", status);
        else
            bson_append_iter(out, NULL, 0, &it);
    }
}

bool jpx_apply_root(jpx_bytes doc, const jpx_root_change *change, jpx_arena *arena, jpx_bytes *out)
{
    const char *status = NULL;
    bool decided = false, aborting = false;
    bson_iter_t it;
    bson_t fresh;

    *out = (jpx_bytes){NULL, 0};
    if (!bson_iter_init_from_data(&it, doc.data, doc.size))
        return false;
    while (bson_iter_next(&it)) {
        const char *name = bson_iter_key(&it);
        if (strcmp(name, "status") == 0 && BSON_ITER_HOLDS_UTF8(&it))
            status = bson_iter_utf8(&it, NULL);
        else if (strcmp(name, "decided") == 0)
            decided = true;
        else if (strcmp(name, "abort") == 0)
            aborting = true;
    }
    if (!status)
        return false;
    if (!guard_holds(status, decided, aborting, change->op))
        return true;

    bson_init(&fresh);
    switch (change->op) {
    case JPX_ROOT_ABORT:
        copy_with_status(&fresh, doc, NULL);
        append_abort(&fresh, change);
        break;
    case JPX_ROOT_DECIDE:
        copy_with_status(&fresh, doc, NULL);
        BSON_APPEND_UTF8(&fresh, "decided", "done");
        break;
    case JPX_ROOT_DONE:
        copy_with_status(&fresh, doc, "done");
        BSON_APPEND_DATE_TIME(&fresh, "ended", change->at_ms);
        break;
    case JPX_ROOT_ABORTED:
        copy_with_status(&fresh, doc, "aborted");
        BSON_APPEND_DATE_TIME(&fresh, "ended", change->at_ms);
        break;
    }
    *out = jpx_copy(arena, bson_get_data(&fresh), fresh.len);
    bson_destroy(&fresh);
    return true;
}

bool jpx_root_facts_read(jpx_bytes doc, jpx_root_facts *facts)
{
    bson_iter_t it;

    *facts = (jpx_root_facts){0};
    if (!bson_iter_init_from_data(&it, doc.data, doc.size))
        return false;
    while (bson_iter_next(&it)) {
        const char *name = bson_iter_key(&it);
        if (BSON_ITER_HOLDS_UTF8(&it)) {
            const char *text = bson_iter_utf8(&it, NULL);
            if (strcmp(name, "pipe") == 0)
                facts->pipe = text;
            else if (strcmp(name, "status") == 0)
                facts->status = text;
            else if (strcmp(name, "key") == 0)
                facts->key = text;
        } else if (strcmp(name, "ended") == 0 && BSON_ITER_HOLDS_DATE_TIME(&it)) {
            facts->over = true;
            facts->ended_ms = bson_iter_date_time(&it);
        }
    }
    return facts->pipe && facts->status;
}

bool jpx_root_matches(const jpx_root_facts *facts, const jpx_root_filter *filter)
{
    return (!filter->pipe || strcmp(filter->pipe, facts->pipe) == 0) &&
           (!filter->status || strcmp(filter->status, facts->status) == 0) &&
           (filter->older_ms == 0 || (facts->over && facts->ended_ms < filter->older_ms));
}

/* A root's id starts with the time it was made at. What ended before `older_ms` was made before it, so that a sweep for
 * old roots need not walk over the young ones, and no index by `ended` is needed. An hour is left for clocks that
 * differ: the one who makes the id and the one who writes `ended` may be two machines. */
void jpx_root_bound(const jpx_root_filter *filter, uint8_t bound[JPX_ROOT_BOUND], bool *bounded)
{
    enum { CLOCKS_DIFFER_MS = 3600 * 1000 };
    int64_t latest_ms = filter->older_ms + CLOCKS_DIFFER_MS;

    *bounded = filter->before.size > 0;
    if (*bounded)
        memcpy(bound, filter->before.data, JPX_ROOT_BOUND);
    if (filter->older_ms > 0 && latest_ms < (int64_t)1 << 48) {
        uint8_t by_time[JPX_ROOT_BOUND] = {0};
        for (int i = 0; i < 6; i++)
            by_time[i] = (uint8_t)(latest_ms >> (40 - 8 * i));
        if (!*bounded || memcmp(by_time, bound, JPX_ROOT_BOUND) < 0)
            memcpy(bound, by_time, JPX_ROOT_BOUND);
        *bounded = true;
    }
}
