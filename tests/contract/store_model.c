/* store_model.c -- random calls on a table, each answer checked against an array that says which records are there. The
 * numbers are the same in every run. */
#include "contract/store_suite.h"

static suite_case c;

enum { MODEL_IDS = 3000 };

START_TEST(agrees_with_a_model)
{
    suite_begin(&c, _i);
    static bool there[MODEL_IDS];
    int rounds = c.place == SUITE_MONGO ? 300 : 3000;

    memset(there, 0, sizeof there);
    for (int round = 0; round < rounds; round++) {
        uint64_t from = suite_random(&c.seed) % MODEL_IDS, what = suite_random(&c.seed) % 8;
        uint64_t to = from + suite_random(&c.seed) % 200;
        jpx_bytes lo = suite_id(c.arena, JPX_TABLE_VALUE, from), hi = suite_id(c.arena, JPX_TABLE_VALUE, to);
        to = to < MODEL_IDS ? to : MODEL_IDS - 1;
        if (what < 4) { /* insert some, downwards or scattered */
            jpx_record items[64];
            bool dup[64];
            uint64_t n = 1 + suite_random(&c.seed) % 64, step = what < 2 ? MODEL_IDS - 1 : 1 + what * 37;
            for (uint64_t i = 0; i < n; i++)
                items[i] = suite_record(c.arena, JPX_TABLE_VALUE, (from + i * step) % MODEL_IDS, 10);
            suite_ok(&c, jpx_store_insert(c.store, JPX_TABLE_VALUE, items, n, dup, &c.err));
            for (uint64_t i = 0; i < n; i++) {
                ck_assert(dup[i] == there[(from + i * step) % MODEL_IDS]);
                there[(from + i * step) % MODEL_IDS] = true;
            }
        } else if (what == 4) {
            suite_ok(&c, jpx_store_remove(c.store, JPX_TABLE_VALUE, &lo, 1, &c.err));
            there[from] = false;
        } else if (what == 5) {
            size_t limit = 1 + suite_random(&c.seed) % 150, removed, gone = 0;
            suite_ok(&c, jpx_store_remove_range(c.store, JPX_TABLE_VALUE, lo, hi, limit, &removed, &c.err));
            ck_assert_uint_le(removed, limit);
            jpx_bytes ids[200];
            jpx_record got[200];
            for (uint64_t i = from; i <= to; i++)
                ids[i - from] = suite_id(c.arena, JPX_TABLE_VALUE, i);
            suite_ok(&c, jpx_store_get(c.store, JPX_TABLE_VALUE, ids, to - from + 1, c.arena, got, &c.err));
            size_t before = 0;
            for (uint64_t i = from; i <= to; i++) {
                bool now = got[i - from].doc.data != NULL;
                ck_assert(!now || there[i]);
                before += there[i];
                gone += there[i] && !now;
                there[i] = now;
            }
            ck_assert_uint_eq(gone, removed);
            ck_assert(removed > 0 || before == 0);
        } else {
            jpx_records out;
            bool backwards = what == 7;
            size_t limit = 1 + suite_random(&c.seed) % 250, k = 0;
            suite_ok(&c, jpx_store_scan(c.store, JPX_TABLE_VALUE, lo, hi, limit, backwards, c.arena, &out, &c.err));
            for (uint64_t i = 0; i <= to - from && k < limit; i++) {
                uint64_t n = backwards ? to - i : from + i;
                if (!there[n])
                    continue;
                ck_assert_uint_lt(k, out.count);
                suite_same(out.items[k++].doc, suite_record(c.arena, JPX_TABLE_VALUE, n, 10).doc);
            }
            ck_assert_uint_eq(k, out.count);
        }
        jpx_arena_reset(c.arena);
    }
    suite_end(&c);
}
END_TEST

int main(void)
{
    int places = suite_places();
    TCase *cases = tcase_create("model");

    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, agrees_with_a_model, 0, places);
    return suite_run("store_model", cases);
}
