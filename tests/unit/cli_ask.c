/* cli_ask.c -- requests to the api and their answers. A responder on the memory bus sends fixed texts: good answers,
 * errors, nonsense, or nothing. */
#include "client/ask.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static jpx_env env;
static jpx_bus *bus;
static jpx_arena *arena;

/* A thread that listens on t.api.* and sends the answers in turn, the last one for ever; "" = silence. */
static struct responder {
    pthread_t thread;
    jpx_sub *sub;
    const char *const *answers;
    atomic_int asked;
    atomic_bool stop;
    char last[4096], subject[128];
} responder;

static void *respond(void *arg)
{
    struct responder *r = arg;
    while (!atomic_load(&r->stop)) {
        jpx_delivery *d;
        if (!jpx_sub_fetch(r->sub, &d, 1, 20))
            continue;
        ck_assert_uint_lt(d->data.size, sizeof r->last);
        memcpy(r->last, d->data.data, d->data.size);
        r->last[d->data.size] = '\0';
        snprintf(r->subject, sizeof r->subject, "%s", d->subject);
        atomic_fetch_add(&r->asked, 1); /* before the answer: the test may read it at once */
        const char *answer = r->answers[0];
        if (r->answers[1])
            r->answers++;
        if (answer && *answer)
            jpx_bus_answer(bus, d->reply_to, (jpx_bytes){(const uint8_t *)answer, strlen(answer)}, NULL, NULL);
        jpx_sub_drop(r->sub, &d, 1);
    }
    return NULL;
}

static void listen_with(const char *const *answers) /* ends with NULL */
{
    jp_error err;
    responder.answers = answers;
    ck_assert_int_eq(jpx_bus_listen(&responder.sub, bus, "t.api.*", "api", &err), JP_OK);
    ck_assert_int_eq(pthread_create(&responder.thread, NULL, respond, &responder), 0);
}

static void setup(void)
{
    jp_error err;
    env = jpx_env_system(JPX_ERROR);
    arena = jpx_arena_new();
    memset(&responder, 0, sizeof responder);
    ck_assert_int_eq(jpx_bus_open(&bus, "memory:", "t", "test", 0, &env, &err), JP_OK);
    ck_assert_int_eq(jpx_bus_setup(bus, NULL, 0, &err), JP_OK);
}

static void teardown(void)
{
    if (responder.sub) {
        atomic_store(&responder.stop, true);
        pthread_join(responder.thread, NULL);
        jpx_sub_close(responder.sub);
    }
    jpx_bus_close(bus);
    jpx_arena_free(arena);
}

START_TEST(an_answer_comes_back)
{
    jpx_answer answer;
    jp_error err;
    listen_with((const char *[]){"{\"root\":\"r\",\"status\":\"done\"}", NULL});
    ck_assert_int_eq(jpx_ask(&(jpx_asker){bus, &env, 1000, arena}, "status", "{\"root\":\"r\"}", &answer, &err), JP_OK);
    ck_assert_str_eq(jpx_json_string(answer.json, "status", ""), "done");
    ck_assert_str_eq(responder.subject, "t.api.status");
    ck_assert_str_eq(responder.last, "{\"root\":\"r\"}");
}
END_TEST

static const struct {
    const char *answer;
    jp_status status;
    const char *text;
} answers[] = {
    {"{\"error\":{\"code\":\"not-found\",\"message\":\"no such root\"}}", JP_E_NOT_FOUND, "no such root"},
    {"{\"error\":{\"code\":\"refused\",\"message\":\"m\"}}", JP_E_REFUSED, "m"},
    {"{\"error\":{\"code\":\"refused\"}}", JP_E_REFUSED, "refused"},
    {"{\"error\":{\"code\":\"brand-new\",\"message\":\"m\"}}", JP_E_INTERNAL, "m"},
    {"{\"error\":{}}", JP_E_INTERNAL, "internal error"},
    {"{\"error\":\"plain\"}", JP_E_INTERNAL, "plain"},
    {"hello", JP_E_DAMAGED, "is not JSON"},
    {"[1]", JP_E_DAMAGED, "is not a JSON object"},
};

START_TEST(errors_become_statuses)
{
    jpx_answer answer;
    jp_error err;
    listen_with((const char *[]){answers[_i].answer, NULL});
    ck_assert_int_eq(jpx_ask(&(jpx_asker){bus, &env, 1000, arena}, "status", "{}", &answer, &err), answers[_i].status);
    ck_assert_int_eq(err.status, answers[_i].status);
    ck_assert_ptr_nonnull(strstr(err.text, answers[_i].text));
}
END_TEST

/* After a cleanup a key may name another root: all chunks but the first are requested by the id in the first. */
START_TEST(chunks_are_of_one_root)
{
    jpx_answer answer;
    jp_error err;
    listen_with((const char *[]){"{\"error\":{\"code\":\"too-large\",\"message\":\"m\"}}",
                                 "{\"root\":\"0123456789abcdef01234567\",\"offset\":0,\"size\":4,\"piece\":\"[1\"}",
                                 "{\"root\":\"0123456789abcdef01234567\",\"offset\":2,\"size\":4,\"piece\":\"2]\"}",
                                 NULL});
    ck_assert_int_eq(jpx_ask_result(&(jpx_asker){bus, &env, 1000, arena}, "order-17", &answer, &err), JP_OK);
    ck_assert_ptr_nonnull(strstr((const char *)answer.text.data, "\"result\":[12]"));
    ck_assert_ptr_nonnull(strstr(responder.last, "0123456789abcdef01234567"));
    ck_assert_ptr_null(strstr(responder.last, "order-17"));
}
END_TEST

START_TEST(codes_are_read_in_all_spellings)
{
    ck_assert_int_eq(jpx_ask_status("not-found"), JP_E_NOT_FOUND);
    ck_assert_int_eq(jpx_ask_status("not found"), JP_E_NOT_FOUND);
    ck_assert_int_eq(jpx_ask_status("NOT_FOUND"), JP_E_NOT_FOUND);
    ck_assert_int_eq(jpx_ask_status("invalid"), JP_E_INVALID);
    ck_assert_int_eq(jpx_ask_status("too-large"), JP_E_TOO_LARGE);
    ck_assert_int_eq(jpx_ask_status("timeout"), JP_E_TIMEOUT);
    ck_assert_int_eq(jpx_ask_status("unavailable"), JP_E_UNAVAILABLE);
    ck_assert_int_eq(jpx_ask_status("not"), JP_E_INTERNAL);
    ck_assert_int_eq(jpx_ask_status(""), JP_E_INTERNAL);
}
END_TEST

START_TEST(silence_is_a_timeout_and_nobody_is_unavailable)
{
    jpx_answer answer;
    jp_error err;
    ck_assert_int_eq(jpx_ask(&(jpx_asker){bus, &env, 1000, arena}, "status", "{}", &answer, &err), JP_E_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.text, "nobody answers on t.api.status"));
    ck_assert_ptr_nonnull(strstr(err.text, "serve"));
    listen_with((const char *[]){"", NULL});
    ck_assert_int_eq(jpx_ask(&(jpx_asker){bus, &env, 50, arena}, "status", "{}", &answer, &err), JP_E_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(err.text, "within 50 ms"));
}
END_TEST

static jp_status start(jpx_start_request request, int64_t timeout_ms, jpx_started *out, jp_error *err)
{
    return jpx_ask_start(&(jpx_asker){bus, &env, timeout_ms, arena}, &request, out, err);
}

static const char started[] = "{\"root\":\"0123456789abcdef01234567\",\"existed\":true}";

static const struct {
    const char *args, *sent;
} arguments[] = {{NULL, "[]"},
                 {" \n", "[]"},
                 {"40", "[40]"},
                 {"[1, 2.50]", "[1,2.50]"},
                 {"{\"n\": 1}", "{\"n\":1}"},
                 {"\"a b\"", "[\"a b\"]"},
                 {"null", "[null]"},
                 {"123456789012345678901234567890", "[123456789012345678901234567890]"}};

START_TEST(arguments_are_sent_as_they_were_written)
{
    jpx_started s;
    jp_error err;
    char request[256];
    listen_with((const char *[]){started, NULL});
    ck_assert_int_eq(start((jpx_start_request){"Echo", arguments[_i].args, "order-17", true}, 1000, &s, &err), JP_OK);
    snprintf(request, sizeof request, "{\"pipe\":\"Echo\",\"args\":%s,\"key\":\"order-17\"}", arguments[_i].sent);
    ck_assert_str_eq(responder.last, request);
    ck_assert_str_eq(s.name, "0123456789abcdef01234567");
    ck_assert(s.existed && !s.later);
}
END_TEST

static const struct {
    const char *pipe, *args, *key, *text;
} bad_starts[] = {{"Echo", "1],\"key\":\"stolen\",\"x\":[2", NULL, "the arguments are not JSON: character 2"},
                  {"Echo", "[1", NULL, "the arguments are not JSON"},
                  {"Echo.>", "1", NULL, "cannot name a pipe"},
                  {"", "1", NULL, "cannot name a pipe"},
                  {"Echo", "1", "", "a key has 1 to 512 bytes"}};

START_TEST(wrong_starts_are_not_sent)
{
    jpx_started s;
    jp_error err;
    listen_with((const char *[]){started, NULL});
    ck_assert_int_eq(
        start((jpx_start_request){bad_starts[_i].pipe, bad_starts[_i].args, bad_starts[_i].key, true}, 1000, &s, &err),
        JP_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, bad_starts[_i].text));
    ck_assert_int_eq(atomic_load(&responder.asked), 0);
}
END_TEST

START_TEST(without_an_api_role_the_start_is_stored)
{
    jpx_started s, again;
    jp_error err;
    jpx_sub *sub;
    jpx_delivery *d[4];
    ck_assert_int_eq(start((jpx_start_request){"Echo", "7", NULL, false}, 200, &s, &err), JP_E_UNAVAILABLE);
    ck_assert_int_eq(start((jpx_start_request){"Echo", "7", NULL, true}, 200, &s, &err), JP_OK);
    ck_assert(s.later && !s.existed);
    ck_assert_int_eq(start((jpx_start_request){"Echo", "8", "mine", true}, 200, &again, &err), JP_OK);
    ck_assert_str_eq(again.name, "mine");
    ck_assert_str_ne(s.name, again.name);
    ck_assert_int_eq(jpx_bus_subscribe(&sub, bus, JPX_STREAM_START, "", 10, &err), JP_OK);
    size_t count = 0;
    while (count < 2) {
        size_t got = jpx_sub_fetch(sub, d + count, 4 - count, 1000);
        ck_assert_uint_gt(got, 0);
        count += got;
    }
    ck_assert_str_eq(d[0]->subject, "t.start.Echo");
    ck_assert_str_eq(d[0]->key, s.name);
    ck_assert_int_eq(memcmp(d[0]->data.data, "[7]", 3), 0);
    ck_assert_str_eq(d[1]->key, "mine");
    jpx_sub_ack(sub, d, count);
    jpx_sub_close(sub);
}
END_TEST

START_TEST(a_silent_api_leaves_the_start_open)
{
    jpx_started s;
    jp_error err;
    listen_with((const char *[]){"", NULL});
    ck_assert_int_eq(start((jpx_start_request){"Echo", "7", "k", true}, 50, &s, &err), JP_E_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(err.text, "repeat it with the same key"));
}
END_TEST

START_TEST(roots_and_keys_are_told_apart)
{
    ck_assert_str_eq(jpx_ask_root(arena, "0123456789abcdef01234567").s, "{\"root\":\"0123456789abcdef01234567\"");
    ck_assert_str_eq(jpx_ask_root(arena, "0123456789abcdef0123456").s, "{\"key\":\"0123456789abcdef0123456\"");
    ck_assert_str_eq(jpx_ask_root(arena, "a\"b").s, "{\"key\":\"a\\\"b\"");
}
END_TEST

START_TEST(waiting_goes_on_until_the_root_is_final)
{
    jpx_answer answer;
    jp_error err;
    listen_with((const char *[]){"{\"status\":\"running\"}", "{\"status\":\"retry\",\"result\":1}",
                                 "{\"status\":\"aborted\",\"reason\":\"m\"}", NULL});
    ck_assert_int_eq(jpx_ask_wait(&(jpx_asker){bus, &env, JPX_ASK_MS, arena}, "k", false, -1, &answer, &err), JP_OK);
    ck_assert_str_eq(jpx_json_string(answer.json, "reason", ""), "m");
    ck_assert_ptr_nonnull(strstr(responder.last, "\"wait_ms\":"));
    ck_assert_int_eq(atomic_load(&responder.asked), 3);
}
END_TEST

START_TEST(waiting_ends_with_its_time)
{
    jpx_answer answer;
    jp_error err;
    listen_with((const char *[]){"{\"status\":\"queued\"}", NULL});
    ck_assert_int_eq(jpx_ask_wait(&(jpx_asker){bus, &env, JPX_ASK_MS, arena}, "k", false, 30, &answer, &err),
                     JP_E_TIMEOUT);
    ck_assert_ptr_nonnull(strstr(err.text, "k is still queued after 30 ms"));
}
END_TEST

START_TEST(an_unknown_root_is_waited_for_only_when_it_may_come)
{
    static const char *const absent = "{\"error\":{\"code\":\"not-found\",\"message\":\"none\"}}";
    jpx_answer answer;
    jp_error err;
    listen_with((const char *[]){absent, absent, "{\"status\":\"done\",\"result\":4}", NULL});
    ck_assert_int_eq(jpx_ask_wait(&(jpx_asker){bus, &env, JPX_ASK_MS, arena}, "k", false, 5000, &answer, &err),
                     JP_E_NOT_FOUND);
    ck_assert_int_eq(jpx_ask_wait(&(jpx_asker){bus, &env, JPX_ASK_MS, arena}, "k", true, 5000, &answer, &err), JP_OK);
    ck_assert_int_eq(jpx_json_int(answer.json, "result", 0), 4);
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

int main(void)
{
    Suite *suite = suite_create("cli_ask");
    TCase *tc = tcase_create("all");
    tcase_set_timeout(tc, 20);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_answer_comes_back);
    tcase_add_loop_test(tc, errors_become_statuses, 0, COUNT(answers));
    tcase_add_test(tc, chunks_are_of_one_root);
    tcase_add_test(tc, codes_are_read_in_all_spellings);
    tcase_add_test(tc, silence_is_a_timeout_and_nobody_is_unavailable);
    tcase_add_loop_test(tc, arguments_are_sent_as_they_were_written, 0, COUNT(arguments));
    tcase_add_loop_test(tc, wrong_starts_are_not_sent, 0, COUNT(bad_starts));
    tcase_add_test(tc, without_an_api_role_the_start_is_stored);
    tcase_add_test(tc, a_silent_api_leaves_the_start_open);
    tcase_add_test(tc, roots_and_keys_are_told_apart);
    tcase_add_test(tc, waiting_goes_on_until_the_root_is_final);
    tcase_add_test(tc, waiting_ends_with_its_time);
    tcase_add_test(tc, an_unknown_root_is_waited_for_only_when_it_may_come);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
