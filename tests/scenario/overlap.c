/* overlap.c -- S93: a body that takes longer than the ack deadline, with a worker that sends heartbeats, and with one
 * that stalls, so that another worker gets the event. Bodies of the first worker run in processes of their own and
 * report through a file. */
#include "seam.h"
#include <fcntl.h>
#include <unistd.h>

static char report[128], go[128]; /* files, set before the zygote is forked, so that bodies know their names */

/* How often the file has this line. */
static int lines(const char *text)
{
    char line[64];
    int count = 0;
    FILE *file = fopen(report, "r");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        count += strcmp(line, text) == 0;
    }
    if (file)
        fclose(file);
    return count;
}

static void append(const char *text)
{
    char line[64];
    int size = snprintf(line, sizeof line, "%s\n", text), fd = open(report, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (fd >= 0 && write(fd, line, (size_t)size) != size)
        abort();
    close(fd);
}

JP_PIPE(child, p, .takes = "int64 n", .gives = "int64")
{
    append(jp_format(p, "child %lld", (long long)jp_int64(p, "n")));
    return jp_return(p, jp_arg(p, "n"));
}

JP_PIPE(consumer, p, .takes = "int64 n", .gives = "int64")
{
    append(jp_format(p, "consumer %lld", (long long)jp_int64(p, "n")));
    return jp_return(p, jp_arg(p, "n"));
}

/* The first execution waits for the file `go`. */
JP_PIPE(takes_long, p, .gives = "int64")
{
    append("body");
    int n = lines("body");
    for (int i = 0; n == 1 && i < 60000 && access(go, F_OK) != 0; i++)
        usleep(2000);
    return jp_return(p, jp_yield(p, child, n));
}

JP_PIPE(family, p, .gives = "int64")
{
    return jp_return(p, jp_yield(p, consumer, jp_yield(p, takes_long)));
}

static const jp_def *const pipes[] = {&child, &consumer, &takes_long, &family, NULL};

static bool is_final(kit *k, const char *key)
{
    const char *now_ = kit_status(k, key);
    return strcmp(now_, "done") == 0 || strcmp(now_, "aborted") == 0;
}

static void turn(kit *k, jpx_role *second, int64_t ms)
{
    stand_still(k, ms);
    jpx_local_step(k->local);
    if (second)
        jpx_role_step(second, 0);
}

/* SEMANTICS 3.6, 6.2: one committed result; the loser has no effect. */
static void longer_than_the_deadline(int ground, bool stalled)
{
    const jpx_env env = jpx_env_system(JPX_ERROR);
    const int64_t wait_ms = stalled ? 1500 : 4000;
    jpx_registry *registry;
    jp_error err;

    snprintf(report, sizeof report, "/tmp/s93-%d-%d-%d.report", (int)getpid(), ground, stalled);
    snprintf(go, sizeof go, "/tmp/s93-%d-%d-%d.go", (int)getpid(), ground, stalled);
    ck_assert_int_eq(jpx_registry_new(&registry, pipes, &err), JP_OK);
    ck_assert_int_eq(jpx_zygote_start(&kit_zygote, registry, &env, &err), JP_OK); /* before there are any threads */
    setenv("JETPIPE_ACK_WAIT_MS", stalled ? "1500" : "4000", 1);
    kit_real_time = true;
    kit *k = kit_open(ground, pipes);
    if (k) {
        const char *key = kit_start(k, "family", "");
        for (int i = 0; i < 5000 && !lines("body"); i++)
            turn(k, NULL, 1);
        ck_assert_int_eq(lines("body"), 1);
        jpx_role *second = other_role(k, JPX_ROLE_WORKER);
        if (stalled) {
            jpx_local_pause(k->local, JPX_ROLE_WORKER, true);
            for (int i = 0; i < 200 && !lines("consumer 2"); i++)
                turn(k, second, wait_ms / 10);
            jpx_local_pause(k->local, JPX_ROLE_WORKER, false);
        } else {
            for (int i = 0; i < 20; i++)
                turn(k, second, wait_ms / 10);
        }
        ck_assert_int_eq(lines("body"), stalled ? 2 : 1);
        close(open(go, O_CREAT | O_WRONLY, 0600)); /* now the first execution ends */
        for (int i = 0; i < 2000 && (!is_final(k, key) || i < 20); i++)
            turn(k, second, 5);
        close_others();
        kit_assert_json(kit_status(k, key), "done");
        kit_assert_json(kit_result(k, key), stalled ? "2" : "1");
        kit_assert_json(kit_field(k, "status", key, "pipelines"), "{\"done\":4}");
        ck_assert_int_eq(lines("body"), stalled ? 2 : 1);
        ck_assert_int_eq(lines("child 1"), stalled ? 0 : 1); /* the loser's children are inert */
        ck_assert_int_eq(lines("child 2"), stalled ? 1 : 0);
        ck_assert_int_eq(lines("consumer 1") + lines("consumer 2"), 1);
        kit_assert_json(kit_tree(k, key, "children.0.attempt"), "1");
        kit_close(k);
        unlink(report);
        unlink(go);
    }
    unsetenv("JETPIPE_ACK_WAIT_MS");
    jpx_zygote_stop(kit_zygote);
    kit_zygote = NULL;
    jpx_registry_free(registry);
}

START_TEST(s93_with_heartbeats)
{
    longer_than_the_deadline(_i, false);
}
END_TEST

START_TEST(s93_with_a_stalled_worker)
{
    longer_than_the_deadline(_i, true);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("overlap");
    TCase *heartbeats = tcase_create("heartbeats"), *stalls = tcase_create("stalls");
    seam_use();
    tcase_set_timeout(heartbeats, 120);
    tcase_set_timeout(stalls, 120);
    tcase_add_loop_test(heartbeats, s93_with_heartbeats, 0, KIT_GROUNDS);
    tcase_add_loop_test(stalls, s93_with_a_stalled_worker, 0, KIT_GROUNDS);
    suite_add_tcase(suite, heartbeats);
    suite_add_tcase(suite, stalls);
    return kit_main(suite);
}
