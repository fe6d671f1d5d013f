/* bus_server.c -- what the JetStream bus does when its server dies, comes back, comes back empty, has no JetStream,
 * wants a password or forbids a subject. Each case starts a nats-server of its own in a temporary folder and ends it;
 * it takes the program JETPIPE_NATS_SERVER names, or "nats-server" in PATH. Without one the whole program is skipped.
 */
#include "contract/bus_suite.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static bus_case c;
static char folder[64], url[64];
static int port;
static pid_t server;

static const char *program(void)
{
    const char *name = getenv("JETPIPE_NATS_SERVER");
    return name && *name ? name : "nats-server";
}

static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static bool answers(void)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool yes = connect(fd, (struct sockaddr *)&at, sizeof at) == 0;

    close(fd);
    return yes;
}

/* `config`: lines of a configuration file, or "jetstream" with the store in folder/`store`. */
static void server_start(const char *store, const char *config)
{
    char file[128];

    snprintf(file, sizeof file, "%s/conf", folder);
    FILE *out = fopen(file, "w");
    ck_assert_ptr_nonnull(out);
    fprintf(out, "listen: \"127.0.0.1:%d\"\n", port);
    if (store)
        fprintf(out, "jetstream { store_dir: \"%s/%s\" }\n", folder, store);
    fprintf(out, "%s\n", config);
    fclose(out);
    server = fork();
    if (server == 0) {
        int log = open("/dev/null", O_WRONLY);
        dup2(log, 1);
        dup2(log, 2);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed case leaves nothing behind */
        execlp(program(), program(), "-c", file, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 200 && !answers(); i++)
        usleep(50000);
    ck_assert(answers());
}

static void server_end(int sig)
{
    kill(server, sig);
    waitpid(server, NULL, 0);
}

static int remove_one(const char *path, const struct stat *s, int flag, struct FTW *ftw)
{
    (void)s;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void place_begin(void)
{
    strcpy(folder, "/tmp/jetpipe-bus-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    port = free_port();
    snprintf(url, sizeof url, "nats://127.0.0.1:%d", port);
}

static void place_end(void)
{
    server_end(SIGTERM);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void begin(void)
{
    place_begin();
    server_start("a", "");
    setenv("JETPIPE_TEST_NATS", url, 1);
    bus_list[0] = BUS_JETSTREAM;
    bus_begin(&c, 0);
}

static void end(void)
{
    jpx_bus_close(c.bus);
    jpx_arena_free(c.arena);
    place_end();
}

static void wait_connected(bool wanted)
{
    for (int i = 0; i < 400 && jpx_bus_connected(c.bus) != wanted; i++)
        usleep(25000);
    ck_assert(jpx_bus_connected(c.bus) == wanted);
}

/* ---- a publisher and a subscriber that go on, whatever the server does ---- */

enum { NUMBERS = 4000 };
static atomic_bool stop;
static atomic_uchar stored[NUMBERS], seen[NUMBERS];
static atomic_int stored_count;

static void *publish_numbers(void *arg)
{
    (void)arg;
    for (int next = 0; next < NUMBERS && !atomic_load(&stop);) {
        jpx_message messages[20];
        char texts[20][16], ids[20][24];
        jp_error err;
        int size = next % 3 == 0 ? 20 : 1; /* both connections */
        if (size > NUMBERS - next)
            size = NUMBERS - next;
        for (int i = 0; i < size; i++) {
            snprintf(texts[i], sizeof texts[i], "%d", next + i);
            snprintf(ids[i], sizeof ids[i], "id-%d", next + i);
            messages[i] = bus_message(&c, "", texts[i]);
            messages[i].subject = "jpt-n.slot.1";
            messages[i].id = ids[i];
        }
        if (jpx_bus_publish(c.bus, messages, (size_t)size, 500, &err) != JP_OK) {
            ck_assert_msg(err.status == JP_E_UNAVAILABLE, "%d: %s", err.status, err.text);
            continue; /* the same again */
        }
        for (int i = 0; i < size; i++)
            atomic_store(&stored[next + i], 1);
        next += size;
        atomic_store(&stored_count, next);
        usleep(1000);
    }
    return NULL;
}

static void *take_numbers(void *arg)
{
    jpx_delivery *got[64];
    while (!atomic_load(&stop)) {
        size_t count = jpx_sub_fetch(arg, got, 64, 100);
        for (size_t i = 0; i < count; i++)
            atomic_store(&seen[strtoul((const char *)got[i]->data.data, NULL, 10)], 1);
        jpx_sub_ack(arg, got, count);
    }
    return NULL;
}

static int missing(int count)
{
    int missed = 0;
    for (int i = 0; i < count; i++)
        missed += atomic_load(&stored[i]) && !atomic_load(&seen[i]);
    return missed;
}

/* False also while the server is not there yet. */
static bool nothing_pending(void)
{
    jpx_bytes reply;
    jp_error err;

    if (jpx_bus_request(c.bus, "$JS.API.CONSUMER.INFO.JPT-N_SLOT.barrier", (jpx_bytes){NULL, 0}, 1000, c.arena, &reply,
                        &err) != JP_OK)
        return false;
    const char *info = jpx_strndup(c.arena, (const char *)reply.data, reply.size);
    return strstr(info, "\"num_ack_pending\":0") && strstr(info, "\"num_pending\":0");
}

START_TEST(kill_and_restart_loses_nothing_acknowledged)
{
    pthread_t publisher, taker;

    begin();
    jpx_bus_close(c.bus);
    strcpy(c.prefix, "jpt-n");
    bus_open(&c, &c.bus);
    bus_ok(&c, jpx_bus_setup(c.bus, bus_queues, 2, &c.err));
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 64);
    ck_assert_int_eq(pthread_create(&publisher, NULL, publish_numbers, NULL), 0);
    ck_assert_int_eq(pthread_create(&taker, NULL, take_numbers, sub), 0);
    for (int round = 0; round < 4; round++) {
        usleep(400000);
        server_end(SIGKILL);
        usleep(round % 2 ? 900000 : 10000);
        server_start("a", "");
    }
    pthread_join(publisher, NULL);
    ck_assert_int_eq(atomic_load(&stored_count), NUMBERS);
    /* Acks that were on their way when the server was killed are lost, so that their messages come again: they are
     * taken until the durable has none left. (The stream may have: nats-server 2.9 leaves messages there after a kill
     * that the durable knows as acked.) */
    for (int i = 0; i < 600 && (missing(NUMBERS) > 0 || !nothing_pending()); i++)
        usleep(50000);
    atomic_store(&stop, true);
    pthread_join(taker, NULL);
    /* A killed server may have forgotten the end of its numbering, where all was acked: that counts as evidence of a
     * loss, which costs a look. What must not be is a loss without evidence. */
    int missed = missing(NUMBERS);
    ck_assert_msg(missed == 0 || jpx_bus_loss_count(c.bus) > 0, "%d of %d never came", missed, NUMBERS);
    ck_assert_uint_le(jpx_bus_loss_count(c.bus), 4);
    ck_assert(nothing_pending());
    jpx_sub_close(sub);
    end();
}
END_TEST

START_TEST(an_empty_server_is_a_loss_and_works)
{
    begin();
    jpx_sub *slot = bus_take(&c, JPX_STREAM_SLOT, NULL, 64), *run = bus_take(&c, JPX_STREAM_RUN, "slow", 64);

    bus_say(&c, "slot.1", "a");
    jpx_delivery *held = bus_one(slot, "a");
    bus_say(&c, "run.slow.Add", "b");
    bus_ack(run, bus_one(run, "b"));
    int64_t stream_created_ns = jpx_bus_stream_created_ns(c.bus);
    ck_assert_int_gt(stream_created_ns, 0);
    for (uint64_t round = 1; round <= 2; round++) {
        server_end(SIGKILL);
        wait_connected(false);
        server_start(round == 1 ? "b" : "c", "");
        bus_say(&c, "slot.1", "c"); /* waits for the server, and for the streams */
        bus_say(&c, "run.slow.Add", "d");
        bus_ack(slot, bus_one(slot, "c"));
        bus_ack(run, bus_one(run, "d"));
        for (int i = 0; i < 100 && jpx_bus_loss_count(c.bus) < round; i++)
            usleep(20000);
        ck_assert_uint_ge(jpx_bus_loss_count(c.bus), round);
        ck_assert_uint_le(jpx_bus_loss_count(c.bus), 2 * round);
        ck_assert_int_gt(jpx_bus_stream_created_ns(c.bus), stream_created_ns); /* whoever looks later knows by that */
        stream_created_ns = jpx_bus_stream_created_ns(c.bus);
    }
    bus_ack(slot, held);
    jpx_sub_close(slot);
    jpx_sub_close(run);
    end();
}
END_TEST

/* The server's reason is passed on whole: it has a path in quotes in it. */
START_TEST(a_stream_without_its_files)
{
    enum { LARGE = 900 * 1024 };
    char command[256];

    begin();
    snprintf(command, sizeof command, "rm -r %s/a/jetstream/'$G'/streams/*_SLOT/msgs", folder);
    ck_assert_int_eq(system(command), 0);
    jpx_message message = {.subject = bus_subject(&c, "slot.1"), .data = {jpx_alloc(c.arena, LARGE), LARGE}};
    jp_status status = JP_OK;
    for (int i = 0; i < 100 && status == JP_OK; i++) /* until the file that it holds open is full */
        status = jpx_bus_publish(c.bus, &message, 1, 2000, &c.err);
    ck_assert_int_eq(status, JP_E_FULL);
    ck_assert_msg(strstr(c.err.text, ".blk") && strstr(c.err.text, "no such file"), "%s", c.err.text);
    end();
}
END_TEST

START_TEST(an_older_store_is_a_loss)
{
    char command[256];

    begin();
    for (int i = 0; i < 5; i++)
        bus_say(&c, "slot.1", "a");
    server_end(SIGTERM);
    wait_connected(false);
    snprintf(command, sizeof command, "cp -r %s/a %s/older", folder, folder);
    ck_assert_int_eq(system(command), 0);
    server_start("a", "");
    for (int i = 0; i < 5; i++)
        bus_say(&c, "slot.1", "b");
    ck_assert_uint_eq(jpx_bus_loss_count(c.bus), 0);
    server_end(SIGKILL);
    server_start("older", ""); /* a backup, taken before the last five */
    for (int i = 0; i < 400 && jpx_bus_loss_count(c.bus) == 0; i++)
        usleep(25000);
    ck_assert_uint_eq(jpx_bus_loss_count(c.bus), 1);
    bus_backlog_is(&c, JPX_STREAM_SLOT, 5);
    end();
}
END_TEST

/* nats-server 2.9 may leave messages in a work queue, after a kill, that their durable knows as acked: it never
 * delivers them, and they are nobody's oldest. Here the messages of before are put beside the durable of after. */
START_TEST(messages_left_over_are_not_in_the_queue)
{
    char command[256];
    int64_t oldest_ms = 0;

    begin();
    jpx_sub *sub = bus_take(&c, JPX_STREAM_RUN, "default", 10);
    bus_say(&c, "run.default.Add", "a");
    jpx_delivery *held = bus_one(sub, "a");
    server_end(SIGTERM);
    wait_connected(false);
    snprintf(command, sizeof command, "cd '%s' && cp -r a/jetstream/*/streams/*_RUN/msgs before", folder);
    ck_assert_int_eq(system(command), 0);
    server_start("a", "");
    wait_connected(true);
    bus_ack(sub, held);
    bus_backlog_is(&c, JPX_STREAM_RUN, 0);
    server_end(SIGTERM);
    wait_connected(false);
    snprintf(command, sizeof command, "cd '%s' && cd a/jetstream/*/streams/*_RUN && rm -r msgs && mv '%s/before' msgs",
             folder, folder);
    ck_assert_int_eq(system(command), 0);
    server_start("a", "");
    wait_connected(true);
    for (int i = 0; i < 250 && oldest_ms == 0; i++, usleep(20000))
        oldest_ms = jpx_bus_oldest_ms(c.bus, "default");
    ck_assert_int_eq(oldest_ms, INT64_MAX);
    int64_t before_ms = jpx_now(&c.env);
    usleep(20000);
    bus_say(&c, "run.default.Add", "b");
    oldest_ms = jpx_bus_oldest_ms(c.bus, "default"); /* what is really there is seen behind them */
    ck_assert_msg(oldest_ms > before_ms && oldest_ms < INT64_MAX, "%lld", (long long)(oldest_ms - before_ms));
    bus_ack(sub, bus_one(sub, "b"));
    jpx_sub_close(sub);
    end();
}
END_TEST

START_TEST(while_the_server_is_away)
{
    begin();
    jpx_sub *sub = bus_take(&c, JPX_STREAM_SLOT, NULL, 64), *inbox = bus_hear(&c, "jpt.inbox", NULL);
    jpx_message messages[50], one = bus_message(&c, "slot.1", "a");
    jpx_delivery *got;
    jpx_bytes reply;

    for (int i = 0; i < 50; i++)
        messages[i] = one;
    server_end(SIGTERM);
    wait_connected(false);
    int64_t began = jpx_mono_ms();
    ck_assert_int_eq(jpx_bus_publish(c.bus, &one, 1, 300, &c.err), JP_E_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(c.err.text, url));
    ck_assert_int_eq(jpx_bus_publish(c.bus, messages, 50, 300, &c.err), JP_E_UNAVAILABLE);
    int64_t took = jpx_mono_ms() - began;
    ck_assert_msg(took >= 590 && took < 2000, "%lld ms", (long long)took);
    ck_assert_int_eq(jpx_bus_request(c.bus, "x", one.data, 300, c.arena, &reply, &c.err), JP_E_UNAVAILABLE);
    ck_assert_uint_eq(jpx_sub_fetch(sub, &got, 1, 200), 0);
    ck_assert_int_eq(jpx_bus_backlog(c.bus, JPX_STREAM_SLOT), -1);
    ck_assert_int_ne(jpx_bus_setup(c.bus, bus_queues, 2, &c.err), JP_OK);
    jpx_bus_tell(c.bus, messages, 50);
    jpx_sub *later = bus_take(&c, JPX_STREAM_RUN, "slow", 4); /* fine: it pulls when the server is there */
    server_start("a", "");
    bus_say(&c, "slot.1", "b");
    bus_ack(sub, bus_one(sub, "b"));
    bus_say(&c, "run.slow.Add", "c");
    bus_ack(later, bus_one(later, "c"));
    bus_ok(&c, jpx_bus_publish(c.bus, messages, 50, PUBLISH_MS, &c.err)); /* both connections are back */
    jpx_bus_tell(c.bus, &(jpx_message){.subject = "jpt.inbox", .data = {(const uint8_t *)"d", 1}}, 1);
    bus_ack(inbox, bus_one(inbox, "d"));
    ck_assert_uint_eq(jpx_bus_loss_count(c.bus), 0);
    server_end(SIGTERM);
    wait_connected(false);
    jpx_sub_close(sub); /* closing does not need the server */
    jpx_sub_close(inbox);
    jpx_sub_close(later);
    jpx_bus_close(c.bus);
    ck_assert_int_lt(jpx_mono_ms() - began, 30000);
    server_start("a", "");
    jpx_arena_free(c.arena);
    place_end();
}
END_TEST

static jp_status open_status(const char *at, jp_error *err)
{
    static jpx_env env;
    jpx_bus *bus;

    env = jpx_env_system(JPX_ERROR);
    jp_status status = jpx_bus_open(&bus, at, "jpt", "contract", 2000, &env, err);
    if (status == JP_OK)
        status = jpx_bus_setup(bus, bus_queues, 2, err);
    jpx_message message = {.subject = "jpt.slot.1"};
    if (status == JP_OK)
        status = jpx_bus_publish(bus, &message, 1, 1000, err);
    jpx_bus_close(bus);
    return status;
}

START_TEST(servers_that_will_not)
{
    jp_error err;
    char with[128];

    place_begin();
    server_start(NULL, "");
    ck_assert_int_eq(open_status(url, &err), JP_E_INVALID);
    ck_assert_msg(strstr(err.text, "nats-server -js"), "%s", err.text);
    server_end(SIGTERM);
    server_start("a", "authorization { user: u, password: secret }");
    ck_assert_int_eq(open_status(url, &err), JP_E_DENIED);
    snprintf(with, sizeof with, "nats://u:wrong@127.0.0.1:%d", port);
    ck_assert_int_eq(open_status(with, &err), JP_E_DENIED);
    ck_assert_msg(!strstr(err.text, "wrong"), "%s", err.text);
    snprintf(with, sizeof with, "nats://u:secret@127.0.0.1:%d", port);
    ck_assert_msg(open_status(with, &err) == JP_OK, "%s", err.text);
    server_end(SIGTERM);
    server_start("a", "authorization { users: [ { user: u, password: p, permissions: { publish: \"$JS.API.>\" } } ] }");
    snprintf(with, sizeof with, "nats://u:p@127.0.0.1:%d", port);
    ck_assert_msg(open_status(with, &err) == JP_E_DENIED, "%d %s", err.status, err.text);
    ck_assert_msg(strstr(err.text, "jpt.slot.1"), "%s", err.text);
    server_end(SIGTERM);
    server_start("b", "authorization { users: [ { user: u, password: p, permissions: { publish: \"jpt.>\" } } ] }");
    ck_assert_msg(open_status(with, &err) == JP_E_DENIED, "%d %s", err.status, err.text);
    server_end(SIGTERM);
    server_start("c", "accounts { A { jetstream { max_streams: 2 }, users: [ { user: u, password: p } ] } }");
    ck_assert_msg(open_status(with, &err) == JP_E_FULL, "%d %s", err.status, err.text);
    server_end(SIGTERM);
    server_start("d", "max_payload: 1000");
    jpx_env env = jpx_env_system(JPX_ERROR);
    jpx_bus *bus;
    uint8_t large[1000] = {0};
    jpx_message message = {.subject = "jpt.slot.1", .data = {large, 900}};
    ck_assert_int_eq(jpx_bus_open(&bus, url, "jpt", "contract", 2000, &env, &err), JP_OK);
    ck_assert_int_eq(jpx_bus_setup(bus, NULL, 0, &err), JP_OK);
    ck_assert_int_eq(jpx_bus_publish(bus, &message, 1, 1000, &err), JP_OK);
    message.data.size = 1000;
    ck_assert_int_eq(jpx_bus_publish(bus, &message, 1, 1000, &err), JP_E_TOO_LARGE);
    ck_assert_msg(strstr(err.text, "jpt.slot.1") && strstr(err.text, "1000"), "%s", err.text);
    jpx_bus_close(bus);
    place_end();
}
END_TEST

START_TEST(nobody_has_set_up)
{
    jpx_env env = jpx_env_system(JPX_ERROR);
    jpx_message message = {.subject = "jpt.start.Add"};
    jp_error err;
    jpx_bus *bus;

    place_begin();
    server_start("a", "");
    ck_assert_int_eq(jpx_bus_open(&bus, url, "jpt", "contract", 2000, &env, &err), JP_OK);
    int64_t began = jpx_mono_ms();
    ck_assert_int_eq(jpx_bus_publish(bus, &message, 1, 20000, &err), JP_E_UNAVAILABLE);
    ck_assert_msg(strstr(err.text, "jetpipe serve"), "%s", err.text);
    ck_assert_int_lt(jpx_mono_ms() - began, 6000);
    jpx_bus_close(bus);
    place_end();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        kill_and_restart_loses_nothing_acknowledged,
        an_empty_server_is_a_loss_and_works,
        a_stream_without_its_files,
        an_older_store_is_a_loss,
        messages_left_over_are_not_in_the_queue,
        while_the_server_is_away,
        servers_that_will_not,
        nobody_has_set_up,
    };
    char command[256];

    snprintf(command, sizeof command, "'%s' --version >/dev/null 2>&1", program());
    if (system(command) != 0) {
        printf("skip: no nats-server; name the program in JETPIPE_NATS_SERVER\n");
        return 77;
    }
    TCase *cases = tcase_create("server");
    tcase_set_timeout(cases, 60);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(cases, tests[i]);
    return bus_run("bus_server", cases);
}
