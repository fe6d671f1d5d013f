/* newer.c -- what a newer version of jetpipe wrote is left for a newer process: its events are given back, neither
 * acked nor made dead letters, its records are not touched, and each role says so once. */
#include "records.h"

static int reports;

static void count_reports(void *ctx, jpx_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    reports += strstr(line, "event=\"written by a newer version\"") != NULL;
}

static const jp_def *const pipes[] = {&echo, &rec, NULL};

static void publish(kit *k, const char *subject, const char *json)
{
    jpx_message message = {.subject = jpx_format(k->arena, "%s.%s", k->prefix, subject),
                           .data = {(const uint8_t *)json, strlen(json)}};
    jp_error err;
    ck_assert_msg(jpx_bus_publish(jpx_local_bus(k->local), &message, 1, 5000, &err) == JP_OK, "%s", err.text);
}

/* What a newer process that serves `queue` gets; the text of the first event. */
static const char *taken_by_a_newer_process(kit *k, jpx_stream stream)
{
    jpx_sub *sub;
    jpx_delivery *delivery;
    const char *text = "";
    jp_error err;

    for (int role = 0; role < 3; role++) /* only it asks now */
        jpx_local_pause(k->local, (jpx_role_kind)role, true);
    ck_assert(jpx_bus_subscribe(&sub, jpx_local_bus(k->local), stream, "default", 1, &err) == JP_OK);
    for (int i = 0; i < 100 && !*text; i++) {
        if (jpx_sub_fetch(sub, &delivery, 1, 0)) {
            text = jpx_strndup(k->arena, (const char *)delivery->data.data, delivery->data.size);
            jpx_sub_ack(sub, &delivery, 1);
        }
        kit_pass(k, 1000);
    }
    jpx_sub_close(sub);
    for (int role = 0; role < 3; role++)
        jpx_local_pause(k->local, (jpx_role_kind)role, false);
    return text;
}

static void check_left(kit *k, jpx_stream stream, const char *json)
{
    kit_pass(k, 3000);
    ck_assert_int_eq(reports, 1);
    ck_assert_int_eq(jpx_bus_backlog(jpx_local_bus(k->local), stream), 1);
    ck_assert_int_eq(jpx_bus_backlog(jpx_local_bus(k->local), JPX_STREAM_DEAD), 0);
    if (k->virtual_time) /* on JetStream the pulls of a paused role would take it */
        ck_assert_str_eq(taken_by_a_newer_process(k, stream), json);
}

START_SCENARIO(a_newer_run_event_is_left)
{
    static const char json[] = "{\"type\":\"io.jetpipe.run.v2\",\"anything\":[1]}";

    reports = 0;
    publish(k, "run.default.rec", json);
    kit_run(k, "rec", "[1]"); /* others go on */
    check_left(k, JPX_STREAM_RUN, json);
}

START_SCENARIO(a_newer_slot_event_is_left)
{
    static const char json[] = "{\"type\":\"io.jetpipe.slot.v2\",\"anything\":[1]}";

    reports = 0;
    publish(k, "slot.3", json);
    kit_run(k, "rec", "[1]");
    check_left(k, JPX_STREAM_SLOT, json);
}

/* A root of a newer version: its run event is left, other roots of the same batch are handled, the tree says why. */
START_SCENARIO(a_newer_record_is_left)
{
    jpx_record record = {0};
    bson_t doc;
    jp_error err;

    reports = 0;
    for (int role = 1; role < 3; role++)
        jpx_local_pause(k->local, (jpx_role_kind)role, true);
    const char *key = kit_start(k, "rec", "[1]");
    kit_pass(k, 100);
    const jpx_pipeline *p = kit_pipeline_of_root(k, key);
    jpx_bytes id = {p->key.b, JPX_PIPELINE_SIZE};
    jpx_store *store = jpx_local_store(k->local);
    ck_assert(jpx_store_get(store, JPX_TABLE_PIPELINE, &id, 1, k->arena, &record, &err) == JP_OK);
    ck_assert(bson_init_static(&doc, record.doc.data, record.doc.size));
    bson_t newer = BSON_INITIALIZER;
    bson_copy_to_excluding_noinit(&doc, &newer, "v", NULL);
    bson_append_int32(&newer, "v", 1, 2);
    record.doc = jpx_doc_take(&newer, k->arena);
    ck_assert(jpx_store_remove(store, JPX_TABLE_PIPELINE, &id, 1, &err) == JP_OK);
    ck_assert(jpx_store_insert(store, JPX_TABLE_PIPELINE, &record, 1, NULL, &err) == JP_OK);
    for (int role = 1; role < 3; role++)
        jpx_local_pause(k->local, (jpx_role_kind)role, false);
    kit_run(k, "rec", "[2]");
    ck_assert_str_eq(kit_journal(), "run 2, fin 2");
    kit_pass(k, 3000);
    ck_assert_msg(reports >= 1 && reports <= 3, "%d reports", reports); /* one of each role that met it */
    ck_assert_int_eq(jpx_bus_backlog(jpx_local_bus(k->local), JPX_STREAM_RUN), 1);
    ck_assert_str_eq(kit_field(k, "tree", key, "error"),
                     "a record of this pipeline was written by a newer version of jetpipe");
}

int main(void)
{
    Suite *suite = suite_create("newer");
    TCase *tcase = tcase_create("newer");

    kit_log = count_reports;
    tcase_set_timeout(tcase, 60);
    kit_add_scenario(tcase, a_newer_run_event_is_left);
    kit_add_scenario(tcase, a_newer_slot_event_is_left);
    kit_add_scenario(tcase, a_newer_record_is_left);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
