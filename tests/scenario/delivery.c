/* delivery.c -- S87 to S89: every message twice, any order, a worker killed between the children and their adoption. */
#include "seam.h"
#include <unistd.h>

/* ---- pipes ---- */

/* S06 */
JP_PIPE(div_mod, p, .takes = "int64 a, int64 b", .gives = "int64", .fills = "int64 remainder")
{
    jp_fill(p, "remainder", jp_int64(p, "a") % jp_int64(p, "b"));
    return jp_return(p, jp_int64(p, "a") / jp_int64(p, "b"));
}

JP_PIPE(gcd, p, .takes = "int64 a, int64 b", .gives = "int64?", .fills = "int64 result")
{
    if (jp_int64(p, "b") == 0) {
        jp_fill(p, "result", jp_arg(p, "a"));
        return jp_done(p);
    }
    jp_future parts = jp_yield(p, div_mod, jp_arg(p, "a"), jp_arg(p, "b"));
    jp_future deeper = jp_yield(p, gcd, jp_arg(p, "b"), jp_slot(p, parts, "remainder"));
    jp_fill(p, "result", jp_slot(p, deeper, "result"));
    return jp_return(p, parts);
}

JP_PIPE(s06, p, .takes = "int64 a, int64 b", .gives = "int64")
{
    return jp_return(p, jp_slot(p, jp_yield(p, gcd, jp_arg(p, "a"), jp_arg(p, "b")), "result"));
}

/* S17: the parent fills two itself, a child the others. */
JP_PIPE(fills_two, p, .gives = "any", .fills = "int64 c, int64 d")
{
    jp_fill(p, "c", 3);
    jp_fill(p, "d", 4);
    return jp_done(p);
}

JP_PIPE(fills_four, p, .gives = "any", .fills = "int64 a, int64 b, int64 c, int64 d")
{
    jp_future child = jp_yield(p, fills_two);
    jp_fill(p, "a", 1);
    jp_fill(p, "b", 2);
    jp_fill(p, "c", jp_slot(p, child, "c"));
    jp_fill(p, "d", jp_slot(p, child, "d"));
    return jp_done(p);
}

JP_PIPE(s17, p, .gives = "list")
{
    jp_future four = jp_yield(p, fills_four);
    return jp_return(p, jp_yield(p, echo, jp_slot(p, four, "a"), jp_slot(p, four, "b"), jp_slot(p, four, "c"),
                                 jp_slot(p, four, "d")));
}

JP_PIPE(s33, p)
{
    jp_in_order (p) {
        jp_yield(p, rec, 1);
        jp_yield(p, slow, 2, 30);
        jp_yield(p, rec, 3);
        jp_yield(p, rec, 4);
    }
    return jp_done(p);
}

JP_PIPE(s35, p)
{
    jp_future first = jp_yield(p, rec, 11), third = {0};
    jp_after (p, first)
        jp_in_order (p) {
            jp_yield(p, rec, 12);
            third = jp_yield(p, rec, 13);
        }
    jp_in_order (p)
        jp_after (p, third) {
            jp_yield(p, rec, 14);
            jp_yield(p, rec, 15);
            jp_yield(p, rec, 16);
        }
    return jp_done(p);
}

JP_PIPE(twins, p, .gives = "list")
{
    kit_note("plan");
    return jp_return(p, jp_yield(p, echo, jp_yield(p, rec, 1), jp_yield(p, rec, 2)));
}

static const jp_def *const pipes[] = {&echo,       &rec, &slow, &div_mod, &gcd,   &s06, &fills_two,
                                      &fills_four, &s17, &s33,  &s35,     &twins, NULL};

/* S06, S17, S33 and S35 */
enum { ROOTS = 5 };
static const struct {
    const char *pipe, *args, *result, *counts;
} roots[ROOTS] = {{"s06", "[1071,462]", "21", "{\"done\":8}"},
                  {"s06", "[1071,463]", "1", "{\"done\":16}"},
                  {"s17", "", "[1,2,3,4]", "{\"done\":4}"},
                  {"s33", "", "null", "{\"done\":5}"},
                  {"s35", "", "null", "{\"done\":7}"}};

static void in_this_order(kit *k, const char *const *notes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(kit_noted(notes[i]) == 1, "%s: %s %d times: %s", k->ground, notes[i], kit_noted(notes[i]),
                      kit_journal());
    for (size_t i = 1; i < count; i++)
        ck_assert_msg(kit_before(notes[i - 1], notes[i]), "%s: %s not before %s: %s", k->ground, notes[i - 1], notes[i],
                      kit_journal());
}

static void check_root(kit *k, int which, const char *key)
{
    kit_finish(k, key);
    ck_assert_msg(strcmp(kit_result(k, key), roots[which].result) == 0, "%s: %s: %s", k->ground, roots[which].pipe,
                  kit_result(k, key));
    ck_assert_msg(strcmp(kit_field(k, "status", key, "pipelines"), roots[which].counts) == 0, "%s: %s: %s", k->ground,
                  roots[which].pipe, kit_field(k, "status", key, "pipelines"));
}

/* The same order, each consumer's effect once. */
static void check_order(kit *k)
{
    static const char *const s33_order[] = {"run 1", "fin 1", "slow 2", "run 3", "fin 3", "run 4", "fin 4"};
    static const char *const s35_order[] = {"run 11", "fin 11", "run 12", "fin 12", "run 13", "fin 13", "run 14"};
    static const char *const last[] = {"run 14", "fin 14", "run 15", "fin 15", "run 16", "fin 16"};
    kit_run_until_idle(k);
    in_this_order(k, s33_order, sizeof s33_order / sizeof *s33_order);
    in_this_order(k, s35_order, sizeof s35_order / sizeof *s35_order);
    in_this_order(k, last, sizeof last / sizeof *last);
}

/* ---- S87 ---- */

/* SEMANTICS 3.6 */
START_SCENARIO(s87_every_message_twice)
{
    seam_twice = true;
    for (int i = 0; i < ROOTS; i++) {
        check_root(k, i, kit_start(k, roots[i].pipe, roots[i].args));
        kit_run_until_idle(k);
    }
    check_order(k);
    seam_twice = false;
}

/* ---- S88 ---- */

static void in_disorder(int ground, uint64_t seed, unsigned duplicates)
{
    kit_seed = seed;
    kit *k = kit_open(ground, pipes);
    if (k->virtual_time) {
        jpx_memory_bus_disorder(seam_inner_bus(k),
                                (jpx_memory_disorder){.shuffle = true, .duplicate_percent = duplicates});
    } else {
        seam_shuffle = seed;
        seam_lost_percent = duplicates;
    }
    const char *keys[ROOTS];
    for (int i = 0; i < ROOTS; i++)
        keys[i] = kit_start(k, roots[i].pipe, roots[i].args);
    for (int i = 0; i < ROOTS; i++)
        check_root(k, i, keys[i]);
    check_order(k);
    kit_close(k);
    kit_seed = seam_shuffle = 0;
}

START_TEST(s88_fixed_seeds)
{
    const char *only = getenv("KIT_SEED"); /* one of them, to repeat it */
    for (uint64_t seed = 1; seed <= 100 && !only; seed++)
        in_disorder(0, seed, 0);
    if (only)
        in_disorder(0, strtoull(only, NULL, 10), 0);
}
END_TEST

START_TEST(s88_fresh_seeds)
{
    const jpx_env env = jpx_env_system(JPX_ERROR);
    for (int i = 0; i < 100 && !getenv("KIT_SEED"); i++) {
        uint64_t seed;
        jpx_random(&env, &seed, sizeof seed);
        in_disorder(0, seed | 1, i % 4 ? 0 : 20);
    }
}
END_TEST

/* A few on the other grounds; a message whose ack was lost is redelivered after the deadline. */
START_TEST(s88_on_servers)
{
    const jpx_env env = jpx_env_system(JPX_ERROR);
    setenv("JETPIPE_ACK_WAIT_MS", "400", 1);
    const char *only = getenv("KIT_SEED");
    for (int i = 0; i < (only ? 1 : 8) && kit_has(_i); i++) {
        uint64_t seed = only ? strtoull(only, NULL, 10) : 2 * (uint64_t)i + 1;
        if (i > 3)
            jpx_random(&env, &seed, sizeof seed);
        in_disorder(_i, seed | 1, i % 2 ? 20 : 0);
    }
}
END_TEST

/* ---- S89 ---- */

static kit *at_hand;
static size_t stored_then;
static bool killed;

/* The children are there, the entry that adopts them is not: now the worker dies. */
static bool dies(const char *operation)
{
    if (killed || strcmp(operation, "insert entry") != 0)
        return false;
    stored_then = records_in(at_hand, JPX_TABLE_PIPELINE, NULL);
    return killed = stored_then > 1;
}

/* SEMANTICS 2.3, 6.2 */
START_SCENARIO(s89_killed_before_adoption)
{
    jp_error err;
    at_hand = k;
    killed = false;
    const char *key = kit_start(k, "twins", "");
    seam_fails = dies;
    for (int i = 0; i < 2000 && !killed; i++) {
        jpx_local_step(k->local);
        stand_still(k, 2);
    }
    ck_assert(killed);
    ck_assert_msg(jpx_local_renew(k->local, JPX_ROLE_WORKER, &err) == JP_OK, "%s", err.text);
    seam_fails = NULL;
    ck_assert_uint_eq(stored_then, 4); /* the root and three inert ones */
    kit_finish(k, key);
    kit_run_until_idle(k);
    ck_assert_int_eq(kit_noted("plan"), 2); /* the body ran twice */
    kit_assert_json(kit_result(k, key), "[1,2]");
    kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":4}"); /* one set of children */
    kit_assert_json(kit_field(k, "tree", key, "total"), "4");
    ck_assert_int_eq(kit_noted("run 1") + kit_noted("run 2") + kit_noted("fin 1") + kit_noted("fin 2"), 4);
    kit_assert_json(kit_tree(k, key, "attempt"), "1"); /* it was not the body that crashed */
    jpx_root_id id = root_id(k, key);
    ck_assert_uint_eq(records_in(k, JPX_TABLE_PIPELINE, &id), 7);  /* the leftovers are there, inert */
    ck_assert_uint_eq(records_in(k, JPX_TABLE_ENTRY, &id), 4 + 2); /* and have no entries: two hooks, four ends */
    kit_assert_json(kit_field(k, "cleanup", key, "removed"), "1");
    ck_assert_uint_eq(records_of(k, &id), 0);
}

int main(void)
{
    Suite *suite = suite_create("delivery");
    TCase *twice = tcase_create("twice"), *disorder = tcase_create("disorder"), *killing = tcase_create("killed");
    seam_use();
    tcase_set_timeout(disorder, 170);
    tcase_set_timeout(twice, 120);
    tcase_set_timeout(killing, 120);
    kit_add_scenario(twice, s87_every_message_twice);
    tcase_add_test(disorder, s88_fixed_seeds);
    tcase_add_test(disorder, s88_fresh_seeds);
    tcase_add_loop_test(disorder, s88_on_servers, 1, KIT_GROUNDS);
    kit_add_scenario(killing, s89_killed_before_adoption);
    suite_add_tcase(suite, twice);
    suite_add_tcase(suite, disorder);
    suite_add_tcase(suite, killing);
    return kit_main(suite);
}
