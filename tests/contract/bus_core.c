/* bus_core.c -- the promises of bus.h that are not about streams of work: listeners, requests, answers, history; and
 * what only one of the implementations has. */
#include "contract/bus_suite.h"
#include <pthread.h>

static bus_case c;

START_TEST(listeners_hear_what_matches)
{
    bus_begin(&c, _i);
    jpx_sub *all = bus_hear(&c, bus_subject(&c, "event.>"), NULL);
    jpx_sub *one = bus_hear(&c, bus_subject(&c, "event.*.Add.done"), NULL);
    jpx_message history[2] = {bus_message(&c, "event.r1.Add.done", "1"), bus_message(&c, "event.r1.Mul.done", "2")};

    jpx_bus_tell(c.bus, history, 2);
    jpx_delivery *got = bus_one(all, "1");
    ck_assert_str_eq(got->subject, history[0].subject);
    ck_assert_uint_eq(got->sequence, 0);
    jpx_sub_drop(all, &got, 1);
    bus_ack(all, bus_one(all, "2"));
    bus_ack(one, bus_one(one, "1"));
    bus_nothing(&c, one);
    bus_backlog_is(&c, JPX_STREAM_EVENT, 2);
    jpx_sub *work = bus_hear(&c, bus_subject(&c, "slot.*"), NULL); /* stream messages pass by too */
    bus_say(&c, "slot.7", "s");
    jpx_sub_nak(work, bus_one(work, "s"), 0);
    bus_nothing(&c, work);
    jpx_sub_close(all);
    jpx_sub_close(one);
    jpx_sub_close(work);
    bus_end(&c);
}
END_TEST

START_TEST(of_a_group_one_hears)
{
    bus_begin(&c, _i);
    jpx_sub *subs[3], *alone = bus_hear(&c, bus_subject(&c, "api.x"), NULL);
    size_t heard[3] = {0};
    jpx_delivery *got[64];

    for (int i = 0; i < 3; i++)
        subs[i] = bus_hear(&c, bus_subject(&c, "api.x"), "q");
    for (int i = 0; i < 60; i++)
        jpx_bus_tell(c.bus, &(jpx_message){.subject = bus_subject(&c, "api.x")}, 1);
    for (size_t total = 0; total < 60;) {
        size_t count = jpx_sub_fetch(alone, got, 64, FETCH_MS);
        ck_assert_uint_gt(count, 0);
        jpx_sub_drop(alone, got, count);
        total += count;
    }
    usleep(200000);
    for (int i = 0; i < 3; i++) {
        heard[i] = jpx_sub_fetch(subs[i], got, 64, 0);
        jpx_sub_drop(subs[i], got, heard[i]);
        ck_assert_uint_gt(heard[i], 0);
        jpx_sub_close(subs[i]);
    }
    ck_assert_uint_eq(heard[0] + heard[1] + heard[2], 60);
    jpx_sub_close(alone);
    bus_end(&c);
}
END_TEST

static void *answerer(void *arg)
{
    jpx_delivery *got;

    for (int i = 0; i < 2; i++) {
        if (jpx_sub_fetch(arg, &got, 1, FETCH_MS) != 1)
            return NULL;
        bool fine = got->data.size > 0 && got->data.data[0] == 'g';
        jpx_bus_answer(c.bus, got->reply_to, (jpx_bytes){(const uint8_t *)(fine ? "yes" : "no"), fine ? 3 : 2},
                       fine ? NULL : "bad-request", fine ? NULL : "not\ngood");
        jpx_sub_drop(arg, &got, 1);
    }
    return NULL;
}

START_TEST(requests_are_answered)
{
    bus_begin(&c, _i);
    const char *subject = bus_subject(&c, "api.ask");
    jpx_bytes reply, good = {(const uint8_t *)"good", 4}, none = {0};
    pthread_t thread;

    ck_assert_int_eq(jpx_bus_request(c.bus, subject, good, 2000, c.arena, &reply, &c.err), JP_E_UNAVAILABLE);
    jpx_sub *sub = bus_hear(&c, subject, "q");
    ck_assert_int_eq(pthread_create(&thread, NULL, answerer, sub), 0);
    bus_ok(&c, jpx_bus_request(c.bus, subject, good, 2000, c.arena, &reply, &c.err));
    ck_assert_uint_eq(reply.size, 3);
    ck_assert_mem_eq(reply.data, "yes", 3);
    bus_ok(&c, jpx_bus_request(c.bus, subject, none, 2000, c.arena, &reply, &c.err));
    ck_assert_mem_eq(reply.data, "no", 2);
    pthread_join(thread, NULL);
    int64_t began = jpx_mono_ms();
    ck_assert_int_eq(jpx_bus_request(c.bus, subject, good, 200, c.arena, &reply, &c.err), JP_E_TIMEOUT);
    ck_assert_int_ge(jpx_mono_ms() - began, 190);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

START_TEST(an_inbox_takes_answers)
{
    bus_begin(&c, _i);
    const char *inbox = jpx_bus_inbox(c.bus, c.arena);
    jpx_sub *sub = bus_hear(&c, inbox, NULL), *api = bus_take(&c, JPX_STREAM_START, NULL, 4);
    jpx_message message = bus_message(&c, "control.abort", "please");

    ck_assert_str_ne(inbox, jpx_bus_inbox(c.bus, c.arena));
    message.reply_to = inbox;
    bus_ok(&c, jpx_bus_publish(c.bus, &message, 1, PUBLISH_MS, &c.err));
    jpx_delivery *got = bus_one(api, "please");
    ck_assert_str_eq(got->reply_to, inbox);
    jpx_bus_answer(c.bus, got->reply_to, (jpx_bytes){(const uint8_t *)"done", 4}, NULL, NULL);
    bus_ack(api, got);
    bus_ack(sub, bus_one(sub, "done"));
    jpx_bus_answer(c.bus, NULL, (jpx_bytes){0}, NULL, NULL); /* nobody to tell */
    jpx_sub_close(sub);
    jpx_sub_close(api);
    bus_end(&c);
}
END_TEST

START_TEST(the_dead_are_kept)
{
    bus_begin(&c, _i);
    jpx_message dead = bus_message(&c, "dead.start", "not json");

    dead.reason = "arguments are not JSON";
    bus_ok(&c, jpx_bus_publish(c.bus, &dead, 1, PUBLISH_MS, &c.err));
    bus_backlog_is(&c, JPX_STREAM_DEAD, 1);
    if (c.memory) {
        jpx_memory_item *items;
        ck_assert_uint_eq(jpx_memory_bus_list(c.bus, JPX_STREAM_DEAD, c.arena, &items), 1);
        ck_assert_str_eq(items[0].reason, dead.reason);
        ck_assert_mem_eq(items[0].data.data, "not json", 8);
    } else {
        ck_assert_ptr_nonnull(strstr(bus_admin(&c, "STREAM.MSG.GET", "DEAD", "", "{\"seq\":1}"), "\"seq\":1"));
    }
    bus_end(&c);
}
END_TEST

static void *setter_up(void *arg)
{
    jp_error err;
    jpx_bus *bus;
    (void)arg;
    if (jpx_bus_open(&bus, c.url, c.prefix, "racer", 5000, &c.env, &err) != JP_OK)
        return (void *)"open";
    jp_status status = jpx_bus_setup(bus, bus_queues, 2, &err);
    uint64_t loss_count = jpx_bus_loss_count(bus);
    jpx_bus_close(bus);
    return status == JP_OK && loss_count == 0 ? NULL : (void *)"setup";
}

START_TEST(setups_may_race)
{
    bus_begin(&c, _i);
    pthread_t threads[4];
    void *failed;

    for (int i = 0; !c.memory && i < JPX_STREAMS; i++)
        bus_admin(&c, "STREAM.DELETE", jpx_stream_defs[i].suffix, "", "");
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, setter_up, NULL), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &failed);
        ck_assert_msg(!failed, "%s failed", (const char *)failed);
    }
    bus_ok(&c, jpx_bus_setup(c.bus, bus_queues, 2, &c.err));
    bus_say(&c, "slot.1", "x");
    bus_end(&c);
}
END_TEST

/* ---- JetStream only ---- */

START_TEST(wrong_streams_are_refused)
{
    bus_begin(&c, _i);
    if (!c.memory) {
        char *name = jpx_format(c.arena, "%s_SLOT", c.prefix);
        for (char *at = name; *at; at++)
            *at = (char)toupper((unsigned char)*at);
        bus_admin(&c, "STREAM.DELETE", "SLOT", "", "");
        jpx_bus *other;
        bus_admin(&c, "STREAM.CREATE", "SLOT", "",
                  jpx_format(c.arena, "{\"name\":\"%s\",\"subjects\":[\"%s.slot.>\"],\"retention\":\"limits\"}", name,
                             c.prefix));
        bus_open(&c, &other);
        ck_assert_int_eq(jpx_bus_setup(other, bus_queues, 2, &c.err), JP_E_REFUSED);
        ck_assert_msg(strstr(c.err.text, name) && strstr(c.err.text, "workqueue"), "%s", c.err.text);
        bus_admin(&c, "STREAM.DELETE", "SLOT", "", "");
        bus_admin(&c, "STREAM.CREATE", "SLOT", "",
                  jpx_format(c.arena, "{\"name\":\"%s\",\"subjects\":[\"%s.slots.>\"],\"retention\":\"workqueue\"}",
                             name, c.prefix));
        ck_assert_int_eq(jpx_bus_setup(other, bus_queues, 2, &c.err), JP_E_REFUSED);
        ck_assert_msg(strstr(c.err.text, ".slot.>"), "%s", c.err.text);
        bus_admin(&c, "STREAM.DELETE", "SLOT", "", "");
        bus_ok(&c, jpx_bus_setup(other, bus_queues, 2, &c.err));
        jpx_bus_close(other);
    }
    bus_end(&c);
}
END_TEST

START_TEST(a_deleted_durable_is_made_again)
{
    bus_begin(&c, _i);
    if (!c.memory) {
        jpx_sub *sub = bus_take(&c, JPX_STREAM_RUN, "slow", 16);
        bus_say(&c, "run.slow.Add", "a");
        bus_ack(sub, bus_one(sub, "a"));
        bus_backlog_is(&c, JPX_STREAM_RUN, 0);
        bus_admin(&c, "CONSUMER.DELETE", "RUN", ".slow", "");
        bus_say(&c, "run.slow.Add", "b");
        bus_ack(sub, bus_one(sub, "b"));
        ck_assert_uint_ge(jpx_bus_loss_count(c.bus), 1);
        jpx_sub_close(sub);
    }
    bus_end(&c);
}
END_TEST

START_TEST(urls_that_are_wrong)
{
    static const struct {
        const char *url;
        jp_status status;
    } wrong[] = {{"nats://user:secret@127.0.0.1:1", JP_E_UNAVAILABLE},
                 {"nats://user:secret@127.0.0.1:1,nats://user:secret@127.0.0.1:2", JP_E_UNAVAILABLE},
                 {"", JP_E_INVALID},
                 {"nats://127.0.0.1:notaport", JP_E_INVALID}};
    jpx_env env = jpx_env_system(JPX_ERROR);
    jpx_bus *bus;
    jp_error err;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        jp_status status = jpx_bus_open(&bus, wrong[i].url, "p", "contract", 0, &env, &err);
        ck_assert_msg(status == wrong[i].status, "%s: %d %s", wrong[i].url, status, err.text);
        ck_assert_ptr_null(bus);
        ck_assert_msg(!strstr(err.text, "secret") && !strstr(err.text, "user:"), "%s", err.text);
    }
    int64_t began = jpx_mono_ms();
    ck_assert_int_eq(jpx_bus_open(&bus, "nats://127.0.0.1:1", "p", "contract", 500, &env, &err), JP_E_UNAVAILABLE);
    ck_assert_int_ge(jpx_mono_ms() - began, 500);
    ck_assert_ptr_nonnull(strstr(err.text, "nats-server -js"));
    ck_assert_int_eq(jpx_bus_open(&bus, "memory:", "a.b", "contract", 0, &env, &err), JP_E_INVALID);
}
END_TEST

/* ---- memory only ---- */

static int bus_memory_only(void)
{
    bus_list[0] = BUS_MEMORY;
    return 0;
}

START_TEST(next_ms_tells_when)
{
    bus_begin(&c, bus_memory_only());
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 4);
    int64_t now = bus_clock_ms;

    ck_assert_int_eq(jpx_memory_bus_next_ms(c.bus), INT64_MAX);
    bus_say(&c, "slot.1", "a");
    ck_assert_int_eq(jpx_memory_bus_next_ms(c.bus), now);
    jpx_delivery *held = bus_one(sub, "a");
    ck_assert_int_eq(jpx_memory_bus_next_ms(c.bus), now + ACK_WAIT_MS);
    jpx_sub_nak(sub, held, 250);
    ck_assert_int_eq(jpx_memory_bus_next_ms(c.bus), now + 250);
    bus_pass(&c, 249);
    bus_nothing(&c, sub);
    bus_pass(&c, 1);
    bus_ack(sub, bus_one(sub, "a"));
    ck_assert_int_eq(jpx_memory_bus_next_ms(c.bus), INT64_MAX);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

START_TEST(disorder_loses_nothing)
{
    bus_begin(&c, bus_memory_only());
    enum { COUNT = 500 };
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 16);
    int seen[COUNT] = {0}, again = 0, out_of_order = 0, last = -1, distinct = 0;
    jpx_delivery *got[16];
    size_t count;

    jpx_memory_bus_disorder(c.bus, (jpx_memory_disorder){.shuffle = true, .duplicate_percent = 20});
    for (int i = 0; i < COUNT; i++)
        bus_say(&c, "slot.1", jpx_format(c.arena, "%d", i));
    while ((count = jpx_sub_fetch(sub, got, 16, 0)) > 0) {
        for (size_t k = 0; k < count; k++) {
            int number = atoi((const char *)got[k]->data.data);
            distinct += seen[number]++ == 0;
            again += got[k]->deliveries > 1;
            out_of_order += number < last;
            last = number;
        }
        jpx_sub_ack(sub, got, count);
    }
    ck_assert_int_eq(distinct, COUNT);
    ck_assert_int_gt(again, 50);
    ck_assert_int_gt(out_of_order, 50);
    bus_backlog_is(&c, JPX_STREAM_SLOT, 0);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

START_TEST(history_is_bounded_and_ids_are_forgotten)
{
    bus_begin(&c, bus_memory_only());
    jpx_message message = bus_message(&c, "event.r.Add.done", "x");
    jpx_memory_item *items;

    for (int i = 0; i < 10500; i++)
        jpx_bus_tell(c.bus, &message, 1);
    bus_backlog_is(&c, JPX_STREAM_EVENT, 10000);
    ck_assert_uint_eq(jpx_memory_bus_list(c.bus, JPX_STREAM_EVENT, c.arena, &items), 10000);
    jpx_memory_bus_lose(c.bus, JPX_STREAM_EVENT);
    ck_assert_uint_eq(jpx_memory_bus_list(c.bus, JPX_STREAM_EVENT, c.arena, &items), 0);
    message = bus_message(&c, "slot.1", "y");
    message.id = "same";
    bus_ok(&c, jpx_bus_publish(c.bus, &message, 1, 0, &c.err));
    bus_pass(&c, 3 * 60 * 1000);
    bus_ok(&c, jpx_bus_publish(c.bus, &message, 1, 0, &c.err));
    bus_backlog_is(&c, JPX_STREAM_SLOT, 2);
    bus_end(&c);
}
END_TEST

START_TEST(subjects_match_as_in_nats)
{
    ck_assert(jpx_subject_matches("a.b", "a.b"));
    ck_assert(!jpx_subject_matches("a.b", "a.b.c"));
    ck_assert(!jpx_subject_matches("a.b.c", "a.b"));
    ck_assert(jpx_subject_matches("a.*", "a.b"));
    ck_assert(!jpx_subject_matches("a.*", "a"));
    ck_assert(!jpx_subject_matches("a.*", "a.b.c"));
    ck_assert(jpx_subject_matches("a.>", "a.b.c"));
    ck_assert(!jpx_subject_matches("a.>", "a"));
    ck_assert(jpx_subject_matches(">", "a"));
    ck_assert(!jpx_subject_matches("a*", "ab"));
    ck_assert(jpx_subject_matches("*.b.*", "a.b.c"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {listeners_hear_what_matches, of_a_group_one_hears, requests_are_answered,
                                  an_inbox_takes_answers,      the_dead_are_kept,    setups_may_race};
    int places = bus_places();
    TCase *cases = tcase_create("core");

    tcase_set_timeout(cases, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(cases, tests[i], 0, places);
    if (places > 1) {
        tcase_add_loop_test(cases, wrong_streams_are_refused, 1, 2);
        tcase_add_loop_test(cases, a_deleted_durable_is_made_again, 1, 2);
    }
    tcase_add_test(cases, urls_that_are_wrong);
    tcase_add_test(cases, next_ms_tells_when);
    tcase_add_test(cases, disorder_loses_nothing);
    tcase_add_test(cases, history_is_bounded_and_ids_are_forgotten);
    tcase_add_test(cases, subjects_match_as_in_nats);
    return bus_run("bus_core", cases);
}
