/* bus.h -- the bus: the wake-up. One interface, two implementations (memory.c, jetstream.c), one
 * contract suite (tests/contract/).
 *
 * Promises of every implementation:
 *  - publish() returns JP_OK when the broker has stored every message. Messages are delivered at least
 *    once, in any order, until acked; one that is not acked within the ack deadline (30 s; beat()
 *    extends it), or was held by a process that died, is delivered again with a higher `deliveries`.
 *  - `id` is a hint for deduplication (Nats-Msg-Id) and may be forgotten at any time.
 *  - A bus handle may be used from any thread; one subscription belongs to one thread.
 *  - A broker that goes away is waited for: publish() fails with JP_E_UNAVAILABLE within its time limit,
 *    fetch() returns nothing, and both work again when it is back. */
#ifndef JPX_BUS_H
#define JPX_BUS_H

#include "base/base.h"

/* Streams, their subjects (after "<prefix>.") and retention. DESIGN 5. */
typedef enum jpx_stream {
    JPX_STREAM_START, /* start.<Pipe>, reply.<ticket>, control.<verb>: work queue, one durable "api"           */
    JPX_STREAM_SLOT,  /* slot.<partition>: work queue, one durable "barrier"                                    */
    JPX_STREAM_RUN,   /* run.<queue>.<Pipe>: work queue, one durable per queue, named after it                    */
    JPX_STREAM_EVENT, /* event.<root>.<Pipe>.<what>: history, limits, 24 h                                        */
    JPX_STREAM_DEAD   /* dead.<kind>: what could not be processed, limits, 30 days                                */
} jpx_stream;

typedef struct jpx_message {
    const char *subject; /* in full */
    jpx_bytes data;
    const char *id;       /* Nats-Msg-Id; NULL = none */
    const char *key;      /* Jetpipe-Key; NULL = none */
    const char *reply_to; /* Jetpipe-Reply: where the handler answers; NULL = none */
    const char *reason;   /* Jetpipe-Reason (dead letters); NULL = none */
} jpx_message;

typedef struct jpx_delivery {
    const char *subject;
    jpx_bytes data;       /* not NUL-terminated */
    const char *id;       /* header Nats-Msg-Id or NULL */
    const char *key;      /* header Jetpipe-Key or NULL */
    const char *reply_to; /* header Jetpipe-Reply; for api requests and core messages the reply subject; or NULL */
    uint32_t deliveries;  /* 1 = the first */
    uint64_t sequence;    /* in the stream; 0 for core messages */
    int64_t published_ns; /* since 1970; with the sequence it tells a message from all others */
    void *impl;
} jpx_delivery;

/* The ack deadline of durables that are made from now on: 30 s, or JETPIPE_ACK_WAIT_MS (tests); 0: that is no such
 * number. */
int64_t jpx_ack_wait_ms(void);

typedef struct jpx_bus jpx_bus;
typedef struct jpx_sub jpx_sub;

/* `url`: "nats://..." (or a list with commas), or "memory:". `name` names the connection for operators,
 * "<prefix>/worker/<host>/<pid>". Waits for the first connection for at most wait_ms (0: one try). */
jp_status jpx_bus_open(jpx_bus **out, const char *url, const char *prefix, const char *name, int64_t wait_ms,
                       const jpx_env *env, jp_error *err);
void jpx_bus_close(jpx_bus *); /* flushes; NULL is fine */
const char *jpx_bus_prefix(const jpx_bus *);

/* Creates the streams and durables that are missing (also again after they were deleted), for these queues.
 * Existing ones are left as they are, but wrong retention or subjects are an error that names the mend. */
jp_status jpx_bus_setup(jpx_bus *, const char *const *queues, size_t count, jp_error *err);

/* Durable publish of all; waits once. */
jp_status jpx_bus_publish(jpx_bus *, const jpx_message *, size_t count, int64_t timeout_ms, jp_error *err);
/* Best effort, does not wait: history. */
void jpx_bus_tell(jpx_bus *, const jpx_message *, size_t count);

/* A durable's messages: START ("api"), SLOT ("barrier") or RUN (`queue`). At most `credits` are held un-acked here. */
jp_status jpx_bus_subscribe(jpx_sub **out, jpx_bus *, jpx_stream, const char *queue, size_t credits, jp_error *err);
/* Plain subscription, not durable: `subject` in full, wildcards allowed; group NULL or a queue group (api endpoints).
 */
jp_status jpx_bus_listen(jpx_sub **out, jpx_bus *, const char *subject, const char *group, jp_error *err);
void jpx_sub_close(jpx_sub *); /* what it holds un-acked is given back at once; NULL is fine */

/* Up to `max` deliveries, waiting at most wait_ms for the first one. They stay valid until acked, nakked or dropped. */
size_t jpx_sub_fetch(jpx_sub *, jpx_delivery **out, size_t max, int64_t wait_ms);
/* Readable (poll) while fetch() would return something; -1 where there is none. */
int jpx_sub_fd(jpx_sub *);

/* These free the deliveries (beat does not). Asynchronous: an ack may be lost, then the message comes again. */
void jpx_sub_ack(jpx_sub *, jpx_delivery **, size_t count);
void jpx_sub_nak(jpx_sub *, jpx_delivery *, int64_t delay_ms);
/* From now on at most `credits` are held un-acked here: work that cannot be begun soon is left to others. What is here
 * already stays; with no more credits than that, nothing is asked for. */
void jpx_sub_limit(jpx_sub *, size_t credits);
/* Gives back what came so long ago and was not fetched, but for what was delivered more than `most` times; each time
 * for longer (jpx_give_back_ms). With credits for it, or by what was asked for before the limit, it may come here
 * again. */
void jpx_sub_give_back(jpx_sub *, int64_t waited_ms, uint32_t most);
/* So long it stays away: not at all the first time, then 2 s longer each time. */
int64_t jpx_give_back_ms(const jpx_delivery *);
void jpx_sub_heartbeat(jpx_sub *, jpx_delivery **, size_t count); /* work goes on: extends the ack deadline */
void jpx_sub_drop(jpx_sub *, jpx_delivery **,
                  size_t count); /* forget without a word (core messages; simulated death) */

/* Answer to `reply_to`. code NULL = a result; otherwise an error with headers Nats-Service-Error(-Code). */
void jpx_bus_answer(jpx_bus *, const char *reply_to, jpx_bytes data, const char *code, const char *message);
/* Request/reply. JP_E_UNAVAILABLE: nobody listens or no connection; JP_E_TIMEOUT. *reply is in `arena`. */
jp_status jpx_bus_request(jpx_bus *, const char *subject, jpx_bytes data, int64_t timeout_ms, jpx_arena *arena,
                          jpx_bytes *reply, jp_error *err);
/* Bytes of the largest message, headers included, that passes here now. */
size_t jpx_bus_message_max(jpx_bus *);
/* A unique subject for answers, in `arena`. */
const char *jpx_bus_inbox(jpx_bus *, jpx_arena *arena);

/* Rises by one whenever there is evidence that messages may have been lost: a stream or durable was missing or is
 * younger than known, its last sequence went back, the server restarted without it. Who asks is told within some ten
 * seconds, also of streams that he does not use. DESIGN 4, "Lost messages". */
uint64_t jpx_bus_loss_count(jpx_bus *);
/* When the youngest of the work streams was created, in ns since 1970: another one than before is evidence, too, for
 * who was not here when it was lost. 0 = not known. May wait for a setup that is under way. */
int64_t jpx_bus_stream_created_ns(jpx_bus *);
bool jpx_bus_connected(jpx_bus *);
/* Number of messages waiting in a stream, for idle detection and status; -1 when unknown. */
int64_t jpx_bus_backlog(jpx_bus *, jpx_stream);
/* When the oldest message of RUN that is not acked was published for `queue`, in ms since 1970 of the broker's clock:
 * INT64_MAX = there is none; 0 = unknown (broker away). What was published before that is not in the queue any more. */
int64_t jpx_bus_oldest_ms(jpx_bus *, const char *queue);

/* ---- for implementations ---- */
typedef struct jpx_bus_ops {
    void (*close)(jpx_bus *);
    jp_status (*setup)(jpx_bus *, const char *const *, size_t, jp_error *);
    jp_status (*publish)(jpx_bus *, const jpx_message *, size_t, int64_t, jp_error *);
    void (*tell)(jpx_bus *, const jpx_message *, size_t);
    jp_status (*subscribe)(jpx_sub **, jpx_bus *, jpx_stream, const char *, size_t, jp_error *);
    jp_status (*listen)(jpx_sub **, jpx_bus *, const char *, const char *, jp_error *);
    void (*answer)(jpx_bus *, const char *, jpx_bytes, const char *, const char *);
    jp_status (*request)(jpx_bus *, const char *, jpx_bytes, int64_t, jpx_arena *, jpx_bytes *, jp_error *);
    const char *(*inbox)(jpx_bus *, jpx_arena *);
    uint64_t (*loss_count)(jpx_bus *);
    int64_t (*stream_created_ns)(jpx_bus *);
    bool (*connected)(jpx_bus *);
    int64_t (*backlog)(jpx_bus *, jpx_stream);
    int64_t (*oldest_ms)(jpx_bus *, const char *);
    size_t (*message_max)(jpx_bus *); /* NULL: no bound */
} jpx_bus_ops;

typedef struct jpx_sub_ops {
    void (*close)(jpx_sub *);
    size_t (*fetch)(jpx_sub *, jpx_delivery **, size_t, int64_t);
    int (*fd)(jpx_sub *);
    void (*ack)(jpx_sub *, jpx_delivery **, size_t);
    void (*nak)(jpx_sub *, jpx_delivery *, int64_t);
    void (*heartbeat)(jpx_sub *, jpx_delivery **, size_t);
    void (*drop)(jpx_sub *, jpx_delivery **, size_t);
    void (*limit)(jpx_sub *, size_t);
    void (*give_back)(jpx_sub *, int64_t, uint32_t); /* NULL: nothing comes before it is fetched */
} jpx_sub_ops;

struct jpx_bus {
    const jpx_bus_ops *ops;
    const jpx_env *env;
    char prefix[JPX_NAME_MAX + 1];
};
struct jpx_sub {
    const jpx_sub_ops *ops;
};

jp_status jpx_bus_open_memory(jpx_bus **, const char *prefix, const jpx_env *, jp_error *);
jp_status jpx_bus_open_jetstream(jpx_bus **, const char *url, const char *prefix, const char *name, int64_t wait_ms,
                                 const jpx_env *, jp_error *);

#endif
