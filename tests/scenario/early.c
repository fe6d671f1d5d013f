/* early.c -- replies that arrive while the body that handed out their ticket is still running, for long. Bodies run in
 * processes of their own, in real time. SEMANTICS 8.2; docs/protocol.md, trap 7. */
#include "seam.h"
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TICKET = 128, BOUND_MS = 13 * 1000 }; /* by then an early reply is refused, unless its body is running */

static struct shared { /* with the bodies' processes */
    char own[TICKET], promised[TICKET];
    atomic_int handed_out;
    atomic_bool go;
} * shared;

static void hand_out(char *to, const char *ticket)
{
    snprintf(to, TICKET, "%s", ticket);
    atomic_fetch_add(&shared->handed_out, 1);
    for (int i = 0; i < 60000 && !atomic_load(&shared->go); i++)
        usleep(1000);
}

JP_PIPE(asks, p, .gives = "int64", .async = true)
{
    hand_out(shared->own, jp_ticket(p));
    return jp_wait(p);
}

JP_PIPE(promises, p, .gives = "int64")
{
    jp_future number = jp_promise(p, "int64");
    hand_out(shared->promised, jp_promise_ticket(p, number));
    return jp_return(p, number);
}

static const jp_def *const pipes[] = {&asks, &promises, NULL};

static void reply(kit *k, const char *ticket, const char *value)
{
    send_to(k, jpx_format(k->arena, "reply.%s", ticket), value, NULL, NULL);
}

/* The same pipeline and step, another token. */
static const char *forged(kit *k, const char *ticket)
{
    char *other = jpx_strdup(k->arena, ticket);
    char *digit = other + strlen(other) - 4;
    *digit = *digit == 'x' ? 'y' : 'x';
    return other;
}

START_TEST(an_early_reply_is_not_refused_while_its_body_runs)
{
    const jpx_env env = jpx_env_system(JPX_ERROR);
    jp_error err;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
    kit k = {.ground = "memory x memory, forked", .prefix = "early", .arena = jpx_arena_new()};
    ck_assert_int_eq(jpx_registry_new(&k.registry, pipes, &err), JP_OK);
    ck_assert_int_eq(jpx_zygote_start(&kit_zygote, k.registry, &env, &err), JP_OK);
    jpx_local_options options = {.prefix = k.prefix, .level = JPX_ERROR, .zygote = kit_zygote};
    ck_assert_msg(jpx_local_open(&k.local, k.registry, &options, &err) == JP_OK, "%s", err.text);

    jpx_sub *dead = watch_letters(&k);
    const char *first = kit_start(&k, "asks", ""), *second = kit_start(&k, "promises", "");
    for (int i = 0; i < 400 && atomic_load(&shared->handed_out) < 2; i++)
        kit_pass(&k, 25);
    ck_assert_int_eq(atomic_load(&shared->handed_out), 2);
    reply(&k, shared->own, "1");
    reply(&k, shared->promised, "2");
    reply(&k, forged(&k, shared->own), "3");
    kit_pass(&k, BOUND_MS);
    ck_assert_str_eq(letters(&k, dead), "3\n");
    const char *asked = kit_ask(&k, "reply", jpx_format(k.arena, "{\"ticket\":\"%s\",\"value\":4}", shared->own));
    ck_assert_msg(strstr(asked, "\"unavailable\"") && strstr(asked, "not ended yet"), "%s", asked);
    asked = kit_ask(&k, "reply", jpx_format(k.arena, "{\"ticket\":\"%s\",\"value\":5}", forged(&k, shared->own)));
    ck_assert_msg(strstr(asked, "\"refused\"") != NULL, "%s", asked);
    atomic_store(&shared->go, true);
    kit_finish(&k, first);
    kit_finish(&k, second);
    kit_assert_json(kit_result(&k, first), "1");
    kit_assert_json(kit_result(&k, second), "2");

    jpx_local_close(k.local);
    jpx_zygote_stop(kit_zygote);
    jpx_registry_free(k.registry);
    jpx_arena_free(k.arena);
    munmap(shared, sizeof *shared);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("early");
    TCase *tcase = tcase_create("early");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, an_early_reply_is_not_refused_while_its_body_runs);
    suite_add_tcase(suite, tcase);
    return kit_main(suite);
}
