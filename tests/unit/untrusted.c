/* untrusted.c -- malformed events, plans and outcomes from a process with a damaged heap, and damaged records are
 * refused as a whole, never accepted in part. Fuzzing found most of these cases (tests/fuzz). */
#include "body/body.h"
#include "core/event.h"
#include "core/plan.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static jpx_arena *arena;

static void setup(void)
{
    arena = jpx_arena_new();
}

static void teardown(void)
{
    jpx_arena_free(arena);
}

static jpx_bytes text(const char *s)
{
    return (jpx_bytes){(const uint8_t *)s, strlen(s)};
}

static bool slot_event(const char *facts, size_t *count)
{
    jpx_fact *some;
    const char *json =
        jpx_format(arena, "{\"type\":\"io.jetpipe.slot.v1\",\"root\":\"0199f2c3a4b5c6d7e8f90a1b\",%s}", facts);
    return jpx_slot_event_decode(text(json), arena, &some, count) == JPX_DECODED;
}

START_TEST(one_event_costs_a_bounded_amount)
{
    size_t count;
    ck_assert(slot_event("\"filled\":[\"8001020304050607:0-998/default\",\"8001020304050607:5/default\"]", &count));
    ck_assert_uint_eq(count, 2);
    ck_assert(!slot_event("\"filled\":[\"8001020304050607:0-998/default\",\"8001020304050607:5-6/default\"]", &count));
    ck_assert(!slot_event("\"ended\":[\"8001020304050607:0-3999999\"]", &count));
    ck_assert(!slot_event("\"ended\":[\"8001020304050607:0-600\"],\"finished\":[\"8001020304050607:0-600\"]", &count));
}
END_TEST

START_TEST(names_of_slots_are_checked)
{
    size_t count;
    ck_assert(slot_event("\"filled\":[\"8001020304050607:0/a-b_9@4294967295\"]", &count));
    ck_assert(!slot_event("\"filled\":[\"8001020304050607:0/a/b\"]", &count));
    ck_assert(!slot_event("\"filled\":[\"8001020304050607:0/\"]", &count));
    ck_assert(!slot_event("\"filled\":[\"8001020304050607:0/a@4294967296\"]", &count));
}
END_TEST

/* ---- plans ---- */

static jpx_bytes document(const char *first_key, size_t elements)
{
    bson_t doc = BSON_INITIALIZER;
    for (size_t i = 0; i < elements; i++)
        bson_append_int64(&doc, i ? jpx_format(arena, "%zu", i) : first_key, -1, 1);
    return jpx_doc_take(&doc, arena);
}

static jp_status check(jpx_outcome *outcome)
{
    jp_error err = {0};
    jp_status status = jpx_plan_check(outcome, &err);
    ck_assert_int_eq(status == JP_OK, err.text[0] == '\0');
    return status;
}

START_TEST(plans_are_checked)
{
    jpx_ref ref = {.at = JPX_WHOLE, .child = 0, .count = 1, .slot = "default"};
    jpx_child children[2] = {
        {.pipe = "A", .queue = "default", .args = document("0", 1)},
        {.pipe = "B", .queue = "default", .args = document("0", 2), .refs = &ref, .refs_count = 1}};
    jpx_output output = {.slot = "default", .forwarded = true, .child = 1, .child_slot = "default"};
    jpx_outcome outcome = {.children = children, .children_count = 2, .outputs = &output, .outputs_count = 1};

    ck_assert_int_eq(check(&outcome), JP_OK);
    children[1].args = document("x", 2);
    ck_assert_int_eq(check(&outcome), JP_E_INVALID);
    children[1].args = document("0", 2);
    children[1].queue = "a.b";
    ck_assert_int_eq(check(&outcome), JP_E_INVALID);
    children[1].queue = "default";
    children[0].pipe = "";
    ck_assert_int_eq(check(&outcome), JP_E_INVALID);
    children[0].pipe = "A";
    ref.slot = "de fault";
    ck_assert_int_eq(check(&outcome), JP_E_INVALID);
    ref.slot = "default";
    output.child_slot = "x/y";
    ck_assert_int_eq(check(&outcome), JP_E_INVALID);
    output.child_slot = "default";
    output.slot = "@";
    ck_assert_int_eq(check(&outcome), JP_E_INVALID);
    output.slot = "default";
    ck_assert_int_eq(check(&outcome), JP_OK);
}
END_TEST

/* A barrier has room for JPX_DEPS_MAX bits; more would fail an assertion of the worker. */
START_TEST(dependencies_of_one_child_are_bounded)
{
    enum { CHILDREN = 4001, REFS = 4001 };
    jpx_child *children = jpx_alloc_array(arena, CHILDREN, sizeof *children);
    jpx_ref *refs = jpx_alloc_array(arena, REFS, sizeof *refs);
    jpx_outcome outcome = {.children = children, .children_count = CHILDREN};

    for (size_t i = 0; i < REFS; i++)
        refs[i] = (jpx_ref){.at = JPX_WHOLE, .child = 0, .count = CHILDREN - 1, .slot = "default"};
    for (size_t i = 0; i < CHILDREN; i++)
        children[i] = (jpx_child){.pipe = "A", .queue = "default", .args = document("0", 0)};
    children[CHILDREN - 1].refs = refs;
    children[CHILDREN - 1].refs_count = REFS - 1; /* 4000 times 4000 is JPX_DEPS_MAX */
    ck_assert_int_eq(check(&outcome), JP_OK);
    children[CHILDREN - 1].refs_count = REFS;
    ck_assert_int_eq(check(&outcome), JP_E_INVALID);
}
END_TEST

/* ---- outcomes as bytes ---- */

START_TEST(damaged_outcomes_are_refused)
{
    jpx_child child = {.pipe = "A",
                       .queue = "default",
                       .at = "a.c:1",
                       .args = document("0", 1),
                       .has_options = true,
                       .retry = {.attempts = 3, .factor = 2.0}};
    jpx_outcome in = {.children = &child, .children_count = 1, .retry_in_ms = -1}, out;
    jp_error err;
    jpx_bytes good = jpx_outcome_encode(&in, arena);

    ck_assert_int_eq(jpx_outcome_decode(good, arena, &out, &err), JP_OK);
    uint8_t *bad = (uint8_t *)(uintptr_t)jpx_copy(arena, good.data, good.size).data;
    uint8_t *name = memmem(bad, good.size,
                           "\x12"
                           "attempts",
                           9);
    ck_assert_ptr_nonnull(name);
    *name = 'e'; /* not a type of BSON: reading stops there */
    ck_assert_int_eq(jpx_outcome_decode((jpx_bytes){bad, good.size}, arena, &out, &err), JP_E_DAMAGED);
    child.retry.factor = 1.0 / 0.0;
    ck_assert_int_eq(jpx_outcome_decode(jpx_outcome_encode(&in, arena), arena, &out, &err), JP_E_DAMAGED);
    child.retry.factor = 2.0;
    in.retry_in_ms = INT64_MAX; /* the due time would overflow */
    ck_assert_int_eq(jpx_outcome_decode(jpx_outcome_encode(&in, arena), arena, &out, &err), JP_E_DAMAGED);
    in.retry_in_ms = -1;
    child.timeout_ms = INT64_MAX;
    ck_assert_int_eq(jpx_outcome_decode(jpx_outcome_encode(&in, arena), arena, &out, &err), JP_E_DAMAGED);
    child.timeout_ms = 0;
    ck_assert_int_eq(jpx_outcome_decode(jpx_outcome_encode(&in, arena), arena, &out, &err), JP_OK);
    child.retry = (jp_retry_policy){.attempts = 0};
    ck_assert_int_eq(jpx_outcome_decode(jpx_outcome_encode(&in, arena), arena, &out, &err), JP_E_DAMAGED);
}
END_TEST

/* ---- records ---- */

/* Returns a copy of the record in which the type of one element is invalid. */
static jpx_bytes broken(jpx_record record, const char *name)
{
    uint8_t *bad = (uint8_t *)(uintptr_t)jpx_copy(arena, record.doc.data, record.doc.size).data;
    uint8_t *at = memmem(bad, record.doc.size, name, strlen(name) + 1);
    ck_assert_ptr_nonnull(at);
    at[-1] = 'e';
    return (jpx_bytes){bad, record.doc.size};
}

START_TEST(damaged_records_are_refused)
{
    jpx_dep dep = {.slot = "default", .child = 1, .count = 2};
    jpx_pipeline pipeline = {.pipe = "A",
                             .queue = "slow",
                             .args = document("0", 2),
                             .deps = &dep,
                             .deps_count = 1,
                             .siblings = 3,
                             .has_options = true},
                 pipeline_out;
    jpx_out out = {.slot = "default", .value = document("v", 1)};
    jpx_entry entry = {.kind = JPX_ENTRY_RETURNED, .attempt = 1, .outs = &out, .outs_count = 1}, entry_out;
    jpx_root root = {.pipe = "A", .status = "running"}, root_out;

    jpx_record record = jpx_pipeline_encode(&pipeline, arena);
    ck_assert(jpx_pipeline_decode(record.doc, arena, &pipeline_out));
    static const char *const of_pipelines[] = {"planned", "deps", "slot", "options", "jitter", "1"};
    for (size_t i = 0; i < sizeof of_pipelines / sizeof *of_pipelines; i++)
        ck_assert_msg(!jpx_pipeline_decode(broken(record, of_pipelines[i]), arena, &pipeline_out), "%s",
                      of_pipelines[i]);
    record = jpx_entry_encode(&entry, arena);
    ck_assert(jpx_entry_decode(record.doc, arena, &entry_out));
    static const char *const of_entries[] = {"attempt", "outputs", "slot", "value"};
    for (size_t i = 0; i < sizeof of_entries / sizeof *of_entries; i++)
        ck_assert_msg(!jpx_entry_decode(broken(record, of_entries[i]), arena, &entry_out), "%s", of_entries[i]);
    record = jpx_root_encode(&root, arena);
    ck_assert(jpx_root_decode(record.doc, arena, &root_out));
    ck_assert(!jpx_root_decode(broken(record, "started"), arena, &root_out));
}
END_TEST

START_TEST(entries_have_the_fields_that_their_kind_requires)
{
    jpx_entry planned = {.kind = JPX_ENTRY_PLANNED, .attempt = 1, .children = 2}, out;
    ck_assert(jpx_entry_decode(jpx_entry_encode(&planned, arena).doc, arena, &out));
    planned.children = 0;
    ck_assert(!jpx_entry_decode(jpx_entry_encode(&planned, arena).doc, arena, &out));
    jpx_entry replied = {
        .kind = JPX_ENTRY_REPLIED, .attempt = 1, .reply = {.slot = "reply", .value = document("v", 1)}};
    jpx_record record = jpx_entry_encode(&replied, arena);
    ck_assert(jpx_entry_decode(record.doc, arena, &out));
    uint8_t *name = memmem(record.doc.data, record.doc.size, "\x03reply", 7);
    ck_assert_ptr_nonnull(name);
    name[1] = 'x';
    ck_assert(!jpx_entry_decode(record.doc, arena, &out));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("untrusted");
    TCase *tcase = tcase_create("untrusted");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, one_event_costs_a_bounded_amount);
    tcase_add_test(tcase, names_of_slots_are_checked);
    tcase_add_test(tcase, plans_are_checked);
    tcase_add_test(tcase, dependencies_of_one_child_are_bounded);
    tcase_add_test(tcase, damaged_outcomes_are_refused);
    tcase_add_test(tcase, damaged_records_are_refused);
    tcase_add_test(tcase, entries_have_the_fields_that_their_kind_requires);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
