/* mongo_count.c -- the counters: every bit once for ever.
 *
 * Items of a call that name the same barrier are merged to one target. All targets go out as one
 * bulk of guarded updates, each of them all or nothing:
 *
 *     {_id, aborted: false, "w.K": {$bitsAllClear: mask}, ...}
 *  -> {$bit: {"w.K": {or: mask}, ...}, $inc: {left: -n}, $set: {call: C}}
 *
 * and then the touched documents are read once. A target of which some bits are clear still did not
 * match, because others of its bits were set before; it is updated again with the clear ones alone
 * (PROTOCOL, trap 2). Each further round has lost a bit to somebody else, so the rounds end.
 *
 * Which of the updates matched? The answer has only their number (before MongoDB 8). When it is all
 * of them, all bits are ours. Else the field `call`, the random number of the last call that counted
 * here, tells; it also recognises an update of ours whose answer was lost. Where another call has
 * counted after us the bits are in doubt, and doubt is told as both: fresh and repeated.
 *
 * Blocks on the network. */
#include "store/mongo.h"
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 4096 /* of one target: 258,048 bits */, TARGETS_MAX = 1024 /* in one bulk */ };

typedef struct target {
    jpx_bytes id;
    uint32_t first, words; /* the span of words that the items name */
    uint64_t *todo;        /* bits that have to be set still                  */
    uint64_t *ours;        /* set by this call                                */
    uint64_t *before;      /* set before this call, by somebody else          */
    uint64_t *doubt;       /* set, nobody knows by whom                       */
    bool found, aborted;
    bool sent; /* in this round */
    int64_t left;
} target;

typedef struct barrier { /* a document as read */
    int64_t left, call;
    bool aborted;
} barrier;

static bool any(const uint64_t *bits, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++)
        if (bits[i])
            return true;
    return false;
}

/* Moves the bits of `from` that are in `which` (NULL: all) to `to`. */
static void move(uint64_t *to, uint64_t *from, const uint64_t *which, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++) {
        uint64_t bits = which ? from[i] & which[i] : from[i];
        to[i] |= bits;
        from[i] &= ~bits;
    }
}

/* ---- merging ---- */

static int by_id(const void *a, const void *b)
{
    const jpx_count *left = *(jpx_count *const *)a, *right = *(jpx_count *const *)b;
    int order = jpx_mongo_compare(left->id, right->id);
    return order ? order : (left > right) - (left < right); /* the items of one target stay in their order */
}

static void merge(jpx_mongo *m, target *t, jpx_count *const *items, size_t count)
{
    uint32_t end = 0;

    *t = (target){.id = items[0]->id, .first = UINT32_MAX};
    for (size_t i = 0; i < count; i++) {
        JPX_ASSERT(items[i]->words <= WORDS_MAX && items[i]->first_word <= WORDS_MAX - items[i]->words);
        if (items[i]->first_word < t->first)
            t->first = items[i]->first_word;
        if (items[i]->first_word + items[i]->words > end)
            end = items[i]->first_word + items[i]->words;
    }
    t->words = end - t->first;
    t->todo = jpx_alloc_array(m->scratch, 4 * (size_t)t->words + 1, sizeof *t->todo);
    t->ours = t->todo + t->words;
    t->before = t->ours + t->words;
    t->doubt = t->before + t->words;
    for (size_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < items[i]->words; k++) {
            JPX_ASSERT(items[i]->mask[k] >> JPX_WORD_BITS == 0);
            t->todo[items[i]->first_word - t->first + k] |= items[i]->mask[k];
        }
}

/* As if the items had been counted one after the other: a bit is fresh for the first that names it. */
static void tell(const target *t, jpx_count *const *items, size_t count)
{
    uint64_t *ours = t->ours, *before = t->before;

    for (size_t i = 0; i < count; i++) {
        jpx_count *item = items[i];
        item->found = t->found;
        item->aborted = t->aborted;
        item->left = t->left;
        item->fresh = item->repeated = false;
        for (uint32_t k = 0; k < item->words && t->found && !t->aborted; k++) {
            uint32_t at = item->first_word - t->first + k;
            uint64_t mask = item->mask[k];
            item->fresh = item->fresh || (mask & (ours[at] | t->doubt[at])) != 0;
            item->repeated = item->repeated || (mask & (before[at] | t->doubt[at])) != 0;
            before[at] |= mask & ours[at];
            ours[at] &= ~mask;
        }
    }
}

/* ---- writing ---- */

static jp_status add_update(jpx_mongo *m, jpx_mongo_bulk *bulk, const target *t, int64_t call, jp_error *err)
{
    bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, bits = BSON_INITIALIZER, part;
    int64_t n = 0;

    jpx_mongo_append_id(&filter, "_id", t->id);
    BSON_APPEND_BOOL(&filter, "aborted", false);
    for (uint32_t i = 0; i < t->words; i++) {
        char word[16];
        if (t->todo[i] == 0)
            continue;
        n += __builtin_popcountll(t->todo[i]);
        bson_snprintf(word, sizeof word, "w.%u", t->first + i);
        BSON_APPEND_DOCUMENT_BEGIN(&filter, word, &part);
        BSON_APPEND_INT64(&part, "$bitsAllClear", (int64_t)t->todo[i]);
        bson_append_document_end(&filter, &part);
        BSON_APPEND_DOCUMENT_BEGIN(&bits, word, &part);
        BSON_APPEND_INT64(&part, "or", (int64_t)t->todo[i]);
        bson_append_document_end(&bits, &part);
    }
    BSON_APPEND_DOCUMENT(&update, "$bit", &bits);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$inc", &part);
    BSON_APPEND_INT64(&part, "left", -n);
    bson_append_document_end(&update, &part);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &part);
    BSON_APPEND_INT64(&part, "call", call);
    bson_append_document_end(&update, &part);
    jp_status status = jpx_mongo_bulk_update(m, bulk, &filter, &update, err);
    bson_destroy(&filter);
    bson_destroy(&update);
    bson_destroy(&bits);
    return status;
}

/* *matched is only meaningful when the first try came through: a lost one may have matched, too. */
static jp_status send_updates(jpx_mongo *m, target **targets, size_t count, int64_t call, size_t *matched, bool *once,
                              jp_error *err)
{
    jp_status status;

    *once = true;
    jpx_mongo_patience(m);
    for (;;) {
        jpx_mongo_bulk bulk = jpx_mongo_bulk_new(m, JPX_TABLE_BARRIER);
        status = JP_OK;
        for (size_t i = 0; i < count && status == JP_OK; i++)
            if (targets[i]->sent)
                status = add_update(m, &bulk, targets[i], call, err);
        if (status != JP_OK)
            mongoc_bulk_operation_destroy(bulk.ops);
        else
            status = jpx_mongo_bulk_run(m, &bulk, "count barriers down", NULL, matched, err);
        if (status == JP_OK || !jpx_mongo_again(m))
            return status;
        *once = false;
    }
}

/* ---- reading ---- */

/* `set` gets the words t->first... of the document. False: this is no barrier, or words are missing. */
static bool read_barrier(jpx_bytes doc, const target *t, barrier *b, uint64_t *set)
{
    bson_t bson;
    bson_iter_t it, word;
    bool left = false, aborted = false;
    uint32_t words = 0;

    *b = (barrier){0};
    if (!bson_init_static(&bson, doc.data, doc.size) || !bson_iter_init(&it, &bson))
        return false;
    while (bson_iter_next(&it)) {
        if (BSON_ITER_IS_KEY(&it, "left") && (left = BSON_ITER_HOLDS_INT64(&it)))
            b->left = bson_iter_int64(&it);
        else if (BSON_ITER_IS_KEY(&it, "aborted") && (aborted = BSON_ITER_HOLDS_BOOL(&it)))
            b->aborted = bson_iter_bool(&it);
        else if (BSON_ITER_IS_KEY(&it, "call") && BSON_ITER_HOLDS_INT64(&it))
            b->call = bson_iter_int64(&it);
        else if (BSON_ITER_IS_KEY(&it, "w") && BSON_ITER_HOLDS_DOCUMENT(&it) && bson_iter_recurse(&it, &word))
            for (uint32_t k = 0; bson_iter_next(&word); k++) /* words stand in order, "0" first */
                if (BSON_ITER_HOLDS_INT64(&word) && k >= t->first && k - t->first < t->words) {
                    set[k - t->first] = (uint64_t)bson_iter_int64(&word);
                    words++;
                }
    }
    return left && aborted && words == t->words;
}

/* What a round has shown about a target. */
typedef enum verdict {
    OURS,   /* its update matched                                               */
    AGAIN,  /* it did not, and some of the bits are clear still                 */
    UNKNOWN /* all is set, or it is aborted or gone, and another call came last */
} verdict;

static verdict judge(target *t, const barrier *b, const uint64_t *set, bool ours)
{
    t->found = true;
    t->left = b->left;
    if (ours) {
        move(t->ours, t->todo, NULL, t->words);
        return OURS;
    }
    t->aborted = b->aborted;
    if (b->aborted)
        return UNKNOWN;
    for (uint32_t i = 0; i < t->words; i++)
        if (t->todo[i] & ~set[i]) {
            move(t->before, t->todo, set, t->words);
            return AGAIN;
        }
    move(t->doubt, t->todo, NULL, t->words);
    return UNKNOWN;
}

static jp_status damaged(jpx_mongo *m, const target *t, jp_error *err)
{
    char id[2 * 28 + 1];

    JPX_ASSERT(2 * t->id.size < sizeof id);
    jpx_hex(id, t->id.data, t->id.size);
    return jpx_fail(
        err, JP_E_DAMAGED,
        "barrier %s in database '%s' of MongoDB at %s lacks its fields or some of the words %u to %u; restore "
        "it from a backup or clean up its root",
        id, m->shared->database, m->shared->hosts, t->first, t->first + t->words - 1);
}

/* One bulk and one read; the targets that need another round move to the front of the list. */
static jp_status round_trip(jpx_mongo *m, target **targets, size_t *count, jp_error *err)
{
    size_t n = *count, sent = 0, matched = 0, ours = 0, unknown = 0;
    jpx_bytes *ids = jpx_alloc_array(m->scratch, n, sizeof *ids);
    jpx_record *records = jpx_alloc_array(m->scratch, n, sizeof *records);
    target **unsure = jpx_alloc_array(m->scratch, n, sizeof *unsure);
    int64_t call;
    bool once = true;
    jp_status status = JP_OK;

    jpx_random(m->store.env, &call, sizeof call);
    for (size_t i = 0; i < n; i++) {
        ids[i] = targets[i]->id;
        targets[i]->sent = any(targets[i]->todo, targets[i]->words); /* a mask without bits only asks */
        sent += targets[i]->sent;
    }
    if (sent > 0)
        status = send_updates(m, targets, n, call, &matched, &once, err);
    if (status == JP_OK)
        status = jpx_mongo_fetch(m, JPX_TABLE_BARRIER, ids, n, m->scratch, records, err);
    if (status != JP_OK)
        return status;
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        target *t = targets[i];
        uint64_t *set = jpx_alloc_array(m->scratch, t->words, sizeof *set);
        verdict v = UNKNOWN;
        barrier b;

        if (records[i].doc.data) {
            if (!read_barrier(records[i].doc, t, &b, set))
                return damaged(m, t, err);
            v = judge(t, &b, set, matched == sent || b.call == call);
        }
        if (v == AGAIN)
            targets[(*count)++] = t;
        else if (t->sent && v == OURS)
            ours++;
        else if (t->sent)
            unsure[unknown++] = t;
    }
    /* When the matches that are not known yet must be none of the unsure ones, or all, nothing is in doubt. */
    for (size_t i = 0; i < unknown && once; i++) {
        if (matched == ours)
            move(unsure[i]->before, unsure[i]->doubt, NULL, unsure[i]->words);
        else if (matched == ours + unknown)
            move(unsure[i]->ours, unsure[i]->doubt, NULL, unsure[i]->words);
    }
    return JP_OK;
}

jp_status jpx_mongo_count(jpx_store *store, jpx_count *items, size_t count, jp_error *err)
{
    jpx_mongo *m = jpx_mongo_begin(store);
    jpx_count **sorted = jpx_alloc_array(m->scratch, count, sizeof *sorted);
    target *targets = jpx_alloc_array(m->scratch, count, sizeof *targets);
    size_t *start = jpx_alloc_array(m->scratch, count + 1, sizeof *start); /* of each target's items in `sorted` */
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        sorted[i] = &items[i];
    qsort(sorted, count, sizeof *sorted, by_id);
    for (size_t i = 0; i < count; n++) {
        start[n] = i;
        while (i < count && jpx_mongo_compare(sorted[i]->id, sorted[start[n]]->id) == 0)
            i++;
        merge(m, &targets[n], sorted + start[n], i - start[n]);
        start[n + 1] = i;
    }
    for (size_t from = 0; from < n; from += TARGETS_MAX) {
        target *list[TARGETS_MAX];
        size_t pending = 0;

        for (size_t i = from; i < n && i < from + TARGETS_MAX; i++)
            list[pending++] = &targets[i];
        while (pending > 0) {
            jp_status status = round_trip(m, list, &pending, err);
            if (status != JP_OK)
                return status;
        }
    }
    for (size_t i = 0; i < n; i++)
        tell(&targets[i], sorted + start[i], start[i + 1] - start[i]);
    return JP_OK;
}

jp_status jpx_mongo_abort_barriers(jpx_store *store, const jpx_bytes *ids, size_t count, jp_error *err)
{
    jpx_mongo *m = jpx_mongo_begin(store);
    bson_t *update = BCON_NEW("$set", "{", "aborted", BCON_BOOL(true), "}");
    jp_status status = JP_OK;

    for (size_t from = 0; from < count && status == JP_OK; from += TARGETS_MAX) {
        bson_t filter = BSON_INITIALIZER, part;
        bson_error_t error;

        jpx_mongo_append_ids(&filter, "_id", ids + from, count - from < TARGETS_MAX ? count - from : TARGETS_MAX);
        BSON_APPEND_DOCUMENT_BEGIN(&filter, "left", &part);
        BSON_APPEND_INT64(&part, "$gt", 0);
        bson_append_document_end(&filter, &part);
        jpx_mongo_patience(m);
        do {
            status = mongoc_collection_update_many(m->tables[JPX_TABLE_BARRIER], &filter, update, NULL, NULL, &error)
                         ? JP_OK
                         : jpx_mongo_fail(m, "abort barriers", &error, err);
        } while (status != JP_OK && jpx_mongo_again(m));
        bson_destroy(&filter);
    }
    bson_destroy(update);
    return status;
}
