/* bus.c -- the promises of bus.h for messages of streams: stored, delivered until acked, bounded by credits, routed. */
#include "contract/bus_suite.h"

static bus_case c;

START_TEST(a_message_keeps_what_it_has)
{
    bus_begin_long(&c, _i);
    uint8_t bytes[] = {0, 1, 0, 255, '\n', 0};
    jpx_message message = {.subject = bus_subject(&c, "start.Add"),
                           .data = {bytes, sizeof bytes},
                           .id = "id-1",
                           .key = "order 17",
                           .reply_to = "_INBOX.x",
                           .reason = "why\nnot"};
    jpx_delivery *got;

    bus_ok(&c, jpx_bus_publish(c.bus, &message, 1, PUBLISH_MS, &c.err));
    jpx_sub *sub = bus_take(&c, JPX_STREAM_START, NULL, 10);
    ck_assert_uint_eq(jpx_sub_fetch(sub, &got, 1, FETCH_MS), 1);
    ck_assert_str_eq(got->subject, message.subject);
    ck_assert_uint_eq(got->data.size, sizeof bytes);
    ck_assert_mem_eq(got->data.data, bytes, sizeof bytes);
    ck_assert_str_eq(got->id, "id-1");
    ck_assert_str_eq(got->key, "order 17");
    ck_assert_str_eq(got->reply_to, "_INBOX.x");
    ck_assert_uint_eq(got->deliveries, 1);
    ck_assert_uint_eq(got->sequence, 1);
    int64_t age_ms = jpx_now(&c.env) - got->published_ns / 1000000;
    ck_assert_msg(age_ms > -2000 && age_ms < 60000, "published %lld ms ago", (long long)age_ms);
    bus_ack(sub, got);
    bus_say(&c, "start.Add", "");
    got = bus_one(sub, "");
    ck_assert_ptr_null(got->id);
    ck_assert_ptr_null(got->key);
    ck_assert_ptr_null(got->reply_to);
    bus_ack(sub, got);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

START_TEST(acked_is_gone)
{
    bus_begin(&c, _i);
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 10);

    bus_say(&c, "slot.3", "a");
    bus_ack(sub, bus_one(sub, "a"));
    bus_backlog_is(&c, JPX_STREAM_SLOT, 0);
    bus_pass(&c, ACK_WAIT_MS + 500);
    bus_nothing(&c, sub);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

START_TEST(not_acked_comes_again)
{
    bus_begin(&c, _i);
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 10);

    bus_say(&c, "slot.3", "a");
    jpx_delivery *first = bus_one(sub, "a");
    uint64_t sequence = first->sequence;
    bus_nothing(&c, sub);
    bus_pass(&c, ACK_WAIT_MS + 500);
    jpx_delivery *second = bus_one(sub, "a");
    ck_assert_uint_eq(second->deliveries, 2);
    ck_assert_uint_eq(second->sequence, sequence);
    ck_assert_int_eq(second->published_ns, first->published_ns);
    bus_ack(sub, first); /* a late ack settles it too */
    bus_backlog_is(&c, JPX_STREAM_SLOT, 0);
    jpx_sub_drop(sub, &second, 1);
    bus_pass(&c, ACK_WAIT_MS + 500);
    bus_nothing(&c, sub);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

START_TEST(a_heartbeat_extends_the_deadline)
{
    bus_begin(&c, _i);
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 10);

    bus_say(&c, "slot.3", "a");
    jpx_delivery *held = bus_one(sub, "a");
    for (int i = 0; i < 4; i++) {
        bus_pass(&c, ACK_WAIT_MS / 2);
        jpx_sub_heartbeat(sub, &held, 1);
        bus_nothing(&c, sub);
    }
    bus_pass(&c, ACK_WAIT_MS + 500);
    jpx_delivery *again = bus_one(sub, "a");
    jpx_sub_drop(sub, &held, 1);
    bus_ack(sub, again);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

START_TEST(a_nak_brings_it_back)
{
    bus_begin_long(&c, _i);
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 10);

    bus_say(&c, "slot.3", "a");
    jpx_sub_nak(sub, bus_one(sub, "a"), 0);
    jpx_delivery *second = bus_one(sub, "a");
    ck_assert_uint_eq(second->deliveries, 2);
    jpx_sub_nak(sub, second, 600);
    bus_nothing(&c, sub);
    bus_pass(&c, 600);
    jpx_delivery *third = bus_one(sub, "a");
    ck_assert_uint_eq(third->deliveries, 3);
    bus_ack(sub, third);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

START_TEST(what_is_dropped_comes_at_the_deadline)
{
    bus_begin(&c, _i);
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 10);

    bus_say(&c, "slot.3", "a");
    jpx_delivery *held = bus_one(sub, "a");
    jpx_sub_drop(sub, &held, 1);
    bus_nothing(&c, sub);
    bus_pass(&c, ACK_WAIT_MS + 500);
    bus_ack(sub, bus_one(sub, "a"));
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

START_TEST(a_closed_subscription_gives_back_at_once)
{
    bus_begin_long(&c, _i);
    jpx_delivery *got[64];
    jpx_message messages[40];
    size_t count = 0;

    for (size_t i = 0; i < 40; i++)
        messages[i] = bus_message(&c, "slot.3", "a");
    bus_ok(&c, jpx_bus_publish(c.bus, messages, 40, PUBLISH_MS, &c.err));
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 64);
    while (count < 10) /* ten are the application's, the others are here */
        count += jpx_sub_fetch(sub, got, 10 - count, FETCH_MS);
    usleep(c.memory
               ? 0
               : 100000); /* what is still on its way while we close may wait for its deadline with nats-server 2.9 */
    jpx_sub_close(sub);
    jpx_sub *other = bus_take(&c, JPX_STREAM_SLOT, NULL, 64);
    int64_t until = jpx_mono_ms() + LONG_ACK_WAIT_MS / 4;
    for (count = 0; count < 40 && jpx_mono_ms() < until;) {
        size_t more = jpx_sub_fetch(other, got, 64, 100);
        jpx_sub_ack(other, got, more);
        count += more;
    }
    ck_assert_uint_eq(count, 40);
    jpx_sub_close(other);
    bus_backlog_is(&c, JPX_STREAM_SLOT, 0);
    bus_end(&c);
}
END_TEST

START_TEST(an_id_is_stored_once)
{
    bus_begin_long(&c, _i);
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 10);
    jpx_message twice[3] = {bus_message(&c, "slot.3", "a"), bus_message(&c, "slot.4", "b"),
                            bus_message(&c, "slot.4", "c")};

    twice[0].id = twice[1].id = "same";
    bus_ok(&c, jpx_bus_publish(c.bus, twice, 3, PUBLISH_MS, &c.err));
    bus_ok(&c, jpx_bus_publish(c.bus, twice, 1, PUBLISH_MS, &c.err));
    bus_backlog_is(&c, JPX_STREAM_SLOT, 2);
    bus_ack(sub, bus_one(sub, "a"));
    bus_ack(sub, bus_one(sub, "c"));
    jpx_message elsewhere = bus_message(&c, "start.Add", "d"); /* ids are of a stream */
    elsewhere.id = "same";
    bus_ok(&c, jpx_bus_publish(c.bus, &elsewhere, 1, PUBLISH_MS, &c.err));
    bus_backlog_is(&c, JPX_STREAM_START, 1);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

START_TEST(credits_bound_what_is_held)
{
    bus_begin_long(&c, _i);
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 3);
    jpx_delivery *held[8];
    size_t count = 0;

    for (int i = 0; i < 8; i++)
        bus_say(&c, "slot.3", "a");
    while (count < 3) {
        size_t more = jpx_sub_fetch(sub, held + count, 8 - count, FETCH_MS);
        ck_assert_uint_gt(more, 0);
        count += more;
    }
    ck_assert_uint_eq(count, 3);
    bus_nothing(&c, sub);
    for (int left = 5; left > 0; left--) { /* each ack makes room for one */
        bus_ack(sub, held[0]);
        held[0] = bus_one(sub, "a");
        bus_nothing(&c, sub);
    }
    jpx_sub_ack(sub, held, 3);
    bus_backlog_is(&c, JPX_STREAM_SLOT, 0);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

START_TEST(each_queue_has_its_own)
{
    bus_begin_long(&c, _i);
    bus_say(&c, "run.default.Add", "d"); /* before anybody subscribes */
    bus_say(&c, "run.slow.Add", "s");
    jpx_sub *fast = bus_take(&c, JPX_STREAM_RUN, "default", 10), *slow = bus_take(&c, JPX_STREAM_RUN, "slow", 10);
    jpx_sub *api = bus_take(&c, JPX_STREAM_START, NULL, 10);

    bus_ack(slow, bus_one(slow, "s"));
    bus_ack(fast, bus_one(fast, "d"));
    bus_nothing(&c, slow);
    bus_nothing(&c, fast);
    bus_say(&c, "reply.abc", "1");
    bus_ack(api, bus_one(api, "1"));
    bus_say(&c, "control.abort", "2");
    bus_ack(api, bus_one(api, "2"));
    jpx_sub_close(fast);
    jpx_sub_close(slow);
    jpx_sub_close(api);
    bus_end(&c);
}
END_TEST

START_TEST(what_no_stream_takes_is_refused)
{
    bus_begin(&c, _i);
    static const char *const wrong[] = {"x",         "start",  "start.",    "run.default", "run.default.",
                                        "nothing.a", "slot.>", "start.a..b"};
    jpx_message message = bus_message(&c, "slot.1", "a");

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        message.subject = bus_subject(&c, wrong[i]);
        ck_assert_int_eq(jpx_bus_publish(c.bus, &message, 1, PUBLISH_MS, &c.err), JP_E_INVALID);
        ck_assert_ptr_nonnull(strstr(c.err.text, message.subject));
    }
    message = bus_message(&c, "slot.1", "a");
    message.key = "k\r\nJetpipe-Reply: mine";
    ck_assert_int_eq(jpx_bus_publish(c.bus, &message, 1, PUBLISH_MS, &c.err), JP_E_INVALID);
    jpx_bus_tell(c.bus, &message, 1);
    size_t size = 80 * 1024 * 1024;
    message = (jpx_message){.subject = bus_subject(&c, "slot.1"), .data = {calloc(1, size), size}};
    ck_assert_int_eq(jpx_bus_publish(c.bus, &message, 1, PUBLISH_MS, &c.err), JP_E_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(c.err.text, message.subject));
    free((void *)(uintptr_t)message.data.data);
    bus_backlog_is(&c, JPX_STREAM_SLOT, 0);
    const char *bad[] = {"a.b"};
    ck_assert_int_eq(jpx_bus_setup(c.bus, bad, 1, &c.err), JP_E_INVALID);
    bus_end(&c);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_message_keeps_what_it_has,
        acked_is_gone,
        not_acked_comes_again,
        a_heartbeat_extends_the_deadline,
        a_nak_brings_it_back,
        what_is_dropped_comes_at_the_deadline,
        a_closed_subscription_gives_back_at_once,
        an_id_is_stored_once,
        credits_bound_what_is_held,
        each_queue_has_its_own,
        what_no_stream_takes_is_refused,
    };
    int places = bus_places();
    TCase *cases = tcase_create("streams");

    tcase_set_timeout(cases, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(cases, tests[i], 0, places);
    return bus_run("bus", cases);
}
