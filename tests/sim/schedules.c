/* schedules.c -- the engine that ships, under seeded schedules: several roles of each kind on one store and one bus,
 * stepped in any order and in the middle of one another's handlers, with operations that are cut, processes that die,
 * messages that are delivered twice, in disorder or never, time that jumps, and an outside that answers too early,
 * twice or wrong. In the end the oracle (check.c) reads every record.
 *
 *     sim_schedules            the seeds that are always run, then fresh ones, for 20 s in all
 *     sim_schedules --long     fresh ones until it is stopped
 *     sim_schedules SEED       one schedule, printed operation by operation; or SEED=n in the environment
 *     sim_schedules FROM TO    a range
 *
 * The same seed is the same schedule. A failure names its seed. */
#include "sim.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ALWAYS = 1500,
    SECONDS = 20,
    TURNS_MAX = 1500,
    CALM_ROUNDS = 900,
    CALM_MS = 200,
    LEFTOVERS_MS = 400 * 1000,
    SKEW_MS = 900,
    LOOK_NS = 700 * 1000, /* a turn of bodies is a millisecond */
    CLEANED_MS = 40 * 1000
};

/* ---- dice ---- */

uint32_t sim_roll(sim *s, uint32_t below)
{
    s->dice = plan_mix(s->dice, 5);
    return (uint32_t)(s->dice >> 33) % below;
}

bool sim_chance(sim *s, uint32_t in_10000)
{
    return in_10000 && sim_roll(s, 10000) < in_10000;
}

int sim_root_of(sim *s, const uint8_t *key)
{
    for (size_t i = 0; i < s->roots_count; i++) {
        jpx_root *root = world_root(s->w, s->keys[i]);
        if (root && memcmp(root->id.b, key, JPX_ROOT_SIZE) == 0)
            return (int)i;
    }
    return -1;
}

bool sim_is_removed(const sim *s, const uint8_t *key)
{
    for (size_t i = 0; i < s->removed_count; i++)
        if (memcmp(s->removed[i].b, key, JPX_ROOT_SIZE) == 0)
            return true;
    return false;
}

/* ---- what happens to an operation ---- */

/* Records when an abort flag is raised, and which run events are taken after that. */
static void watch(sim *s, actor *a, const seam_call *call)
{
    for (size_t i = 0; call->op == SEAM_ROOTS && call->over && i < call->count; i++) {
        int root =
            call->roots[i].op == JPX_ROOT_ABORT && call->roots[i].changed ? sim_root_of(s, call->roots[i].id.data) : -1;
        if (root < 0)
            continue;
        s->flag_tick[root] = s->w->tick;
        for (size_t n = 0; n < ACTORS_MAX; n++)
            s->flag_seen[n][root] = false;
    }
    for (size_t i = 0; call->op == SEAM_INSERT && call->table == JPX_TABLE_ROOT && call->over && i < call->count; i++) {
        int root = sim_root_of(s, call->records[i].id.data);
        if (root >= 0 && s->removed_count)
            s->flag_tick[root] = 0; /* another life of the key */
    }
    for (size_t i = 0; call->op == SEAM_REMOVE && call->table == JPX_TABLE_ROOT && call->over && i < s->removed_count;
         i++)
        if (memcmp(s->removed[i].b, call->ids[0].data, JPX_ROOT_SIZE) == 0)
            s->gone[i] = true;
    if (a->kind == JPX_ROLE_WORKER && call->op == SEAM_INSERT && call->table == JPX_TABLE_ENTRY && !call->over)
        sim_check_adoption(s, a, call);
    bool flagged = false, looks = call->op == SEAM_GET && call->table == JPX_TABLE_ROOT && call->over;
    for (size_t i = 0; i < s->roots_count; i++)
        flagged |= s->flag_tick[i] != 0;
    for (size_t i = 0; flagged && looks && i < call->count;
         i++) { /* each root for itself: a read may be carried out in parts */
        int root = sim_root_of(s, call->ids[i].data);
        if (root >= 0)
            s->flag_seen[a->number][root] = s->flag_tick[root] != 0;
    }
    if (!flagged || a->kind != JPX_ROLE_WORKER || (call->op != SEAM_FETCH && call->op != SEAM_NAK))
        return;
    for (size_t i = 0; i < call->count && call->deliveries; i++) {
        jpx_run_event event;
        if (jpx_run_event_decode(call->deliveries[i]->data, &event) != JPX_DECODED || event.finish)
            continue;
        int root = sim_root_of(s, event.key.b);
        if (root < 0 || !s->flag_tick[root])
            continue;
        sim_late late = {a, event.key};
        if (call->op == SEAM_FETCH)
            JPX_PUSH(s->w->arena, s->late, s->late_count, s->late_cap) = late;
        for (size_t l = s->late_count; call->op == SEAM_NAK && l-- > 0;)
            if (s->late[l].who == a && jpx_key_equal(&s->late[l].key, &event.key)) {
                s->late[l] = s->late[--s->late_count]; /* the same job is held here already */
                break;
            }
    }
}

static void nest(sim *s)
{
    if (s->w->depth <= s->limits.depth && sim_chance(s, s->limits.nest))
        sim_turn(s);
}

static seam_verdict decide(world *w, actor *a, const seam_call *call)
{
    sim *s = w->ctx;
    bool ack = call->op == SEAM_ACK || call->op == SEAM_NAK;

    watch(s, a, call);
    if (call->op == SEAM_LIST && a->kind == JPX_ROLE_BARRIER && !s->walks && !s->lost && !s->over)
        return SEAM_FAIL; /* without a loss nothing may depend on reconcile */
    if (!s->wild)
        return SEAM_GO_ON;
    nest(s);
    if (a->dead)
        return SEAM_FAIL;
    if (s->limits.kills > 0 && sim_chance(s, s->limits.kill)) {
        s->limits.kills--;
        world_kill(a);
        return SEAM_FAIL;
    }
    if (ack) {
        if (call->op == SEAM_ACK && s->limits.acks_lost > 0 && sim_chance(s, s->limits.ack_lost)) {
            s->limits.acks_lost--;
            return SEAM_FAIL;
        }
        return SEAM_GO_ON;
    }
    if (call->op == SEAM_FETCH) {
        for (size_t i = 0; i < call->count && call->deliveries; i++)
            if (sim_chance(s, s->limits.forget))
                call->deliveries[i]->deliveries = 1; /* the broker has forgotten */
        return SEAM_GO_ON;
    }
    if (s->limits.cuts > 0 && sim_chance(s, s->limits.cut)) {
        s->limits.cuts--;
        world_say(w, "cut %s", seam_text(w, call));
        return !call->over && call->count > 1 && sim_roll(s, 2) ? SEAM_HALVE : SEAM_FAIL;
    }
    return !call->over && call->count > 1 && sim_chance(s, s->limits.split) ? SEAM_ONE_BY_ONE : SEAM_GO_ON;
}

/* ---- what else happens ---- */

static bool waits_for_removal(const sim *s, const uint8_t *key)
{
    for (size_t i = 0; i < s->removed_count; i++)
        if (memcmp(s->removed[i].b, key, JPX_ROOT_SIZE) == 0)
            return !s->gone[i];
    return false;
}

static bool over(sim *s, size_t root)
{
    jpx_root *found = world_root(s->w, s->keys[root]);
    return found && jpx_root_final(found) && !waits_for_removal(s, found->id.b);
}

static bool all_over(sim *s)
{
    for (size_t i = 0; i < s->roots_count; i++)
        if (!over(s, i))
            return false;
    return true;
}

static void answer(sim *s, const sim_ticket *ticket, bool right)
{
    char text[JPX_TICKET_TEXT];

    memcpy(text, ticket->text, sizeof text);
    if (!right) {
        size_t at = 40 + sim_roll(s, 18); /* within the token */
        text[at] = text[at] == 'A' ? 'B' : 'A';
    }
    world_publish(s->w, jpx_format(s->w->arena, "reply.%s", text),
                  jpx_format(s->w->arena, "%lld", (long long)plan_reply(s->seed, &ticket->key, ticket->step)), NULL);
}

static void lose(sim *s)
{
    bool written = s->removed_count == 0;

    for (size_t i = 0; i < s->roots_count; i++)
        written &= world_root(s->w, s->keys[i]) != NULL;
    s->limits.loss_count--;
    s->lost = true;
    world_say(s->w, "streams are lost");
    uint32_t which = 1 + sim_roll(s, 7);
    if (which & 1)
        jpx_memory_bus_lose(s->w->bus, JPX_STREAM_RUN);
    if (which & 2)
        jpx_memory_bus_lose(s->w->bus, JPX_STREAM_SLOT);
    if ((which & 4) && written) /* a trigger lives in the stream alone until its root is written */
        jpx_memory_bus_lose(s->w->bus, JPX_STREAM_START);
}

static void start_root(sim *s, size_t root)
{
    world_start(s->w, plan_pipes[s->pipes[root]]->name,
                jpx_format(s->w->arena, "[%lld,%lld,[]]", (long long)s->paths[root], (long long)s->depths[root]),
                s->keys[root]);
}

/* A final root is read, removed, and its key used again; these may be handled in any order. */
static void clean_up(sim *s, size_t root)
{
    jpx_root *old = world_root(s->w, s->keys[root]);
    char text[JPX_ROOT_TEXT];

    if (!old || !jpx_root_final(old) || s->removed_count == SIM_REMOVED_MAX || sim_is_removed(s, old->id.b))
        return;
    sim_check_root(s, root);
    world_say(s->w, "root %zu is cleaned up", root);
    s->removed[s->removed_count++] = old->id;
    s->flag_tick[root] = 0;
    world_publish(s->w, "control.cleanup", jpx_format(s->w->arena, "{\"root\":\"%s\"}", jpx_root_text(text, &old->id)),
                  NULL);
    start_root(s, root);
}

static void outside(sim *s)
{
    size_t root = sim_roll(s, (uint32_t)s->roots_count);
    uint32_t what = sim_roll(s, 100);

    if (what < 80) {
        if (s->tickets_count)
            answer(s, &s->tickets[sim_roll(s, (uint32_t)s->tickets_count)], sim_roll(s, 5) > 0);
    } else if (what < 90) {
        if (s->abort_asked[root])
            world_publish(s->w, "control.abort",
                          jpx_format(s->w->arena, "{\"root\":\"%s\",\"reason\":\"by chance\"}", s->keys[root]), NULL);
    } else if (what < 93) {
        start_root(s, root); /* its key is taken, or it is a race */
    } else if (what < 95) {
        clean_up(s, root);
    } else if (s->limits.loss_count > 0 && sim_chance(s, s->limits.lose)) {
        lose(s);
    }
}

static void pass(sim *s)
{
    uint32_t how = sim_roll(s, 20);

    if (how < 12)
        s->w->now_ms += 1 + (int64_t)sim_roll(s, 60);
    else if (how < 18)
        s->w->now_ms += 1 + (int64_t)sim_roll(s, 1500);
    else
        s->w->now_ms += 1 + (int64_t)sim_roll(s, 36000); /* beyond the ack deadline */
}

void sim_turn(sim *s)
{
    uint32_t what = sim_roll(s, 100);
    actor *a = &s->w->actors[sim_roll(s, (uint32_t)s->w->actors_count)];

    s->turns++;
    if (what < 86) {
        world_step(s->w, a);
    } else if (what < 94) {
        pass(s);
    } else if (what < 99) {
        outside(s);
    } else if (s->limits.kills > 0 && sim_chance(s, s->limits.kill * 20) && !a->dead) {
        s->limits.kills--;
        world_kill(a);
    }
}

void sim_turn_inside(sim *s)
{
    if (!s->wild || !sim_chance(s, s->limits.body_nest))
        return;
    s->w->depth++;
    if (s->w->depth <= s->limits.depth)
        sim_turn(s);
    s->w->depth--;
}

/* ---- one schedule ---- */

static void choose(sim *s)
{
    uint32_t mood = sim_roll(s, 8);
    sim_limits *l = &s->limits;

    *l = (sim_limits){.depth = 1 + (int)sim_roll(s, 4)};
    l->nest = 200 + sim_roll(s, 1500);
    l->body_nest = sim_roll(s, 6000);
    l->hook_fails = sim_roll(s, 2) ? 2500 : 0;
    l->hooks_failed = 5; /* one that fails each time is given up in the end */
    l->split = sim_roll(s, 2) ? 3000 : 0;
    s->walks = sim_roll(s, 4) == 0;
    if (mood == 0) /* only disorder */
        return;
    if (mood & 1) {
        l->kill = 20 + sim_roll(s, 150);
        l->kills = 1 + (int)sim_roll(s, 8);
    }
    if (mood & 2) {
        l->cut = 20 + sim_roll(s, 250);
        l->cuts = 1 + (int)sim_roll(s, 15);
    }
    l->ack_lost = sim_roll(s, 1500);
    l->acks_lost = 12;
    l->forget = sim_roll(s, 2) ? 5000 : 0;
    if ((mood & 4) && sim_roll(s, 2)) {
        l->lose = 8000;
        l->loss_count = 1 + (int)sim_roll(s, 2);
    }
    for (size_t i = 0; i < s->roots_count; i++)
        s->abort_asked[i] = sim_roll(s, 3) == 0;
}

static void start_roots(sim *s)
{
    s->roots_count = 1 + (sim_roll(s, 3) == 0);
    for (size_t i = 0; i < s->roots_count; i++) {
        s->keys[i] = jpx_format(s->w->arena, "root-%zu", i);
        s->pipes[i] = (plan_pipe)sim_roll(s, PLAN_PIPES);
        s->paths[i] = (int64_t)i + 1;
        s->depths[i] = 1 + (int64_t)sim_roll(s, 3);
    }
    for (size_t i = 0; i < s->roots_count; i++)
        start_root(s, i);
}

/* All faults are off: it ends by itself, with an outside that answers. */
static void calm_down(sim *s)
{
    s->wild = false;
    jpx_memory_bus_disorder(s->w->bus, (jpx_memory_disorder){0});
    world_say(s->w, "---- calm ----");
    if (s->removed_count)
        world_pass(s->w, CLEANED_MS); /* a trigger may have met the root that was to be removed */
    for (size_t i = 0; i < s->roots_count && s->removed_count; i++)
        if (!world_root(s->w, s->keys[i]))
            start_root(s, i);
    for (int round = 0; round < CALM_ROUNDS && !all_over(s); round++) {
        for (size_t i = 0; round % 5 == 0 && i < s->tickets_count; i++)
            answer(s, &s->tickets[i], true);
        world_pass(s->w, CALM_MS);
    }
    if (!all_over(s)) {
        jpx_arena *arena = jpx_arena_new();
        jpx_session session = world_session(s->w);
        jp_error err;
        for (size_t i = 0; i < s->roots_count; i++) {
            jpx_root *root = world_root(s->w, s->keys[i]);
            bson_t why = BSON_INITIALIZER;
            if (root && !jpx_root_final(root) && jpx_view_tree(&session, root, 1000, &why, &err) == JP_OK)
                fprintf(stderr, "%s\n", bson_as_relaxed_extended_json(&why, NULL));
            bson_destroy(&why);
        }
        jpx_arena_free(arena);
        world_failed(s->w, "it does not come to its end, %d s after the last fault", CALM_ROUNDS * CALM_MS / 1000);
    }
    s->over = true;
    world_pass(s->w, LEFTOVERS_MS);
}

static uint64_t run_seed(uint64_t seed, bool verbose)
{
    char name[64];
    sim s = {.seed = seed, .dice = plan_mix(seed, 1), .wild = true};
    world_options options = {.pipes = plan_pipes, .apis = 2, .barriers = 2, .seed = seed, .verbose = verbose};

    snprintf(name, sizeof name, "SEED=%llu", (unsigned long long)seed);
    options.name = name;
    options.workers = 2 + sim_roll(&s, 2);
    s.w = world_open(&options);
    s.w->ctx = &s;
    s.w->at = decide;
    s.w->look_ns = sim_roll(&s, 2) ? 0 : (int64_t)sim_roll(&s, LOOK_NS);
    for (size_t i = 0; i < s.w->actors_count; i++) /* clocks differ */
        s.w->actors[i].skew_ms = sim_roll(&s, 2) ? 0 : (int64_t)sim_roll(&s, SKEW_MS);
    start_roots(&s);
    choose(&s);
    jpx_memory_bus_disorder(
        s.w->bus, (jpx_memory_disorder){.shuffle = sim_roll(&s, 4) > 0, .duplicate_percent = sim_roll(&s, 3) ? 0 : 6});
    uint64_t more = sim_roll(&s, 2) ? 0 : sim_roll(&s, 300); /* turns after the end */
    while (s.turns < TURNS_MAX && (!all_over(&s) || more-- > 0))
        sim_turn(&s);
    calm_down(&s);
    sim_check_end(&s);
    uint64_t ticks = s.w->tick;
    world_close(s.w);
    return ticks;
}

/* ---- main ---- */

static uint64_t at_work;

static void died(int signal_number)
{
    char text[96];
    int size = snprintf(text, sizeof text, "SEED=%llu: signal %d\n", (unsigned long long)at_work, signal_number);
    if (write(2, text, (size_t)size) < 0)
        _exit(3);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    const char *only = argc == 2 && strcmp(argv[1], "--long") != 0 ? argv[1] : argc < 2 ? getenv("SEED") : NULL;
    uint64_t from = argc == 3 ? strtoull(argv[1], NULL, 10) : 0, to = argc == 3 ? strtoull(argv[2], NULL, 10) : ALWAYS;
    double begin = seconds(), limit = argc == 1 ? SECONDS : 1e12;
    uint64_t runs = 0, ticks = 0;

    signal(SIGABRT, died);
    signal(SIGSEGV, died);
    if (only) {
        at_work = strtoull(only, NULL, 10);
        printf("SEED=%s: %llu operations\n", only, (unsigned long long)run_seed(at_work, true));
        return EXIT_SUCCESS;
    }
    for (at_work = from; at_work < to && seconds() - begin < limit; at_work++, runs++)
        ticks += run_seed(at_work, false);
    if (argc < 3) {
        at_work = (uint64_t)time(NULL) * 1000000;
        printf("fresh seeds from %llu on\n", (unsigned long long)at_work);
        fflush(stdout);
        for (; seconds() - begin < limit; at_work++, runs++)
            ticks += run_seed(at_work, false);
    }
    printf("%llu schedules, %llu operations, %.0f schedules/s\n", (unsigned long long)runs, (unsigned long long)ticks,
           (double)runs / (seconds() - begin));
    return EXIT_SUCCESS;
}
