/* cli_client.c -- the C client and the verbs, against a process that serves on a real NATS server (JETPIPE_TEST_NATS;
 * skipped without it), with its records in SQLite. */
#include "cli/cli.h"

#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(AddTwo, p, .takes = "int64 n", .gives = "int64")
{
    jp_future one = jp_yield(p, AddOne, jp_arg(p, "n"));
    return jp_return(p, jp_yield(p, AddOne, one));
}

JP_PIPE(Same, p, .takes = "any x, any y")
{
    jp_list *both = jp_list_new(p);
    jp_push(both, jp_arg(p, "x"));
    jp_push(both, jp_arg(p, "y"));
    return jp_return(p, both);
}

JP_PIPE(Nap, p, .takes = "int64 ms")
{
    usleep((useconds_t)jp_int64(p, "ms") * 1000);
    return jp_done(p);
}

/* Writes its ticket to the file that it is given. */
JP_PIPE(Ask, p, .takes = "string file", .async = true)
{
    FILE *file = fopen(jp_string(p, "file"), "w");
    if (!file)
        return jp_abort(p, "the file of the ticket cannot be written");
    fprintf(file, "%s\n", jp_ticket(p));
    fclose(file);
    return jp_wait(p);
}

static const jp_def *const pipes[] = {&AddOne, &AddTwo, &Same, &Nap, &Ask, NULL};

static char folder[] = "/tmp/jetpipe-client-XXXXXX", prefix[32], store[64];
static pid_t server;

static void path_of(char out[96], const char *name)
{
    snprintf(out, 96, "%s/%s", folder, name);
}

/* Starts a process that serves, and returns when it has printed that it is ready. */
static void serve(void)
{
    int ends[2];
    char line[512] = "";
    ck_assert_int_eq(pipe(ends), 0);
    server = fork();
    ck_assert_int_ge(server, 0);
    if (server == 0) {
        close(ends[0]);
        FILE *out = fdopen(ends[1], "w");
        char *argv[] = {"shop", "serve", "--store", store, "--log-level", "error", "--processes", "2", NULL};
        int code = jpx_cli_main(8, argv, pipes, stdin, out, stderr);
        fclose(out);
        _exit(code);
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, in));
    fclose(in);
    ck_assert_ptr_eq(strstr(line, "shop: ready: api, barrier, worker; nats://"), line);
    ck_assert_ptr_nonnull(strstr(line, ", 5 pipes\n"));
}

static int stop(int number)
{
    int status;
    kill(server, number);
    while (waitpid(server, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    server = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void setup(void)
{
    setenv("JETPIPE_NATS", getenv("JETPIPE_TEST_NATS"), 1);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(prefix, sizeof prefix, "client%ld", (long)getpid());
    snprintf(store, sizeof store, "sqlite:%s/s.db", folder);
    setenv("JETPIPE_PREFIX", prefix, 1);
}

static void teardown(void)
{
    static const char *const streams[] = {"START", "SLOT", "RUN", "EVENT", "DEAD"};
    jpx_env env = jpx_env_system(JPX_ERROR);
    jpx_arena *arena = jpx_arena_new();
    jpx_bus *bus;
    jpx_bytes reply;
    jp_error err;
    if (server)
        stop(SIGKILL);
    ck_assert_int_eq(jpx_bus_open(&bus, getenv("JETPIPE_NATS"), prefix, "test", 1000, &env, &err), JP_OK);
    for (char *c = prefix; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
        jpx_bus_request(bus, jpx_format(arena, "$JS.API.STREAM.DELETE.%s_%s", prefix, streams[i]), (jpx_bytes){0}, 2000,
                        arena, &reply, &err);
    jpx_bus_close(bus);
    jpx_arena_free(arena);
    static const char *const files[] = {"s.db", "s.db-wal", "s.db-shm", "ticket"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[96];
        path_of(path, files[i]);
        unlink(path);
    }
    rmdir(folder);
}

static jp_client *open_client(void)
{
    jp_client *client;
    jp_error err = {0};
    ck_assert_msg(jp_client_open(&client, NULL, &err) == JP_OK, "%s", err.text);
    return client;
}

START_TEST(a_root_from_start_to_result)
{
    jp_root root, again;
    jp_error err = {0};
    char *json;
    serve();
    jp_client *client = open_client();
    ck_assert_msg(jp_start(client, &root, &err, AddTwo, 40) == JP_OK, "%s", err.text);
    ck_assert_uint_eq(strlen(root.id), 24);
    ck_assert(!root.existed);
    ck_assert_msg(jp_wait_for(client, root, 10000, &err) == JP_OK, "%s", err.text);
    ck_assert_int_eq(jp_result(client, root, &json, &err), JP_OK);
    ck_assert_str_eq(json, "42");
    jp_free(json);
    ck_assert_int_eq(jp_tree(client, root, &json, &err), JP_OK);
    ck_assert_ptr_nonnull(strstr(json, "AddOne"));
    jp_free(json);
    ck_assert_int_eq(jp_status_of(client, root, &json, &err), JP_OK);
    ck_assert_ptr_nonnull(strstr(json, "\"done\""));
    jp_free(json);
    ck_assert_int_eq(jp_abort_root(client, root, "late", &err), JP_E_REFUSED);

    ck_assert_int_eq(jp_start_json(client, &root, &err, "AddTwo", "[1]", "order-17"), JP_OK);
    ck_assert_int_eq(jp_start_json(client, &again, &err, "AddTwo", "{\"n\":2}", "order-17"), JP_OK);
    ck_assert(again.existed && !root.existed);
    ck_assert_str_eq(again.id, root.id);
    jp_client_close(client);
    ck_assert_int_eq(stop(SIGTERM), 0);
}
END_TEST

/* jp_ask: with an object, with a bare key, with nothing; errors are those of the other calls. */
START_TEST(any_verb_can_be_asked)
{
    jp_root root;
    jp_error err = {0};
    char *json, unchanged = 'x';
    serve();
    jp_client *client = open_client();
    ck_assert_msg(jp_start_json(client, &root, &err, "AddTwo", "[1]", "order-18") == JP_OK, "%s", err.text);
    ck_assert_msg(jp_wait_for(client, root, 10000, &err) == JP_OK, "%s", err.text);
    ck_assert_msg(jp_ask(client, "list", "{\"pipe\":\"AddTwo\",\"limit\":1}", &json, &err) == JP_OK, "%s", err.text);
    ck_assert_ptr_nonnull(strstr(json, root.id));
    jp_free(json);
    ck_assert_msg(jp_ask(client, "pipes", NULL, &json, &err) == JP_OK, "%s", err.text);
    ck_assert_ptr_nonnull(strstr(json, "\"takes\":\"int64 n\""));
    jp_free(json);
    ck_assert_msg(jp_ask(client, "status", "order-18", &json, NULL) == JP_OK, "by key");
    ck_assert_ptr_nonnull(strstr(json, root.id));
    jp_free(json);
    static const char like_an_id[] = "5f0c3e9a1b2c3d4e5f607182"; /* as MongoDB's are */
    jp_root other;
    ck_assert_msg(jp_start_json(client, &other, &err, "AddTwo", "[2]", like_an_id) == JP_OK, "%s", err.text);
    ck_assert_msg(jp_ask(client, "status", like_an_id, &json, &err) == JP_OK, "%s", err.text);
    ck_assert_ptr_nonnull(strstr(json, other.id));
    jp_free(json);
    ck_assert_msg(jp_ask(client, "cleanup", root.id, &json, &err) == JP_OK, "%s", err.text);
    ck_assert_ptr_nonnull(strstr(json, "\"removed\":1"));
    jp_free(json);

    json = &unchanged;
    ck_assert_int_eq(jp_ask(client, "status", "order-18", &json, &err), JP_E_NOT_FOUND);
    ck_assert_ptr_null(json);
    ck_assert_int_eq(jp_ask(client, "listen", NULL, &json, &err), JP_E_NOT_FOUND);
    ck_assert_int_eq(jp_ask(client, "list.x", NULL, &json, &err), JP_E_INVALID);
    ck_assert_int_eq(jp_ask(client, "list", "{\"limit\":0}", &json, &err), JP_E_INVALID);
    ck_assert_int_eq(jp_ask(client, "status", "{\"key\":\"a\"} {\"key\":\"b\"}", &json, &err), JP_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "there is more than one value"));
    ck_assert_int_eq(jp_ask(client, "status", "{\"key\":\"a\",\"root\":\"b\"}", &json, &err), JP_E_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "send one of them"));
    ck_assert_int_eq(jp_ask(client, "status", "{\"$date\":0}", &json, &err), JP_E_INVALID);
    ck_assert_int_eq(jp_ask(client, "status", "{key:1}", &json, &err), JP_E_INVALID);
    ck_assert_msg(strstr(err.text, "this is not JSON, at \"k\": '{key:1}'") && !strstr(err.text, "EXPECTED"), "%s",
                  err.text);
    /* A NULL argument is refused, and crashes nothing. */
    ck_assert_int_eq(jp_ask(client, NULL, NULL, &json, &err), JP_E_INVALID);
    ck_assert_int_eq(jp_start_json(client, &root, &err, NULL, NULL, NULL), JP_E_INVALID);
    ck_assert_int_eq(jp_reply_json(client, NULL, NULL, &err), JP_E_INVALID);
    ck_assert_int_eq(jp_reply_json(client, "no-ticket", NULL, &err), JP_E_REFUSED);
    jp_client_close(client);
    ck_assert_int_eq(stop(SIGTERM), 0);
}
END_TEST

START_TEST(values_arrive_as_they_are)
{
    static const uint8_t bytes[] = {0, 255, 7}, doc[] = {12, 0, 0, 0, 16, 'a', 0, 5, 0, 0, 0, 0};
    jp_root root;
    jp_error err = {0};
    char *json;
    serve();
    jp_client *client = open_client();
    const struct {
        jp_value x, y;
        const char *json;
    } cases[] = {
        {jp_v_null(), jp_v_bool(true), "[null,true]"},
        {jp_v_int64(INT64_MIN), jp_v_double(-0.5), "[-9223372036854775808,-0.5]"},
        {jp_v_string("q\"\n\xf0\x9f\x98\x80"), jp_v_doc((jp_doc){doc, sizeof doc}),
         "[\"q\\\"\\n\xf0\x9f\x98\x80\",{\"a\":5}]"},
        {jp_v_datetime(1500), jp_v_binary(bytes, sizeof bytes),
         "[{\"$date\":\"1970-01-01T00:00:01.500Z\"},{\"$binary\":{\"base64\":\"AP8H\",\"subType\":\"00\"}}]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(jp_start_v(client, &root, &err, &Same, 2, (jp_value[]){cases[i].x, cases[i].y}) == JP_OK, "%s",
                      err.text);
        ck_assert_msg(jp_wait_for(client, root, 10000, &err) == JP_OK, "%s", err.text);
        ck_assert_int_eq(jp_result(client, root, &json, &err), JP_OK);
        jpx_arena *arena = jpx_arena_new();
        jpx_text compact = jpx_text_new(arena);
        const jpx_json *read;
        ck_assert_int_eq(jpx_json_read((jpx_bytes){(uint8_t *)json, strlen(json)}, arena, &read, &err), JP_OK);
        jpx_json_put(&compact, read);
        ck_assert_str_eq(compact.s, cases[i].json);
        jpx_arena_free(arena);
        jp_free(json);
    }
    ck_assert_int_eq(jp_start_v(client, &root, &err, &Same, 1, (jp_value[]){jp_v_string("\xff")}), JP_E_INVALID);
    ck_assert_int_eq(jp_start(client, &root, &err, Same, (jp_doc){0}), JP_E_INVALID);
    ck_assert_int_eq(jp_start_v(client, &root, &err, &Same, 1, (jp_value[]){jp_v_future((jp_future){0})}),
                     JP_E_INVALID);
    ck_assert_int_eq(jp_start(client, &root, &err, AddOne, "x"), JP_E_INVALID);
    ck_assert_int_eq(jp_start_json(client, &root, &err, "Nope", NULL, NULL), JP_E_NOT_FOUND);
    jp_client_close(client);
}
END_TEST

START_TEST(a_reply_and_an_abort_end_a_wait)
{
    jp_root root;
    jp_error err = {0};
    char file[96], ticket[128] = "", args[128], *json;
    serve();
    jp_client *client = open_client();
    path_of(file, "ticket");
    snprintf(args, sizeof args, "\"%s\"", file);
    ck_assert_int_eq(jp_start_json(client, &root, &err, "Ask", args, NULL), JP_OK);
    for (int i = 0; i < 500 && !strchr(ticket, '\n'); i++) {
        FILE *in = fopen(file, "r");
        usleep(10000);
        if (in && !fgets(ticket, sizeof ticket, in))
            ticket[0] = '\0';
        if (in)
            fclose(in);
    }
    ticket[strcspn(ticket, "\n")] = '\0';
    ck_assert_int_eq(jp_result(client, root, &json, &err), JP_E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.text, "it is running; jp_wait_for waits for it"));
    ck_assert_int_eq(jp_wait_for(client, root, 100, &err), JP_E_TIMEOUT);
    ck_assert_int_eq(jp_reply_json(client, ticket, "{\"a\":", &err), JP_E_INVALID);
    ck_assert_msg(jp_reply(client, ticket, "yes", &err) == JP_OK, "%s", err.text);
    ck_assert_int_ne(jp_reply(client, ticket, "again", &err), JP_OK);
    ck_assert_int_eq(jp_wait_for(client, root, 10000, &err), JP_OK);
    ck_assert_int_eq(jp_result(client, root, &json, &err), JP_OK);
    ck_assert_str_eq(json, "\"yes\"");
    jp_free(json);

    ck_assert_int_eq(jp_start_json(client, &root, &err, "Ask", args, NULL), JP_OK);
    ck_assert_int_eq(jp_abort_root(client, root, "not needed", &err), JP_OK);
    ck_assert_int_eq(jp_wait_for(client, root, 10000, &err), JP_E_REFUSED);
    ck_assert_ptr_nonnull(strstr(err.text, "not needed"));
    ck_assert_int_eq(jp_result(client, root, &json, &err), JP_E_NOT_FOUND); /* final: waiting brings no result */
    ck_assert_str_eq(err.text + 24, " has no result: it is aborted");
    jp_client_close(client);
}
END_TEST

static char *large_text(size_t size)
{
    char *text = malloc(size + 1);
    memset(text, 'x', size);
    for (size_t i = 0; i < size; i += 500)
        text[i] = i % 1000 ? '\\' : '"';
    text[size] = '\0';
    return text;
}

/* Returns what the program prints on stdout; the caller frees it. */
static char *said(int expected, int argc, char **argv)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    ck_assert_int_eq(jpx_cli_main(argc, argv, pipes, stdin, out, stderr), expected);
    fclose(out);
    return text;
}

/* SEMANTICS 3.1: arguments, results and replies that are larger than a message of the server (1 MiB). */
START_TEST(large_values_pass)
{
    enum { BYTES = 4 * 1024 * 1024 };
    char *text = large_text(BYTES), file[96], ticket[128] = "", *json;
    jp_root root;
    jp_error err = {0};
    serve();
    jp_client *client = open_client();
    ck_assert_msg(jp_start(client, &root, &err, Same, (const char *)text, 7) == JP_OK, "%s", err.text);
    ck_assert_msg(jp_wait_for(client, root, 20000, &err) == JP_OK, "%s", err.text);
    ck_assert_msg(jp_result(client, root, &json, &err) == JP_OK, "%s", err.text);
    jpx_arena *arena = jpx_arena_new();
    const jpx_json *read;
    ck_assert_int_eq(jpx_json_read((jpx_bytes){(uint8_t *)json, strlen(json)}, arena, &read, &err), JP_OK);
    ck_assert_str_eq(read->first->string, text);
    char *printed = said(0, 3, (char *[]){"shop", "result", root.id, NULL});
    ck_assert_uint_eq(strlen(printed), strlen(json) + 1);
    ck_assert_int_eq(memcmp(printed, json, strlen(json)), 0);
    free(printed);
    jp_free(json);
    ck_assert_int_eq(jp_tree(client, root, &json, &err), JP_OK); /* without the values */
    ck_assert_uint_lt(strlen(json), 2000);
    ck_assert_ptr_nonnull(strstr(json, "\"large\":true"));
    jp_free(json);

    path_of(file, "ticket");
    ck_assert_int_eq(jp_start(client, &root, &err, Ask, (const char *)file), JP_OK);
    for (int i = 0; i < 500 && !strchr(ticket, '\n'); i++) {
        FILE *in = fopen(file, "r");
        usleep(10000);
        if (in && !fgets(ticket, sizeof ticket, in))
            ticket[0] = '\0';
        if (in)
            fclose(in);
    }
    ticket[strcspn(ticket, "\n")] = '\0';
    bool waits = false;
    for (int i = 0; i < 500 && !waits; i++) { /* the ticket is written before the wait is stored */
        ck_assert_int_eq(jp_why(client, root, &json, &err), JP_OK);
        waits = strstr(json, "\"line\":\"Ask waits for a reply\"") != NULL;
        jp_free(json);
        usleep(10000);
    }
    ck_assert(waits);
    ck_assert_msg(jp_reply(client, ticket, (const char *)text, &err) == JP_OK, "%s", err.text);
    ck_assert_int_eq(jp_reply(client, ticket, (const char *)text, &err), JP_E_REFUSED);
    ck_assert_int_eq(jp_wait_for(client, root, 20000, &err), JP_OK);
    ck_assert_msg(jp_result(client, root, &json, &err) == JP_OK, "%s", err.text);
    ck_assert_int_eq(jpx_json_read((jpx_bytes){(uint8_t *)json, strlen(json)}, arena, &read, &err), JP_OK);
    ck_assert_str_eq(read->string, text);
    jp_free(json);

    char *larger = large_text(9 * 1024 * 1024);
    ck_assert_int_eq(jp_start(client, &root, &err, Same, (const char *)larger, 7), JP_E_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(err.text, "8 MiB"));
    free(larger);
    jpx_arena_free(arena);
    free(text);
    jp_client_close(client);
}
END_TEST

/* More roots than one request removes. */
START_TEST(cleanup_goes_on_until_nothing_is_left)
{
    enum { ROOTS = 230 };
    jp_root root;
    jp_error err = {0};
    char *json;
    serve();
    jp_client *client = open_client();
    for (int i = 0; i < ROOTS; i++)
        ck_assert_msg(jp_start(client, &root, &err, AddOne, i) == JP_OK, "%s", err.text);
    ck_assert_int_eq(jp_start(client, &root, &err, Nap, 60000), JP_OK);
    for (int i = 0; i < 500; i++) {
        json = said(0, 6, (char *[]){"shop", "list", "--status", "running", "--json", "--limit=1000", NULL});
        bool last = strstr(json, "AddOne") == NULL;
        free(json);
        if (last)
            break;
        usleep(20000);
    }
    json = said(0, 5, (char *[]){"shop", "cleanup", "--older", "0", "--json", NULL});
    ck_assert_str_eq(json, "{\"removed\":230}\n");
    free(json);
    json = said(0, 4, (char *[]){"shop", "list", "--json", "--limit=3", NULL});
    ck_assert_ptr_null(strstr(json, "AddOne"));
    ck_assert_ptr_nonnull(strstr(json, "Nap"));
    free(json);
    jp_client_close(client);
}
END_TEST

START_TEST(a_start_before_anybody_serves_is_not_lost)
{
    char name[256] = "", *err_text = NULL, *out_text = NULL;
    size_t size;
    jp_error err = {0};
    jp_root root;
    jp_client *client = open_client();
    ck_assert_int_eq(jp_start(client, &root, &err, AddTwo, 1), JP_E_UNAVAILABLE);
    jp_client_close(client);

    FILE *out = open_memstream(&out_text, &size), *said = open_memstream(&err_text, &size);
    ck_assert_int_eq(jpx_cli_main(4, (char *[]){"shop", "start", "AddTwo", "40"}, pipes, stdin, out, said), 0);
    fclose(out);
    fclose(said);
    ck_assert_ptr_nonnull(strstr(err_text, "the start is stored"));
    snprintf(name, sizeof name, "%.*s", (int)strcspn(out_text, "\n"), out_text);
    serve();
    free(out_text);
    free(err_text);
    out = open_memstream(&out_text, &size);
    int code = JP_E_NOT_FOUND;
    for (int i = 0; i < 100 && code == JP_E_NOT_FOUND; i++) {
        usleep(50000);
        code = jpx_cli_main(4, (char *[]){"shop", "result", name, "--wait"}, pipes, stdin, out, stderr);
    }
    fclose(out);
    ck_assert_int_eq(code, 0);
    ck_assert_str_eq(out_text, "42\n");
    free(out_text);
}
END_TEST

START_TEST(sigterm_lets_a_body_end)
{
    jp_root root;
    jp_error err = {0};
    char *json;
    serve();
    jp_client *client = open_client();
    ck_assert_int_eq(jp_start(client, &root, &err, Nap, 700), JP_OK);
    usleep(300000);
    ck_assert_int_eq(stop(SIGTERM), 0);
    serve();
    ck_assert_int_eq(jp_wait_for(client, root, 10000, &err), JP_OK);
    ck_assert_int_eq(jp_tree(client, root, &json, &err), JP_OK);
    ck_assert_ptr_nonnull(strstr(json, "\"attempt\":1"));
    jp_free(json);

    ck_assert_int_eq(jp_start(client, &root, &err, Nap, 60000), JP_OK);
    usleep(300000);
    kill(server, SIGTERM);
    usleep(200000);
    ck_assert_int_eq(stop(SIGTERM), 128 + SIGTERM); /* the second signal exits at once */
    jp_client_close(client);
}
END_TEST

int main(void)
{
    if (!getenv("JETPIPE_TEST_NATS") || !*getenv("JETPIPE_TEST_NATS")) {
        printf("skip: JETPIPE_TEST_NATS names no server; tests/run.sh starts one\n");
        return 77;
    }
    Suite *suite = suite_create("cli_client");
    TCase *tc = tcase_create("all");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_root_from_start_to_result);
    tcase_add_test(tc, any_verb_can_be_asked);
    tcase_add_test(tc, values_arrive_as_they_are);
    tcase_add_test(tc, a_reply_and_an_abort_end_a_wait);
    tcase_add_test(tc, large_values_pass);
    tcase_add_test(tc, cleanup_goes_on_until_nothing_is_left);
    tcase_add_test(tc, a_start_before_anybody_serves_is_not_lost);
    tcase_add_test(tc, sigterm_lets_a_body_end);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
