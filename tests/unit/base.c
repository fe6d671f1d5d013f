/* base.c -- tests of runtime/base (arenas, errors, hex, hash, environment) and of the keys (runtime/core/key.c). */
#include "base/base.h"
#include "core/key.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- arena ---- */

static bool all_bytes_are(const uint8_t *item, size_t size, uint8_t byte)
{
    return size == 0 || (item[0] == byte && memcmp(item, item + 1, size - 1) == 0);
}

static void fill_and_check(jpx_arena *arena, size_t size, int rounds)
{
    uint8_t **items = calloc((size_t)rounds, sizeof *items);
    for (int i = 0; i < rounds; i++) {
        items[i] = jpx_alloc(arena, size);
        ck_assert_msg((uintptr_t)items[i] % 16 == 0, "not aligned at round %d", i);
        ck_assert_msg(all_bytes_are(items[i], size, 0), "item %d of %zu bytes is not zeroed", i, size);
        memset(items[i], i + 1, size);
    }
    for (int i = 0; i < rounds; i++)
        ck_assert_msg(all_bytes_are(items[i], size, (uint8_t)(i + 1)), "item %d of %zu bytes was overwritten", i, size);
    free(items);
}

START_TEST(arena_items_are_zeroed_aligned_and_apart)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, 1023, 1024, 1025, 4096, 100000, 300000};
    jpx_arena *arena = jpx_arena_new();
    fill_and_check(arena, sizes[_i], 40);
    jpx_arena_free(arena);
}
END_TEST

START_TEST(arena_is_zeroed_again_after_reset)
{
    jpx_arena *arena = jpx_arena_new();
    for (int i = 0; i < 5; i++) {
        fill_and_check(arena, 700, 100);
        fill_and_check(arena, 70000, 5);
        jpx_arena_reset(arena);
    }
    jpx_arena_free(arena);
    jpx_arena_free(NULL);
}
END_TEST

START_TEST(arena_large_items_do_not_end_the_block_in_use)
{
    jpx_arena *arena = jpx_arena_new();
    uint8_t *before = jpx_alloc(arena, 16);
    jpx_alloc(arena, 1024 * 1024);
    uint8_t *after = jpx_alloc(arena, 16);
    ck_assert_ptr_eq(after, before + 16);
    jpx_arena_free(arena);
}
END_TEST

START_TEST(arena_grown_array_keeps_its_items)
{
    jpx_arena *arena = jpx_arena_new();
    int *items = NULL;
    size_t count = 0, cap = 0;
    for (int i = 0; i < 10000; i++)
        JPX_PUSH(arena, items, count, cap) = i;
    ck_assert_uint_eq(count, 10000);
    for (int i = 0; i < 10000; i++)
        ck_assert_int_eq(items[i], i);
    jpx_arena_free(arena);
}
END_TEST

START_TEST(arena_refuses_a_product_that_overflows)
{
    jpx_arena *arena = jpx_arena_new();
    jpx_alloc_array(arena, SIZE_MAX / 2, 4);
}
END_TEST

START_TEST(arena_strings)
{
    jpx_arena *arena = jpx_arena_new();
    char text[] = "pipeline";
    char *copy = jpx_strdup(arena, text), *part = jpx_strndup(arena, text, 4);
    text[0] = 'x';
    ck_assert_str_eq(copy, "pipeline");
    ck_assert_str_eq(part, "pipe");
    ck_assert_str_eq(jpx_format(arena, "%s-%04d", copy, 17), "pipeline-0017");
    ck_assert_uint_eq(strlen(jpx_format(arena, "%100000d", 1)), 100000);

    jpx_bytes nothing = jpx_copy(arena, NULL, 0);
    ck_assert_ptr_nonnull(nothing.data);
    ck_assert_uint_eq(nothing.size, 0);
    jpx_arena_free(arena);
}
END_TEST

/* ---- errors ---- */

START_TEST(error_is_filled_in_and_returned)
{
    jp_error err;
    ck_assert_int_eq(jpx_fail(&err, JP_E_NOT_FOUND, "no pipe '%s'; jetpipe pipes lists them", "AddOen"),
                     JP_E_NOT_FOUND);
    ck_assert_int_eq(err.status, JP_E_NOT_FOUND);
    ck_assert_str_eq(err.text, "no pipe 'AddOen'; jetpipe pipes lists them");
    ck_assert_int_eq(jpx_fail(NULL, JP_E_FULL, "the queue is full"), JP_E_FULL);
}
END_TEST

START_TEST(error_wrapping_puts_the_place_before_the_cause)
{
    jp_error err;
    jpx_fail(&err, JP_E_UNAVAILABLE, "connection refused");
    ck_assert_int_eq(jpx_wrap(&err, "store %s", "mongodb://x"), JP_E_UNAVAILABLE);
    ck_assert_str_eq(err.text, "store mongodb://x: connection refused");
}
END_TEST

START_TEST(error_text_is_cut_never_overrun)
{
    jp_error err;
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    jpx_fail(&err, JP_E_INVALID, "%s", text);
    ck_assert_uint_eq(strlen(err.text), sizeof err.text - 1);
    for (int i = 0; i < 5; i++)
        jpx_wrap(&err, "%s", text);
    ck_assert_uint_eq(strlen(err.text), sizeof err.text - 1);
    ck_assert_ptr_nonnull(strstr(err.text, "x: x"));
}
END_TEST

START_TEST(status_texts_and_numbers_are_unique)
{
    static const int numbers[] = {
#define NUMBER(name, number, text, class_) JP_##name,
        JP_STATUS_MAP(NUMBER)
#undef NUMBER
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (size_t k = 0; k < i; k++) {
            ck_assert_int_ne(numbers[i], numbers[k]);
            ck_assert_str_ne(jp_status_text((jp_status)numbers[i]), jp_status_text((jp_status)numbers[k]));
        }
    ck_assert_str_eq(jp_status_text((jp_status)99), "unknown status");
}
END_TEST

START_TEST(failed_assertion_ends_the_process)
{
    JPX_ASSERT(1 + 1 == 3);
}
END_TEST

/* ---- hex and hash ---- */

START_TEST(hex_is_read_back)
{
    uint8_t bytes[256], back[256];
    char text[2 * sizeof bytes + 1];
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    jpx_hex(text, bytes, sizeof bytes);
    ck_assert_uint_eq(strlen(text), 512);
    ck_assert_int_eq(strncmp(text, "000102030405060708090a", 22), 0);
    ck_assert(jpx_unhex(back, sizeof back, text));
    ck_assert_mem_eq(back, bytes, sizeof bytes);
    ck_assert(jpx_unhex(back, 3, "aBCdeF"));
    ck_assert_mem_eq(back, "\xab\xcd\xef", 3);
}
END_TEST

START_TEST(unhex_refuses_text_that_is_not_hex)
{
    static const char *const texts[] = {"",   "a",  "0g", "g0", "a/", "a:",      "A@",
                                        "AG", "a`", " 0", "0x", "-1", "\xc3\xa4"};
    uint8_t byte;
    ck_assert_msg(!jpx_unhex(&byte, 1, texts[_i]), "'%s' was accepted", texts[_i]);
}
END_TEST

START_TEST(hash_is_fnv1a)
{
    /* Published test vectors. Stored keys contain the hash, so it must never change. */
    ck_assert_uint_eq(jpx_hash("", 0), 0xcbf29ce484222325u);
    ck_assert_uint_eq(jpx_hash("a", 1), 0xaf63dc4c8601ec8cu);
    ck_assert_uint_eq(jpx_hash("foobar", 6), 0x85944171f73967e8u);
}
END_TEST

/* ---- the injected environment ---- */

struct world {
    int64_t now;
    int lines;
    char last[4096];
};

static int64_t world_now(void *ctx)
{
    return ((struct world *)ctx)->now;
}

static void world_random(void *ctx, void *out, size_t size)
{
    (void)ctx;
    memset(out, 0x5a, size);
}

static void world_log(void *ctx, jpx_log_level level, const char *line)
{
    struct world *world = ctx;
    (void)level;
    world->lines++;
    snprintf(world->last, sizeof world->last, "%s", line);
}

START_TEST(log_goes_through_the_environment)
{
    struct world world = {.now = 1763794800123};
    jpx_env env = {world_now, world_random, world_log, &world, JPX_INFO};
    jpx_log(&env, JPX_INFO, "root done", "root=%s attempt=%d", "ab", 2);
    ck_assert_str_eq(world.last, "time=2025-11-22T07:00:00.123Z level=info event=\"root done\" root=ab attempt=2");
    jpx_log(&env, JPX_DEBUG, "below the level", "x=1");
    ck_assert_int_eq(world.lines, 1);
    jpx_log(&env, JPX_ERROR, "long", "x=%5000d", 1);
    ck_assert_int_eq(world.lines, 2);
    env.log = NULL;
    jpx_log(&env, JPX_ERROR, "silent", "x=1");
    ck_assert_int_eq(world.lines, 2);
}
END_TEST

START_TEST(time_text_is_rfc3339)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {951782399999, "2000-02-28T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {4102444800007, "2100-01-01T00:00:00.007Z"},
    };
    char text[32];
    jpx_time_text(text, cases[_i].ms);
    ck_assert_str_eq(text, cases[_i].text);
}
END_TEST

START_TEST(system_environment_works)
{
    jpx_env env = jpx_env_system(JPX_WARN);
    uint8_t a[32] = {0}, b[32] = {0};
    ck_assert_int_gt(jpx_now(&env), 1700000000000);
    jpx_random(&env, a, sizeof a);
    jpx_random(&env, b, sizeof b);
    ck_assert_mem_ne(a, b, sizeof a);
}
END_TEST

/* ---- keys ---- */

static const uint8_t gen[JPX_GEN_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};

static jpx_root_id some_root(void)
{
    static const uint8_t random[6] = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5};
    return jpx_root_new(0x0102030405ff, random);
}

START_TEST(integers_are_stored_big_endian)
{
    uint8_t out[8];
    jpx_put32(out, 0x01020304);
    ck_assert_mem_eq(out, "\1\2\3\4", 4);
    ck_assert_uint_eq(jpx_get32(out), 0x01020304);
    jpx_put64(out, 0xfedcba9876543210u);
    ck_assert_mem_eq(out, "\xfe\xdc\xba\x98\x76\x54\x32\x10", 8);
    ck_assert_uint_eq(jpx_get64(out), 0xfedcba9876543210u);
}
END_TEST

START_TEST(root_id_is_time_then_random)
{
    static const uint8_t lowest[6], highest[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    jpx_root_id root = some_root(), back;
    char text[JPX_ROOT_TEXT];
    ck_assert_str_eq(jpx_root_text(text, &root), "0102030405ffa0a1a2a3a4a5");
    ck_assert(jpx_root_parse(&back, text));
    ck_assert_mem_eq(back.b, root.b, JPX_ROOT_SIZE);

    jpx_root_id older = jpx_root_new(1763794800123, highest), newer = jpx_root_new(1763794800124, lowest);
    ck_assert_int_lt(memcmp(older.b, newer.b, JPX_ROOT_SIZE), 0);
}
END_TEST

START_TEST(root_parse_refuses_text_that_is_not_a_root)
{
    static const char *const texts[] = {
        "", "0102030405ffa0a1a2a3a4a", "0102030405ffa0a1a2a3a4a5a", "0102030405ffa0a1a2a3a4ag", "order-17",
    };
    jpx_root_id root;
    ck_assert_msg(!jpx_root_parse(&root, texts[_i]), "'%s' was accepted as a root id", texts[_i]);
}
END_TEST

START_TEST(pipeline_key_gives_back_its_parts)
{
    jpx_root_id root = some_root();
    jpx_key key = jpx_key_make(root, gen, 70000), same = key, top = jpx_key_root(root);
    jpx_root_id back = jpx_key_root_id(&key);
    char text[JPX_KEY_TEXT];

    ck_assert_mem_eq(back.b, root.b, JPX_ROOT_SIZE);
    ck_assert_mem_eq(jpx_key_gen(&key), gen, JPX_GEN_SIZE);
    ck_assert_uint_eq(jpx_key_index(&key), 70000);
    ck_assert_str_eq(jpx_key_text(text, &key), "0102030405060708:70000");
    ck_assert(!jpx_key_is_root(&key));
    ck_assert(jpx_key_is_root(&top));
    ck_assert(jpx_key_equal(&key, &same));
    ck_assert(!jpx_key_equal(&key, &top));

    jpx_key last = jpx_key_make(root, gen, JPX_FINISH_INDEX);
    ck_assert_uint_lt(strlen(jpx_key_text(text, &last)), JPX_KEY_TEXT);
}
END_TEST

/* A root's records are one range, in numeric order. */
START_TEST(keys_sort_by_root_then_number)
{
    jpx_root_id root = some_root();
    jpx_key one = jpx_key_make(root, gen, 255), two = jpx_key_make(root, gen, 256);
    uint8_t a[JPX_ENTRY_SIZE], b[JPX_ENTRY_SIZE], c[JPX_ENTRY_SIZE];
    jpx_entry_id(a, &one, 255);
    jpx_entry_id(b, &one, 256);
    jpx_entry_id(c, &two, 0);
    ck_assert_int_lt(memcmp(a, b, sizeof a), 0);
    ck_assert_int_lt(memcmp(b, c, sizeof b), 0);
    ck_assert_mem_eq(a, root.b, JPX_ROOT_SIZE);
}
END_TEST

START_TEST(ids_have_the_layout_of_key_h)
{
    jpx_key key = jpx_key_make(some_root(), gen, 9);
    uint8_t entry[JPX_ENTRY_SIZE], barrier[JPX_BARRIER_SIZE], fill[JPX_FILL_SIZE], other[JPX_FILL_SIZE];
    uint8_t timer[JPX_TIMER_SIZE], later[JPX_TIMER_SIZE], value[JPX_VALUE_SIZE];

    jpx_entry_id(entry, &key, 3);
    ck_assert_mem_eq(entry, key.b, JPX_PIPELINE_SIZE);
    ck_assert_mem_eq(entry + JPX_PIPELINE_SIZE, "\0\0\0\3", 4);

    jpx_barrier_id(barrier, &key, JPX_TOP_PART);
    ck_assert_mem_eq(barrier + JPX_PIPELINE_SIZE, "\xff\xff\xff\xff", 4);

    jpx_fill_id(fill, &key, "rows");
    jpx_fill_id(other, &key, "log");
    ck_assert_mem_eq(fill, other, JPX_PIPELINE_SIZE);
    ck_assert_mem_ne(fill, other, JPX_FILL_SIZE);

    jpx_timer_id(timer, 0x0102, &key, 3);
    jpx_timer_id(later, 0x0103, &key, 0);
    ck_assert_mem_eq(timer, "\0\0\0\0\0\0\1\2", 8);
    ck_assert_mem_eq(timer + 8, entry, JPX_ENTRY_SIZE);
    ck_assert_int_lt(memcmp(timer, later, sizeof timer), 0);

    jpx_tail_id(value, &key, 3, (const uint8_t *)"12345678");
    ck_assert_mem_eq(value, entry, JPX_ENTRY_SIZE);
    ck_assert_mem_eq(value + JPX_ENTRY_SIZE, "12345678", 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");

    TCase *arena = tcase_create("arena");
    tcase_add_loop_test(arena, arena_items_are_zeroed_aligned_and_apart, 0, 12);
    tcase_add_test(arena, arena_is_zeroed_again_after_reset);
    tcase_add_test(arena, arena_large_items_do_not_end_the_block_in_use);
    tcase_add_test(arena, arena_grown_array_keeps_its_items);
    tcase_add_test_raise_signal(arena, arena_refuses_a_product_that_overflows, SIGABRT);
    tcase_add_test(arena, arena_strings);
    suite_add_tcase(suite, arena);

    TCase *errors = tcase_create("errors");
    tcase_add_test(errors, error_is_filled_in_and_returned);
    tcase_add_test(errors, error_wrapping_puts_the_place_before_the_cause);
    tcase_add_test(errors, error_text_is_cut_never_overrun);
    tcase_add_test(errors, status_texts_and_numbers_are_unique);
    tcase_add_test_raise_signal(errors, failed_assertion_ends_the_process, SIGABRT);
    suite_add_tcase(suite, errors);

    TCase *bytes = tcase_create("bytes");
    tcase_add_test(bytes, hex_is_read_back);
    tcase_add_loop_test(bytes, unhex_refuses_text_that_is_not_hex, 0, 13);
    tcase_add_test(bytes, hash_is_fnv1a);
    suite_add_tcase(suite, bytes);

    TCase *environment = tcase_create("environment");
    tcase_add_test(environment, log_goes_through_the_environment);
    tcase_add_loop_test(environment, time_text_is_rfc3339, 0, 4);
    tcase_add_test(environment, system_environment_works);
    suite_add_tcase(suite, environment);

    TCase *keys = tcase_create("keys");
    tcase_add_test(keys, integers_are_stored_big_endian);
    tcase_add_test(keys, root_id_is_time_then_random);
    tcase_add_loop_test(keys, root_parse_refuses_text_that_is_not_a_root, 0, 5);
    tcase_add_test(keys, pipeline_key_gives_back_its_parts);
    tcase_add_test(keys, keys_sort_by_root_then_number);
    tcase_add_test(keys, ids_have_the_layout_of_key_h);
    suite_add_tcase(suite, keys);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
