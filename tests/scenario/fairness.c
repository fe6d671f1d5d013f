/* fairness.c -- prefetched events must not starve another worker or another queue.
 *
 * Two workers with one process each, on one queue or two; on the memory bus, and on JetStream if JETPIPE_TEST_NATS
 * names a server. Bodies run in processes of their own and report through shared memory. The tests count which process
 * ran which body; they do not depend on the speed of the machine. */
#include "bus/memory.h"
#include "core/record.h"
#include "engine/role.h"
#include <check.h>
#include <jetpipe.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LONG = 16, SHORT = 400, WORKERS = 2, ROLES = 2 + WORKERS };

typedef struct board { /* shared with the bodies */
    int long_ms;
    atomic_int longs, shorts, hooks, shorts_before_last_long;
    atomic_int pids[LONG]; /* of the process that ran the long body */
} board;
static board *shared;

JP_PIPE(Short, p, .takes = "int64 n", .gives = "int64")
{
    atomic_fetch_add(&shared->shorts, 1);
    return jp_return(p, jp_arg(p, "n"));
}

static void long_finished(jp_ctx *p, bool aborted)
{
    (void)p;
    atomic_fetch_add(&shared->hooks, !aborted);
}

/* Because of the hook, each execution writes a mark before its body. */
JP_PIPE(Long, p, .takes = "int64 n", .gives = "int64", .on_finished = long_finished)
{
    atomic_store(&shared->pids[jp_int64(p, "n") % LONG], (int)getpid());
    if (atomic_fetch_add(&shared->longs, 1) == LONG - 1)
        atomic_store(&shared->shorts_before_last_long, atomic_load(&shared->shorts));
    usleep((useconds_t)shared->long_ms * 1000);
    return jp_return(p, jp_arg(p, "n"));
}

JP_PIPE(Beside, p, .takes = "int64 n", .gives = "int64", .queue = "beside")
{
    atomic_fetch_add(&shared->shorts, 1);
    return jp_return(p, jp_arg(p, "n"));
}

JP_PIPE(Shorts, p)
{
    for (int64_t i = 0; i < SHORT; i++)
        jp_yield(p, Short, i);
    return jp_done(p);
}

JP_PIPE(Longs, p)
{
    for (int64_t i = 0; i < LONG; i++)
        jp_yield(p, Long, i);
    return jp_done(p);
}

JP_PIPE(Besides, p, .queue = "beside")
{
    for (int64_t i = 0; i < LONG; i++)
        jp_yield(p, Beside, i);
    return jp_done(p);
}

static const jp_def *const pipes[] = {&Short, &Long, &Beside, &Shorts, &Longs, &Besides, NULL};

/* ---- api and barrier roles; workers are started by the tests ---- */

static jpx_env env;
static jpx_arena *arena;
static jpx_registry *registry;
static jpx_zygote *zygote;
static jpx_bus *bus;
static jpx_store *store;
static char prefix[32];
static jpx_role *roles[ROLES];
static pthread_t threads[ROLES];
static size_t roles_count;
static atomic_bool stop;
static jp_error err;

#define ok(call) ck_assert_msg((call) == JP_OK, "%s: %s", #call, err.text)

static void *role_loop(void *role)
{
    while (!atomic_load(&stop))
        jpx_role_step(role, 20);
    return NULL;
}

static void start_role(jpx_role_kind kind)
{
    jpx_parts parts = {
        .env = &env, .registry = registry, .store = store, .bus = bus, .zygote = zygote, .worker = "fairness"};
    jpx_role_options options = {.processes = 1};

    ok(jpx_role_open(&roles[roles_count], kind, &parts, &options, &err));
    ck_assert_int_eq(pthread_create(&threads[roles_count], NULL, role_loop, roles[roles_count]), 0);
    roles_count++;
}

static const char *places[2] = {"memory:"};

static void open_ground(int place, int long_ms)
{
    size_t count;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(shared != MAP_FAILED);
    shared->long_ms = long_ms;
    env = jpx_env_system(getenv("KIT_LOG") ? JPX_DEBUG : JPX_ERROR);
    arena = jpx_arena_new();
    ok(jpx_registry_new(&registry, pipes, &err));
    ok(jpx_zygote_start(&zygote, registry, &env, &err)); /* before there are any threads */
    snprintf(prefix, sizeof prefix, "fair%d-%d", (int)getpid(), place);
    ok(jpx_bus_open(&bus, places[place], prefix, "fairness", 5000, &env, &err));
    ok(jpx_store_open(&store, "memory:", prefix, &env, &err));
    const char *const *queues = jpx_role_queues(registry, arena, &count);
    ok(jpx_bus_setup(bus, queues, count, &err));
    start_role(JPX_ROLE_API);
    start_role(JPX_ROLE_BARRIER);
}

static void close_ground(void)
{
    static const char *const streams[] = {"START", "SLOT", "RUN", "EVENT", "DEAD"};
    jpx_bytes ignored;

    atomic_store(&stop, true);
    for (size_t i = 0; i < roles_count; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < roles_count; i++)
        jpx_role_close(roles[i]);
    for (size_t i = 0; i < 5; i++)
        jpx_bus_request(bus, jpx_format(arena, "$JS.API.STREAM.DELETE.%s_%s", prefix, streams[i]), (jpx_bytes){0}, 1000,
                        arena, &ignored, &err);
    jpx_bus_close(bus);
    jpx_store_close(store);
    jpx_zygote_stop(zygote);
    jpx_registry_free(registry);
    jpx_arena_free(arena);
}

static const char *ask(const char *verb, const char *json)
{
    jpx_bytes reply;

    ok(jpx_bus_request(bus, jpx_format(arena, "%s.api.%s", prefix, verb),
                       (jpx_bytes){(const uint8_t *)json, strlen(json)}, 70000, arena, &reply, &err));
    return jpx_strndup(arena, (const char *)reply.data, reply.size);
}

static void start(const char *pipe)
{
    const char *answer = ask("start", jpx_format(arena, "{\"pipe\":\"%s\",\"args\":[],\"key\":\"%s\"}", pipe, pipe));
    ck_assert_msg(!strstr(answer, "\"error\""), "%s", answer);
}

static const char *finish(const char *pipe)
{
    const char *answer = ask("result", jpx_format(arena, "{\"root\":\"%s\",\"wait_ms\":60000}", pipe));
    ck_assert_msg(strstr(answer, "\"done\""), "%s", answer);
    return ask("tree", pipe);
}

static void wait_for(const atomic_int *counter, int value)
{
    for (int i = 0; i < 30000 && atomic_load(counter) < value; i++)
        usleep(1000);
    ck_assert_int_ge(atomic_load(counter), value);
}

/* Each body has one mark from before the abort check; all but the first have a start mark, for their events were
 * redelivered. Returned events have left no marks. */
static void check_marks(const char *key)
{
    uint8_t lo[JPX_MARK_SIZE] = {0}, hi[JPX_MARK_SIZE];
    jpx_records found;
    jpx_record root;
    int checks = 0, starts = 0;

    ok(jpx_store_root_by_key(store, key, arena, &root, &err));
    memset(hi, 0xff, sizeof hi);
    memcpy(lo, root.id.data, JPX_ROOT_SIZE);
    memcpy(hi, root.id.data, JPX_ROOT_SIZE);
    ok(jpx_store_scan(store, JPX_TABLE_MARK, (jpx_bytes){lo, sizeof lo}, (jpx_bytes){hi, sizeof hi}, 1000, false, arena,
                      &found, &err));
    for (size_t i = 0; i < found.count; i++) {
        jpx_execution execution;
        jpx_handout handout;
        if (jpx_handout_decode(found.items[i], arena, &handout))
            continue; /* names the generation that a body may plan, beside the others */
        ck_assert(jpx_execution_decode(found.items[i], arena, &execution));
        *(execution.begins ? &starts : &checks) += 1;
    }
    ck_assert_int_eq(checks, LONG);
    ck_assert_msg(starts > 0 && starts < LONG, "%d of %d events were redelivered, all but the first should be", starts,
                  LONG);
}

/* ---- tests ---- */

/* A worker that has learned from short bodies prefetches long ones; then a second worker starts and gets some of them.
 * No attempt is counted, and no body runs twice. */
START_TEST(long_after_short)
{
    open_ground(_i, _i ? 1000 : 400); /* an open pull on JetStream takes 10 s to end */
    start_role(JPX_ROLE_WORKER);
    start("Shorts");
    finish("Shorts");
    start("Longs");
    wait_for(&shared->longs, 1);
    usleep(300000);
    start_role(JPX_ROLE_WORKER);
    const char *tree = finish("Longs");
    int first = 0;
    for (int i = 0; i < LONG; i++)
        first += atomic_load(&shared->pids[i]) == atomic_load(&shared->pids[0]);
    ck_assert_int_eq(atomic_load(&shared->longs), LONG);
    ck_assert_msg(first > 1 && first < LONG - 1, "%d of %d bodies ran in one of the two processes", first, LONG);
    ck_assert_msg(!strstr(tree, "\"attempt\":2"), "%s", tree);
    check_marks("Longs");
    close_ground();
}
END_TEST

/* One worker, two queues, one with long bodies: the short ones of the other queue get their turn. */
START_TEST(a_queue_beside_long_bodies)
{
    open_ground(_i, 200);
    start_role(JPX_ROLE_WORKER);
    start("Longs");
    wait_for(&shared->longs, 1);
    start("Besides");
    finish("Besides");
    finish("Longs");
    ck_assert_int_eq(atomic_load(&shared->longs), LONG);
    ck_assert_int_eq(atomic_load(&shared->shorts), LONG);
    ck_assert_int_ge(atomic_load(&shared->shorts_before_last_long), 3);
    close_ground();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fairness");
    TCase *tests = tcase_create("fairness");
    int count = 1;

    if (getenv("JETPIPE_TEST_NATS") && *getenv("JETPIPE_TEST_NATS"))
        places[count++] = getenv("JETPIPE_TEST_NATS");
    else
        printf("skip: jetstream; to run it, set JETPIPE_TEST_NATS to the URL of a nats-server -js\n");
    tcase_set_timeout(tests, 90);
    tcase_add_loop_test(tests, long_after_short, 0, count);
    tcase_add_loop_test(tests, a_queue_beside_long_bodies, 0, count);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
