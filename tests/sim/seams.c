/* seams.c -- decorators of store and bus: see seams.h. */
#include "seams.h"
#include <stdlib.h>
#include <string.h>

static seam_verdict at(const seam *s, seam_call *call, bool over)
{
    call->over = over;
    return s->at(s->ctx, call);
}

static jp_status struck(jp_error *err)
{
    return jpx_fail(err, JP_E_UNAVAILABLE, "injected fault");
}

/* `whole` carries the operation out for all items, `part(from, n)` for some of them. */
#define CARRY_OUT(s, call, err, self_part, whole_part)                                                                 \
    do {                                                                                                               \
        seam_verdict verdict_ = at(s, &(call), false);                                                                 \
        if (verdict_ == SEAM_FAIL)                                                                                     \
            return struck(err);                                                                                        \
        if (verdict_ == SEAM_ONE_BY_ONE && (call).count > 1) {                                                         \
            for (size_t i = 0; i < (call).count; i++) {                                                                \
                jp_status status_ = self_part(i, 1);                                                                   \
                if (status_ != JP_OK)                                                                                  \
                    return status_;                                                                                    \
            }                                                                                                          \
            return JP_OK;                                                                                              \
        }                                                                                                              \
        if (verdict_ == SEAM_HALVE) {                                                                                  \
            size_t half_ = (call).count / 2;                                                                           \
            jp_status status_ = half_ ? whole_part(0, half_) : JP_OK;                                                  \
            return status_ == JP_OK ? struck(err) : status_;                                                           \
        }                                                                                                              \
        jp_status status_ = whole_part(0, (call).count);                                                               \
        if (status_ != JP_OK)                                                                                          \
            return status_;                                                                                            \
        return at(s, &(call), true) == SEAM_FAIL ? struck(err) : JP_OK;                                                \
    } while (0)

/* ---- the store ---- */

typedef struct seamed_store {
    jpx_store base;
    jpx_store *inner;
    const seam *seam;
} seamed_store;

static jpx_store *in(jpx_store *s)
{
    return ((seamed_store *)s)->inner;
}
static const seam *seam_of(jpx_store *s)
{
    return ((seamed_store *)s)->seam;
}

static jp_status s_clone(jpx_store **out, jpx_store *s, jp_error *err)
{
    jp_status status = jpx_store_clone(out, in(s), err);
    if (status == JP_OK)
        *out = seam_store(*out, seam_of(s));
    return status;
}

static void s_close(jpx_store *s)
{
    jpx_store_close(in(s));
    free(s);
}

static jp_status s_insert(jpx_store *s, jpx_table t, const jpx_record *r, size_t n, bool *dup, jp_error *err)
{
    seam_call call = {.op = SEAM_INSERT, .write = true, .count = n, .table = t, .records = r};
#define SELF(from, some)  s_insert(s, t, r + (from), some, dup ? dup + (from) : NULL, err)
#define INNER(from, some) jpx_store_insert(in(s), t, r + (from), some, dup ? dup + (from) : NULL, err)
    CARRY_OUT(seam_of(s), call, err, SELF, INNER);
#undef SELF
#undef INNER
}

static jp_status s_get(jpx_store *s, jpx_table t, const jpx_bytes *ids, size_t n, jpx_arena *a, jpx_record *out,
                       jp_error *err)
{
    seam_call call = {.op = SEAM_GET, .count = n, .table = t, .ids = ids};
#define SELF(from, some)  s_get(s, t, ids + (from), some, a, out + (from), err)
#define INNER(from, some) jpx_store_get(in(s), t, ids + (from), some, a, out + (from), err)
    CARRY_OUT(seam_of(s), call, err, SELF, INNER);
#undef SELF
#undef INNER
}

static jp_status s_remove(jpx_store *s, jpx_table t, const jpx_bytes *ids, size_t n, jp_error *err)
{
    seam_call call = {.op = SEAM_REMOVE, .write = true, .count = n, .table = t, .ids = ids};
#define SELF(from, some)  s_remove(s, t, ids + (from), some, err)
#define INNER(from, some) jpx_store_remove(in(s), t, ids + (from), some, err)
    CARRY_OUT(seam_of(s), call, err, SELF, INNER);
#undef SELF
#undef INNER
}

static jp_status s_count(jpx_store *s, jpx_count *c, size_t n, jp_error *err)
{
    seam_call call = {.op = SEAM_COUNT, .write = true, .count = n, .counts = c};
#define SELF(from, some)  s_count(s, c + (from), some, err)
#define INNER(from, some) jpx_store_count(in(s), c + (from), some, err)
    CARRY_OUT(seam_of(s), call, err, SELF, INNER);
#undef SELF
#undef INNER
}

static jp_status s_abort(jpx_store *s, const jpx_bytes *ids, size_t n, jp_error *err)
{
    seam_call call = {.op = SEAM_ABORT, .write = true, .count = n, .ids = ids};
#define SELF(from, some)  s_abort(s, ids + (from), some, err)
#define INNER(from, some) jpx_store_abort_barriers(in(s), ids + (from), some, err)
    CARRY_OUT(seam_of(s), call, err, SELF, INNER);
#undef SELF
#undef INNER
}

static jp_status s_roots(jpx_store *s, jpx_root_change *c, size_t n, jp_error *err)
{
    seam_call call = {.op = SEAM_ROOTS, .write = true, .count = n, .roots = c};
#define SELF(from, some)  s_roots(s, c + (from), some, err)
#define INNER(from, some) jpx_store_change_roots(in(s), c + (from), some, err)
    CARRY_OUT(seam_of(s), call, err, SELF, INNER);
#undef SELF
#undef INNER
}

/* The others have one item. */
#define WHOLE(call, carried_out)                                                                                       \
    do {                                                                                                               \
        if (at(seam_of(s), &(call), false) == SEAM_FAIL)                                                               \
            return struck(err);                                                                                        \
        jp_status status_ = (carried_out);                                                                             \
        if (status_ != JP_OK)                                                                                          \
            return status_;                                                                                            \
        return at(seam_of(s), &(call), true) == SEAM_FAIL ? struck(err) : JP_OK;                                       \
    } while (0)

static jp_status s_scan(jpx_store *s, jpx_table t, jpx_bytes lo, jpx_bytes hi, size_t limit, bool back, jpx_arena *a,
                        jpx_records *out, jp_error *err)
{
    seam_call call = {.op = SEAM_SCAN, .count = 1, .table = t};
    WHOLE(call, jpx_store_scan(in(s), t, lo, hi, limit, back, a, out, err));
}

static jp_status s_remove_range(jpx_store *s, jpx_table t, jpx_bytes lo, jpx_bytes hi, size_t limit, size_t *removed,
                                jp_error *err)
{
    seam_call call = {.op = SEAM_REMOVE_RANGE, .write = true, .count = 1, .table = t};
    WHOLE(call, jpx_store_remove_range(in(s), t, lo, hi, limit, removed, err));
}

static jp_status s_by_key(jpx_store *s, const char *key, jpx_arena *a, jpx_record *out, jp_error *err)
{
    seam_call call = {.op = SEAM_BY_KEY, .count = 1};
    WHOLE(call, jpx_store_root_by_key(in(s), key, a, out, err));
}

static jp_status s_list(jpx_store *s, const jpx_root_filter *f, jpx_arena *a, jpx_records *out, jp_error *err)
{
    seam_call call = {.op = SEAM_LIST, .count = 1};
    WHOLE(call, jpx_store_list_roots(in(s), f, a, out, err));
}

jpx_store *seam_store(jpx_store *inner, const seam *s)
{
    static const jpx_store_ops ops = {s_clone,        s_close, s_insert, s_get,   s_scan,   s_remove,
                                      s_remove_range, s_count, s_abort,  s_roots, s_by_key, s_list};
    seamed_store *store = calloc(1, sizeof *store);
    JPX_ASSERT(store != NULL);
    *store = (seamed_store){{&ops, inner->env}, inner, s};
    return &store->base;
}

/* ---- subscriptions ---- */

typedef struct seamed_sub {
    jpx_sub base;
    jpx_sub *inner;
    const seam *seam;
} seamed_sub;

static void u_close(jpx_sub *sub)
{
    jpx_sub_close(((seamed_sub *)sub)->inner);
    free(sub);
}

static size_t u_fetch(jpx_sub *sub, jpx_delivery **out, size_t max, int64_t wait_ms)
{
    seamed_sub *u = (seamed_sub *)sub;
    seam_call call = {.op = SEAM_FETCH};

    if (at(u->seam, &call, false) == SEAM_FAIL)
        return 0;
    call.count = jpx_sub_fetch(u->inner, out, max, wait_ms);
    call.deliveries = out;
    if (call.count)
        at(u->seam, &call, true);
    return call.count;
}

static int u_fd(jpx_sub *sub)
{
    (void)sub; /* nothing here waits */
    return -1;
}

static void u_ack(jpx_sub *sub, jpx_delivery **deliveries, size_t count)
{
    seamed_sub *u = (seamed_sub *)sub;
    seam_call call = {.op = SEAM_ACK, .count = count, .deliveries = deliveries};

    if (at(u->seam, &call, false) == SEAM_FAIL)
        jpx_sub_drop(u->inner, deliveries, count);
    else
        jpx_sub_ack(u->inner, deliveries, count);
}

static void u_nak(jpx_sub *sub, jpx_delivery *delivery, int64_t delay_ms)
{
    seamed_sub *u = (seamed_sub *)sub;
    seam_call call = {.op = SEAM_NAK, .count = 1, .deliveries = &delivery};

    if (at(u->seam, &call, false) == SEAM_FAIL)
        jpx_sub_drop(u->inner, &delivery, 1);
    else
        jpx_sub_nak(u->inner, delivery, delay_ms);
}

static void u_heartbeat(jpx_sub *sub, jpx_delivery **deliveries, size_t count)
{
    jpx_sub_heartbeat(((seamed_sub *)sub)->inner, deliveries, count);
}

static void u_drop(jpx_sub *sub, jpx_delivery **deliveries, size_t count)
{
    jpx_sub_drop(((seamed_sub *)sub)->inner, deliveries, count);
}

static void u_limit(jpx_sub *sub, size_t credits)
{
    jpx_sub_limit(((seamed_sub *)sub)->inner, credits);
}

static void u_give_back(jpx_sub *sub, int64_t waited_ms, uint32_t most)
{
    jpx_sub_give_back(((seamed_sub *)sub)->inner, waited_ms, most);
}

static jpx_sub *wrap_sub(jpx_sub *inner, const seam *s)
{
    static const jpx_sub_ops ops = {u_close, u_fetch, u_fd, u_ack, u_nak, u_heartbeat, u_drop, u_limit, u_give_back};
    seamed_sub *sub = calloc(1, sizeof *sub);
    JPX_ASSERT(sub != NULL);
    *sub = (seamed_sub){{&ops}, inner, s};
    return &sub->base;
}

/* ---- the bus ---- */

typedef struct seamed_bus {
    jpx_bus base;
    jpx_bus *inner;
    const seam *seam;
    bool owns;
} seamed_bus;

jpx_bus *seam_bus_inner(jpx_bus *b)
{
    return ((seamed_bus *)b)->inner;
}

static void b_close(jpx_bus *b)
{
    if (((seamed_bus *)b)->owns)
        jpx_bus_close(seam_bus_inner(b));
    free(b);
}

static jp_status b_setup(jpx_bus *b, const char *const *queues, size_t n, jp_error *err)
{
    return jpx_bus_setup(seam_bus_inner(b), queues, n, err);
}

static jp_status b_publish(jpx_bus *b, const jpx_message *m, size_t n, int64_t timeout_ms, jp_error *err)
{
    seam_call call = {.op = SEAM_PUBLISH, .write = true, .count = n, .messages = m};
#define SELF(from, some)  b_publish(b, m + (from), some, timeout_ms, err)
#define INNER(from, some) jpx_bus_publish(seam_bus_inner(b), m + (from), some, timeout_ms, err)
    CARRY_OUT(((seamed_bus *)b)->seam, call, err, SELF, INNER);
#undef SELF
#undef INNER
}

static void b_tell(jpx_bus *b, const jpx_message *m, size_t n)
{
    jpx_bus_tell(seam_bus_inner(b), m, n);
}

static jp_status b_subscribe(jpx_sub **out, jpx_bus *b, jpx_stream stream, const char *queue, size_t credits,
                             jp_error *err)
{
    jp_status status = jpx_bus_subscribe(out, seam_bus_inner(b), stream, queue, credits, err);
    if (status == JP_OK)
        *out = wrap_sub(*out, ((seamed_bus *)b)->seam);
    return status;
}

static jp_status b_listen(jpx_sub **out, jpx_bus *b, const char *subject, const char *group, jp_error *err)
{
    return jpx_bus_listen(out, seam_bus_inner(b), subject, group, err);
}

static void b_answer(jpx_bus *b, const char *to, jpx_bytes data, const char *code, const char *message)
{
    jpx_bus_answer(seam_bus_inner(b), to, data, code, message);
}

static jp_status b_request(jpx_bus *b, const char *subject, jpx_bytes data, int64_t ms, jpx_arena *a, jpx_bytes *reply,
                           jp_error *err)
{
    return jpx_bus_request(seam_bus_inner(b), subject, data, ms, a, reply, err);
}

static const char *b_inbox(jpx_bus *b, jpx_arena *a)
{
    return jpx_bus_inbox(seam_bus_inner(b), a);
}

static uint64_t b_loss_count(jpx_bus *b)
{
    return jpx_bus_loss_count(seam_bus_inner(b));
}

static bool b_connected(jpx_bus *b)
{
    return jpx_bus_connected(seam_bus_inner(b));
}

/* Streams that were created before the first loss, as a broker's were. */
static int64_t b_stream_created(jpx_bus *b)
{
    return jpx_bus_stream_created_ns(seam_bus_inner(b)) + 1;
}

static int64_t b_backlog(jpx_bus *b, jpx_stream stream)
{
    return jpx_bus_backlog(seam_bus_inner(b), stream);
}

static int64_t b_oldest(jpx_bus *b, const char *queue)
{
    return jpx_bus_oldest_ms(seam_bus_inner(b), queue);
}

static size_t b_message_max(jpx_bus *b)
{
    return jpx_bus_message_max(seam_bus_inner(b));
}

jpx_bus *seam_bus(jpx_bus *inner, const seam *s, bool owns)
{
    static const jpx_bus_ops ops = {b_close,          b_setup,     b_publish, b_tell,   b_subscribe,
                                    b_listen,         b_answer,    b_request, b_inbox,  b_loss_count,
                                    b_stream_created, b_connected, b_backlog, b_oldest, b_message_max};
    seamed_bus *bus = calloc(1, sizeof *bus);
    JPX_ASSERT(bus != NULL);
    bus->base = *inner;
    bus->base.ops = &ops;
    bus->inner = inner;
    bus->seam = s;
    bus->owns = owns;
    return &bus->base;
}
