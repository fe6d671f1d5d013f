/* bus_flow.c -- the promises of bus.h when much happens at once: shared work, large batches, threads, waiting, the
 * descriptor, and streams that get lost under way. */
#include "contract/bus_suite.h"
#include <pthread.h>
#include <stdatomic.h>

static bus_case c;

START_TEST(subscribers_share_the_work)
{
    bus_begin_long(&c, _i);
    enum { COUNT = 600 };
    jpx_sub *subs[3];
    jpx_message messages[COUNT];
    int seen[COUNT] = {0}, total = 0;

    for (int i = 0; i < 3; i++)
        subs[i] = bus_take(&c, JPX_STREAM_SLOT, NULL, 32);
    for (int i = 0; i < COUNT; i++)
        messages[i] = bus_message(&c, "slot.1", jpx_format(c.arena, "%d", i));
    bus_ok(&c, jpx_bus_publish(c.bus, messages, COUNT, PUBLISH_MS, &c.err));
    for (int64_t until = jpx_mono_ms() + 10000; total < COUNT && jpx_mono_ms() < until;) {
        for (int i = 0; i < 3; i++) {
            jpx_delivery *got[32];
            size_t count = jpx_sub_fetch(subs[i], got, 32, c.memory ? 0 : 20);
            for (size_t k = 0; k < count; k++) {
                seen[atoi((const char *)got[k]->data.data)]++;
                ck_assert_uint_eq(got[k]->deliveries, 1);
            }
            jpx_sub_ack(subs[i], got, count);
            total += (int)count;
        }
    }
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(seen[i], 1);
    for (int i = 0; i < 3; i++)
        jpx_sub_close(subs[i]);
    bus_end(&c);
}
END_TEST

START_TEST(ten_thousand_in_one_call)
{
    bus_begin_long(&c, _i);
    enum { COUNT = 10000 };
    jpx_sub *sub = bus_take(&c, JPX_STREAM_RUN, "default", 512);
    jpx_message *messages = jpx_alloc_array(c.arena, COUNT, sizeof *messages);
    uint8_t *seen = jpx_alloc(c.arena, COUNT);
    jpx_delivery *got[512];

    for (int i = 0; i < COUNT; i++) {
        messages[i] = bus_message(&c, "run.default.Add", jpx_format(c.arena, "%d", i));
        messages[i].id = jpx_format(c.arena, "id-%d", i);
    }
    bus_ok(&c, jpx_bus_publish(c.bus, messages, COUNT, 30000, &c.err));
    for (int total = 0; total < COUNT;) {
        size_t count = jpx_sub_fetch(sub, got, 512, FETCH_MS);
        ck_assert_msg(count > 0, "%d of %d came", total, COUNT);
        for (size_t k = 0; k < count; k++)
            ck_assert_uint_eq(seen[strtoul((const char *)got[k]->data.data, NULL, 10)]++, 0);
        jpx_sub_ack(sub, got, count);
        total += (int)count;
    }
    bus_backlog_is(&c, JPX_STREAM_RUN, 0);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

static void *publisher(void *arg)
{
    jp_error err;
    for (int i = 0; i < 100; i++) {
        jpx_message message = {.subject = arg, .data = {(const uint8_t *)"x", 1}};
        jp_status status = jpx_bus_publish(c.bus, &message, 1, PUBLISH_MS, &err);
        if (status != JP_OK)
            return (void *)"failed";
    }
    return NULL;
}

START_TEST(any_thread_may_publish)
{
    bus_begin_long(&c, _i);
    pthread_t threads[8];
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 64);
    jpx_delivery *got[64];
    void *failed;

    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, publisher, (void *)(uintptr_t)bus_subject(&c, "slot.1")), 0);
    for (size_t total = 0; total < 800;) {
        size_t count = jpx_sub_fetch(sub, got, 64, FETCH_MS);
        ck_assert_uint_gt(count, 0);
        jpx_sub_ack(sub, got, count);
        total += count;
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
    bus_backlog_is(&c, JPX_STREAM_SLOT, 0);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

static void *say_later(void *arg)
{
    usleep(200000);
    bus_say(&c, arg, "late");
    return NULL;
}

START_TEST(fetch_waits_for_the_first)
{
    bus_begin_long(&c, _i);
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 10);
    jpx_delivery *got[4];
    pthread_t thread;

    int64_t began = jpx_mono_ms();
    ck_assert_uint_eq(jpx_sub_fetch(sub, got, 4, 0), 0);
    ck_assert_int_lt(jpx_mono_ms() - began, 100);
    ck_assert_uint_eq(jpx_sub_fetch(sub, got, 4, 300), 0);
    int64_t waited = jpx_mono_ms() - began;
    ck_assert_msg(waited >= 290 && waited < 1500, "waited %lld ms", (long long)waited);
    ck_assert_int_eq(pthread_create(&thread, NULL, say_later, (void *)(uintptr_t) "slot.1"), 0);
    began = jpx_mono_ms();
    ck_assert_uint_eq(jpx_sub_fetch(sub, got, 4, 10000), 1);
    ck_assert_int_lt(jpx_mono_ms() - began, 3000);
    jpx_sub_ack(sub, got, 1);
    pthread_join(thread, NULL);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

static bool readable(jpx_sub *sub, int wait_ms)
{
    struct pollfd fd = {.fd = jpx_sub_fd(sub), .events = POLLIN};
    ck_assert_int_ge(fd.fd, 0);
    return poll(&fd, 1, wait_ms) == 1;
}

START_TEST(the_descriptor_is_readable_while_there_is_something)
{
    bus_begin_long(&c, _i);
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 10);

    ck_assert(!readable(sub, 50));
    bus_say(&c, "slot.1", "a");
    bus_say(&c, "slot.1", "b");
    ck_assert(readable(sub, FETCH_MS));
    jpx_delivery *a = bus_one(sub, "a");
    ck_assert(readable(sub, FETCH_MS));
    jpx_delivery *b = bus_one(sub, "b");
    ck_assert(!readable(sub, 50));
    bus_ack(sub, a);
    ck_assert(!readable(sub, 50));
    jpx_sub_nak(sub, b, 0);
    ck_assert(readable(sub, FETCH_MS));
    bus_ack(sub, bus_one(sub, "b"));
    ck_assert(!readable(sub, 50));
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

/* What cannot be begun here is left to others: a limit of what is held, or of nothing, and what came and was not
 * fetched goes back. */
START_TEST(a_limit_leaves_the_rest_to_others)
{
    bus_begin(&c, _i);
    jpx_sub *busy = bus_take(&c, JPX_STREAM_RUN, "default", 4), *idle;
    jpx_delivery *held[2], *got[6];

    for (int i = 0; i < 6; i++)
        bus_say(&c, "run.default.Add", "x");
    ck_assert_uint_eq(jpx_sub_fetch(busy, held, 1, FETCH_MS), 1);
    for (int i = 0; i < 100 && !c.memory && jpx_bus_backlog(c.bus, JPX_STREAM_RUN) > 0; i++)
        usleep(2000); /* the others of its four may have come, too */
    usleep(c.memory ? 0 : 100000);
    jpx_sub_limit(busy, 1);
    jpx_sub_give_back(busy, 10000, 1); /* not those that came just now */
    jpx_sub_give_back(busy, 0, 1);
    ck_assert_uint_eq(jpx_sub_fetch(busy, &held[1], 1, NOTHING_MS), 0);
    idle = bus_take(&c, JPX_STREAM_RUN, "default", 5); /* asks for no more than there are */
    size_t count = 0;
    for (size_t more = 1; count < 5 && more; count += more)
        more = jpx_sub_fetch(idle, got + count, 5 - count, c.memory ? 0 : ACK_WAIT_MS / 2);
    ck_assert_uint_eq(count, 5); /* long before the ack deadline */
    for (int i = 0; i < 5; i++)
        ck_assert_uint_le(got[i]->deliveries, 2);
    jpx_sub_limit(busy, 0);
    jpx_sub_limit(idle, 0);
    bus_ack(busy, held[0]);
    jpx_sub_nak(idle, got[0], 0);
    ck_assert_uint_eq(jpx_sub_fetch(busy, held, 1, NOTHING_MS), 0);
    ck_assert_uint_eq(jpx_sub_fetch(idle, held, 1, NOTHING_MS), 0);
    jpx_sub_limit(busy, 1);
    ck_assert_uint_eq(jpx_sub_fetch(busy, held, 1, FETCH_MS), 1);
    bus_ack(busy, held[0]);
    for (int i = 1; i < 5; i++)
        bus_ack(idle, got[i]);
    jpx_sub_close(busy);
    jpx_sub_close(idle);
    bus_end(&c);
}
END_TEST

static void bus_oldest_is(int64_t at_least, int64_t at_most)
{
    int64_t found = 0;

    for (int i = 0; i < 250; i++) { /* acks are asynchronous */
        found = jpx_bus_oldest_ms(c.bus, "default");
        if (found >= at_least && found <= at_most)
            return;
        usleep(20000);
    }
    ck_abort_msg("the oldest is of %lld, not within %lld and %lld", (long long)found, (long long)at_least,
                 (long long)at_most);
}

START_TEST(the_age_of_a_queue)
{
    bus_begin_long(&c, _i);
    jpx_sub *sub = bus_take(&c, JPX_STREAM_RUN, "default", 10);

    bus_oldest_is(INT64_MAX, INT64_MAX);
    bus_say(&c, "run.slow.Add", "of another queue");
    bus_pass(&c, 50);
    int64_t before = jpx_now(&c.env);
    bus_say(&c, "run.default.Add", "a");
    int64_t after = jpx_now(&c.env);
    bus_pass(&c, 50);
    bus_say(&c, "run.default.Sub", "b");
    bus_oldest_is(before - 1, after + 1);
    jpx_delivery *a = bus_one(sub, "a");
    bus_oldest_is(before - 1, after + 1); /* held, not acked */
    bus_ack(sub, a);
    bus_oldest_is(after + 2, jpx_now(&c.env) + 1);
    bus_ack(sub, bus_one(sub, "b"));
    bus_oldest_is(INT64_MAX, INT64_MAX);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

START_TEST(losses_are_noticed_and_mended)
{
    bus_begin_long(&c, _i);
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 16), *run = bus_take(&c, JPX_STREAM_RUN, "default", 16);

    bus_say(&c, "slot.1", "a");
    jpx_delivery *held = bus_one(sub, "a");
    bus_say(&c, "slot.1", "b");
    bus_ok(&c, jpx_bus_setup(c.bus, bus_queues, 2, &c.err));
    ck_assert_uint_eq(jpx_bus_loss_count(c.bus), 0);
    if (c.memory)
        jpx_memory_bus_lose(c.bus, JPX_STREAM_SLOT);
    else
        bus_admin(&c, "STREAM.DELETE", "SLOT", "", "");
    for (int i = 0; i < 300 && jpx_bus_loss_count(c.bus) == 0; i++)
        usleep(20000);
    ck_assert_uint_eq(jpx_bus_loss_count(c.bus), 1);
    bus_ack(sub, held); /* of the stream that is no more */
    jpx_delivery *left;
    while (jpx_sub_fetch(sub, &left, 1, 0))
        bus_ack(sub, left);
    bus_say(&c, "slot.1", "c");
    bus_ack(sub, bus_one(sub, "c"));
    bus_say(&c, "run.default.Add", "d");
    bus_ack(run, bus_one(run, "d"));
    ck_assert_uint_eq(jpx_bus_loss_count(c.bus), 1);
    jpx_sub_close(sub);
    jpx_sub_close(run);
    bus_end(&c);
}
END_TEST

/* As a barrier role loses run events: workers use their stream, and have made it again. */
START_TEST(a_loss_of_what_others_use_is_noticed)
{
    bus_begin_long(&c, _i);
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 16);
    jpx_bus *other;

    bus_open(&c, &other);
    ck_assert_uint_eq(jpx_bus_loss_count(c.bus), 0);
    bus_admin(&c, "STREAM.DELETE", "RUN", "", "");
    bus_ok(&c, jpx_bus_setup(other, bus_queues, 2, &c.err));
    for (int i = 0; i < 750 && jpx_bus_loss_count(c.bus) == 0; i++)
        usleep(20000);
    ck_assert_uint_eq(jpx_bus_loss_count(c.bus), 1);
    bus_say(&c, "slot.1", "a");
    bus_ack(sub, bus_one(sub, "a"));
    jpx_bus_close(other);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

static atomic_bool at_work;

static void *publish_meanwhile(void *arg)
{
    jpx_message message = {.subject = arg, .data = {(const uint8_t *)"x", 1}};
    jp_error err;

    while (atomic_load(&at_work))
        if (jpx_bus_publish(c.bus, &message, 1, PUBLISH_MS, &err) != JP_OK)
            usleep(20000);
    return NULL;
}

static void *take_meanwhile(void *arg)
{
    jpx_delivery *got[16];

    while (atomic_load(&at_work))
        jpx_sub_ack(arg, got, jpx_sub_fetch(arg, got, 16, 20));
    return NULL;
}

/* The server goes on removing a deleted stream after it has forgotten it. */
START_TEST(a_stream_deleted_at_work_is_whole_again)
{
    bus_begin_long(&c, _i);
    jpx_sub *sub = bus_take(&c, JPX_STREAM_RUN, "default", 64);
    char *subject = jpx_format(c.arena, "%s.run.default.Add", c.prefix);
    pthread_t threads[4];
    bus_case admin = c; /* by a connection of its own: the server serves one request of a connection after the other */

    bus_open(&c, &admin.bus);
    for (int round = 1; round <= 2; round++) {
        atomic_store(&at_work, true);
        for (int i = 0; i < 4; i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, i ? publish_meanwhile : take_meanwhile,
                                            i ? (void *)subject : (void *)sub),
                             0);
        usleep(300000);
        bus_admin(&admin, "STREAM.DELETE", "RUN", "", "");
        for (int i = 0; i < 300 && jpx_bus_loss_count(c.bus) < (uint64_t)round; i++)
            usleep(20000);
        usleep(100000);
        atomic_store(&at_work, false);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        ck_assert_uint_eq(jpx_bus_loss_count(c.bus), (uint64_t)round);
        bus_say(&c, "run.default.Add", "last");
        for (bool last = false; !last;) {
            jpx_delivery *got;
            ck_assert_msg(jpx_sub_fetch(sub, &got, 1, FETCH_MS) == 1, "round %d: the last one did not come", round);
            last = got->data.size == strlen("last");
            bus_ack(sub, got);
        }
    }
    jpx_bus_close(admin.bus);
    jpx_sub_close(sub);
    bus_end(&c);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        subscribers_share_the_work,
        ten_thousand_in_one_call,
        any_thread_may_publish,
        fetch_waits_for_the_first,
        the_descriptor_is_readable_while_there_is_something,
        a_limit_leaves_the_rest_to_others,
        the_age_of_a_queue,
        losses_are_noticed_and_mended,
    };
    int places = bus_places();
    TCase *cases = tcase_create("flow");

    tcase_set_timeout(cases, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_loop_test(cases, tests[i], 0, places);
    if (places > 1) {
        tcase_add_loop_test(cases, a_loss_of_what_others_use_is_noticed, 1, places);
        tcase_add_loop_test(cases, a_stream_deleted_at_work_is_whole_again, 1, places);
    }
    return bus_run("bus_flow", cases);
}
