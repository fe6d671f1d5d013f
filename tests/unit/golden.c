/* golden.c -- reads, field by field, the records and events that each release wrote (tests/golden/RELEASE), as they are
 * and with unknown fields added. tests/golden/README.md says when to add files.
 *
 *   unit_golden write FOLDER     writes the files of this build */
#include "core/event.h"
#include "core/record.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t at_ms = 1763794800123, due_ms = 1763794860456;
static const uint8_t gen[JPX_GEN_SIZE] = {0x80, 1, 2, 3, 4, 5, 6, 7};
static const char root_text[] = "0199f2c3a4b5c6d7e8f90a1b";

static const char *const releases[] = {"0.1", "0.2"};
enum { RELEASES = sizeof releases / sizeof *releases };
static const char *release;
static bool with_unknown_fields;

static jpx_arena *arena;

static void setup(void)
{
    arena = jpx_arena_new();
}

static void teardown(void)
{
    jpx_arena_free(arena);
}

static jpx_key key_of(uint32_t index)
{
    jpx_root_id root;
    JPX_ASSERT(jpx_root_parse(&root, root_text));
    return jpx_key_make(root, gen, index);
}

static void check_key(const jpx_key *key, uint32_t index)
{
    jpx_key expected = key_of(index);
    ck_assert(jpx_key_equal(key, &expected));
}

static jpx_bytes add_unknown(const char *name, jpx_bytes plain)
{
    static const char before[] = "{\"nobody\":{\"knows\":[1,2]},";
    bson_t doc, copy, inner;

    if (strstr(name, ".json")) {
        char *json = jpx_format(arena, "%s%.*s", before, (int)plain.size - 1, (const char *)plain.data + 1);
        return (jpx_bytes){(const uint8_t *)json, strlen(json)};
    }
    ck_assert(bson_init_static(&doc, plain.data, plain.size));
    bson_copy_to(&doc, &copy);
    bson_append_document_begin(&copy, "nobody", -1, &inner);
    bson_append_int32(&inner, "knows", -1, 7);
    bson_append_document_end(&copy, &inner);
    return jpx_doc_take(&copy, arena);
}

static jpx_bytes golden(const char *name)
{
    char path[1024];
    uint8_t *data = jpx_alloc(arena, 64 * 1024);
    snprintf(path, sizeof path, "%s/tests/golden/%s/%s", getenv("JETPIPE_SOURCE_DIR"), release, name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s is missing; run the tests with sh tests/run.sh", path);
    size_t size = fread(data, 1, 64 * 1024, file);
    fclose(file);
    jpx_bytes plain = {data, size};
    return with_unknown_fields ? add_unknown(name, plain) : plain;
}

/* Each test runs for each release, as it was written and with unknown fields. */
static void chosen(int i)
{
    release = releases[i % RELEASES];
    with_unknown_fields = i >= RELEASES;
}

static void check_value(jpx_bytes value, int64_t number)
{
    bson_iter_t iter;
    ck_assert(jpx_value_iter(value, &iter));
    ck_assert_int_eq(bson_iter_as_int64(&iter), number);
}

static jpx_bytes value_of(int64_t number)
{
    bson_t doc = BSON_INITIALIZER;
    bson_append_int64(&doc, "v", 1, number);
    return jpx_doc_take(&doc, arena);
}

static jpx_bytes args_of(void)
{
    bson_t doc = BSON_INITIALIZER, list;
    bson_append_null(&doc, "0", 1);
    bson_append_array_begin(&doc, "1", 1, &list);
    bson_append_int64(&list, "0", 1, 40);
    bson_append_array_end(&doc, &list);
    bson_append_utf8(&doc, "2", 1, "x", 1);
    return jpx_doc_take(&doc, arena);
}

/* ---- written ---- */

static const char *folder;

static void put(const char *name, jpx_bytes data)
{
    FILE *file = fopen(jpx_format(arena, "%s/%s", folder, name), "wb");
    JPX_ASSERT(file != NULL);
    JPX_ASSERT(fwrite(data.data, 1, data.size, file) == data.size && fclose(file) == 0);
}

static void put_entry(const char *name, jpx_entry entry)
{
    entry.key = key_of(3);
    entry.at_ms = at_ms;
    put(name, jpx_entry_encode(&entry, arena).doc);
}

static void write_all(void)
{
    uint8_t large[JPX_VALUE_SIZE], hash[32];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof hash; i++)
        hash[i] = (uint8_t)(0xa0 + i);
    jpx_key key = key_of(3), root_key = jpx_key_root(jpx_key_root_id(&key));

    jpx_ref refs[] = {{.arg = 0, .at = JPX_WHOLE, .child = 1, .count = 1, .slot = "default"},
                      {.arg = 1, .at = 1, .child = 0, .count = 2, .slot = "rest"}};
    jpx_large larges[] = {{.arg = 2}};
    jpx_dep deps[] = {{.slot = "default", .child = 1, .count = 1}, {.child = 0, .count = 2}};
    jpx_waiter waiters[] = {{.slot = "default", .consumer = 4, .count = 1, .bits = 1},
                            {.consumer = 5, .count = 2, .bit = 1, .bits = 3}};
    jpx_link links[] = {{.slot = "default", .owner = root_key, .owner_slot = "total"}};
    memcpy(larges[0].id, large, sizeof large);
    jpx_pipeline pipeline = {.key = key,
                             .pipe = "AddOne",
                             .queue = "slow",
                             .at = "add.c:12",
                             .planned_ms = at_ms,
                             .parent = root_key,
                             .siblings = 7,
                             .args = args_of(),
                             .refs = refs,
                             .refs_count = 2,
                             .large = larges,
                             .large_count = 1,
                             .deps = deps,
                             .deps_count = 2,
                             .waiters = waiters,
                             .waiters_count = 2,
                             .links = links,
                             .links_count = 1,
                             .hook = true,
                             .cancel = true,
                             .has_options = true,
                             .retry = {5, 250, 1.5, 9000, 0.25},
                             .timeout_ms = 777};
    put("pipeline.bson", jpx_pipeline_encode(&pipeline, arena).doc);

    jpx_out outs[] = {{.slot = "default", .value = value_of(41)},
                      {.slot = "rest", .large = true},
                      {.slot = "total", .forwarded = true, .child = 2, .child_slot = "default"}};
    memcpy(outs[1].large_id, large, sizeof large);
    put_entry("returned.bson",
              (jpx_entry){.kind = JPX_ENTRY_RETURNED, .attempt = 2, .body_us = 1234, .outs = outs, .outs_count = 3});
    jpx_entry planned = {.kind = JPX_ENTRY_PLANNED, .attempt = 1, .children = 6, .outs = outs + 2, .outs_count = 1};
    memcpy(planned.gen, gen, sizeof gen);
    put_entry("planned.bson", planned);
    jpx_entry waiting = {.kind = JPX_ENTRY_WAITING, .attempt = 1, .due_ms = due_ms, .completes = true, .step = 1};
    memcpy(waiting.token_hash, hash, sizeof hash);
    put_entry("waiting.bson", waiting);
    put_entry("replied.bson", (jpx_entry){.kind = JPX_ENTRY_REPLIED,
                                          .attempt = 1,
                                          .hooked = true,
                                          .step = 2,
                                          .reply = {.slot = "reply", .value = value_of(42)}});
    put_entry("retry.bson", (jpx_entry){.kind = JPX_ENTRY_RETRY,
                                        .attempt = 1,
                                        .due_ms = due_ms,
                                        .failure_class = "crash",
                                        .failure_text = "SIGSEGV in f, a.c:1",
                                        .failure_trace = "f, a.c:1"});
    put_entry(
        "failed.bson",
        (jpx_entry){.kind = JPX_ENTRY_FAILED, .attempt = 3, .failure_class = "abort", .failure_text = "no stock"});
    put_entry("aborted.bson", (jpx_entry){.kind = JPX_ENTRY_ABORTED, .attempt = 1, .begun = true});
    put_entry("finished.bson", (jpx_entry){.kind = JPX_ENTRY_FINISHED, .attempt = 1, .aborted = true, .step = 4});

    jpx_records barriers = {0};
    jpx_barrier_records(&key, &key, 70, arena, &barriers);
    put("barrier.bson", barriers.items[0].doc);
    jpx_root root = {
        .id = jpx_key_root_id(&key), .pipe = "Order", .key = "order-17", .started_ms = at_ms, .status = "running"};
    put("root.bson", jpx_root_encode(&root, arena).doc);
    bson_t aborted; /* as the stores change it */
    jpx_bytes plain = jpx_root_encode(&root, arena).doc;
    JPX_ASSERT(bson_init_static(&aborted, plain.data, plain.size));
    bson_t copy = BSON_INITIALIZER, abort;
    bson_copy_to_excluding_noinit(&aborted, &copy, "status", NULL);
    bson_append_utf8(&copy, "status", -1, "aborted", -1);
    bson_append_bool(&copy, "decided", -1, true);
    bson_append_document_begin(&copy, "abort", -1, &abort);
    bson_append_utf8(&abort, "reason", -1, "enough", -1);
    bson_append_utf8(&abort, "by", -1, "request", -1);
    bson_append_date_time(&abort, "at", -1, due_ms);
    bson_append_document_end(&copy, &abort);
    bson_append_date_time(&copy, "ended", -1, due_ms + 1);
    put("root-aborted.bson", jpx_doc_take(&copy, arena));
    jpx_timer timer = {.due_ms = due_ms, .key = key, .step = 2, .pipe = "AddOne", .queue = "slow"};
    put("timer.bson", jpx_timer_encode(&timer, arena).doc);
    jpx_fill fill = {.owner = key, .filler = key_of(9), .slot = "default", .filler_slot = "rest", .step = 5};
    put("fill.bson", jpx_fill_encode(&fill, arena).doc);
    jpx_execution execution = {.key = key, .step = 6, .since_ms = at_ms, .worker = "host/17"};
    put("mark.bson", jpx_execution_encode(&execution, large, arena).doc);
    jpx_handout handout = {
        .generation = jpx_finish_key(root.id, gen), .since_ms = at_ms, .worker = "host/17", .by = key, .by_step = 6};
    put("handout.bson", jpx_handout_encode(&handout, large, arena).doc);
    put("tombstone.bson", jpx_tombstone_encode(&root.id, at_ms, arena).doc);
    put("stream.bson", jpx_stream_mark_encode(at_ms * 1000000, at_ms, arena).doc);
    put("value.bson", jpx_value_encode(large, value_of(43), arena).doc);

    jpx_run_event run = {.key = key, .step = 2, .due = true}, finish = {.key = key, .finish = true};
    put("run.json", jpx_run_event_encode(&run, "AddOne", at_ms, arena));
    put("finish.json", jpx_run_event_encode(&finish, "AddOne", at_ms, arena));
    jpx_fact facts[] = {
        {.kind = JPX_FACT_FILLED, .key = key_of(0), .count = 256, .slot = "default"},
        {.kind = JPX_FACT_FILLED, .key = key_of(300), .count = 1, .slot = "rest", .step = 4},
        {.kind = JPX_FACT_FILLED, .key = key_of(301), .count = 1, .slot = "rest", .step = JPX_STEP_FILL},
        {.kind = JPX_FACT_ENDED, .key = key_of(0), .count = 256},
        {.kind = JPX_FACT_FINISHED, .key = key_of(300), .count = 1}};
    for (size_t i = 0; i < 5; i++)
        facts[i].repeat = JPX_REPEAT;
    put("slot.json", jpx_slot_event_encode(facts, 5, at_ms, arena));
}

/* ---- read ---- */

START_TEST(pipelines)
{
    chosen(_i);
    jpx_pipeline p;
    ck_assert(jpx_pipeline_decode(golden("pipeline.bson"), arena, &p));
    check_key(&p.key, 3);
    ck_assert_str_eq(p.pipe, "AddOne");
    ck_assert_str_eq(p.queue, "slow");
    ck_assert_str_eq(p.at, "add.c:12");
    ck_assert_int_eq(p.planned_ms, at_ms);
    ck_assert(jpx_key_is_root(&p.parent));
    ck_assert_uint_eq(p.siblings, 7);
    jpx_bytes args = args_of();
    ck_assert_uint_eq(p.args.size, args.size);
    ck_assert_mem_eq(p.args.data, args.data, args.size);
    ck_assert(p.refs_count == 2 && p.large_count == 1 && p.deps_count == 2 && p.waiters_count == 2 &&
              p.links_count == 1);
    ck_assert(p.refs[0].arg == 0 && p.refs[0].at == JPX_WHOLE && p.refs[0].child == 1 && p.refs[0].count == 1);
    ck_assert(p.refs[1].arg == 1 && p.refs[1].at == 1 && p.refs[1].child == 0 && p.refs[1].count == 2);
    ck_assert_str_eq(p.refs[1].slot, "rest");
    ck_assert(p.large[0].arg == 2 && p.large[0].id[35] == 35);
    ck_assert(p.deps[0].slot && p.deps[0].child == 1 && p.deps[0].count == 1);
    ck_assert(!p.deps[1].slot && p.deps[1].child == 0 && p.deps[1].count == 2);
    ck_assert(p.waiters[0].consumer == 4 && p.waiters[0].count == 1 && p.waiters[0].bits == 1);
    ck_assert(!p.waiters[1].slot && p.waiters[1].count == 2 && p.waiters[1].bit == 1 && p.waiters[1].bits == 3);
    ck_assert(jpx_key_is_root(&p.links[0].owner));
    ck_assert_str_eq(p.links[0].owner_slot, "total");
    ck_assert(p.hook && p.cancel && p.has_options && p.timeout_ms == 777);
    ck_assert(p.retry.attempts == 5 && p.retry.first_ms == 250 && p.retry.limit_ms == 9000);
    ck_assert_double_eq(p.retry.factor, 1.5);
    ck_assert_double_eq(p.retry.jitter, 0.25);
}
END_TEST

static jpx_entry entry_of(const char *name, jpx_entry_kind kind, uint32_t step, int attempt)
{
    jpx_entry entry;
    ck_assert_msg(jpx_entry_decode(golden(name), arena, &entry), "%s", name);
    check_key(&entry.key, 3);
    ck_assert(entry.kind == kind && entry.step == step && entry.attempt == attempt && entry.at_ms == at_ms);
    return entry;
}

START_TEST(entries)
{
    chosen(_i);
    jpx_entry e = entry_of("returned.bson", JPX_ENTRY_RETURNED, 0, 2);
    ck_assert(e.body_us == 1234 && e.outs_count == 3);
    check_value(e.outs[0].value, 41);
    ck_assert(e.outs[1].large && e.outs[1].large_id[35] == 35);
    ck_assert(e.outs[2].forwarded && e.outs[2].child == 2);
    ck_assert_str_eq(e.outs[2].slot, "total");
    ck_assert_str_eq(e.outs[2].child_slot, "default");
    e = entry_of("planned.bson", JPX_ENTRY_PLANNED, 0, 1);
    ck_assert(e.children == 6 && memcmp(e.gen, gen, sizeof gen) == 0 && e.outs_count == 1);
    e = entry_of("waiting.bson", JPX_ENTRY_WAITING, 1, 1);
    ck_assert(e.due_ms == due_ms && e.completes && e.token_hash[0] == 0xa0 && e.token_hash[31] == 0xbf);
    e = entry_of("replied.bson", JPX_ENTRY_REPLIED, 2, 1);
    ck_assert(e.hooked);
    check_value(e.reply.value, 42);
    e = entry_of("retry.bson", JPX_ENTRY_RETRY, 0, 1);
    ck_assert_int_eq(e.due_ms, due_ms);
    ck_assert_str_eq(e.failure_class, "crash");
    ck_assert_str_eq(e.failure_text, "SIGSEGV in f, a.c:1");
    ck_assert_str_eq(e.failure_trace, "f, a.c:1");
    e = entry_of("failed.bson", JPX_ENTRY_FAILED, 0, 3);
    ck_assert_str_eq(e.failure_text, "no stock");
    e = entry_of("aborted.bson", JPX_ENTRY_ABORTED, 0, 1);
    ck_assert(e.begun);
    e = entry_of("finished.bson", JPX_ENTRY_FINISHED, 4, 1);
    ck_assert(e.aborted);
}
END_TEST

START_TEST(roots)
{
    chosen(_i);
    jpx_root root;
    char id[JPX_ROOT_TEXT];
    ck_assert(jpx_root_decode(golden("root.bson"), arena, &root));
    ck_assert_str_eq(jpx_root_text(id, &root.id), root_text);
    ck_assert_str_eq(root.pipe, "Order");
    ck_assert_str_eq(root.key, "order-17");
    ck_assert_str_eq(root.status, "running");
    ck_assert(root.started_ms == at_ms && !root.aborting && !root.decided && !jpx_root_final(&root));
    ck_assert(jpx_root_decode(golden("root-aborted.bson"), arena, &root));
    ck_assert(jpx_root_final(&root) && root.aborting && root.decided);
    ck_assert_str_eq(root.reason, "enough");
    ck_assert_str_eq(root.by, "request");
    ck_assert(root.abort_ms == due_ms && root.ended_ms == due_ms + 1);
}
END_TEST

/* As a store returns it: with its id. */
static jpx_record record_of(const char *name)
{
    jpx_bytes doc = golden(name);
    bson_iter_t iter;
    const uint8_t *id;
    uint32_t size;
    ck_assert(jpx_doc_find(doc, "_id", &iter));
    bson_iter_binary(&iter, NULL, &size, &id);
    return (jpx_record){{id, size}, doc};
}

START_TEST(small_records)
{
    chosen(_i);
    jpx_barrier barrier;
    ck_assert(jpx_barrier_decode(golden("barrier.bson"), &barrier));
    check_key(&barrier.of, 3);
    ck_assert(barrier.left == 70 && !barrier.aborted);
    jpx_timer timer;
    ck_assert(jpx_timer_decode(record_of("timer.bson"), arena, &timer));
    check_key(&timer.key, 3);
    ck_assert(timer.due_ms == due_ms && timer.step == 2);
    ck_assert_str_eq(timer.pipe, "AddOne");
    ck_assert_str_eq(timer.queue, "slow");
    jpx_fill fill;
    ck_assert(jpx_fill_decode(golden("fill.bson"), arena, &fill));
    check_key(&fill.owner, 3);
    check_key(&fill.filler, 9);
    ck_assert_uint_eq(fill.step, 5);
    ck_assert_str_eq(fill.slot, "default");
    ck_assert_str_eq(fill.filler_slot, "rest");
    jpx_execution execution;
    ck_assert(jpx_execution_decode(record_of("mark.bson"), arena, &execution));
    check_key(&execution.key, 3);
    ck_assert(execution.step == 6 && execution.since_ms == at_ms);
    ck_assert_str_eq(execution.worker, "host/17");
    bson_iter_t iter;
    if (strcmp(release, "0.1") != 0) { /* 0.1 has no files of these */
        jpx_handout handout;
        int64_t since_ms;
        ck_assert(jpx_handout_decode(record_of("handout.bson"), arena, &handout));
        check_key(&handout.by, 3);
        ck_assert(handout.by_step == 6 && handout.since_ms == at_ms);
        ck_assert(!jpx_execution_decode(record_of("handout.bson"), arena, &execution));
        ck_assert(jpx_tombstone_decode(record_of("tombstone.bson"), arena, &since_ms));
        ck_assert_int_eq(since_ms, at_ms);
        ck_assert(jpx_doc_find(golden("stream.bson"), "kind", &iter));
        ck_assert_str_eq(bson_iter_utf8(&iter, NULL), "stream");
    }
    ck_assert(jpx_doc_find(golden("value.bson"), "v", &iter));
    ck_assert_int_eq(bson_iter_as_int64(&iter), 43);
}
END_TEST

START_TEST(events)
{
    chosen(_i);
    jpx_run_event run;
    ck_assert(jpx_run_event_decode(golden("run.json"), &run) == JPX_DECODED);
    check_key(&run.key, 3);
    ck_assert(run.step == 2 && run.due && !run.finish);
    ck_assert(jpx_run_event_decode(golden("finish.json"), &run) == JPX_DECODED);
    ck_assert(run.finish && !run.due);
    jpx_fact *facts;
    size_t count;
    ck_assert(jpx_slot_event_decode(golden("slot.json"), arena, &facts, &count) == JPX_DECODED);
    ck_assert_uint_eq(count, strcmp(release, "0.1") == 0 ? 4 : 5);
    ck_assert(facts[0].kind == JPX_FACT_FILLED && facts[0].count == 256 && facts[0].step == 0 && facts[0].repeat.maybe);
    check_key(&facts[0].key, 0);
    ck_assert_str_eq(facts[0].slot, "default");
    ck_assert(facts[1].count == 1 && facts[1].step == 4);
    check_key(&facts[1].key, 300);
    ck_assert_str_eq(facts[1].slot, "rest");
    if (count == 5)
        ck_assert(facts[2].step == JPX_STEP_FILL && jpx_key_index(&facts[2].key) == 301);
    ck_assert(facts[count - 2].kind == JPX_FACT_ENDED && facts[count - 2].count == 256);
    ck_assert(facts[count - 1].kind == JPX_FACT_FINISHED && facts[count - 1].count == 1);
}
END_TEST

static jpx_bytes text(const char *json)
{
    return (jpx_bytes){(const uint8_t *)json, strlen(json)};
}

/* An event of a version above ours is not malformed, but newer. */
START_TEST(newer_versions)
{
    static const char *const kinds[] = {"run", "slot"};
    static const struct {
        const char *type;
        jpx_decoded as;
    } types[] = {{"io.jetpipe.%s.v2", JPX_NEWER},      {"io.jetpipe.%s.v17", JPX_NEWER},
                 {"io.jetpipe.%s.v0", JPX_MALFORMED},  {"io.jetpipe.%s.v", JPX_MALFORMED},
                 {"io.jetpipe.%s.v2x", JPX_MALFORMED}, {"io.jetpipe.%s", JPX_MALFORMED},
                 {"com.example.%s.v2", JPX_MALFORMED}, {"io.jetpipe.%sx.v2", JPX_MALFORMED}};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        for (size_t k = 0; k < 2; k++) {
            jpx_run_event run;
            jpx_fact *facts;
            size_t count;
            const char *at = strstr(types[i].type, "%s");
            jpx_bytes json = text(jpx_format(arena, "{\"type\":\"%.*s%s%s\",\"new\":1}", (int)(at - types[i].type),
                                             types[i].type, kinds[k], at + 2));
            ck_assert_int_eq(k ? jpx_slot_event_decode(json, arena, &facts, &count) : jpx_run_event_decode(json, &run),
                             types[i].as);
        }
    for (int64_t version = 1; version <= 3; version++) {
        bson_t doc = BSON_INITIALIZER;
        bson_append_int32(&doc, "v", -1, (int32_t)version);
        ck_assert_int_eq(jpx_record_is_newer(jpx_doc_take(&doc, arena)), version > JPX_RECORD_VERSION);
    }
}
END_TEST

/* 0.1 wrote the step of a forwarded slot as a number. */
START_TEST(the_old_form_of_a_forwarded_fill)
{
    jpx_fact *facts;
    size_t count;

    ck_assert(jpx_slot_event_decode(text("{\"type\":\"io.jetpipe.slot.v1\",\"root\":\"0199f2c3a4b5c6d7e8f90a1b\","
                                         "\"filled\":[\"8001020304050607:5/default@2147483647\"]}"),
                                    arena, &facts, &count) == JPX_DECODED);
    ck_assert(count == 1 && facts[0].step == JPX_STEP_FILL);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "write") == 0) {
        folder = argv[2];
        setup();
        write_all();
        teardown();
        return EXIT_SUCCESS;
    }
    Suite *suite = suite_create("golden");
    TCase *tcase = tcase_create("golden");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, pipelines, 0, 2 * RELEASES);
    tcase_add_loop_test(tcase, entries, 0, 2 * RELEASES);
    tcase_add_loop_test(tcase, roots, 0, 2 * RELEASES);
    tcase_add_loop_test(tcase, small_records, 0, 2 * RELEASES);
    tcase_add_loop_test(tcase, events, 0, 2 * RELEASES);
    tcase_add_test(tcase, newer_versions);
    tcase_add_test(tcase, the_old_form_of_a_forwarded_fill);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
