/* cli_verbs.c -- the command as people call it: what it prints on which stream, and its exit codes. The verb run brings
 * the whole engine into this process. */
#include "cli/cli.h"
#include "cli/host.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

JP_PIPE(AddOne, p, .takes = "int64 n", .gives = "int64")
{
    return jp_return(p, jp_int64(p, "n") + 1);
}

JP_PIPE(AddTwo, p, .takes = "int64 n", .gives = "int64")
{
    jp_future one = jp_yield(p, AddOne, jp_arg(p, "n"));
    return jp_return(p, jp_yield(p, AddOne, one));
}

JP_PIPE(Echo, p, .takes = "any... x")
{
    return jp_return(p, jp_arg(p, "x"));
}

JP_PIPE(Stop, p, .takes = "string why")
{
    return jp_abort(p, "%s", jp_string(p, "why"));
}

JP_PIPE(Busy, p, .gives = "string", .retry = {.first_ms = 300})
{
    if (jp_attempt(p) == 1)
        return jp_retry(p, "gateway busy");
    return jp_return(p, "ok");
}

JP_PIPE(Sleepy, p, .async = true)
{
    return jp_wait(p);
}

static const jp_def *const pipes[] = {&AddOne, &AddTwo, &Echo, &Stop, &Busy, &Sleepy, NULL};

static char *out_text, *err_text;

/* Runs the command; its output is in out_text and err_text. */
static int command(const char *input, int argc, char **argv)
{
    size_t out_size, err_size;
    free(out_text);
    free(err_text);
    FILE *in = fmemopen((void *)(input && *input ? input : " "), input && *input ? strlen(input) : 1, "r");
    FILE *out = open_memstream(&out_text, &out_size), *err = open_memstream(&err_text, &err_size);
    int code = jpx_cli_main(argc, argv, pipes, in, out, err);
    fclose(in);
    fclose(out);
    fclose(err);
    return code;
}

#define SAY(input, ...)                                                                                                \
    command((input), (int)(sizeof((char *[]){"/usr/bin/shop", __VA_ARGS__}) / sizeof(char *)),                         \
            (char *[]){"/usr/bin/shop", __VA_ARGS__})

static void setup(void)
{
    for (int i = 0; i < JPX_FLAGS; i++)
        if (jpx_flag_variable((jpx_flag_id)i))
            unsetenv(jpx_flag_variable((jpx_flag_id)i));
}

static const struct {
    const char *args[4];
    const char *said;
} wrong[] = {
    {{NULL}, "shop: no verb is given; `shop help` lists them\n"},
    {{"strat"}, "shop: there is no verb 'strat'; did you mean start?\n"},
    {{"frobnicate"}, "shop: there is no verb 'frobnicate'; `shop help` lists them\n"},
    {{"AddTwo", "40"}, "shop: AddTwo is a pipe, not a verb; did you mean: shop run AddTwo\n"},
    {{"run"}, "shop: run needs more arguments: shop run PIPE [JSON]\n"},
    {{"run", "Echo", "1", "2"},
     "shop: run takes PIPE [JSON], but 3 arguments were given; put quotes around JSON: '[1, 2]'\n"},
    {{"serve", "now"}, "shop: serve takes no arguments, but 1 argument was given\n"},
    {{"list", "--key", "k"}, "shop: list takes no --key; `shop help list` lists its flags\n"},
    {{"tree"}, "shop: tree needs a root: its id, as `shop list` shows it, or its key\n"},
    {{"status", "r", "--key", "k"}, "shop: status takes a root or --key, not both\n"},
    {{"list", "--after", "r"}, "shop: --after must be the id of a root, 24 hex digits, not 'r'\n"},
    {{"cleanup"}, "shop: cleanup needs a root, or --older with a time such as 7d (0 for all that have ended)\n"},
    {{"cleanup", "r", "--older", "7d"}, "shop: cleanup of one root takes neither --older nor --status\n"},
    {{"cleanup", "--older=7d", "--status=running"}, "shop: cleanup does not remove running roots; abort them first\n"},
    {{"list", "--nats", "memory:"},
     "shop: memory: is a bus inside one process, which list cannot reach; name a server by --nats or JETPIPE_NATS, or "
     "run everything in one process with: shop run\n"},
    {{"serve", "--role", "apo"},
     "shop: there is no role 'apo'; --role or JETPIPE_ROLE is a list of api, barrier, worker, with commas\n"},
    {{"serve", "--role", "api,api"}, "shop: the role api is given twice\n"},
    {{"serve", "--role", "api,"},
     "shop: there is no role ''; --role or JETPIPE_ROLE is a list of api, barrier, worker, with commas\n"},
    {{"serve", "--store=memory:", "--role=api"},
     "shop: the store memory: exists inside one process, so all roles must run in it; leave out --role, or name "
     "another store\n"},
    {{"reply", "t", "{\"a\":}"}, "shop: the reply is not JSON: character 6: expected a value, found }\n"},
    {{"help", "Addtwo"}, "shop: there is no verb or pipe 'Addtwo'; did you mean AddTwo?\n"},
};

START_TEST(mistakes_end_with_2_and_one_sentence)
{
    char *argv[6] = {"/usr/bin/shop"};
    int argc = 1;
    while (argc < 5 && wrong[_i].args[argc - 1]) {
        argv[argc] = (char *)wrong[_i].args[argc - 1];
        argc++;
    }
    ck_assert_int_eq(command(NULL, argc, argv), 2);
    ck_assert_str_eq(err_text, wrong[_i].said);
    ck_assert_str_eq(out_text, "");
}
END_TEST

START_TEST(help_lists_all_verbs_and_pipes)
{
    size_t count;
    const jpx_verb *verbs = jpx_verbs(&count);
    ck_assert_int_eq(SAY(NULL, "help"), 0);
    for (size_t i = 0; i < count; i++)
        ck_assert_ptr_nonnull(strstr(out_text, verbs[i].name));
    ck_assert_ptr_nonnull(strstr(out_text, "AddTwo(int64 n) gives int64"));
    ck_assert_str_eq(err_text, "");
    ck_assert_int_eq(SAY(NULL, "start", "--help"), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "--key KEY"));
    ck_assert_ptr_null(strstr(out_text, "--role"));
    ck_assert_int_eq(SAY(NULL, "help", "AddTwo"), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "3 attempts"));
    ck_assert_int_eq(SAY(NULL, "--version"), 0);
    ck_assert_ptr_eq(strstr(out_text, "jetpipe "), out_text);
}
END_TEST

START_TEST(help_lines_fit_a_terminal)
{
    size_t count;
    const jpx_verb *verbs = jpx_verbs(&count);
    for (size_t i = 0; i <= count; i++) {
        ck_assert_int_eq(i < count ? SAY(NULL, "help", (char *)verbs[i].name) : SAY(NULL, "help"), 0);
        for (const char *line = out_text; *line; line += strcspn(line, "\n") + 1)
            ck_assert_msg(strcspn(line, "\n") <= 80, "%.*s", (int)strcspn(line, "\n"), line);
    }
}
END_TEST

START_TEST(run_prints_the_result_alone_on_stdout)
{
    ck_assert_int_eq(SAY(NULL, "run", "AddTwo", "40"), 0);
    ck_assert_str_eq(out_text, "42\n");
    ck_assert_ptr_nonnull(strstr(err_text, "AddOne #0 (40)  done"));
    ck_assert_ptr_nonnull(strstr(err_text, "AddOne #1 (#0)  done"));
    ck_assert_int_eq(SAY(NULL, "run", "AddOne", "-5"), 0);
    ck_assert_str_eq(out_text, "-4\n");
    ck_assert_int_eq(SAY("[1, \"a b\",\n {\"x\": 2.5}]\n", "run", "Echo", "-"), 0);
    ck_assert_str_eq(out_text, "[1,\"a b\",{\"x\":2.5}]\n");
    ck_assert_int_eq(SAY(NULL, "run", "AddOne", "{\"n\":1}"), 0);
    ck_assert_str_eq(out_text, "2\n");
    ck_assert_int_eq(SAY(NULL, "run", "AddOne", "1", "--json"), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "\"result\":2"));
    ck_assert_ptr_nonnull(strstr(out_text, "\"status\":\"done\""));
}
END_TEST

START_TEST(run_of_an_abort_ends_with_1)
{
    ck_assert_int_eq(SAY(NULL, "run", "Stop", "\"no \\u001b[2Jway\""), 1);
    ck_assert_str_eq(out_text, "");
    ck_assert_ptr_nonnull(strstr(err_text, "shop: Stop was aborted: no "));
    ck_assert_ptr_null(strchr(err_text, '\033'));
}
END_TEST

START_TEST(run_refuses_wrong_arguments)
{
    ck_assert_int_eq(SAY(NULL, "run", "AddTo", "1"), 3);
    ck_assert_str_eq(err_text, "shop: there is no pipe 'AddTo'; did you mean AddTwo?\n");
    ck_assert_int_eq(SAY(NULL, "run", "AddOne", "\"x\""), 2);
    ck_assert_ptr_nonnull(strstr(err_text, "int64 n"));
    ck_assert_int_eq(SAY(NULL, "run", "AddOne", "[1"), 2);
    ck_assert_str_eq(err_text,
                     "shop: the arguments are not JSON: character 3: expected ',' or ']', found the end of the text\n");
    ck_assert_int_eq(SAY(NULL, "run", "AddOne"), 2);
    ck_assert_str_eq(out_text, "");
}
END_TEST

START_TEST(run_shows_retries_while_they_wait)
{
    ck_assert_int_eq(SAY(NULL, "run", "Busy"), 0);
    ck_assert_str_eq(out_text, "\"ok\"\n");
    ck_assert_ptr_nonnull(strstr(err_text, "retry (attempt 2), next in "));
    ck_assert_ptr_nonnull(strstr(err_text, ": gateway busy"));
    ck_assert_ptr_nonnull(strstr(err_text, "done (attempt 2)"));
}
END_TEST

START_TEST(run_ends_with_8_when_its_time_is_over)
{
    ck_assert_int_eq(SAY(NULL, "run", "Sleepy", "--timeout", "300ms"), 8);
    ck_assert_ptr_nonnull(strstr(err_text, "has not ended within 300 ms"));
    ck_assert_str_eq(out_text, "");
}
END_TEST

START_TEST(run_ignores_the_servers_of_the_environment)
{
    setenv("JETPIPE_NATS", "nats://127.0.0.1:1", 1);
    setenv("JETPIPE_STORE", "mongodb://127.0.0.1:1", 1);
    ck_assert_int_eq(SAY(NULL, "run", "AddTwo", "40"), 0);
    ck_assert_str_eq(out_text, "42\n");
    ck_assert_int_eq(SAY(NULL, "list"), 7);
    ck_assert_ptr_nonnull(strstr(err_text, "127.0.0.1:1"));
    setup();
}
END_TEST

START_TEST(passwords_are_not_shown)
{
    static const struct {
        const char *uri, *shown;
    } cases[] = {{"nats://127.0.0.1:4222", "nats://127.0.0.1:4222"},
                 {"nats://ana:s3cret@h:1", "nats://ana:***@h:1"},
                 {"nats://token@h:1,nats://ana:p@h:2", "nats://***@h:1,nats://ana:***@h:2"},
                 {"mongodb://u:p%40@a:1,b:2/db?x=1", "mongodb://u:***@a:1,b:2/db?x=1"},
                 {"mongodb://u:p@@a:1/d@b", "mongodb://u:***@a:1/d@b"},
                 {"sqlite:/tmp/a@b.db", "sqlite:/tmp/a@b.db"}};
    jpx_arena *arena = jpx_arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_str_eq(jpx_host_shown(cases[i].uri, arena), cases[i].shown);
    jpx_arena_free(arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli_verbs");
    TCase *tc = tcase_create("all");
    tcase_set_timeout(tc, 20);
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_loop_test(tc, mistakes_end_with_2_and_one_sentence, 0, (int)(sizeof wrong / sizeof *wrong));
    tcase_add_test(tc, help_lists_all_verbs_and_pipes);
    tcase_add_test(tc, help_lines_fit_a_terminal);
    tcase_add_test(tc, run_prints_the_result_alone_on_stdout);
    tcase_add_test(tc, run_of_an_abort_ends_with_1);
    tcase_add_test(tc, run_refuses_wrong_arguments);
    tcase_add_test(tc, run_shows_retries_while_they_wait);
    tcase_add_test(tc, run_ends_with_8_when_its_time_is_over);
    tcase_add_test(tc, run_ignores_the_servers_of_the_environment);
    tcase_add_test(tc, passwords_are_not_shown);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
