/* store_barriers.c -- the contract of store.h for barriers: each bit counts exactly once, whoever races. */
#include "contract/store_suite.h"

static suite_case c;

static void end(void)
{
    suite_end(&c);
}

static jpx_bytes barrier(uint64_t n, uint32_t bits)
{
    jpx_record record = suite_barrier(c.arena, n, bits);
    suite_insert(&c, JPX_TABLE_BARRIER, record);
    return record.id;
}

/* Counts one mask of one word and checks the answers. */
static void count_one(jpx_bytes id, uint32_t word, uint64_t mask, bool fresh, bool repeated, int64_t left)
{
    jpx_count item = {.id = id, .mask = &mask, .first_word = word, .words = 1};
    suite_ok(&c, jpx_store_count(c.store, &item, 1, &c.err));
    ck_assert(item.found && !item.aborted);
    ck_assert_int_eq(item.fresh, fresh);
    ck_assert_int_eq(item.repeated, repeated);
    ck_assert_int_eq(item.left, left);
}

/* What stands in the document. */
static int64_t stored_left(jpx_bytes id, bool *aborted)
{
    jpx_bytes doc = suite_get(&c, JPX_TABLE_BARRIER, id);
    bson_iter_t it;
    int64_t left;

    ck_assert(bson_iter_init_from_data(&it, doc.data, doc.size) && bson_iter_find(&it, "left"));
    left = bson_iter_int64(&it);
    ck_assert(bson_iter_init_from_data(&it, doc.data, doc.size) && bson_iter_find(&it, "aborted"));
    *aborted = bson_iter_bool(&it);
    return left;
}

static uint64_t stored_word(jpx_bytes id, const char *name)
{
    jpx_bytes doc = suite_get(&c, JPX_TABLE_BARRIER, id);
    char path[16];
    bson_iter_t it, word;

    snprintf(path, sizeof path, "w.%s", name);
    ck_assert(bson_iter_init_from_data(&it, doc.data, doc.size) && bson_iter_find_descendant(&it, path, &word));
    ck_assert(BSON_ITER_HOLDS_INT64(&word));
    return (uint64_t)bson_iter_int64(&word);
}

START_TEST(fresh_and_repeated)
{
    suite_begin(&c, _i);
    jpx_bytes id = barrier(1, 10);
    bool aborted;

    count_one(id, 0, 0x1, true, false, 9);
    count_one(id, 0, 0x1, false, true, 9); /* the same again */
    count_one(id, 0, 0x6, true, false, 7); /* two at once */
    count_one(id, 0, 0xf, true, true, 6);  /* PROTOCOL 2: three were set, the fourth counts all the same */
    count_one(id, 0, 0xf, false, true, 6);
    count_one(id, 0, 0x3f0, true, false, 0);
    count_one(id, 0, 0x3ff, false, true, 0); /* after zero */
    ck_assert_int_eq(stored_left(id, &aborted), 0);
    ck_assert(!aborted);
    ck_assert_uint_eq(stored_word(id, "0"), 0x3ff);
    end();
}
END_TEST

START_TEST(absent_barriers_are_not_made)
{
    suite_begin(&c, _i);
    uint64_t mask = 1;
    jpx_bytes there = barrier(2, 1), absent = suite_id(c.arena, JPX_TABLE_BARRIER, 1);
    jpx_count items[] = {{.id = absent, .mask = &mask, .words = 1}, {.id = there, .mask = &mask, .words = 1}};

    suite_ok(&c, jpx_store_count(c.store, items, 2, &c.err));
    ck_assert(!items[0].found && !items[0].fresh && !items[0].aborted);
    ck_assert(items[1].found && items[1].fresh);
    ck_assert_int_eq(items[1].left, 0);
    ck_assert_ptr_null(suite_get(&c, JPX_TABLE_BARRIER, absent).data);
    suite_ok(&c, jpx_store_count(c.store, NULL, 0, &c.err));
    end();
}
END_TEST

START_TEST(many_words)
{
    suite_begin(&c, _i);
    enum { WORDS = 64 };
    jpx_bytes id = barrier(1, WORDS * JPX_WORD_BITS);
    uint64_t full = ((uint64_t)1 << JPX_WORD_BITS) - 1, some[WORDS] = {0}, all[WORDS];
    jpx_count item = {.id = id, .mask = some, .first_word = 10, .words = 3};

    count_one(id, 63, (uint64_t)1 << 62, true, false, 4031); /* the last bit of all */
    some[0] = 5, some[1] = 0, some[2] = full;                /* a word without bits between */
    suite_ok(&c, jpx_store_count(c.store, &item, 1, &c.err));
    ck_assert(item.fresh && !item.repeated);
    ck_assert_int_eq(item.left, 4031 - 65);
    ck_assert_uint_eq(stored_word(id, "10"), 5);
    ck_assert_uint_eq(stored_word(id, "11"), 0);
    ck_assert_uint_eq(stored_word(id, "12"), full);

    for (int i = 0; i < WORDS; i++)
        all[i] = full;
    item = (jpx_count){.id = id, .mask = all, .words = WORDS};
    suite_ok(&c, jpx_store_count(c.store, &item, 1, &c.err));
    ck_assert(item.fresh && item.repeated);
    ck_assert_int_eq(item.left, 0);
    ck_assert_uint_eq(stored_word(id, "11"), full);
    suite_ok(&c, jpx_store_count(c.store, &item, 1, &c.err));
    ck_assert(!item.fresh && item.repeated);
    end();
}
END_TEST

START_TEST(items_name_an_id_twice)
{
    suite_begin(&c, _i);
    jpx_bytes a = barrier(1, 130), b = barrier(2, 2);
    uint64_t one = 1, two = 2, both = 3;
    jpx_count items[] = {
        {.id = a, .mask = &one, .first_word = 0, .words = 1}, {.id = b, .mask = &both, .first_word = 0, .words = 1},
        {.id = a, .mask = &two, .first_word = 0, .words = 1}, {.id = a, .mask = &one, .first_word = 2, .words = 1},
        {.id = a, .mask = &one, .first_word = 0, .words = 1}, /* its bit stands in the call twice */
    };
    bool aborted;

    suite_ok(&c, jpx_store_count(c.store, items, 5, &c.err));
    for (int i = 0; i < 5; i++)
        ck_assert(items[i].found && (items[i].fresh || items[i].repeated));
    ck_assert(items[1].fresh);
    ck_assert_int_eq(items[1].left, 0);
    ck_assert(items[2].fresh && items[3].fresh);
    ck_assert(items[0].fresh || items[4].fresh);
    ck_assert_int_eq(stored_left(a, &aborted), 127);
    ck_assert_uint_eq(stored_word(a, "0"), 3);
    ck_assert_uint_eq(stored_word(a, "2"), 1);
    end();
}
END_TEST

/* Items of one id that end it: at least one of them must be told of the zero. */
START_TEST(zero_within_one_call)
{
    suite_begin(&c, _i);
    jpx_bytes id = barrier(1, 3);
    uint64_t mask[] = {1, 2, 4};
    jpx_count items[3];
    bool zero = false;

    for (int i = 0; i < 3; i++)
        items[i] = (jpx_count){.id = id, .mask = &mask[i], .words = 1};
    suite_ok(&c, jpx_store_count(c.store, items, 3, &c.err));
    for (int i = 0; i < 3; i++)
        zero = zero || (items[i].left == 0 && items[i].fresh);
    ck_assert(zero);
    end();
}
END_TEST

START_TEST(aborted_ones_do_not_count)
{
    suite_begin(&c, _i);
    jpx_bytes ids[] = {barrier(1, 5), barrier(2, 1), suite_id(c.arena, JPX_TABLE_BARRIER, 3)};
    uint64_t mask = 2, last = 1;
    jpx_count item = {.id = ids[0], .mask = &mask, .words = 1};
    bool aborted;

    count_one(ids[0], 0, 1, true, false, 4);
    count_one(ids[1], 0, last, true, false, 0);
    suite_ok(&c, jpx_store_abort_barriers(c.store, ids, 3, &c.err));
    suite_ok(&c, jpx_store_abort_barriers(c.store, ids, 3, &c.err)); /* again: no change */

    suite_ok(&c, jpx_store_count(c.store, &item, 1, &c.err));
    ck_assert(item.found && item.aborted && !item.fresh);
    ck_assert_int_eq(item.left, 4);
    ck_assert_uint_eq(stored_word(ids[0], "0"), 1);
    ck_assert_int_eq(stored_left(ids[0], &aborted), 4);
    ck_assert(aborted);

    ck_assert_int_eq(stored_left(ids[1], &aborted), 0); /* zero came first */
    ck_assert(!aborted);
    count_one(ids[1], 0, last, false, true, 0);
    ck_assert_ptr_null(suite_get(&c, JPX_TABLE_BARRIER, ids[2]).data);
    end();
}
END_TEST

START_TEST(other_bytes_stay)
{
    suite_begin(&c, _i);
    jpx_record record = suite_barrier(c.arena, 1, 70);
    uint8_t *want = (uint8_t *)jpx_copy(c.arena, record.doc.data, record.doc.size).data;
    bson_iter_t it, word;

    suite_insert(&c, JPX_TABLE_BARRIER, record);
    count_one(record.id, 0, 0x80, true, false, 69);
    count_one(record.id, 1, 0x1, true, false, 68);
    ck_assert(bson_iter_init_from_data(&it, want, record.doc.size) && bson_iter_find(&it, "left"));
    bson_iter_overwrite_int64(&it, 68);
    ck_assert(bson_iter_init_from_data(&it, want, record.doc.size) && bson_iter_find_descendant(&it, "w.0", &word));
    bson_iter_overwrite_int64(&word, 0x80);
    ck_assert(bson_iter_init_from_data(&it, want, record.doc.size) && bson_iter_find_descendant(&it, "w.1", &word));
    bson_iter_overwrite_int64(&word, 1);
    suite_same(suite_get(&c, JPX_TABLE_BARRIER, record.id), (jpx_bytes){want, record.doc.size});
    end();
}
END_TEST

/* ---- races ---- */

/* Every thread sets all bits of all barriers, in an order and in pieces of its own. Whatever happens: at the end every
 * counter is at zero, and each counter's zero was seen by somebody who had set a bit of it in that call: that one
 * publishes the run event. */
enum { RACE_BARRIERS = 6, RACE_BITS = 200, RACE_WORDS = 4 };

struct race {
    pthread_mutex_t mutex;
    jpx_bytes ids[RACE_BARRIERS];
    int zeros[RACE_BARRIERS];  /* fresh and left == 0 */
    int unsure[RACE_BARRIERS]; /* repeated and left == 0: looks again before it publishes */
};

static void *count_all(void *arg)
{
    suite_thread *t = arg;
    struct race *race = t->test;
    uint64_t seed = (uint64_t)t->number + 1;
    uint64_t done[RACE_BARRIERS][RACE_WORDS] = {{0}};

    for (int round = 0; round < 400; round++) {
        jpx_count items[3];
        uint64_t masks[3];
        for (int i = 0; i < 3; i++) {
            uint64_t which = suite_random(&seed) % RACE_BARRIERS, word = suite_random(&seed) % RACE_WORDS;
            uint64_t full = word < 3 ? ((uint64_t)1 << 63) - 1 : ((uint64_t)1 << (RACE_BITS - 189)) - 1;
            masks[i] = suite_random(&seed) & full;
            masks[i] &= suite_random(&seed);
            if (round > 300)
                masks[i] = full & ~done[which][word]; /* what is missing yet */
            if (!masks[i])
                masks[i] = 1;
            done[which][word] |= masks[i];
            items[i] = (jpx_count){.id = race->ids[which], .mask = &masks[i], .first_word = (uint32_t)word, .words = 1};
        }
        if (jpx_store_count(t->store, items, 3, &t->err) != JP_OK)
            return NULL;
        pthread_mutex_lock(&race->mutex);
        for (int i = 0; i < 3; i++) {
            int which = 0;
            while (race->ids[which].data != items[i].id.data)
                which++;
            race->zeros[which] += items[i].left == 0 && items[i].fresh;
            race->unsure[which] += items[i].left == 0 && items[i].repeated;
            if (!items[i].found || items[i].aborted || items[i].left < 0 || (!items[i].fresh && !items[i].repeated))
                jpx_fail(&t->err, JP_E_INTERNAL, "answers of barrier %d: found %d aborted %d left %lld fresh %d", which,
                         items[i].found, items[i].aborted, (long long)items[i].left, items[i].fresh);
        }
        pthread_mutex_unlock(&race->mutex);
    }
    return NULL;
}

START_TEST(each_bit_once_in_a_race)
{
    suite_begin(&c, _i);
    struct race race = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    uint64_t full[RACE_WORDS];

    for (uint64_t i = 0; i < RACE_BARRIERS; i++)
        race.ids[i] = barrier(i, RACE_BITS);
    suite_race(&c, count_all, &race);
    for (int i = 0; i < RACE_WORDS; i++)
        full[i] = i < 3 ? ((uint64_t)1 << 63) - 1 : ((uint64_t)1 << (RACE_BITS - 189)) - 1;
    for (int i = 0; i < RACE_BARRIERS; i++) {
        jpx_count item = {.id = race.ids[i], .mask = full, .words = RACE_WORDS};
        bool aborted;
        suite_ok(&c, jpx_store_count(c.store, &item, 1, &c.err)); /* what nobody has set, if anything */
        ck_assert_int_eq(item.left, 0);
        ck_assert_int_eq(stored_left(race.ids[i], &aborted), 0);
        for (int w = 0; w < RACE_WORDS; w++) {
            char name[12];
            snprintf(name, sizeof name, "%d", w);
            ck_assert_uint_eq(stored_word(race.ids[i], name), full[w]);
        }
        ck_assert_msg(item.fresh || race.zeros[i] + race.unsure[i] > 0, "nobody was told of the zero of barrier %d", i);
    }
    end();
}
END_TEST

/* Each thread has bits of its own; all are fresh for it, none is repeated, and exactly the last one sees zero. */
static void *count_own(void *arg)
{
    suite_thread *t = arg;
    struct race *race = t->test;

    for (int i = 0; i < 25; i++) {
        int bit = i * SUITE_THREADS + t->number;
        uint64_t mask = (uint64_t)1 << (bit % JPX_WORD_BITS);
        jpx_count item = {.id = race->ids[0], .mask = &mask, .first_word = (uint32_t)(bit / JPX_WORD_BITS), .words = 1};
        if (jpx_store_count(t->store, &item, 1, &t->err) != JP_OK)
            return NULL;
        if (!item.fresh || item.repeated)
            jpx_fail(&t->err, JP_E_INTERNAL, "bit %d: fresh %d repeated %d", bit, item.fresh, item.repeated);
        t->made += item.left == 0;
    }
    return NULL;
}

START_TEST(own_bits_in_a_race)
{
    suite_begin(&c, _i);
    struct race race = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    bool aborted;

    race.ids[0] = barrier(1, RACE_BITS);
    long zeros = suite_race(&c, count_own, &race);
    ck_assert_int_eq(stored_left(race.ids[0], &aborted), 0);
    ck_assert_int_ge(zeros, 1); /* one, or more where `left` is read after the update */
    if (c.place != SUITE_MONGO)
        ck_assert_int_eq(zeros, 1);
    end();
}
END_TEST

/* Zero or abort: whichever comes first keeps the other out. */
static void *zero_or_abort(void *arg)
{
    suite_thread *t = arg;
    struct race *race = t->test;
    uint64_t mask = (uint64_t)1 << (t->number % 4);

    for (int i = 0; i < RACE_BARRIERS; i++) {
        if (t->number == 4) {
            if (jpx_store_abort_barriers(t->store, &race->ids[i], 1, &t->err) != JP_OK)
                return NULL;
        } else if (t->number < 4) {
            jpx_count item = {.id = race->ids[i], .mask = &mask, .words = 1};
            if (jpx_store_count(t->store, &item, 1, &t->err) != JP_OK)
                return NULL;
            pthread_mutex_lock(&race->mutex);
            race->zeros[i] += !item.aborted && item.left == 0;
            race->unsure[i] += item.aborted;
            pthread_mutex_unlock(&race->mutex);
        }
    }
    return NULL;
}

START_TEST(zero_against_abort)
{
    suite_begin(&c, _i);
    for (int turn = 0; turn < 20; turn++) {
        struct race race = {.mutex = PTHREAD_MUTEX_INITIALIZER};
        for (uint64_t i = 0; i < RACE_BARRIERS; i++)
            race.ids[i] = barrier((uint64_t)turn * RACE_BARRIERS + i, 4);
        suite_race(&c, zero_or_abort, &race);
        for (int i = 0; i < RACE_BARRIERS; i++) {
            bool aborted;
            int64_t left = stored_left(race.ids[i], &aborted);
            ck_assert_msg(aborted == (left > 0), "left %d, aborted %d", (int)left, aborted);
            ck_assert((race.zeros[i] > 0) == (left == 0));
        }
    }
    end();
}
END_TEST

START_TEST(a_batch_of_512)
{
    suite_begin(&c, _i);
    enum { N = 512 };
    jpx_record *records = jpx_alloc_array(c.arena, N, sizeof *records);
    jpx_count *items = jpx_alloc_array(c.arena, N, sizeof *items);
    uint64_t mask[2] = {1, 3};

    for (uint64_t i = 0; i < N; i++) {
        records[i] = suite_barrier(c.arena, i, 65);
        items[i] = (jpx_count){.id = records[i].id, .mask = mask, .words = 2};
    }
    suite_ok(&c, jpx_store_insert(c.store, JPX_TABLE_BARRIER, records, N, NULL, &c.err));
    count_one(records[7].id, 1, 2, true, false, 64);
    suite_ok(&c, jpx_store_count(c.store, items, N, &c.err));
    for (int i = 0; i < N; i++) {
        ck_assert(items[i].fresh);
        ck_assert_int_eq(items[i].repeated, i == 7);
        ck_assert_int_eq(items[i].left, 62);
    }
    end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        fresh_and_repeated,   absent_barriers_are_not_made, many_words,       items_name_an_id_twice,
        zero_within_one_call, aborted_ones_do_not_count,    other_bytes_stay, each_bit_once_in_a_race,
        own_bits_in_a_race,   zero_against_abort,           a_batch_of_512,
    };
    int places = suite_places();
    TCase *cases = tcase_create("barriers");

    tcase_set_timeout(cases, 120);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(cases, tests[i], 0, places);
    return suite_run("store_barriers", cases);
}
